/* SPDX-License-Identifier: Apache-2.0 */
#include "house/parts.h"

/* Prometheus text exposition 0.0.4. */
static void one(struct buf *out, const char *name, const char *type, const char *help, uint64_t v)
{
	buf_addf(out, "# HELP hinomi_%s %s\n# TYPE hinomi_%s %s\nhinomi_%s %llu\n", name, help, name, type, name, (unsigned long long)v);
}

static void label(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(out, '\\');
		if (*s == '\n')
			buf_add_cstr(out, "\\n");
		else
			buf_addc(out, *s);
	}
}

static void per_source(struct house *h, struct buf *out)
{
	static const char *const NAMES[] = {"received", "stored", "refused"};
	pthread_mutex_lock(&h->count_lock);
	for (size_t i = 0; i < LEN(NAMES); i++) {
		buf_addf(out, "# HELP hinomi_events_%s_total events %s, by source\n# TYPE hinomi_events_%s_total counter\n", NAMES[i], NAMES[i], NAMES[i]);
		vec_each(s, &h->sources) {
			buf_addf(out, "hinomi_events_%s_total{source=\"", NAMES[i]);
			label(out, s->name);
			buf_addf(out, "\"} %llu\n", (unsigned long long)(i == 0 ? s->received : i == 1 ? s->stored : s->refused));
		}
	}
	pthread_mutex_unlock(&h->count_lock);
}

static void notices(struct house *h, struct buf *out)
{
	struct outbox_stats x;
	outbox_stats(h->outbox, &x);
	one(out, "notices_waiting", "gauge", "notices that wait for delivery", x.waiting);
	one(out, "notices_sent_total", "counter", "notices that were delivered", x.sent);
	one(out, "notices_retried_total", "counter", "deliveries that failed and are tried again", x.retried);
	one(out, "notices_failed_total", "counter", "notices that could not be delivered", x.failed);
	one(out, "notices_blocked_total", "counter", "notices of drills that were kept in", x.blocked);
}

void house_metrics(struct house *h, struct buf *out)
{
	struct queue_stats in, desk;
	size_t rules = 0;
	queue_stats(h->intake_q, &in);
	queue_stats(h->desk_q, &desk);
	if (h->image)
		sigma_image_rules(h->image, &rules);
	one(out, "rules_loaded", "gauge", "Sigma rules in use", rules);
	one(out, "findings_errors", "gauge", "errors found in rules, rule book and lists when they were loaded", h->findings.errors);
	one(out, "rulebook_last_good", "gauge", "1 = the configured rule book was refused and the last good one is in use", h->book_is_old);
	one(out, "wal_position", "counter", "records that are durable in the log", wal_durable(h->wal));
	one(out, "detected_position", "counter", "records that detection has passed", h->engine.events);
	one(out, "undecodable_total", "counter", "records that no decoder understood", h->engine.undecodable);
	one(out, "damaged_frames_total", "counter", "damaged frames of the log that were passed over", h->engine.damaged);
	one(out, "detections_total", "counter", "detections handed to the desk", h->engine.matches);
	one(out, "store_sealed_position", "counter", "records in sealed files", store_sealed(h->store));
	one(out, "desk_commits_total", "counter", "commits of the desk", h->desk_commits);
	one(out, "desk_refusals_total", "counter", "changes that the desk refused", h->desk_refusals);
	one(out, "intake_queue_items", "gauge", "batches waiting to be written", in.items);
	one(out, "intake_queue_bytes", "gauge", "bytes waiting to be written", in.weight);
	one(out, "intake_queue_refused_total", "counter", "batches refused because the queue was full", in.refused);
	one(out, "desk_queue_items", "gauge", "changes waiting for the desk", desk.items);
	if (h->outbox)
		notices(h, out);
	per_source(h, out);
}

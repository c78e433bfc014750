/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define FULL_EVENTS 200     /* of an alert keep the event itself; of later ones the place in the store is enough */
#define RAW_KEPT (16u << 10)

/* digest = SHA-256(digest before, event id, document). */
static void carry(char digest[65], struct str event_id, struct str doc)
{
	unsigned char sum[32];
	unsigned n = 0;
	struct buf hex = BUF_INIT(80);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	must(c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1);
	EVP_DigestUpdate(c, digest, 64);
	EVP_DigestUpdate(c, event_id.p, event_id.n);
	EVP_DigestUpdate(c, doc.p, doc.n);
	EVP_DigestFinal_ex(c, sum, &n);
	EVP_MD_CTX_free(c);
	buf_add_hex(&hex, sum, 32);
	memcpy(digest, hex.p, 65);
	buf_done(&hex);
}

static void digest_begin(char digest[65])
{
	memset(digest, '0', 64);
	digest[64] = 0;
}

static char *row_text(const struct detection *det, const struct detected_event *e, const char *id, bool full)
{
	json_t *o = json_object();
	json_object_set_new(o, "event_id", json_string(id));
	doc_set_time(o, "time", e->time);
	doc_set_str(o, "rule_id", e->rule_id.n ? e->rule_id : det->rule->id);
	doc_set_str(o, "rule_title", e->rule_title.n ? e->rule_title : det->rule->title);
	doc_set_str(o, "host", e->host);
	doc_set_str(o, "source", e->source);
	json_object_set_new(o, "matched", e->matched ? json_deep_copy(e->matched) : json_array());
	if (full && e->fields) {
		json_object_set_new(o, "event", json_deep_copy(e->fields));
		doc_set_str(o, "raw", str_sub(e->raw, 0, RAW_KEPT));
	}
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	return text;
}

static int row_add(struct desk *k, struct str alert_id, uint64_t n, const char *event_id, tstamp time, const char *text)
{
	struct db_stmt *s = db_prepare(desk_db(k), "INSERT INTO alert_event (alert_id, n, event_id, time, doc) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING n");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, alert_id);
	db_bind_i64(s, 2, (int64_t)n);
	db_bind_text(s, 3, str_c(event_id));
	db_bind_i64(s, 4, time);
	db_bind_text(s, 5, str_c(text));
	int r = db_step(s);
	if (r == 1) {
		int done = db_run(s);
		return done < 0 ? done : 1;
	}
	return r;
}

int event_rows_add(struct desk *k, struct str alert_id, const struct detection *det, uint64_t *count, char digest[65])
{
	int fresh = 0;
	if (!*count)
		digest_begin(digest);
	for (size_t i = 0; i < det->n_event; i++) {
		char id[ID_TEXT + 1];
		id_format(id, det->event[i].id);
		char *text = row_text(det, &det->event[i], id, *count < FULL_EVENTS);
		int r = text ? row_add(k, alert_id, *count, id, det->event[i].time, text) : -ENOMEM;
		if (r == 1) {
			carry(digest, str_c(id), str_c(text));
			(*count)++;
			fresh++;
		}
		free(text);
		if (r < 0)
			return r;
	}
	return fresh;
}

int alert_events(struct desk *k, struct str id, uint64_t from, uint64_t limit, json_t **ret)
{
	struct db_stmt *s = db_prepare(desk_db(k), "SELECT n, doc FROM alert_event WHERE alert_id = $1 AND n >= $2 ORDER BY n LIMIT $3");
	json_t *list = json_array();
	int r;
	if (!s)
		return json_decref(list), -EIO;
	db_bind_text(s, 1, id);
	db_bind_i64(s, 2, (int64_t)from);
	db_bind_i64(s, 3, (int64_t)limit);
	while ((r = db_step(s)) == 1) {
		struct str text = db_col_text(s, 1);
		json_t *o = json_loadb(text.p, text.n, 0, NULL);
		if (o) {
			json_object_set_new(o, "n", json_integer(db_col_i64(s, 0)));
			json_array_append_new(list, o);
		}
	}
	if (r < 0)
		return json_decref(list), r;
	*ret = list;
	return 0;
}

struct check {
	struct desk *k;
	struct diag *d;
};

static int check_alert(void *arg, json_t *alert)
{
	struct check *c = arg;
	struct db_stmt *s = db_prepare(desk_db(c->k), "SELECT n, event_id, doc FROM alert_event WHERE alert_id = $1 ORDER BY n");
	char digest[65];
	int64_t n = 0;
	int r;
	if (!s)
		return -EIO;
	digest_begin(digest);
	db_bind_text(s, 1, doc_str(alert, "id"));
	while ((r = db_step(s)) == 1) {
		if (db_col_i64(s, 0) == n)
			carry(digest, db_col_text(s, 1), db_col_text(s, 2));
		n++;
	}
	if (r >= 0 && (n != doc_int(alert, "events") || !doc_is(alert, "events_digest", digest)))
		diag_error(c->d, (struct diag_at){0}, "soc.rows_differ", "alert %.*s: its %lld event rows are not those that its ledger entries tell of (%lld)", STR_ARG(doc_str(alert, "id")), (long long)n,
			(long long)doc_int(alert, "events"));
	return r;
}

int soc_verify(struct desk *k, struct diag *d)
{
	struct check c = {k, d};
	size_t before = d->errors;
	int r = desk_list(k, NOUN_ALERT, "1=1 ORDER BY id", NULL, 0, check_alert, &c);
	return d->errors > before ? -EBADMSG : r;
}

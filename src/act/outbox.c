/* SPDX-License-Identifier: Apache-2.0 */
#include "act/outbox.h"

#include "act/deliver.h"
#include "base/id.h"

#include <errno.h>
#include <stdlib.h>

#define TURN_MAX 64       /* notices read at once */
#define CHANNELS_MAX 8
#define FIRST_WAIT (15 * NS_PER_S)
#define LONGEST_WAIT (3600 * NS_PER_S)
#define ERROR_MAX 500

static const struct actor OUTBOX = {{"outbox", 6}, {"system", 6}};

/* A channel that is down. */
struct parked {
	char channel[16];
	tstamp until;
};

struct outbox {
	struct outbox_opts o;
	tstamp next;
	struct parked parked[CHANNELS_MAX];
	size_t n_parked;
	_Atomic bool stop;
	_Atomic uint64_t sent, failed, blocked, retried, waiting;
	struct outcome *unwritten; /* delivered, but the desk could not write it down: written before anything else goes out */
};

/* What came of a notice: the change that is still to be committed. */
struct outcome {
	char id[ID_TEXT + 1];
	int64_t version;
	const char *verb; /* NULL = nothing to write */
	json_t *patch;
	bool applied;
};

static struct outcome *outcome_new(const json_t *notice)
{
	struct outcome *x = must_new(struct outcome);
	snprintf(x->id, sizeof(x->id), "%.*s", STR_ARG(doc_str(notice, "id")));
	x->version = doc_int(notice, "version");
	x->patch = json_object();
	return x;
}

static void outcome_free(struct outcome *x)
{
	if (!x)
		return;
	json_decref(x->patch);
	free(x);
}

struct outbox *outbox_new(const struct outbox_opts *o)
{
	struct outbox *b = must_new(struct outbox);
	b->o = *o;
	b->next = TS_NONE;
	return b;
}

void outbox_free(struct outbox *b)
{
	if (!b)
		return;
	outcome_free(b->unwritten);
	free(b);
}

void outbox_stop(struct outbox *b)
{
	b->stop = true;
}

tstamp outbox_next(const struct outbox *b)
{
	return b->next;
}

void outbox_stats(const struct outbox *b, struct outbox_stats *ret)
{
	*ret = (struct outbox_stats){b->sent, b->failed, b->blocked, b->retried, b->waiting};
}

static void wake_at(struct outbox *b, tstamp t)
{
	b->next = b->next == TS_NONE || t < b->next ? t : b->next;
}

/* ---- channels that are down ------------------------------------------------------------------------------------------------------------------------------- */

static struct parked *find_parked(struct outbox *b, struct str channel)
{
	for (size_t i = 0; i < b->n_parked; i++)
		if (str_eq(str_c(b->parked[i].channel), channel))
			return &b->parked[i];
	return NULL;
}

/* Until when, or TS_NONE when the channel may be tried. */
static tstamp parked_until(struct outbox *b, struct str channel, tstamp now)
{
	const struct parked *p = find_parked(b, channel);
	return p && p->until > now ? p->until : TS_NONE;
}

static void park(struct outbox *b, struct str channel, enum delivery v)
{
	struct parked *p = find_parked(b, channel);
	if (v != DELIVERY_DOWN) {
		if (p && v != DELIVERY_STOPPED)
			*p = b->parked[--b->n_parked];
		return;
	}
	if (!p && b->n_parked < CHANNELS_MAX && channel.n < sizeof(p->channel)) {
		p = &b->parked[b->n_parked++];
		snprintf(p->channel, sizeof(p->channel), "%.*s", STR_ARG(channel));
	}
	if (p)
		p->until = clock_now(b->o.clock) + FIRST_WAIT;
}

/* ---- what is due ------------------------------------------------------------------------------------------------------------------------------------- */

struct due {
	struct outbox *b;
	tstamp now, next;
	json_t *list;
	uint64_t waiting;
};

static int take_due(void *arg, json_t *notice)
{
	struct due *d = arg;
	tstamp at = doc_time(notice, "next_attempt_at"), parked = parked_until(d->b, doc_str(notice, "channel"), d->now);
	d->waiting++;
	if (parked != TS_NONE && (at == TS_NONE || at < parked))
		at = parked;
	if (at != TS_NONE && at > d->now) {
		d->next = d->next == TS_NONE || at < d->next ? at : d->next;
		return 0;
	}
	if (json_array_size(d->list) < TURN_MAX)
		json_array_append(d->list, notice);
	else
		d->next = d->now;
	return 0;
}

/* ---- the outcome -------------------------------------------------------------------------------------------------------------------------------------- */

/* A notice that somebody changed meanwhile is left to the next turn. */
static int write_outcome(struct desk *k, void *arg)
{
	struct outcome *x = arg;
	int r = desk_change(k, &OUTBOX, NOUN_NOTICE, str_c(x->id), (uint64_t)x->version, x->verb, x->patch, NULL);
	x->applied = r == 0;
	return r == -ESTALE || r == -ENOENT ? 0 : r;
}

static int64_t wait_after(int64_t attempts)
{
	int64_t wait = FIRST_WAIT;
	for (int64_t i = 1; i < attempts && wait < LONGEST_WAIT; i++)
		wait *= 2;
	return wait < LONGEST_WAIT ? wait : LONGEST_WAIT;
}

static void put_error(json_t *patch, struct str error)
{
	if (error.n)
		doc_set_str(patch, "last_error", str_sub(error, 0, ERROR_MAX));
	else
		json_object_set_new(patch, "last_error", json_null());
}

/* What the delivery's answer makes of the notice. */
static void plan(struct outbox *b, const json_t *notice, enum delivery v, struct str error, struct outcome *x)
{
	int64_t attempts = doc_int(notice, "attempts") + 1;
	tstamp now = clock_now(b->o.clock);
	bool again = (v == DELIVERY_LATER || v == DELIVERY_DOWN) && attempts < OUTBOX_TRIES_MAX;
	doc_set_int(x->patch, "attempts", attempts);
	put_error(x->patch, error);
	doc_set_time(x->patch, "next_attempt_at", again ? now + wait_after(attempts) : TS_NONE);
	if (again) {
		x->verb = "retry";
		wake_at(b, now + wait_after(attempts));
		return;
	}
	x->verb = v == DELIVERY_SENT ? "send" : "fail";
	json_object_set_new(x->patch, "state", json_string(v == DELIVERY_SENT ? "sent" : "failed"));
	if (v == DELIVERY_SENT)
		doc_set_time(x->patch, "sent_at", now);
}

/* Takes x: 1 = written, 0 = nothing to write. After an error it is kept, so that the message does not go out a second time. */
static int record(struct outbox *b, struct outcome *x)
{
	int r = x->verb ? b->o.commit(b->o.commit_arg, write_outcome, x) : 0;
	if (r < 0) {
		b->unwritten = x;
		return r;
	}
	if (x->applied) {
		_Atomic uint64_t *count = str_eq(str_c(x->verb), STR("send")) ? &b->sent : str_eq(str_c(x->verb), STR("block")) ? &b->blocked : str_eq(str_c(x->verb), STR("fail")) ? &b->failed : &b->retried;
		++*count;
		r = 1;
	}
	outcome_free(x);
	return r;
}

/* ---- one notice ------------------------------------------------------------------------------------------------------------------------------------------ */

static int take_user(void *arg, json_t *user)
{
	*(json_t **)arg = json_incref(user);
	return 1;
}

/* The user's document, or NULL: a queue's name is nobody's. */
static json_t *find_user(struct desk *k, struct str name)
{
	struct desk_param p = {.s = name};
	json_t *user = NULL;
	desk_list(k, NOUN_USER, "name = $1 LIMIT 1", &p, 1, take_user, &user);
	return user;
}

static bool find_address(const struct outbox *b, const json_t *user, struct str who, struct buf *ret, struct buf *error)
{
	struct str own = doc_str(user, "mail");
	if (own.n)
		buf_add(ret, own);
	else if (str_chr(who, '@') != STR_NPOS)
		buf_add(ret, who);
	else if (b->o.mail_domain.n)
		buf_addf(ret, "%.*s@%.*s", STR_ARG(who), STR_ARG(b->o.mail_domain));
	else
		buf_addf(error, "%.*s has no mail address, and mail_domain is not set", STR_ARG(who));
	if (!error->n && !mail_address_ok(buf_str(ret)))
		buf_addf(error, "no mail address: \"%.*s\"", STR_ARG(buf_str(ret)));
	return !error->n;
}

/* In the receiver's language; whose language is not known gets both. */
static void write_text(struct buf *out, const json_t *value, const json_t *user, const char *between)
{
	struct str lang = doc_str(user, "lang"), ja = doc_text(value, true), en = doc_text(value, false);
	bool only_en = str_eq(lang, STR("en")), both = !lang.n && !str_eq(ja, en);
	buf_add(out, only_en ? en : ja);
	if (both) {
		buf_add_cstr(out, between);
		buf_add(out, en);
	}
}

static void write_due(struct buf *out, const json_t *notice, int offset_s)
{
	char text[TS_TEXT_MAX];
	tstamp due = doc_time(notice, "ack_due_at");
	if (due == TS_NONE)
		return;
	ts_format_offset(text, due, offset_s);
	buf_addf(out, "\n確認期限 / acknowledge by: %s\n", text);
}

static enum delivery deliver(struct outbox *b, struct desk *reader, const json_t *notice, struct buf *error)
{
	struct buf address = BUF_INIT(1000), subject = BUF_INIT(20000), body = BUF_INIT(200000);
	struct str who = doc_str(notice, "who"), channel = doc_str(notice, "channel");
	json_t *user = find_user(reader, who);
	enum delivery v = DELIVERY_REFUSED;
	write_text(&subject, json_object_get(notice, "subject"), user, " / ");
	write_text(&body, json_object_get(notice, "body"), user, "\n\n");
	write_due(&body, notice, b->o.clock->offset_s);
	if (!str_eq(channel, STR("mail")) || find_address(b, user, who, &address, error)) {
		struct message m = {.id = doc_str(notice, "id"), .channel = channel, .who = who, .address = buf_str(&address), .subject = buf_str(&subject), .body = buf_str(&body),
			.time = doc_time(notice, "created_at"), .stop = &b->stop};
		v = b->o.deliver(b->o.deliver_arg, &m, error);
	}
	json_decref(user);
	buf_done(&address);
	buf_done(&subject);
	buf_done(&body);
	return v;
}

/* 1 = it changed, 0 = the house stops, negative errno. */
static int handle(struct outbox *b, struct desk *reader, const json_t *notice)
{
	struct buf error = BUF_INIT(4000);
	struct outcome *x = outcome_new(notice);
	if (json_is_true(json_object_get(notice, "drill"))) {
		x->verb = "block";
		json_object_set_new(x->patch, "state", json_string("blocked"));
		put_error(x->patch, STR("drill: nothing leaves the house"));
	} else {
		enum delivery v = deliver(b, reader, notice, &error);
		park(b, doc_str(notice, "channel"), v);
		if (v != DELIVERY_STOPPED)
			plan(b, notice, v, buf_str(&error), x);
	}
	buf_done(&error);
	return record(b, x);
}

/* Written down at last, or the turn ends here. */
static int record_unwritten(struct outbox *b)
{
	struct outcome *x = b->unwritten;
	b->unwritten = NULL;
	return x ? record(b, x) : 0;
}

int outbox_turn(struct outbox *b, struct desk *reader)
{
	struct due d = {.b = b, .now = clock_now(b->o.clock), .next = TS_NONE, .list = json_array()};
	int r = record_unwritten(b), did = r > 0;
	if (r >= 0)
		r = desk_list(reader, NOUN_NOTICE, "state = 'queued' ORDER BY id", NULL, 0, take_due, &d);
	b->next = d.next;
	b->waiting = d.waiting;
	for (size_t i = 0; r >= 0 && i < json_array_size(d.list) && !b->stop; i++) {
		const json_t *notice = json_array_get(d.list, i);
		tstamp until = parked_until(b, doc_str(notice, "channel"), d.now);
		if (until != TS_NONE) {
			wake_at(b, until);
			continue;
		}
		r = handle(b, reader, notice);
		did += r > 0;
	}
	if (r < 0)
		b->next = d.now;
	json_decref(d.list);
	return r < 0 ? r : did;
}

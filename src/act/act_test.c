/* SPDX-License-Identifier: Apache-2.0 */
#include "act/deliver.h"
#include "base/test.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE (60 * NS_PER_S)

/* ---- a desk with an outbox ---------------------------------------------------------------------------------------------------------------------------- */

struct rig {
	const char *dir;
	struct clock clock;
	struct desk *desk;
	struct outbox *outbox;
	struct diag diag;
	enum delivery answer[4]; /* by channel: mail, chat, phone */
	int calls;
	char last[4000];
	int commit_error;
};

static size_t channel_number(struct str channel)
{
	return str_eq(channel, STR("mail")) ? 0 : str_eq(channel, STR("chat")) ? 1 : 2;
}

static enum delivery fake(void *arg, const struct message *m, struct buf *error)
{
	struct rig *g = arg;
	enum delivery v = g->answer[channel_number(m->channel)];
	g->calls++;
	snprintf(g->last, sizeof(g->last), "%.*s|%.*s|%.*s|%.*s|%.*s", STR_ARG(m->channel), STR_ARG(m->who), STR_ARG(m->address), STR_ARG(m->subject), STR_ARG(m->body));
	if (v != DELIVERY_SENT)
		buf_addf(error, "no line");
	return v;
}

static int commit(void *arg, outbox_desk_fn *fn, void *fn_arg)
{
	struct rig *g = arg;
	if (g->commit_error)
		return g->commit_error;
	CHECK_INT(desk_begin(g->desk), 0);
	int r = fn(g->desk, fn_arg);
	CHECK_INT(desk_commit(g->desk), 0);
	return r;
}

static void rig_outbox(struct rig *g, struct str domain)
{
	struct outbox_opts o = {.mail_domain = domain, .deliver = fake, .deliver_arg = g, .commit = commit, .commit_arg = g, .clock = &g->clock};
	outbox_free(g->outbox);
	g->outbox = outbox_new(&o);
}

static void rig_open(struct rig *g)
{
	tstamp start = 0;
	*g = (struct rig){.dir = test_tmpdir()};
	diag_init(&g->diag);
	CHECK(ts_parse_rfc3339(STR("2026-11-22T01:00:00Z"), 0, &start));
	clock_init_virtual(&g->clock, start, 9 * 3600);
	CHECK_INT(desk_open(g->dir, &g->clock, false, &g->diag, &g->desk), 0);
	rig_outbox(g, STR("example.test"));
}

static void rig_close(struct rig *g)
{
	outbox_free(g->outbox);
	desk_close(g->desk);
	diag_done(&g->diag);
}

static void add_user(struct rig *g, const char *name, const char *mail, const char *lang)
{
	static const struct actor WHO = {{"admin", 5}, {"admin", 5}};
	json_t *o = json_pack("{s:s, s:[s], s:s, s:s}", "name", name, "roles", "handler", "mail", mail, "lang", lang);
	CHECK_INT(desk_begin(g->desk), 0);
	CHECK_INT(desk_create(g->desk, &WHO, NOUN_USER, o, NULL), 0);
	CHECK_INT(desk_commit(g->desk), 0);
	json_decref(o);
}

static void post(struct rig *g, const char *to, struct str channel, bool drill)
{
	struct notice n = {.to = str_c(to), .by = &channel, .n_by = 1, .subject_ja = "火事です", .subject_en = "Fire", .body_ja = "見てください", .body_en = "Please look", .about = NOUN_ALERT,
		.about_id = STR("x"), .ack_due = clock_now(&g->clock) + 15 * MINUTE, .drill = drill};
	CHECK_INT(desk_begin(g->desk), 0);
	CHECK_INT(notice_post(g->desk, NULL, &n, NULL), 0);
	CHECK_INT(desk_commit(g->desk), 0);
}

/* The newest notice. */
static json_t *newest(struct rig *g)
{
	json_t *list, *one;
	CHECK_INT(desk_collect(g->desk, NOUN_NOTICE, "1=1 ORDER BY id DESC LIMIT 1", NULL, 0, &list), 0);
	one = json_incref(json_array_get(list, 0));
	json_decref(list);
	return one;
}

static void check_state(struct rig *g, const char *state, int64_t attempts)
{
	json_t *n = newest(g);
	CHECK_STR(doc_str(n, "state"), state);
	CHECK_INT(doc_int(n, "attempts"), attempts);
	json_decref(n);
}

TEST(a_notice_is_sent_once_and_the_desk_says_so)
{
	struct rig g;
	rig_open(&g);
	add_user(&g, "sato", "", "ja");
	post(&g, "user(sato)", STR("mail"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK_STR(str_c(g.last), "mail|sato|sato@example.test|火事です|見てください\n確認期限 / acknowledge by: 2026-11-22T10:15:00+09:00\n");
	check_state(&g, "sent", 1);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0);
	CHECK_INT(g.calls, 1);
	CHECK(outbox_next(g.outbox) == TS_NONE);
	CHECK_INT(desk_verify(g.desk, &g.diag), 0);
	rig_close(&g);
}

TEST(the_console_needs_no_delivery)
{
	struct rig g;
	rig_open(&g);
	post(&g, "user(sato)", STR("console"), false);
	check_state(&g, "sent", 0);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0);
	CHECK_INT(g.calls, 0);
	rig_close(&g);
}

TEST(a_receiver_reads_his_own_language)
{
	struct rig g;
	rig_open(&g);
	add_user(&g, "smith", "j.smith@abroad.test", "en");
	post(&g, "user(smith)", STR("mail"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK(str_starts(str_c(g.last), STR("mail|smith|j.smith@abroad.test|Fire|Please look\n")));
	post(&g, "queue(l1)", STR("chat"), false); /* nobody's language */
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK(str_starts(str_c(g.last), STR("chat|queue(l1)||火事です / Fire|見てください\n\nPlease look\n")));
	rig_close(&g);
}

TEST(what_fails_is_tried_again_later_and_later)
{
	struct rig g;
	rig_open(&g);
	g.answer[0] = DELIVERY_LATER;
	post(&g, "user(sato)", STR("mail"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	check_state(&g, "queued", 1);
	CHECK_INT(outbox_next(g.outbox) - clock_now(&g.clock), 15 * NS_PER_S);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0); /* not before its time */
	clock_advance(&g.clock, 15 * NS_PER_S);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK_INT(outbox_next(g.outbox) - clock_now(&g.clock), 30 * NS_PER_S);
	g.answer[0] = DELIVERY_SENT;
	clock_advance(&g.clock, 30 * NS_PER_S);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	check_state(&g, "sent", 3);
	json_t *n = newest(&g);
	CHECK(json_is_null(json_object_get(n, "last_error")) || !json_object_get(n, "last_error"));
	json_decref(n);
	CHECK_INT(g.calls, 3);
	rig_close(&g);
}

TEST(it_is_given_up_in_the_end)
{
	struct rig g;
	rig_open(&g);
	g.answer[0] = DELIVERY_LATER;
	post(&g, "user(sato)", STR("mail"), false);
	for (int i = 0; i < OUTBOX_TRIES_MAX; i++) {
		check_state(&g, "queued", i);
		CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
		clock_advance(&g.clock, 60 * MINUTE);
	}
	check_state(&g, "failed", OUTBOX_TRIES_MAX);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0);
	CHECK_INT(g.calls, OUTBOX_TRIES_MAX);
	rig_close(&g);
}

TEST(what_can_never_succeed_fails_at_once_with_its_reason)
{
	struct rig g;
	rig_open(&g);
	rig_outbox(&g, STR(""));
	post(&g, "user(sato)", STR("mail"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK_INT(g.calls, 0);
	json_t *n = newest(&g);
	CHECK_STR(doc_str(n, "state"), "failed");
	CHECK_STR(doc_str(n, "last_error"), "sato has no mail address, and mail_domain is not set");
	json_decref(n);
	post(&g, "user(evil@example.test> RCPT TO:<x@example.test)", STR("mail"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK_INT(g.calls, 0);
	rig_close(&g);
}

TEST(a_channel_that_is_not_configured_says_which_key_is_missing)
{
	static const struct {
		struct str channel;
		const char *error;
	} WANT[] = {{{"mail", 4}, "mail is not configured: set smtp in hinomi.yml"}, {{"chat", 4}, "chat is not configured: set chat_webhook in hinomi.yml"},
		{{"phone", 5}, "phone is not configured: set phone_webhook in hinomi.yml"}, {{"pigeon", 6}, "there is no channel \"pigeon\""}};
	struct deliver *d = deliver_new(&(struct deliver_opts){.smtp_from = STR("hinomi@example.test")});
	for (size_t i = 0; i < LEN(WANT); i++) {
		struct buf error = BUF_INIT(1000);
		struct message m = {.id = STR("1"), .channel = WANT[i].channel, .who = STR("sato"), .address = STR("sato@example.test")};
		CHECK_INT(deliver_send(d, &m, &error), DELIVERY_REFUSED);
		CHECK_STR(buf_str(&error), WANT[i].error);
		buf_done(&error);
	}
	deliver_free(d);
}

TEST(a_drill_never_leaves_the_house)
{
	static const struct actor WHO = {{"admin", 5}, {"admin", 5}};
	struct rig g;
	rig_open(&g);
	post(&g, "user(sato)", STR("phone"), true);
	check_state(&g, "blocked", 0);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0);
	/* even when something put it into the queue */
	json_t *n = newest(&g), *patch = json_pack("{s:s}", "state", "queued");
	CHECK_INT(desk_begin(g.desk), 0);
	CHECK_INT(desk_change(g.desk, &WHO, NOUN_NOTICE, doc_str(n, "id"), 0, "change", patch, NULL), 0);
	CHECK_INT(desk_commit(g.desk), 0);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK_INT(g.calls, 0);
	check_state(&g, "blocked", 0);
	json_decref(n);
	json_decref(patch);
	rig_close(&g);
}

TEST(a_dead_channel_does_not_hold_up_the_others)
{
	struct rig g;
	rig_open(&g);
	g.answer[0] = DELIVERY_DOWN;
	for (int i = 0; i < 5; i++)
		post(&g, "user(sato)", STR("mail"), false);
	post(&g, "user(sato)", STR("phone"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 2); /* one mail was tried, and the phone */
	check_state(&g, "sent", 1);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0); /* the others wait with it */
	CHECK_INT(outbox_next(g.outbox) - clock_now(&g.clock), 15 * NS_PER_S);
	clock_advance(&g.clock, 15 * NS_PER_S);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1); /* one tries again */
	CHECK_INT(g.calls, 3);
	g.answer[0] = DELIVERY_SENT;
	clock_advance(&g.clock, 15 * NS_PER_S);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 4); /* the line is back: all that are due, but the first still waits for its own time */
	clock_advance(&g.clock, 15 * NS_PER_S);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0);
	rig_close(&g);
}

TEST(a_long_queue_of_a_dead_channel_does_not_hide_the_others)
{
	struct rig g;
	rig_open(&g);
	g.answer[0] = DELIVERY_DOWN;
	for (int i = 0; i < 200; i++)
		post(&g, "user(sato)", STR("mail"), false);
	post(&g, "user(sato)", STR("phone"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	CHECK(outbox_next(g.outbox) <= clock_now(&g.clock)); /* at once again */
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	check_state(&g, "sent", 1);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0);
	CHECK_INT(g.calls, 2);
	rig_close(&g);
}

TEST(one_mailbox_in_trouble_does_not_hold_up_the_others)
{
	struct rig g;
	rig_open(&g);
	g.answer[0] = DELIVERY_LATER;
	post(&g, "user(sato)", STR("mail"), false);
	post(&g, "user(ito)", STR("mail"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 2);
	CHECK_INT(g.calls, 2);
	rig_close(&g);
}

TEST(a_full_disk_does_not_send_a_mail_twice)
{
	struct rig g;
	rig_open(&g);
	post(&g, "user(sato)", STR("mail"), false);
	g.commit_error = -ENOSPC;
	CHECK_INT(outbox_turn(g.outbox, g.desk), -ENOSPC);
	CHECK_INT(outbox_turn(g.outbox, g.desk), -ENOSPC);
	check_state(&g, "queued", 0);
	g.commit_error = 0;
	CHECK_INT(outbox_turn(g.outbox, g.desk), 1);
	check_state(&g, "sent", 1);
	CHECK_INT(g.calls, 1);
	rig_close(&g);
}

TEST(a_restart_sends_what_was_queued)
{
	struct rig g;
	rig_open(&g);
	post(&g, "user(sato)", STR("mail"), false);
	post(&g, "user(ito)", STR("mail"), false);
	g.commit_error = -EIO; /* dies between the delivery and its entry */
	CHECK_INT(outbox_turn(g.outbox, g.desk), -EIO);
	g.commit_error = 0;
	rig_outbox(&g, STR("example.test"));
	CHECK_INT(outbox_turn(g.outbox, g.desk), 2);
	CHECK_INT(g.calls, 3); /* at least once: the first goes out again, under the same id */
	check_state(&g, "sent", 1);
	rig_close(&g);
}

TEST(stopping_counts_nothing)
{
	struct rig g;
	rig_open(&g);
	g.answer[0] = DELIVERY_STOPPED;
	post(&g, "user(sato)", STR("mail"), false);
	CHECK_INT(outbox_turn(g.outbox, g.desk), 0);
	check_state(&g, "queued", 0);
	rig_close(&g);
}

/* ---- mail ------------------------------------------------------------------------------------------------------------------------------------------------ */

TEST(a_mail_is_plain_ascii_on_the_wire)
{
	struct buf out = BUF_INIT(1u << 20);
	char subject[400] = "", *p = subject;
	for (int i = 0; i < 40; i++)
		p += snprintf(p, sizeof(subject) - (size_t)(p - subject), "警報");
	snprintf(p, sizeof(subject) - (size_t)(p - subject), "\r\nBcc: x@example.test");
	struct message m = {.id = STR("01ARZ"), .address = STR("sato@example.test"), .subject = str_c(subject), .body = STR("一行目\n.\n三行目"), .time = 0};
	CHECK_INT(mail_compose(&m, STR("hinomi@soc.example"), &out), 0);
	struct str rest = buf_str(&out), line;
	CHECK(str_starts(rest, STR("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: <hinomi@soc.example>\r\nTo: <sato@example.test>\r\nSubject: =?UTF-8?B?")));
	CHECK(str_find(rest, STR("Message-ID: <01ARZ@soc.example>\r\n")) != STR_NPOS);
	CHECK(str_find(rest, STR("Bcc")) == STR_NPOS);
	for (size_t i = 0; i < rest.n; i++)
		CHECK((unsigned char)rest.p[i] < 0x80);
	while (str_cut(&rest, '\n', &line))
		CHECK(line.n <= 78);
	buf_done(&out);
}

TEST(addresses_that_could_break_out_are_refused)
{
	static const char *const BAD[] = {"", "sato", "@example.test", "sato@", "a@b@c", "a b@example.test", "a@example.test\r\nDATA", "<a@example.test>", "佐藤@example.test", "a@example.test>"};
	for (size_t i = 0; i < LEN(BAD); i++)
		CHECK(!mail_address_ok(str_c(BAD[i])));
	CHECK(mail_address_ok(STR("sato.ichiro+soc@mail.example.test")));
}

/* ---- receivers on loopback ---------------------------------------------------------------------------------------------------------------------------------- */

struct receiver {
	int fd;
	unsigned port;
	const char *reply; /* to RCPT, or a webhook's status line */
	char got[20000];
	size_t n;
	pthread_t thread;
};

static void say(int fd, const char *text)
{
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static bool hear(struct receiver *r, int fd, const char *end)
{
	size_t from = r->n;
	while (r->n + 1 < sizeof(r->got) && !strstr(r->got + from, end)) {
		ssize_t got = read(fd, r->got + r->n, sizeof(r->got) - 1 - r->n);
		if (got <= 0)
			return false;
		r->n += (size_t)got;
		r->got[r->n] = 0;
	}
	return true;
}

static void *smtp_run(void *arg)
{
	struct receiver *r = arg;
	int fd = accept(r->fd, NULL, NULL);
	size_t at;
	say(fd, "220 mail.example.test ESMTP\r\n");
	for (;;) {
		at = r->n;
		if (!hear(r, fd, "\r\n"))
			break;
		const char *line = r->got + at;
		if (strncmp(line, "QUIT", 4) == 0) {
			say(fd, "221 bye\r\n");
			break;
		}
		if (strncmp(line, "DATA", 4) == 0) {
			say(fd, "354 go on\r\n");
			if (!hear(r, fd, "\r\n.\r\n"))
				break;
			say(fd, "250 taken\r\n");
		} else {
			say(fd, strncmp(line, "RCPT", 4) == 0 ? r->reply : "250 ok\r\n");
		}
	}
	close(fd);
	return NULL;
}

static void *web_run(void *arg)
{
	struct receiver *r = arg;
	char answer[200];
	int fd = accept(r->fd, NULL, NULL);
	hear(r, fd, "}");
	snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", r->reply);
	say(fd, answer);
	close(fd);
	return NULL;
}

static void receiver_start(struct receiver *r, void *(*run)(void *), const char *reply)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	*r = (struct receiver){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .reply = reply};
	CHECK(bind(r->fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(r->fd, 5) == 0 && getsockname(r->fd, (struct sockaddr *)&a, &n) == 0);
	r->port = ntohs(a.sin_port);
	CHECK(pthread_create(&r->thread, NULL, run, r) == 0);
}

static void receiver_end(struct receiver *r)
{
	pthread_join(r->thread, NULL);
	close(r->fd);
}

static enum delivery send_mail_to(struct receiver *r, struct buf *error)
{
	char url[100];
	snprintf(url, sizeof(url), "smtp://127.0.0.1:%u", r->port);
	struct deliver *d = deliver_new(&(struct deliver_opts){.smtp = str_c(url), .smtp_from = STR("hinomi@soc.example")});
	struct message m = {.id = STR("01ARZ"), .channel = STR("mail"), .who = STR("sato"), .address = STR("sato@example.test"), .subject = STR("火事"), .body = STR("見てください")};
	enum delivery v = deliver_send(d, &m, error);
	deliver_free(d);
	return v;
}

TEST(mail_goes_through_a_mail_server)
{
	struct receiver r;
	struct buf error = BUF_INIT(1000);
	receiver_start(&r, smtp_run, "250 ok\r\n");
	CHECK_INT(send_mail_to(&r, &error), DELIVERY_SENT);
	receiver_end(&r);
	CHECK(strstr(r.got, "MAIL FROM:<hinomi@soc.example>"));
	CHECK(strstr(r.got, "RCPT TO:<sato@example.test>"));
	CHECK(strstr(r.got, "Message-ID: <01ARZ@soc.example>"));
	CHECK(strstr(r.got, "Subject: =?UTF-8?B?54Gr5LqL?="));
	buf_done(&error);
}

TEST(a_password_is_not_sent_in_the_clear)
{
	struct receiver r;
	struct buf error = BUF_INIT(1000);
	char url[100];
	receiver_start(&r, smtp_run, "250 ok\r\n");
	snprintf(url, sizeof(url), "smtp://relay:secret@127.0.0.1:%u", r.port);
	struct deliver *d = deliver_new(&(struct deliver_opts){.smtp = str_c(url), .smtp_from = STR("hinomi@soc.example")});
	struct message m = {.id = STR("01ARZ"), .channel = STR("mail"), .who = STR("sato"), .address = STR("sato@example.test"), .subject = STR("x"), .body = STR("y")};
	CHECK_INT(deliver_send(d, &m, &error), DELIVERY_DOWN);
	CHECK(str_find(buf_str(&error), STR("secret")) == STR_NPOS);
	deliver_free(d);
	receiver_end(&r);
	CHECK(strstr(r.got, "EHLO") && !strstr(r.got, "AUTH") && !strstr(r.got, "MAIL FROM"));
	buf_done(&error);
}

TEST(a_mail_server_says_never_or_later)
{
	struct receiver r;
	struct buf error = BUF_INIT(1000);
	receiver_start(&r, smtp_run, "550 no such user\r\n");
	CHECK_INT(send_mail_to(&r, &error), DELIVERY_REFUSED);
	receiver_end(&r);
	CHECK(str_find(buf_str(&error), STR("550")) != STR_NPOS);
	receiver_start(&r, smtp_run, "451 try again\r\n");
	CHECK_INT(send_mail_to(&r, &error), DELIVERY_LATER);
	receiver_end(&r);
	CHECK_INT(send_mail_to(&r, &error), DELIVERY_DOWN); /* nobody listens any more */
	buf_done(&error);
}

static enum delivery send_web_to(struct receiver *r, struct str channel)
{
	char url[100];
	struct buf error = BUF_INIT(1000);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", r->port);
	struct deliver *d = deliver_new(&(struct deliver_opts){.chat_webhook = str_c(url), .phone_webhook = str_c(url)});
	struct message m = {.id = STR("01ARZ"), .channel = channel, .who = STR("sato"), .subject = STR("火事"), .body = STR("見て\"ください\"")};
	enum delivery v = deliver_send(d, &m, &error);
	deliver_free(d);
	buf_done(&error);
	return v;
}

TEST(webhooks_get_json_and_the_key_against_doubles)
{
	static const struct {
		const char *status;
		enum delivery want;
	} ANSWERS[] = {{"204 No Content", DELIVERY_SENT}, {"503 Busy", DELIVERY_DOWN}, {"429 Slow down", DELIVERY_DOWN}, {"404 Gone", DELIVERY_REFUSED}};
	struct receiver r;
	unsetenv("http_proxy");
	receiver_start(&r, web_run, "200 OK");
	CHECK_INT(send_web_to(&r, STR("chat")), DELIVERY_SENT);
	receiver_end(&r);
	CHECK(strstr(r.got, "Idempotency-Key: 01ARZ\r\n"));
	CHECK(strstr(r.got, "{\"text\":\"@sato 火事\\n見て\\\"ください\\\"\"}"));
	for (size_t i = 0; i < LEN(ANSWERS); i++) {
		receiver_start(&r, web_run, ANSWERS[i].status);
		CHECK_INT(send_web_to(&r, STR("phone")), ANSWERS[i].want);
		receiver_end(&r);
	}
	CHECK(strstr(r.got, "{\"text\":\"火事\",\"who\":\"sato\"}"));
}

TEST_MAIN

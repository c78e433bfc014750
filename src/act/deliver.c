/* SPDX-License-Identifier: Apache-2.0 */
#include "act/deliver.h"

#include "base/num.h"

#include <curl/curl.h>
#include <stdlib.h>

#define CONNECT_MS 10000L
#define WHOLE_MS 30000L
#define MESSAGE_MAX (1u << 20)

struct deliver {
	struct deliver_opts o;
};

struct deliver *deliver_new(const struct deliver_opts *o)
{
	struct deliver *d = must_new(struct deliver);
	d->o = *o;
	return d;
}

void deliver_free(struct deliver *d)
{
	free(d);
}

/* ---- one transfer --------------------------------------------------------------------------------------------------------------------------------- */

struct transfer {
	CURL *curl;
	struct curl_slist *list; /* receivers or headers */
	struct str rest;         /* what is still to be sent */
	char url[2000], error[CURL_ERROR_SIZE];
	const _Atomic bool *stop;
};

static int on_progress(void *arg, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total, curl_off_t ul)
{
	const struct transfer *t = arg;
	(void)dl_total, (void)dl, (void)ul_total, (void)ul;
	return t->stop && *t->stop;
}

/* What a receiver answers with is of no interest. */
static size_t on_answer(char *p, size_t size, size_t n, void *arg)
{
	(void)p, (void)arg;
	return size * n;
}

static size_t on_send(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct str piece = str_sub(t->rest, 0, size * n);
	memcpy(p, piece.p, piece.n);
	t->rest = str_sub(t->rest, piece.n, t->rest.n);
	return piece.n;
}

static bool transfer_open(struct transfer *t, const struct message *m, struct str url, const char *protocols)
{
	*t = (struct transfer){.curl = curl_easy_init(), .stop = m->stop};
	if (!t->curl || (size_t)snprintf(t->url, sizeof(t->url), "%.*s", STR_ARG(url)) >= sizeof(t->url)) {
		curl_easy_cleanup(t->curl);
		return false;
	}
	curl_easy_setopt(t->curl, CURLOPT_URL, t->url);
	curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
	curl_easy_setopt(t->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(t->curl, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, on_answer);
	return true;
}

static void transfer_close(struct transfer *t)
{
	curl_slist_free_all(t->list);
	curl_easy_cleanup(t->curl);
}

static void add_header(struct transfer *t, const char *name, struct str value)
{
	char line[300];
	snprintf(line, sizeof(line), "%s: %.*s", name, STR_ARG(value));
	t->list = curl_slist_append(t->list, line);
}

/*
 * Whoever answers decides about this message: 5xx of SMTP and most 3xx and 4xx of HTTP mean never, 4xx of SMTP later. Nobody answering, or a
 * server in trouble, is the channel's trouble.
 */
static enum delivery verdict(CURLcode code, long status, bool smtp)
{
	static const long WAITS_HTTP[] = {401, 403, 408, 425, 429};
	if (code == CURLE_OK && (smtp || (status >= 200 && status < 300)))
		return DELIVERY_SENT;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return DELIVERY_STOPPED;
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return DELIVERY_REFUSED;
	if (code == CURLE_LOGIN_DENIED || status < 300)
		return DELIVERY_DOWN;
	if (smtp)
		return status >= 500 ? DELIVERY_REFUSED : status >= 400 && status != 421 ? DELIVERY_LATER : DELIVERY_DOWN;
	for (size_t i = 0; i < LEN(WAITS_HTTP); i++)
		if (status == WAITS_HTTP[i])
			return DELIVERY_DOWN;
	return status < 500 ? DELIVERY_REFUSED : DELIVERY_DOWN;
}

static enum delivery transfer_run(struct transfer *t, bool smtp, struct buf *ret_error)
{
	long status = 0;
	CURLcode code = curl_easy_perform(t->curl);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	enum delivery v = verdict(code, status, smtp);
	if (v == DELIVERY_SENT)
		return v;
	if (code != CURLE_OK)
		buf_addf(ret_error, "%s: %s", smtp ? "mail server" : "webhook", t->error[0] ? t->error : curl_easy_strerror(code));
	else
		buf_addf(ret_error, "webhook: answered with status %ld", status);
	return v;
}

/* ---- channels ---------------------------------------------------------------------------------------------------------------------------------------- */

static enum delivery not_configured(struct buf *ret_error, const char *channel, const char *key)
{
	buf_addf(ret_error, "%s is not configured: set %s in hinomi.yml", channel, key);
	return DELIVERY_REFUSED;
}

/*
 * A password goes only over TLS to a server whose certificate fits. Without one smtp:// takes STARTTLS as it comes (RFC 7435): a relay with a
 * certificate of its own making is better than no encryption. smtps:// is always checked.
 */
static void use_tls(struct transfer *t, struct str url)
{
	bool password = str_chr(url, '@') != STR_NPOS;
	curl_easy_setopt(t->curl, CURLOPT_USE_SSL, password ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
	if (!password && str_istarts(url, STR("smtp://"))) {
		curl_easy_setopt(t->curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(t->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static enum delivery send_mail(struct deliver *d, const struct message *m, struct buf *ret_error)
{
	struct transfer t;
	struct buf mail = BUF_INIT(MESSAGE_MAX);
	char from[300], to[300];
	if (!d->o.smtp.n)
		return not_configured(ret_error, "mail", "smtp");
	if (!mail_address_ok(d->o.smtp_from)) {
		buf_addf(ret_error, "smtp_from is no mail address: \"%.*s\"", STR_ARG(d->o.smtp_from));
		return DELIVERY_REFUSED;
	}
	if (mail_compose(m, d->o.smtp_from, &mail) < 0 || !transfer_open(&t, m, d->o.smtp, "smtp,smtps")) {
		buf_addf(ret_error, "the mail cannot be made");
		buf_done(&mail);
		return DELIVERY_REFUSED;
	}
	snprintf(from, sizeof(from), "<%.*s>", STR_ARG(d->o.smtp_from));
	snprintf(to, sizeof(to), "<%.*s>", STR_ARG(m->address));
	t.rest = buf_str(&mail);
	t.list = curl_slist_append(NULL, to);
	use_tls(&t, d->o.smtp);
	curl_easy_setopt(t.curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(t.curl, CURLOPT_MAIL_RCPT, t.list);
	curl_easy_setopt(t.curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t.curl, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(t.curl, CURLOPT_READDATA, &t);
	enum delivery v = transfer_run(&t, true, ret_error);
	transfer_close(&t);
	buf_done(&mail);
	return v;
}

static enum delivery post(const struct message *m, struct str url, json_t *payload, struct buf *ret_error)
{
	struct transfer t;
	char *text = json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(payload);
	if (!text || !transfer_open(&t, m, url, "http,https")) {
		free(text);
		buf_addf(ret_error, "the webhook's URL cannot be used");
		return DELIVERY_REFUSED;
	}
	add_header(&t, "Content-Type", STR("application/json"));
	add_header(&t, "Idempotency-Key", m->id);
	add_header(&t, "User-Agent", STR("hinomi/" HINOMI_VERSION));
	curl_easy_setopt(t.curl, CURLOPT_HTTPHEADER, t.list);
	curl_easy_setopt(t.curl, CURLOPT_POSTFIELDS, text);
	enum delivery v = transfer_run(&t, false, ret_error);
	transfer_close(&t);
	free(text);
	return v;
}

static enum delivery send_chat(struct deliver *d, const struct message *m, struct buf *ret_error)
{
	struct buf text = BUF_INIT(MESSAGE_MAX);
	if (!d->o.chat_webhook.n)
		return not_configured(ret_error, "chat", "chat_webhook");
	buf_addf(&text, "@%.*s %.*s\n%.*s", STR_ARG(m->who), STR_ARG(m->subject), STR_ARG(m->body));
	enum delivery v = post(m, d->o.chat_webhook, json_pack("{s:o}", "text", doc_string(buf_str(&text))), ret_error);
	buf_done(&text);
	return v;
}

/* Read out by a voice: the subject alone. */
static enum delivery send_phone(struct deliver *d, const struct message *m, struct buf *ret_error)
{
	if (!d->o.phone_webhook.n)
		return not_configured(ret_error, "phone", "phone_webhook");
	return post(m, d->o.phone_webhook, json_pack("{s:o, s:o}", "who", doc_string(m->who), "text", doc_string(m->subject)), ret_error);
}

enum delivery deliver_send(void *arg, const struct message *m, struct buf *ret_error)
{
	static const struct {
		struct str channel;
		enum delivery (*send)(struct deliver *d, const struct message *m, struct buf *ret_error);
	} WAYS[] = {{{"mail", 4}, send_mail}, {{"chat", 4}, send_chat}, {{"phone", 5}, send_phone}};
	for (size_t i = 0; i < LEN(WAYS); i++)
		if (str_eq(m->channel, WAYS[i].channel))
			return WAYS[i].send(arg, m, ret_error);
	buf_addf(ret_error, "there is no channel \"%.*s\"", STR_ARG(m->channel));
	return DELIVERY_REFUSED;
}

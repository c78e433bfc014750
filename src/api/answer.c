/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"

#include "api/auth.h"
#include "base/num.h"
#include "ledger/doc.h"
#include "sys/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

/* What handlers answer with: objects, lists, changes. */
#define LIST_DEFAULT 100
#define LIST_MAX 1000
#define SLICE_MAX 100000
#define KEY_MAX 200
#define KEPT_NS (24 * 3600 * NS_PER_S)

int api_version(struct api_ctx *c, uint64_t *ret)
{
	struct str s = str_trim(c->req->if_match);
	*ret = 0;
	if (!s.n)
		return c->route->flags & ROUTE_MATCH ? -EILSEQ : 0;
	if (str_eq(s, STR("*")))
		return 0;
	str_take(&s, STR("W/"));
	str_take(&s, STR("\""));
	str_take(&s, STR("v"));
	if (str_ends(s, STR("\"")))
		s.n--;
	if (num_u64(s, ret) && *ret)
		return 0;
	diag_file(&c->diag, STR("If-Match"));
	return diag_error(&c->diag, (struct diag_at){0}, "bad_version", "If-Match is no version; send the ETag that you read, like \"v3\"");
}

bool api_base64(struct str text, struct buf *out)
{
	struct buf tight = BUF_INIT(2 * out->max);
	for (size_t i = 0; i < text.n; i++)
		if (!ch_is_space((unsigned char)text.p[i]))
			buf_addc(&tight, text.p[i]);
	size_t pad = 0;
	while (pad < 2 && pad < tight.n && tight.p[tight.n - 1 - pad] == '=')
		pad++;
	char *p = tight.err || tight.n % 4 ? NULL : buf_reserve(out, tight.n / 4 * 3 + 1);
	int n = p ? EVP_DecodeBlock((unsigned char *)p, (const unsigned char *)buf_cstr(&tight), (int)tight.n) : -1;
	if (n >= 0)
		buf_commit(out, (size_t)n - pad);
	buf_done(&tight);
	return n >= 0;
}

/* ---- changes -------------------------------------------------------------------------------------------------------------------------------------- */

struct change {
	struct api_ctx *c;
	api_change_fn *fn;
	json_t *doc;
	int status;
	bool again; /* answered from the first request with this key */
};

/* Of the digests below; made once, and the same after a restart. */
static int digest_key(struct desk *k, struct buf *key)
{
	unsigned char made[SHA256_DIGEST_LENGTH];
	int r = desk_state_get(k, "idempotency_key", key);
	if (r != -ENOENT)
		return r;
	rand_bytes(made, sizeof(made));
	r = desk_state_set(k, "idempotency_key", str_n((const char *)made, sizeof(made)));
	return r < 0 ? r : buf_add(key, str_n((const char *)made, sizeof(made)));
}

/*
 * The request that a key stands for: which route, which body. What is kept must not help to guess a password, which the desk keeps as Argon2id alone:
 * the digest is keyed, and a password is no part of it.
 */
static int request_digest(struct desk *k, const struct api_ctx *c, struct buf *hex)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	struct buf all = BUF_INIT(64u << 20), key = BUF_INIT(100);
	buf_addf(&all, "%d %.*s?%.*s\n", (int)c->req->method, STR_ARG(c->req->path), STR_ARG(c->req->query));
	if (json_object_get(c->body, "password")) {
		json_t *rest = json_copy(c->body);
		json_object_del(rest, "password");
		char *text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
		buf_add_cstr(&all, text ? text : "");
		free(text);
		json_decref(rest);
	} else {
		buf_add(&all, c->req->body);
	}
	int r = all.err ? all.err : digest_key(k, &key);
	if (r == 0 && !HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)buf_cstr(&all), all.n, sum, NULL))
		r = -EIO;
	if (r == 0)
		buf_add_hex(hex, sum, sizeof(sum));
	buf_done(&all);
	buf_done(&key);
	return r;
}

static void key_name(const struct api_ctx *c, char out[KEY_MAX + 200])
{
	snprintf(out, KEY_MAX + 200, "idempotency:%.*s:%.*s", STR_ARG(c->actor.user), STR_ARG(str_sub(c->req->idempotency_key, 0, KEY_MAX)));
}

static int look_up(struct desk *k, struct change *x)
{
	char name[KEY_MAX + 200];
	struct buf had = BUF_INIT(16u << 20), digest = BUF_INIT(100);
	key_name(x->c, name);
	int r = desk_kept(k, name, &had);
	if (r == 0 && (r = request_digest(k, x->c, &digest)) == 0) {
		json_t *o = json_loadb(had.p, had.n, 0, NULL);
		if (!doc_is(o, "digest", buf_cstr(&digest))) {
			r = -EBADF;
		} else {
			x->doc = json_incref(json_object_get(o, "doc"));
			x->again = true;
		}
		json_decref(o);
	} else if (r == -ENOENT) {
		r = 0;
	}
	buf_done(&had);
	buf_done(&digest);
	return r;
}

static int keep(struct desk *k, struct change *x)
{
	char name[KEY_MAX + 200];
	struct buf digest = BUF_INIT(100);
	key_name(x->c, name);
	int r = request_digest(k, x->c, &digest);
	if (r < 0)
		return buf_done(&digest), r;
	/* A secret is shown once: the answer that is given again has none. */
	json_t *doc = json_copy(x->doc);
	json_object_del(doc, "token");
	json_t *o = json_pack("{s:s, s:o}", "digest", buf_cstr(&digest), "doc", doc);
	char *text = json_dumps(o, JSON_COMPACT);
	r = text ? desk_keep(k, name, desk_now(k) + KEPT_NS, str_c(text)) : -ENOMEM;
	free(text);
	json_decref(o);
	buf_done(&digest);
	return r;
}

static int run_change(struct desk *k, void *arg)
{
	struct change *x = arg;
	bool keyed = x->c->req->idempotency_key.n > 0;
	int r = keyed ? look_up(k, x) : 0;
	if (r < 0 || x->again)
		return r;
	r = x->fn(k, x->c, &x->doc);
	if (r < 0)
		return r;
	if (x->doc)
		json_object_set_new(x->doc, "ledger_seq", json_integer((json_int_t)desk_last_seq(k)));
	return keyed && x->doc ? keep(k, x) : 0;
}

int api_change(struct api_ctx *c, int status, api_change_fn *fn)
{
	struct change x = {.c = c, .fn = fn, .status = status};
	int r = house_desk(c->api->house, run_change, &x);
	if (r < 0) {
		json_decref(x.doc);
		return r;
	}
	return api_answer_object(c, status, x.doc ? x.doc : json_object(), UINT64_MAX);
}

/* ---- objects and lists ------------------------------------------------------------------------------------------------------------------------------ */

int api_answer_noun(struct api_ctx *c, enum noun noun, struct str id)
{
	json_t *doc;
	int r = desk_get(c->desk, noun, id, &doc);
	return r < 0 ? r : api_answer_object(c, 200, doc, UINT64_MAX);
}

struct page {
	json_t *items;
	uint64_t limit;
	enum noun noun;
	bool more;
};

static int take_item(void *arg, json_t *doc)
{
	struct page *p = arg;
	if (json_array_size(p->items) == p->limit) {
		p->more = true;
		return 1;
	}
	if (p->noun == NOUN_TOKEN)
		auth_token_hide(doc);
	return json_array_append(p->items, doc);
}

int api_answer_nouns(struct api_ctx *c, enum noun noun, const char *where, const struct desk_param *param, size_t n)
{
	struct page p = {.items = json_array(), .noun = noun};
	struct desk_param all[8];
	struct buf sql = BUF_INIT(4000);
	struct str cursor = api_param(c, "cursor");
	char next[32] = "";
	int r = api_param_limit(c, LIST_DEFAULT, LIST_MAX, &p.limit);
	must(n < LEN(all));
	for (size_t i = 0; i < n; i++)
		all[i] = param[i];
	buf_addf(&sql, "(%s)", where && *where ? where : "1=1");
	if (cursor.n) {
		all[n] = (struct desk_param){.s = cursor};
		buf_addf(&sql, " AND id < $%zu", ++n);
	}
	buf_addf(&sql, " ORDER BY id DESC LIMIT %llu", (unsigned long long)p.limit + 1);
	if (r == 0)
		r = desk_list(c->desk, noun, buf_cstr(&sql), all, n, take_item, &p);
	buf_done(&sql);
	if (r < 0) {
		json_decref(p.items);
		return r;
	}
	if (p.more)
		snprintf(next, sizeof(next), "%s", json_string_value(json_object_get(json_array_get(p.items, p.limit - 1), "id")));
	return api_answer_list(c, p.items, next);
}

/* ---- lists that are made whole ---------------------------------------------------------------------------------------------------------------------- */

static void item_key(const json_t *item, const char *key, char out[300])
{
	const json_t *v = json_object_get(item, key);
	if (json_is_integer(v))
		snprintf(out, 300, "%lld", (long long)json_integer_value(v));
	else
		snprintf(out, 300, "%s", json_string_value(v) ? json_string_value(v) : "");
}

/* The index behind the item that the cursor names; n when there is none. */
static size_t behind(const json_t *items, const char *key, struct str cursor)
{
	char have[300];
	size_t n = json_array_size(items);
	for (size_t i = 0; i < n; i++) {
		item_key(json_array_get(items, i), key, have);
		if (str_eq(str_c(have), cursor))
			return i + 1;
	}
	return n + 1;
}

int api_answer_slice(struct api_ctx *c, json_t *items, const char *key)
{
	struct str cursor = api_param(c, "cursor");
	char next[300] = "";
	uint64_t limit;
	size_t n = json_array_size(items), from = cursor.n ? behind(items, key, cursor) : 0;
	int r = api_param_limit(c, SLICE_MAX, SLICE_MAX, &limit);
	if (r == 0 && from > n) {
		diag_file(&c->diag, STR("cursor"));
		r = diag_error(&c->diag, (struct diag_at){0}, "bad_parameter", "this is no cursor of this list");
	}
	if (r < 0)
		return json_decref(items), r;
	json_t *page = json_array();
	for (size_t i = from; i < n && i < from + limit; i++)
		json_array_append(page, json_array_get(items, i));
	if (from + limit < n)
		item_key(json_array_get(items, from + limit - 1), key, next);
	json_decref(items);
	return api_answer_list(c, page, next);
}

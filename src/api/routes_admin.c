/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"
#include "api/routes.h"
#include "base/num.h"
#include "ledger/doc.h"

#include <errno.h>
#include <openssl/evp.h>

/* Health, sessions, users, tokens, the ledger. */

int get_healthz(struct api_ctx *c)
{
	return api_answer(c, 200, json_pack("{s:s, s:s}", "status", "ok", "version", HINOMI_VERSION));
}

int get_readyz(struct api_ctx *c)
{
	return api_answer(c, 200, json_pack("{s:s}", "status", "ready"));
}

int get_stream(struct api_ctx *c)
{
	c->resp->status = 200;
	c->resp->content_type = "text/event-stream";
	c->resp->stream = true;
	return 0;
}

int get_metrics(struct api_ctx *c)
{
	house_metrics(c->api->house, &c->resp->body);
	c->resp->status = 200;
	c->resp->content_type = "text/plain; version=0.0.4; charset=utf-8";
	return 0;
}

/* ---- who I am ----------------------------------------------------------------------------------------------------------------------------------------- */

/* The language that the user's account names; a token without a user has the house's. */
static json_t *lang_of(struct api_ctx *c, const struct principal *who)
{
	struct desk_param name = {.s = str_c(who->user)};
	json_t *found = NULL, *lang = NULL;
	if (c->desk && desk_collect(c->desk, NOUN_USER, "name = $1", &name, 1, &found) == 0)
		lang = json_incref(json_object_get(json_array_get(found, 0), "lang"));
	json_decref(found);
	return json_is_string(lang) ? lang : json_string("ja");
}

static int answer_me(struct api_ctx *c, const struct principal *who)
{
	json_t *roles = json_array();
	for (int i = 0; i < ROLE_COUNT; i++)
		if (who->roles >> i & 1)
			json_array_append_new(roles, json_string(role_name((enum role)i)));
	json_t *permissions = json_array();
	for (int p = 0; p < PERM_COUNT; p++)
		if (p != PERM_PUBLIC && perm_allows((enum perm)p, who))
			json_array_append_new(permissions, json_string(perm_name((enum perm)p)));
	json_t *sites = json_pack("[o]", doc_string(who->site[0] ? str_c(who->site) : config_text(house_config(c->api->house), CFG_SITE)));
	return api_answer(c, 200, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "user", who->user, "roles", roles, "permissions", permissions, "sites", sites, "lang", lang_of(c, who), "organisation",
					    doc_string(config_text(house_config(c->api->house), CFG_ORGANISATION))));
}

int get_me(struct api_ctx *c)
{
	return answer_me(c, c->req->who);
}

int post_session(struct api_ctx *c)
{
	char secret[65];
	struct principal who;
	int r = auth_login(c->api->auth, doc_str(c->body, "user"), doc_str(c->body, "password"), secret, &who);
	if (r == -EACCES)
		return problem_answer(c, 401, "bad_credentials");
	if (r < 0)
		return r;
	snprintf(c->resp->cookie, sizeof(c->resp->cookie), "hinomi_session=%s; Path=/; HttpOnly; SameSite=Strict", secret);
	return answer_me(c, &who);
}

int delete_session(struct api_ctx *c)
{
	int r = c->req->cookie.n ? auth_logout(c->api->auth, c->req->who, c->req->cookie) : 0;
	if (r < 0)
		return r;
	snprintf(c->resp->cookie, sizeof(c->resp->cookie), "hinomi_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
	return api_answer(c, 200, json_object());
}

/* ---- users and tokens ---------------------------------------------------------------------------------------------------------------------------------- */

int get_users(struct api_ctx *c)
{
	return api_answer_nouns(c, NOUN_USER, NULL, NULL, 0);
}

static int make_user(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return auth_user_create(k, &c->actor, c->body, &c->diag, ret);
}

int post_user(struct api_ctx *c)
{
	return api_change(c, 201, make_user);
}

static int change_user(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return auth_user_change(k, &c->actor, c->param[0], c->body, &c->diag, ret);
}

int patch_user(struct api_ctx *c)
{
	return api_change(c, 200, change_user);
}

int get_tokens(struct api_ctx *c)
{
	return api_answer_nouns(c, NOUN_TOKEN, NULL, NULL, 0);
}

static int make_token(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return auth_token_create(k, &c->actor, c->body, &c->diag, ret);
}

int post_token(struct api_ctx *c)
{
	return api_change(c, 201, make_token);
}

static int revoke(struct desk *k, struct api_ctx *c, json_t **ret)
{
	return auth_token_revoke(k, &c->actor, c->param[0], ret);
}

int delete_token(struct api_ctx *c)
{
	return api_change(c, 200, revoke);
}

/* ---- the ledger ----------------------------------------------------------------------------------------------------------------------------------------- */

int get_checkpoint(struct api_ctx *c)
{
	int r = ledger_checkpoint(desk_ledger(c->desk), &c->resp->body);
	if (r < 0)
		return r;
	c->resp->status = 200;
	c->resp->content_type = "text/plain; charset=utf-8";
	return 0;
}

int get_ledger(struct api_ctx *c)
{
	struct str from = api_param(c, "cursor").n ? api_param(c, "cursor") : api_param(c, "from");
	uint64_t limit, first = 0;
	json_t *items;
	char next[32] = "";
	int r = api_param_limit(c, 100, 1000, &limit);
	if (r == 0 && from.n && !num_u64(from, &first))
		r = doc_refuse(&c->diag, "from", "bad_parameter", -EINVAL, "from is the number of an entry");
	if (r < 0)
		return r;
	items = json_array();
	r = ledger_each(desk_db(c->desk), first, first + limit, entry_append, items);
	if (r < 0)
		return json_decref(items), r;
	if (json_array_size(items) == limit)
		snprintf(next, sizeof(next), "%llu", (unsigned long long)(first + limit));
	return api_answer_list(c, items, next);
}

int get_proof(struct api_ctx *c)
{
	struct str seq_text = api_param(c, "seq"), size_text = api_param(c, "size");
	uint64_t seq, size = ledger_signed(desk_ledger(c->desk));
	struct buf hashes = BUF_INIT(65536);
	if (!num_u64(seq_text, &seq) || (size_text.n && !num_u64(size_text, &size)))
		return doc_refuse(&c->diag, "seq", "bad_parameter", -EINVAL, "seq and size are numbers");
	int r = ledger_inclusion(desk_ledger(c->desk), seq, size, &hashes);
	json_t *list = json_array();
	for (size_t i = 0; r == 0 && i + 32 <= hashes.n; i += 32) {
		char text[64];
		EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)hashes.p + i, 32);
		json_array_append_new(list, json_string(text));
	}
	buf_done(&hashes);
	if (r < 0)
		return json_decref(list), r == -EINVAL ? doc_refuse(&c->diag, "seq", "bad_parameter", -EINVAL, "there is no such entry in a tree of that size") : r;
	return api_answer(c, 200, json_pack("{s:I, s:I, s:o}", "seq", (json_int_t)seq, "size", (json_int_t)size, "hashes", list));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/auth.h"

#include "base/map.h"
#include "ledger/doc.h"
#include "sys/rand.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SESSION "session:" /* + hex SHA-256 of the secret -> the user's id, among what the desk keeps for a while */
#define FAILURES_MAX 5
#define LOCKOUT_NS (30 * NS_PER_S)
#define PASSWORD_MIN 10
#define NAMES_MAX 10000

static const char *const ROLES[] = {
#define ROLE(sym, name) name,
#include "api/perms.def"
#undef ROLE
};

static const uint32_t PERMS[] = {
#define PERM(sym, name, roles, help) roles,
#define R(x) (1u << ROLE_##x)
#define SOC_ (R(L1) | R(L2) | R(SOC_LEAD))
#define CSIRT_ (R(HANDLER) | R(CSIRT_LEAD))
#define PEOPLE_ (R(VIEWER) | SOC_ | CSIRT_ | R(LEGAL) | R(PR) | R(MANAGEMENT) | R(AUDITOR) | R(ADMIN))
#include "api/perms.def"
#undef R
#undef SOC_
#undef CSIRT_
#undef PEOPLE_
#undef PERM
};

static const char *const PERM_NAMES[] = {
#define PERM(sym, name, roles, help) name,
#include "api/perms.def"
#undef PERM
};

struct failures {
	unsigned n;
	tstamp until;
};

struct auth {
	struct house *house;
	pthread_mutex_t lock;
	struct map failed; /* user name -> struct failures */
};

/* ---- roles and permissions ---------------------------------------------------------------------------------------------------------------------- */

enum role role_parse(struct str name)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (str_eq(name, str_c(ROLES[i])))
			return (enum role)i;
	return ROLE_COUNT;
}

const char *role_name(enum role r)
{
	return ROLES[r];
}

struct rulebook_words role_words(void)
{
	static const struct str NAMES[] = {
#define ROLE(sym, name) {name, sizeof(name) - 1},
#include "api/perms.def"
#undef ROLE
	};
	return (struct rulebook_words){.role = NAMES, .n_role = LEN(NAMES)};
}

const char *perm_name(enum perm p)
{
	return PERM_NAMES[p];
}

bool perm_allows(enum perm p, const struct principal *who)
{
	return p == PERM_PUBLIC || (who && (who->local || (who->roles & PERMS[p])));
}

struct principal principal_local(void)
{
	return (struct principal){.user = "local", .roles = 1u << ROLE_ADMIN, .local = true};
}

struct str perm_role(enum perm p, const struct principal *who)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if ((who->roles & PERMS[p]) >> i & 1)
			return str_c(ROLES[i]);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (who->roles >> i & 1)
			return str_c(ROLES[i]);
	return STR("local");
}

static uint32_t roles_of(const json_t *list)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		enum role r = role_parse(str_c(json_string_value(json_array_get(list, i))));
		bits |= r < ROLE_COUNT ? 1u << r : 0;
	}
	return bits;
}

/* ---- secrets ---------------------------------------------------------------------------------------------------------------------------------------- */

static void hash_hex(struct str secret, char ret[65])
{
	unsigned char sum[32];
	struct buf hex = BUF_INIT(80);
	SHA256((const unsigned char *)(secret.p ? secret.p : ""), secret.n, sum);
	buf_add_hex(&hex, sum, 32);
	memcpy(ret, hex.p, 65);
	buf_done(&hex);
}

static void random_hex(char *out, size_t bytes)
{
	unsigned char raw[64];
	struct buf hex = BUF_INIT(200);
	must(bytes <= sizeof(raw));
	rand_bytes(raw, bytes);
	buf_add_hex(&hex, raw, bytes);
	memcpy(out, hex.p, 2 * bytes + 1);
	buf_done(&hex);
}

static int set_password(struct desk *k, struct str id, struct str password)
{
	char key[64], hash[crypto_pwhash_STRBYTES];
	if (sodium_init() < 0)
		return -EIO;
	snprintf(key, sizeof(key), "password:%.*s", STR_ARG(id));
	if (crypto_pwhash_str(hash, password.p, password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
		return -ENOMEM;
	return desk_state_set(k, key, str_c(hash));
}

static bool password_fits(struct desk *k, struct str id, struct str password)
{
	char key[64];
	struct buf hash = BUF_INIT(crypto_pwhash_STRBYTES + 1);
	snprintf(key, sizeof(key), "password:%.*s", STR_ARG(id));
	bool fits = sodium_init() >= 0 && desk_state_get(k, key, &hash) == 0;
	if (fits) {
		fits = crypto_pwhash_str_verify(buf_cstr(&hash), password.p ? password.p : "", password.n) == 0;
	} else {
		/* An unknown name costs the same time as a known one. */
		char out[crypto_pwhash_STRBYTES];
		(void)!crypto_pwhash_str(out, "-", 1, crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE);
	}
	buf_done(&hash);
	return fits;
}

/* ---- who is asking ----------------------------------------------------------------------------------------------------------------------------------- */

struct auth *auth_new(struct house *h)
{
	struct auth *a = must_new(struct auth);
	a->house = h;
	pthread_mutex_init(&a->lock, NULL);
	map_init(&a->failed);
	return a;
}

void auth_free(struct auth *a)
{
	struct str key;
	uint64_t *value;
	if (!a)
		return;
	for (size_t it = 0; map_next(&a->failed, &it, &key, &value);)
		free((void *)(uintptr_t)*value);
	map_done(&a->failed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static int take_one(void *arg, json_t *doc)
{
	*(json_t **)arg = json_deep_copy(doc);
	return 1;
}

static json_t *find_by(struct desk *k, enum noun noun, const char *where, struct str value)
{
	json_t *doc = NULL;
	struct desk_param p = {.s = value};
	desk_list(k, noun, where, &p, 1, take_one, &doc);
	return doc;
}

/* A user who is logged in. */
static struct principal principal_of(const json_t *user)
{
	struct principal who = {.roles = roles_of(json_object_get(user, "roles")), .cookie = true};
	snprintf(who.user, sizeof(who.user), "%.*s", STR_ARG(doc_str(user, "name")));
	return who;
}

static bool by_token(struct auth *a, struct str secret, struct principal *ret)
{
	char hash[65];
	struct desk *k = house_reader_get(a->house);
	json_t *t = NULL;
	hash_hex(secret, hash);
	if (k)
		t = find_by(k, NOUN_TOKEN, "hash = $1", str_c(hash));
	house_reader_put(a->house, k);
	tstamp until = t ? doc_time(t, "expires_at") : TS_NONE;
	bool good = t && !json_is_true(json_object_get(t, "revoked")) && (until == TS_NONE || until > clock_now(house_clock(a->house)));
	if (good) {
		*ret = (struct principal){.roles = roles_of(json_object_get(t, "roles"))};
		snprintf(ret->user, sizeof(ret->user), "%.*s", STR_ARG(doc_str(t, "user")));
		snprintf(ret->site, sizeof(ret->site), "%.*s", STR_ARG(doc_str(t, "site")));
	}
	json_decref(t);
	return good;
}

static void session_key(struct str secret, char ret[80])
{
	char hash[65];
	hash_hex(secret, hash);
	snprintf(ret, 80, SESSION "%s", hash);
}

/* As the user is now. */
static bool by_session(struct auth *a, struct str cookie, struct principal *ret)
{
	char key[80];
	struct buf id = BUF_INIT(ID_TEXT + 1);
	json_t *u = NULL;
	struct desk *k = house_reader_get(a->house);
	session_key(cookie, key);
	bool good = k && desk_kept(k, key, &id) == 0 && desk_get(k, NOUN_USER, buf_str(&id), &u) == 0 && !json_is_true(json_object_get(u, "disabled"));
	house_reader_put(a->house, k);
	if (good)
		*ret = principal_of(u);
	json_decref(u);
	buf_done(&id);
	return good;
}

bool auth_identify(struct auth *a, struct str authorization, struct str cookie, struct principal *ret, bool *ret_given)
{
	static const struct str SCHEMES[] = {{"Bearer ", 7}, {"ApiKey ", 7}, {"Splunk ", 7}};
	*ret_given = authorization.n || cookie.n;
	for (size_t i = 0; i < LEN(SCHEMES); i++)
		if (str_istarts(authorization, SCHEMES[i]))
			return by_token(a, str_trim(str_sub(authorization, SCHEMES[i].n, authorization.n)), ret);
	return !authorization.n && cookie.n && by_session(a, cookie, ret);
}

/* True when the name may be tried now. */
static bool may_try(struct auth *a, struct str user, bool failed)
{
	tstamp now = clock_now(house_clock(a->house));
	bool good = true;
	pthread_mutex_lock(&a->lock);
	struct failures *f = map_get_ptr(&a->failed, user);
	if (!failed) {
		good = !f || f->n < FAILURES_MAX || f->until <= now;
	} else if (f || a->failed.n < NAMES_MAX) {
		if (!f) {
			f = must_new(struct failures);
			map_put_ptr(&a->failed, user, f);
		}
		f->n = f->until && f->until <= now ? 1 : f->n + 1;
		f->until = now + LOCKOUT_NS;
	}
	pthread_mutex_unlock(&a->lock);
	return good;
}

static void forgive(struct auth *a, struct str user)
{
	pthread_mutex_lock(&a->lock);
	free(map_get_ptr(&a->failed, user));
	map_del(&a->failed, user);
	pthread_mutex_unlock(&a->lock);
}

struct session {
	struct str user;
	const char *verb; /* the ledger's words */
	char key[80];
	const json_t *account; /* whose password it was */
	tstamp until;
};

static int note_session(struct desk *k, const struct session *s)
{
	struct actor who = {s->user, STR("")};
	return desk_note(k, &who, "session", s->user, s->verb, NULL);
}

static int begin_session(struct desk *k, void *arg)
{
	const struct session *s = arg;
	json_t *now = NULL;
	int r = desk_get(k, NOUN_USER, doc_str(s->account, "id"), &now);
	/* The password was looked at outside the transaction: it may be another by now. */
	if (r == 0 && (doc_time(now, "password_changed_at") != doc_time(s->account, "password_changed_at") || json_is_true(json_object_get(now, "disabled"))))
		r = -EACCES;
	json_decref(now);
	if (r == 0)
		r = desk_keep(k, s->key, s->until, doc_str(s->account, "id"));
	return r < 0 ? r : note_session(k, s);
}

static int refuse_session(struct desk *k, void *arg)
{
	return note_session(k, arg);
}

static int end_session(struct desk *k, void *arg)
{
	const struct session *s = arg;
	int r = desk_unkeep(k, s->key);
	return r < 0 ? r : note_session(k, s);
}

static int open_session(struct auth *a, const json_t *account, char ret_secret[65])
{
	struct session s = {.user = doc_str(account, "name"), .verb = "log_in", .account = account};
	char secret[65];
	random_hex(secret, 32);
	session_key(str_n(secret, 64), s.key);
	s.until = clock_now(house_clock(a->house)) + config_duration(house_config(a->house), CFG_SESSION_AGE);
	int r = house_desk(a->house, begin_session, &s);
	if (r == 0)
		memcpy(ret_secret, secret, sizeof(secret));
	return r;
}

int auth_login(struct auth *a, struct str user, struct str password, char ret_session[65], struct principal *ret)
{
	if (!may_try(a, user, false))
		return -EUSERS;
	struct desk *k = house_reader_get(a->house);
	json_t *u = k ? find_by(k, NOUN_USER, "name = $1", user) : NULL;
	bool good = k && password_fits(k, u ? doc_str(u, "id") : STR("-"), password) && u && !json_is_true(json_object_get(u, "disabled"));
	house_reader_put(a->house, k);
	int r = good ? open_session(a, u, ret_session) : -EACCES;
	if (r == 0) {
		*ret = principal_of(u);
		forgive(a, user);
	} else if (r == -EACCES) {
		may_try(a, user, true);
		house_desk(a->house, refuse_session, &(struct session){.user = str_sub(user, 0, 100), .verb = "log_in_refused"});
	}
	json_decref(u);
	return r;
}

int auth_logout(struct auth *a, const struct principal *who, struct str cookie)
{
	struct session s = {.user = str_c(who->user), .verb = "log_out"};
	session_key(cookie, s.key);
	return house_desk(a->house, end_session, &s);
}

/* ---- users and tokens --------------------------------------------------------------------------------------------------------------------------------- */

static int check_roles(const json_t *list, struct diag *d)
{
	struct str names[ROLE_COUNT];
	for (size_t i = 0; i < ROLE_COUNT; i++)
		names[i] = str_c(ROLES[i]);
	if (!json_is_array(list) || !json_array_size(list))
		return doc_refuse(d, "roles", "missing_member", -EINVAL, "\"roles\" must name at least one role");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (role_parse(str_c(name)) == ROLE_COUNT) {
			int r = doc_refuse(d, "roles", "bad_value", -EINVAL, "there is no role \"%.50s\"", name ? name : "?");
			diag_suggest(d, str_c(name), names, ROLE_COUNT);
			return r;
		}
	}
	return 0;
}

static int check_password(const json_t *body, struct diag *d)
{
	return doc_str(body, "password").n >= PASSWORD_MIN ? 0 : doc_refuse(d, "password", "too_short", -EINVAL, "a password has at least %d characters", PASSWORD_MIN);
}

int auth_user_create(struct desk *k, const struct actor *who, const json_t *body, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"name", "display_name", "roles", "password", "mail", "lang", NULL}, *const KEPT[] = {"name", "display_name", "roles", "mail", "lang"};
	json_t *o, *had;
	int r = doc_only(body, MEMBERS, d);
	if (r == 0)
		r = doc_need_text(body, "name", d);
	if (r == 0 && doc_str(body, "name").n > 100)
		r = doc_refuse(d, "name", "too_long", -EINVAL, "a user name has at most 100 bytes");
	if (r == 0)
		r = check_roles(json_object_get(body, "roles"), d);
	if (r == 0 && json_object_get(body, "password"))
		r = check_password(body, d);
	if (r < 0)
		return r;
	if ((had = find_by(k, NOUN_USER, "name = $1", doc_str(body, "name")))) {
		json_decref(had);
		return doc_refuse(d, "name", "taken", -EEXIST, "there is a user %.*s already", STR_ARG(doc_str(body, "name")));
	}
	o = json_object();
	for (size_t i = 0; i < LEN(KEPT); i++)
		doc_copy(o, body, KEPT[i]);
	json_object_set_new(o, "disabled", json_false());
	r = desk_create(k, who, NOUN_USER, o, ret);
	json_decref(o);
	if (r == 0 && doc_str(body, "password").n)
		r = set_password(k, doc_str(*ret, "id"), doc_str(body, "password"));
	return r;
}

int auth_user_change(struct desk *k, const struct actor *who, struct str id, const json_t *body, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"display_name", "roles", "password", "mail", "lang", "disabled", NULL};
	json_t *patch;
	int r = doc_only(body, MEMBERS, d);
	if (r == 0 && json_object_get(body, "roles"))
		r = check_roles(json_object_get(body, "roles"), d);
	if (r == 0 && json_object_get(body, "password"))
		r = check_password(body, d);
	if (r < 0)
		return r;
	patch = json_object();
	for (size_t i = 0; MEMBERS[i]; i++)
		if (i != 2)
			doc_copy(patch, body, MEMBERS[i]);
	if (json_object_get(body, "password"))
		doc_set_time(patch, "password_changed_at", desk_now(k));
	r = desk_change(k, who, NOUN_USER, id, 0, json_object_get(body, "password") ? "password" : "change", patch, ret);
	json_decref(patch);
	if (r == 0 && json_object_get(body, "password"))
		r = set_password(k, id, doc_str(body, "password"));
	if (r == 0 && (json_object_get(body, "password") || json_is_true(json_object_get(body, "disabled"))))
		r = desk_unkeep_all(k, SESSION, id);
	return r;
}

void auth_token_hide(json_t *token)
{
	json_object_del(token, "hash");
}

int auth_token_create(struct desk *k, const struct actor *who, const json_t *body, struct diag *d, json_t **ret)
{
	static const char *const MEMBERS[] = {"roles", "user", "name", "site", "expires_at", NULL};
	char secret[80] = "hnm_", hash[65];
	json_t *o;
	int r = doc_only(body, MEMBERS, d);
	if (r == 0)
		r = check_roles(json_object_get(body, "roles"), d);
	if (r < 0)
		return r;
	random_hex(secret + 4, 32);
	hash_hex(str_c(secret), hash);
	o = json_object();
	for (size_t i = 0; MEMBERS[i]; i++)
		doc_copy(o, body, MEMBERS[i]);
	if (!doc_str(o, "user").n) {
		char user[128];
		snprintf(user, sizeof(user), "token:%s", json_string_value(json_array_get(json_object_get(body, "roles"), 0)));
		json_object_set_new(o, "user", json_string(user));
	}
	json_object_set_new(o, "hash", json_string(hash));
	json_object_set_new(o, "revoked", json_false());
	r = desk_create(k, who, NOUN_TOKEN, o, ret);
	json_decref(o);
	if (r == 0) {
		auth_token_hide(*ret);
		json_object_set_new(*ret, "token", json_string(secret));
	}
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

int auth_token_revoke(struct desk *k, const struct actor *who, struct str id, json_t **ret)
{
	json_t *patch = json_pack("{s:b}", "revoked", 1);
	int r = desk_change(k, who, NOUN_TOKEN, id, 0, "revoke", patch, ret);
	json_decref(patch);
	if (r == 0)
		auth_token_hide(*ret);
	return r;
}

struct first {
	char *password;
	bool made;
};

static int count(void *arg, json_t *doc)
{
	(void)doc;
	*(bool *)arg = true;
	return 1;
}

static int make_admin(struct desk *k, void *arg)
{
	static const struct actor SYSTEM = {{"system", 6}, {"system", 6}};
	struct first *f = arg;
	bool any = false;
	json_t *body, *made = NULL;
	int r = desk_list(k, NOUN_USER, "", NULL, 0, count, &any);
	if (r < 0 || any)
		return r < 0 ? r : 0;
	random_hex(f->password, 16);
	body = json_pack("{s:s, s:[s], s:s}", "name", "admin", "roles", "admin", "password", f->password);
	r = auth_user_create(k, &SYSTEM, body, NULL, &made);
	json_decref(body);
	json_decref(made);
	f->made = r == 0;
	return r;
}

int auth_first_admin(struct house *h, char ret_password[33])
{
	struct first f = {ret_password, false};
	int r = house_desk(h, make_admin, &f);
	return r < 0 ? r : f.made;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_API_AUTH_H
#define HINOMI_API_AUTH_H

#include "house/house.h"

/*
 * Who is asking and what he may do. Users (Argon2id passwords) and tokens (SHA-256 of a random secret) are objects of the desk. A session
 * is the SHA-256 of its secret beside the user's id, kept in the desk's database until it ends, so it outlives a restart; what the user may do
 * is read anew for each request. Wrong passwords are counted in memory. Roles are checked in one place: perm_allows with the route's permission, before the object is looked at.
 */
enum role {
#define ROLE(sym, name) ROLE_##sym,
#include "api/perms.def"
#undef ROLE
	ROLE_COUNT
};

enum perm {
#define PERM(sym, name, roles, help) PERM_##sym,
#include "api/perms.def"
#undef PERM
	PERM_COUNT
};

struct principal {
	char user[128];
	char site[128]; /* that a token belongs to: what it sends is from there; empty = the house's own */
	uint32_t roles; /* bits of enum role */
	bool local;     /* came through the local socket as the data directory's owner: admin and, for a command line, any role */
	bool cookie;    /* by session cookie: writes need the CSRF header */
};

struct auth;

/* Who came through the local socket. */
struct principal principal_local(void);

struct auth *auth_new(struct house *h);
void auth_free(struct auth *a);

bool perm_allows(enum perm p, const struct principal *who); /* who NULL = nobody */
const char *perm_name(enum perm p);
/* The name written into the ledger: the first role that gives the permission. */
struct str perm_role(enum perm p, const struct principal *who);
enum role role_parse(struct str name); /* ROLE_COUNT when unknown */
const char *role_name(enum role r);
/* Every role, for the rule book (house_opts). */
struct rulebook_words role_words(void);

/* From "Authorization: Bearer X" / "ApiKey X" / "Splunk X" and the session cookie; false = not valid (no header at all: false with *ret_given false). Thread-safe. */
bool auth_identify(struct auth *a, struct str authorization, struct str cookie, struct principal *ret, bool *ret_given);
/*
 * 0 and a session's secret (for Set-Cookie) that is durable; -EACCES, -EUSERS (too many failures for this name), or why it cannot be written. All but -EUSERS of
 * the former and the log-out are entries of the ledger. A new password and `disabled` end all sessions of the user.
 */
int auth_login(struct auth *a, struct str user, struct str password, char ret_session[65], struct principal *ret);
int auth_logout(struct auth *a, const struct principal *who, struct str cookie);

/* Inside the desk's transaction. roles: JSON array of names. The answered token is shown once and never stored. */
int auth_user_create(struct desk *k, const struct actor *who, const json_t *body, struct diag *d, json_t **ret);
int auth_user_change(struct desk *k, const struct actor *who, struct str id, const json_t *body, struct diag *d, json_t **ret);
/* What nobody needs to see of a token: the digest by which it is recognised. The ledger's entries keep it, because their bytes are what is proved. */
void auth_token_hide(json_t *token);
int auth_token_create(struct desk *k, const struct actor *who, const json_t *body, struct diag *d, json_t **ret);
int auth_token_revoke(struct desk *k, const struct actor *who, struct str id, json_t **ret);
/* The first start: an `admin` with a random password when there is no user yet; 1 and the password, 0 when there was one. */
int auth_first_admin(struct house *h, char ret_password[33]);

#endif

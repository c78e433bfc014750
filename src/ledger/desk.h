/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_DESK_H
#define HINOMI_LEDGER_DESK_H

#include "ledger/ledger.h"

#include <jansson.h>

/*
 * The one place through which the state of the desk changes: each call writes the object's row and its ledger entry in the running
 * transaction. An object is a JSON document of a noun (nouns.def: table, the members that are also columns for queries); its row is what
 * the sum of its ledger entries says, and `verify` holds the one against the other. The desk thread owns the writing handle; other threads
 * read with handles of their own (read_only).
 */
enum noun {
#define NOUN(sym, name, table, columns) NOUN_##sym,
#define COLUMN(name, type)
#include "ledger/nouns.def"
#undef NOUN
#undef COLUMN
	NOUN_COUNT
};

struct desk;

/* Who acts. user "system" for the program itself. */
struct actor {
	struct str user, role;
};

int desk_open(const char *dir, const struct clock *clock, bool read_only, struct diag *d, struct desk **ret);
void desk_close(struct desk *k);
struct db *desk_db(struct desk *k);
struct ledger *desk_ledger(struct desk *k);
tstamp desk_now(const struct desk *k);

/* Transactions: many changes share one commit, each tried for itself. After desk_commit the listeners hear of what was done. */
int desk_begin(struct desk *k);
int desk_commit(struct desk *k);
void desk_rollback(struct desk *k);
/* Runs fn inside the transaction; a negative answer undoes what fn wrote, alone. Answers fn's answer or why it could not be kept. */
int desk_try(struct desk *k, int (*fn)(struct desk *k, void *arg), void *arg);

/*
 * Makes an object: gives it `id` (time-sortable, from the database's counter), `number` (1, 2, … per noun), `version` 1, `created_at`,
 * `updated_at`, writes row and entry. doc is borrowed; *ret (may be NULL) is the stored document, owned by the caller.
 */
int desk_create(struct desk *k, const struct actor *who, enum noun noun, const json_t *doc, json_t **ret);
/*
 * Changes members of an object (RFC 7396 merge patch at the top level), version + 1. if_version 0 = whatever it is; -ESTALE when it differs,
 * -ENOENT when absent. verb is the ledger's word ("acknowledge", "close", …). A patch that changes nothing writes nothing.
 */
int desk_change(struct desk *k, const struct actor *who, enum noun noun, struct str id, uint64_t if_version, const char *verb, const json_t *patch, json_t **ret);
/* An entry about something that is no object of the desk (a sealed file, a log-in, a verification). */
int desk_note(struct desk *k, const struct actor *who, const char *noun, struct str id, const char *verb, const json_t *after);
/* Sequence number of the newest entry written by this handle. */
uint64_t desk_last_seq(const struct desk *k);

/* -ENOENT. The document is the caller's. */
int desk_get(struct desk *k, enum noun noun, struct str id, json_t **ret);
/* Objects whose columns satisfy `where` (SQL over nouns.def columns, parameters $1…), e.g. "status=$1 ORDER BY score DESC LIMIT 50". Calls cb with borrowed documents. */
struct desk_param {
	bool is_int;
	int64_t i;
	struct str s;
};
int desk_list(struct desk *k, enum noun noun, const char *where, const struct desk_param *param, size_t n, int (*cb)(void *arg, json_t *doc), void *arg);

/* Small values of the house itself ("detected_position", a correlator snapshot), inside the transaction, not in the ledger. */
int desk_state_set(struct desk *k, const char *key, struct str value);
int desk_state_get(struct desk *k, const char *key, struct buf *ret);
/* The same for what is wanted for a while only: -ENOENT from `until` on. It is erased by desk_keep_expire, which answers how many there were. */
int desk_keep(struct desk *k, const char *key, tstamp until, struct str value);
int desk_kept(struct desk *k, const char *key, struct buf *ret);
/* Forgets it now; of all keys that begin so, those that keep this value. What is not there is forgotten already. */
int desk_unkeep(struct desk *k, const char *key);
int desk_unkeep_all(struct desk *k, const char *prefix, struct str value);
int desk_keep_expire(struct desk *k);
tstamp desk_keep_oldest(struct desk *k); /* the earliest `until`, TS_NONE when nothing is kept */

/* Told after each commit, in order, on the committing thread: for SSE and the outbox. */
typedef void desk_listener(void *arg, enum noun noun, struct str id, uint64_t version, const char *verb);
void desk_listen(struct desk *k, desk_listener *fn, void *arg);

const char *noun_name(enum noun n);
enum noun noun_parse(struct str name); /* NOUN_COUNT when unknown */
/* Each row against the sum of its entries and its columns against its document. */
int desk_verify(struct desk *k, struct diag *d);

#endif

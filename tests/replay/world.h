/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPLAY_WORLD_H
#define HINOMI_REPLAY_WORLD_H

#include "api/call.h"
#include "base/map.h"
#include "base/test.h"
#include "scenario.h"

/*
 * One house under a virtual clock with the people of a scenario around it. All of them act through api_call as themselves. A failure prints the
 * scenario's file and line and ends the process (each scenario has a process of its own).
 */
struct person {
	struct str name;
	json_t *roles;
	struct principal who;
};

struct named {
	struct str name;
	const char *noun;
	char id[65]; /* of an object, or the secret of a session */
};

/* One try of the outbox to carry a notice out of the house. */
struct carried {
	char id[ID_TEXT + 1];
	bool arrived;
};

enum line { LINE_OK, LINE_DOWN, LINE_REFUSES };

struct world {
	const char *file;        /* of the scenario, for messages */
	const struct node *at;   /* the line being run */
	char dir[300], scratch[300];
	struct arena mem;
	struct config config;
	struct clock clock;
	struct house *house;     /* NULL before the first step */
	struct api *api;
	VEC(struct person) people;
	VEC(struct named) names;
	VEC(struct carried) carried;
	struct {
		struct str channel;
		enum line line;
	} line[8];               /* channels that do not work */
	size_t n_line;
	struct map claimed;      /* alerts and notices that an `expect` has taken */
	tstamp began_at;         /* when the house was opened first */
	tstamp acted_at;         /* time of the last feed or act */
	size_t alerts_told, notices_told; /* how many there were at the last `expect` */
	uint64_t acknowledged, unanswered; /* records: answered as durable; in doubt since the crash began */
	bool dying;              /* inside a `crash at` block */
	bool full;               /* the disk is, or will be */
	bool peopled;
};

/* Fails the scenario at the line being run. */
_Noreturn void world_fail(const struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

void world_init(struct world *w, const char *file);
void world_done(struct world *w);
/* Opens the house (and makes the people the first time); fails when it does not open. */
void world_open(struct world *w);
void world_close(struct world *w);
/* What the disk has is what the next opening finds. */
void world_crash(struct world *w);
/* Everything that can happen now happens. Under a full disk the house's errors are as they should be. */
void world_turn(struct world *w);
/* Moves the clock, stopping at every moment at which something is due. */
void world_wait_until(struct world *w, tstamp t);

struct person *world_person(struct world *w, struct str name);
struct named *world_named(struct world *w, struct str name);
void world_name(struct world *w, struct str name, const char *noun, struct str id);

struct request {
	enum api_method method;
	const char *path;        /* behind /api/v1 */
	struct str query, content_type, body, if_match, idempotency_key;
	struct str cookie;           /* a session's secret: whoever that is, not who */
	const struct principal *who; /* NULL = the scenario's reader */
};
/* *ret_doc (may be NULL) is the parsed answer, the caller's; NULL when it is no JSON. Answers the HTTP status. */
int world_call(struct world *w, const struct request *q, json_t **ret_doc, struct api_response *resp);
/* The answer of a GET that has to succeed, the caller's. */
json_t *world_get(struct world *w, const char *path, const char *query);
/* "@/x" is below the scenario's own files, anything else below the source root. */
const char *world_path(struct world *w, struct str path);
/* NUL-terminated, in the world's memory. */
const char *world_cstr(struct world *w, struct str s);
/* @NAME becomes the object's id, in texts and inside lists and objects. Borrows or in the world's memory. */
struct str world_resolve(struct world *w, struct str text);

#endif

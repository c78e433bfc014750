/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_API_CALL_H
#define HINOMI_API_CALL_H

#include "api/auth.h"
#include "api/console.h"

/*
 * The API without sockets: a request in, a response out. The HTTP server, the local socket, the command line on a stopped data directory
 * and the scenario tests all come through api_call, so what is tested is what is served. Routes are rows of routes.def.
 */
struct api {
	struct house *house;
	struct auth *auth;
	struct report_templates *templates; /* NULL = not found */
	_Atomic bool stopping;
};

enum api_method { API_GET, API_POST, API_PATCH, API_PUT, API_DELETE };

struct api_request {
	enum api_method method;
	struct str path;  /* "/api/v1/alerts/…", percent-encoded as it came */
	struct str query; /* behind '?' */
	struct str content_type, accept, if_match, idempotency_key, host;
	struct str csrf;
	struct str body;
	struct str peer; /* address of the sender */
	const struct principal *who;  /* NULL = nobody */
	struct str cookie;
};

struct api_response {
	int status;
	struct buf body;
	const char *content_type;
	char etag[32];
	char cookie[256];     /* Set-Cookie value, or empty */
	char retry_after[16];
	char disposition[300];
	bool elastic;         /* X-Elastic-Product */
	const struct console_file *file; /* the answer is a file of the console: whoever holds the socket sends it, the body is empty */
	bool stream;          /* the answer is the stream of changes: whoever holds the socket goes on with it */
};

int api_open(struct house *h, struct diag *d, struct api **ret);
void api_close(struct api *a);
/* Long work in running calls is given up soon (503). Any thread. */
void api_stop(struct api *a);
void api_response_init(struct api_response *r);
void api_response_done(struct api_response *r);

/* Never fails: trouble is a problem document in the response. Any thread. */
void api_call(struct api *a, const struct api_request *req, struct api_response *resp);

/* A request that is not even run, as a problem document with a code of problems.def. */
void api_refuse(struct api_response *resp, const char *code);

/* The description generated from routes.def (OpenAPI 3.1), the caller's. */
json_t *api_openapi(void);

/* For handlers: everything of one call. */
#define API_PARAMS 3
struct api_ctx {
	struct api *api;
	const struct api_request *req;
	struct api_response *resp;
	const struct route *route;
	struct str param[API_PARAMS]; /* {…} of the path, decoded into mem */
	struct arena mem;
	json_t *body;      /* parsed and checked against the route's shape, or NULL */
	struct desk *desk; /* reader */
	struct diag diag;
	struct actor actor;
	void *state;       /* the handler's own, for its api_change_fn */
};
typedef int api_handler(struct api_ctx *c); /* 0 = response is set; negative errno = problem made from it and diag */

enum {
	ROUTE_RAW = 1,   /* body is not JSON */
	ROUTE_MATCH = 2, /* needs If-Match */
};

struct route {
	enum api_method method;
	const char *path;
	api_handler *fn;
	enum perm perm;
	unsigned flags;
	const char *shape; /* "member:type! …": type str int bool arr obj any; ! = required. NULL = no body */
	const char *query; /* names of query parameters */
	const char *noun;  /* what it answers, for the description */
	const char *summary_en, *summary_ja;
};
const struct route *api_routes(size_t *ret_n);

/* A decoded query parameter; p == NULL when absent. */
struct str api_param(struct api_ctx *c, const char *name);
/* Parameter `limit` in 1..max; -EINVAL with a finding. */
int api_param_limit(struct api_ctx *c, uint64_t deflt, uint64_t max, uint64_t *ret);
int api_param_time(struct api_ctx *c, const char *name, tstamp *ret);

/* Standard base64 (RFC 4648, 4), blanks allowed between; out is capped by its max. False when it is none. */
bool api_base64(struct str text, struct buf *out);

/*
 * A change: fn runs in the desk's transaction with the caller's identity and answers the changed object. Handles Idempotency-Key (the answer is kept
 * for 24 hours), ETag and ledger_seq. Returns what a handler returns.
 */
typedef int api_change_fn(struct desk *k, struct api_ctx *c, json_t **ret);
int api_change(struct api_ctx *c, int status, api_change_fn *fn);
/* The version in If-Match, 0 when there is none. -EILSEQ when the route needs one, -EINVAL when it is no version. */
int api_version(struct api_ctx *c, uint64_t *ret);
/* One object of a noun as the answer. */
int api_answer_noun(struct api_ctx *c, enum noun noun, struct str id);
/* Objects of a noun, newest first, paged by `limit` and `cursor`; where / param as desk_list ("status = $1"), may be NULL. */
int api_answer_nouns(struct api_ctx *c, enum noun noun, const char *where, const struct desk_param *param, size_t n);

/* Answers a document (taken). */
int api_answer(struct api_ctx *c, int status, json_t *doc);
/* Answers a changed object: ETag and ledger_seq set. */
int api_answer_object(struct api_ctx *c, int status, json_t *doc, uint64_t seq);
int api_answer_list(struct api_ctx *c, json_t *items, const char *next_cursor);
/* A list that was made whole (items is taken), cut by `limit` and `cursor`, which is the last shown item's `key`: what is added meanwhile moves nothing. */
int api_answer_slice(struct api_ctx *c, json_t *items, const char *key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_DIAG_H
#define HINOMI_BASE_DIAG_H

#include "base/arena.h"
#include "base/vec.h"

/*
 * What is wrong with something a person wrote (rule, config, query, playbook, rule book): many findings per run, each with its place,
 * a sentence, a hint and a stable code. The same list is shown by the command line, the API and the console. Not thread-safe.
 */
enum diag_level { DIAG_HINT, DIAG_WARNING, DIAG_ERROR };

struct diag_item {
	enum diag_level level;
	struct str file; /* may be empty */
	unsigned line, column; /* 1-based, 0 = unknown; column counts bytes */
	const char *code; /* static, e.g. "sigma.unknown_modifier" */
	struct str message;
	struct str hint; /* may be empty */
};

struct diag {
	struct arena mem;
	VEC(struct diag_item) items;
	size_t errors, warnings;
	size_t dropped; /* beyond DIAG_MAX findings only counted */
	struct str file; /* for items added from now on (set with diag_file) */
};

#define DIAG_MAX 10000

struct diag_at {
	unsigned line, column;
};

void diag_init(struct diag *d);
void diag_done(struct diag *d);
void diag_reset(struct diag *d);
/* Copies the name. */
void diag_file(struct diag *d, struct str file);

/* d may be NULL (finding is dropped). Always returns -EINVAL for errors and 0 otherwise, so `return diag_error(…)` reads well. */
int diag_error(struct diag *d, struct diag_at at, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
int diag_warning(struct diag *d, struct diag_at at, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
int diag_note(struct diag *d, struct diag_at at, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Adds a hint to the finding added last. */
void diag_hint(struct diag *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds "did you mean X?" when one of the names is near to what was written. */
void diag_suggest(struct diag *d, struct str written, const struct str *names, size_t n);

/* "file:line:col: error: message [code]\n  hint: …\n" per finding, in order of file and line. */
void diag_print(const struct diag *d, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SOC_RULEBOOK_H
#define HINOMI_SOC_RULEBOOK_H

#include "ledger/notice.h"

/*
 * The escalation rule book: a versioned YAML table (docs/formats/rulebook.md) that says who is called, by which channel, acknowledge within
 * which time, else who next. The first row whose `when` fits the alert decides. Immutable after loading; shared by threads.
 */
struct rulebook_step {
	struct str who;       /* oncall(csirt), role(soc_lead), queue(l1), user(sato) */
	struct str by[8];
	size_t n_by;
	int64_t ack_within;   /* ns; 0 = tells only, nobody has to answer */
};

struct rulebook_when {
	struct str key;       /* priority, level, tactic, rule, product, asset.criticality, hours */
	struct str value[32];
	size_t n;
};

struct rulebook_row {
	struct str name_ja, name_en;
	struct rulebook_when when[8];
	size_t n_when;
	struct rulebook_step step[16];
	size_t n_step;
	int64_t hand_off_within; /* ns; 0 = not required */
	unsigned line;
};

struct rulebook_accept {
	struct str priority[4];
	size_t n_priority;
	int64_t within;
	struct rulebook_step otherwise;
};

#define RULEBOOK_TEXT_MAX (1u << 20)

struct rulebook {
	struct arena mem;
	struct str name, effective, approved_by;
	int64_t version;
	int64_t fold_ns;         /* an alert folds further detections this long after the last one */
	unsigned office_days;    /* bit 0 = Monday */
	int office_from, office_to; /* minutes of the day */
	struct str closed[400];  /* "2026-12-29" or "12-29" */
	size_t n_closed;
	struct rulebook_row row[64];
	size_t n_row;
	struct rulebook_accept accept[8];
	size_t n_accept;
};

/* The names that a receiver may have; no roles = every name. Whoever knows them passes them in. */
struct rulebook_words {
	const struct str *role; /* role(NAME), queue(NAME) */
	size_t n_role;
	const struct str *team; /* of `duty`: oncall(NAME), beside soc, csirt and the roles */
	size_t n_team;
	bool any_team;          /* oncall(NAME) is not looked at */
};

/* Every fault is a finding with its place. -EINVAL when there was one: a book is used whole or not at all. words may be NULL. */
int rulebook_load_text(struct str yaml, struct str file, const struct rulebook_words *words, struct diag *d, struct rulebook **ret);
/* ret_text (may be NULL) gets the file's text, good or bad. */
int rulebook_load(const char *path, const struct rulebook_words *words, struct buf *ret_text, struct diag *d, struct rulebook **ret);
void rulebook_free(struct rulebook *b);

/* Index of the first row that fits the alert's document at this time, or -1. */
int rulebook_match(const struct rulebook *b, const json_t *alert, tstamp now, int offset_s);
bool rulebook_in_office(const struct rulebook *b, tstamp now, int offset_s);
/* How fast a hand-off of this priority must be accepted; NULL = no row says so. */
const struct rulebook_accept *rulebook_accept_row(const struct rulebook *b, struct str priority);
/* The book as a procedure (手順書) in Markdown. */
void rulebook_print(const struct rulebook *b, bool ja, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_MATCHER_H
#define HINOMI_SIGMA_MATCHER_H

#include "sigma/pairs.h"
#include "sigma/memory.h"

/*
 * One event against the image; only src/sigma includes this. (1) Values of fields that can wake a rule open gates (ask.c), (2) open gates wake rules of
 * the event's route, (3) the woken rules' conditions are evaluated lazily (match.c): a test whose gate tells the answer costs a look at the gate, other atoms
 * (atoms.c) are asked at most once an event. Fields that only answer are asked when the first test needs them.
 */

/* A value of the event at hand, by the place of its field. */
struct value {
	struct str text, fold;
	uint64_t hash[2];
	uint64_t key[2];       /* of its cache line */
	uint32_t text_stamp, fold_stamp, hash_stamp, key_stamp, search_stamp; /* the event they are of */
	uint32_t searches;     /* of the text for one string each */
	const struct pairs *pairs; /* of the folded text; NULL: it was not searched often enough */
};

/* Where the event at hand has a field. */
struct place {
	uint32_t stamp, last;
	uint32_t asked; /* stamp: its gates are open or shut */
	bool many;      /* occurs more than once, and not as an array: the last one counts, though gates were opened by all */
	uint64_t line_clock;     /* when … */
	struct cache_line *line; /* … this was the line of its one text; NULL: it had none */
};

/* What evaluating a rule touches, in one cache line. */
#define WINDOW_STEPS 16000u
struct rule_state {
	uint32_t start;  /* its first test, or an end: rule_code.start */
	uint64_t window; /* 1 + the number of the window (sigma_matcher_window) … */
	uint32_t left;   /* … in which its searches may still take so many steps */
	uint32_t parts;  /* 1 + the first of its condition, 0: they are not made */
	uint64_t evaluated, hits;
} __attribute__((aligned(64)));

/* A part of a condition, for its explanation: parts stand one behind the other as they are written, each before its own. */
struct part {
	struct test test;     /* of an atom; it leads nowhere */
	struct str selection;
	uint32_t n;           /* it and its own */
	uint8_t kind;         /* enum expr_kind */
};

/* Which evaluations of a rule are timed: the last one that was, and the next. */
struct timing {
	uint64_t last, next;
};

struct sigma_matcher {
	struct sigma_image *img;
	struct cache_line *cache;
	uint64_t seed;
	unsigned char *secret;      /* of the hash, made of seed */
	VEC(struct way) ways;       /* by lsset */

	uint32_t stamp;             /* of the event at hand */
	uint64_t *woken;            /* bit set: rules woken by this event, those of other routes, too */
	uint64_t *woken_some;       /* bit set: its words that are not empty */
	struct rule_state *rule;    /* by rule */
	struct sigma_rule_counts *rule_count; /* by rule; evaluated and hits are in its state */
	uint64_t window;
	struct timing *timing;      /* by rule; NULL: nobody asked for it */
	int64_t clock_ns;           /* what looking at the clock takes */
	uint32_t budget;            /* steps that searches of the rule at hand may still take in this window */
	uint64_t *aside;            /* atom: 1 + the window in which its search was given up; it is not searched for again there */
	bool limited;               /* a search of the rule at hand was given up */
	bool left_out;              /* … or had been before */
	bool unanswered;            /* either: the question has no answer */
	bool unknown;               /* what such a question counts as */
	uint32_t *memo;             /* atom: stamp * 2 + answer */
	uint32_t *memo_at;          /* atom that holds: the field that made it, UINT32_MAX when none did */
	uint32_t *gate_stamp;
	struct place *place;        /* by field_id */
	uint64_t line_clock;        /* moves on with each event and whenever a value takes a cache line */
	VEC(struct value) values;
	struct value raw;
	struct arena mem;
	VEC(uint16_t) open;         /* gates of the value at hand, each once */
	uint32_t asked, *noted;     /* questions so far; by gate: the last that opened it */
	VEC(struct part) parts;     /* of the rules that were explained */
	VEC(struct sigma_reason) reasons;
	const struct event *ev;
	const struct route *route;
	struct seen *seen;          /* by place in the event */
	struct layout *layout;      /* LAYOUTS of the route's events */
	struct sigma_counts count;
	pcre2_match_data *re_data;
	pcre2_match_context *re_ctx;
};

#define WOKEN_WORDS(img) ((img)->n_rule / 64 + 1)
#define WOKEN_SOME(img) ((img)->n_rule / 4096 + 1)

static inline void wake_rule(struct sigma_matcher *m, uint32_t rule)
{
	m->woken[rule / 64] |= UINT64_C(1) << rule % 64;
	m->woken_some[rule / 4096] |= UINT64_C(1) << rule / 64 % 64;
}

/* ---- ask.c ------------------------------------------------------------------------------------------------------------------------- */

void asking_init(struct sigma_matcher *m); /* m->img is set */
void asking_done(struct sigma_matcher *m);
/* Opens gates by the values of all fields that can wake a rule, and by keywords; notes where each field is. m->ev and m->route are set. */
void open_gates(struct sigma_matcher *m);
/* Opens gates by the values of a field that waited. */
void open_gates_of(struct sigma_matcher *m, field_id id);

struct value *value_of(struct sigma_matcher *m, uint32_t field);
/* The original line as a value. */
struct value *raw_of(struct sigma_matcher *m);
struct str fold_of(struct sigma_matcher *m, struct value *v);
/* Where the value's gates and answers are remembered; NULL when another value took the place meanwhile. */
struct cache_line *line_of(struct sigma_matcher *m, uint32_t field);
/* Lines have their words in one text, JSON and EVTX have values: keywords search the one or the others. */
bool keywords_in_raw(const struct event *ev);

/*
 * An open gate may be too wide, a closed one is sure: every value of its field was asked, so its atom is false. For tests of the route's rules only, whose gates
 * the route has.
 */
static inline bool gate_closed(struct sigma_matcher *m, uint16_t gate, field_id field)
{
	if (m->gate_stamp[gate] == m->stamp)
		return false;
	const struct place *p = &m->place[field];
	if (!field || p->stamp != m->stamp || p->asked == m->stamp)
		return true;
	open_gates_of(m, field);
	return m->gate_stamp[gate] != m->stamp;
}

/* ---- atoms.c ----------------------------------------------------------------------------------------------------------------------- */

/* The answer to a test of a text (test.answer) that its gate leaves open, remembered with the value. */
bool text_holds(struct sigma_matcher *m, const struct test *t);
/* The answer to an atom of a rule of the route, at most once an event. */
bool atom_holds(struct sigma_matcher *m, uint32_t atom);
/* One value against an atom. f is the value's text. */
bool atom_fits(struct sigma_matcher *m, const struct atom *a, struct val v, struct value *f);

#endif

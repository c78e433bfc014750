/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_IMAGE_H
#define HINOMI_SIGMA_IMAGE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/map.h"
#include "sigma/correlate.h"
#include "sigma/sigma.h"

#include <pcre2.h>

/*
 * The compiled rules as the engine sees them; only src/sigma includes this. Nothing here changes once sigma_compile has answered, but that routes are added.
 *
 * An atom is the smallest question to an event: (field, operator, folded value). Atoms are interned over all rules, so each is asked at most
 * once per event, and only when a rule that was woken needs the answer. A rule's condition is a tree over its atoms.
 */
enum atom_op { ATOM_EQ, ATOM_PREFIX, ATOM_SUFFIX, ATOM_CONTAINS, ATOM_GLOB, ATOM_REGEX, ATOM_NUMBER, ATOM_CIDR, ATOM_NULL, ATOM_EXISTS, ATOM_FIELDREF, ATOM_TIME };
enum { ATOM_F_CASED = 1, ATOM_F_RE_I = 2, ATOM_F_RE_M = 4, ATOM_F_RE_S = 8 };
/* ATOM_NUMBER's comparison; ATOM_FIELDREF's kind of match is an atom_op; ATOM_TIME's part is a character of "mhdwMy". */
enum number_cmp { CMP_EQ, CMP_LT, CMP_LTE, CMP_GT, CMP_GTE };

struct atom {
	field_id field;   /* FIELD_UNKNOWN = keyword: any value */
	uint8_t op, flags, sub;
	bool keyword;
	struct str text;  /* folded unless cased; GLOB: with \ before literal * ? \ ; REGEX: the pattern */
	double number;
	int64_t integer;
	bool is_int;
	field_id other;   /* FIELDREF */
	unsigned char net[16];
	unsigned bits;
	struct regex *re; /* the image owns it */
	uint16_t gate;    /* 1-based, 0 = the indexes do not ask for it */
	uint16_t answer;  /* the number under which answers are remembered with a value, 1-based; 0 = they are not */
};

enum expr_kind { EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_ATOM, EXPR_TRUE, EXPR_FALSE };
struct expr {
	uint8_t kind;
	uint32_t atom;
	struct str selection; /* on the topmost node of a selection */
	struct expr **kid;
	size_t n;
};

/*
 * A condition as a chain of tests: the answer to one atom says which test comes next. Cheap and telling tests come first; what the rule was woken by,
 * and is probably true, last.
 */
struct test {
	uint32_t atom;
	uint32_t yes, no; /* the next test of the image, or one of the two ends */
	uint16_t gate;    /* the atom's gate, 1-based; a closed gate answers no without looking. 0 = none */
	uint16_t answer;  /* the atom's */
	field_id field;   /* where the atom looks */
	bool exact;       /* an open gate answers yes */
	uint8_t run;      /* > 0: it asks whether one of so many tests behind it holds, which are in no chain; the atom is that of the first */
};
#define TEST_TRUE UINT32_MAX
#define TEST_FALSE (UINT32_MAX - 1)

struct rule_code {
	struct expr *expr;
	uint32_t start;      /* its first test, or an end */
	uint32_t test, n_test; /* all its tests in the image */
	uint32_t *witness; /* atoms of which one must hold */
	size_t n_witness;
	uint32_t *waking; /* gates that open when one of them does, 1-based */
	size_t n_waking;
	bool always;      /* no gate: evaluated on every event of its route */
};

struct field_index; /* gate.c */
struct routes; /* route.c */
struct pairs_need;

#define GATE_INEXACT UINT32_MAX

/* A gate as routes see it. */
struct gate_info {
	field_id field; /* where it looks, FIELD_UNKNOWN = keywords */
	uint8_t kind;   /* enum gate_kind */
	bool worded;    /* its text has a character that numbers, times and hex digits lack */
	uint32_t n;     /* bytes of its text */
	uint32_t exact; /* the atom that is true of a value just when the value opens the gate */
};

struct sigma_image {
	_Atomic int refs;
	struct arena mem;
	struct vocab *vocab;
	enum sigma_routing routing;
	struct sigma_rule *rule;
	struct rule_code *code;
	struct correlation *correlation; /* parallel to rule; type NULL for plain rules */
	size_t n_rule, refused;
	struct atom *atom;
	size_t n_atom;
	struct map by_name; /* id and name -> rule */

	struct test *test; /* of all rules (program.c) */
	size_t n_test;

	/* gates (gate.c) */
	struct field_index **index; /* by field_id; index[0] = keywords */
	size_t n_field;
	struct {
		struct str product;
		struct field_index *ix; /* of the keywords of its rules */
	} *words;
	size_t n_words;
	uint32_t **gate_rules;      /* by gate number: rules it wakes, ended by UINT32_MAX; none when it only answers for its atom */
	struct gate_info *gate;     /* by gate number */
	size_t n_gate;
	uint32_t *always;
	size_t n_always;

	struct pairs_need *need; /* by answer (pairs.h) */
	struct routes *routes; /* shared by all matchers, which may add some */
};

/* A set of numbers, 64 to a word. */
static inline bool has_bit(const uint64_t *set, size_t i)
{
	return set[i / 64] >> (i % 64) & 1;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_PARTS_H
#define HINOMI_SIGMA_PARTS_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/map.h"
#include "codec/yaml.h"
#include "sigma/correlate.h"
#include "sigma/sigma.h"

#include <pcre2.h>

/*
 * The engine's own view; only src/sigma includes this.
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
	pcre2_code *re;
	uint16_t gate;    /* 1-based number among the gate atoms, 0 = none */
};

enum expr_kind { EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_ATOM, EXPR_TRUE, EXPR_FALSE };
struct expr {
	uint8_t kind;
	uint32_t atom;
	struct str selection; /* on the topmost node of a selection */
	struct expr **kid;
	size_t n;
};

/* A document on its way from YAML to the image. */
struct doc {
	struct sigma_rule meta;
	const struct yaml_node *root;
	struct diag_at at;
	bool refused;
	bool used; /* a filter: it applies to some rule */
	struct doc *next;
};

struct sigma_set {
	struct arena mem;
	struct doc *first, **last;
	size_t loaded, refused;
	struct map ids; /* id -> doc */
};

struct rule_code {
	struct expr *expr;
	uint32_t *witness; /* atoms of which one must hold */
	size_t n_witness;
	bool always;      /* no gate: evaluated on every event of its route */
};

struct field_index; /* gate.c */

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

	/* gates (gate.c) */
	struct field_index **index; /* by field_id; index[0] = keywords */
	size_t n_field;
	uint32_t **gate_rules;      /* by gate number: rules it wakes, ended by UINT32_MAX */
	size_t n_gate;
	uint32_t *always;
	size_t n_always;
	bool any_keyword;
};

/* What one compilation shares. */
struct compiler {
	struct sigma_set *set;
	struct vocab *vocab;
	const struct sigma_opts *opts;
	struct diag *d;
	struct sigma_image *img;
	VEC(struct atom) atoms;
	VEC(struct doc *) filters;
	struct map atom_index;
	VEC(struct str) placeholders; /* names, by unit of a string (placeholder.c) */
	struct map lists;             /* lists/name.csv as read */
	struct arena scratch; /* of the rule at hand */
	struct arena keep;    /* of the whole compilation */
};

/* load.c: metadata of one document. False = refused (finding given). */
bool doc_read(struct sigma_set *s, struct doc *doc, struct str file, struct diag *d);

/* value.c */
uint32_t atom_intern(struct compiler *c, const struct atom *a);
struct expr *expr_new(struct arena *mem, enum expr_kind kind, size_t room);
void expr_add(struct expr *e, struct expr *kid);
struct expr *expr_not(struct arena *mem, struct expr *of);
struct expr *expr_atom(struct compiler *c, const struct atom *a);

/* match.c: does the image's routing show events of these log sources to a rule of that one? */
bool sigma_rule_fits(const struct sigma_image *img, const struct logsource *rule, const struct logsource *ls, size_t n);

/* correlate_load.c */
struct correlation;
bool correlation_compile(struct compiler *c, struct doc *doc, uint32_t rule);
bool correlations_link(struct compiler *c);

/* gate.c */
int gates_build(struct compiler *c);
void gates_free(struct sigma_image *img);

/* glob over folded text: * and ?, \ before a literal one. ? is one code point. Bounded: O(n*m). */
bool glob_match(struct str pattern, struct str text);
struct str fold_dup(struct arena *mem, struct str s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_PARTS_H
#define HINOMI_SIGMA_PARTS_H

#include "codec/yaml.h"
#include "sigma/image.h"

/* The compiler's own view; only src/sigma includes this. */

/* A document on its way from YAML to the image. */
struct doc {
	struct sigma_rule meta;
	const struct yaml_node *root;
	struct diag_at at;
	bool refused;
	bool used; /* a filter: it applies to some rule */
	bool needed; /* by a correlation that is wanted, whatever level or status was asked for */
	struct doc *next;
};

struct sigma_set {
	struct arena mem;
	struct doc *first, **last;
	size_t loaded, refused;
	struct map ids, names; /* -> doc */
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
	struct pipelines *pipelines;  /* NULL = none */
	struct lint *lint;            /* NULL = not asked for */
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
/* Its value when holds tells each leaf; what the value does not depend on is not asked. */
bool expr_holds(const struct expr *e, bool (*holds)(void *arg, uint32_t leaf), void *arg);
struct expr *expr_atom(struct compiler *c, const struct atom *a);

/* atoms.c: a whole number, however it is written (007, 1e20, 2.50e1), as its digits without leading zeros (in buf, WHOLE_DIGITS_MAX bytes); false when v is none or has more. */
#define WHOLE_DIGITS_MAX 64
bool val_whole_digits(struct val v, char *buf, struct str *ret);

/* route.c */
struct routes *routes_new(void);
void routes_free(struct routes *all);
/* Does the image's routing show events of these log sources to a rule of that one? */
bool sigma_rule_fits(const struct sigma_image *img, const struct logsource *rule, const struct logsource *ls, size_t n);

/* correlate_load.c */
struct correlation;
bool correlation_compile(struct compiler *c, struct doc *doc, uint32_t rule);
bool correlations_link(struct compiler *c);

/* gate.c */
void gates_build(struct compiler *c);
void gates_free(struct sigma_image *img);

/* Of the values of everyday life (ordinary.def) those of which the atom is true; 0 of what looks for no text. */
double ordinary_share(const struct atom *a);

/* program.c: the tests of all rules; after gates_build. */
void programs_build(struct sigma_image *img);
/* One test of an atom. */
struct test program_test(const struct sigma_image *img, uint32_t atom, uint32_t yes, uint32_t no);

/* glob over folded text: * and ?, \ before a literal one. ? is one code point. O(n) for text that is UTF-8 and pieces of at most 64 bytes between stars, else O(n*m). */
bool glob_match(struct str pattern, struct str text);
/* LITERAL_ROOM zeros stand behind it. */
struct str fold_dup(struct arena *mem, struct str s);

#endif

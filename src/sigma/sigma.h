/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_SIGMA_H
#define HINOMI_SIGMA_SIGMA_H

#include "base/diag.h"
#include "event/event.h"
#include "event/vocab.h"

/*
 * Sigma 2.1 (specification v2.1.0): rule files -> documents -> one immutable image -> matches that explain themselves.
 *
 *   struct sigma_set *set = sigma_set_new();              load: any number of files, findings in diag, bad documents refused by name
 *   sigma_set_add_path(set, "rules/", d);
 *   sigma_compile(set, vocab, &opts, d, &image);          adds the rules' field names to the vocabulary; atoms interned, routed, gated
 *   vocab_freeze(vocab);
 *   struct sigma_matcher *m = sigma_matcher_new(image);   one per thread
 *   sigma_match(m, ev, cb, arg);                          candidates by atoms, conditions lazily
 *
 * The image is shared read-only by all threads and swapped whole on reload.
 */
struct sigma_set;
struct sigma_image;
struct sigma_matcher;

enum sigma_level { SIGMA_INFORMATIONAL, SIGMA_LOW, SIGMA_MEDIUM, SIGMA_HIGH, SIGMA_CRITICAL };
enum sigma_routing { SIGMA_ROUTE_STRICT, SIGMA_ROUTE_CONFLICT, SIGMA_ROUTE_OFF };
enum sigma_doc_kind { SIGMA_RULE, SIGMA_CORRELATION, SIGMA_FILTER };

/* What the rest of the house reads of a rule; owned by the image. */
struct sigma_rule {
	uint32_t index; /* dense, 0..n-1 in load order */
	enum sigma_doc_kind kind;
	enum sigma_level level;
	bool feeds;  /* counts for some correlation */
	bool silent; /* only feeds correlations that do not `generate`, or is hidden */
	bool hidden; /* of a level or status that was not asked for: here for the correlations that count it, never shown */
	struct str id, name, title, title_ja, status, description, author, file;
	struct str explain_ja, explain_en; /* our own custom field `explanation` */
	struct logsource logsource;
	const struct str *tag;
	size_t n_tag;
	const struct str *falsepositive;
	size_t n_falsepositive;
	unsigned line;
};

struct sigma_opts {
	enum sigma_routing routing;
	enum sigma_level min_level;
	const struct str *status; /* allowed ones; NULL = all but unsupported and deprecated */
	size_t n_status;
	const char *const *pipeline; /* pySigma-style pipeline files, in order */
	size_t n_pipeline;
	bool lint;             /* warnings about what rules ask, for their authors (`rules check`) */
	const char *lists_dir; /* values of |expand placeholders: one NAME.csv each; NULL = none */
};

struct sigma_set *sigma_set_new(void);
void sigma_set_free(struct sigma_set *s);
/* File or directory (recursive, *.yml, *.yaml). 0, or -EINVAL when at least one document was refused (the others are in). */
int sigma_set_add_path(struct sigma_set *s, const char *path, struct diag *d);
int sigma_set_add_text(struct sigma_set *s, struct str yaml, struct str file, struct diag *d);
size_t sigma_set_loaded(const struct sigma_set *s);
size_t sigma_set_refused(const struct sigma_set *s);

/* 0 and an image of every usable document (its reference is the caller's), also when some were refused; -EINVAL when none is usable. */
int sigma_compile(struct sigma_set *s, struct vocab *v, const struct sigma_opts *o, struct diag *d, struct sigma_image **ret);
struct sigma_image *sigma_image_ref(struct sigma_image *img);
void sigma_image_unref(struct sigma_image *img);
const struct sigma_rule *sigma_image_rules(const struct sigma_image *img, size_t *ret_n);
/* By id or name; NULL when absent. */
const struct sigma_rule *sigma_image_find(const struct sigma_image *img, struct str id_or_name);
size_t sigma_image_refused(const struct sigma_image *img);

/* Why: which selection and which field. Valid during the callback. */
struct sigma_reason {
	struct str selection, field;
	uint32_t at; /* the event's field that has the value; SIGMA_NOWHERE: it is the line, or no field has the name */
	bool last;   /* … and no other of that name stands behind it, nor is it one of an array: event_field answers with it */
	uint32_t number; /* with one matcher, reasons of the same number have the same selection and field; 0 tells nothing */
};
#define SIGMA_NOWHERE UINT32_MAX
struct sigma_hit {
	const struct sigma_rule *rule;
	const struct sigma_reason *reason;
	size_t n_reason;
	struct sigma_matcher *matcher;
};
/* The value as the event wrote it (UTF-8, not folded). Borrowed, as long as the reason. */
struct str sigma_hit_value(const struct sigma_hit *hit, size_t reason);
typedef int sigma_hit_cb(void *arg, const struct sigma_hit *hit);

struct sigma_matcher *sigma_matcher_new(struct sigma_image *img);
void sigma_matcher_free(struct sigma_matcher *m);
/* Calls cb for each matching rule in rule order, silent rules too. Returns the number of hits, or cb's first non-zero answer if negative. */
int sigma_match(struct sigma_matcher *m, const struct event *ev, sigma_hit_cb *cb, void *arg);
/*
 * No pattern stalls the engine: what the searches of a rule may cost in a window is limited, and a pattern that is given up is not searched for in the rest of it. Its question then has no
 * answer, and a rule holds only where it would with either. The caller names the
 * window of the events to come, by their place in the input (scan: the block; server: the MiB of the log), so that the same input gives the same
 * result live, replayed and on any number of threads.
 */
void sigma_matcher_window(struct sigma_matcher *m, uint64_t window);

/*
 * From now on evaluations of each rule are timed: the first, second, fourth … and every so many. Each stands for those since the one before, so that a first look, which finds
 * nothing in the processor's caches, counts once. Off until asked for, before the first event.
 */
#define SIGMA_TIMED_EACH 64u
void sigma_matcher_time_rules(struct sigma_matcher *m);

/* What the matcher has done since it was made. */
struct sigma_counts {
	uint64_t events;
	uint64_t values;    /* looked at by some gate of the event's route */
	uint64_t known;     /* of them: answered by the value cache */
	uint64_t evaluated; /* conditions of woken rules */
	uint64_t atoms;     /* questions answered for them */
	uint64_t hits;
};
void sigma_matcher_counts(const struct sigma_matcher *m, struct sigma_counts *ret);
/* The same by rule (index); borrowed, as they are now. */
struct sigma_rule_counts {
	uint64_t evaluated, hits;
	uint64_t limited;   /* evaluations that ran into the limit of regular expressions */
	uint64_t set_aside; /* evaluations without such a search, because it had been given up before */
	uint64_t timed;     /* evaluations whose time was taken (sigma_matcher_time_rules) */
	uint64_t sample, sample_ns; /* the evaluations that these stand for, and what they took if all were like them */
};
const struct sigma_rule_counts *sigma_matcher_rule_counts(struct sigma_matcher *m);

#endif

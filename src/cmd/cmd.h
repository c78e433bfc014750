/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_CMD_H
#define HINOMI_CMD_CMD_H

#include "base/diag.h"

/* The command line: one row of verbs.def per verb, one table of options per verb; --help comes from the tables. */

/* Exit statuses of every verb. */
enum { EXIT_DONE = 0, EXIT_FOUND = 1, EXIT_USAGE = 2, EXIT_UNREADABLE = 3, EXIT_INTERNAL = 4 };

enum opt_kind { OPT_FLAG, OPT_TEXT, OPT_LIST };

struct opt {
	char letter;            /* 0 = none */
	const char *name;       /* without the dashes */
	enum opt_kind kind;
	const char *value;      /* how the value is called in --help, or words to choose from "a|b|c" */
	const char *help_en, *help_ja;
};

/* What was given, parallel to the table: text (last given), or the list. */
struct given {
	const char *text;
	VEC(const char *) list;
	bool set;
};

struct command {
	const char *verb;
	const char *usage;      /* behind "hinomi VERB " */
	const char *help_en, *help_ja;
	const struct opt *opt;
	size_t n_opt;
	struct given *given;
	VEC(const char *) args;
};

/* Parses argv behind the verb. 0, or the exit status to end with (--help, a mistake: both have said their text). */
int command_parse(struct command *c, int argc, char **argv);
void command_done(struct command *c);
/* All of it: fn has what was parsed and answers the exit status. */
int command_run(struct command *c, int argc, char **argv, int (*fn)(struct command *c));
/* The option's value by its name. */
const char *command_text(const struct command *c, const char *name);
bool command_set(const struct command *c, const char *name);
const struct given *command_given(const struct command *c, const char *name);

/* True when messages to people are Japanese ($LANG, --lang). */
bool lang_is_ja(void);
#define SAY(en, ja) (lang_is_ja() ? (ja) : (en))

/* Writes all to stdout; false when nobody reads any more (a closed pipe): the verb then ends quietly. */
bool out_write(struct str s);
/* Findings to stderr. */
void say_findings(const struct diag *d);

#define VERB(name, fn, en, ja) int fn(int argc, char **argv);
#include "cmd/verbs.def"
#undef VERB

#endif

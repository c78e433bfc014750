/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *en, *ja;
} VERBS[] = {
#define VERB(name, fn, en, ja) {name, fn, en, ja},
#ifdef HINOMI_SCAN_ONLY
#include "cmd/verbs_scan.def"
#else
#include "cmd/verbs.def"
#endif
#undef VERB
};

static const char *lang_choice;

bool lang_is_ja(void)
{
	static const char *const from[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
	if (lang_choice)
		return str_starts(str_c(lang_choice), STR("ja"));
	for (size_t i = 0; i < LEN(from); i++) {
		const char *v = getenv(from[i]);
		if (v && *v)
			return str_starts(str_c(v), STR("ja"));
	}
	return false;
}

bool out_write(struct str s)
{
	while (s.n) {
		ssize_t put = write(STDOUT_FILENO, s.p, s.n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		s = str_sub(s, (size_t)put, s.n);
	}
	return true;
}

void say_findings(const struct diag *d)
{
	struct buf b = BUF_INIT(64u << 20);
	diag_print(d, &b);
	fputs(buf_cstr(&b), stderr);
	buf_done(&b);
}

/* ---- options --------------------------------------------------------------------------------------------------------------------------- */

static void help(const struct command *c)
{
	printf("hinomi %s %s\n\n%s\n\n", c->verb, c->usage, SAY(c->help_en, c->help_ja));
	for (size_t i = 0; i < c->n_opt; i++) {
		const struct opt *o = &c->opt[i];
		char left[100];
		snprintf(left, sizeof(left), "%s%c%s--%s%s%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->kind == OPT_FLAG ? "" : " ",
			o->kind == OPT_FLAG ? "" : o->value);
		printf("  %-44s %s%s\n", left, SAY(o->help_en, o->help_ja), o->kind == OPT_LIST ? SAY(" (may be repeated)", " (複数指定可)") : "");
	}
	printf("  %-44s %s\n", "    --lang ja|en", SAY("language of messages", "メッセージの言語"));
	printf("  %-44s %s\n", "    --help", SAY("this text", "この説明"));
}

static int usage_error(const struct command *c, const char *what, const char *word)
{
	fprintf(stderr, "hinomi %s: %s%s%s\n  hint: hinomi %s --help\n", c->verb, what, *word ? ": " : "", word, c->verb);
	return EXIT_USAGE;
}

static const struct opt *find_opt(const struct command *c, const char *word, size_t n, char letter)
{
	for (size_t i = 0; i < c->n_opt; i++)
		if (letter ? c->opt[i].letter == letter : str_eq(str_c(c->opt[i].name), str_n(word, n)))
			return &c->opt[i];
	return NULL;
}

static bool is_choice(const struct opt *o, const char *value)
{
	struct str rest = str_c(o->value), word;
	if (!strchr(o->value, '|'))
		return true;
	while (str_cut(&rest, '|', &word))
		if (str_eq(word, str_c(value)))
			return true;
	return false;
}

static int take_value(struct command *c, const struct opt *o, const char *value)
{
	struct given *g = &c->given[o - c->opt];
	if (!is_choice(o, value)) {
		fprintf(stderr, "hinomi %s: --%s is one of %s, not \"%s\"\n", c->verb, o->name, o->value, value);
		return EXIT_USAGE;
	}
	g->set = true;
	g->text = value;
	if (o->kind == OPT_LIST)
		vec_push(&g->list, value);
	return 0;
}

static int take_option(struct command *c, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *eq = strchr(word, '=');
	bool is_long = word[1] == '-';
	size_t n = is_long ? (eq ? (size_t)(eq - word) - 2 : strlen(word) - 2) : 0;
	const struct opt *o = find_opt(c, word + 2, n, is_long ? 0 : word[1]);
	const char *value = is_long ? (eq ? eq + 1 : NULL) : word[2] ? word + 2 : NULL;
	if (is_long && str_eq(str_n(word + 2, n), STR("lang"))) {
		lang_choice = value ? value : *i + 1 < argc ? argv[++*i] : "";
		return 0;
	}
	if (!o)
		return usage_error(c, SAY("there is no such option", "そのオプションはありません"), word);
	if (o->kind == OPT_FLAG) {
		c->given[o - c->opt].set = true;
		return value ? usage_error(c, SAY("this option takes no value", "このオプションは値を取りません"), word) : 0;
	}
	if (!value && *i + 1 >= argc)
		return usage_error(c, SAY("this option needs a value", "このオプションには値が必要です"), word);
	return take_value(c, o, value ? value : argv[++*i]);
}

int command_parse(struct command *c, int argc, char **argv)
{
	c->given = must_calloc(c->n_opt, sizeof(*c->given));
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc)
			lang_choice = argv[i + 1];
	for (int i = 0; i < argc; i++) {
		bool option = argv[i][0] == '-' && argv[i][1] != 0;
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				vec_push(&c->args, argv[i]);
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help(c);
			return -1;
		} else if (option) {
			int r = take_option(c, argc, argv, &i);
			if (r)
				return r;
		} else {
			vec_push(&c->args, argv[i]);
		}
	}
	return 0;
}

void command_done(struct command *c)
{
	for (size_t i = 0; c->given && i < c->n_opt; i++)
		vec_done(&c->given[i].list);
	free(c->given);
	vec_done(&c->args);
}

int command_run(struct command *c, int argc, char **argv, int (*fn)(struct command *c))
{
	int r = command_parse(c, argc, argv);
	if (r == 0)
		r = fn(c);
	command_done(c);
	return r < 0 ? EXIT_DONE : r;
}

const struct given *command_given(const struct command *c, const char *name)
{
	const struct opt *o = find_opt(c, name, strlen(name), 0);
	must(o);
	return &c->given[o - c->opt];
}

const char *command_text(const struct command *c, const char *name)
{
	return command_given(c, name)->text;
}

bool command_set(const struct command *c, const char *name)
{
	return command_given(c, name)->set;
}

static int overview(FILE *to)
{
	fprintf(to, "hinomi %s (火の見)\n\nhinomi VERB …\n\n", HINOMI_VERSION);
	for (size_t i = 0; i < LEN(VERBS); i++)
		fprintf(to, "  %-10s %s\n", VERBS[i].name, SAY(VERBS[i].en, VERBS[i].ja));
	fprintf(to, "\n%s\n", SAY("hinomi VERB --help tells the options of a verb.", "各コマンドの説明は hinomi VERB --help で表示します。"));
	return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return overview(stderr);
	if (strcmp(argv[1], "--version") == 0) {
		puts("hinomi " HINOMI_VERSION);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return overview(stdout);
	for (size_t i = 0; i < LEN(VERBS); i++)
		if (strcmp(argv[1], VERBS[i].name) == 0)
			return VERBS[i].run(argc - 2, argv + 2);
	struct diag d;
	struct str names[LEN(VERBS)];
	for (size_t i = 0; i < LEN(VERBS); i++)
		names[i] = str_c(VERBS[i].name);
	diag_init(&d);
	diag_error(&d, (struct diag_at){0}, "cmd.no_verb", "there is no verb \"%s\"", argv[1]);
	diag_suggest(&d, str_c(argv[1]), names, LEN(names));
	say_findings(&d);
	diag_done(&d);
	return EXIT_USAGE;
}

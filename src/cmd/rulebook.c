/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"

#include "api/problem.h"

/* As say_findings; what was written there stands in the English sentence behind. */
static void say_in_japanese(const struct diag *d)
{
	static const char *const LEVELS[] = {"ヒント", "警告", "エラー"};
	for (size_t i = 0; i < d->items.n; i++) {
		const struct diag_item *it = &d->items.at[i];
		const char *ja = finding_ja(it->code);
		char place[32] = "";
		if (it->line)
			snprintf(place, sizeof(place), ":%u:%u", it->line, it->column);
		fprintf(stderr, "%.*s%s: %s: %s%s%.*s%s [%s]\n", STR_ARG(it->file), place, LEVELS[it->level], ja ? ja : "", ja ? " (" : "", STR_ARG(it->message), ja ? ")" : "", it->code);
		if (it->hint.n)
			fprintf(stderr, "  hint: %.*s\n", STR_ARG(it->hint));
	}
}

int rulebook_check(const struct command *c)
{
	char path[4400] = "";
	struct config cfg;
	struct arena mem;
	struct diag d;
	struct rulebook *book = NULL;
	diag_init(&d);
	arena_init(&mem, 0);
	int r = config_of(c, &cfg, &d);
	if (r == 0 && c->args.n > 1)
		snprintf(path, sizeof(path), "%s", c->args.at[1]);
	else if (r == 0 && (r = book_path(&cfg, path, sizeof(path))) == 0)
		r = diag_error(&d, (struct diag_at){0}, "rulebook.none", "no rule book is set and the shipped one was not found");
	if (r >= 0) {
		struct rulebook_words words = book_words(role_words(), &cfg, &mem);
		r = rulebook_load(path, &words, NULL, &d, &book);
	}
	if (lang_is_ja())
		say_in_japanese(&d);
	else
		say_findings(&d);
	if (r == 0)
		fprintf(stderr, SAY("%s: \"%.*s\" version %lld can be used\n", "%s: 「%.*s」第 %lld 版は使えます\n"), path, STR_ARG(book->name), (long long)book->version);
	rulebook_free(book);
	config_done(&cfg);
	arena_done(&mem);
	diag_done(&d);
	return r < 0 ? EXIT_USAGE : EXIT_DONE;
}

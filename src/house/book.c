/* SPDX-License-Identifier: Apache-2.0 */
#include "house/parts.h"
#include "ledger/doc.h"
#include "sys/file.h"

#include <errno.h>
#include <openssl/sha.h>

/*
 * The rule book in use. Its text is kept in the database whenever another one was loaded well, with an entry in the ledger, so that a book which
 * somebody spoilt does not stop the house: the last good one goes on, and the fault is a finding.
 */
#define STATE "rulebook"

static const struct actor SYSTEM = {{"system", 6}, {"system", 6}};

int book_path(const struct config *c, char *out, size_t size)
{
	struct str set = config_text(c, CFG_RULEBOOK);
	if (set.n)
		return (size_t)snprintf(out, size, "%.*s", STR_ARG(set)) < size ? 1 : -ENAMETOOLONG;
	if (!house_content_path(c, "escalation/standard.yml", out, size) || file_size(out) < 0)
		return 0;
	return 1;
}

struct rulebook_words book_words(struct rulebook_words roles, const struct config *c, struct arena *mem)
{
	struct str *team = arena_array(mem, c->n_list[CFG_DUTY] + 1, sizeof(*team));
	roles.n_team = 0;
	for (size_t i = 0; i < c->n_list[CFG_DUTY]; i++)
		team[roles.n_team++] = c->list[CFG_DUTY][i].name;
	roles.team = team;
	return roles;
}

struct good {
	const struct rulebook *book;
	struct str text;
};

static int keep(struct desk *k, void *arg)
{
	const struct good *g = arg;
	unsigned char sum[SHA256_DIGEST_LENGTH];
	struct buf hex = BUF_INIT(100);
	SHA256((const unsigned char *)g->text.p, g->text.n, sum);
	buf_add_hex(&hex, sum, sizeof(sum));
	json_t *entry = json_object();
	doc_set_str(entry, "book", g->book->name);
	doc_set_int(entry, "version", g->book->version);
	doc_set_str(entry, "sha256", buf_str(&hex));
	int r = desk_state_set(k, STATE, g->text);
	if (r == 0)
		r = desk_note(k, &SYSTEM, "rulebook", g->book->name, "load", entry);
	json_decref(entry);
	buf_done(&hex);
	return r;
}

/* A house that cannot write it (a full disk) works with the book all the same. */
static void keep_if_new(struct house *h, struct str text)
{
	struct buf had = BUF_INIT(RULEBOOK_TEXT_MAX + 1);
	struct good g = {h->rulebook, text};
	int r = desk_state_get(h->desk, STATE, &had);
	if ((r == -ENOENT || (r == 0 && !str_eq(buf_str(&had), text))) && (r = house_desk(h, keep, &g)) < 0)
		diag_warning(&h->findings, (struct diag_at){0}, "rulebook.not_kept", "the rule book could not be kept as the last good one (error %d)", -r);
	buf_done(&had);
}

/* A team that `duty` no longer names does not spoil a book that calls: that call fails, and is seen as such. */
static bool take_last_good(struct house *h, const char *refused)
{
	struct buf text = BUF_INIT(RULEBOOK_TEXT_MAX + 1);
	struct rulebook_words words = h->words;
	words.any_team = true;
	bool there = desk_state_get(h->desk, STATE, &text) == 0 && rulebook_load_text(buf_str(&text), STR("the last good rule book"), &words, &h->findings, &h->rulebook) == 0;
	buf_done(&text);
	if (!there)
		return false;
	h->book_is_old = true;
	diag_file(&h->findings, str_c(refused));
	diag_warning(&h->findings, (struct diag_at){0}, "rulebook.last_good", "this rule book is refused: the last good one is in use, \"%.*s\" version %lld", STR_ARG(h->rulebook->name), (long long)h->rulebook->version);
	diag_hint(&h->findings, "mend its faults and start again");
	diag_file(&h->findings, STR(""));
	return true;
}

int book_open(struct house *h, struct diag *d)
{
	char path[4400];
	struct buf text = BUF_INIT(RULEBOOK_TEXT_MAX + 1);
	struct arena mem;
	int r = book_path(h->config, path, sizeof(path));
	if (r == 0)
		diag_warning(d, (struct diag_at){0}, "rulebook.none", "the shipped rule book was not found: nobody will be called");
	if (r <= 0)
		return r;
	arena_init(&mem, 0);
	struct rulebook_words words = book_words(h->words, h->config, &mem);
	r = rulebook_load(path, &words, &text, &h->findings, &h->rulebook);
	if (r == 0)
		keep_if_new(h, buf_str(&text));
	else if (take_last_good(h, path))
		r = 0;
	else
		r = rulebook_load(path, &words, NULL, d, &h->rulebook); /* told to whoever wanted to open the house */
	h->soc.book = h->rulebook;
	arena_done(&mem);
	buf_done(&text);
	return r;
}

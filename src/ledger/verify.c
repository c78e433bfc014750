/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/note.h"
#include "ledger/tiles.h"

#include "sys/file.h"

#include <errno.h>

struct verify {
	struct tiles *tiles;
	struct diag *d;
	uint64_t size, next;
	const char *db_path;
};

/* Entries [next, to) that the checkpoint covers are not there. Something stands in for each, so that what follows keeps its place. */
static int check_gap(struct verify *v, uint64_t to)
{
	uint64_t first = v->next, end = to < v->size ? to : v->size;
	int r = 0;
	v->next = to;
	if (first >= end)
		return 0;
	diag_file(v->d, str_c(v->db_path));
	if (end - first == 1)
		diag_error(v->d, (struct diag_at){0}, "ledger.entry_missing", "entry %llu is missing from the database", (unsigned long long)first);
	else
		diag_error(v->d, (struct diag_at){0}, "ledger.entry_missing", "the entries %llu to %llu are missing from the database", (unsigned long long)first, (unsigned long long)end - 1);
	for (; r == 0 && first < end; first++)
		r = tiles_add(v->tiles, STR(""));
	return r;
}

/* Row by row: no gap; the leaf is made again from what the row says. */
static int check_entry(void *arg, const struct ledger_entry *e)
{
	struct verify *v = arg;
	struct buf leaf = BUF_INIT(65535);
	unsigned char hash[HASH_SIZE];
	int r = check_gap(v, e->seq);
	v->next = e->seq + 1;
	if (r == 0)
		r = ledger_leaf(e, &leaf);
	ledger_leaf_hash(buf_str(&leaf), hash);
	diag_file(v->d, str_c(v->db_path));
	if (r == 0 && !str_eq(e->leaf, str_n((const char *)hash, HASH_SIZE)))
		diag_error(v->d, (struct diag_at){0}, "ledger.leaf_differs", "entry %llu is not what its leaf hash says", (unsigned long long)e->seq);
	/* What was written after the checkpoint is not covered yet. */
	if (r == 0 && e->seq < v->size)
		r = tiles_add(v->tiles, buf_str(&leaf));
	buf_done(&leaf);
	return r;
}

static int check_rows(struct verify *v, struct db *db, const char *file)
{
	int r;
	diag_file(v->d, str_c(file));
	if ((r = ledger_each(db, 0, UINT64_MAX, check_entry, v)) < 0)
		return diag_error(v->d, (struct diag_at){0}, "ledger.unreadable", "the entries cannot be read: %s", db_error(db));
	return check_gap(v, v->size);
}

static int read_checkpoint(const char *dir, struct verify *v, struct hash *ret_root)
{
	char path[4096];
	struct buf text = BUF_INIT(10000);
	int r = path_join(path, sizeof(path), dir, "checkpoint");
	diag_file(v->d, str_c(path));
	if (r == 0 && (r = file_read(path, &text)) < 0) {
		diag_error(v->d, (struct diag_at){0}, "ledger.no_checkpoint", "the checkpoint is missing");
		buf_done(&text);
		return r;
	}
	r = note_verify(dir, buf_str(&text), &v->size, ret_root);
	buf_done(&text);
	if (r == 0)
		return 0;
	if (r == -EKEYREJECTED)
		return diag_error(v->d, (struct diag_at){0}, "ledger.bad_signature", "the checkpoint's signature is wrong: it, or key.pub, was changed");
	if (r == -EBADMSG)
		return diag_error(v->d, (struct diag_at){0}, "ledger.bad_checkpoint", "the checkpoint is not of the right form");
	path_join(path, sizeof(path), dir, "key.pub");
	diag_file(v->d, str_c(path));
	return diag_error(v->d, (struct diag_at){0}, "ledger.no_key", "the public key is missing or not of the right form");
}

int ledger_verify(const char *dir, struct db *db, struct diag *d)
{
	char ledger_dir[3900], db_path[4096];
	struct verify v = {.d = d, .db_path = db_path};
	struct hash want, got;
	size_t before = d->errors;
	int r = path_join(ledger_dir, sizeof(ledger_dir), dir, "ledger");
	if (r == 0)
		r = path_join(db_path, sizeof(db_path), dir, "hinomi.db");
	if (r < 0 || (r = read_checkpoint(ledger_dir, &v, &want)) < 0)
		return r;
	if ((r = tiles_open(ledger_dir, tile_compare, d, &v.tiles)) < 0)
		return r;
	check_rows(&v, db, db_path);
	if (tiles_size(v.tiles) == v.size) {
		tiles_finish(v.tiles);
		tiles_root(v.tiles, &got);
		diag_file(d, str_c(db_path));
		if (memcmp(got.b, want.b, HASH_SIZE) != 0 && d->errors == before)
			diag_error(d, (struct diag_at){0}, "ledger.root_differs", "the entries and tiles do not give the root that the checkpoint signs");
	}
	tiles_close(v.tiles);
	return d->errors > before ? -EBADMSG : 0;
}

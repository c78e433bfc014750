/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/tiles.h"

#include "base/num.h"
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

struct level {
	struct buf hashes; /* of the tile that is filling */
	uint64_t n;        /* of all tiles */
};

struct tiles {
	char dir[3900];
	tile_sink *sink;
	void *arg;
	struct frontier frontier;
	struct level level[TILE_LEVELS];
	struct buf leaves; /* of the bundle that is filling, each behind its length */
};

int tiles_open(const char *dir, tile_sink *sink, void *arg, struct tiles **ret)
{
	struct tiles *t = must_new(struct tiles);
	if ((size_t)snprintf(t->dir, sizeof(t->dir), "%s", dir) >= sizeof(t->dir)) {
		free(t);
		return -ENAMETOOLONG;
	}
	t->sink = sink;
	t->arg = arg;
	for (size_t i = 0; i < TILE_LEVELS; i++)
		t->level[i].hashes = BUF_INIT(TILE_WIDTH * HASH_SIZE);
	t->leaves = BUF_INIT(TILE_WIDTH * 65537u);
	*ret = t;
	return 0;
}

void tiles_close(struct tiles *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < TILE_LEVELS; i++)
		buf_done(&t->level[i].hashes);
	buf_done(&t->leaves);
	free(t);
}

uint64_t tiles_size(const struct tiles *t)
{
	return t->frontier.size;
}

void tiles_root(const struct tiles *t, struct hash *ret)
{
	frontier_root(&t->frontier, ret);
}

/* The root over one full tile, which is one hash of the level above. */
static struct hash tile_root(struct str hashes)
{
	struct frontier f = {0};
	struct hash h;
	for (size_t i = 0; i < TILE_WIDTH; i++) {
		memcpy(h.b, hashes.p + i * HASH_SIZE, HASH_SIZE);
		frontier_add(&f, &h);
	}
	frontier_root(&f, &h);
	return h;
}

static int add_hash(struct tiles *t, struct hash h)
{
	for (int level = 0; level < TILE_LEVELS; level++) {
		struct level *l = &t->level[level];
		buf_add(&l->hashes, str_n((char *)h.b, HASH_SIZE));
		if (++l->n % TILE_WIDTH)
			return 0;
		int r = t->sink(t->arg, t->dir, level, l->n / TILE_WIDTH - 1, TILE_WIDTH, buf_str(&l->hashes));
		if (r < 0)
			return r;
		h = tile_root(buf_str(&l->hashes));
		buf_reset(&l->hashes);
	}
	return 0;
}

int tiles_add(struct tiles *t, struct str leaf)
{
	struct hash h;
	ledger_leaf_hash(leaf, h.b);
	frontier_add(&t->frontier, &h);
	buf_addc(&t->leaves, (char)(leaf.n >> 8));
	buf_addc(&t->leaves, (char)leaf.n);
	buf_add(&t->leaves, leaf);
	if (t->frontier.size % TILE_WIDTH == 0) {
		int r = t->sink(t->arg, t->dir, -1, t->frontier.size / TILE_WIDTH - 1, TILE_WIDTH, buf_str(&t->leaves));
		buf_reset(&t->leaves);
		if (r < 0)
			return r;
	}
	return add_hash(t, h);
}

int tiles_finish(struct tiles *t)
{
	int r = 0;
	for (int level = -1; level < TILE_LEVELS && r == 0; level++) {
		uint64_t n = level < 0 ? t->frontier.size : t->level[level].n;
		if (n % TILE_WIDTH)
			r = t->sink(t->arg, t->dir, level, n / TILE_WIDTH, (unsigned)(n % TILE_WIDTH), level < 0 ? buf_str(&t->leaves) : buf_str(&t->level[level].hashes));
	}
	return r;
}

int tile_path(char *out, size_t size, const char *dir, int level, uint64_t number, unsigned width)
{
	struct buf b = BUF_INIT(size);
	char group[8][8];
	int n = 0;
	buf_addf(&b, "%s/tile/", dir);
	if (level < 0)
		buf_add_cstr(&b, "entries");
	else
		buf_addf(&b, "%d", level);
	do {
		snprintf(group[n], sizeof(group[n]), "%s%03u", n ? "x" : "", (unsigned)(number % 1000));
		number /= 1000;
	} while (++n < 8 && number);
	while (n-- > 0)
		buf_addf(&b, "/%s", group[n]);
	if (width < TILE_WIDTH)
		buf_addf(&b, ".p/%u", width);
	int r = b.err ? -ENAMETOOLONG : 0;
	if (r == 0)
		memcpy(out, buf_cstr(&b), b.n + 1);
	buf_done(&b);
	return r;
}

int tile_write(void *arg, const char *dir, int level, uint64_t number, unsigned width, struct str content)
{
	char path[4096];
	int r = tile_path(path, sizeof(path), dir, level, number, width);
	(void)arg;
	if (r < 0)
		return r;
	/* A whole tile never changes again. */
	if (width == TILE_WIDTH && file_size(path) == (int64_t)content.n)
		return 0;
	char *parent = str_dup_c(str_sub(str_c(path), 0, str_rchr(str_c(path), '/')));
	r = file_make_dirs(parent);
	free(parent);
	if (r == 0)
		r = file_replace(path, content, 0644);
	return r;
}

/* The partial tiles of one number but the one that stays; the folder too when none does. */
static void drop_partials(const char *dir, int level, uint64_t number, unsigned stays)
{
	char path[4096];
	struct dirent *e;
	DIR *d;
	if (tile_path(path, sizeof(path), dir, level, number, 1) < 0)
		return;
	path[str_rchr(str_c(path), '/')] = 0;
	if (!(d = opendir(path)))
		return;
	while ((e = readdir(d))) {
		char file[4400];
		uint64_t width;
		if (num_u64(str_c(e->d_name), &width) && width != stays && path_join(file, sizeof(file), path, e->d_name) == 0)
			file_remove(file);
	}
	closedir(d);
	if (!stays)
		rmdir(path);
}

void tiles_tidy(const char *dir, uint64_t old_size, uint64_t size)
{
	for (int level = -1; level < TILE_LEVELS; level++) {
		unsigned shift = level < 0 ? 0 : (unsigned)level * 8;
		uint64_t before = old_size >> shift, now = size >> shift;
		if (before / TILE_WIDTH != now / TILE_WIDTH)
			drop_partials(dir, level, before / TILE_WIDTH, 0);
		if (now)
			drop_partials(dir, level, now / TILE_WIDTH, (unsigned)(now % TILE_WIDTH));
	}
}

/* Which entry of the tile differs first. */
static uint64_t first_difference(struct str have, struct str want, int level, uint64_t number)
{
	size_t at = 0;
	while (at < have.n && at < want.n && have.p[at] == want.p[at])
		at++;
	if (level >= 0)
		return number * TILE_WIDTH + at / HASH_SIZE;
	uint64_t entry = number * TILE_WIDTH;
	for (size_t i = 0; i + 2 <= want.n;) {
		size_t n = (size_t)((unsigned char)want.p[i] << 8 | (unsigned char)want.p[i + 1]);
		i += 2 + n;
		if (at < i)
			break;
		entry++;
	}
	return entry;
}

int tile_compare(void *arg, const char *dir, int level, uint64_t number, unsigned width, struct str content)
{
	struct diag *d = arg;
	char path[4096];
	struct buf have = BUF_INIT(64u << 20);
	int r = tile_path(path, sizeof(path), dir, level, number, width);
	if (r < 0)
		return r;
	diag_file(d, str_c(path));
	if (file_read(path, &have) < 0)
		diag_error(d, (struct diag_at){0}, "ledger.tile_missing", "the tile is missing: it holds the entries from %llu on", (unsigned long long)(number * TILE_WIDTH));
	else if (!str_eq(buf_str(&have), content))
		diag_error(d, (struct diag_at){0}, "ledger.tile_differs", "%s %llu", level > 0 ? "the tile differs from the entries at its hash" : "the tile differs from the database at entry",
			(unsigned long long)first_difference(buf_str(&have), content, level, number));
	buf_done(&have);
	return 0;
}

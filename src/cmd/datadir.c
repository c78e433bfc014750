/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/datadir.h"

#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct actor SYSTEM = {{"system", 6}, {"", 0}};

int datadir_path(char *out, size_t size, const struct datadir *x, const char *name)
{
	return path_join(out, size, x->dir, name);
}

static int take_lock(struct datadir *x)
{
	char path[4096];
	int r = file_make_dirs(x->dir);
	if (r == 0)
		r = datadir_path(path, sizeof(path), x, "lock");
	if (r < 0)
		return diag_error(&x->d, (struct diag_at){0}, "data.directory", "the data directory %s cannot be made", x->dir), r;
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	x->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (x->lock < 0 || fcntl(x->lock, F_OFD_SETLK, &whole) < 0)
		return diag_error(&x->d, (struct diag_at){0}, "data.locked", "the data directory %s is in use by another hinomi", x->dir), -EBUSY;
	return 0;
}

static int open_parts(struct datadir *x)
{
	char path[4096];
	int r = datadir_path(path, sizeof(path), x, "wal");
	if (r == 0)
		r = wal_open(&(struct wal_opts){.dir = path, .read_only = x->read_only}, &x->d, &x->wal);
	if (r == 0)
		r = datadir_path(path, sizeof(path), x, "segments");
	if (r == 0)
		r = store_open(&(struct store_opts){.dir = path, .vocab = x->vocab, .read_only = x->read_only}, &x->d, &x->store);
	if (r == 0 && !x->read_only && (r = wal_skip_to(x->wal, store_position(x->store))) > 0)
		r = 0; /* a log that lost records gives no position again */
	return r == 0 ? desk_open(x->dir, &x->clock, x->read_only, &x->d, &x->desk) : r;
}

int datadir_open(struct datadir *x, const char *dir, bool read_only)
{
	*x = (struct datadir){.lock = -1, .read_only = read_only};
	diag_init(&x->d);
	clock_init_real(&x->clock, 0);
	if ((size_t)snprintf(x->dir, sizeof(x->dir), "%s", dir) >= sizeof(x->dir))
		return -ENAMETOOLONG;
	x->vocab = vocab_new();
	vocab_freeze(x->vocab);
	if (read_only && !file_is_dir(dir))
		return diag_error(&x->d, (struct diag_at){0}, "data.directory", "there is no data directory %s", dir), -ENOENT;
	int r = read_only ? 0 : take_lock(x);
	if (r == 0)
		r = open_parts(x);
	return r == 0 ? datadir_catch_up(x) : r;
}

void datadir_close(struct datadir *x)
{
	desk_close(x->desk);
	store_close(x->store);
	wal_close(x->wal);
	vocab_unref(x->vocab);
	if (x->lock >= 0)
		close(x->lock);
	diag_done(&x->d);
}

static int note_file(void *arg, const struct store_file *f)
{
	struct datadir *x = arg;
	struct buf sha = BUF_INIT(100), root = BUF_INIT(100);
	buf_add_hex(&sha, f->sha256, 32);
	buf_add_hex(&root, f->root, 32);
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:s, s:s}", "first", (json_int_t)f->first, "last", (json_int_t)f->last, "rows", (json_int_t)f->rows, "bytes", (json_int_t)f->file_bytes,
		"sha256", buf_cstr(&sha), "root", buf_cstr(&root));
	int r = desk_begin(x->desk);
	if (r == 0)
		r = desk_note(x->desk, &SYSTEM, "segment", f->name, "seal", o);
	if (r == 0)
		r = desk_commit(x->desk);
	if (r < 0)
		desk_rollback(x->desk);
	json_decref(o);
	buf_done(&sha);
	buf_done(&root);
	return r;
}

int datadir_seal(struct datadir *x)
{
	int r = store_seal(x->store, clock_now(&x->clock), true, note_file, x);
	return r < 0 ? r : ledger_publish(desk_ledger(x->desk));
}

/* Many files' worth of the log would not fit the hot rows: a writer seals on the way. */
static int seal_if_due(struct datadir *x, tstamp received)
{
	return x->read_only ? 0 : store_seal(x->store, received, false, note_file, x);
}

int datadir_catch_up(struct datadir *x)
{
	struct wal_cursor *c;
	struct decoder *dec = decoder_new(x->vocab, 0);
	struct arena mem;
	struct record rec;
	uint64_t position;
	int r = wal_cursor_open(x->wal, store_position(x->store), &c), got;
	arena_init(&mem, 0);
	while (r >= 0 && (got = wal_cursor_next(c, &rec, &position)) != 0) {
		struct event ev;
		if (got < 0)
			continue; /* a damaged frame: verify names it */
		arena_reset(&mem);
		decode_record(dec, &rec, &mem, &ev, NULL);
		r = store_append(x->store, &ev, position);
		if (r == 0)
			r = seal_if_due(x, rec.received);
	}
	wal_cursor_close(c);
	arena_done(&mem);
	decoder_free(dec);
	return r < 0 ? r : 0;
}

int datadir_give_up(const struct datadir *x, int err)
{
	say_findings(&x->d);
	if (!x->d.errors)
		fprintf(stderr, "hinomi: %s\n", strerror(-err));
	return err == -EBUSY || err == -ENOENT || err == -EINVAL ? EXIT_USAGE : err == -EBADMSG ? EXIT_FOUND : EXIT_INTERNAL;
}

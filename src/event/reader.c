/* SPDX-License-Identifier: Apache-2.0 */
#include "event/reader.h"
#include "event/reader_parts.h"

#include "sys/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#define READ_STEP (1u << 20)

struct input {
	char *path;
	char *shown; /* what source.path says */
};

struct reader {
	struct reader_opts opts;
	VEC(struct input) inputs;
	size_t next;

	struct block_file *file; /* being read */
	struct archive *archive; /* of a container */
	int fd;
	bool eof, open;
	struct buf pending;
	uint64_t offset;         /* of pending in the file */
	struct framing framing;
};

int reader_open(const struct reader_opts *o, struct reader **ret)
{
	struct reader *r = must_new(struct reader);
	r->opts = *o;
	r->fd = -1;
	r->pending = BUF_INIT(BLOCK_PENDING_MAX + 2 * READ_STEP);
	*ret = r;
	return 0;
}

static int add_input(void *arg, const char *path, int err)
{
	struct reader *r = arg;
	(void)err; /* opening it will tell again */
	vec_push(&r->inputs, ((struct input){must_strdup(path), must_strdup(path)}));
	return 0;
}

int reader_add_path(struct reader *r, const char *path)
{
	if (strcmp(path, "-") == 0)
		return add_input(r, path, 0);
	return file_walk(path, add_input, r);
}

static void file_unref(struct block_file *f)
{
	if (!f || --f->refs > 0)
		return;
	free((char *)(uintptr_t)f->pub.path.p);
	free(f->fault);
	free(f);
}

static void close_member(struct reader *r)
{
	file_unref(r->file);
	r->file = NULL;
	r->open = false;
	r->eof = false;
	r->offset = 0;
	buf_reset(&r->pending);
}

static void close_input(struct reader *r)
{
	if (r->archive)
		archive_read_free(r->archive);
	r->archive = NULL;
	if (r->fd > 0)
		close(r->fd);
	r->fd = -1;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	close_member(r);
	close_input(r);
	vec_each(in, &r->inputs) {
		free(in->path);
		free(in->shown);
	}
	vec_done(&r->inputs);
	buf_done(&r->pending);
	free(r);
}

static void start_member(struct reader *r, struct str path)
{
	struct block_file *f = must_new(struct block_file);
	f->refs = 1;
	f->pub.path = str_n(str_dup_c(path), path.n);
	f->opts = r->opts;
	r->file = f;
	r->open = true;
	r->eof = false;
	r->framing = (struct framing){.format = r->opts.format};
}

void block_file_fault(struct block_file *f, const char *why, bool failed)
{
	/* Blocks of one file are decoded on several threads: the first fault stays. */
	char *mine = must_strdup(why), *none = NULL;
	if (!__atomic_compare_exchange_n(&f->fault, &none, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		free(mine);
		return;
	}
	f->pub.fault = str_c(f->fault);
	f->pub.failed = failed;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------------------------- */

static void fill(struct reader *r)
{
	char *to = buf_reserve(&r->pending, READ_STEP);
	must(to);
	ssize_t got = r->archive ? archive_read_data(r->archive, to, READ_STEP) : read(r->fd, to, READ_STEP);
	if (got < 0 && !r->archive && errno == EINTR)
		return;
	if (got <= 0) {
		r->eof = true;
		if (got < 0)
			block_file_fault(r->file, r->archive ? archive_error_string(r->archive) : "the file cannot be read to its end", true);
		return;
	}
	buf_commit(&r->pending, (size_t)got);
	r->file->pub.bytes += (uint64_t)got;
}

static bool is_container(struct str head)
{
	static const struct {
		const char *magic;
		size_t n, at;
	} known[] = {{"\x1f\x8b", 2, 0}, {"\x28\xb5\x2f\xfd", 4, 0}, {"PK\x03\x04", 4, 0}, {"PK\x05\x06", 4, 0}, {"ustar", 5, 257}, {"BZh", 3, 0}, {"\xfd""7zXZ", 5, 0}};
	for (size_t i = 0; i < LEN(known); i++)
		if (head.n >= known[i].at + known[i].n && memcmp(head.p + known[i].at, known[i].magic, known[i].n) == 0)
			return true;
	return false;
}

static int open_container(struct reader *r, const struct input *in)
{
	r->archive = archive_read_new();
	archive_read_support_filter_all(r->archive);
	archive_read_support_format_all(r->archive);
	archive_read_support_format_raw(r->archive);
	return archive_read_open_filename(r->archive, strcmp(in->path, "-") ? in->path : NULL, READ_STEP) == ARCHIVE_OK ? 0 : -EBADMSG;
}

/* The next regular member; a lone compressed file is one member with the file's own path. */
static bool next_member(struct reader *r, const struct input *in)
{
	struct archive_entry *e;
	int code;
	while ((code = archive_read_next_header(r->archive, &e)) == ARCHIVE_OK || code == ARCHIVE_WARN) {
		if (archive_format(r->archive) == ARCHIVE_FORMAT_RAW) {
			start_member(r, str_c(in->shown));
			return true;
		}
		if (archive_entry_filetype(e) != AE_IFREG)
			continue;
		const char *name = archive_entry_pathname_utf8(e);
		if (!name)
			name = archive_entry_pathname(e);
		struct buf path = BUF_INIT(65536);
		buf_addf(&path, "%s!%s", in->shown, name ? name : "?");
		start_member(r, buf_str(&path));
		buf_done(&path);
		return true;
	}
	if (code != ARCHIVE_EOF) {
		start_member(r, str_c(in->shown));
		block_file_fault(r->file, archive_error_string(r->archive), true);
		r->eof = true;
		return true;
	}
	return false;
}

static void open_plain(struct reader *r, const struct input *in)
{
	start_member(r, str_c(in->shown));
	r->fd = strcmp(in->path, "-") == 0 ? 0 : open(in->path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0) {
		block_file_fault(r->file, strerror(errno), true);
		r->eof = true;
	}
}

/* Moves to the next file or member. False at the end of all input. */
static bool advance(struct reader *r)
{
	while (!r->open) {
		const struct input *in = r->next ? &r->inputs.at[r->next - 1] : NULL;
		if (r->archive && next_member(r, in))
			return true;
		close_input(r);
		if (r->next == r->inputs.n)
			return false;
		in = &r->inputs.at[r->next++];
		open_plain(r, in);
		if (!r->eof && r->fd > 0) {
			fill(r);
			if (is_container(buf_str(&r->pending))) {
				close_member(r);
				close_input(r);
				if (open_container(r, in) < 0) {
					start_member(r, str_c(in->shown));
					block_file_fault(r->file, archive_error_string(r->archive), true);
					r->eof = true;
				}
			}
		}
	}
	return true;
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------------------------- */

static struct block *cut_block(struct reader *r, size_t n)
{
	struct block *b = must_new(struct block);
	b->file = r->file;
	b->file->refs++;
	b->bytes = str_n(str_dup_c(str_sub(buf_str(&r->pending), 0, n)), n);
	b->offset = r->offset;
	b->framing = r->framing;
	b->last = r->eof && n == r->pending.n;
	buf_consume(&r->pending, n);
	r->offset += n;
	return b;
}

int reader_next(struct reader *r, struct block **ret)
{
	if (!r->open && !advance(r))
		return 0;
	for (;;) {
		size_t n = 0;
		if (r->pending.n >= BLOCK_WANT || r->eof) {
			if (!r->framing.decided)
				framing_decide(&r->framing, buf_str(&r->pending), r->file->pub.path);
			n = framing_cut(&r->framing, buf_str(&r->pending), r->eof);
		}
		if (n || r->eof) {
			struct block *b = cut_block(r, n);
			r->file->pub.format = r->framing.format;
			if (b->last)
				close_member(r);
			*ret = b;
			return 1;
		}
		fill(r);
	}
}

void block_free(struct block *b)
{
	if (!b)
		return;
	free((char *)(uintptr_t)b->bytes.p);
	file_unref(b->file);
	free(b);
}

const struct reader_file *block_file(const struct block *b)
{
	return &b->file->pub;
}

bool block_is_last(const struct block *b)
{
	return b->last;
}

size_t block_bytes(const struct block *b)
{
	return b->bytes.n;
}

bool block_ordinals(const struct block *b)
{
	return b->framing.format != FORMAT_EVTX;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/reader.h"
#include "event/reader_parts.h"

#include "base/utf8.h"
#include "event/input.h"
#include "event/sources.h"
#include "sys/file.h"

#include <errno.h>
#include <stdatomic.h>

enum text_kind { TEXT_BYTES, TEXT_UTF16LE, TEXT_UTF16BE };

struct reader {
	struct reader_opts opts;
	VEC(char *) paths;
	size_t next;

	struct input *input;     /* of the path being read */
	uint64_t consumed;       /* of the paths before it */
	struct block_file *file; /* being read */
	bool eof, open, skipping;
	struct buf pending, raw; /* raw: bytes of UTF-16 that are not a whole character yet */
	enum text_kind text;
	uint64_t offset;         /* of pending in the file */
	struct buf context;
	struct framing framing;
};

int reader_open(const struct reader_opts *o, struct reader **ret)
{
	struct reader *r = must_new(struct reader);
	r->opts = *o;
	r->pending = BUF_INIT(2 * BLOCK_PENDING_MAX);
	r->raw = BUF_INIT(2 * BLOCK_WANT);
	r->context = BUF_INIT(CONTEXT_MAX);
	*ret = r;
	return 0;
}

static int add_input(void *arg, const char *path, int err)
{
	struct reader *r = arg;
	(void)err; /* opening it will tell again */
	vec_push(&r->paths, must_strdup(path));
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
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void close_file(struct reader *r)
{
	file_unref(r->file);
	r->file = NULL;
	r->open = r->eof = r->skipping = false;
	r->offset = 0;
	buf_reset(&r->pending);
	buf_reset(&r->raw);
	buf_reset(&r->context);
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	close_file(r);
	input_free(r->input);
	vec_each(path, &r->paths) {
		free(*path);
	}
	vec_done(&r->paths);
	buf_done(&r->pending);
	buf_done(&r->raw);
	buf_done(&r->context);
	free(r);
}

static void start_file(struct reader *r, struct str path)
{
	struct block_file *f = must_new(struct block_file);
	f->refs = 1;
	pthread_mutex_init(&f->lock, NULL);
	f->pub.path = str_n(str_dup_c(path), path.n);
	f->opts = r->opts;
	/* What carries no time, or no year, is as old as the file says; of a stream nothing is known but when it came. */
	tstamp written = input_written(r->input);
	if (written != TS_NONE && written < r->opts.now)
		f->opts.now = written;
	const struct sources *map = r->opts.vocab ? vocab_sources(r->opts.vocab) : NULL;
	const struct source_rule *rule = map ? sources_find(map, f->pub.path, STR("")) : NULL;
	if (rule && f->opts.format == FORMAT_AUTO)
		f->opts.format = (enum event_format)rule->format;
	r->file = f;
	r->open = true;
	r->text = TEXT_BYTES;
	r->framing = (struct framing){.format = f->opts.format};
}

void block_file_fault(struct block_file *f, const char *why, uint64_t at, bool failed)
{
	pthread_mutex_lock(&f->lock);
	bool more = failed && !f->pub.failed, like = failed == f->pub.failed;
	if (!f->fault || more || (like && at < f->fault_at)) {
		free(f->fault);
		f->fault = must_strdup(why);
		f->fault_at = at;
		f->pub.fault = str_c(f->fault);
		f->pub.failed = failed;
	}
	pthread_mutex_unlock(&f->lock);
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------------------------- */

/* A byte order mark, or NULs on one side of nearly every pair. */
static enum text_kind utf16_of(struct str head)
{
	size_t even = 0, odd = 0, n = (head.n < 512 ? head.n : 512) / 2;
	if (str_starts(head, str_n("\xFF\xFE", 2)) && !str_starts(head, str_n("\xFF\xFE\0\0", 4)))
		return TEXT_UTF16LE;
	if (str_starts(head, STR("\xFE\xFF")))
		return TEXT_UTF16BE;
	for (size_t i = 0; i < n; i++) {
		even += head.p[2 * i] == 0;
		odd += head.p[2 * i + 1] == 0;
	}
	if (n < 4 || (even && odd))
		return TEXT_BYTES;
	return odd * 2 > n ? TEXT_UTF16LE : even * 2 > n ? TEXT_UTF16BE : TEXT_BYTES;
}

/* All of raw that is whole characters, as UTF-8 behind pending: at the end of the file what is left, too. */
static void take_utf16(struct reader *r)
{
	size_t n = r->raw.n & ~(size_t)1;
	const unsigned char *p = (const unsigned char *)r->raw.p;
	bool be = r->text == TEXT_UTF16BE;
	if (n >= 2 && !r->eof && (p[n - (be ? 2 : 1)] & 0xFC) == 0xD8)
		n -= 2;
	char *to = buf_reserve(&r->pending, n / 2 * 3 + 4);
	must(to);
	buf_commit(&r->pending, (be ? utf16be_to_utf8 : utf16le_to_utf8)(to, p, n));
	buf_consume(&r->raw, n);
	if (r->eof && r->raw.n)
		block_file_fault(r->file, "the last UTF-16 character is cut off", UINT64_MAX, false);
}

/* Whether what a stream gave before it paused can be looked at: more than was seen, and text as it is. */
static bool paused(const struct reader *r, size_t seen)
{
	struct str head = str_sub(buf_str(&r->pending), 0, 512);
	if (r->pending.n <= seen || r->text || (r->offset == 0 && (str_chr(head, 0) != STR_NPOS || (unsigned char)head.p[0] >= 0xFE)))
		return false;
	return input_idle(r->input, INPUT_IDLE_MS);
}

/* Reads on until want bytes are pending or the file ends: false. True when the stream pauses before, with more than `seen` pending. */
static bool fill(struct reader *r, size_t want, size_t seen)
{
	bool first = r->offset == 0 && r->pending.n < 512 && !r->text;
	while (r->pending.n < want && !r->eof) {
		if (paused(r, seen))
			return true;
		struct buf *in = r->text ? &r->raw : &r->pending;
		size_t step = r->text ? BLOCK_WANT / 2 : want - r->pending.n;
		char *to = buf_reserve(in, step);
		must(to);
		ssize_t got = input_read(r->input, to, step);
		if (got > 0) {
			buf_commit(in, (size_t)got);
			r->file->pub.bytes += (uint64_t)got;
		} else {
			r->eof = true;
			if (got < 0)
				block_file_fault(r->file, input_fault(r->input), UINT64_MAX, true);
		}
		if (r->text)
			take_utf16(r);
		if (first && (r->pending.n >= 512 || r->eof) && !r->text && (r->text = utf16_of(buf_str(&r->pending)))) {
			buf_add(&r->raw, buf_str(&r->pending));
			buf_reset(&r->pending);
			take_utf16(r);
		}
		first = first && r->pending.n < 512 && !r->text;
	}
	return false;
}

uint64_t reader_consumed(const struct reader *r)
{
	return r->consumed + (r->input ? input_consumed(r->input) : 0);
}

/* Moves to the next stream. False at the end of all input. */
static bool advance(struct reader *r)
{
	struct str path;
	while (!r->input || (r->opts.stop && *r->opts.stop) || !input_next(r->input, &path)) {
		r->consumed = reader_consumed(r);
		input_free(r->input);
		r->input = NULL;
		if (r->next == r->paths.n || (r->opts.stop && *r->opts.stop))
			return false;
		const char *next = r->paths.at[r->next++];
		r->input = input_open(next, str_c(next), r->opts.max_depth, r->opts.stop);
	}
	start_file(r, path);
	return true;
}

/* ---- blocks ---------------------------------------------------------------------------------------------------------------------------- */

/*
 * The first n pending bytes, the caller's. When they are most of them, the buffer itself goes and the rest is copied: megabytes stay where they were read
 * to.
 */
static struct str take_pending(struct reader *r, size_t n)
{
	struct str all = buf_str(&r->pending), taken = str_sub(all, 0, n);
	if (n < r->pending.cap / 2) {
		taken.p = str_dup_c(taken);
		buf_consume(&r->pending, n);
		return taken;
	}
	r->pending = BUF_INIT(r->pending.max);
	must(buf_reserve(&r->pending, BLOCK_WANT));
	must(buf_add(&r->pending, str_sub(all, n, all.n)) == 0);
	return taken;
}

static struct block *cut_block(struct reader *r, size_t n)
{
	struct block *b = must_new(struct block);
	b->file = r->file;
	b->file->refs++;
	b->bytes = take_pending(r, n);
	b->context = str_n(str_dup_c(buf_str(&r->context)), r->context.n);
	b->offset = r->offset;
	b->framing = r->framing;
	framing_pass(&r->framing, b->bytes, r->offset == 0, &r->context);
	b->last = r->eof && !r->pending.n;
	r->offset += n;
	return b;
}

/* A record without an end: its beginning is shown, its rest is read past. */
static struct block *cut_too_long(struct reader *r)
{
	struct block *b = cut_block(r, r->pending.n);
	b->too_long = true;
	r->skipping = true;
	return b;
}

static void skip(struct reader *r)
{
	size_t end;
	do {
		fill(r, BLOCK_WANT, SIZE_MAX);
		end = framing_resume(buf_str(&r->pending));
		size_t n = end == STR_NPOS ? r->pending.n : end;
		buf_consume(&r->pending, n);
		r->offset += n;
	} while (end == STR_NPOS && !r->eof);
	r->skipping = false;
}

int reader_next(struct reader *r, struct block **ret)
{
	if (!r->open && !advance(r))
		return 0;
	if (r->skipping)
		skip(r);
	for (size_t want = BLOCK_WANT, seen = 0;;) {
		struct block *b = NULL;
		bool pause = fill(r, want, seen);
		/* No more than want is looked at, so that the cut depends on the bytes alone and not on how they arrived. */
		struct str pending = str_sub(buf_str(&r->pending), 0, want);
		bool all = r->eof && pending.n == r->pending.n;
		if (pause)
			seen = pending.n;
		else
			want += BLOCK_WANT;
		if (pause && !r->framing.decided && !framing_is_clear(pending))
			continue;
		if (!r->framing.decided)
			framing_decide(&r->framing, pending, r->file->pub.path);
		size_t n = framing_cut(&r->framing, pending, buf_str(&r->context), all);
		if (n || all)
			b = cut_block(r, n);
		else if (pending.n >= BLOCK_PENDING_MAX) /* what is no event log chunk for so long may still hold records */
			b = r->framing.kind == FRAME_EVTX ? cut_block(r, pending.n) : cut_too_long(r);
		if (!b)
			continue;
		r->file->pub.format = r->framing.format;
		if (b->last)
			close_file(r);
		*ret = b;
		return 1;
	}
}

void block_free(struct block *b)
{
	if (!b)
		return;
	free((char *)(uintptr_t)b->bytes.p);
	free((char *)(uintptr_t)b->context.p);
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

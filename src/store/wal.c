/* SPDX-License-Identifier: Apache-2.0 */
#include "store/wal.h"

#include "base/num.h"
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>
#include <zstd.h>

/*
 * Frame: u32 length of all that follows it, u32 flags (0), u64 first position, u64 XXH3 of (length, flags, first position, payload), payload.
 * Payload: zstd-1 of records: varint count, then per record: format, received, ordinal, offset, and the strings raw, context, source, site, host,
 * product, category, service, each varint length and bytes.
 */
#define FRAME_HEAD 24u
#define FRAME_MAX (512u << 20)
#define FILE_DEFAULT (64u << 20)
#define PATH_SIZE 4096
#define STRINGS 8
#define HAS_WRITTEN 0x80u /* beside the format: `written` follows `received` */
_Static_assert(FORMAT_COUNT < HAS_WRITTEN, "a format and the flag share a byte");

struct wal {
	char *dir;
	uint64_t file_bytes;
	int fd;
	uint64_t fd_first, fd_size; /* of the file being written */
	uint64_t synced;            /* bytes of it that are durable */
	bool new_file;              /* its directory entry is not durable yet */
	bool tail;                  /* bytes of refused frames may stand behind fd_size: cut before anything else is written */
	uint64_t next;
	_Atomic uint64_t durable;
	bool read_only;
	struct buf plain, frame;
	ZSTD_CCtx *zstd;
};

struct wal_cursor {
	char *dir;
	const struct wal *wal;      /* for the durable mark */
	int fd;
	uint64_t file_first, offset;
	uint64_t from;              /* positions below are passed over */
	struct buf frame, plain;
	struct str rest;            /* records of the frame at hand still to come */
	uint64_t left, position;
};

static int wal_path(char *out, const char *dir, uint64_t first)
{
	return (size_t)snprintf(out, PATH_SIZE, "%s/%020llu.wal", dir, (unsigned long long)first) < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

static bool name_first(const char *name, uint64_t *ret)
{
	struct str s = str_c(name);
	return s.n == 24 && str_ends(s, STR(".wal")) && num_u64(str_sub(s, 0, 20), ret);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* First positions of all files, ascending; the caller frees. */
static int list_files(const char *dir, uint64_t **ret, size_t *ret_n)
{
	VEC(uint64_t) list = {0};
	DIR *d = opendir(dir);
	uint64_t first;
	if (!d)
		return -errno;
	for (struct dirent *e; (e = readdir(d));)
		if (name_first(e->d_name, &first))
			vec_push(&list, first);
	closedir(d);
	if (list.n)
		qsort(list.at, list.n, sizeof(*list.at), by_number);
	*ret = list.at;
	*ret_n = list.n;
	return 0;
}

/* ---- frames --------------------------------------------------------------------------------------------------------------------------- */

static uint64_t frame_hash(struct str head16, struct str payload)
{
	return str_hash_stable(head16) * 0x9E3779B97F4A7C15ull ^ str_hash_stable(payload);
}

enum frame_state { FRAME_GOOD, FRAME_END, FRAME_TORN, FRAME_DAMAGED };

/* Reads the frame at offset into buf. TORN: the file ends inside it. */
static enum frame_state read_frame(int fd, uint64_t offset, struct buf *b, uint64_t *ret_first, uint64_t *ret_size)
{
	char head[FRAME_HEAD];
	int64_t end = lseek(fd, 0, SEEK_END);
	uint32_t length, flags;
	uint64_t hash;
	struct str r = str_n(head, sizeof(head));
	if (end < 0 || offset >= (uint64_t)end)
		return FRAME_END;
	if ((uint64_t)end - offset < FRAME_HEAD)
		return FRAME_TORN;
	if (file_pread_all(fd, head, sizeof(head), offset) < 0)
		return FRAME_DAMAGED;
	rd_le32(&r, &length);
	rd_le32(&r, &flags);
	rd_le64(&r, ret_first);
	rd_le64(&r, &hash);
	*ret_size = 4 + (uint64_t)length;
	if (length < FRAME_HEAD - 4 || length > FRAME_MAX)
		return FRAME_DAMAGED;
	if (*ret_size > (uint64_t)end - offset)
		return FRAME_TORN;
	size_t n = length - (FRAME_HEAD - 4);
	buf_reset(b);
	char *to = buf_reserve(b, n);
	if (!to || file_pread_all(fd, to, n, offset + FRAME_HEAD) < 0)
		return FRAME_DAMAGED;
	buf_commit(b, n);
	return frame_hash(str_n(head, 16), buf_str(b)) == hash && flags == 0 ? FRAME_GOOD : FRAME_DAMAGED;
}

static int inflate(struct str payload, struct buf *out)
{
	unsigned long long n = ZSTD_getFrameContentSize(payload.p, payload.n);
	buf_reset(out);
	if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN || n > FRAME_MAX)
		return -EBADMSG;
	char *to = buf_reserve(out, (size_t)n);
	if (!to || ZSTD_isError(ZSTD_decompress(to, (size_t)n, payload.p, payload.n)))
		return -EBADMSG;
	buf_commit(out, (size_t)n);
	return 0;
}

static void record_strings(struct record *r, struct str *to[STRINGS])
{
	struct str *all[STRINGS] = {&r->raw, &r->context, &r->source, &r->site, &r->host, &r->ls.product, &r->ls.category, &r->ls.service};
	memcpy(to, all, sizeof(all));
}

static void put_record(struct buf *b, const struct record *rec)
{
	struct record r = *rec;
	struct str *s[STRINGS];
	buf_addc(b, (char)(r.format | (r.written ? HAS_WRITTEN : 0)));
	buf_add_le64(b, (uint64_t)r.received);
	if (r.written)
		buf_add_le64(b, (uint64_t)r.written);
	buf_add_varint(b, r.ordinal);
	buf_add_varint(b, r.offset);
	record_strings(&r, s);
	for (size_t i = 0; i < STRINGS; i++) {
		buf_add_varint(b, s[i]->n);
		buf_add(b, *s[i]);
	}
}

static bool get_record(struct str *in, struct record *r)
{
	struct str format, *s[STRINGS];
	uint64_t received, written = 0, n;
	*r = (struct record){0};
	if (!rd_bytes(in, 1, &format) || !rd_le64(in, &received) || (((uint8_t)format.p[0] & HAS_WRITTEN) && !rd_le64(in, &written)) || !rd_varint(in, &r->ordinal) || !rd_varint(in, &r->offset))
		return false;
	r->format = (uint8_t)format.p[0] & (uint8_t)~HAS_WRITTEN;
	r->received = (tstamp)received;
	r->written = (tstamp)written;
	record_strings(r, s);
	for (size_t i = 0; i < STRINGS; i++)
		if (!rd_varint(in, &n) || n > in->n || !rd_bytes(in, (size_t)n, s[i]))
			return false;
	return r->format < FORMAT_COUNT;
}

/* Records in a good frame, or -EBADMSG. */
static int frame_count(struct str payload, struct buf *plain, uint64_t *ret_n)
{
	if (inflate(payload, plain) < 0)
		return -EBADMSG;
	struct str r = buf_str(plain);
	return rd_varint(&r, ret_n) ? 0 : -EBADMSG;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------------------- */

static void complain(struct diag *d, const char *path, uint64_t offset, const char *what)
{
	diag_file(d, str_c(path));
	diag_error(d, (struct diag_at){0}, "wal.damaged", "%s at byte %llu", what, (unsigned long long)offset);
}

/*
 * Walks the frames of one file. *ret_end = behind the last good frame, *ret_next = the position after it. A damaged frame is passed over when
 * its length leads to another frame.
 */
static int walk_file(const char *path, uint64_t first, struct diag *d, uint64_t *ret_end, uint64_t *ret_next, bool last)
{
	struct buf frame = BUF_INIT(FRAME_MAX), plain = BUF_INIT(FRAME_MAX);
	uint64_t offset = 0, size = 0, at = 0, n;
	int fd = open(path, O_RDONLY | O_CLOEXEC), bad = 0;
	if (fd < 0)
		return -errno;
	*ret_end = 0;
	*ret_next = first;
	for (;;) {
		enum frame_state st = read_frame(fd, offset, &frame, &at, &size);
		if (st == FRAME_END)
			break;
		if (st == FRAME_TORN) {
			if (!last)
				complain(d, path, offset, "the file ends inside a frame"), bad++;
			break;
		}
		if (st == FRAME_DAMAGED || frame_count(buf_str(&frame), &plain, &n) < 0) {
			complain(d, path, offset, "a frame is damaged");
			bad++;
			if (size < FRAME_HEAD || size > FRAME_MAX)
				break;
			offset += size;
			continue;
		}
		if (at != *ret_next)
			complain(d, path, offset, "positions are missing before this frame"), bad++;
		*ret_next = at + n;
		offset += size;
		*ret_end = offset;
	}
	close(fd);
	buf_done(&frame);
	buf_done(&plain);
	return bad ? -EBADMSG : 0;
}

static int open_last(struct wal *w, struct diag *d)
{
	char path[PATH_SIZE];
	uint64_t *list, end;
	size_t n;
	int r = list_files(w->dir, &list, &n);
	if (r < 0)
		return r;
	w->fd_first = n ? list[n - 1] : 0;
	free(list);
	if (!n)
		return 0;
	if ((r = wal_path(path, w->dir, w->fd_first)) < 0)
		return r;
	walk_file(path, w->fd_first, d, &end, &w->next, true);
	w->durable = w->next;
	if (w->read_only)
		return 0;
	/* Cut a torn tail: what was never synced was never acknowledged. Damage in the middle stays, for whoever has to look at it. */
	w->fd = open(path, O_RDWR | O_CLOEXEC);
	if (w->fd < 0)
		return -errno;
	if (ftruncate(w->fd, (off_t)end) < 0 || fdatasync(w->fd) < 0)
		return -errno;
	w->fd_size = w->synced = end;
	return 0;
}

int wal_open(const struct wal_opts *o, struct diag *d, struct wal **ret)
{
	struct wal *w = must_new(struct wal);
	w->dir = must_strdup(o->dir);
	w->file_bytes = o->file_bytes ? o->file_bytes : FILE_DEFAULT;
	w->fd = -1;
	w->read_only = o->read_only;
	w->plain = BUF_INIT(FRAME_MAX);
	w->frame = BUF_INIT(FRAME_MAX);
	w->zstd = ZSTD_createCCtx();
	must(w->zstd);
	int r = o->read_only ? 0 : file_make_dirs(o->dir);
	if (r == 0)
		r = open_last(w, d);
	if (r < 0) {
		diag_file(d, str_c(o->dir));
		diag_error(d, (struct diag_at){0}, "wal.open", "the write-ahead log cannot be opened: %s", strerror(-r));
		wal_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

void wal_close(struct wal *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	ZSTD_freeCCtx(w->zstd);
	buf_done(&w->plain);
	buf_done(&w->frame);
	free(w->dir);
	free(w);
}

uint64_t wal_next(const struct wal *w)
{
	return w->next;
}

uint64_t wal_durable(const struct wal *w)
{
	return w->durable;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static int start_file(struct wal *w)
{
	char path[PATH_SIZE];
	int r = wal_path(path, w->dir, w->next), fault = file_fault_check();
	if (r < 0 || fault)
		return r < 0 ? r : fault;
	if (w->fd >= 0 && w->next > w->durable && (r = wal_sync(w)) < 0)
		return r;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	w->fd_first = w->next;
	w->fd_size = w->synced = 0;
	w->new_file = true;
	return 0;
}

/* What was refused must not come back: not by a later sync, and not as a frame behind a shorter one. */
static int cut_tail(struct wal *w)
{
	int r = w->tail ? file_truncate(w->fd, w->fd_size) : 0;
	w->tail = w->tail && r < 0;
	return r;
}

static int build_frame(struct wal *w, const struct record *rec, size_t n)
{
	buf_reset(&w->plain);
	buf_reset(&w->frame);
	buf_add_varint(&w->plain, n);
	for (size_t i = 0; i < n; i++)
		put_record(&w->plain, &rec[i]);
	size_t bound = ZSTD_compressBound(w->plain.n);
	char *to = buf_reserve(&w->frame, FRAME_HEAD + bound);
	if (w->plain.err || !to)
		return -E2BIG;
	size_t got = ZSTD_compressCCtx(w->zstd, to + FRAME_HEAD, bound, w->plain.p, w->plain.n, 1);
	if (ZSTD_isError(got))
		return -EIO;
	struct buf head = BUF_INIT(FRAME_HEAD);
	buf_add_le32(&head, (uint32_t)(FRAME_HEAD - 4 + got));
	buf_add_le32(&head, 0);
	buf_add_le64(&head, w->next);
	buf_add_le64(&head, frame_hash(buf_str(&head), str_n(to + FRAME_HEAD, got)));
	memcpy(to, head.p, FRAME_HEAD);
	buf_commit(&w->frame, FRAME_HEAD + got);
	buf_done(&head);
	return 0;
}

int wal_append(struct wal *w, const struct record *rec, size_t n, uint64_t *ret_first)
{
	int r = 0;
	must(!w->read_only);
	file_fault_stage("wal-write");
	if ((r = cut_tail(w)) == 0 && (w->fd < 0 || w->fd_size >= w->file_bytes))
		r = start_file(w);
	if (r == 0)
		r = build_frame(w, rec, n);
	if (r == 0 && (r = file_pwrite_all(w->fd, buf_str(&w->frame), w->fd_size)) < 0) {
		w->tail = true;
		cut_tail(w);
	}
	if (r < 0)
		return r;
	w->fd_size += w->frame.n;
	*ret_first = w->next;
	w->next += n;
	return 0;
}

int wal_sync(struct wal *w)
{
	file_fault_stage("wal-sync");
	if (w->fd < 0)
		return 0;
	int r = file_fault_check();
	if (r == 0 && fdatasync(w->fd) < 0)
		r = -errno;
	if (r == 0 && w->new_file && (r = file_sync_dir(w->dir)) == 0)
		w->new_file = false;
	if (r < 0) {
		/* Whoever waited is refused and sends again, so nothing of it may stay. */
		w->tail = w->tail || w->fd_size > w->synced;
		w->fd_size = w->synced;
		w->next = w->durable;
		cut_tail(w);
		return r;
	}
	w->synced = w->fd_size;
	w->durable = w->next;
	return 0;
}

int wal_skip_to(struct wal *w, uint64_t position)
{
	must(!w->read_only && w->next == w->durable);
	if (w->next >= position)
		return 0;
	w->next = position;
	w->durable = position;
	int r = start_file(w);
	return r < 0 ? r : 1;
}

int wal_drop(struct wal *w, uint64_t below)
{
	char path[PATH_SIZE];
	uint64_t *list;
	size_t n;
	int r = list_files(w->dir, &list, &n), gone = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i + 1 < n && list[i + 1] <= below; i++)
		if (wal_path(path, w->dir, list[i]) == 0 && file_remove(path) == 0)
			gone++;
	free(list);
	return gone;
}

int wal_verify(const char *dir, struct diag *d, struct wal_range *ret)
{
	char path[PATH_SIZE];
	uint64_t *list, end, next, expect = 0;
	size_t n;
	int r = list_files(dir, &list, &n), worst = 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (wal_path(path, dir, list[i]) < 0)
			continue;
		if (i && list[i] != expect) {
			complain(d, path, 0, "a file of the log is missing before this one");
			worst = -EBADMSG;
		}
		if ((r = walk_file(path, list[i], d, &end, &next, i + 1 == n)) < 0)
			worst = r;
		expect = next;
	}
	if (ret)
		*ret = (struct wal_range){n ? list[0] : 0, expect, n ? list[n - 1] : 0, n};
	free(list);
	return worst;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

int wal_cursor_open(const struct wal *w, uint64_t from, struct wal_cursor **ret)
{
	struct wal_cursor *c = must_new(struct wal_cursor);
	c->dir = must_strdup(w->dir);
	c->wal = w;
	c->fd = -1;
	c->from = c->position = from;
	c->frame = BUF_INIT(FRAME_MAX);
	c->plain = BUF_INIT(FRAME_MAX);
	*ret = c;
	return 0;
}

void wal_cursor_close(struct wal_cursor *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	buf_done(&c->frame);
	buf_done(&c->plain);
	free(c->dir);
	free(c);
}

/* Opens the file that holds `position`, or the first one behind it when `next` is asked for. */
static bool open_file(struct wal_cursor *c, bool next)
{
	char path[PATH_SIZE];
	uint64_t *list, pick = UINT64_MAX;
	size_t n;
	if (list_files(c->dir, &list, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (next ? list[i] > c->file_first && pick == UINT64_MAX : list[i] <= c->position || pick == UINT64_MAX)
			pick = list[i];
	}
	free(list);
	if (pick == UINT64_MAX || wal_path(path, c->dir, pick) < 0)
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = fd;
	c->file_first = pick;
	c->offset = 0;
	return true;
}

/* 1 = a frame is at hand, 0 = nothing durable, -EBADMSG = one was passed over. */
static int next_frame(struct wal_cursor *c)
{
	uint64_t first, size = 0, n;
	/* Beyond the durable mark somebody may be writing: what looks damaged there is only unfinished. */
	if (c->position >= wal_durable(c->wal) || (c->fd < 0 && !open_file(c, false)))
		return 0;
	for (;;) {
		enum frame_state st = read_frame(c->fd, c->offset, &c->frame, &first, &size);
		if (st == FRAME_END || st == FRAME_TORN) {
			if (!open_file(c, true))
				return 0;
			continue;
		}
		if (st == FRAME_GOOD && first >= wal_durable(c->wal))
			return 0;
		c->offset += size >= FRAME_HEAD && size <= FRAME_MAX ? size : FRAME_MAX;
		if (st == FRAME_DAMAGED || inflate(buf_str(&c->frame), &c->plain) < 0)
			return -EBADMSG;
		c->rest = buf_str(&c->plain);
		if (!rd_varint(&c->rest, &n))
			return -EBADMSG;
		c->left = n;
		c->position = first;
		if (first + n > c->from)
			return 1;
		c->left = 0;
	}
}

int wal_cursor_next(struct wal_cursor *c, struct record *ret, uint64_t *ret_position)
{
	for (;;) {
		if (!c->left) {
			int r = next_frame(c);
			if (r <= 0)
				return r;
		}
		c->left--;
		if (!get_record(&c->rest, ret)) {
			c->left = 0;
			return -EBADMSG;
		}
		*ret_position = c->position++;
		if (*ret_position < c->from)
			continue;
		ret->id = id_make(ret->received, ID_EVENT, *ret_position);
		return 1;
	}
}

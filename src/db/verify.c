/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db.h"
#include "db/vfs.h"

#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * The write-ahead log of the SQLite file, checked from outside (format: sqlite.org/fileformat2.html, 4). SQLite itself takes the first frame that
 * does not fit for the end of the log, so that a flipped byte would silently undo every commit behind it.
 *
 * How far the log reaches is told by the shared memory beside it (walformat, 1.2), as long as it is of the same log: up to there every frame must
 * fit, and what stands behind it is left over from transactions that were taken back. Without it a frame that does not fit is damage when a commit of
 * the same log (its two salts) stands there or behind it: what a killed process leaves of a transaction that was not committed has none.
 */
#define HEADER 32u
#define FRAME_HEADER 24u
#define PAGE_MAX 65536u
#define MAGIC 0x377f0682u

struct log {
	int fd;
	uint64_t size;
	uint32_t page, salt1, salt2;
	bool big; /* checksums over big-endian words */
	uint32_t s0, s1;
	unsigned char frame[FRAME_HEADER + PAGE_MAX];
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t word(const struct log *l, const unsigned char *p)
{
	return l->big ? be32(p) : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void sum(struct log *l, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 8) {
		l->s0 += word(l, p + i) + l->s1;
		l->s1 += word(l, p + i + 4) + l->s0;
	}
}

/* The header: 1, 0 = the log is empty, -EBADMSG. */
static int read_header(struct log *l)
{
	unsigned char *h = l->frame;
	if (l->size < HEADER)
		return 0;
	int r = file_pread_all(l->fd, h, HEADER, 0);
	if (r < 0)
		return r;
	l->big = be32(h) & 1;
	l->page = be32(h + 8);
	l->salt1 = be32(h + 16);
	l->salt2 = be32(h + 20);
	sum(l, h, 24);
	bool good = (be32(h) & ~1u) == MAGIC && l->page >= 512 && l->page <= PAGE_MAX && !(l->page & (l->page - 1)) && l->s0 == be32(h + 24) && l->s1 == be32(h + 28);
	return good ? 1 : -EBADMSG;
}

enum fit { FITS, OTHER_LOG, MISFIT, MISFIT_COMMIT };

static enum fit read_frame(struct log *l, uint64_t at)
{
	unsigned char *h = l->frame;
	if (file_pread_all(l->fd, h, FRAME_HEADER + l->page, at) < 0)
		return OTHER_LOG;
	bool one = be32(h + 8) == l->salt1, both = one && be32(h + 12) == l->salt2;
	bool commit = be32(h + 4) != 0;
	uint32_t s0 = l->s0, s1 = l->s1;
	sum(l, h, 8);
	sum(l, h + FRAME_HEADER, l->page);
	if (both && l->s0 == be32(h + 16) && l->s1 == be32(h + 20))
		return FITS;
	l->s0 = s0;
	l->s1 = s1;
	if (!one && be32(h + 12) != l->salt2)
		return OTHER_LOG;
	return commit ? MISFIT_COMMIT : MISFIT;
}

/* The number of frames that the newest commit made valid, as whoever opened the database last saw it; false when nothing can tell. */
static bool read_reach(const char *where, const struct log *l, uint64_t *ret)
{
	char path[4096];
	uint32_t h[2][12];
	if ((size_t)snprintf(path, sizeof(path), "%s-shm", where) >= sizeof(path))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && file_pread_all(fd, h, sizeof(h), 0) == 0 && memcmp(h[0], h[1], sizeof(h[0])) == 0;
	if (fd >= 0)
		close(fd);
	/* iVersion, unused, iChange, flags, mxFrame, nPage, aFrameCksum[2], aSalt[2] (as the log has them), aCksum[2]; numbers of this machine */
	if (!good || be32((const unsigned char *)&h[0][8]) != l->salt1 || be32((const unsigned char *)&h[0][9]) != l->salt2)
		return false;
	*ret = h[0][4];
	return true;
}

static int damaged(struct log *l, uint64_t number, struct diag *d)
{
	diag_error(d, (struct diag_at){0}, "db.log_damaged", "frame %llu (byte %llu) is damaged: the commits from there on are lost", (unsigned long long)number,
		(unsigned long long)(HEADER + (number - 1) * (FRAME_HEADER + l->page)));
	return -EBADMSG;
}

/*
 * The first frame that does not fit, and whether a commit of this log stands there or behind it. Such a commit was lost by damage, or it was taken
 * back (its sync failed) and written over from its beginning: then the frame before is the commit that was written instead, and nothing that the
 * shared memory knows is missing.
 */
static int walk(struct log *l, bool known, uint64_t reach, struct diag *d)
{
	uint64_t step = FRAME_HEADER + l->page, bad = 0;
	bool commit_before = true;
	for (uint64_t at = HEADER, number = 1; at + step <= l->size; at += step, number++) {
		enum fit fit = read_frame(l, at);
		if (bad == 0 && fit != FITS)
			bad = number;
		if (bad == 0)
			commit_before = be32(l->frame + 4) != 0;
		else if (reach < bad && known && commit_before)
			return 0;
		else if (reach >= bad || fit == MISFIT_COMMIT || fit == FITS)
			return damaged(l, bad, d);
	}
	return known && !bad && HEADER + reach * step > l->size ? damaged(l, (l->size - HEADER) / step + 1, d) : 0;
}

int db_verify_log(const char *where, struct diag *d)
{
	char path[4096];
	if ((size_t)snprintf(path, sizeof(path), "%s-wal", where) >= sizeof(path))
		return -ENAMETOOLONG;
	int64_t size = file_size(path);
	if (size <= 0)
		return size == -ENOENT ? 0 : (int)size;
	uint64_t reach = 0;
	struct log *l = must_new(struct log);
	l->size = (uint64_t)size;
	l->fd = open(path, O_RDONLY | O_CLOEXEC);
	diag_file(d, str_c(path));
	int r = l->fd < 0 ? -errno : read_header(l);
	if (r == -EBADMSG)
		diag_error(d, (struct diag_at){0}, "db.log_damaged", "the header of the log is damaged: the commits in it are lost");
	else if (r > 0) {
		bool known = read_reach(where, l, &reach);
		r = walk(l, known, reach, d);
	}
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	return r;
}

/* ---- the file itself ------------------------------------------------------------------------------------------------------------------------------------ */

static bool is_blank(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* Every page as it lies in the file, free ones too. A page that was never written is blank. */
static int read_pages(const char *where, struct diag *d)
{
	unsigned char head[100], *page;
	uint32_t size;
	int fd = open(where, O_RDONLY | O_CLOEXEC), bad = 0;
	int64_t total = file_size(where);
	if (fd < 0)
		return -errno;
	if (total < (int64_t)sizeof(head) || file_pread_all(fd, head, sizeof(head), 0) < 0)
		return close(fd), 0;
	size = (uint32_t)head[16] << 8 | head[17];
	size = size == 1 ? PAGE_MAX : size;
	if (size < 512 || size & (size - 1) || head[20] != DB_RESERVED) {
		close(fd);
		return diag_error(d, (struct diag_at){0}, "db.damaged", "page 1 is damaged: this is no header of a database");
	}
	page = must_calloc(size, 1);
	for (int64_t at = 0; at + (int64_t)size <= total && file_pread_all(fd, page, size, (uint64_t)at) == 0; at += size)
		if (!db_vfs_page_good(page, size, (uint64_t)at) && !is_blank(page, size) && ++bad)
			diag_error(d, (struct diag_at){0}, "db.damaged", "page %lld is damaged: its checksum is wrong", (long long)(at / size) + 1);
	if (total % size && ++bad)
		diag_error(d, (struct diag_at){0}, "db.damaged", "the file ends inside page %lld", (long long)(total / size) + 1);
	free(page);
	close(fd);
	return bad ? -EBADMSG : 0;
}

int db_verify_pages(struct db *db, const char *where, struct diag *d)
{
	struct db_stmt *s;
	int r, bad = 0;
	diag_file(d, str_c(where));
	if (read_pages(where, d) < 0)
		return -EBADMSG;
	db_vfs_bad_page();
	if (!(s = db_prepare(db, "PRAGMA integrity_check")))
		return db_report(db, where, -EBADMSG, d);
	while ((r = db_step(s)) == 1)
		if (!str_eq(db_col_text(s, 0), STR("ok"))) {
			diag_error(d, (struct diag_at){0}, "db.damaged", "%.*s", STR_ARG(db_col_text(s, 0)));
			bad++;
		}
	if (r < 0)
		return db_report(db, where, -EBADMSG, d);
	uint32_t page = db_vfs_bad_page();
	if (page)
		diag_error(d, (struct diag_at){0}, "db.damaged", "page %u is damaged: its checksum is wrong", page);
	return bad || page ? -EBADMSG : 0;
}

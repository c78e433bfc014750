/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "store/wal.h"
#include "sys/file.h"

#include <errno.h>
#include <unistd.h>

static char dir[4096];

static struct wal *reopen(struct diag *d, uint64_t file_bytes)
{
	struct wal *w;
	snprintf(dir, sizeof(dir), "%s/wal", test_tmpdir());
	CHECK_INT(wal_open(&(struct wal_opts){.dir = dir, .file_bytes = file_bytes}, d, &w), 0);
	return w;
}

static void append(struct wal *w, int from, int n)
{
	struct record rec[64] = {0};
	char text[64][32];
	uint64_t first;
	for (int i = 0; i < n; i++)
		rec[i] = (struct record){.raw = str_n(text[i], (size_t)snprintf(text[i], 32, "line %d", from + i)), .source = STR("s"), .format = FORMAT_SYSLOG, .received = 5 * NS_PER_S};
	CHECK_INT(wal_append(w, rec, (size_t)n, &first), 0);
	CHECK_INT(first, from);
}

static void append_synced(struct wal *w, int from, int n)
{
	append(w, from, n);
	CHECK_INT(wal_sync(w), 0);
}

/* Everything from a position on is "0:line 0 1:line 1 …"; damaged frames are "!". */
static void check_read(struct wal *w, uint64_t from, const char *want)
{
	struct buf out = BUF_INIT(10000);
	struct wal_cursor *c;
	struct record rec;
	uint64_t at;
	int r;
	CHECK_INT(wal_cursor_open(w, from, &c), 0);
	while ((r = wal_cursor_next(c, &rec, &at)) != 0)
		if (r > 0)
			buf_addf(&out, "%llu:%.*s ", (unsigned long long)at, STR_ARG(rec.raw));
		else
			buf_addc(&out, '!');
	wal_cursor_close(c);
	CHECK_STR(buf_str(&out), want);
	buf_done(&out);
}

TEST(what_is_synced_is_read_and_nothing_else)
{
	struct diag d;
	diag_init(&d);
	struct wal *w = reopen(&d, 0);
	append(w, 0, 2);
	check_read(w, 0, "");
	CHECK_INT(wal_sync(w), 0);
	append(w, 2, 1);
	check_read(w, 1, "1:line 1 ");
	CHECK_INT(wal_sync(w), 0);
	wal_close(w);
	w = reopen(&d, 0);
	CHECK_INT(wal_next(w), 3);
	check_read(w, 0, "0:line 0 1:line 1 2:line 2 ");
	append_synced(w, 3, 1);
	check_read(w, 2, "2:line 2 3:line 3 ");
	wal_close(w);
	CHECK_INT(d.errors, 0);
	diag_done(&d);
}

TEST(a_cursor_follows_the_writer_over_files)
{
	struct diag d;
	struct record rec;
	struct wal_cursor *c;
	uint64_t at, seen = 0;
	diag_init(&d);
	struct wal *w = reopen(&d, 100);
	CHECK_INT(wal_cursor_open(w, 0, &c), 0);
	for (int i = 0; i < 20; i++) {
		CHECK_INT(wal_cursor_next(c, &rec, &at), 0);
		append_synced(w, 3 * i, 3);
		while (wal_cursor_next(c, &rec, &at) == 1)
			CHECK_INT(at, seen++);
		CHECK_INT(seen, 3 * i + 3);
	}
	wal_cursor_close(c);
	CHECK(wal_drop(w, 30) > 3);
	check_read(w, 55, "55:line 55 56:line 56 57:line 57 58:line 58 59:line 59 ");
	CHECK_INT(wal_verify(dir, &d, NULL), 0);
	wal_close(w);
	diag_done(&d);
}

static void only_file(char *path)
{
	snprintf(path, 4200, "%s/%020d.wal", dir, 0);
}

TEST(a_torn_tail_is_cut_at_every_length)
{
	char path[4200];
	struct diag d;
	struct buf whole = BUF_INIT(1 << 20);
	diag_init(&d);
	struct wal *w = reopen(&d, 0);
	append_synced(w, 0, 2);
	int64_t first_end = (only_file(path), file_size(path));
	append_synced(w, 2, 2);
	wal_close(w);
	CHECK_INT(file_read(path, &whole), 0);
	for (size_t n = (size_t)first_end; n < whole.n; n++) {
		CHECK_INT(file_replace(path, str_sub(buf_str(&whole), 0, n), 0600), 0);
		w = reopen(&d, 0);
		CHECK_INT(wal_next(w), 2);
		append_synced(w, 2, 1);
		check_read(w, 0, "0:line 0 1:line 1 2:line 2 ");
		wal_close(w);
	}
	CHECK_INT(d.errors, 0);
	buf_done(&whole);
	diag_done(&d);
}

TEST(when_a_file_was_written_is_kept_beside_when_it_was_received)
{
	const tstamp written[] = {0, 3 * NS_PER_S, -NS_PER_S};
	struct record rec[LEN(written)], got;
	struct wal_cursor *c;
	struct diag d;
	uint64_t at;
	diag_init(&d);
	struct wal *w = reopen(&d, 0);
	for (size_t i = 0; i < LEN(written); i++)
		rec[i] = (struct record){.raw = STR("x"), .format = FORMAT_COUNT - 1, .received = 5 * NS_PER_S, .written = written[i]};
	CHECK_INT(wal_append(w, rec, LEN(rec), &at), 0);
	CHECK_INT(wal_sync(w), 0);
	CHECK_INT(wal_cursor_open(w, 0, &c), 0);
	for (size_t i = 0; i < LEN(written); i++) {
		CHECK_INT(wal_cursor_next(c, &got, &at), 1);
		CHECK(got.written == written[i] && got.received == 5 * NS_PER_S && got.format == FORMAT_COUNT - 1);
	}
	wal_cursor_close(c);
	wal_close(w);
	diag_done(&d);
}

TEST(every_flipped_byte_is_named)
{
	char path[4200];
	struct buf whole = BUF_INIT(1 << 20);
	struct diag d;
	diag_init(&d);
	struct wal *w = reopen(&d, 0);
	for (int i = 0; i < 3; i++)
		append(w, i, 1);
	CHECK_INT(wal_sync(w), 0);
	wal_close(w);
	only_file(path);
	CHECK_INT(file_read(path, &whole), 0);
	for (size_t i = 0; i < whole.n; i++) {
		whole.p[i] ^= 0x40;
		CHECK_INT(file_replace(path, buf_str(&whole), 0600), 0);
		diag_reset(&d);
		int r = wal_verify(dir, &d, NULL);
		/* A length that now reaches past the end looks like a torn tail: the last positions are gone, which the ledger's count tells. */
		CHECK((r == -EBADMSG && d.errors > 0) || i % (whole.n / 3) < 4);
		whole.p[i] ^= 0x40;
	}
	buf_done(&whole);
	diag_done(&d);
}

TEST(a_failed_write_leaves_the_log_as_it_was)
{
	struct diag d;
	struct record rec = {.raw = STR("lost"), .format = FORMAT_TEXT};
	uint64_t first;
	diag_init(&d);
	struct wal *w = reopen(&d, 0);
	append_synced(w, 0, 1);
	file_fault_set(1, ENOSPC, false);
	CHECK_INT(wal_append(w, &rec, 1, &first), -ENOSPC);
	append(w, 1, 1);
	file_fault_set(1, EIO, false);
	CHECK_INT(wal_sync(w), -EIO);
	check_read(w, 0, "0:line 0 ");
	/* Its sender was refused and comes again: what was refused must not be there beside it. */
	CHECK_INT(wal_sync(w), 0);
	check_read(w, 0, "0:line 0 ");
	append_synced(w, 1, 1);
	wal_close(w);
	w = reopen(&d, 0);
	check_read(w, 0, "0:line 0 1:line 1 ");
	wal_close(w);
	diag_done(&d);
}

TEST(positions_that_were_given_are_not_given_again)
{
	struct diag d;
	diag_init(&d);
	struct wal *w = reopen(&d, 0);
	append_synced(w, 0, 3);
	CHECK_INT(wal_skip_to(w, 3), 0);
	CHECK_INT(wal_skip_to(w, 7), 1);
	append_synced(w, 7, 1);
	check_read(w, 0, "0:line 0 1:line 1 2:line 2 7:line 7 ");
	wal_close(w);
	CHECK_INT(wal_verify(dir, &d, NULL), -EBADMSG);
	diag_done(&d);
}

TEST_MAIN

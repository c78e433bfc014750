/* SPDX-License-Identifier: Apache-2.0 */
#include "event/reader.h"
#include "event/rig.h"
#include "sys/file.h"

#include <archive.h>
#include <archive_entry.h>

static struct seen {
	uint64_t events, bad, blocks;
	struct block_counts n;
	uint64_t hash; /* of all records in order */
	struct buf first;
	struct str fault;
	bool failed;
	enum event_format format;
} seen;

static int on_event(void *arg, struct event *ev)
{
	struct buf json = BUF_INIT(64u << 20);
	event_add_json(ev, arg, &json);
	seen.hash = seen.hash * 31 + str_hash(buf_str(&json));
	if (seen.events++ == 0)
		buf_add(&seen.first, buf_str(&json));
	buf_done(&json);
	return 0;
}

static void read_path(const char *path)
{
	struct rig rig;
	struct reader_opts o = {.now = 1772409600 * NS_PER_S};
	struct reader *r;
	struct block *b;
	buf_done(&seen.first);
	free((char *)(uintptr_t)seen.fault.p);
	seen = (struct seen){.first = BUF_INIT(1u << 20)};
	rig_open(&rig, 0);
	CHECK_INT(reader_open(&o, &r), 0);
	CHECK_INT(reader_add_path(r, path), 0);
	while (reader_next(r, &b) > 0) {
		block_decode(b, rig.dec, &rig.mem, on_event, &rig.mem, &seen.n);
		seen.bad += seen.n.bad;
		seen.blocks++;
		seen.format = block_file(b)->format;
		seen.failed = seen.failed || block_file(b)->failed;
		if (block_file(b)->fault.n) {
			free((char *)(uintptr_t)seen.fault.p);
			seen.fault = str_c(str_dup_c(block_file(b)->fault));
		}
		block_free(b);
	}
	reader_free(r);
	rig_close(&rig);
}

static void check(const char *name, struct str bytes, enum event_format format, uint64_t events, const char *first)
{
	read_path(test_file(name, bytes));
	CHECK_STR(buf_str(&seen.first), first);
	CHECK_INT(seen.format, format);
	CHECK_INT(seen.events, events);
}

TEST(records_of_each_framing)
{
	check("a", STR("a b\n\n  \nc d"), FORMAT_AUTO, 2, "{\"message\":\"a b\"}");
	check("a", STR("\xEF\xBB\xBF{\"a\":1}\n{\"a\":2}\nnot json\n"), FORMAT_JSON, 3, "{\"a\":1}");
	check("a", STR("[\n{\"a\":1},\n{\n\"b\":[{}]}\n]\n"), FORMAT_JSON, 2, "{\"a\":1}");
	check("a", STR("{\"Records\":[{\"a\":1},{\"b\":2}]}"), FORMAT_JSON, 2, "{\"a\":1}");
	check("a", STR("#separator \\x09\n#fields\ta\tb\n1\t2\n3\t4\n#fields\tc\n5\n#close\tx\n"), FORMAT_ZEEK, 3, "{\"a\":\"1\",\"b\":\"2\"}");
	check("a", STR("#Fields: date time x\n2026-03-02 00:00:00 y\n#Fields: x\nz q\n"), FORMAT_W3C, 2, "{\"date\":\"2026-03-02\",\"time\":\"00:00:00\",\"x\":\"y\"}");
	check("a.csv", STR("name,note\r\n\"a\nb\",\"c \"\"d\"\"\"\r\ne,f\r\n"), FORMAT_CSV, 2, "{\"name\":\"a\\nb\",\"note\":\"c \\\"d\\\"\"}");
	check("a.csv", STR("name,note\na,\"b\nc\""), FORMAT_CSV, 1, "{\"name\":\"a\",\"note\":\"b\\nc\"}");
	check("a.csv", STR("name,note\na,\"b\nc,d\n"), FORMAT_CSV, 2, "{\"name\":\"a\",\"note\":\"\\\"b\"}");
	check("a", STR("<?xml version='1.0'?>\n<Events><Event>\n<System><EventID>1</EventID></System>\n</Event><Event><System><EventID>2</EventID></System></Event></Events>"), FORMAT_XML, 2, "{\"EventID\":\"1\"}");
	check("a", str_n("__REALTIME_TIMESTAMP=1772409600000000\nMESSAGE\n\4\0\0\0\0\0\0\0a\n\nb\n\n__REALTIME_TIMESTAMP=1\nMESSAGE=c\n\n", 102 - 9), FORMAT_JOURNAL, 2,
		"{\"__REALTIME_TIMESTAMP\":\"1772409600000000\",\"MESSAGE\":\"a\\n\\nb\"}");
	check("a", STR("type=A msg=audit(1.1:1): x=1\ntype=B msg=audit(1.1:2): y=1\ntype=C msg=audit(1.1:1): z=1\n"), FORMAT_AUDITD, 2, "{\"serial\":\"1\",\"type\":[\"A\",\"C\"],\"x\":\"1\",\"z\":\"1\"}");
}

TEST(utf16_becomes_utf8)
{
	check("a", str_n("\xFF\xFE" "a\0,\0b\0,\0c\0\n\0k\x70,\0002\0,\0003\0\n\0", 24), FORMAT_CSV, 1, "{\"a\":\"火\",\"b\":\"2\",\"c\":\"3\"}");
	check("a", str_n("\xFE\xFF\0h\0i\0\n\x70\x6b\0\n", 12), FORMAT_AUTO, 2, "{\"message\":\"hi\"}");
	check("a", str_n("h\0e\0l\0l\0o\0 \0w\0o\0r\0l\0d\0\n\0", 24), FORMAT_AUTO, 1, "{\"message\":\"hello world\"}");
}

static void pack(const char *name, int format, int filter, const char *member, struct str bytes)
{
	char path[4200];
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	archive_write_set_format(a, format);
	archive_write_add_filter(a, filter);
	CHECK(archive_write_open_filename(a, path) == ARCHIVE_OK);
	archive_entry_set_pathname(e, member);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, (la_int64_t)bytes.n);
	CHECK(archive_write_header(a, e) == ARCHIVE_OK);
	CHECK_INT(archive_write_data(a, bytes.p, bytes.n), bytes.n);
	archive_entry_free(e);
	CHECK(archive_write_free(a) == ARCHIVE_OK);
}

/* Lines of several blocks: the count, and the same records whatever way the bytes come. */
TEST(blocks_do_not_depend_on_the_container)
{
	struct buf b = BUF_INIT(64u << 20);
	char path[4200];
	for (int i = 0; i < 60000; i++)
		buf_addf(&b, "type=SYSCALL msg=audit(%d.5:%d): a0=%d\ntype=CWD msg=audit(%d.5:%d): cwd=\"/%d\"\n", 1772400000 + i / 10, i, i, 1772400000 + (i ^ 1) / 10, i ^ 1, i);
	snprintf(path, sizeof(path), "%s", test_file("a.log", buf_str(&b)));
	read_path(path);
	CHECK(seen.blocks > 4);
	CHECK_INT(seen.events, 60000);
	struct seen plain = seen;
	pack("a.log.gz", ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, "a.log", buf_str(&b));
	struct buf packed = BUF_INIT(64u << 20);
	snprintf(path, sizeof(path), "%s/a.log.gz", test_tmpdir());
	read_path(path);
	CHECK_INT(seen.events, plain.events);
	CHECK_INT(seen.hash, plain.hash);
	CHECK(file_read(path, &packed) == 0);
	pack("t.tar", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_NONE, "d/a.log.gz", buf_str(&packed));
	snprintf(path, sizeof(path), "%s/t.tar", test_tmpdir());
	read_path(path);
	CHECK_INT(seen.events, plain.events);
	CHECK_INT(seen.hash, plain.hash);
	buf_done(&packed);
	buf_done(&b);
}

TEST(a_line_without_an_end_is_refused_and_the_next_is_read)
{
	struct buf b = BUF_INIT(64u << 20);
	buf_add_cstr(&b, "first\n");
	char *p = buf_reserve(&b, 20u << 20);
	memset(p, 'x', 20u << 20);
	buf_commit(&b, 20u << 20);
	buf_add_cstr(&b, "\nlast\n");
	read_path(test_file("a", buf_str(&b)));
	CHECK_INT(seen.events, 3);
	CHECK_INT(seen.bad, 1);
	CHECK(!seen.failed);
	CHECK(str_find(seen.fault, STR("longer than the record limit")) != STR_NPOS);
	buf_done(&b);
}

static void repeat(struct buf *b, const char *head, const char *piece, size_t n, const char *tail)
{
	buf_add_cstr(b, head);
	for (size_t i = 0; i < n; i++)
		buf_add_cstr(b, piece);
	buf_add_cstr(b, tail);
}

/* Records that would cost their square if pieces were put together one by one, or a stack frame a byte. */
TEST(hostile_records_cost_what_they_weigh)
{
	static const struct {
		const char *head, *piece, *tail;
		size_t n;
	} hostile[] = {
		{"<Event><System><Channel>Security</Channel></System><EventData><Data Name='a'>", "ab<!---->", "</Data></EventData></Event>\n", 400000},
		{"type=EXECVE msg=audit(1.1:1): argc=1", " a0[1]=6162", "\n", 350000},
		{"type=X msg=audit(1.1:1): ", "a='", "\n", 1000000},
		{"{\"ID\":\"1.1:1\",\"PROCTITLE\":{\"ARGV\":[", "\"ab\",", "\"c\"]}}\n", 19000},
		{"Mar  2 09:00:00 h p: ", "a=", "\n", 1000000},
		{"<1>1 - - - - - ", "[a b=\"c\"]", "\n", 300000},
		{"CEF:0|a|b|c|d|e|5|", "a=b ", "\n", 700000},
		{"", "\x1b$B", "\n", 1000000},
		{"192.0.2.1 - - [02/Mar/2026:09:00:00 +0000] \"GET /", "\\\"", "\n", 1000000},
	};
	for (size_t i = 0; i < LEN(hostile); i++) {
		struct buf b = BUF_INIT(8u << 20);
		repeat(&b, hostile[i].head, hostile[i].piece, hostile[i].n, hostile[i].tail);
		buf_add_cstr(&b, "last\n");
		read_path(test_file("a", buf_str(&b)));
		CHECK(seen.events >= 1 && seen.events <= 2 && !seen.failed);
		buf_done(&b);
	}
}

TEST(what_cannot_be_read_says_so)
{
	char path[4200];
	snprintf(path, sizeof(path), "%s/none", test_tmpdir());
	read_path(path);
	CHECK(seen.failed && seen.fault.n);
	read_path(test_file("cut.gz", str_n("\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\x4c", 12)));
	CHECK(seen.failed && seen.fault.n);
	read_path(test_file("empty", STR("")));
	CHECK(!seen.failed && !seen.fault.n && seen.events == 0);
}

TEST_MAIN

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/utf8.h"
#include "event/evtx.h"

/*
 * A small writer of event log chunks: what it writes the reader must read back. A record without a template (as forwarded events have them)
 * and a template with its values, the event data as an embedded fragment.
 */
struct writer {
	struct buf b; /* the chunk */
	size_t record;
	bool share; /* a name that was written before is referred to */
};

static void put_name(struct writer *w, const char *name)
{
	struct buf u = BUF_INIT(1000);
	buf_add_le32(&u, 0);
	buf_add_le16(&u, 0);
	buf_add_le16(&u, (uint16_t)strlen(name));
	utf8_to_utf16le(&u, str_c(name));
	buf_add_le16(&u, 0);
	size_t before = w->share ? str_find(buf_str(&w->b), buf_str(&u)) : STR_NPOS;
	buf_add_le32(&w->b, before != STR_NPOS ? (uint32_t)before : (uint32_t)w->b.n + 4);
	if (before == STR_NPOS)
		buf_add(&w->b, buf_str(&u));
	buf_done(&u);
}

static void put_text(struct writer *w, const char *text)
{
	struct buf u = BUF_INIT(1000);
	utf8_to_utf16le(&u, str_c(text));
	buf_add(&w->b, STR("\x05\x01"));
	buf_add_le16(&w->b, (uint16_t)(u.n / 2));
	buf_add(&w->b, buf_str(&u));
	buf_done(&u);
}

/* <name attribute="value">, with attribute NULL <name>; content follows, then put_end. */
static void put_open(struct writer *w, bool in_template, const char *name, const char *attribute, const char *value)
{
	buf_addc(&w->b, attribute ? 0x41 : 0x01);
	if (in_template)
		buf_add_le16(&w->b, 0xffff);
	buf_add_le32(&w->b, 0);
	put_name(w, name);
	if (attribute) {
		buf_add_le32(&w->b, 0);
		buf_addc(&w->b, 0x06);
		put_name(w, attribute);
		put_text(w, value);
	}
	buf_addc(&w->b, 0x02);
}

static void put_end(struct writer *w)
{
	buf_addc(&w->b, 0x04);
}

static void put_value(struct writer *w, uint16_t index, uint8_t type, bool optional)
{
	buf_addc(&w->b, optional ? 0x0e : 0x0d);
	buf_add_le16(&w->b, index);
	buf_addc(&w->b, (char)type);
}

static void begin_record(struct writer *w, uint64_t number)
{
	w->record = w->b.n;
	buf_add(&w->b, str_n("\x2a\x2a\0\0", 4));
	buf_add_le32(&w->b, 0);
	buf_add_le64(&w->b, number);
	buf_add_le64(&w->b, 132000000000000000u);
	buf_add(&w->b, str_n("\x0f\x01\x01\x00", 4));
}

static void end_record(struct writer *w)
{
	buf_addc(&w->b, 0);
	uint32_t size = (uint32_t)(w->b.n - w->record) + 4;
	buf_add_le32(&w->b, size);
	memcpy(w->b.p + w->record + 4, &size, 4);
}

static void begin_chunk(struct writer *w)
{
	w->b = BUF_INIT(EVTX_CHUNK);
	buf_add(&w->b, str_n("ElfChnk\0", 8));
	while (w->b.n < 512)
		buf_addc(&w->b, 0);
}

static void end_chunk(struct writer *w)
{
	uint32_t used = (uint32_t)w->b.n;
	memcpy(w->b.p + 48, &used, 4);
	while (w->b.n < EVTX_CHUNK)
		buf_addc(&w->b, 0);
}

static void literal_record(struct writer *w, uint64_t number)
{
	begin_record(w, number);
	put_open(w, false, "Event", NULL, NULL);
	put_open(w, false, "System", NULL, NULL);
	put_open(w, false, "Provider", "Name", "P");
	put_end(w);
	put_open(w, false, "EventID", "Qualifiers", "5");
	put_text(w, "104");
	put_end(w);
	put_open(w, false, "Channel", NULL, NULL);
	put_text(w, "System");
	put_end(w);
	put_end(w);
	put_open(w, false, "UserData", NULL, NULL);
	put_open(w, false, "LogFileCleared", NULL, NULL);
	put_open(w, false, "SubjectUserName", NULL, NULL);
	put_text(w, "佐藤");
	put_end(w);
	put_end(w);
	put_end(w);
	put_end(w);
	end_record(w);
}

static void put_descriptor(struct writer *w, size_t size, uint8_t type)
{
	buf_add_le16(&w->b, (uint16_t)size);
	buf_addc(&w->b, (char)type);
	buf_addc(&w->b, 0);
}

static void put_instance(struct writer *w, size_t definition)
{
	buf_add(&w->b, STR("\x0c\x01"));
	buf_add_le32(&w->b, 7);
	buf_add_le32(&w->b, (uint32_t)definition);
}

/* An instance with its definition; the values follow. */
static size_t begin_template(struct writer *w)
{
	size_t def = w->b.n + 10;
	put_instance(w, def);
	for (int i = 0; i < 6; i++)
		buf_add_le32(&w->b, 0);
	buf_add(&w->b, str_n("\x0f\x01\x01\x00", 4));
	return def;
}

static void end_template(struct writer *w, size_t def)
{
	buf_addc(&w->b, 0);
	uint32_t size = (uint32_t)(w->b.n - def) - 24;
	memcpy(w->b.p + def + 20, &size, 4);
}

/* <Event><System><EventID>%0</EventID><Channel>Security</Channel></System><EventData> with Data of every interesting type. */
static void template_record(struct writer *w, uint64_t number)
{
	begin_record(w, number);
	size_t def = begin_template(w);
	put_open(w, true, "Event", NULL, NULL);
	put_open(w, true, "System", NULL, NULL);
	put_open(w, true, "EventID", NULL, NULL);
	put_value(w, 0, EVTX_UINT16, false);
	put_end(w);
	put_open(w, true, "Channel", NULL, NULL);
	put_text(w, "Security");
	put_end(w);
	put_end(w);
	put_open(w, true, "EventData", NULL, NULL);
	static const char *const names[] = {"Access Mask", "Sid", "Gone", "List", "Flag", "Minus"};
	for (uint16_t i = 0; i < LEN(names); i++) {
		put_open(w, true, "Data", "Name", names[i]);
		put_value(w, (uint16_t)(i + 1), 0, i == 2);
		put_end(w);
	}
	put_end(w);
	put_end(w);
	end_template(w, def);
	buf_add_le32(&w->b, 7);
	put_descriptor(w, 2, EVTX_UINT16);
	put_descriptor(w, 4, EVTX_HEX32);
	put_descriptor(w, 12, EVTX_SID);
	put_descriptor(w, 0, EVTX_NULL);
	put_descriptor(w, 8, EVTX_STRING | EVTX_ARRAY);
	put_descriptor(w, 4, EVTX_BOOL);
	put_descriptor(w, 4, EVTX_INT32);
	buf_add_le16(&w->b, 4663);
	buf_add_le32(&w->b, 0x10);
	buf_add(&w->b, str_n("\x01\x01\0\0\0\0\0\x05\x12\0\0\0", 12));
	buf_add(&w->b, str_n("a\0\0\0b\0\0\0", 8));
	buf_add_le32(&w->b, 7);
	buf_add_le32(&w->b, (uint32_t)-3);
	end_record(w);
}

static int add_event(void *arg, struct event *ev)
{
	struct buf *out = arg;
	struct arena mem;
	arena_init(&mem, 0);
	buf_addf(out, "%llu ", (unsigned long long)ev->record);
	event_add_json(ev, &mem, out);
	buf_addc(out, '\n');
	arena_done(&mem);
	return 0;
}

static struct evtx_chunk_result decode_with(struct evtx_decoder *d, struct str chunk, struct buf *out)
{
	struct evtx_chunk_result res;
	struct event proto = {.source = STR("t.evtx")};
	struct arena mem;
	arena_init(&mem, 0);
	CHECK_INT(evtx_decode_chunk(d, chunk, &proto, &mem, add_event, out, &res), 0);
	arena_done(&mem);
	return res;
}

static struct evtx_chunk_result decode(struct str chunk, struct buf *out)
{
	struct vocab *v = vocab_new();
	vocab_freeze(v);
	struct evtx_decoder *d = evtx_decoder_new(v);
	struct evtx_chunk_result res = decode_with(d, chunk, out);
	evtx_decoder_free(d);
	vocab_unref(v);
	return res;
}

#define LITERAL "{\"Provider_Name\":\"P\",\"EventID_Qualifiers\":\"5\",\"EventID\":\"104\",\"Channel\":\"System\",\"SubjectUserName\":\"佐藤\"}\n"
#define TEMPLATE "{\"EventID\":4663,\"Channel\":\"Security\",\"AccessMask\":\"0x10\",\"Sid\":\"S-1-5-18\",\"Gone\":null,\"List\":[\"a\",\"b\"],\"Flag\":true,\"Minus\":-3}\n"

TEST(records_with_and_without_template)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	begin_chunk(&w);
	literal_record(&w, 1);
	template_record(&w, 2);
	end_chunk(&w);
	struct evtx_chunk_result res = decode(buf_str(&w.b), &out);
	CHECK_INT(res.records, 2);
	CHECK_INT(res.damaged, 0);
	CHECK_STR(buf_str(&out), "1 " LITERAL "2 " TEMPLATE);
	buf_done(&out);
	buf_done(&w.b);
}

/*
 * A template that is known from another chunk: at another place, its names outside of it; when its definition differs, however little, it is another
 * template. Of the first chunk nothing is left by then.
 */
TEST(templates_are_kept_from_chunk_to_chunk)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	struct vocab *v = vocab_new();
	vocab_freeze(v);
	struct evtx_decoder *d = evtx_decoder_new(v);
	for (int i = 0; i < 4; i++) {
		w.share = i == 2;
		begin_chunk(&w);
		if (i)
			literal_record(&w, 1);
		template_record(&w, 2);
		end_chunk(&w);
		struct str log = str_n("S\0e\0c\0u\0r\0i\0t\0y\0", 16);
		if (i == 3)
			w.b.p[str_find(buf_str(&w.b), log) + 14] = 'i';
		buf_reset(&out);
		struct evtx_chunk_result res = decode_with(d, buf_str(&w.b), &out);
		CHECK_INT(res.damaged, 0);
		if (i < 3) {
			CHECK_STR(buf_str(&out), i ? "1 " LITERAL "2 " TEMPLATE : "2 " TEMPLATE);
		} else {
			CHECK(str_find(buf_str(&out), STR("\"Channel\":\"Securiti\"")) != STR_NPOS);
		}
		memset(w.b.p, 0x55, w.b.n);
		buf_done(&w.b);
	}
	evtx_decoder_free(d);
	vocab_unref(v);
	buf_done(&out);
}

TEST(a_damaged_record_costs_itself_alone)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	begin_chunk(&w);
	literal_record(&w, 1);
	size_t second = w.b.n;
	literal_record(&w, 2);
	template_record(&w, 3);
	end_chunk(&w);
	char saved = w.b.p[second + 30];
	w.b.p[second + 30] = 0x7f; /* garbage in the body */
	w.b.p[second + 28] = 0x7f;
	struct evtx_chunk_result res = decode(buf_str(&w.b), &out);
	CHECK_INT(res.records, 3);
	CHECK_INT(res.damaged, 1);
	CHECK_STR(buf_str(&out), "1 " LITERAL "3 " TEMPLATE);
	w.b.p[second + 30] = saved;
	w.b.p[second + 28] = 0x01;
	w.b.p[second + 4] ^= 0x55; /* the size */
	buf_reset(&out);
	res = decode(buf_str(&w.b), &out);
	CHECK_INT(res.damaged, 1);
	CHECK_STR(buf_str(&out), "1 " LITERAL "3 " TEMPLATE);
	buf_done(&out);
	buf_done(&w.b);
}

/* Found by fuzzing: an offset so large that adding to it began again at zero. */
TEST(a_name_at_the_end_of_numbers_is_refused)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	begin_chunk(&w);
	literal_record(&w, 1);
	literal_record(&w, 2);
	end_chunk(&w);
	memset(w.b.p + 512 + 24 + 4 + 1 + 4, 0xff, 4);
	struct evtx_chunk_result res = decode(buf_str(&w.b), &out);
	CHECK_INT(res.damaged, 1);
	CHECK_STR(buf_str(&out), "2 " LITERAL);
	buf_done(&out);
	buf_done(&w.b);
}

TEST(a_chunk_without_its_magic_is_read)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	begin_chunk(&w);
	literal_record(&w, 1);
	template_record(&w, 2);
	end_chunk(&w);
	memset(w.b.p, 0, 8);
	struct evtx_chunk_result res = decode(buf_str(&w.b), &out);
	CHECK(res.fault != NULL);
	CHECK_INT(res.damaged, 0);
	CHECK_STR(buf_str(&out), "1 " LITERAL "2 " TEMPLATE);
	memset(w.b.p, 0, w.b.n); /* nothing left: an empty, preallocated chunk */
	buf_reset(&out);
	res = decode(buf_str(&w.b), &out);
	CHECK(res.fault == NULL);
	CHECK_INT(res.records + res.damaged, 0);
	memset(w.b.p, 0x55, w.b.n);
	res = decode(buf_str(&w.b), &out);
	CHECK_INT(res.damaged, 1);
	buf_done(&out);
	buf_done(&w.b);
}

TEST(a_record_whose_end_was_never_written_is_read)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	begin_chunk(&w);
	literal_record(&w, 1);
	literal_record(&w, 2);
	memset(w.b.p + w.b.n - 4, 0, 4);
	end_chunk(&w);
	struct evtx_chunk_result res = decode(buf_str(&w.b), &out);
	CHECK(res.fault != NULL);
	CHECK_INT(res.damaged, 0);
	CHECK_STR(buf_str(&out), "1 " LITERAL "2 " LITERAL);
	buf_done(&out);
	buf_done(&w.b);
}

static void put_element(struct writer *w, const char *name, const char *text)
{
	put_open(w, false, name, NULL, NULL);
	put_text(w, text);
	put_end(w);
}

/* A cleared log: its data names a Channel too. The header's decides the log source, a rule sees both; the record's number is the event's own. */
TEST(a_name_of_header_and_data_keeps_both_values)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	begin_chunk(&w);
	begin_record(&w, 1);
	put_open(&w, false, "Event", NULL, NULL);
	put_open(&w, false, "System", NULL, NULL);
	put_element(&w, "EventID", "104");
	put_element(&w, "EventRecordID", "4711");
	put_element(&w, "Channel", "System");
	put_end(&w);
	put_open(&w, false, "UserData", NULL, NULL);
	put_open(&w, false, "LogFileCleared", NULL, NULL);
	put_element(&w, "Channel", "Security");
	for (int i = 0; i < 3; i++)
		put_end(&w);
	end_record(&w);
	end_chunk(&w);
	struct evtx_chunk_result res = decode(buf_str(&w.b), &out);
	CHECK_INT(res.damaged, 0);
	CHECK_STR(buf_str(&out), "4711 {\"EventID\":\"104\",\"EventRecordID\":\"4711\",\"Channel\":[\"System\",\"Security\"]}\n");
	buf_done(&out);
	buf_done(&w.b);
}

/* Chunks are found wherever they stand: behind junk, after missing bytes, and not where a text only names their magic. */
TEST(pieces_of_a_file_that_lost_bytes)
{
	struct buf f = BUF_INIT(1 << 20);
	const size_t head = EVTX_FILE_HEADER, step[] = {head, 100, 30000, EVTX_CHUNK, 700};
	char *at = buf_reserve(&f, 4 * EVTX_CHUNK);
	memset(at, 'x', 4 * EVTX_CHUNK);
	size_t chunks[] = {head + 100, head + 30100}, end = head + 30100 + EVTX_CHUNK + 700;
	memcpy(at, "ElfFile", 8);
	for (size_t i = 0; i < LEN(chunks); i++) {
		memcpy(at + chunks[i], "ElfChnk", 8);
		memcpy(at + chunks[i] + 40, "\x80\0\0", 4);
	}
	memcpy(at + chunks[1] + 1000, "ElfChnk", 8);
	buf_commit(&f, end);
	struct str rest = buf_str(&f);
	for (size_t i = 0; i < LEN(step); i++) {
		size_t n = evtx_piece(rest, true);
		CHECK_INT(n, step[i]);
		rest = str_sub(rest, n, rest.n);
	}
	CHECK_INT(rest.n, 0);
	/* Files one behind the other: a chunk goes up to the next one's header, whatever its text looks like. */
	memcpy(f.p + chunks[1] + EVTX_CHUNK, "ElfFile", 8);
	memcpy(f.p + chunks[1] + 1040, "\x80\0\0", 4);
	CHECK_INT(evtx_piece(str_sub(buf_str(&f), chunks[1], f.n), false), EVTX_CHUNK);
	CHECK_INT(evtx_piece(str_sub(buf_str(&f), 0, 2000), false), 0);
	CHECK_INT(evtx_piece(str_sub(buf_str(&f), chunks[1], chunks[1] + EVTX_CHUNK), false), 0);
	buf_done(&f);
}

/* A value whose type nobody knows is its bytes, whatever the number. */
TEST(every_type_of_value_ends_in_a_result)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(100000);
	begin_chunk(&w);
	template_record(&w, 1);
	end_chunk(&w);
	size_t sid = str_find(buf_str(&w.b), str_n("\x0c\0\x13\0", 4)) + 2;
	for (unsigned type = 0; type < 256; type++) {
		w.b.p[sid] = (char)type;
		buf_reset(&out);
		decode(buf_str(&w.b), &out);
		if (type > EVTX_BINXML && type < 0x80)
			CHECK(str_find(buf_str(&out), STR("\"Sid\":\"010100000000000512000000\"")) != STR_NPOS);
	}
	buf_done(&out);
	buf_done(&w.b);
}

/* <Event><System> with two Level, both of them value 0. */
static struct evtx_chunk_result decode_value(uint8_t type, struct str value, struct buf *out)
{
	struct writer w = {.share = false};
	begin_chunk(&w);
	begin_record(&w, 1);
	size_t def = begin_template(&w);
	put_open(&w, true, "Event", NULL, NULL);
	put_open(&w, true, "System", NULL, NULL);
	for (int i = 0; i < 2; i++) {
		put_open(&w, true, "Level", NULL, NULL);
		put_value(&w, 0, type, false);
		put_end(&w);
	}
	put_end(&w);
	put_end(&w);
	end_template(&w, def);
	buf_add_le32(&w.b, 1);
	put_descriptor(&w, value.n, type);
	buf_add(&w.b, value);
	end_record(&w);
	end_chunk(&w);
	struct evtx_chunk_result res = decode(buf_str(&w.b), out);
	buf_done(&w.b);
	return res;
}

static struct evtx_chunk_result decode_array(size_t n, struct buf *out)
{
	static const char sevens[6000] = {[0 ... 5999] = 7};
	return decode_value(EVTX_UINT8 | EVTX_ARRAY, str_n(sevens, n), out);
}

TEST(a_record_has_a_field_or_more_and_no_more_than_the_limit)
{
	struct buf out = BUF_INIT(1 << 20);
	CHECK_STR(str_c(decode_array(0, &out).fault), "the record is empty");
	CHECK_STR(str_c(decode_array(5001, &out).fault), "the record has more fields than the limit");
	CHECK_INT(out.n, 0);
	CHECK(!decode_array(2, &out).fault);
	CHECK_STR(buf_str(&out), "1 {\"Level\":[7,7,7,7]}\n");
	CHECK(!decode_array(5000, &out).fault);
	buf_done(&out);
}

/* 4295 milliseconds are 32,704 nanoseconds when they are counted in 32 bits. */
TEST(a_system_time_that_is_none_is_null)
{
	struct buf out = BUF_INIT(1000);
	decode_value(EVTX_SYSTEMTIME, str_n("\xea\x07\x0b\0\x04\0\x1a\0\x0e\0\x05\0\x06\0\xe7\x03", 16), &out);
	CHECK_STR(buf_str(&out), "1 {\"Level\":[\"2026-11-26T14:05:06.999Z\",\"2026-11-26T14:05:06.999Z\"]}\n");
	buf_reset(&out);
	decode_value(EVTX_SYSTEMTIME, str_n("\xea\x07\x0b\0\x04\0\x1a\0\x0e\0\x05\0\x06\0\xc7\x10", 16), &out);
	CHECK_STR(buf_str(&out), "1 {\"Level\":[null,null]}\n");
	buf_done(&out);
}

/* Two slots name one embedded fragment, in which the same template stands again: 2^40 of them. */
TEST(fragments_in_fragments_are_bounded)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(1000);
	begin_chunk(&w);
	begin_record(&w, 1);
	size_t def = begin_template(&w);
	put_open(&w, true, "Event", NULL, NULL);
	put_open(&w, true, "System", NULL, NULL);
	for (int i = 0; i < 2; i++) {
		put_open(&w, true, "Level", NULL, NULL);
		put_value(&w, 0, EVTX_BINXML, false);
		put_end(&w);
	}
	put_end(&w);
	put_end(&w);
	end_template(&w, def);
	for (size_t depth = 40; depth > 0; depth--) {
		buf_add_le32(&w.b, 1);
		put_descriptor(&w, (depth - 1) * 18, EVTX_BINXML);
		if (depth > 1)
			put_instance(&w, def);
	}
	end_record(&w);
	end_chunk(&w);
	struct evtx_chunk_result res = decode(buf_str(&w.b), &out);
	CHECK_INT(res.damaged, 1);
	CHECK_STR(str_c(res.fault), "the record's templates unfold to more than the limit");
	buf_done(&out);
	buf_done(&w.b);
}

TEST(every_single_flipped_byte_ends_in_a_result)
{
	struct writer w = {.share = false};
	struct buf out = BUF_INIT(10 << 20);
	begin_chunk(&w);
	literal_record(&w, 1);
	template_record(&w, 2);
	size_t used = w.b.n;
	end_chunk(&w);
	for (size_t i = 0; i < used; i++) {
		w.b.p[i] ^= (char)(1 + i % 255);
		buf_reset(&out);
		decode(buf_str(&w.b), &out);
		w.b.p[i] ^= (char)(1 + i % 255);
	}
	buf_done(&out);
	buf_done(&w.b);
}

TEST_MAIN

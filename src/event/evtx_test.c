/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "event/evtx.h"
#include "event/rig.h"

/*
 * A small writer of event log chunks: what it writes the reader must read back. A record without a template (as forwarded events have them)
 * and a template with its values.
 */
static struct chunk {
	struct buf b;
	size_t record[4], n; /* where its records begin */
	size_t end;          /* of the last one */
	bool share;          /* a name that was written before is referred to */
} chunk;

/* What the reader made of it: a line a record. */
static struct buf out;
static struct evtx_chunk_result res;

struct value {
	uint8_t type;
	struct str bytes;
};

static void put_utf16(struct str text)
{
	struct buf u = BUF_INIT(1000);
	utf8_to_utf16le(&u, text);
	buf_add_le16(&chunk.b, (uint16_t)(u.n / 2));
	buf_add(&chunk.b, buf_str(&u));
	buf_done(&u);
}

static void put_name(struct str name)
{
	size_t at = chunk.b.n, before = STR_NPOS;
	buf_add_le32(&chunk.b, (uint32_t)at + 4);
	buf_add_le32(&chunk.b, 0);
	buf_add_le16(&chunk.b, 0);
	put_utf16(name);
	buf_add_le16(&chunk.b, 0);
	if (chunk.share)
		before = str_find(str_n(chunk.b.p, at), str_sub(buf_str(&chunk.b), at + 4, chunk.b.n));
	if (before != STR_NPOS) {
		buf_truncate(&chunk.b, at);
		buf_add_le32(&chunk.b, (uint32_t)before);
	}
}

static void put_text(struct str text)
{
	buf_add(&chunk.b, STR("\x05\x01"));
	put_utf16(text);
}

/* tag: NAME or NAME ATTRIBUTE=VALUE. */
static void put_open(struct str tag, bool in_template)
{
	struct str name, attribute;
	str_cut(&tag, ' ', &name);
	buf_addc(&chunk.b, tag.p ? 0x41 : 0x01);
	if (in_template)
		buf_add_le16(&chunk.b, 0xffff);
	buf_add_le32(&chunk.b, 0);
	put_name(name);
	if (str_cut(&tag, '=', &attribute)) {
		buf_add_le32(&chunk.b, 0);
		buf_addc(&chunk.b, 0x06);
		put_name(attribute);
		put_text(tag);
	}
	buf_addc(&chunk.b, 0x02);
}

/*
 * <TAG>, text and </> for any end. In a template %N stands for the Nth of its values, ?N for one that may be missing; value is NULL where there is no
 * template.
 */
static void put_xml(const char *xml, const struct value *value)
{
	struct str rest = str_c(xml), piece;
	while (rest.n) {
		if (str_take(&rest, STR("</>"))) {
			buf_addc(&chunk.b, 0x04);
		} else if (str_take(&rest, STR("<"))) {
			str_cut(&rest, '>', &piece);
			put_open(piece, value);
		} else if (value && (rest.p[0] == '%' || rest.p[0] == '?')) {
			buf_addc(&chunk.b, rest.p[0] == '?' ? 0x0e : 0x0d);
			buf_add_le16(&chunk.b, (uint16_t)(rest.p[1] - '0'));
			buf_addc(&chunk.b, (char)value[rest.p[1] - '0'].type);
			rest = str_sub(rest, 2, rest.n);
		} else {
			piece = str_sub(rest, 0, str_chr(rest, '<'));
			put_text(piece);
			rest = str_sub(rest, piece.n, rest.n);
		}
	}
}

static void begin_chunk(void)
{
	buf_done(&chunk.b);
	chunk = (struct chunk){.b = BUF_INIT(EVTX_CHUNK), .share = chunk.share};
	buf_add(&chunk.b, str_n("ElfChnk\0", 8));
	while (chunk.b.n < 512)
		buf_addc(&chunk.b, 0);
}

static void end_chunk(void)
{
	uint32_t used = (uint32_t)chunk.b.n;
	chunk.end = used;
	memcpy(chunk.b.p + 48, &used, 4);
	while (chunk.b.n < EVTX_CHUNK)
		buf_addc(&chunk.b, 0);
}

static void begin_record(uint64_t number)
{
	chunk.record[chunk.n++] = chunk.b.n;
	buf_add(&chunk.b, str_n("\x2a\x2a\0\0", 4));
	buf_add_le32(&chunk.b, 0);
	buf_add_le64(&chunk.b, number);
	buf_add_le64(&chunk.b, 132000000000000000u);
	buf_add(&chunk.b, str_n("\x0f\x01\x01\x00", 4));
}

static void end_record(void)
{
	size_t at = chunk.record[chunk.n - 1];
	buf_addc(&chunk.b, 0);
	uint32_t size = (uint32_t)(chunk.b.n - at) + 4;
	buf_add_le32(&chunk.b, size);
	memcpy(chunk.b.p + at + 4, &size, 4);
}

static void put_instance(size_t definition)
{
	buf_add(&chunk.b, STR("\x0c\x01"));
	buf_add_le32(&chunk.b, 7);
	buf_add_le32(&chunk.b, (uint32_t)definition);
}

/* An instance with its definition; the values follow. */
static size_t put_template(const char *xml, const struct value *value)
{
	size_t def = chunk.b.n + 10;
	put_instance(def);
	for (int i = 0; i < 6; i++)
		buf_add_le32(&chunk.b, 0);
	buf_add(&chunk.b, str_n("\x0f\x01\x01\x00", 4));
	put_xml(xml, value);
	buf_addc(&chunk.b, 0);
	uint32_t size = (uint32_t)(chunk.b.n - def) - 24;
	memcpy(chunk.b.p + def + 20, &size, 4);
	return def;
}

static void put_descriptor(size_t size, uint8_t type)
{
	buf_add_le16(&chunk.b, (uint16_t)size);
	buf_addc(&chunk.b, (char)type);
	buf_addc(&chunk.b, 0);
}

static void literal_record(uint64_t number, const char *xml)
{
	begin_record(number);
	put_xml(xml, NULL);
	end_record();
}

static void template_record(uint64_t number, const char *xml, const struct value *value, uint32_t n)
{
	begin_record(number);
	put_template(xml, value);
	buf_add_le32(&chunk.b, n);
	for (uint32_t i = 0; i < n; i++)
		put_descriptor(value[i].bytes.n, value[i].type);
	for (uint32_t i = 0; i < n; i++)
		buf_add(&chunk.b, value[i].bytes);
	end_record();
}

/* A chunk of L, records without a template, and T, with one that has data of every interesting type. */
static void write_chunk(const char *records)
{
	static const struct value value[] = {{EVTX_UINT16, {"\x37\x12", 2}}, {EVTX_HEX32, {"\x10\0\0\0", 4}}, {EVTX_SID, {"\x01\x01\0\0\0\0\0\x05\x12\0\0\0", 12}}, {EVTX_NULL, {"", 0}},
		{EVTX_STRING | EVTX_ARRAY, {"a\0\0\0b\0\0\0", 8}}, {EVTX_BOOL, {"\7\0\0\0", 4}}, {EVTX_INT32, {"\xfd\xff\xff\xff", 4}}};
	begin_chunk();
	for (uint64_t i = 0; records[i]; i++) {
		if (records[i] == 'L')
			literal_record(i + 1, "<Event><System><Provider Name=P></><EventID Qualifiers=5>104</><Channel>System</></>"
					      "<UserData><LogFileCleared><SubjectUserName>佐藤</></></></>");
		else
			template_record(i + 1,
				"<Event><System><EventID>%0</><Channel>Security</></><EventData><Data Name=Access Mask>%1</><Data Name=Sid>%2</>"
				"<Data Name=Gone>?3</><Data Name=List>%4</><Data Name=Flag>%5</><Data Name=Minus>%6</></></>",
				value, LEN(value));
	}
	end_chunk();
}

#define LITERAL "{\"Provider_Name\":\"P\",\"EventID_Qualifiers\":\"5\",\"EventID\":\"104\",\"Channel\":\"System\",\"SubjectUserName\":\"佐藤\"}\n"
#define TEMPLATE "{\"EventID\":4663,\"Channel\":\"Security\",\"AccessMask\":\"0x10\",\"Sid\":\"S-1-5-18\",\"Gone\":null,\"List\":[\"a\",\"b\"],\"Flag\":true,\"Minus\":-3}\n"

static int add_event(void *arg, struct event *ev)
{
	buf_addf(&out, "%llu ", (unsigned long long)ev->record);
	event_add_json(ev, arg, &out);
	buf_addc(&out, '\n');
	return 0;
}

static void read_with(struct rig *r)
{
	struct event proto = {.source = STR("t.evtx")};
	buf_done(&out);
	out = BUF_INIT(1u << 20);
	CHECK_INT(evtx_decode_chunk(decoder_evtx(r->dec), buf_str(&chunk.b), &proto, &r->mem, add_event, &r->mem, &res), 0);
}

/* With a decoder that knows nothing yet. */
static void read_chunk(void)
{
	struct rig r;
	rig_open(&r, 0);
	vocab_freeze(r.v);
	read_with(&r);
	rig_close(&r);
}

static void check(uint64_t damaged, const char *want)
{
	read_chunk();
	CHECK_INT(res.damaged, damaged);
	CHECK_STR(buf_str(&out), want);
}

TEST(records_with_and_without_template)
{
	write_chunk("LT");
	check(0, "1 " LITERAL "2 " TEMPLATE);
	CHECK_INT(res.records, 2);
}

/*
 * A template that is known from another chunk: at another place, its names outside of it; when its definition differs, however little, it is another
 * template. Of the first chunk nothing is left by then.
 */
TEST(templates_are_kept_from_chunk_to_chunk)
{
	static const struct {
		const char *records;
		bool share;
		char last; /* letter of the second record's channel, Securit_ */
		const char *want;
	} row[] = {{"T", false, 'y', "1 " TEMPLATE}, {"LT", false, 'y', "1 " LITERAL "2 " TEMPLATE}, {"LT", true, 'y', "1 " LITERAL "2 " TEMPLATE}, {"LT", false, 'i', NULL}};
	struct rig r;
	rig_open(&r, 0);
	vocab_freeze(r.v);
	for (size_t i = 0; i < LEN(row); i++) {
		chunk.share = row[i].share;
		write_chunk(row[i].records);
		chunk.b.p[str_find(buf_str(&chunk.b), str_n("S\0e\0c\0u\0r\0i\0t\0y\0", 16)) + 14] = row[i].last;
		read_with(&r);
		CHECK_INT(res.damaged, 0);
		if (row[i].want)
			CHECK_STR(buf_str(&out), row[i].want);
		else
			CHECK(str_find(buf_str(&out), STR("\"Channel\":\"Securiti\"")) != STR_NPOS);
		memset(chunk.b.p, 0x55, chunk.b.n);
	}
	rig_close(&r);
}

TEST(a_damaged_record_costs_itself_alone)
{
	write_chunk("LLT");
	chunk.b.p[chunk.record[1] + 28] = 0x7f; /* garbage in the body */
	chunk.b.p[chunk.record[1] + 30] = 0x7f;
	check(1, "1 " LITERAL "3 " TEMPLATE);
	CHECK_INT(res.records, 3);
	write_chunk("LLT");
	chunk.b.p[chunk.record[1] + 4] ^= 0x55; /* the size */
	check(1, "1 " LITERAL "3 " TEMPLATE);
}

/* Found by fuzzing: an offset so large that adding to it began again at zero. */
TEST(a_name_at_the_end_of_numbers_is_refused)
{
	write_chunk("LL");
	memset(chunk.b.p + chunk.record[0] + 24 + 4 + 1 + 4, 0xff, 4);
	check(1, "2 " LITERAL);
}

TEST(a_chunk_without_its_magic_is_read)
{
	write_chunk("LT");
	memset(chunk.b.p, 0, 8);
	check(0, "1 " LITERAL "2 " TEMPLATE);
	CHECK(res.fault != NULL);
	memset(chunk.b.p, 0, chunk.b.n); /* nothing left: an empty, preallocated chunk */
	check(0, "");
	CHECK(res.fault == NULL);
	CHECK_INT(res.records, 0);
	memset(chunk.b.p, 0x55, chunk.b.n);
	check(1, "");
}

TEST(a_record_whose_end_was_never_written_is_read)
{
	write_chunk("LL");
	memset(chunk.b.p + chunk.end - 4, 0, 4);
	check(0, "1 " LITERAL "2 " LITERAL);
	CHECK(res.fault != NULL);
}

/* A cleared log: its data names a Channel too. The header's decides the log source, a rule sees both; the record's number is the event's own. */
TEST(a_name_of_header_and_data_keeps_both_values)
{
	begin_chunk();
	literal_record(1, "<Event><System><EventID>104</><EventRecordID>4711</><Channel>System</></><UserData><LogFileCleared><Channel>Security</></></></>");
	end_chunk();
	check(0, "4711 {\"EventID\":\"104\",\"EventRecordID\":\"4711\",\"Channel\":[\"System\",\"Security\"]}\n");
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
	write_chunk("T");
	size_t sid = str_find(buf_str(&chunk.b), str_n("\x0c\0\x13\0", 4)) + 2;
	for (unsigned type = 0; type < 256; type++) {
		chunk.b.p[sid] = (char)type;
		read_chunk();
		if (type > EVTX_BINXML && type < 0x80)
			CHECK(str_find(buf_str(&out), STR("\"Sid\":\"010100000000000512000000\"")) != STR_NPOS);
	}
}

#define TWO_LEVELS "<Event><System><Level>%0</><Level>%0</></></>"

static void read_value(uint8_t type, struct str bytes)
{
	begin_chunk();
	template_record(1, TWO_LEVELS, &(struct value){type, bytes}, 1);
	end_chunk();
	read_chunk();
}

static void read_array(size_t n)
{
	static const char sevens[6000] = {[0 ... 5999] = 7};
	read_value(EVTX_UINT8 | EVTX_ARRAY, str_n(sevens, n));
}

TEST(a_record_has_a_field_or_more_and_no_more_than_the_limit)
{
	read_array(0);
	CHECK_STR(str_c(res.fault), "the record is empty");
	CHECK_INT(out.n, 0);
	read_array(5001);
	CHECK_STR(str_c(res.fault), "the record has more fields than the limit");
	CHECK_INT(out.n, 0);
	read_array(2);
	CHECK(!res.fault);
	CHECK_STR(buf_str(&out), "1 {\"Level\":[7,7,7,7]}\n");
	read_array(5000);
	CHECK(!res.fault);
}

/* 4295 milliseconds are 32,704 nanoseconds when they are counted in 32 bits. */
TEST(a_system_time_that_is_none_is_null)
{
	read_value(EVTX_SYSTEMTIME, str_n("\xea\x07\x0b\0\x04\0\x1a\0\x0e\0\x05\0\x06\0\xe7\x03", 16));
	CHECK_STR(buf_str(&out), "1 {\"Level\":[\"2026-11-26T14:05:06.999Z\",\"2026-11-26T14:05:06.999Z\"]}\n");
	read_value(EVTX_SYSTEMTIME, str_n("\xea\x07\x0b\0\x04\0\x1a\0\x0e\0\x05\0\x06\0\xc7\x10", 16));
	CHECK_STR(buf_str(&out), "1 {\"Level\":[null,null]}\n");
}

/* Two slots name one embedded fragment, in which the same template stands again: 2^40 of them. */
TEST(fragments_in_fragments_are_bounded)
{
	begin_chunk();
	begin_record(1);
	size_t def = put_template(TWO_LEVELS, &(struct value){.type = EVTX_BINXML});
	for (size_t depth = 40; depth > 0; depth--) {
		buf_add_le32(&chunk.b, 1);
		put_descriptor((depth - 1) * 18, EVTX_BINXML);
		if (depth > 1)
			put_instance(def);
	}
	end_record();
	end_chunk();
	check(1, "");
	CHECK_STR(str_c(res.fault), "the record's templates unfold to more than the limit");
}

TEST(every_single_flipped_byte_ends_in_a_result)
{
	write_chunk("LT");
	for (size_t i = 0; i < chunk.end; i++) {
		chunk.b.p[i] ^= (char)(1 + i % 255);
		read_chunk();
		chunk.b.p[i] ^= (char)(1 + i % 255);
	}
}

TEST_MAIN

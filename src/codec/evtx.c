/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/evtx.h"
#include "codec/evtx_parts.h"

/* Chunk header: magic, record numbers, at 40 the header's size, 48 free space, 512 records. The checksums are not asked: what can be read is read. */
#define CHUNK_HEADER 512u
#define RECORD_HEADER 24u
#define RECORD_MIN 28u

/* Kept templates: how much, before all are forgotten; and how many of one GUID are compared before the template counts as unknown. */
#define KEPT_BYTES (4u << 20)
#define KEPT_BUCKETS 512u
#define KEPT_COMPARED 8
#define BOUND_SLOTS 256u

/* Which program the definition at an offset of the current chunk has. */
struct binding {
	uint64_t chunk;
	uint32_t offset;
	enum section section;
	struct program *program;
};

struct evtx_templates {
	struct arena mem, rec_mem;
	evtx_tag_fn *tag;
	void *tag_arg;
	uint64_t chunk; /* counts chunks, so that bindings of earlier ones need not be cleared */
	struct binding bound[BOUND_SLOTS];
	struct program *kept[KEPT_BUCKETS];
};

struct evtx_templates *evtx_templates_new(evtx_tag_fn *tag, void *tag_arg)
{
	struct evtx_templates *t = must_new(struct evtx_templates);
	arena_init(&t->mem, 0);
	arena_init(&t->rec_mem, 0);
	t->tag = tag;
	t->tag_arg = tag_arg;
	return t;
}

void evtx_templates_free(struct evtx_templates *t)
{
	if (!t)
		return;
	arena_done(&t->mem);
	arena_done(&t->rec_mem);
	free(t);
}

static void begin_chunk(struct evtx_templates *t)
{
	t->chunk++;
	if (t->mem.used > KEPT_BYTES) {
		arena_reset(&t->mem);
		memset(t->kept, 0, sizeof(t->kept));
	}
}

static uint16_t le16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

bool evtx_is_file(struct str head)
{
	return str_starts(head, str_n("ElfFile\0", 8));
}

bool evtx_is_chunk(struct str head)
{
	return str_starts(head, str_n("ElfChnk\0", 8));
}

/*
 * Counts what a record's templates unfold to: an embedded fragment that several slots name is read once for each of them, and so is what lies in it, so
 * a few bytes could ask for more work than there is time.
 */
static bool unfold(struct run *run, size_t n)
{
	run->unfolded += n + 1;
	return run->unfolded <= UNFOLDED_MAX || run_fail(run, "the record's templates unfold to more than the limit");
}

/* ---- values of a template instance ---------------------------------------------------------------------------------------------------- */

static size_t element_size(uint8_t type)
{
	static const uint8_t size[] = {[EVTX_INT8] = 1, [EVTX_UINT8] = 1, [EVTX_INT16] = 2, [EVTX_UINT16] = 2, [EVTX_INT32] = 4, [EVTX_UINT32] = 4, [EVTX_INT64] = 8, [EVTX_UINT64] = 8,
		[EVTX_FLOAT] = 4, [EVTX_DOUBLE] = 8, [EVTX_BOOL] = 4, [EVTX_GUID] = 16, [EVTX_FILETIME] = 8, [EVTX_SYSTEMTIME] = 16, [EVTX_HEX32] = 4, [EVTX_HEX64] = 8};
	return type < sizeof(size) ? size[type] : 0;
}

bool evtx_element(struct evtx_value *rest, struct evtx_value *ret)
{
	uint8_t type = rest->type & (uint8_t)~EVTX_ARRAY;
	size_t n = element_size(type), step = n;
	if (type == EVTX_STRING) {
		while (n + 1 < rest->n && (rest->p[n] || rest->p[n + 1]))
			n += 2;
		step = n + 2;
	}
	if (rest->n < (type == EVTX_STRING ? 2 : n) || !step)
		return false;
	*ret = (struct evtx_value){rest->p, (uint16_t)n, type};
	step = step < rest->n ? step : rest->n;
	rest->p += step;
	rest->n = (uint16_t)(rest->n - step);
	return true;
}

/* An array of what has no size of its own is one value. */
static uint8_t known_type(struct values *values, uint8_t type)
{
	uint8_t of = type & (uint8_t)~EVTX_ARRAY;
	if (!(type & EVTX_ARRAY))
		return type;
	if (of != EVTX_STRING && !element_size(of))
		return EVTX_BINARY;
	values->arrays = true;
	return type;
}

static bool read_values(struct run *run, struct cursor *c, struct values *ret)
{
	uint32_t n;
	if (!cursor_u32(c, &n) || n > VALUES_MAX || (size_t)(c->end - c->at) / 4 < n)
		return run_fail(run, "a template instance has more values than fit");
	if (!unfold(run, n))
		return false;
	struct values values = {.n = n};
	struct evtx_value *v = arena_array(run->rec_mem, n + 1u, sizeof(*v));
	values.at = v;
	const unsigned char *descriptor = c->at, *data = c->at + 4 * (size_t)n;
	for (size_t left = (size_t)(c->end - data); n > 0; n--, v++, descriptor += 4) {
		uint16_t size = le16(descriptor);
		uint8_t type = descriptor[2];
		if (size > left)
			return run_fail(run, "a value reaches past the record");
		v->p = data;
		v->n = size;
		v->type = type < EVTX_BINXML ? type : known_type(&values, type);
		if (type == EVTX_BINXML) {
			values.embedded++;
			values.fragment = (uint16_t)(v - values.at);
		}
		data += size;
		left -= size;
	}
	c->at = data;
	*ret = values;
	return true;
}

/* ---- what a record is made of ------------------------------------------------------------------------------------------------------------ */

static size_t slot_fields(const struct evtx_slot *slot, const struct evtx_span *span)
{
	struct evtx_value v = {.type = EVTX_NULL}, one;
	size_t n = 0;
	if (slot->kind != EVTX_SLOT_VALUE)
		return 1;
	if (slot->index < span->n_value)
		v = span->value[slot->index];
	if (!(v.type & EVTX_ARRAY))
		return v.type != EVTX_NULL || !slot->attribute;
	while (evtx_element(&v, &one))
		n++;
	return n;
}

static size_t span_fields(const struct evtx_span *span)
{
	size_t n = 0;
	for (size_t i = 0; i < span->n; i++)
		n += slot_fields(&span->slot[i], span);
	return n;
}

/* At most as many, without looking at the elements: none is smaller than a byte. */
static size_t span_most(const struct evtx_span *span)
{
	size_t n = span->n;
	for (size_t i = 0; i < span->n; i++) {
		const struct evtx_slot *slot = &span->slot[i];
		if (slot->kind == EVTX_SLOT_VALUE && slot->index < span->n_value && (span->value[slot->index].type & EVTX_ARRAY))
			n += span->value[slot->index].n;
	}
	return n;
}

static bool is_empty(const struct run *run)
{
	for (size_t i = 0; i < run->n; i++)
		for (size_t k = 0; k < run->span[i].n; k++)
			if (slot_fields(&run->span[i].slot[k], &run->span[i]))
				return false;
	return true;
}

/* There are at most as many fields as slots, or as arrays have bytes: they are counted when that comes near the limit. */
static void count_fields(struct run *run, const struct evtx_span *span, bool arrays)
{
	run->fields += run->exact ? span_fields(span) : arrays ? span_most(span) : span->n;
	if (run->fields > FIELDS_MAX && !run->exact) {
		run->exact = true;
		run->fields = 0;
		for (size_t i = 0; i < run->n; i++)
			run->fields += span_fields(&run->span[i]);
	}
	if (run->fields > FIELDS_MAX)
		run_fail(run, "the record has more fields than the limit");
}

static void add_span(struct run *run, const struct program *prog, size_t from, size_t to, const struct values *values)
{
	if (from == to)
		return;
	if (run->n == run->cap) {
		struct evtx_span *more = arena_array(run->rec_mem, run->cap *= 2, sizeof(*more));
		memcpy(more, run->span, run->n * sizeof(*more));
		run->span = more;
	}
	struct evtx_span *s = &run->span[run->n++];
	*s = (struct evtx_span){prog->slot + from, to - from, values->at, values->n};
	count_fields(run, s, values->arrays);
}

/* Records are of one template or of one inside another, nearly always the same two: what is found of them is remembered. */
static void note_program(struct run *run, struct program *p)
{
	run->names_repeat |= p->names_repeat || run->programs > 1;
	if (++run->programs == 1) {
		run->first = p;
		return;
	}
	if (p->beside != run->first) {
		p->beside = run->first;
		p->shares = programs_share(p, run->first);
	}
	run->names_repeat |= p->shares;
}

static bool run_fragment(struct run *run, struct cursor *c, enum section section);

static void run_embedded(struct run *run, const struct evtx_value *v, enum section section)
{
	struct cursor c = {v->p, v->p + v->n};
	run_fragment(run, &c, section);
}

/* The slots between embedded fragments, and what stands in those. */
static void run_program(struct run *run, const struct program *prog, const struct values *values)
{
	size_t from = 0, i = 0, end = prog->containers || values->embedded ? prog->n : 0;
	if (!unfold(run, prog->n))
		return;
	/* Usually there is one place for a fragment and one fragment, which belongs there: no other slot can have one. */
	if (prog->only < prog->n && (!values->embedded || (values->embedded == 1 && values->fragment == prog->place[prog->only].index))) {
		i = prog->only;
		end = i + 1;
	}
	for (; i < end; i++) {
		struct place place = prog->place[i];
		bool embedded = place.index < values->n && values->at[place.index].type == EVTX_BINXML;
		if (!embedded && !place.container)
			continue;
		add_span(run, prog, from, i, values);
		from = i + 1;
		if (embedded && !run->fault)
			run_embedded(run, &values->at[place.index], place.section);
		if (run->fault)
			return;
	}
	add_span(run, prog, from, prog->n, values);
}

/* ---- fragments ------------------------------------------------------------------------------------------------------------------------ */

/* A kept program that the definition would compile to, or a new one. */
static struct program *known_or_compiled(struct run *run, const unsigned char *guid, struct cursor c, enum section section)
{
	struct program **bucket = &run->templates->kept[evtx_le32(guid) % KEPT_BUCKETS];
	int compared = 0;
	for (struct program *p = *bucket; p && compared < KEPT_COMPARED; p = p->next, compared++)
		if (p->section == section && memcmp(p->guid, guid, 16) == 0 && program_fits(p, run->chunk, c))
			return p;
	struct program *p = arena_new(run->mem, struct program);
	p->section = section;
	memcpy(p->guid, guid, 16);
	if (!compile_fragment(run, &c, section, false, p))
		return NULL;
	p->next = *bucket;
	return *bucket = p;
}

static struct program *template_program(struct run *run, uint32_t at, enum section section)
{
	struct binding *b = &run->templates->bound[(at ^ at >> 8) % BOUND_SLOTS];
	if (b->chunk == run->templates->chunk && b->offset == at && b->section == section)
		return b->program;
	if (at < CHUNK_HEADER || at > run->chunk.n - 24)
		return run_fail(run, "a template lies outside the chunk"), NULL;
	const unsigned char *def = (const unsigned char *)run->chunk.p + at;
	uint32_t size = evtx_le32(def + 20);
	if (size > run->chunk.n - at - 24)
		return run_fail(run, "a template reaches past the chunk"), NULL;
	struct program *p = known_or_compiled(run, def + 4, (struct cursor){def + 24, def + 24 + size}, section);
	if (p)
		*b = (struct binding){run->templates->chunk, at, section, p};
	return p;
}

static bool run_instance(struct run *run, struct cursor *c, enum section section)
{
	uint32_t id, at;
	unsigned char unused;
	struct values values;
	if (!cursor_u8(c, &unused) || !cursor_u32(c, &id) || !cursor_u32(c, &at))
		return run_fail(run, "a template instance is cut off");
	size_t here = (size_t)(c->at - (const unsigned char *)run->chunk.p);
	if (at == here) {
		/* The definition stands right here, at its first use. */
		if (c->end - c->at < 24 || evtx_le32(c->at + 20) > (size_t)(c->end - c->at) - 24)
			return run_fail(run, "a template reaches past the record");
		c->at += 24 + evtx_le32(c->at + 20);
	}
	struct program *p = template_program(run, at, section);
	if (!p || !read_values(run, c, &values))
		return false;
	note_program(run, p);
	run_program(run, p, &values);
	return !run->fault;
}

/* Elements without a template (forwarded events): a program of literals for this record alone. */
static __attribute__((noinline)) void run_bare(struct run *run, struct cursor *c, enum section section)
{
	struct program p = {0};
	struct values none = {.n = 0};
	run->names_repeat = true;
	if (compile_fragment(run, c, section, true, &p))
		run_program(run, &p, &none);
}

static bool run_fragment(struct run *run, struct cursor *c, enum section section)
{
	unsigned char token;
	if (run->depth == DEPTH_MAX)
		return run_fail(run, "nested deeper than the limit");
	if (!unfold(run, 0))
		return false;
	run->depth++;
	while (!run->fault && cursor_u8(c, &token) && token != TOKEN_EOF) {
		if (token == TOKEN_FRAGMENT) {
			if (c->end - c->at < 3)
				run_fail(run, "a fragment header is cut off");
			else
				c->at += 3;
		} else if (token == TOKEN_TEMPLATE) {
			run_instance(run, c, section);
		} else {
			c->at--;
			run_bare(run, c, section);
		}
	}
	run->depth--;
	return !run->fault;
}

/* ---- records of a chunk --------------------------------------------------------------------------------------------------------------- */

static void note_damage(struct evtx_chunk_result *res, const char *what, size_t at)
{
	res->damaged++;
	if (!res->fault) {
		res->fault = what;
		res->fault_at = at;
	}
}

static bool only_zero(struct str s)
{
	return !s.n || (s.p[0] == 0 && memcmp(s.p, s.p + 1, s.n - 1) == 0);
}

static bool record_header_fits(struct str chunk, size_t at, uint32_t *ret_size)
{
	const unsigned char *p = (const unsigned char *)chunk.p + at;
	if (at + RECORD_MIN > chunk.n || memcmp(p, "\x2a\x2a\0\0", 4) != 0)
		return false;
	*ret_size = evtx_le32(p + 4);
	/* The size stands again behind the record. */
	return *ret_size >= RECORD_MIN && *ret_size <= chunk.n - at && evtx_le32(p + *ret_size - 4) == *ret_size;
}

/*
 * A record whose last page never reached the disk: its end is zero, so is what follows, or the next record does. Its values are read as far as
 * they make sense.
 */
static bool record_is_torn(struct str chunk, size_t at, uint64_t last, uint32_t *ret_size)
{
	const unsigned char *p = (const unsigned char *)chunk.p + at;
	if (at + RECORD_MIN > chunk.n || memcmp(p, "\x2a\x2a\0\0", 4) != 0)
		return false;
	uint32_t size = evtx_le32(p + 4), ignored;
	if (size < RECORD_MIN || size > chunk.n - at || evtx_le32(p + size - 4) != 0 || (last && evtx_le64(p + 8) != last + 1))
		return false;
	*ret_size = size;
	return record_header_fits(chunk, at + size, &ignored) || only_zero(str_sub(chunk, at + size, at + size + 64));
}

/* The next place behind `from` that looks like a record, or the chunk's end. */
static size_t resync(struct str chunk, size_t from)
{
	uint32_t size;
	while (from + RECORD_MIN <= chunk.n) {
		size_t at = str_find(str_sub(chunk, from, chunk.n), str_n("\x2a\x2a\0\0", 4));
		if (at == STR_NPOS)
			break;
		from += at;
		if (record_header_fits(chunk, from, &size))
			return from;
		from++;
	}
	return chunk.n;
}

static int read_record(struct run *run, size_t at, uint32_t size, evtx_record_fn *cb, void *arg, struct evtx_chunk_result *res)
{
	const unsigned char *p = (const unsigned char *)run->chunk.p + at;
	struct cursor c = {p + RECORD_HEADER, p + size - 4};
	run->fault = NULL;
	run->n = run->fields = run->programs = run->unfolded = 0;
	run->span = run->few;
	run->cap = LEN(run->few);
	run->exact = run->names_repeat = false;
	run->depth = 0;
	arena_reset(run->rec_mem);
	res->records++;
	run_fragment(run, &c, SECTION_ROOT);
	if (run->fault || is_empty(run)) {
		note_damage(res, run->fault ? run->fault : "the record is empty", at);
		return 0;
	}
	struct evtx_record rec = {.number = evtx_le64(p + 8), .written = ts_from_filetime(evtx_le64(p + 16)), .offset = at, .span = run->span, .n_span = run->n,
		.fields = run->fields, .names_repeat = run->names_repeat};
	return cb(arg, &rec);
}

/*
 * Where the chunk's free space begins. A header that lost its magic may still know; when it does not, every byte may be a record.
 */
static uint32_t chunk_used(struct str chunk)
{
	uint32_t used = evtx_le32((const unsigned char *)chunk.p + 48);
	return evtx_is_chunk(chunk) || (used >= CHUNK_HEADER && used <= EVTX_CHUNK) ? used : EVTX_CHUNK;
}

static size_t find_chunk(struct str s, size_t from)
{
	while (from + 44 <= s.n) {
		size_t at = str_find(str_sub(s, from, s.n), str_n("ElfChnk\0", 8));
		if (at == STR_NPOS)
			break;
		from += at;
		/* The magic may stand in a record's text: behind a real one the header tells its own size. */
		if (from + 44 <= s.n && evtx_le32((const unsigned char *)s.p + from + 40) == 128)
			return from;
		from++;
	}
	return STR_NPOS;
}

size_t evtx_piece(struct str s, bool eof)
{
	size_t whole = evtx_is_file(s) ? EVTX_FILE_HEADER : EVTX_CHUNK;
	bool headed = evtx_is_chunk(s) || evtx_is_file(s);
	struct str next = str_sub(s, whole, whole + 44);
	/* The next chunk (the empty room for one, the next of several files in one) stands where it must, or the file ends there: the usual case, nothing to search. */
	if (headed && (s.n == whole ? eof : next.n == 44 && (find_chunk(next, 0) == 0 || evtx_is_file(next) || only_zero(next))))
		return whole;
	if (s.n < whole + 44 && !eof)
		return 0;
	size_t n = s.n < whole ? s.n : whole;
	if (only_zero(str_sub(s, 0, n + 43)))
		return n;
	size_t at = find_chunk(str_sub(s, 0, n + 43), 1);
	return at != STR_NPOS && at < n ? at : n;
}

int evtx_read_chunk(struct evtx_templates *t, struct str chunk, evtx_record_fn *cb, void *arg, struct evtx_chunk_result *ret)
{
	struct run run = {.chunk = str_sub(chunk, 0, EVTX_CHUNK), .templates = t, .mem = &t->mem, .rec_mem = &t->rec_mem, .tag = t->tag, .tag_arg = t->tag_arg};
	struct evtx_chunk_result res = {0};
	size_t at = CHUNK_HEADER;
	int r = 0;
	bool sound = evtx_is_chunk(run.chunk);
	if (!sound && !only_zero(run.chunk))
		res.fault = "the chunk's header is damaged";
	if (run.chunk.n < CHUNK_HEADER || only_zero(str_sub(run.chunk, CHUNK_HEADER, run.chunk.n)) || (!sound && resync(run.chunk, CHUNK_HEADER) == run.chunk.n)) {
		/* Nothing can be read here; without its header nobody knows how many records that were. */
		res.damaged = res.fault != NULL;
		*ret = res;
		return 0;
	}
	begin_chunk(t);
	/*
	 * Free space begins behind the last record, but the header of a dirty file may not know yet: behind the mark a record counts when it goes on
	 * with the next number; anything else there is left over from a former use of the chunk.
	 */
	uint32_t used = chunk_used(run.chunk);
	uint64_t last = 0;
	while (r == 0 && at + RECORD_MIN <= run.chunk.n) {
		uint32_t size;
		bool torn = false;
		if (record_header_fits(run.chunk, at, &size) || (torn = record_is_torn(run.chunk, at, last, &size))) {
			uint64_t number = evtx_le64((const unsigned char *)run.chunk.p + at + 8);
			if (at >= used && used >= CHUNK_HEADER && last && number != last + 1)
				break;
			last = number;
			if (torn && !res.fault)
				res.fault = "a record's end is missing", res.fault_at = at;
			r = read_record(&run, at, size, cb, arg, &res);
			at += size;
			continue;
		}
		if (at >= used || only_zero(str_sub(run.chunk, at, run.chunk.n)))
			break;
		note_damage(&res, "a record's header is damaged", at);
		res.records++;
		at = resync(run.chunk, at + 1);
	}
	*ret = res;
	return r;
}

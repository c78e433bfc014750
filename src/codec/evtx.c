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
	const struct program *program;
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

static bool read_values(struct run *run, struct cursor *c, struct values *ret)
{
	uint32_t n;
	if (!cursor_u32(c, &n) || n > VALUES_MAX || (size_t)(c->end - c->at) / 4 < n)
		return run_fail(run, "a template instance has more values than fit");
	if (!unfold(run, n))
		return false;
	struct value *v = arena_array(run->rec_mem, n + 1u, sizeof(*v));
	const unsigned char *descriptor = c->at, *data = c->at + 4 * (size_t)n;
	for (uint32_t i = 0; i < n; i++, descriptor += 4) {
		uint16_t size = le16(descriptor);
		if (size > c->end - data)
			return run_fail(run, "a value reaches past the record");
		/* EVTX_PARTS is our own: of a file it means nothing, like other types without a meaning. */
		v[i] = (struct value){descriptor[2] == EVTX_PARTS ? EVTX_BINARY : descriptor[2], data, size};
		data += size;
	}
	c->at = data;
	*ret = (struct values){v, n};
	return true;
}

static struct evtx_field *push(struct run *run)
{
	if (run->n == FIELDS_MAX) {
		run_fail(run, "the record has more fields than the limit");
		return NULL;
	}
	if (run->n == run->cap) {
		size_t cap = run->cap ? run->cap * 2 : 64;
		struct evtx_field *more = arena_array(run->rec_mem, cap, sizeof(*more));
		if (run->n)
			memcpy(more, run->field, run->n * sizeof(*more));
		run->field = more;
		run->cap = cap;
	}
	return &run->field[run->n++];
}

static void emit(struct run *run, const struct op *op, uint8_t type, const unsigned char *p, size_t n, bool element)
{
	struct evtx_field *f = push(run);
	if (!f)
		return;
	if (type == EVTX_STRING) {
		n &= ~(size_t)1;
		while (n >= 2 && p[n - 1] == 0 && p[n - 2] == 0)
			n -= 2;
	}
	*f = (struct evtx_field){op->name, op->tag, type, element || op->repeated, p, (uint32_t)n};
}

static size_t element_size(uint8_t type)
{
	static const uint8_t size[] = {[EVTX_INT8] = 1, [EVTX_UINT8] = 1, [EVTX_INT16] = 2, [EVTX_UINT16] = 2, [EVTX_INT32] = 4, [EVTX_UINT32] = 4, [EVTX_INT64] = 8, [EVTX_UINT64] = 8,
		[EVTX_FLOAT] = 4, [EVTX_DOUBLE] = 8, [EVTX_BOOL] = 4, [EVTX_GUID] = 16, [EVTX_FILETIME] = 8, [EVTX_SYSTEMTIME] = 16, [EVTX_HEX32] = 4, [EVTX_HEX64] = 8};
	return type < sizeof(size) ? size[type] : 0;
}

static void emit_array(struct run *run, const struct op *op, const struct value *v)
{
	uint8_t type = v->type & 0x7f;
	size_t size = element_size(type), at = 0;
	if (type == EVTX_STRING) {
		while (at + 1 < v->n) {
			size_t n = 0;
			while (at + n + 1 < v->n && (v->p[at + n] || v->p[at + n + 1]))
				n += 2;
			emit(run, op, EVTX_STRING, v->p + at, n, true);
			at += n + 2;
		}
	} else if (size) {
		for (; at + size <= v->n; at += size)
			emit(run, op, type, v->p + at, size, true);
	} else {
		emit(run, op, EVTX_BINARY, v->p, v->n, false);
	}
}

static void emit_value(struct run *run, const struct op *op, const struct value *v)
{
	if (v->type == EVTX_BINXML)
		run_embedded(run, op, v);
	else if (v->type & 0x80)
		emit_array(run, op, v);
	else
		emit(run, op, v->type, v->p, v->n, false);
}

static void emit_parts(struct run *run, const struct op *op, const struct values *values)
{
	struct evtx_field *part = arena_array(run->rec_mem, op->n_part + 1, sizeof(*part));
	for (size_t i = 0; i < op->n_part; i++) {
		const struct part *from = &op->part[i];
		part[i] = (struct evtx_field){.type = EVTX_STRING, .p = from->p, .n = from->n};
		if (from->is_value && from->index < values->n)
			part[i] = (struct evtx_field){.type = values->at[from->index].type, .p = values->at[from->index].p, .n = values->at[from->index].n};
		else if (from->is_value)
			part[i].type = EVTX_NULL;
	}
	emit(run, op, EVTX_PARTS, (const unsigned char *)part, op->n_part, false);
}

static void run_program(struct run *run, const struct program *prog, const struct values *values)
{
	if (!unfold(run, prog->n))
		return;
	for (const struct op *op = prog->first; op && !run->fault; op = op->next) {
		if (op->container && !(op->n_part == 1 && op->part[0].is_value && op->part[0].index < values->n && values->at[op->part[0].index].type == EVTX_BINXML))
			continue;
		if (op->n_part == 0) {
			emit(run, op, EVTX_STRING, NULL, 0, false);
		} else if (op->n_part > 1) {
			emit_parts(run, op, values);
		} else if (!op->part[0].is_value) {
			emit(run, op, EVTX_STRING, op->part[0].p, op->part[0].n, false);
		} else if (op->part[0].index < values->n) {
			const struct value *v = &values->at[op->part[0].index];
			if (v->type != EVTX_NULL || !op->attribute)
				emit_value(run, op, v);
		} else if (!op->attribute) {
			emit(run, op, EVTX_NULL, NULL, 0, false);
		}
	}
}

/* ---- fragments ------------------------------------------------------------------------------------------------------------------------ */

/* A kept program that the definition would compile to, or a new one. */
static const struct program *known_or_compiled(struct run *run, const unsigned char *guid, struct cursor c, enum section section)
{
	struct program **bucket = &run->templates->kept[evtx_le32(guid) % KEPT_BUCKETS];
	int compared = 0;
	for (const struct program *p = *bucket; p && compared < KEPT_COMPARED; p = p->next, compared++)
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

static const struct program *template_program(struct run *run, uint32_t at, enum section section)
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
	const struct program *p = known_or_compiled(run, def + 4, (struct cursor){def + 24, def + 24 + size}, section);
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
	const struct program *p = template_program(run, at, section);
	if (!p || !read_values(run, c, &values))
		return false;
	run_program(run, p, &values);
	return !run->fault;
}

bool run_fragment(struct run *run, struct cursor *c, enum section section)
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
			/* Elements without a template (forwarded events): a program of literals for this record alone. */
			struct program p = {0};
			struct values none = {NULL, 0};
			c->at--;
			if (compile_fragment(run, c, section, true, &p))
				run_program(run, &p, &none);
		}
	}
	run->depth--;
	return !run->fault;
}

void run_embedded(struct run *run, const struct op *op, const struct value *v)
{
	struct cursor c = {v->p, v->p + v->n};
	run_fragment(run, &c, op->section);
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
	run->n = run->cap = run->unfolded = 0;
	run->depth = 0;
	arena_reset(run->rec_mem);
	res->records++;
	run_fragment(run, &c, SECTION_ROOT);
	if (run->fault || !run->n) {
		note_damage(res, run->fault ? run->fault : "the record is empty", at);
		return 0;
	}
	struct evtx_record rec = {.number = evtx_le64(p + 8), .written = ts_from_filetime(evtx_le64(p + 16)), .offset = at, .field = run->field, .n = run->n};
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
	/* The next chunk (or the empty room for one) stands where it must, or the file ends there: the usual case, nothing to search. */
	if (headed && (s.n == whole ? eof : next.n == 44 && (find_chunk(next, 0) == 0 || only_zero(next))))
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

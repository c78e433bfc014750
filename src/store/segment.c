/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"

#include "base/utf8.h"
#include "base/vec.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>
#include <zstd.h>

#define BLOCK_HEAD 12u /* u32 length of the packed rows, u64 XXH3 of them */
#define TAIL 20u       /* u64 XXH3 of the footer, u32 its length, end magic */
#define ROWS_MAX (1u << 30)
#define STRINGS 5

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------- */

static void put(struct buf *b, struct str s)
{
	buf_add_varint(b, s.n);
	buf_add(b, s);
}

static bool get(struct str *in, struct str *ret)
{
	uint64_t n;
	return rd_varint(in, &n) && n <= in->n && rd_bytes(in, (size_t)n, ret);
}

/* Values are kept as text with their kind: what a reader needs is null, number, boolean, text or raw JSON. */
static uint8_t stored_kind(uint8_t kind)
{
	switch ((enum val_kind)kind) {
	case VAL_NULL:
	case VAL_BOOL:
	case VAL_NUM:
	case VAL_JSON:
		return kind;
	case VAL_UINT:
	case VAL_INT:
	case VAL_DOUBLE:
		return VAL_NUM;
	case VAL_STR:
	case VAL_JSTR:
	case VAL_U16:
	case VAL_HEX:
	case VAL_TIME:
	case VAL_GUID:
	case VAL_SID:
	case VAL_BYTES:
		break;
	}
	return VAL_STR;
}

void row_encode(struct buf *out, const struct event *ev, uint64_t position, const struct vocab *v, struct arena *mem)
{
	struct buf row = BUF_INIT(ROWS_MAX);
	size_t n_ls;
	const struct logsource *ls = vocab_lsset_get(v, ev->lsset, &n_ls);
	const struct str text[STRINGS] = {ev->site, ev->source, ev->host, event_raw(ev, mem), STR("")};
	buf_add_le64(&row, (uint64_t)ev->time);
	buf_add_le64(&row, ev->id.hi);
	buf_add_le64(&row, ev->id.lo);
	buf_add_le64(&row, (uint64_t)ev->received);
	buf_add_varint(&row, position);
	buf_add_varint(&row, ev->record);
	buf_add_varint(&row, ev->offset);
	buf_addc(&row, (char)ev->format);
	buf_addc(&row, (char)ev->time_is_own);
	for (size_t i = 0; i + 1 < STRINGS; i++)
		put(&row, text[i]);
	buf_add_varint(&row, n_ls);
	for (size_t i = 0; i < n_ls; i++) {
		put(&row, ls[i].product);
		put(&row, ls[i].category);
		put(&row, ls[i].service);
	}
	buf_add_varint(&row, ev->n_field);
	for (uint32_t i = 0; i < ev->n_field; i++) {
		const struct field *f = &ev->field[i];
		buf_addc(&row, (char)stored_kind(f->val.kind));
		buf_addc(&row, (char)f->flags);
		put(&row, f->name);
		put(&row, val_text(f->val, mem));
	}
	put(out, buf_str(&row));
	buf_done(&row);
}

bool row_peek(struct str *in, struct str *ret_row, tstamp *ret_time, struct id *ret_id)
{
	struct str row, r;
	uint64_t time;
	if (!get(in, &row))
		return false;
	r = row;
	if (!rd_le64(&r, &time) || !rd_le64(&r, &ret_id->hi) || !rd_le64(&r, &ret_id->lo))
		return false;
	*ret_row = row;
	*ret_time = (tstamp)time;
	return true;
}

static bool get_logsources(struct str *r, struct vocab *v, uint32_t *ret_set)
{
	struct logsource ls[8];
	uint64_t n;
	if (!rd_varint(r, &n) || n < 1 || n > LEN(ls))
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (!get(r, &ls[i].product) || !get(r, &ls[i].category) || !get(r, &ls[i].service))
			return false;
	*ret_set = v ? vocab_lsset(v, ls, (size_t)n) : 0;
	return true;
}

static bool get_fields(struct str *r, const struct vocab *v, struct arena *mem, struct event *ev)
{
	uint64_t n;
	if (!rd_varint(r, &n) || n > r->n)
		return false;
	ev->field = arena_array(mem, (size_t)n + 1, sizeof(*ev->field));
	for (uint64_t i = 0; i < n; i++) {
		struct field *f = &ev->field[i];
		struct str head, text;
		if (!rd_bytes(r, 2, &head) || !get(r, &f->name) || !get(r, &text) || stored_kind((uint8_t)head.p[0]) != (uint8_t)head.p[0])
			return false;
		f->flags = (uint8_t)head.p[1];
		f->id = v ? vocab_field(v, f->name) : FIELD_UNKNOWN;
		f->val = (struct val){.kind = (uint8_t)head.p[0], .u.p = text.p, .n = (uint32_t)text.n};
		if (f->val.kind == VAL_BOOL)
			f->val = (struct val){.kind = VAL_BOOL, .u.u = str_eq(text, STR("true"))};
	}
	ev->n_field = ev->field_room = (uint32_t)n;
	return true;
}

bool row_decode(struct str *in, struct vocab *v, struct arena *mem, struct event *ret, uint64_t *ret_position)
{
	struct str row, r, head;
	uint64_t time, received;
	if (!get(in, &row))
		return false;
	r = row;
	*ret = (struct event){0};
	struct str *text[] = {&ret->site, &ret->source, &ret->host, &ret->raw};
	if (!rd_le64(&r, &time) || !rd_le64(&r, &ret->id.hi) || !rd_le64(&r, &ret->id.lo) || !rd_le64(&r, &received) || !rd_varint(&r, ret_position) || !rd_varint(&r, &ret->record) ||
		!rd_varint(&r, &ret->offset) || !rd_bytes(&r, 2, &head))
		return false;
	ret->time = (tstamp)time;
	ret->received = (tstamp)received;
	ret->format = (uint8_t)head.p[0];
	if (ret->format >= FORMAT_COUNT)
		return false;
	ret->time_is_own = head.p[1] != 0;
	for (size_t i = 0; i < LEN(text); i++)
		if (!get(&r, text[i]))
			return false;
	return get_logsources(&r, v, &ret->lsset) && get_fields(&r, v, mem, ret) && !r.n;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

struct writer {
	int fd;
	uint64_t at;
	EVP_MD_CTX *sha;
	VEC(struct segment_block) blocks;
	struct buf packed;
	int err;
};

static void emit(struct writer *w, struct str s)
{
	if (w->err)
		return;
	w->err = file_write_all(w->fd, s);
	must(EVP_DigestUpdate(w->sha, s.p, s.n));
	w->at += s.n;
}

static void put_head(struct buf *b, uint64_t n, uint64_t hash)
{
	buf_add_le32(b, (uint32_t)n);
	buf_add_le64(b, hash);
}

static void write_block(struct writer *w, struct str rows, uint64_t n, tstamp t_min, tstamp t_max)
{
	size_t bound = ZSTD_compressBound(rows.n);
	struct buf head = BUF_INIT(BLOCK_HEAD);
	buf_reset(&w->packed);
	char *to = buf_reserve(&w->packed, bound);
	size_t got = to ? ZSTD_compress(to, bound, rows.p, rows.n, 3) : 0;
	if (!to || ZSTD_isError(got)) {
		w->err = -EIO;
		return;
	}
	buf_commit(&w->packed, got);
	uint64_t hash = str_hash_stable(buf_str(&w->packed));
	vec_push(&w->blocks, ((struct segment_block){w->at, got, n, t_min, t_max, hash}));
	put_head(&head, got, hash);
	emit(w, buf_str(&head));
	emit(w, buf_str(&w->packed));
	buf_done(&head);
}

/* RFC 6962 over SHA-256(0x00 || raw line): a single event can be proven without showing its neighbours. */
struct roots {
	unsigned char at[64][32];
	uint64_t n;
};

static void sha256(unsigned char prefix, const void *a, size_t an, const void *b, size_t bn, unsigned char ret[32])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned n;
	must(c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) && EVP_DigestUpdate(c, &prefix, 1) && EVP_DigestUpdate(c, a, an) && EVP_DigestUpdate(c, b, bn) && EVP_DigestFinal_ex(c, ret, &n));
	EVP_MD_CTX_free(c);
}

static void roots_add(struct roots *r, struct str raw)
{
	unsigned char h[32];
	int level = 0;
	sha256(0, raw.p ? raw.p : "", raw.n, "", 0, h);
	for (uint64_t n = r->n; n & 1; n >>= 1) {
		sha256(1, r->at[level], 32, h, 32, h);
		level++;
	}
	memcpy(r->at[level], h, 32);
	r->n++;
}

static void roots_done(const struct roots *r, unsigned char ret[32])
{
	bool have = false;
	memset(ret, 0, 32);
	for (int level = 0; level < 64; level++) {
		if (!(r->n >> level & 1))
			continue;
		if (have)
			sha256(1, r->at[level], 32, ret, 32, ret);
		else
			memcpy(ret, r->at[level], 32);
		have = true;
	}
}

static void write_footer(struct writer *w, const struct store_file *info)
{
	struct buf f = BUF_INIT(64u << 20), tail = BUF_INIT(TAIL);
	buf_add_varint(&f, info->first);
	buf_add_varint(&f, info->last);
	buf_add_varint(&f, info->rows);
	buf_add_varint(&f, info->raw_bytes);
	buf_add(&f, str_n((const char *)info->root, 32));
	buf_add_varint(&f, w->blocks.n);
	vec_each(b, &w->blocks) {
		buf_add_varint(&f, b->offset);
		buf_add_varint(&f, b->length);
		buf_add_varint(&f, b->rows);
		buf_add_le64(&f, (uint64_t)b->t_min);
		buf_add_le64(&f, (uint64_t)b->t_max);
		buf_add_le64(&f, b->hash);
	}
	buf_add_le64(&tail, str_hash_stable(buf_str(&f)));
	buf_add_le32(&tail, (uint32_t)f.n);
	buf_add(&tail, STR(SEGMENT_END));
	emit(w, buf_str(&f));
	emit(w, buf_str(&tail));
	buf_done(&f);
	buf_done(&tail);
}

/* Cuts the rows into blocks and gathers what the file says about itself. */
static int write_rows(struct writer *w, struct str rows, struct store_file *info)
{
	struct roots roots = {.n = 0};
	struct arena mem;
	struct str rest = rows, block = rows;
	uint64_t n = 0;
	tstamp t_min = INT64_MAX, t_max = INT64_MIN;
	arena_init(&mem, 0);
	*info = (struct store_file){.name = info->name, .t_min = INT64_MAX, .t_max = INT64_MIN};
	while (rest.n && !w->err) {
		struct event ev;
		uint64_t position;
		arena_reset(&mem);
		if (!row_decode(&rest, NULL, &mem, &ev, &position)) {
			w->err = -EBADMSG;
			break;
		}
		roots_add(&roots, ev.raw);
		if (!info->rows++)
			info->first = position;
		info->last = position;
		info->raw_bytes += ev.raw.n;
		n++;
		t_min = ev.time < t_min ? ev.time : t_min;
		t_max = ev.time > t_max ? ev.time : t_max;
		info->t_min = t_min < info->t_min ? t_min : info->t_min;
		info->t_max = t_max > info->t_max ? t_max : info->t_max;
		size_t used = (size_t)(rest.p - block.p);
		if (used < BLOCK_RAW_BYTES && rest.n)
			continue;
		write_block(w, str_sub(block, 0, used), n, t_min, t_max);
		block = rest;
		n = 0;
		t_min = INT64_MAX;
		t_max = INT64_MIN;
	}
	roots_done(&roots, info->root);
	arena_done(&mem);
	return w->err;
}

int segment_write(const char *path, struct str rows, struct store_file *info)
{
	struct writer w = {.sha = EVP_MD_CTX_new(), .packed = BUF_INIT(ROWS_MAX)};
	unsigned n;
	must(w.sha && EVP_DigestInit_ex(w.sha, EVP_sha256(), NULL));
	w.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (w.fd < 0)
		w.err = -errno;
	emit(&w, STR(SEGMENT_MAGIC));
	if (!w.err)
		write_rows(&w, rows, info);
	if (!w.err)
		write_footer(&w, info);
	if (!w.err && fsync(w.fd) < 0)
		w.err = -errno;
	if (w.fd >= 0)
		close(w.fd);
	must(EVP_DigestFinal_ex(w.sha, info->sha256, &n));
	info->file_bytes = w.at;
	EVP_MD_CTX_free(w.sha);
	vec_done(&w.blocks);
	buf_done(&w.packed);
	if (w.err)
		unlink(path);
	return w.err;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

static int complain(struct diag *d, const char *path, uint64_t offset, const char *what)
{
	diag_file(d, str_c(path));
	diag_error(d, (struct diag_at){0}, "segment.damaged", "%s at byte %llu", what, (unsigned long long)offset);
	return -EBADMSG;
}

static bool read_block_entry(struct str *r, struct segment_block *b, uint64_t end)
{
	uint64_t t_min, t_max;
	if (!rd_varint(r, &b->offset) || !rd_varint(r, &b->length) || !rd_varint(r, &b->rows) || !rd_le64(r, &t_min) || !rd_le64(r, &t_max) || !rd_le64(r, &b->hash))
		return false;
	b->t_min = (tstamp)t_min;
	b->t_max = (tstamp)t_max;
	return b->length <= end && b->offset <= end - b->length;
}

static int parse_footer(struct str f, uint64_t end, struct segment *s)
{
	struct str root;
	uint64_t n;
	if (!rd_varint(&f, &s->info.first) || !rd_varint(&f, &s->info.last) || !rd_varint(&f, &s->info.rows) || !rd_varint(&f, &s->info.raw_bytes) || !rd_bytes(&f, 32, &root) ||
		!rd_varint(&f, &n) || n > f.n)
		return -EBADMSG;
	memcpy(s->info.root, root.p, 32);
	s->block = must_calloc((size_t)n, sizeof(*s->block));
	for (s->n_block = 0; s->n_block < n; s->n_block++)
		if (!read_block_entry(&f, &s->block[s->n_block], end))
			return -EBADMSG;
	return f.n ? -EBADMSG : 0;
}

int segment_open(const char *path, struct diag *d, struct segment *ret)
{
	char tail[TAIL], magic[8];
	struct str r = str_n(tail, sizeof(tail));
	struct buf footer = BUF_INIT(64u << 20);
	uint64_t hash;
	uint32_t n;
	int err = 0;
	*ret = (struct segment){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (ret->fd < 0)
		return -errno;
	int64_t size = file_size(path);
	if (size < (int64_t)(TAIL + 8) || file_pread_all(ret->fd, tail, TAIL, (uint64_t)size - TAIL) < 0 || file_pread_all(ret->fd, magic, 8, 0) < 0 || !rd_le64(&r, &hash) || !rd_le32(&r, &n) ||
		!str_eq(r, STR(SEGMENT_END)) || memcmp(magic, SEGMENT_MAGIC, 8) != 0 || n > (uint64_t)size - TAIL - 8)
		err = complain(d, path, size > (int64_t)TAIL ? (uint64_t)size - TAIL : 0, "the file's head or end is damaged");
	char *to = err ? NULL : buf_reserve(&footer, n);
	if (to && file_pread_all(ret->fd, to, n, (uint64_t)size - TAIL - n) == 0)
		buf_commit(&footer, n);
	if (!err && (str_hash_stable(buf_str(&footer)) != hash || parse_footer(buf_str(&footer), (uint64_t)size, ret) < 0))
		err = complain(d, path, (uint64_t)size - TAIL - n, "the file's footer is damaged");
	buf_done(&footer);
	if (err)
		segment_close(ret);
	return err;
}

void segment_close(struct segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->block);
	*s = (struct segment){.fd = -1};
}

int segment_read(const struct segment *s, size_t block, struct buf *packed, struct buf *ret_rows)
{
	const struct segment_block *b = &s->block[block];
	buf_reset(packed);
	buf_reset(ret_rows);
	char *to = buf_reserve(packed, (size_t)b->length);
	if (!to || file_pread_all(s->fd, to, (size_t)b->length, b->offset + BLOCK_HEAD) < 0)
		return -EBADMSG;
	buf_commit(packed, (size_t)b->length);
	if (str_hash_stable(buf_str(packed)) != b->hash)
		return -EBADMSG;
	unsigned long long n = ZSTD_getFrameContentSize(packed->p, packed->n);
	if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN || n > ROWS_MAX || !(to = buf_reserve(ret_rows, (size_t)n)) ||
		ZSTD_isError(ZSTD_decompress(to, (size_t)n, packed->p, packed->n)))
		return -EBADMSG;
	buf_commit(ret_rows, (size_t)n);
	return 0;
}

static int file_sha256(const char *path, unsigned char ret[32])
{
	struct str map;
	unsigned n;
	int r = file_map(path, &map);
	if (r == 0)
		must(EVP_Digest(map.p, map.n, ret, &n, EVP_sha256(), NULL));
	if (r == 0)
		file_unmap(map);
	return r;
}

int segment_verify(const char *path, const struct store_file *want, struct diag *d)
{
	struct segment s;
	struct buf packed = BUF_INIT(ROWS_MAX), rows = BUF_INIT(ROWS_MAX);
	struct roots roots = {.n = 0};
	struct arena mem;
	unsigned char sha[32], root[32];
	int err = 0, r = segment_open(path, d, &s);
	if (r == -ENOENT)
		return complain(d, path, 0, "the file is missing");
	if (r < 0)
		return r;
	arena_init(&mem, 0);
	for (size_t i = 0; i < s.n_block; i++) {
		if (segment_read(&s, i, &packed, &rows) < 0) {
			err = complain(d, path, s.block[i].offset, "a block is damaged");
			continue;
		}
		for (struct str rest = buf_str(&rows); rest.n;) {
			struct event ev;
			uint64_t position;
			arena_reset(&mem);
			if (!row_decode(&rest, NULL, &mem, &ev, &position))
				break;
			roots_add(&roots, ev.raw);
		}
	}
	roots_done(&roots, root);
	if (!err && memcmp(root, want->root, 32) != 0)
		err = complain(d, path, 0, "the rows are not those that were sealed");
	if (!err && (file_sha256(path, sha) < 0 || memcmp(sha, want->sha256, 32) != 0))
		err = complain(d, path, 0, "the file is not the one that was sealed (its SHA-256 differs)");
	arena_done(&mem);
	segment_close(&s);
	buf_done(&packed);
	buf_done(&rows);
	return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/ledger.h"
#include "ledger/doc.h"
#include "ledger/note.h"
#include "ledger/tiles.h"

#include "sys/file.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/sha.h>

#define LEAF_MAX 65535u /* an entry bundle's length field has 16 bits */

struct ledger {
	char dir[3900];
	struct db *db;
	struct note_key *key;
	struct tiles *tiles; /* fed up to the rows of the last publishing */
	uint64_t size, published;
	struct hash root; /* of the last checkpoint when it was read at opening */
	bool extends;     /* the rows were seen to give that root: what is signed from now on goes on from it */
};

int ledger_count(struct db *db, uint64_t *ret)
{
	struct db_stmt *s = db_prepare(db, "SELECT COALESCE(MAX(seq)+1, 0) FROM ledger");
	int r = s ? db_step(s) : -EIO;
	if (r != 1)
		return r < 0 ? r : -EIO;
	*ret = (uint64_t)db_col_i64(s, 0);
	db_reset(s);
	return 0;
}

int ledger_open(const char *dir, struct db *db, bool read_only, struct diag *d, struct ledger **ret)
{
	struct ledger *l = must_new(struct ledger);
	struct buf text = BUF_INIT(10000);
	l->db = db;
	int r = path_join(l->dir, sizeof(l->dir), dir, "ledger");
	if (r == 0 && !read_only)
		r = file_make_dirs(l->dir);
	if (r == 0 && !read_only)
		r = note_key_open(l->dir, &l->key);
	if (r == 0 && (r = ledger_count(db, &l->size)) < 0) {
		char db_path[4096];
		snprintf(db_path, sizeof(db_path), "%s/hinomi.db", dir);
		ledger_close(l);
		return db_report(db, db_path, r, d);
	}
	/* A checkpoint that cannot be used is made anew from the rows; verify tells about it. */
	if (r == 0 && ledger_checkpoint(l, &text) == 0)
		note_verify(l->dir, buf_str(&text), &l->published, &l->root);
	buf_done(&text);
	if (r == 0 && !read_only && l->published > l->size) {
		diag_file(d, str_c(l->dir));
		diag_error(d, (struct diag_at){0}, "ledger.rolled_back", "the signed checkpoint has %llu entries, the database only %llu: entries are missing", (unsigned long long)l->published,
			(unsigned long long)l->size);
		diag_hint(d, "put the whole directory back from a backup; `hinomi verify` names what is missing");
		ledger_close(l);
		return -EBADMSG;
	}
	if (r < 0) {
		diag_file(d, str_c(l->dir));
		if (r == -ENOKEY)
			diag_error(d, (struct diag_at){0}, "ledger.no_private_key", "the private key ledger/key is missing: a new one would not go on with this log");
		else
			diag_error(d, (struct diag_at){0}, "ledger.open", "the ledger cannot be opened: %s", strerror(-r));
		ledger_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	tiles_close(l->tiles);
	note_key_free(l->key);
	free(l);
}

uint64_t ledger_size(const struct ledger *l)
{
	return l->size;
}

uint64_t ledger_published(const struct ledger *l)
{
	return l->published;
}

uint64_t ledger_signed(const struct ledger *l)
{
	char path[4096];
	struct buf text = BUF_INIT(10000);
	struct hash root;
	uint64_t size = 0;
	if (path_join(path, sizeof(path), l->dir, "checkpoint") == 0 && file_read(path, &text) == 0 && note_verify(l->dir, buf_str(&text), &size, &root) < 0)
		size = 0;
	buf_done(&text);
	return size;
}

static json_t *json_of(struct str text)
{
	json_t *v = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
	return v ? v : json_null();
}

/* Stands for a long text: its SHA-256 binds the row's bytes as the text itself would. */
static json_t *digest_json(struct str text)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	struct buf hex = BUF_INIT(100);
	SHA256((const unsigned char *)text.p, text.n, sum);
	buf_add_hex(&hex, sum, sizeof(sum));
	json_t *o = json_pack("{s:s, s:I}", "sha256", buf_cstr(&hex), "size", (json_int_t)text.n);
	buf_done(&hex);
	return o;
}

static char *leaf_text(const struct ledger_entry *e, bool long_before, bool long_after)
{
	json_t *o = doc_of_entry(e);
	json_object_set_new(o, "before", long_before ? digest_json(e->before) : json_of(e->before));
	json_object_set_new(o, "after", long_after ? digest_json(e->after) : json_of(e->after));
	char *line = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	must(line);
	return line;
}

int ledger_leaf(const struct ledger_entry *e, struct buf *out)
{
	bool long_before = false, long_after = false;
	char *text = leaf_text(e, false, false);
	while (strlen(text) > LEAF_MAX && !(long_before && long_after)) {
		bool after = !long_after && (long_before || e->after.n >= e->before.n);
		long_after = long_after || after;
		long_before = long_before || !after;
		free(text);
		text = leaf_text(e, long_before, long_after);
	}
	buf_add_cstr(out, text);
	free(text);
	return out->err;
}

int ledger_append(struct ledger *l, struct ledger_entry *e, uint64_t *ret_seq)
{
	struct buf leaf = BUF_INIT(LEAF_MAX);
	unsigned char hash[HASH_SIZE];
	struct db_stmt *s = db_prepare(l->db, "INSERT INTO ledger (seq, time, actor, role, noun, object_id, verb, before, after, leaf) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)");
	int r = ledger_count(l->db, &e->seq);
	if (!s || r < 0)
		return s ? r : -EIO;
	if ((r = ledger_leaf(e, &leaf)) < 0) {
		buf_done(&leaf);
		return r;
	}
	ledger_leaf_hash(buf_str(&leaf), hash);
	buf_done(&leaf);
	const struct str text[] = {e->actor, e->role, e->noun, e->object_id, e->verb, e->before, e->after};
	db_bind_i64(s, 1, (int64_t)e->seq);
	db_bind_i64(s, 2, e->time);
	for (int i = 0; i < (int)LEN(text); i++)
		db_bind_text(s, i + 3, text[i]);
	db_bind_blob(s, 10, str_n((char *)hash, HASH_SIZE));
	if ((r = db_run(s)) < 0)
		return r;
	*ret_seq = e->seq;
	l->size = e->seq + 1; /* a rolled back one is found out when publishing counts the rows */
	return 0;
}

static void read_entry(struct db_stmt *s, struct ledger_entry *e)
{
	struct str *text[] = {&e->actor, &e->role, &e->noun, &e->object_id, &e->verb, &e->before, &e->after, &e->leaf};
	e->seq = (uint64_t)db_col_i64(s, 0);
	e->time = db_col_i64(s, 1);
	for (int i = 0; i < (int)LEN(text); i++) {
		*text[i] = db_col_text(s, i + 2);
		if (!text[i]->p)
			*text[i] = STR("");
	}
}

static int each(struct db_stmt *s, int (*cb)(void *arg, const struct ledger_entry *e), void *arg)
{
	struct ledger_entry e;
	int r;
	while ((r = db_step(s)) == 1) {
		read_entry(s, &e);
		if ((r = cb(arg, &e)) != 0) {
			db_reset(s);
			return r;
		}
	}
	return r;
}

#define COLUMNS "SELECT seq, time, actor, role, noun, object_id, verb, before, after, leaf FROM ledger "

int ledger_each(struct db *db, uint64_t from, uint64_t to, int (*cb)(void *arg, const struct ledger_entry *e), void *arg)
{
	struct db_stmt *s = db_prepare(db, COLUMNS "WHERE seq >= $1 AND seq < $2 ORDER BY seq");
	if (!s)
		return -EIO;
	db_bind_i64(s, 1, (int64_t)from);
	db_bind_i64(s, 2, to > INT64_MAX ? INT64_MAX : (int64_t)to);
	return each(s, cb, arg);
}

int ledger_of(struct db *db, struct str noun, struct str object_id, int (*cb)(void *arg, const struct ledger_entry *e), void *arg)
{
	struct db_stmt *s = db_prepare(db, COLUMNS "WHERE noun = $1 AND object_id = $2 ORDER BY seq");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, noun);
	db_bind_text(s, 2, object_id);
	return each(s, cb, arg);
}

/* ---- publishing --------------------------------------------------------------------------------------------------------------------------- */

static int publish_entry(void *arg, const struct ledger_entry *e)
{
	struct buf leaf = BUF_INIT(LEAF_MAX);
	int r = ledger_leaf(e, &leaf);
	if (r == 0)
		r = tiles_add(arg, buf_str(&leaf));
	buf_done(&leaf);
	return r;
}

static int write_checkpoint(struct ledger *l)
{
	char path[4096];
	struct buf note = BUF_INIT(10000);
	struct hash root;
	file_fault_stage("checkpoint");
	tiles_root(l->tiles, &root);
	int r = note_sign(l->key, tiles_size(l->tiles), &root, &note);
	if (r == 0)
		r = path_join(path, sizeof(path), l->dir, "checkpoint");
	if (r == 0)
		r = file_replace(path, buf_str(&note), 0644);
	buf_done(&note);
	return r;
}

/* A log only grows: rows that do not give the last signed root are never signed. */
static int check_extends(struct ledger *l)
{
	struct hash root;
	int r = ledger_each(l->db, tiles_size(l->tiles), l->published, publish_entry, l->tiles);
	if (r == 0 && l->published) {
		tiles_root(l->tiles, &root);
		r = memcmp(root.b, l->root.b, HASH_SIZE) == 0 ? 0 : -EBADMSG;
	}
	l->extends = r == 0;
	return r;
}

/*
 * Tiles are a pure function of the rows, whole ones never change, and the partial ones of the last checkpoint go when the new one is
 * durable: a crash anywhere between leaves nothing to repair. The first publishing after opening reads all rows, later ones only the new.
 */
int ledger_publish(struct ledger *l)
{
	int r = ledger_count(l->db, &l->size);
	if (r < 0 || l->size == l->published)
		return r;
	file_fault_stage("publish");
	if (!l->tiles && (r = tiles_open(l->dir, tile_write, NULL, &l->tiles)) < 0)
		return r;
	if (!l->extends)
		r = check_extends(l);
	if (r == 0)
		r = ledger_each(l->db, tiles_size(l->tiles), l->size, publish_entry, l->tiles);
	if (r == 0)
		r = tiles_finish(l->tiles);
	if (r == 0)
		r = write_checkpoint(l);
	if (r < 0) {
		/* Half fed: the next try begins anew. */
		tiles_close(l->tiles);
		l->tiles = NULL;
		return r;
	}
	tiles_tidy(l->dir, l->published, l->size);
	l->published = l->size;
	return 0;
}

int ledger_checkpoint(struct ledger *l, struct buf *out)
{
	char path[4096];
	int r = path_join(path, sizeof(path), l->dir, "checkpoint");
	return r < 0 ? r : file_read(path, out);
}

static int leaf_of_row(void *arg, uint64_t i, struct hash *ret)
{
	struct db_stmt *s = db_prepare(arg, "SELECT leaf FROM ledger WHERE seq = $1");
	if (!s)
		return -EIO;
	db_bind_i64(s, 1, (int64_t)i);
	int r = db_step(s);
	struct str leaf = r == 1 ? db_col_text(s, 0) : STR("");
	if (leaf.n == HASH_SIZE)
		memcpy(ret->b, leaf.p, HASH_SIZE);
	if (r == 1)
		db_reset(s);
	return r < 0 ? r : leaf.n == HASH_SIZE ? 0 : -ENOENT;
}

int ledger_inclusion(struct ledger *l, uint64_t seq, uint64_t tree_size, struct buf *ret_hashes)
{
	return seq >= tree_size ? -EINVAL : tree_inclusion(leaf_of_row, l->db, seq, tree_size, ret_hashes);
}

int ledger_consistency(struct ledger *l, uint64_t old_size, uint64_t new_size, struct buf *ret_hashes)
{
	return old_size > new_size ? -EINVAL : tree_consistency(leaf_of_row, l->db, old_size, new_size, ret_hashes);
}

int ledger_leaf_at(struct ledger *l, uint64_t seq, unsigned char ret[32])
{
	struct hash h;
	int r = leaf_of_row(l->db, seq, &h);
	if (r == 0)
		memcpy(ret, h.b, HASH_SIZE);
	return r;
}

int ledger_root(struct ledger *l, uint64_t size, unsigned char ret[32])
{
	struct db_stmt *s = db_prepare(l->db, "SELECT leaf FROM ledger WHERE seq < $1 ORDER BY seq");
	struct frontier f = {.size = 0};
	struct hash h;
	int r;
	if (!s)
		return -EIO;
	db_bind_i64(s, 1, (int64_t)size);
	while ((r = db_step(s)) == 1) {
		struct str leaf = db_col_text(s, 0);
		if (leaf.n != HASH_SIZE) {
			db_reset(s);
			return -EBADMSG;
		}
		memcpy(h.b, leaf.p, HASH_SIZE);
		frontier_add(&f, &h);
	}
	if (r < 0 || f.size != size)
		return r < 0 ? r : -ENOENT;
	frontier_root(&f, &h);
	memcpy(ret, h.b, HASH_SIZE);
	return 0;
}

/* key.pub is a verifier key: name+hash+key (C2SP signed-note). */
int ledger_origin(const struct ledger *l, struct buf *out)
{
	char path[4096];
	struct buf text = BUF_INIT(10000);
	struct str rest, name;
	int r = path_join(path, sizeof(path), l->dir, "key.pub");
	if (r == 0)
		r = file_read(path, &text);
	rest = buf_str(&text);
	if (r == 0)
		r = str_cut(&rest, '+', &name) && rest.p ? buf_add(out, name) : -EBADMSG;
	buf_done(&text);
	return r;
}

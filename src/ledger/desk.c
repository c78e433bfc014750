/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/desk.h"

#include "base/id.h"
#include "base/vec.h"
#include "sys/file.h"

#include <errno.h>

#define COLUMNS_MAX 12

struct column {
	const char *name, *type;
};

static const struct {
	const char *name, *table;
	struct column column[COLUMNS_MAX];
} NOUNS[] = {
#define COLUMN(name, type) {#name, #type},
#define NOUN(sym, name, table, columns) {name, table, {columns}},
#include "ledger/nouns.def"
#undef NOUN
#undef COLUMN
};

struct told {
	enum noun noun;
	char id[ID_TEXT + 1];
	uint64_t version;
	const char *verb;
};

struct desk {
	struct db *db;
	struct ledger *ledger;
	const struct clock *clock;
	bool read_only;
	uint64_t last_seq;
	VEC(struct told) told; /* since desk_begin */
	desk_listener *listener;
	void *listener_arg;
};

const char *noun_name(enum noun n)
{
	must(n < NOUN_COUNT);
	return NOUNS[n].name;
}

enum noun noun_parse(struct str name)
{
	for (size_t i = 0; i < NOUN_COUNT; i++)
		if (str_eq(str_c(NOUNS[i].name), name))
			return (enum noun)i;
	return NOUN_COUNT;
}

/* Statements are static texts, one per noun and kind, made once. */
static const char *statement(enum noun noun, int kind)
{
	static char *text[NOUN_COUNT][4];
	char *have = __atomic_load_n(&text[noun][kind], __ATOMIC_ACQUIRE), *none = NULL;
	struct buf b = BUF_INIT(10000);
	int n = 5;
	if (have)
		return have;
	if (kind == 0) {
		buf_addf(&b, "CREATE TABLE IF NOT EXISTS %s (id TEXT PRIMARY KEY, version INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, doc TEXT NOT NULL", NOUNS[noun].table);
		for (const struct column *c = NOUNS[noun].column; c->name; c++)
			buf_addf(&b, ", %s %s", c->name, c->type);
		buf_addf(&b, ")");
	} else if (kind == 1) {
		buf_addf(&b, "INSERT INTO %s (id, version, created_at, updated_at, doc", NOUNS[noun].table);
		for (const struct column *c = NOUNS[noun].column; c->name; c++)
			buf_addf(&b, ", %s", c->name);
		buf_addf(&b, ") VALUES ($1, $2, $3, $4, $5");
		for (const struct column *c = NOUNS[noun].column; c->name; c++)
			buf_addf(&b, ", $%d", ++n);
		buf_addf(&b, ") ON CONFLICT (id) DO UPDATE SET version=$2, updated_at=$4, doc=$5");
		n = 5;
		for (const struct column *c = NOUNS[noun].column; c->name; c++)
			buf_addf(&b, ", %s=$%d", c->name, ++n);
	} else if (kind == 2) {
		buf_addf(&b, "SELECT doc FROM %s WHERE id = $1", NOUNS[noun].table);
	} else {
		buf_addf(&b, "SELECT id, doc, version");
		for (const struct column *c = NOUNS[noun].column; c->name; c++)
			buf_addf(&b, ", %s", c->name);
		buf_addf(&b, " FROM %s ORDER BY id", NOUNS[noun].table);
	}
	char *mine = buf_take(&b, NULL);
	if (__atomic_compare_exchange_n(&text[noun][kind], &none, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return mine;
	free(mine);
	return none;
}

/* The columns are there to be asked for. */
static int make_indexes(struct desk *k, enum noun noun)
{
	int r = 0;
	for (const struct column *c = NOUNS[noun].column; r == 0 && c->name; c++) {
		struct buf sql = BUF_INIT(1000);
		buf_addf(&sql, "CREATE INDEX IF NOT EXISTS %s_%s ON %s (%s)", NOUNS[noun].table, c->name, NOUNS[noun].table, c->name);
		r = db_exec(k->db, buf_cstr(&sql));
		buf_done(&sql);
	}
	return r;
}

static int make_tables(struct desk *k)
{
	int r = db_begin(k->db);
	for (int i = 0; r == 0 && i < NOUN_COUNT; i++)
		if ((r = db_exec(k->db, statement((enum noun)i, 0))) == 0)
			r = make_indexes(k, (enum noun)i);
	if (r == 0)
		return db_commit(k->db);
	db_rollback(k->db);
	return r;
}

int desk_open(const char *dir, const struct clock *clock, bool read_only, struct diag *d, struct desk **ret)
{
	char path[4096];
	struct desk *k = must_new(struct desk);
	k->clock = clock;
	k->read_only = read_only;
	int r = (size_t)snprintf(path, sizeof(path), "%s/hinomi.db", dir) < sizeof(path) ? 0 : -ENAMETOOLONG;
	if (r == 0)
		r = db_open(path, read_only ? DB_READ : DB_WRITE, d, &k->db);
	if (r == 0 && !read_only && (r = make_tables(k)) < 0)
		db_report(k->db, path, r, d);
	if (r == 0)
		r = ledger_open(dir, k->db, read_only, d, &k->ledger);
	if (r < 0) {
		desk_close(k);
		return r;
	}
	*ret = k;
	return 0;
}

void desk_close(struct desk *k)
{
	if (!k)
		return;
	ledger_close(k->ledger);
	db_close(k->db);
	vec_done(&k->told);
	free(k);
}

struct db *desk_db(struct desk *k)
{
	return k->db;
}

struct ledger *desk_ledger(struct desk *k)
{
	return k->ledger;
}

tstamp desk_now(const struct desk *k)
{
	return clock_now(k->clock);
}

uint64_t desk_last_seq(const struct desk *k)
{
	return k->last_seq;
}

void desk_listen(struct desk *k, desk_listener *fn, void *arg)
{
	k->listener = fn;
	k->listener_arg = arg;
}

int desk_begin(struct desk *k)
{
	vec_clear(&k->told);
	return db_begin(k->db);
}

int desk_commit(struct desk *k)
{
	file_fault_stage("desk-commit");
	int r = db_commit(k->db);
	if (r < 0)
		return r;
	vec_each(t, &k->told) {
		if (k->listener)
			k->listener(k->listener_arg, t->noun, str_c(t->id), t->version, t->verb);
	}
	vec_clear(&k->told);
	return 0;
}

void desk_rollback(struct desk *k)
{
	vec_clear(&k->told);
	db_rollback(k->db);
}

int desk_try(struct desk *k, int (*fn)(struct desk *k, void *arg), void *arg)
{
	size_t told = k->told.n;
	int r = db_savepoint(k->db);
	if (r < 0)
		return r;
	r = fn(k, arg);
	if (r < 0) {
		db_rollback_to(k->db);
		k->told.n = told; /* nobody hears of what did not happen */
	}
	int released = db_release(k->db);
	return r < 0 ? r : released < 0 ? released : r;
}

/* ---- rows and entries ----------------------------------------------------------------------------------------------------------------------- */

static int next_number(struct desk *k, const char *name, uint64_t *ret)
{
	struct db_stmt *s = db_prepare(k->db, "INSERT INTO counter (name, value) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(name));
	int r = db_step(s);
	if (r != 1)
		return r < 0 ? r : -EIO;
	*ret = (uint64_t)db_col_i64(s, 0);
	return db_run(s);
}

static struct str member_text(const json_t *doc, const char *name)
{
	const json_t *v = json_object_get(doc, name);
	return json_is_string(v) ? str_n(json_string_value(v), json_string_length(v)) : STR("");
}

static void bind_columns(struct db_stmt *s, enum noun noun, const json_t *doc)
{
	int n = 5;
	for (const struct column *c = NOUNS[noun].column; c->name; c++) {
		const json_t *v = json_object_get(doc, c->name);
		n++;
		if (json_is_string(v))
			db_bind_text(s, n, str_n(json_string_value(v), json_string_length(v)));
		else if (json_is_integer(v))
			db_bind_i64(s, n, json_integer_value(v));
		else
			db_bind_null(s, n);
	}
}

static int write_row(struct desk *k, enum noun noun, const json_t *doc)
{
	struct db_stmt *s = db_prepare(k->db, statement(noun, 1));
	char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	int r = -EIO;
	if (s && text) {
		db_bind_text(s, 1, member_text(doc, "id"));
		db_bind_i64(s, 2, json_integer_value(json_object_get(doc, "version")));
		db_bind_text(s, 3, member_text(doc, "created_at"));
		db_bind_text(s, 4, member_text(doc, "updated_at"));
		db_bind_text(s, 5, str_c(text));
		bind_columns(s, noun, doc);
		r = db_run(s);
	}
	free(text);
	return r;
}

static int write_entry(struct desk *k, const struct actor *who, const char *noun, struct str id, const char *verb, const json_t *before, const json_t *after)
{
	char *b = before ? json_dumps(before, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : must_strdup("null");
	char *a = after ? json_dumps(after, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : must_strdup("null");
	struct ledger_entry e = {.time = desk_now(k), .actor = who->user, .role = who->role, .noun = str_c(noun), .object_id = id, .verb = str_c(verb)};
	int r = -ENOMEM;
	if (a && b) {
		e.before = str_c(b);
		e.after = str_c(a);
		r = ledger_append(k->ledger, &e, &k->last_seq);
	}
	free(a);
	free(b);
	return r;
}

static void tell(struct desk *k, enum noun noun, const json_t *doc, const char *verb)
{
	struct told *t = vec_add(&k->told);
	struct str id = member_text(doc, "id");
	t->noun = noun;
	memcpy(t->id, id.p, id.n < ID_TEXT ? id.n : ID_TEXT);
	t->version = (uint64_t)json_integer_value(json_object_get(doc, "version"));
	t->verb = verb;
}

static json_t *now_json(const struct desk *k)
{
	char text[TS_TEXT_MAX];
	size_t n = ts_format(text, desk_now(k));
	return json_stringn(text, n);
}

static void give(json_t **ret, json_t *doc)
{
	if (ret)
		*ret = doc;
	else
		json_decref(doc);
}

int desk_create(struct desk *k, const struct actor *who, enum noun noun, const json_t *doc, json_t **ret)
{
	uint64_t serial = 0, number = 0;
	char id[ID_TEXT + 1];
	must(!k->read_only);
	int r = next_number(k, "object", &serial);
	if (r == 0)
		r = next_number(k, NOUNS[noun].name, &number);
	if (r < 0)
		return r;
	id_format(id, id_make(desk_now(k), ID_DESK, serial));
	json_t *o = json_deep_copy(doc);
	json_object_set_new(o, "id", json_string(id));
	json_object_set_new(o, "number", json_integer((json_int_t)number));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "created_at", now_json(k));
	json_object_set_new(o, "updated_at", now_json(k));
	if ((r = write_row(k, noun, o)) == 0 && (r = write_entry(k, who, NOUNS[noun].name, str_c(id), "create", NULL, o)) == 0) {
		tell(k, noun, o, "create");
		give(ret, o);
		return 0;
	}
	json_decref(o);
	return r;
}

/* What differs, both ways. NULL after = the member goes away. */
static bool difference(const json_t *doc, const json_t *patch, json_t **ret_before, json_t **ret_after)
{
	const char *key;
	json_t *value;
	*ret_before = json_object();
	*ret_after = json_object();
	json_object_foreach((json_t *)(uintptr_t)patch, key, value)
	{
		json_t *have = json_object_get(doc, key);
		if (json_equal(have, value) || (!have && json_is_null(value)))
			continue;
		json_object_set_new(*ret_before, key, have ? json_deep_copy(have) : json_null());
		json_object_set_new(*ret_after, key, json_deep_copy(value));
	}
	return json_object_size(*ret_after) > 0;
}

static void merge(json_t *doc, const json_t *after)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)after, key, value)
	{
		if (json_is_null(value))
			json_object_del(doc, key);
		else
			json_object_set_new(doc, key, json_deep_copy(value));
	}
}

int desk_change(struct desk *k, const struct actor *who, enum noun noun, struct str id, uint64_t if_version, const char *verb, const json_t *patch, json_t **ret)
{
	json_t *doc, *before, *after;
	must(!k->read_only);
	int r = desk_get(k, noun, id, &doc);
	if (r < 0)
		return r;
	json_int_t version = json_integer_value(json_object_get(doc, "version"));
	if (if_version && (json_int_t)if_version != version) {
		json_decref(doc);
		return -ESTALE;
	}
	if (difference(doc, patch, &before, &after)) {
		json_object_set_new(after, "version", json_integer(version + 1));
		json_object_set_new(after, "updated_at", now_json(k));
		merge(doc, after);
		if ((r = write_row(k, noun, doc)) == 0)
			r = write_entry(k, who, NOUNS[noun].name, id, verb, before, after);
		if (r == 0)
			tell(k, noun, doc, verb);
	}
	json_decref(before);
	json_decref(after);
	if (r < 0)
		json_decref(doc);
	else
		give(ret, doc);
	return r;
}

int desk_note(struct desk *k, const struct actor *who, const char *noun, struct str id, const char *verb, const json_t *after)
{
	must(!k->read_only);
	return write_entry(k, who, noun, id, verb, NULL, after);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------------- */

static json_t *parse(struct str text)
{
	return json_loadb(text.p ? text.p : "", text.n, 0, NULL);
}

int desk_get(struct desk *k, enum noun noun, struct str id, json_t **ret)
{
	struct db_stmt *s = db_prepare(k->db, statement(noun, 2));
	if (!s)
		return -EIO;
	db_bind_text(s, 1, id);
	int r = db_step(s);
	if (r != 1)
		return r < 0 ? r : -ENOENT;
	*ret = parse(db_col_text(s, 0));
	db_reset(s);
	return *ret ? 0 : -EBADMSG;
}

int desk_list(struct desk *k, enum noun noun, const char *where, const struct desk_param *param, size_t n, int (*cb)(void *arg, json_t *doc), void *arg)
{
	struct buf sql = BUF_INIT(10000);
	int r;
	buf_addf(&sql, "SELECT doc FROM %s%s%s", NOUNS[noun].table, where && *where ? " WHERE " : "", where ? where : "");
	struct db_stmt *s = db_prepare(k->db, buf_cstr(&sql));
	buf_done(&sql);
	if (!s)
		return -EIO;
	for (size_t i = 0; i < n; i++)
		if (param[i].is_int)
			db_bind_i64(s, (int)i + 1, param[i].i);
		else
			db_bind_text(s, (int)i + 1, param[i].s);
	while ((r = db_step(s)) == 1) {
		json_t *doc = parse(db_col_text(s, 0));
		r = doc ? cb(arg, doc) : -EBADMSG;
		json_decref(doc);
		if (r != 0) {
			db_reset(s);
			return r;
		}
	}
	return r;
}

int desk_state_set(struct desk *k, const char *key, struct str value)
{
	struct db_stmt *s = db_prepare(k->db, "INSERT INTO state (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(key));
	db_bind_blob(s, 2, value);
	return db_run(s);
}

static int read_value(struct db_stmt *s, struct buf *ret)
{
	int r = db_step(s);
	if (r != 1)
		return r < 0 ? r : -ENOENT;
	r = buf_add(ret, db_col_text(s, 0));
	db_reset(s);
	return r;
}

int desk_state_get(struct desk *k, const char *key, struct buf *ret)
{
	struct db_stmt *s = db_prepare(k->db, "SELECT value FROM state WHERE name = $1");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(key));
	return read_value(s, ret);
}

int desk_keep(struct desk *k, const char *key, tstamp until, struct str value)
{
	struct db_stmt *s = db_prepare(k->db, "INSERT INTO kept (name, until, value) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET until = $2, value = $3");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(key));
	db_bind_i64(s, 2, until);
	db_bind_blob(s, 3, value);
	return db_run(s);
}

int desk_kept(struct desk *k, const char *key, struct buf *ret)
{
	struct db_stmt *s = db_prepare(k->db, "SELECT value FROM kept WHERE name = $1 AND until > $2");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(key));
	db_bind_i64(s, 2, desk_now(k));
	return read_value(s, ret);
}

int desk_unkeep(struct desk *k, const char *key)
{
	struct db_stmt *s = db_prepare(k->db, "DELETE FROM kept WHERE name = $1");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(key));
	return db_run(s);
}

int desk_unkeep_all(struct desk *k, const char *prefix, struct str value)
{
	struct db_stmt *s = db_prepare(k->db, "DELETE FROM kept WHERE substr(name, 1, length($1)) = $1 AND value = $2");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(prefix));
	db_bind_blob(s, 2, value);
	return db_run(s);
}

int desk_keep_expire(struct desk *k)
{
	struct db_stmt *s = db_prepare(k->db, "DELETE FROM kept WHERE until <= $1 RETURNING 1");
	int n = 0, r;
	if (!s)
		return -EIO;
	db_bind_i64(s, 1, desk_now(k));
	while ((r = db_step(s)) == 1)
		n++;
	return r < 0 ? r : n;
}

tstamp desk_keep_oldest(struct desk *k)
{
	struct db_stmt *s = db_prepare(k->db, "SELECT MIN(until) FROM kept");
	tstamp t = TS_NONE;
	if (s && db_step(s) == 1) {
		t = db_col_null(s, 0) ? TS_NONE : db_col_i64(s, 0);
		db_reset(s);
	}
	return t;
}

/* ---- verification -------------------------------------------------------------------------------------------------------------------------------- */

/* The first entry is the whole object, nulls included; the others are merge patches. */
static int replay(void *arg, const struct ledger_entry *e)
{
	json_t **doc = arg, *after = parse(e->after);
	if (json_is_object(after) && str_eq(e->before, STR("null")))
		json_object_update(*doc, after);
	else if (json_is_object(after))
		merge(*doc, after);
	json_decref(after);
	return 0;
}

static bool column_fits(struct db_stmt *s, int col, const json_t *v)
{
	if (json_is_string(v))
		return str_eq(db_col_text(s, col), str_n(json_string_value(v), json_string_length(v)));
	if (json_is_integer(v))
		return db_col_i64(s, col) == json_integer_value(v);
	return db_col_null(s, col);
}

static void check_row(struct desk *k, enum noun noun, struct db_stmt *s, struct diag *d)
{
	json_t *want = json_object(), *have = parse(db_col_text(s, 1));
	struct str id = db_col_text(s, 0);
	int col = 3;
	ledger_of(k->db, str_c(NOUNS[noun].name), id, replay, &want);
	if (!have || !json_equal(have, want))
		diag_error(d, (struct diag_at){0}, "desk.row_differs", "%s %.*s is not what its ledger entries say", NOUNS[noun].name, STR_ARG(id));
	for (const struct column *c = NOUNS[noun].column; c->name && have; c++, col++)
		if (!column_fits(s, col, json_object_get(have, c->name)))
			diag_error(d, (struct diag_at){0}, "desk.column_differs", "%s %.*s: the column %s differs from the object", NOUNS[noun].name, STR_ARG(id), c->name);
	json_decref(want);
	json_decref(have);
}

static int lost_object(struct desk *k, enum noun noun, struct diag *d)
{
	struct db_stmt *s = db_prepare(k->db, "SELECT DISTINCT object_id FROM ledger WHERE noun = $1 ORDER BY object_id"), *row;
	int r;
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(NOUNS[noun].name));
	while ((r = db_step(s)) == 1) {
		if (!(row = db_prepare(k->db, statement(noun, 2))))
			return -EIO;
		db_bind_text(row, 1, db_col_text(s, 0));
		if (db_step(row) == 1)
			db_reset(row);
		else
			diag_error(d, (struct diag_at){0}, "desk.row_missing", "%s %.*s is in the ledger but not in the database", NOUNS[noun].name, STR_ARG(db_col_text(s, 0)));
	}
	return r;
}

int desk_verify(struct desk *k, struct diag *d)
{
	size_t before = d->errors;
	int r = 0;
	for (int i = 0; r >= 0 && i < NOUN_COUNT; i++) {
		struct db_stmt *s = db_prepare(k->db, statement((enum noun)i, 3));
		while (s && (r = db_step(s)) == 1)
			check_row(k, (enum noun)i, s, d);
		if (!s || r < 0)
			r = diag_error(d, (struct diag_at){0}, "desk.unreadable", "the table %s cannot be read: %s", NOUNS[i].table, db_error(k->db));
		else
			r = lost_object(k, (enum noun)i, d);
	}
	return d->errors > before ? -EBADMSG : r;
}

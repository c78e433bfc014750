/* SPDX-License-Identifier: Apache-2.0 */
#include "db/db.h"
#include "db/vfs.h"

#include "base/map.h"

#include <errno.h>
#include <sqlite3.h>

#define BUSY_MS 10000

struct db_stmt {
	struct db *db;
	sqlite3_stmt *st;
};

struct db {
	sqlite3 *lite;
	struct map stmts; /* SQL text -> struct db_stmt */
	int savepoints;
	bool within; /* a transaction was begun here and neither committed nor rolled back */
	int ended;   /* why SQLite ended it before that, 0 = it did not */
	char error[512];
};

static int errno_of(struct db *db, int code)
{
	snprintf(db->error, sizeof(db->error), "%s", sqlite3_errmsg(db->lite));
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		if (code == SQLITE_IOERR_DATA)
			return -EBADMSG;
		return (code & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db->lite) == ENOSPC ? -ENOSPC : -EIO;
	}
}

static int to_errno(struct db *db, int code)
{
	int r = errno_of(db, code);
	/* A full disk or a failed write can end the transaction by itself. What is asked of it afterwards fails for that reason. */
	if (r < 0 && db->within && !db->ended && sqlite3_get_autocommit(db->lite))
		db->ended = r;
	return r;
}

const char *db_error(const struct db *db)
{
	return db->error;
}

static const char *const MIGRATIONS[] = {
#define MIGRATION(number, sql) [number] = sql,
#include "db/migrations.def"
#undef MIGRATION
};

int db_schema_version(struct db *db)
{
	struct db_stmt *s = db_prepare(db, "PRAGMA user_version");
	int version = s && db_step(s) == 1 ? (int)db_col_i64(s, 0) : -EIO;
	if (s)
		db_reset(s);
	return version;
}

static int migrate(struct db *db)
{
	char sql[64];
	int at = db_schema_version(db), r = at < 0 ? at : 0;
	for (int i = at + 1; r == 0 && i < (int)LEN(MIGRATIONS); i++) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", i);
		if ((r = db_begin(db)) == 0 && (r = db_exec(db, MIGRATIONS[i])) == 0 && (r = db_exec(db, sql)) == 0)
			r = db_commit(db);
		if (r < 0)
			db_rollback(db);
	}
	return r;
}

static int setup(struct db *db, enum db_mode mode)
{
	int reserve = DB_RESERVED, r;
	sqlite3_busy_timeout(db->lite, BUSY_MS);
	sqlite3_file_control(db->lite, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
	if (mode != DB_WRITE) {
		/* A reader leaves the files as they are, its last close too. */
		sqlite3_db_config(db->lite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		return db_exec(db, "PRAGMA query_only=1");
	}
	if ((r = db_exec(db, "PRAGMA journal_mode=WAL")) < 0 || (r = db_exec(db, "PRAGMA synchronous=FULL")) < 0)
		return r;
	return migrate(db);
}

int db_report(struct db *db, const char *where, int err, struct diag *d)
{
	uint32_t page = db_vfs_bad_page();
	diag_file(d, str_c(where));
	if (page)
		diag_error(d, (struct diag_at){0}, "db.damaged", "page %u is damaged: its checksum is wrong", page);
	else
		diag_error(d, (struct diag_at){0}, "db.error", "the database cannot be used: %s", db->error);
	return err;
}

int db_open(const char *where, enum db_mode mode, struct diag *d, struct db **ret)
{
	struct db *db = must_new(struct db);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (mode == DB_WRITE ? SQLITE_OPEN_CREATE : 0);
	map_init(&db->stmts);
	db_vfs_bad_page();
	int r = db_vfs_register();
	if (mode == DB_WRITE)
		db_verify_log(where, d); /* told, then what can be read is */
	if (r == 0)
		r = to_errno(db, sqlite3_open_v2(where, &db->lite, flags, DB_VFS));
	if (r == 0)
		r = setup(db, mode);
	if (r < 0) {
		db_report(db, where, r, d);
		db_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

void db_close(struct db *db)
{
	struct str key;
	uint64_t *value;
	if (!db)
		return;
	for (size_t it = 0; map_next(&db->stmts, &it, &key, &value);) {
		struct db_stmt *s = (struct db_stmt *)(uintptr_t)*value;
		sqlite3_finalize(s->st);
		free(s);
	}
	map_done(&db->stmts);
	sqlite3_close(db->lite);
	free(db);
}

struct db_stmt *db_prepare(struct db *db, const char *sql)
{
	struct db_stmt *s = map_get_ptr(&db->stmts, str_c(sql));
	sqlite3_stmt *st;
	if (s) {
		sqlite3_reset(s->st);
		sqlite3_clear_bindings(s->st);
		return s;
	}
	int code = sqlite3_prepare_v3(db->lite, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
	if (code != SQLITE_OK) {
		to_errno(db, code);
		return NULL;
	}
	s = must_new(struct db_stmt);
	s->db = db;
	s->st = st;
	map_put_ptr(&db->stmts, str_c(sql), s);
	return s;
}

/* Parameters are written $1, $2, …: SQLite numbers named ones by first use, so the name is looked up. */
static int parameter(struct db_stmt *s, int index)
{
	char name[16];
	snprintf(name, sizeof(name), "$%d", index);
	int at = sqlite3_bind_parameter_index(s->st, name);
	must(at > 0);
	return at;
}

void db_bind_i64(struct db_stmt *s, int index, int64_t v)
{
	must(sqlite3_bind_int64(s->st, parameter(s, index), v) == SQLITE_OK);
}

void db_bind_text(struct db_stmt *s, int index, struct str v)
{
	must(sqlite3_bind_text64(s->st, parameter(s, index), v.p ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
}

void db_bind_blob(struct db_stmt *s, int index, struct str v)
{
	must(sqlite3_bind_blob64(s->st, parameter(s, index), v.p ? v.p : "", v.n, SQLITE_STATIC) == SQLITE_OK);
}

void db_bind_null(struct db_stmt *s, int index)
{
	must(sqlite3_bind_null(s->st, parameter(s, index)) == SQLITE_OK);
}

int db_step(struct db_stmt *s)
{
	int code = sqlite3_step(s->st);
	if (code == SQLITE_ROW)
		return 1;
	int r = to_errno(s->db, code);
	sqlite3_reset(s->st);
	return r;
}

void db_reset(struct db_stmt *s)
{
	sqlite3_reset(s->st);
}

int64_t db_col_i64(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(s->st, col);
}

struct str db_col_text(struct db_stmt *s, int col)
{
	const void *p = sqlite3_column_blob(s->st, col);
	int n = sqlite3_column_bytes(s->st, col);
	if (sqlite3_column_type(s->st, col) == SQLITE_NULL)
		return STR_NONE;
	return n ? str_n(p, (size_t)n) : STR("");
}

bool db_col_null(struct db_stmt *s, int col)
{
	return sqlite3_column_type(s->st, col) == SQLITE_NULL;
}

int db_run(struct db_stmt *s)
{
	int r;
	while ((r = db_step(s)) == 1)
		;
	return r;
}

int db_exec(struct db *db, const char *sql)
{
	return to_errno(db, sqlite3_exec(db->lite, sql, NULL, NULL, NULL));
}

int db_begin(struct db *db)
{
	db->savepoints = db->ended = 0;
	int r = db_exec(db, "BEGIN IMMEDIATE");
	db->within = r == 0;
	return r;
}

int db_commit(struct db *db)
{
	int r = db->ended ? db->ended : db_exec(db, "COMMIT");
	db->within = db->within && r < 0;
	return r;
}

void db_rollback(struct db *db)
{
	db->within = false;
	if (!sqlite3_get_autocommit(db->lite))
		sqlite3_exec(db->lite, "ROLLBACK", NULL, NULL, NULL);
}

static int savepoint(struct db *db, const char *word, int depth)
{
	char sql[40];
	snprintf(sql, sizeof(sql), "%s s%d", word, depth);
	return db_exec(db, sql);
}

int db_savepoint(struct db *db)
{
	must(db->savepoints < 8);
	/* A savepoint outside of a transaction would begin one, and its release commit it. */
	if (sqlite3_get_autocommit(db->lite))
		return db->ended ? db->ended : -EIO;
	int r = savepoint(db, "SAVEPOINT", db->savepoints);
	db->savepoints += r == 0;
	return r;
}

int db_release(struct db *db)
{
	must(db->savepoints > 0);
	--db->savepoints;
	return db->ended ? db->ended : savepoint(db, "RELEASE", db->savepoints);
}

void db_rollback_to(struct db *db)
{
	must(db->savepoints > 0);
	if (!db->ended)
		savepoint(db, "ROLLBACK TO", db->savepoints - 1);
}

int db_backup(struct db *db, const char *path)
{
	struct db_stmt *s = db_prepare(db, "VACUUM INTO $1");
	if (!s)
		return -EIO;
	db_bind_text(s, 1, str_c(path));
	return db_run(s);
}

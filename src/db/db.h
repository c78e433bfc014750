/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_DB_DB_H
#define HINOMI_DB_DB_H

#include "base/diag.h"

/*
 * The desk's database behind one small interface: SQLite now, PostgreSQL by the same calls. SQL is the common subset with parameters
 * $1, $2, …; text is UTF-8; times are INTEGER nanoseconds. A connection belongs to one thread. One connection in the installation writes
 * (the desk thread), any number read; a reader sees the last commit.
 *
 * The SQLite file carries a checksum in every page (a VFS of our own uses the page's reserved bytes), so a flipped byte is an error with its
 * page, never silently wrong data; pages of WAL frames carry SQLite's own.
 */
struct db;
struct db_stmt;

enum db_mode { DB_WRITE, DB_READ, DB_VERIFY }; /* verify: also finds pages whose checksum is wrong */

/* where: a path (SQLite). Write mode creates it and brings the schema up to date (numbered migrations, each in a transaction). */
int db_open(const char *where, enum db_mode mode, struct diag *d, struct db **ret);
void db_close(struct db *db);
/* Text of the last error on this connection; valid until the next call. */
const char *db_error(const struct db *db);
int db_schema_version(struct db *db);

/* A prepared statement, cached by its text (static storage) and reset. NULL on error. Values are bound by number from 1. */
struct db_stmt *db_prepare(struct db *db, const char *sql);
void db_bind_i64(struct db_stmt *s, int index, int64_t v);
void db_bind_text(struct db_stmt *s, int index, struct str v); /* borrowed until the statement is done */
void db_bind_blob(struct db_stmt *s, int index, struct str v);
void db_bind_null(struct db_stmt *s, int index);
/* 1 = a row, 0 = done, negative errno (-ENOSPC disk full, -EBADMSG damaged page, -EEXIST unique). After 0 or an error the statement is reset. */
int db_step(struct db_stmt *s);
/* Early end of a select. */
void db_reset(struct db_stmt *s);
int64_t db_col_i64(struct db_stmt *s, int col); /* from 0 */
struct str db_col_text(struct db_stmt *s, int col); /* valid until the next step; p == NULL for NULL */
bool db_col_null(struct db_stmt *s, int col);
/* step to the end, for statements without rows */
int db_run(struct db_stmt *s);
int db_exec(struct db *db, const char *sql);

/* Transactions of the writer. Savepoints nest inside (depth 8) so that one refused change does not undo its neighbours. */
int db_begin(struct db *db);
int db_commit(struct db *db); /* durable after 0 */
void db_rollback(struct db *db);
int db_savepoint(struct db *db);
int db_release(struct db *db);
void db_rollback_to(struct db *db);

/* A finding for a failed call: the damaged page when there was one, else the error's text. Answers err. */
int db_report(struct db *db, const char *where, int err, struct diag *d);
/* Reads every page that is in use: findings name the page. */
int db_verify_pages(struct db *db, const char *where, struct diag *d);
/*
 * The commits that wait in the log beside the file ("where-wal"), frame by frame: SQLite itself takes a damaged one for the log's end. To be called
 * before the file is opened for writing.
 */
int db_verify_log(const char *where, struct diag *d);
/* A consistent copy while others read and write. */
int db_backup(struct db *db, const char *path);

#endif

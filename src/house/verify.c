/* SPDX-License-Identifier: Apache-2.0 */
#include "house/verify.h"

#include "base/num.h"
#include "csirt/evidence.h"
#include "ledger/note.h"
#include "ledger/tiles.h"
#include "ledger/vault.h"
#include "soc/alert.h"
#include "store/store.h"
#include "store/wal.h"
#include "sys/file.h"

#include <errno.h>
#include <stdio.h>

#define VAULT_MAX (256u << 20)

struct checking {
	const char *dir;
	const struct clock *clock;
	struct desk *desk; /* NULL when the database cannot be read */
	struct diag *d;
	struct verified *v;
	struct wal_range wal;
	uint64_t sealed;               /* one past the last record in a sealed file */
	const struct store_file *file; /* a sealed file whose entry is looked for */
	bool found, same;
};

static bool path_of(char out[4096], const struct checking *x, const char *name)
{
	return path_join(out, 4096, x->dir, name) == 0;
}

/* ---- what is covered ----------------------------------------------------------------------------------------------------------------------------------- */

void verified_init(struct verified *v)
{
	*v = (struct verified){0};
	map_init(&v->covered);
}

void verified_done(struct verified *v)
{
	map_done(&v->covered);
}

bool verified_covers(const struct verified *v, struct str name)
{
	if (map_get(&v->covered, name))
		return true;
	if (str_starts(name, STR("ledger/tile/")) && str_find(name, STR(".p/")) == STR_NPOS && !str_ends(name, STR(".tmp")))
		return true;
	return str_starts(name, STR("wal/")) && str_ends(name, STR(".wal")) && name.n == 28;
}

static void cover(struct checking *x, const char *name)
{
	map_put(&x->v->covered, str_c(name), NULL);
}

static void cover_vault(struct checking *x, const char *shelf, struct str sha)
{
	char path[4300];
	if (vault_path(path, sizeof(path), "", shelf, sha) == 0)
		cover(x, path + 1);
}

/* ---- the desk and its ledger ---------------------------------------------------------------------------------------------------------------------------- */

static void read_checkpoint(struct checking *x)
{
	char path[4096];
	struct buf text = BUF_INIT(10000);
	struct hash root;
	if (path_of(path, x, "ledger/checkpoint") && file_read(path, &text) == 0 && path_of(path, x, "ledger"))
		note_verify(path, buf_str(&text), &x->v->checkpoint, &root);
	buf_done(&text);
	for (int level = -1; level < TILE_LEVELS; level++) {
		uint64_t n = x->v->checkpoint >> (level < 0 ? 0 : 8 * level);
		if (n % TILE_WIDTH && tile_path(path, sizeof(path), "ledger", level, n / TILE_WIDTH, (unsigned)(n % TILE_WIDTH)) == 0)
			cover(x, path);
	}
}

static int cover_evidence(void *arg, json_t *doc)
{
	cover_vault(arg, "evidence", doc_str(doc, "sha256"));
	return 0;
}

static int check_report(void *arg, json_t *report)
{
	struct checking *x = arg;
	struct buf content = BUF_INIT(VAULT_MAX);
	char path[4300];
	struct str sha = doc_str(report, "sha256");
	if (vault_path(path, sizeof(path), x->dir, "reports", sha) < 0)
		return 0;
	cover_vault(x, "reports", sha);
	int r = vault_get(x->dir, "reports", sha, &content);
	diag_file(x->d, str_c(path));
	if (r < 0)
		diag_error(x->d, (struct diag_at){0}, r == -ENOENT ? "report.missing" : "report.changed", "report %.*s: %s", STR_ARG(doc_str(report, "id")), vault_fault(r));
	buf_done(&content);
	return 0;
}

/* Rows and entries of one moment. */
static void check_objects(struct checking *x, const char *db_path)
{
	if (db_exec(desk_db(x->desk), "BEGIN") < 0)
		return;
	diag_file(x->d, str_c(db_path));
	desk_verify(x->desk, x->d);
	diag_file(x->d, str_c(db_path));
	soc_verify(x->desk, x->d);
	evidence_verify(x->desk, x->dir, x->d);
	desk_list(x->desk, NOUN_EVIDENCE, "", NULL, 0, cover_evidence, x);
	desk_list(x->desk, NOUN_REPORT, "1=1 ORDER BY id", NULL, 0, check_report, x);
	db_exec(desk_db(x->desk), "ROLLBACK");
}

static void check_desk(struct checking *x, const char *db_path)
{
	static const char *const NAMES[] = {"hinomi.db", "hinomi.db-wal", "ledger/checkpoint", "ledger/key.pub"};
	if (file_size(db_path) < 0) {
		diag_file(x->d, str_c(db_path));
		diag_error(x->d, (struct diag_at){0}, "verify.no_database", "the database is missing");
		return;
	}
	for (size_t i = 0; i < LEN(NAMES); i++)
		cover(x, NAMES[i]);
	read_checkpoint(x);
	db_verify_log(db_path, x->d);
	if (desk_open(x->dir, x->clock, true, x->d, &x->desk) < 0)
		return;
	if (db_verify_pages(desk_db(x->desk), db_path, x->d) < 0) {
		desk_close(x->desk);
		x->desk = NULL;
		return;
	}
	x->v->entries = ledger_size(desk_ledger(x->desk));
	ledger_verify(x->dir, desk_db(x->desk), x->d);
	check_objects(x, db_path);
}

/* ---- the events ---------------------------------------------------------------------------------------------------------------------------------------- */

static int is_leaf_of(void *arg, const struct ledger_entry *e)
{
	struct checking *x = arg;
	struct buf sha = BUF_INIT(100);
	json_t *o = json_loadb(e->after.p, e->after.n, JSON_DECODE_ANY, NULL);
	buf_add_hex(&sha, x->file->sha256, 32);
	x->found = true;
	x->same = doc_is(o, "sha256", buf_cstr(&sha)); /* the newest entry counts */
	json_decref(o);
	buf_done(&sha);
	return 0;
}

static int check_leaf(void *arg, const struct store_file *f)
{
	struct checking *x = arg;
	char name[300], path[4096];
	snprintf(name, sizeof(name), "segments/%.*s", STR_ARG(f->name));
	cover(x, name);
	x->sealed = f->last + 1;
	if (!x->desk || path_join(path, sizeof(path), x->dir, name) < 0)
		return 0;
	x->found = x->same = false;
	x->file = f;
	ledger_of(desk_db(x->desk), STR("segment"), f->name, is_leaf_of, x);
	diag_file(x->d, str_c(path));
	if (!x->found)
		diag_error(x->d, (struct diag_at){0}, "verify.no_leaf", "the sealed file has no entry in the ledger");
	else if (!x->same)
		diag_error(x->d, (struct diag_at){0}, "verify.other_leaf", "the sealed file is not the one in the ledger (its SHA-256 differs)");
	return 0;
}

/*
 * A file that the ledger says was sealed, and does not say was dropped, is in the manifest. Only the newest may be on its way there: a crash
 * between the two lets it be sealed again.
 */
static int check_sealed(void *arg, const struct ledger_entry *e)
{
	struct checking *x = arg;
	char name[300], path[4096];
	if (!str_eq(e->noun, STR("segment")))
		return 0;
	snprintf(name, sizeof(name), "segments/%.*s", STR_ARG(e->object_id));
	json_t *o = json_loadb(e->after.p, e->after.n, JSON_DECODE_ANY, NULL);
	uint64_t first = (uint64_t)doc_int(o, "first");
	json_decref(o);
	if (str_eq(e->verb, STR("drop")))
		cover(x, name); /* may lie there for a moment */
	bool on_its_way = first == x->sealed && x->wal.files && x->wal.first <= first;
	if (on_its_way || map_get(&x->v->covered, str_c(name)) || path_join(path, sizeof(path), x->dir, name) < 0)
		return 0;
	diag_file(x->d, str_c(path));
	diag_error(x->d, (struct diag_at){0}, "verify.not_in_manifest", "entry %llu of the ledger says it was sealed, the manifest does not name it", (unsigned long long)e->seq);
	return 0;
}

static int note_drop(void *arg, const struct ledger_entry *e)
{
	if (str_eq(e->noun, STR("segment")) && str_eq(e->verb, STR("drop")))
		check_sealed(arg, e);
	return 0;
}

static uint64_t state_number(struct desk *k, const char *name)
{
	struct buf b = BUF_INIT(8);
	uint64_t n = 0;
	struct str s;
	if (desk_state_get(k, name, &b) == 0 && (s = buf_str(&b)).n == 8)
		rd_le64(&s, &n);
	buf_done(&b);
	return n;
}

/* The log begins where the sealed files end, or before, and reaches as far as detection had come. */
static void check_log(struct checking *x, uint64_t detected, const char *dir)
{
	uint64_t need = detected > x->sealed ? detected : x->sealed;
	char last[4200];
	snprintf(last, sizeof(last), "%s/%020llu.wal", dir, (unsigned long long)x->wal.last_file);
	diag_file(x->d, str_c(dir));
	if (x->wal.files && x->wal.first > x->sealed)
		diag_error(x->d, (struct diag_at){0}, "verify.log_begins_late", "the log begins at record %llu, the sealed files end before record %llu: a file of the log is missing",
			(unsigned long long)x->wal.first, (unsigned long long)x->sealed);
	diag_file(x->d, str_c(last));
	if (x->wal.next < need)
		diag_error(x->d, (struct diag_at){0}, "verify.log_ends_early", "the log ends before record %llu, but records up to %llu were read from it: records are missing",
			(unsigned long long)x->wal.next, (unsigned long long)need - 1);
}

static void check_events(struct checking *x)
{
	char path[4096];
	/* Before the log is read: it only grows. */
	uint64_t detected = x->desk ? state_number(x->desk, "detected") : 0;
	if (path_join(path, sizeof(path), x->dir, "segments") == 0)
		store_verify(path, x->d, check_leaf, x);
	cover(x, "segments/MANIFEST");
	x->wal = (struct wal_range){0};
	if (path_join(path, sizeof(path), x->dir, "wal") == 0) {
		wal_verify(path, x->d, &x->wal);
		check_log(x, detected, path);
	}
	if (x->desk) {
		ledger_each(desk_db(x->desk), 0, UINT64_MAX, note_drop, x);
		ledger_each(desk_db(x->desk), 0, UINT64_MAX, check_sealed, x);
	}
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------------------------------------- */

int house_verify(const char *dir, const struct clock *clock, struct diag *d, struct verified *ret)
{
	char db_path[4096];
	struct verified own;
	verified_init(&own);
	struct checking x = {.dir = dir, .clock = clock, .d = d, .v = ret ? ret : &own};
	size_t before = d->errors;
	map_clear(&x.v->covered);
	x.v->entries = x.v->checkpoint = 0;
	if (path_of(db_path, &x, "hinomi.db")) {
		check_desk(&x, db_path);
		check_events(&x);
	}
	desk_close(x.desk);
	verified_done(&own);
	diag_file(d, STR(""));
	return d->errors > before ? -EBADMSG : 0;
}

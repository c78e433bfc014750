/* SPDX-License-Identifier: Apache-2.0 */
#include "house/verify.h"

#include "csirt/evidence.h"
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
	struct desk *desk; /* NULL when the database cannot be read */
	struct diag *d;
	const struct store_file *file; /* a sealed file whose entry is looked for */
	bool found, same;
};

static bool path_of(char out[4096], const struct checking *x, const char *name)
{
	return path_join(out, 4096, x->dir, name) == 0;
}

/* ---- the ledger's word about files ------------------------------------------------------------------------------------------------------------------- */

static int is_leaf_of(void *arg, const struct ledger_entry *e)
{
	struct checking *x = arg;
	struct buf sha = BUF_INIT(100);
	json_t *o = json_loadb(e->after.p, e->after.n, 0, NULL);
	buf_add_hex(&sha, x->file->sha256, 32);
	x->found = true;
	x->same = str_eq(doc_str(o, "sha256"), buf_str(&sha)); /* the newest entry counts */
	json_decref(o);
	buf_done(&sha);
	return 0;
}

static int check_leaf(void *arg, const struct store_file *f)
{
	struct checking *x = arg;
	char path[4096];
	if (!x->desk)
		return 0;
	x->found = x->same = false;
	x->file = f;
	ledger_of(desk_db(x->desk), STR("segment"), f->name, is_leaf_of, x);
	snprintf(path, sizeof(path), "%s/segments/%.*s", x->dir, STR_ARG(f->name));
	diag_file(x->d, str_c(path));
	if (!x->found)
		diag_error(x->d, (struct diag_at){0}, "verify.no_leaf", "the sealed file has no entry in the ledger");
	else if (!x->same)
		diag_error(x->d, (struct diag_at){0}, "verify.other_leaf", "the sealed file is not the one in the ledger (its SHA-256 differs)");
	return 0;
}

/* A file that the ledger says was sealed and not dropped has to be in the manifest. */
struct sealed {
	json_t *open; /* name -> true */
};

static int take_seal(void *arg, const struct ledger_entry *e)
{
	struct sealed *s = arg;
	char name[100];
	if (!str_eq(e->noun, STR("segment")))
		return 0;
	snprintf(name, sizeof(name), "%.*s", STR_ARG(e->object_id));
	if (str_eq(e->verb, STR("drop")))
		json_object_del(s->open, name);
	else
		json_object_set_new(s->open, name, json_true());
	return 0;
}

static int take_listed(void *arg, const struct store_file *f)
{
	struct sealed *s = arg;
	char name[100];
	snprintf(name, sizeof(name), "%.*s", STR_ARG(f->name));
	json_object_del(s->open, name);
	return 0;
}

static void check_listed(struct checking *x, const char *segments)
{
	struct sealed s = {json_object()};
	struct store *store;
	struct diag quiet;
	char newest[100] = "";
	const char *name;
	json_t *v;
	diag_init(&quiet);
	ledger_each(desk_db(x->desk), 0, UINT64_MAX, take_seal, &s);
	if (store_open(&(struct store_opts){.dir = segments, .read_only = true}, &quiet, &store) == 0) {
		store_files(store, take_listed, &s);
		/* The entry comes before the manifest, so a crash may leave one file sealed in the ledger alone: it is sealed again from the log. */
		snprintf(newest, sizeof(newest), "%020llu.seg", (unsigned long long)store_sealed(store));
		store_close(store);
	}
	char path[4096];
	path_of(path, x, "segments/MANIFEST");
	diag_file(x->d, str_c(path));
	json_object_foreach(s.open, name, v)
	{
		if (!str_eq(str_c(name), str_c(newest)))
			diag_error(x->d, (struct diag_at){0}, "verify.not_listed", "the sealed file %s of the ledger is not in the manifest", name);
	}
	json_decref(s.open);
	diag_done(&quiet);
}

/* ---- the log's end -------------------------------------------------------------------------------------------------------------------------------------- */

/* What the desk and the store have seen was in the log: a log that ends earlier was shortened, whatever its last frame looks like. */
static void check_log_end(struct checking *x, const char *wal_dir, const char *segments)
{
	struct buf b = BUF_INIT(8);
	struct diag quiet;
	struct wal *w;
	struct store *store;
	uint64_t seen = 0, sealed = 0;
	struct str s;
	if (x->desk && desk_state_get(x->desk, "detected", &b) == 0 && (s = buf_str(&b)).n == 8)
		rd_le64(&s, &seen);
	diag_init(&quiet);
	if (store_open(&(struct store_opts){.dir = segments, .read_only = true}, &quiet, &store) == 0) {
		sealed = store_sealed(store);
		store_close(store);
	}
	if (wal_open(&(struct wal_opts){.dir = wal_dir, .read_only = true}, &quiet, &w) == 0) {
		uint64_t next = wal_next(w);
		if (next < seen && next >= sealed) {
			diag_file(x->d, str_c(wal_dir));
			diag_error(x->d, (struct diag_at){0}, "wal.shortened", "the log ends before record %llu; records up to %llu were in it", (unsigned long long)next, (unsigned long long)seen - 1);
		}
		wal_close(w);
	}
	diag_done(&quiet);
	buf_done(&b);
}

/* ---- reports --------------------------------------------------------------------------------------------------------------------------------------------- */

static int check_report(void *arg, json_t *report)
{
	struct checking *x = arg;
	struct buf content = BUF_INIT(VAULT_MAX);
	char path[4300];
	struct str sha = doc_str(report, "sha256");
	if (vault_path(path, sizeof(path), x->dir, "reports", sha) < 0)
		return 0;
	int r = vault_get(x->dir, "reports", sha, &content);
	diag_file(x->d, str_c(path));
	if (r < 0)
		diag_error(x->d, (struct diag_at){0}, r == -ENOENT ? "report.missing" : "report.changed", "report %.*s: %s", STR_ARG(doc_str(report, "id")), vault_fault(r));
	buf_done(&content);
	return 0;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------------------------------------- */

static void check_desk(struct checking *x, const char *db_path)
{
	ledger_verify(x->dir, desk_db(x->desk), x->d);
	diag_file(x->d, str_c(db_path));
	desk_verify(x->desk, x->d);
	diag_file(x->d, str_c(db_path));
	soc_verify(x->desk, x->d);
	evidence_verify(x->desk, x->dir, x->d);
	desk_list(x->desk, NOUN_REPORT, "1=1 ORDER BY id", NULL, 0, check_report, x);
}

int house_verify(const char *dir, const struct clock *clock, struct diag *d)
{
	char db_path[4096], wal[4096], segments[4096];
	struct checking x = {.dir = dir, .d = d};
	size_t before = d->errors;
	if (!path_of(db_path, &x, "hinomi.db") || !path_of(wal, &x, "wal") || !path_of(segments, &x, "segments"))
		return -ENAMETOOLONG;
	if (desk_open(dir, clock, true, d, &x.desk) == 0) {
		if (db_verify_pages(desk_db(x.desk), db_path, d) == 0) {
			check_desk(&x, db_path);
		} else {
			desk_close(x.desk);
			x.desk = NULL;
		}
	}
	wal_verify(wal, d);
	store_verify(segments, d, check_leaf, &x);
	if (x.desk)
		check_listed(&x, segments);
	check_log_end(&x, wal, segments);
	desk_close(x.desk);
	diag_file(d, STR(""));
	return d->errors > before ? -EBADMSG : 0;
}

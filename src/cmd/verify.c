/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"

#include "house/verify.h"
#include "sys/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * verify: the offline proof of a data directory with nothing but its public key. Reads only. Beside a running server files come and go between
 * two looks: what is a fault then is one in every look.
 */
static const struct opt OPTS[] = {
	{0, "data", OPT_TEXT, "DIR", "data directory (default: $HINOMI_DATA, else ./data)", "データディレクトリ (既定は $HINOMI_DATA、なければ ./data)"},
};

#define LOOKS 5
#define NEXT_LOOK_US 300000

struct verify {
	const char *dir;
	struct clock clock;
	struct diag d;
	struct verified found;
};

/* ---- what no proof reaches ------------------------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name, *why_en, *why_ja; /* a name that ends in / is a folder, one that begins with * an ending */
} OPEN[] = {
	{"ledger/key", "the private key; it proves nothing", "秘密鍵。証明には使われません"},
	{"lock", "empty; held by whoever uses the directory", "空のファイル。使用中の印です"},
	{"hinomi.sock", "the local socket of a server", "サーバのローカルソケット"},
	{"hinomi.db-shm", "the index of hinomi.db-wal, made anew at opening", "hinomi.db-wal の索引。開くときに作り直されます"},
	{"hinomi.yml", "the configuration is edited by hand", "設定は人が編集します"},
	{"*.tmp", "left of a write that did not end", "完了しなかった書き込みの残り"},
	{"wal/", "no file of the log has this name", "ログのファイル名ではありません"},
	{"segments/", "the manifest does not name it", "MANIFEST に記載がありません"},
	{"evidence/", "no object names it", "どの証拠からも参照されていません"},
	{"reports/", "no object names it", "どの報告書からも参照されていません"},
	{"ledger/tile/", "a partial tile that the checkpoint does not need", "現在のチェックポイントに不要な部分タイル"},
};

static const char *why_open(struct str name)
{
	for (size_t i = 0; i < LEN(OPEN); i++) {
		struct str o = str_c(OPEN[i].name);
		bool fits = o.p[0] == '*' ? str_ends(name, str_sub(o, 1, o.n)) : o.p[o.n - 1] == '/' ? str_starts(name, o) : str_eq(name, o);
		if (fits)
			return SAY(OPEN[i].why_en, OPEN[i].why_ja);
	}
	return SAY("not a file of a data directory", "データディレクトリのファイルではありません");
}

static int say_open(void *arg, const char *path, int err)
{
	const struct verify *v = arg;
	struct str name = str_c(path);
	(void)err;
	str_take(&name, str_c(v->dir));
	str_take(&name, STR("/"));
	if (!verified_covers(&v->found, name))
		printf("%s: %s (%s)\n", SAY("not covered", "対象外"), path, why_open(name));
	return 0;
}

static void say_what_is_open(struct verify *v)
{
	file_walk(v->dir, say_open, v);
	if (v->found.entries > v->found.checkpoint && v->found.checkpoint)
		printf(SAY("not covered: %s/hinomi.db entries %llu to %llu (newer than the signed checkpoint)\n", "対象外: %s/hinomi.db エントリ %llu から %llu (署名済みチェックポイントより新しい)\n"), v->dir,
			(unsigned long long)v->found.checkpoint, (unsigned long long)v->found.entries - 1);
}

/* ---- looking ---------------------------------------------------------------------------------------------------------------------------------------------- */

static void look(struct verify *v)
{
	diag_reset(&v->d);
	house_verify(v->dir, &v->clock, &v->d, &v->found);
}

/* Somebody holds the directory's lock: files may come and go. */
static bool is_in_use(const char *dir)
{
	char path[4096];
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = path_join(path, sizeof(path), dir, "lock") == 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
	bool used = fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
	if (fd >= 0)
		close(fd);
	return used;
}

static void finding_key(const struct diag_item *it, struct buf *out)
{
	buf_reset(out);
	buf_addf(out, "%.*s\n%.*s", STR_ARG(it->file), STR_ARG(it->message));
}

/* Of the last look what was found in every one so far. */
static size_t keep_lasting(struct verify *v, struct map *seen, uint64_t looks)
{
	struct buf key = BUF_INIT(20000);
	size_t n = 0;
	for (size_t i = 0; i < v->d.items.n; i++) {
		finding_key(&v->d.items.at[i], &key);
		uint64_t *count = map_put(seen, buf_str(&key), NULL);
		if (*count + 1 == looks)
			*count = looks;
		if (*count == looks)
			v->d.items.at[n++] = v->d.items.at[i];
	}
	v->d.items.n = n;
	v->d.errors = n;
	buf_done(&key);
	return n;
}

static void look_until_sure(struct verify *v)
{
	struct map seen;
	map_init(&seen);
	look(v);
	for (uint64_t looks = 1; keep_lasting(v, &seen, looks) && looks < LOOKS && is_in_use(v->dir); looks++) {
		usleep(NEXT_LOOK_US);
		look(v);
	}
	map_done(&seen);
}

static int run_verify(struct command *c)
{
	struct verify v = {.dir = c->args.n ? c->args.at[0] : data_dir(c)};
	diag_init(&v.d);
	verified_init(&v.found);
	clock_init_real(&v.clock, 0);
	int status = EXIT_USAGE;
	if (!file_is_dir(v.dir)) {
		fprintf(stderr, SAY("hinomi verify: there is no data directory %s\n", "hinomi verify: データディレクトリ %s がありません\n"), v.dir);
	} else {
		look_until_sure(&v);
		say_what_is_open(&v);
		printf(v.d.errors ? SAY("%zu faults found\n", "異常が %zu 件見つかりました\n") : SAY("verified: %zu faults\n", "検証しました: 異常 %zu 件\n"), v.d.errors);
		fflush(stdout);
		say_findings(&v.d);
		status = v.d.errors ? EXIT_FOUND : EXIT_DONE;
	}
	verified_done(&v.found);
	diag_done(&v.d);
	return status;
}

int cmd_verify(int argc, char **argv)
{
	struct command c = {.verb = "verify", .usage = "[DIR]", .opt = OPTS, .n_opt = LEN(OPTS),
		.help_en = "Proves a data directory offline with its public key, stopped or in use: names each fault; exit 1 on any.",
		.help_ja = "公開鍵だけでデータディレクトリを検証し (停止中・稼働中とも)、異常があれば場所を示します (終了コード 1)。"};
	return command_run(&c, argc, argv, run_verify);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scan.h"

#include "cmd/progress.h"
#include "event/sources.h"
#include "house/content.h"
#include "sys/file.h"

#include "base/num.h"
#include "sys/clock.h"
#include "sys/thread.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#define OUT_MAX (1u << 30)  /* bytes of one block's output */
#define OUT_KEPT (8u << 20) /* a larger buffer is not kept for the next block */
#define JOBS_MAX 256
#define RING_MAX 512u          /* jobs under way */

static const struct opt OPTIONS[] = {
	{'r', "rules", OPT_LIST, "RULES", "rule file or directory; without it the shipped rules", "ルールのファイルまたはディレクトリ。省略時は同梱ルール"},
	{'p', "pipeline", OPT_LIST, "PIPELINE", "Sigma processing pipeline", "Sigma 処理パイプライン"},
	{'f', "format", OPT_TEXT, "FORMAT", "input format instead of finding it by content", "入力形式 (省略時は内容から判定)"},
	{'s', "source", OPT_TEXT, "product=…,category=…,service=…", "log source of all input", "入力のログソース"},
	{0, "routing", OPT_TEXT, "strict|conflict|off", "which rules see which events (default strict)", "ログソースによるルールの絞り込み (既定 strict)"},
	{0, "min-level", OPT_TEXT, "informational|low|medium|high|critical", "leave out rules below this level", "この重大度より低いルールを除く"},
	{0, "status", OPT_TEXT, "S,…", "only rules of these statuses", "このステータスのルールだけを使う"},
	{0, "from", OPT_TEXT, "T", "only events from this time on", "この時刻以降のイベントだけ"},
	{0, "to", OPT_TEXT, "T", "only events before this time", "この時刻より前のイベントだけ"},
	{0, "no-correlate", OPT_FLAG, "", "leave out correlation rules", "相関ルールを使わない"},
	{'o', "output", OPT_TEXT, "table|jsonl|json|csv|timesketch|none", "output (default table)", "出力形式 (既定 table)"},
	{0, "event", OPT_TEXT, "none|matched|full", "how much of the event is put out (default matched)", "出力するイベントの範囲 (既定 matched)"},
	{'j', "jobs", OPT_TEXT, "N", "worker threads (default: processors)", "ワーカースレッド数 (既定はプロセッサ数)"},
	{0, "fail-on", OPT_TEXT, "informational|low|medium|high|critical", "exit 1 when a match of this level or above was found", "この重大度以上の検知があれば終了コード 1"},
	{0, "stats", OPT_TEXT, "text|json|rules|none", "figures at the end, on stderr (rules: json with what each rule cost)", "終了時の統計 (標準エラー。rules はルールごとの負荷つき json)"},
	{0, "cache", OPT_TEXT, "DIR", "where compiled rules are kept (default: the user's cache folder; off: nowhere)", "コンパイル済みルールの保存先 (既定はユーザーのキャッシュ、off で無効)"},
	{0, "lists", OPT_TEXT, "DIR", "values of placeholders, NAME.csv each", "プレースホルダーの値のディレクトリ"},
	{0, "sources", OPT_LIST, "FILE", "log-source mapping: file or directory; without it the shipped one", "ログソース対応表 (ファイルまたはディレクトリ)。省略時は同梱の対応表"},
	{0, "zone", OPT_TEXT, "+HH:MM", "time zone of times that carry none (default UTC)", "タイムゾーンのない時刻の扱い (既定 UTC、例 +09:00)"},
	{0, "progress", OPT_TEXT, "auto|always|never", "progress on stderr", "進捗表示"},
};

struct scan {
	struct command cmd;
	struct scan_opts out;
	struct sigma_opts sigma;
	struct reader_opts reader_opts;
	struct ruleset rules;
	struct reader *reader;
	struct correlator *correlator;
	struct scan_table *table;
	unsigned jobs;
	int offset_s;
	VEC(struct str) statuses;

	pthread_mutex_t reading;     /* held by the one that takes the next block */
	pthread_mutex_t lock;        /* of these: */
	pthread_cond_t moved;        /* the first job is finished */
	struct job *ring[RING_MAX];  /* the jobs under way, by number */
	uint64_t head, tail;
	bool finishing;              /* somebody finishes jobs */
	VEC(struct job *) spare;
	struct sigma_rule_counts *rule_count;

	/* Of the one that finishes jobs: */
	struct scan_stats stats;
	struct progress progress;
	uint64_t matches, correlations, bytes, files, failed, ordinal;
	bool first_line;
	atomic_bool closed;          /* nobody reads what is written */
	enum sigma_level worst;
	bool any;
	struct buf corr_out, patched;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

/* ---- one block on a worker ---------------------------------------------------------------------------------------------------------------- */

struct worker {
	struct scan *s;
	struct decoder *decoder;
	struct sigma_matcher *matcher;
	struct scan_words words;
	struct arena mem;
	struct job *job;
	const struct event *ev;
};

/* The event of a hit outlives its block when a correlation counts it. */
static void keep_hit(struct job *j, const struct sigma_hit *hit, const struct event *ev)
{
	struct event copy = *ev;
	copy.source = arena_dup(&j->mem, ev->source);
	copy.field = arena_array(&j->mem, ev->n_field + 1, sizeof(*copy.field));
	for (uint32_t i = 0; i < ev->n_field; i++) {
		const struct field *f = &ev->field[i];
		struct str text = val_text(f->val, &j->mem);
		copy.field[i] = *f;
		copy.field[i].name = arena_dup(&j->mem, f->name);
		if (f->val.kind == VAL_NULL)
			continue;
		text = arena_dup(&j->mem, text);
		copy.field[i].val = (struct val){.kind = VAL_STR, .u.p = text.p, .n = (uint32_t)text.n};
	}
	copy.raw = STR("");
	copy.ascii = copy.n_line = 0;
	vec_push(&j->kept, ((struct kept_hit){hit->rule, copy}));
}

static int on_hit(void *arg, const struct sigma_hit *hit)
{
	struct worker *w = arg;
	struct job *j = w->job;
	if (hit->rule->feeds && w->s->out.correlate)
		keep_hit(j, hit, w->ev);
	if (hit->rule->hidden || (hit->rule->silent && w->s->out.correlate))
		return 0;
	j->matches++;
	j->worst = !j->any || hit->rule->level > j->worst ? hit->rule->level : j->worst;
	j->any = true;
	scan_render(j, &w->words, hit, w->ev, &w->mem);
	return 0;
}

static int on_event(void *arg, struct event *ev)
{
	struct worker *w = arg;
	const struct scan_opts *o = &w->s->out;
	scan_tally_source(&w->job->tally, ev->lsset);
	if ((o->from != TS_NONE && ev->time < o->from) || (o->to != TS_NONE && ev->time >= o->to))
		return 0;
	w->ev = ev;
	sigma_match(w->matcher, ev, on_hit, w);
	return 0;
}

static void run_job(struct worker *w, struct job *j)
{
	w->job = j;
	sigma_matcher_window(w->matcher, j->number);
	block_decode(j->block, w->decoder, &w->mem, on_event, w, &j->tally.n);
}

static void worker_done(struct worker *w)
{
	size_t n;
	const struct sigma_rule_counts *from = sigma_matcher_rule_counts(w->matcher);
	sigma_image_rules(w->s->rules.img, &n);
	pthread_mutex_lock(&w->s->lock);
	for (size_t i = 0; i < n; i++) {
		struct sigma_rule_counts *to = &w->s->rule_count[i];
		*to = (struct sigma_rule_counts){to->evaluated + from[i].evaluated, to->hits + from[i].hits, to->limited + from[i].limited, to->set_aside + from[i].set_aside,
			to->timed + from[i].timed, to->sample + from[i].sample, to->sample_ns + from[i].sample_ns};
	}
	pthread_mutex_unlock(&w->s->lock);
	arena_done(&w->mem);
	scan_words_done(&w->words);
	sigma_matcher_free(w->matcher);
	decoder_free(w->decoder);
}

/* ---- in order, one thread at a time ---------------------------------------------------------------------------------------------------------- */

static void write_out(struct scan *s, struct str text)
{
	struct str line;
	if (s->closed || !text.n)
		return;
	if (s->out.format != SCAN_JSON) {
		s->closed = !out_write(text);
		return;
	}
	while (str_line(&text, &line) && !s->closed) {
		struct buf b = BUF_INIT(64u << 20);
		buf_add_cstr(&b, s->first_line ? "[\n" : ",\n");
		buf_add(&b, line);
		s->first_line = false;
		s->closed = !out_write(buf_str(&b));
		buf_done(&b);
	}
}

static int on_correlation(void *arg, const struct correlation_hit *hit)
{
	struct scan *s = arg;
	if (hit->rule->silent)
		return 0;
	s->correlations++;
	s->worst = !s->any || hit->rule->level > s->worst ? hit->rule->level : s->worst;
	s->any = true;
	scan_render_correlation(&s->out, hit, &s->corr_out);
	if (s->table)
		scan_table_add(s->table, hit->rule->index, hit->n_group && hit->group_value[0].p ? hit->group_value[0] : STR(""), hit->time);
	return 0;
}

static void write_job(struct scan *s, struct job *j)
{
	struct str all = buf_str(&j->out);
	size_t at = 0;
	if (!j->patches.n) {
		write_out(s, all);
		return;
	}
	buf_reset(&s->patched);
	vec_each(p, &j->patches) {
		buf_add(&s->patched, str_sub(all, at, p->at));
		buf_add_u64(&s->patched, s->ordinal + p->record);
		at = p->at;
	}
	buf_add(&s->patched, str_sub(all, at, all.n));
	write_out(s, buf_str(&s->patched));
}

static void finish_file(struct scan *s, const struct reader_file *f)
{
	s->files++;
	s->bytes += f->bytes;
	s->ordinal = 0;
	scan_stats_file(&s->stats);
	if (!f->fault.n)
		return;
	s->failed += f->failed;
	fprintf(stderr, "%.*s: %s: %.*s\n", STR_ARG(f->path), f->failed ? SAY("could not be read", "読めませんでした") : SAY("damaged, the rest was read", "一部破損 (残りは読みました)"),
		STR_ARG(f->fault));
}

static void finish_job(struct scan *s, struct job *j)
{
	write_job(s, j);
	vec_each(r, &j->rows) {
		scan_table_add(s->table, r->rule, r->host, r->time);
	}
	vec_each(k, &j->kept) {
		struct sigma_hit hit = {.rule = k->rule};
		if (block_ordinals(j->block) && !k->ev.record_is_own)
			k->ev.record += s->ordinal;
		correlator_feed(s->correlator, &hit, &k->ev, on_correlation, s);
	}
	write_out(s, buf_str(&s->corr_out));
	buf_reset(&s->corr_out);
	scan_tally_add(&s->stats.file, &j->tally);
	s->matches += j->matches;
	s->ordinal += j->tally.n.events;
	if (j->any && (!s->any || j->worst > s->worst))
		s->worst = j->worst;
	s->any = s->any || j->any;
	s->progress.consumed = j->consumed;
	progress_step(&s->progress, block_bytes(j->block), j->tally.n.events);
	if (block_is_last(j->block))
		finish_file(s, block_file(j->block));
}

static struct job *job_new(struct scan *s, struct block *b)
{
	struct job *j;
	if (s->spare.n) {
		j = vec_pop(&s->spare);
	} else {
		j = must_new(struct job);
		j->out = BUF_INIT(OUT_MAX);
		arena_init(&j->mem, 0);
	}
	j->block = b;
	j->base = !block_ordinals(b) ? 0 : s->head < s->tail ? BASE_OPEN : s->ordinal;
	j->consumed = reader_consumed(s->reader);
	j->number = s->tail++;
	s->ring[j->number % RING_MAX] = j;
	return j;
}

static void job_free(struct job *j)
{
	buf_done(&j->out);
	vec_done(&j->patches);
	vec_done(&j->kept);
	vec_done(&j->rows);
	scan_tally_done(&j->tally);
	arena_done(&j->mem);
	free(j);
}

/* Keeps the memory for a job to come. */
static void job_done(struct scan *s, struct job *j)
{
	block_free(j->block);
	if (j->out.cap > OUT_KEPT) {
		job_free(j);
		return;
	}
	buf_reset(&j->out);
	vec_clear(&j->patches);
	vec_clear(&j->kept);
	vec_clear(&j->rows);
	vec_clear(&j->tally.by_source);
	arena_reset(&j->mem);
	j->matches = 0;
	j->any = j->done = false;
	vec_push(&s->spare, j);
}

/* ---- workers ------------------------------------------------------------------------------------------------------------------------------- */

/* The next block as a job; NULL at the end of all input. */
static struct job *take_job(struct scan *s)
{
	const uint64_t room = s->jobs * 3 < RING_MAX ? s->jobs * 3 : RING_MAX;
	struct block *b;
	struct job *j = NULL;
	pthread_mutex_lock(&s->reading);
	pthread_mutex_lock(&s->lock);
	while (s->tail - s->head >= room)
		pthread_cond_wait(&s->moved, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (!s->closed && reader_next(s->reader, &b) > 0) {
		pthread_mutex_lock(&s->lock);
		j = job_new(s, b);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_unlock(&s->reading);
	return j;
}

/* Finishes this job and those behind it that are done, in order; when it is not its turn, whoever is at those before will. */
static void put_job(struct scan *s, struct job *j)
{
	pthread_mutex_lock(&s->lock);
	j->done = true;
	while (!s->finishing && s->head < s->tail && (j = s->ring[s->head % RING_MAX])->done) {
		s->finishing = true;
		pthread_mutex_unlock(&s->lock);
		finish_job(s, j);
		pthread_mutex_lock(&s->lock);
		s->finishing = false;
		job_done(s, j);
		s->head++;
		pthread_cond_signal(&s->moved);
	}
	pthread_mutex_unlock(&s->lock);
}

/* Figures of each rule are wanted. */
static bool shows_rules(const struct scan *s)
{
	const char *how = command_text(&s->cmd, "stats");
	return how && strcmp(how, "rules") == 0;
}

static void *worker_main(void *arg)
{
	struct scan *s = arg;
	struct worker w = {.s = s, .decoder = decoder_new(s->rules.vocab, s->offset_s), .matcher = sigma_matcher_new(s->rules.img)};
	struct job *j;
	if (shows_rules(s))
		sigma_matcher_time_rules(w.matcher);
	arena_init(&w.mem, 0);
	scan_words_init(&w.words, &s->out, s->rules.img);
	while ((j = take_job(s))) {
		run_job(&w, j);
		put_job(s, j);
	}
	worker_done(&w);
	return NULL;
}

static void run_workers(struct scan *s)
{
	pthread_t thread[JOBS_MAX];
	for (unsigned i = 1; i < s->jobs; i++)
		must(thread_start(&thread[i], "scan", worker_main, s) == 0);
	worker_main(s);
	for (unsigned i = 1; i < s->jobs; i++)
		thread_join(thread[i]);
}

/* ---- options ------------------------------------------------------------------------------------------------------------------------------- */

static size_t choice(const char *words, const char *word)
{
	struct str rest = str_c(words), w;
	size_t i = 0;
	for (; word && str_cut(&rest, '|', &w); i++)
		if (str_eq(w, str_c(word)))
			return i;
	return 0;
}

static int bad(const char *what, const char *value, const char *hint)
{
	fprintf(stderr, "hinomi scan: %s: \"%s\"\n  hint: %s\n", what, value, hint);
	return EXIT_USAGE;
}

static int read_logsource(struct scan *s, const char *text)
{
	struct str rest = str_c(text), pair, key;
	while (str_cut(&rest, ',', &pair)) {
		struct logsource *ls = &s->reader_opts.ls;
		if (!str_cut(&pair, '=', &key) || !pair.p)
			return bad("a log source is written as pairs", text, "-s product=windows,category=process_creation");
		if (str_eq(key, STR("product")))
			ls->product = pair;
		else if (str_eq(key, STR("category")))
			ls->category = pair;
		else if (str_eq(key, STR("service")))
			ls->service = pair;
		else
			return bad("a log source has no such key", text, "product, category, service");
	}
	return 0;
}

static int read_time(const char *text, tstamp now, tstamp *ret)
{
	if (text && !ts_parse_user(str_c(text), now, 0, ret))
		return bad("this is not a time", text, "2026-11-22T01:02:03Z, 2026-11-22 or -24h");
	return 0;
}

static int read_options(struct scan *s)
{
	struct command *c = &s->cmd;
	struct clock clock;
	int64_t jobs = thread_cpus();
	struct str rest, word;
	int r;
	clock_init_real(&clock, 0);
	tstamp now = s->reader_opts.now = clock_now(&clock);
	s->out = (struct scan_opts){.from = TS_NONE, .to = TS_NONE, .correlate = !command_set(c, "no-correlate"), .event = SCAN_EVENT_MATCHED};
	s->out.format = (enum scan_format)choice("table|jsonl|json|csv|timesketch|none", command_text(c, "output"));
	if (command_text(c, "event"))
		s->out.event = (enum scan_event)choice("none|matched|full", command_text(c, "event"));
	s->sigma.routing = (enum sigma_routing)choice("strict|conflict|off", command_text(c, "routing"));
	s->sigma.lists_dir = command_text(c, "lists");
	if (command_text(c, "min-level"))
		level_parse(command_text(c, "min-level"), &s->sigma.min_level);
	if (command_text(c, "status")) {
		rest = str_c(command_text(c, "status"));
		while (str_cut(&rest, ',', &word))
			vec_push(&s->statuses, word);
		s->sigma.status = s->statuses.at;
		s->sigma.n_status = s->statuses.n;
	}
	s->sigma.pipeline = command_given(c, "pipeline")->list.at;
	s->sigma.n_pipeline = command_given(c, "pipeline")->list.n;
	if (command_text(c, "format") && (s->reader_opts.format = event_format_parse(str_c(command_text(c, "format")))) == FORMAT_COUNT)
		return bad("there is no such format", command_text(c, "format"), "auto evtx json auditd syslog cef leef kv zeek eve w3c combined csv journal");
	if (command_text(c, "source") && (r = read_logsource(s, command_text(c, "source"))))
		return r;
	if (command_text(c, "jobs")) {
		rest = str_c(command_text(c, "jobs"));
		uint64_t n;
		if (!num_u64(rest, &n) || n < 1 || n > JOBS_MAX)
			return bad("the number of threads is from 1 to 256", command_text(c, "jobs"), "-j 4");
		jobs = (int64_t)n;
	}
	s->jobs = (unsigned)(jobs > JOBS_MAX ? JOBS_MAX : jobs);
	if ((r = read_time(command_text(c, "from"), now, &s->out.from)) || (r = read_time(command_text(c, "to"), now, &s->out.to)))
		return r;
	if (command_text(c, "zone") && !sources_zone(str_c(command_text(c, "zone")), &s->offset_s))
		return bad("this is not a time zone", command_text(c, "zone"), "+09:00, -05:00, UTC or JST");
	if (!c->args.n)
		return bad("nothing to scan", "", "name files or directories, or - for standard input");
	return 0;
}

/* ---- figures ------------------------------------------------------------------------------------------------------------------------------- */

static void stats_json(const struct scan *s, double load, double scan, struct buf *out)
{
	const struct block_counts *n = &s->stats.all.n;
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	buf_addf(out, "{\"rules\":{\"loaded\":%zu,\"refused\":%zu},\"files\":{\"read\":%llu,\"failed\":%llu},\"events\":%llu,\"undecodable\":%llu,\"bytes\":%llu,\"matches\":%llu,"
		"\"correlations\":%llu,\"seconds\":{\"load\":%.3f,\"scan\":%.3f},\"max_rss_bytes\":%llu",
		s->rules.loaded, s->rules.refused, (unsigned long long)(s->files - s->failed), (unsigned long long)s->failed, (unsigned long long)n->events, (unsigned long long)n->bad,
		(unsigned long long)s->bytes, (unsigned long long)s->matches, (unsigned long long)s->correlations, load, scan, (unsigned long long)ru.ru_maxrss * 1024);
	scan_stats_json(&s->stats, s->rules.vocab, out);
	if (shows_rules(s))
		scan_rules_json(s->rules.img, s->rule_count, out);
	buf_addf(out, ",\"interrupted\":%s}\n", interrupted ? "true" : "false");
}

static void stats_text(const struct scan *s, double load, double scan, struct buf *out)
{
	const struct block_counts *n = &s->stats.all.n;
	if (interrupted)
		buf_add_cstr(out, SAY("interrupted: what follows is of the input read so far\n", "中断: 以下は読み終えた範囲の結果です\n"));
	buf_addf(out, SAY("%zu rules (%zu refused), %llu files (%llu unreadable), %llu events (%llu undecodable), %llu matches, %llu correlations, %.2f s\n",
			"ルール %zu 件 (不採用 %zu 件)、ファイル %llu 件 (読めず %llu 件)、イベント %llu 件 (解読不能 %llu 件)、検知 %llu 件、相関 %llu 件、%.2f 秒\n"),
		s->rules.loaded, s->rules.refused, (unsigned long long)s->files, (unsigned long long)s->failed, (unsigned long long)n->events, (unsigned long long)n->bad,
		(unsigned long long)s->matches, (unsigned long long)s->correlations, load + scan);
	scan_stats_text(&s->stats, s->rules.vocab, out);
}

static void print_stats(const struct scan *s, double load, double scan)
{
	const char *how = command_text(&s->cmd, "stats");
	struct buf out = BUF_INIT(1u << 20);
	scan_rules_warn(s->rules.img, s->rule_count, &out);
	if (how && (strcmp(how, "json") == 0 || strcmp(how, "rules") == 0))
		stats_json(s, load, scan, &out);
	else if (how ? strcmp(how, "text") == 0 : s->out.format == SCAN_TABLE)
		stats_text(s, load, scan, &out);
	fputs(buf_cstr(&out), stderr);
	buf_done(&out);
}

static int exit_status(const struct scan *s)
{
	enum sigma_level level;
	const char *fail_on = command_text(&s->cmd, "fail-on");
	if (fail_on && level_parse(fail_on, &level) && s->any && s->worst >= level)
		return EXIT_FOUND;
	return s->failed ? EXIT_UNREADABLE : EXIT_DONE;
}

static int load_sources(struct scan *s)
{
	const struct given *given = command_given(&s->cmd, "sources");
	char shipped[4200];
	int r = 0;
	if (!given->list.n && content_dir()) {
		snprintf(shipped, sizeof(shipped), "%s/sources", content_dir());
		if (file_is_dir(shipped))
			r = vocab_load_sources(s->rules.vocab, shipped, &s->rules.d);
	}
	for (size_t i = 0; i < given->list.n; i++)
		r = vocab_load_sources(s->rules.vocab, given->list.at[i], &s->rules.d) < 0 ? -EINVAL : r;
	s->reader_opts.vocab = s->rules.vocab;
	return r;
}

static int scan_all(struct scan *s)
{
	int64_t start = clock_mono_ns();
	struct buf text = BUF_INIT(256u << 20);
	size_t n_rule;
	const struct given *rules = command_given(&s->cmd, "rules");
	int r = ruleset_load(&s->rules, rules->list.at, rules->list.n, &s->sigma, command_text(&s->cmd, "cache") ? command_text(&s->cmd, "cache") : "auto");
	double load = (double)(clock_mono_ns() - start) / 1e9;
	if (r == 0 && (r = load_sources(s)) < 0) {
		say_findings(&s->rules.d);
		return EXIT_USAGE;
	}
	ruleset_say_refused(&s->rules);
	if (r < 0) {
		fputs(SAY("hinomi scan: no rule can be used\n", "hinomi scan: 使えるルールがありません\n"), stderr);
		return EXIT_USAGE;
	}
	start = clock_mono_ns();
	s->out.vocab = s->rules.vocab;
	s->first_line = true;
	s->corr_out = BUF_INIT(256u << 20);
	s->patched = BUF_INIT(OUT_MAX);
	sigma_image_rules(s->rules.img, &n_rule);
	s->rule_count = must_calloc(n_rule, sizeof(*s->rule_count));
	s->correlator = correlator_new(s->rules.img, 256u << 20);
	s->table = s->out.format == SCAN_TABLE ? scan_table_new(s->rules.img) : NULL;
	reader_open(&s->reader_opts, &s->reader);
	vec_each(path, &s->cmd.args) {
		reader_add_path(s->reader, *path);
	}
	progress_start(&s->progress, command_text(&s->cmd, "progress"), s->cmd.args.at, s->cmd.args.n);
	write_out(s, str_c(scan_head(&s->out)));
	run_workers(s);
	progress_end(&s->progress);
	if (s->out.format == SCAN_JSON && !s->closed)
		out_write(s->first_line ? STR("[]\n") : STR("\n]\n"));
	if (s->table) {
		scan_table_print(s->table, &text);
		out_write(buf_str(&text));
	}
	print_stats(s, load, (double)(clock_mono_ns() - start) / 1e9);
	buf_done(&text);
	return exit_status(s);
}

int cmd_scan(int argc, char **argv)
{
	struct scan s = {.cmd = {.verb = "scan", .usage = "[-r RULES]… [OPTIONS] PATH…|-", .opt = OPTIONS, .n_opt = LEN(OPTIONS),
				 .help_en = "Runs Sigma rules over files, directories, archives or standard input. No server, no state.",
				 .help_ja = "ファイル・ディレクトリ・アーカイブ・標準入力に Sigma ルールを適用します。サーバも状態も不要です。"}};
	pthread_mutex_init(&s.lock, NULL);
	pthread_mutex_init(&s.reading, NULL);
	pthread_cond_init(&s.moved, NULL);
	/* No SA_RESTART: a read that waits for input must wake up. */
	const struct sigaction act = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	s.reader_opts.stop = &interrupted;
	/* Blocks come and go: their memory stays with the program instead of being mapped and cleared anew each time. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_ARENA_MAX, 2);
	int r = command_parse(&s.cmd, argc, argv);
	if (r == 0 && (r = read_options(&s)) == 0) {
		r = scan_all(&s);
		reader_free(s.reader);
		correlator_free(s.correlator);
		scan_table_free(s.table);
		buf_done(&s.corr_out);
		buf_done(&s.patched);
		vec_each(j, &s.spare) {
			job_free(*j);
		}
		vec_done(&s.spare);
		free(s.rule_count);
		scan_tally_done(&s.stats.all);
		scan_tally_done(&s.stats.file);
		ruleset_done(&s.rules);
	}
	vec_done(&s.statuses);
	command_done(&s.cmd);
	return r < 0 ? EXIT_DONE : r;
}

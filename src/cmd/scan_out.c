/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scan.h"

#include "base/num.h"
#include "codec/json.h"

#define NUMBER_MAX 24 /* bytes that num_format_u64 writes */

static void add_member(struct buf *out, const char *name, struct str value)
{
	json_add_key(out, str_c(name));
	json_add_string(out, value);
}

static void add_time(struct buf *out, const char *name, tstamp t)
{
	char text[TS_TEXT_MAX];
	add_member(out, name, str_n(text, ts_format(text, t)));
}

/* ---- what is the same in every line, written once a worker ------------------------------------------------------------------------------------ */

void scan_words_init(struct scan_words *w, const struct scan_opts *o, const struct sigma_image *img)
{
	size_t n;
	sigma_image_rules(img, &n);
	*w = (struct scan_words){.opts = o, .rule = must_calloc(n, sizeof(*w->rule)), .host = BUF_INIT(64u << 20), .path = BUF_INIT(1u << 20), .place = BUF_INIT(512u << 20)};
	arena_init(&w->mem, 0);
}

void scan_words_done(struct scan_words *w)
{
	buf_done(&w->host);
	buf_done(&w->path);
	buf_done(&w->place);
	free(w->rule);
	vec_done(&w->logsource);
	vec_done(&w->reason);
	arena_done(&w->mem);
}

static struct str finish_text(struct arena *mem, struct buf *b)
{
	struct str text = arena_dup(mem, buf_str(b));
	buf_done(b);
	return text;
}

static void add_tags(struct buf *out, const struct sigma_rule *r)
{
	json_add_key(out, STR("tags"));
	buf_addc(out, '[');
	for (size_t i = 0; i < r->n_tag; i++) {
		if (i)
			buf_addc(out, ',');
		json_add_string(out, r->tag[i]);
	}
	buf_addc(out, ']');
}

static __attribute__((noinline)) struct str make_rule_text(struct scan_words *w, const struct sigma_rule *r)
{
	struct buf b = BUF_INIT(1u << 20);
	buf_add(&b, STR(",\"rule_id\":"));
	json_add_string(&b, r->id);
	add_member(&b, "rule_title", r->title);
	add_member(&b, "level", str_c(LEVEL_NAMES[r->level]));
	add_tags(&b, r);
	return finish_text(&w->mem, &b);
}

/* ,"rule_id":… to the tags; they stand together in both JSON formats. */
static struct str rule_text(struct scan_words *w, const struct sigma_rule *r)
{
	struct str *text = &w->rule[r->index];
	if (!text->n)
		*text = make_rule_text(w, r);
	return *text;
}

static __attribute__((noinline)) struct str make_logsource_text(struct scan_words *w, uint32_t set)
{
	size_t n;
	const struct logsource *ls = vocab_lsset_get(w->opts->vocab, set, &n);
	const char *name[] = {"product", "category", "service"};
	const struct str value[] = {ls->product, ls->category, ls->service};
	struct buf b = BUF_INIT(1u << 20);
	buf_add(&b, STR(",\"logsource\":{"));
	for (size_t i = 0; i < LEN(name); i++)
		if (value[i].n)
			add_member(&b, name[i], value[i]);
	buf_add(&b, STR("},\"host\":"));
	return finish_text(&w->mem, &b);
}

/* ,"logsource":{…},"host": */
static struct str logsource_text(struct scan_words *w, uint32_t set)
{
	while (w->logsource.n <= set)
		vec_push(&w->logsource, STR_NONE);
	struct str *text = &w->logsource.at[set];
	if (!text->n)
		*text = make_logsource_text(w, set);
	return *text;
}

#define HEAD "{\"kind\":\"match\",\"time\":\""

/* {"kind":"match","time":"…": often several rules match one event. */
static struct str head_text(struct scan_words *w, tstamp t)
{
	_Static_assert(sizeof(HEAD) + TS_TEXT_MAX <= sizeof(w->head_room), "the head fits");
	if (!w->head.n || w->time != t) {
		size_t n = sizeof(HEAD) - 1;
		memcpy(w->head_room, HEAD, n);
		n += ts_format(w->head_room + n, t);
		w->head_room[n++] = '"';
		w->time = t;
		w->head = str_n(w->head_room, n);
	}
	return w->head;
}

/* "HOST","source":{"path":…,"record": */
static struct str place_text(struct scan_words *w, const struct event *ev)
{
	if (!w->place.n || !str_eq(buf_str(&w->host), ev->host) || !str_eq(buf_str(&w->path), ev->source)) {
		buf_reset(&w->host);
		buf_reset(&w->path);
		buf_reset(&w->place);
		buf_add(&w->host, ev->host);
		buf_add(&w->path, ev->source);
		json_add_string(&w->place, ev->host);
		buf_add(&w->place, STR(",\"source\":{\"path\":"));
		json_add_string(&w->place, ev->source);
		buf_add(&w->place, STR(",\"record\":"));
	}
	return buf_str(&w->place);
}

static char *put(char *at, struct str s)
{
	memcpy(at, s.p, s.n);
	return at + s.n;
}

/* The record's number at the end of the output, which has room for it; what is not known yet is left to a patch. */
static char *put_record(struct job *j, const struct event *ev, char *at)
{
	if (ev->record_is_own)
		return at + num_format_u64(at, ev->record);
	if (j->base != BASE_OPEN)
		return at + num_format_u64(at, j->base + ev->record);
	vec_push(&j->patches, ((struct patch){(size_t)(at - j->out.p), ev->record}));
	return at;
}

static void add_record(struct job *j, const struct event *ev)
{
	char *at = buf_reserve(&j->out, NUMBER_MAX);
	if (at)
		buf_commit(&j->out, (size_t)(put_record(j, ev, at) - at));
}

/* A line up to its reasons. */
static void add_front(struct job *j, struct scan_words *w, const struct sigma_hit *hit, const struct event *ev)
{
	const struct str offset = STR(",\"offset\":"), matched = STR("},\"matched\":[");
	const struct str part[] = {head_text(w, ev->time), rule_text(w, hit->rule), logsource_text(w, ev->lsset), place_text(w, ev)};
	size_t n = offset.n + matched.n + 2 * NUMBER_MAX;
	for (size_t i = 0; i < LEN(part); i++)
		n += part[i].n;
	char *from = buf_reserve(&j->out, n), *at = from;
	if (!from)
		return;
	for (size_t i = 0; i < LEN(part); i++)
		at = put(at, part[i]);
	at = put(put_record(j, ev, at), offset);
	at = put(at + num_format_u64(at, ev->offset), matched);
	buf_commit(&j->out, (size_t)(at - from));
}

struct reason_words {
	struct str before; /* its value among the reasons: },{"selection":…,"field":…,"value": */
	struct str key;    /* its field in the event: ,"field": */
};

static __attribute__((noinline)) const struct reason_words *make_reason_words(const struct sigma_reason *r, struct arena *mem)
{
	struct reason_words *words = arena_new(mem, struct reason_words);
	struct buf b = BUF_INIT(512u << 20);
	buf_add(&b, STR("},{\"selection\":"));
	json_add_string(&b, r->selection);
	add_member(&b, "field", r->field);
	buf_add(&b, STR(",\"value\":"));
	words->before = finish_text(mem, &b);
	buf_addc(&b, ',');
	json_add_string(&b, r->field);
	buf_addc(&b, ':');
	words->key = finish_text(mem, &b);
	return words;
}

/* Those without a number are forgotten with mem. */
static const struct reason_words *reason_words(struct scan_words *w, const struct sigma_reason *r, struct arena *mem)
{
	if (!r->number)
		return make_reason_words(r, mem);
	while (w->reason.n <= r->number)
		vec_push(&w->reason, NULL);
	if (!w->reason.at[r->number])
		w->reason.at[r->number] = make_reason_words(r, &w->mem);
	return w->reason.at[r->number];
}

/* A reason that was written. */
struct said {
	const struct reason_words *words;
	size_t value, n_value; /* where its value stands in the output */
};

/* What the source wrote with escapes goes out with them, where they are those that we write. */
static void add_value(struct buf *out, const struct sigma_hit *hit, size_t reason, const struct event *ev)
{
	uint32_t at = hit->reason[reason].at;
	const struct val *v = at != SIGMA_NOWHERE ? &ev->field[at].val : NULL;
	if (!v || v->kind != VAL_JSTR || !json_add_string_as_written(out, str_n(v->u.p, v->n)))
		json_add_string(out, sigma_hit_value(hit, reason));
}

static void add_reasons(struct buf *out, struct scan_words *w, const struct sigma_hit *hit, const struct event *ev, struct said *said, struct arena *mem)
{
	for (size_t i = 0; i < hit->n_reason; i++) {
		said[i].words = reason_words(w, &hit->reason[i], mem);
		buf_add(out, i ? said[i].words->before : str_sub(said[i].words->before, 2, SIZE_MAX));
		said[i].value = out->n;
		add_value(out, hit, i, ev);
		said[i].n_value = out->n - said[i].value;
	}
	if (hit->n_reason)
		buf_addc(out, '}');
}

/* What the buffer holds already, once more. */
static void add_again(struct buf *out, size_t at, size_t n)
{
	char *to = buf_reserve(out, n);
	if (!to)
		return;
	memcpy(to, out->p + at, n);
	buf_commit(out, n);
}

static bool named_before(const struct sigma_hit *hit, size_t reason)
{
	for (size_t i = 0; i < reason; i++)
		if (str_eq(hit->reason[i].field, hit->reason[reason].field))
			return true;
	return false;
}

/* Written as a string. */
static bool is_text(const struct field *f)
{
	static const unsigned text = 1u << VAL_STR | 1u << VAL_JSTR | 1u << VAL_U16 | 1u << VAL_HEX | 1u << VAL_TIME | 1u << VAL_GUID | 1u << VAL_SID | 1u << VAL_BYTES;
	return !(f->flags & FIELD_F_ELEMENT) && text >> f->val.kind & 1;
}

/* Only the fields that the rule matched, each once. */
static void add_matched_event(struct buf *out, const struct sigma_hit *hit, const struct said *said, const struct event *ev, struct arena *mem)
{
	bool first = true;
	buf_add(out, STR("],\"event\":{"));
	for (size_t i = 0; i < hit->n_reason && !out->err; i++) {
		const struct sigma_reason *r = &hit->reason[i];
		if (named_before(hit, i))
			continue;
		const struct field *f = r->last ? &ev->field[r->at] : event_field_name(ev, r->field);
		if (!f)
			continue;
		buf_add(out, first ? str_sub(said[i].words->key, 1, SIZE_MAX) : said[i].words->key);
		first = false;
		if (r->last && is_text(f))
			add_again(out, said[i].value, said[i].n_value);
		else
			field_add_json(f, mem, out);
	}
	buf_add(out, STR("}}\n"));
}

static void jsonl_match(struct job *j, struct scan_words *w, const struct sigma_hit *hit, const struct event *ev, struct arena *mem)
{
	struct buf *out = &j->out;
	struct said *said = arena_array(mem, hit->n_reason, sizeof(*said));
	add_front(j, w, hit, ev);
	add_reasons(out, w, hit, ev, said, mem);
	switch (w->opts->event) {
	case SCAN_EVENT_NONE:
		buf_add(out, STR("]}\n"));
		return;
	case SCAN_EVENT_MATCHED:
		add_matched_event(out, hit, said, ev, mem);
		return;
	case SCAN_EVENT_FULL:
		buf_add(out, STR("],\"event\":"));
		event_add_json(ev, mem, out);
		buf_add(out, STR("}\n"));
		return;
	}
}

/* RFC 4180; a cell that a spreadsheet would run as a formula gets a quote in front. */
static void csv_cell(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	if (s.n && str_chr(STR("=+-@\t"), s.p[0]) != STR_NPOS)
		buf_addc(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

#define DETAILS_MAX (256u << 20)

static void add_detail(struct buf *b, bool first, struct str name, struct str value)
{
	buf_add(b, first ? STR("") : STR(" ¦ "));
	buf_add(b, name);
	buf_addc(b, '=');
	buf_add(b, value);
}

static void add_details(struct buf *b, const struct sigma_hit *hit)
{
	for (size_t i = 0; i < hit->n_reason; i++)
		add_detail(b, i == 0, hit->reason[i].field, sigma_hit_value(hit, i));
}

static void csv_match(struct job *j, const struct sigma_hit *hit, const struct event *ev)
{
	char time[TS_TEXT_MAX];
	struct buf d = BUF_INIT(DETAILS_MAX), *out = &j->out;
	const struct str cells[] = {str_n(time, ts_format(time, ev->time)), str_c(LEVEL_NAMES[hit->rule->level]), hit->rule->title, hit->rule->id, ev->host, ev->source};
	add_details(&d, hit);
	for (size_t i = 0; i < LEN(cells); i++) {
		csv_cell(out, cells[i]);
		buf_addc(out, ',');
	}
	add_record(j, ev);
	buf_addc(out, ',');
	csv_cell(out, buf_str(&d));
	buf_add(out, STR("\r\n"));
	buf_done(&d);
}

static void timesketch_match(struct job *j, struct scan_words *w, const struct sigma_hit *hit, const struct event *ev)
{
	struct buf d = BUF_INIT(DETAILS_MAX), *out = &j->out;
	buf_addf(&d, "[%s] ", LEVEL_NAMES[hit->rule->level]);
	buf_add(&d, hit->rule->title);
	buf_add(&d, STR(": "));
	add_details(&d, hit);
	buf_addc(out, '{');
	add_member(out, "message", buf_str(&d));
	add_time(out, "datetime", ev->time);
	add_member(out, "timestamp_desc", ev->time_is_own ? STR("Event Logged") : STR("Event Received"));
	buf_add(out, rule_text(w, hit->rule));
	add_member(out, "hostname", ev->host);
	add_member(out, "source_path", ev->source);
	json_add_key(out, STR("record"));
	add_record(j, ev);
	buf_add(out, STR("}\n"));
	buf_done(&d);
}

void scan_render(struct job *j, struct scan_words *w, const struct sigma_hit *hit, const struct event *ev, struct arena *mem)
{
	switch (w->opts->format) {
	case SCAN_JSONL:
	case SCAN_JSON:
		jsonl_match(j, w, hit, ev, mem);
		return;
	case SCAN_CSV:
		csv_match(j, hit, ev);
		return;
	case SCAN_TIMESKETCH:
		timesketch_match(j, w, hit, ev);
		return;
	case SCAN_TABLE:
		vec_push(&j->rows, ((struct table_row){hit->rule->index, arena_dup(&j->mem, ev->host), ev->time}));
		return;
	case SCAN_NONE:
		return;
	}
}

static void jsonl_correlation(const struct correlation_hit *hit, struct buf *out)
{
	buf_add(out, STR("{\"kind\":\"correlation\""));
	add_time(out, "time", hit->time);
	add_member(out, "rule_id", hit->rule->id);
	add_member(out, "rule_title", hit->rule->title);
	add_member(out, "level", str_c(LEVEL_NAMES[hit->rule->level]));
	add_tags(out, hit->rule);
	add_member(out, "type", str_c(hit->type));
	json_add_key(out, STR("group"));
	buf_addc(out, '{');
	for (size_t i = 0; i < hit->n_group; i++) {
		json_add_key(out, hit->group_field[i]);
		if (hit->group_value[i].p)
			json_add_string(out, hit->group_value[i]);
		else
			buf_add(out, STR("null"));
	}
	buf_addc(out, '}');
	json_add_key(out, STR("value"));
	buf_add(out, val_text((struct val){.kind = VAL_DOUBLE, .u.d = hit->value}, &(struct arena){0}));
	add_time(out, "first", hit->first);
	add_time(out, "last", hit->last);
	json_add_key(out, STR("events"));
	buf_addc(out, '[');
	for (size_t i = 0; i < hit->n_member; i++) {
		buf_add_cstr(out, i ? ",{" : "{");
		add_member(out, "path", hit->member[i].source);
		json_add_key(out, STR("record"));
		buf_add_u64(out, hit->member[i].record);
		buf_addc(out, '}');
	}
	buf_add(out, STR("]}\n"));
}

void scan_render_correlation(const struct scan_opts *o, const struct correlation_hit *hit, struct buf *out)
{
	char time[TS_TEXT_MAX];
	struct buf d = BUF_INIT(DETAILS_MAX);
	if (o->format == SCAN_JSONL || o->format == SCAN_JSON)
		jsonl_correlation(hit, out);
	if (o->format != SCAN_CSV && o->format != SCAN_TIMESKETCH)
		return;
	for (size_t i = 0; i < hit->n_group; i++)
		add_detail(&d, i == 0, hit->group_field[i], hit->group_value[i]);
	ts_format(time, hit->time);
	if (o->format == SCAN_CSV) {
		const struct str cells[] = {str_c(time), str_c(LEVEL_NAMES[hit->rule->level]), hit->rule->title, hit->rule->id, STR(""), STR("")};
		for (size_t i = 0; i < LEN(cells); i++) {
			csv_cell(out, cells[i]);
			buf_addc(out, ',');
		}
		buf_addc(out, ',');
		csv_cell(out, buf_str(&d));
		buf_add(out, STR("\r\n"));
	} else {
		buf_addc(out, '{');
		add_member(out, "message", hit->rule->title);
		add_member(out, "datetime", str_c(time));
		add_member(out, "timestamp_desc", STR("Correlation"));
		add_member(out, "rule_id", hit->rule->id);
		add_member(out, "level", str_c(LEVEL_NAMES[hit->rule->level]));
		add_member(out, "group", buf_str(&d));
		buf_add(out, STR("}\n"));
	}
	buf_done(&d);
}

const char *scan_head(const struct scan_opts *o)
{
	return o->format == SCAN_CSV ? "time,level,rule,rule_id,host,path,record,details\r\n" : "";
}

/* ---- what the rules cost -------------------------------------------------------------------------------------------------------------------- */

void scan_rules_json(const struct sigma_image *img, const struct sigma_rule_counts *count, struct buf *out)
{
	size_t n;
	bool first = true;
	const struct sigma_rule *rule = sigma_image_rules(img, &n);
	buf_add_cstr(out, ",\"rule_counts\":[");
	for (size_t i = 0; i < n; i++) {
		const struct sigma_rule_counts *c = &count[i];
		if (!c->evaluated && !c->set_aside)
			continue;
		buf_add_cstr(out, first ? "{" : ",{");
		first = false;
		add_member(out, "rule_id", rule[i].id);
		add_member(out, "rule_title", rule[i].title);
		buf_addf(out, ",\"evaluated\":%llu,\"hits\":%llu,\"limited\":%llu,\"set_aside\":%llu", (unsigned long long)c->evaluated, (unsigned long long)c->hits,
			(unsigned long long)c->limited, (unsigned long long)c->set_aside);
		if (c->timed)
			buf_addf(out, ",\"timed\":%llu,\"seconds\":%.9f", (unsigned long long)c->timed, (double)c->sample_ns / 1e9 / (double)c->sample * (double)c->evaluated);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

void scan_rules_warn(const struct sigma_image *img, const struct sigma_rule_counts *count, struct buf *out)
{
	size_t n;
	const struct sigma_rule *rule = sigma_image_rules(img, &n);
	for (size_t i = 0; i < n; i++)
		if (count[i].limited)
			buf_addf(out, SAY("rule \"%.*s\": its regular expression took too many steps %llu times; in %llu more evaluations it was left out\n",
					"ルール「%.*s」: 正規表現が %llu 回手数の上限に達し、以後の評価 %llu 回ではその検索を省きました\n"),
				STR_ARG(rule[i].title), (unsigned long long)count[i].limited, (unsigned long long)count[i].set_aside);
}

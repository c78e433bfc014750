/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/scan.h"

#include "codec/json.h"

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
	*w = (struct scan_words){.opts = o, .rule = must_calloc(n, sizeof(*w->rule)), .path = BUF_INIT(1u << 20), .source = BUF_INIT(8u << 20)};
	arena_init(&w->mem, 0);
}

void scan_words_done(struct scan_words *w)
{
	buf_done(&w->path);
	buf_done(&w->source);
	free(w->rule);
	vec_done(&w->logsource);
	arena_done(&w->mem);
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

/* ,"rule_id":… to the tags; they stand together in both JSON formats. */
static void add_rule(struct scan_words *w, const struct sigma_rule *r, struct buf *out)
{
	if (!w->rule[r->index].n) {
		struct buf b = BUF_INIT(1u << 20);
		buf_add(&b, STR(",\"rule_id\":"));
		json_add_string(&b, r->id);
		add_member(&b, "rule_title", r->title);
		add_member(&b, "level", str_c(LEVEL_NAMES[r->level]));
		add_tags(&b, r);
		w->rule[r->index] = arena_dup(&w->mem, buf_str(&b));
		buf_done(&b);
	}
	buf_add(out, w->rule[r->index]);
}

static struct str logsource_text(struct scan_words *w, const struct vocab *v, uint32_t set)
{
	size_t n;
	const struct logsource *ls = vocab_lsset_get(v, set, &n);
	const char *name[] = {"product", "category", "service"};
	const struct str value[] = {ls->product, ls->category, ls->service};
	struct buf b = BUF_INIT(1u << 20);
	buf_add(&b, STR(",\"logsource\":{"));
	for (size_t i = 0; i < LEN(name); i++)
		if (value[i].n)
			add_member(&b, name[i], value[i]);
	buf_add(&b, STR("},\"host\":"));
	struct str text = arena_dup(&w->mem, buf_str(&b));
	buf_done(&b);
	return text;
}

/* ,"logsource":{…},"host": */
static void add_logsource(struct scan_words *w, const struct vocab *v, uint32_t set, struct buf *out)
{
	while (w->logsource.n <= set)
		vec_push(&w->logsource, STR_NONE);
	if (!w->logsource.at[set].n)
		w->logsource.at[set] = logsource_text(w, v, set);
	buf_add(out, w->logsource.at[set]);
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

static void add_record(struct job *j, const struct event *ev)
{
	if (ev->record_is_own)
		buf_add_u64(&j->out, ev->record);
	else if (j->base == BASE_OPEN)
		vec_push(&j->patches, ((struct patch){j->out.n, ev->record}));
	else
		buf_add_u64(&j->out, j->base + ev->record);
}

static void add_source(struct job *j, struct scan_words *w, const struct event *ev)
{
	if (!w->source.n || !str_eq(buf_str(&w->path), ev->source)) {
		buf_reset(&w->path);
		buf_reset(&w->source);
		buf_add(&w->path, ev->source);
		buf_add(&w->source, STR(",\"source\":{\"path\":"));
		json_add_string(&w->source, ev->source);
		buf_add(&w->source, STR(",\"record\":"));
	}
	buf_add(&j->out, buf_str(&w->source));
	add_record(j, ev);
	buf_add(&j->out, STR(",\"offset\":"));
	buf_add_u64(&j->out, ev->offset);
	buf_addc(&j->out, '}');
}

/* A reason's texts as they stand in the output. */
struct said {
	size_t field, value; /* where they begin */
	size_t n_field, n_value;
};

static void add_reasons(struct buf *out, const struct sigma_hit *hit, struct said *said)
{
	for (size_t i = 0; i < hit->n_reason; i++) {
		buf_add(out, i ? STR("},{\"selection\":") : STR(",\"matched\":[{\"selection\":"));
		json_add_string(out, hit->reason[i].selection);
		buf_add(out, STR(",\"field\":"));
		said[i].field = out->n;
		json_add_string(out, hit->reason[i].field);
		said[i].n_field = out->n - said[i].field;
		buf_add(out, STR(",\"value\":"));
		said[i].value = out->n;
		json_add_string(out, hit->reason[i].value);
		said[i].n_value = out->n - said[i].value;
	}
	buf_add(out, hit->n_reason ? STR("}]") : STR(",\"matched\":[]"));
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

/* The reason's value, written as a string, is the field's value: it was found there, or the text has it with these very escapes. */
static bool says_value(const struct buf *out, const struct said *said, struct str value, const struct val *v)
{
	if (v->kind == VAL_STR)
		return str_eq(value, str_n(v->u.p, v->n));
	return v->kind == VAL_JSTR && said->n_value > 2 && str_eq(str_n(out->p + said->value + 1, said->n_value - 2), str_n(v->u.p, v->n));
}

static bool named_before(const struct sigma_hit *hit, size_t reason)
{
	for (size_t i = 0; i < reason; i++)
		if (str_eq(hit->reason[i].field, hit->reason[reason].field))
			return true;
	return false;
}

/* Only the fields that the rule matched, each once. */
static void add_matched_event(struct buf *out, const struct sigma_hit *hit, const struct said *said, const struct event *ev, struct arena *mem)
{
	bool first = true;
	buf_addc(out, '{');
	for (size_t i = 0; i < hit->n_reason && !out->err; i++) {
		const struct field *f = named_before(hit, i) ? NULL : event_field_name(ev, hit->reason[i].field);
		if (!f)
			continue;
		if (!first)
			buf_addc(out, ',');
		first = false;
		add_again(out, said[i].field, said[i].n_field);
		buf_addc(out, ':');
		if (!(f->flags & FIELD_F_ELEMENT) && says_value(out, &said[i], hit->reason[i].value, &f->val))
			add_again(out, said[i].value, said[i].n_value);
		else
			field_add_json(f, mem, out);
	}
	buf_addc(out, '}');
}

static void jsonl_match(struct job *j, struct scan_words *w, const struct sigma_hit *hit, const struct event *ev, struct arena *mem)
{
	const struct scan_opts *o = w->opts;
	struct buf *out = &j->out;
	struct said *said = arena_array(mem, hit->n_reason, sizeof(*said));
	buf_add(out, head_text(w, ev->time));
	add_rule(w, hit->rule, out);
	add_logsource(w, o->vocab, ev->lsset, out);
	json_add_string(out, ev->host);
	add_source(j, w, ev);
	add_reasons(out, hit, said);
	if (o->event != SCAN_EVENT_NONE) {
		buf_add(out, STR(",\"event\":"));
		if (o->event == SCAN_EVENT_FULL)
			event_add_json(ev, mem, out);
		else
			add_matched_event(out, hit, said, ev, mem);
	}
	buf_add(out, STR("}\n"));
}

/* RFC 4180; a cell that a spreadsheet would run as a formula gets a quote in front. */
static void csv_cell(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	if (s.n && strchr("=+-@\t", s.p[0]))
		buf_addc(out, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static void details(struct buf *b, const struct sigma_hit *hit)
{
	for (size_t i = 0; i < hit->n_reason; i++)
		buf_addf(b, "%s%.*s=%.*s", i ? " ¦ " : "", STR_ARG(hit->reason[i].field), STR_ARG(hit->reason[i].value));
}

static void csv_match(struct job *j, const struct sigma_hit *hit, const struct event *ev)
{
	char time[TS_TEXT_MAX];
	struct buf d = BUF_INIT(1u << 20), *out = &j->out;
	const struct str cells[] = {str_n(time, ts_format(time, ev->time)), str_c(LEVEL_NAMES[hit->rule->level]), hit->rule->title, hit->rule->id, ev->host, ev->source};
	details(&d, hit);
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
	struct buf d = BUF_INIT(1u << 20), *out = &j->out;
	buf_addf(&d, "[%s] %.*s: ", LEVEL_NAMES[hit->rule->level], STR_ARG(hit->rule->title));
	details(&d, hit);
	buf_addc(out, '{');
	add_member(out, "message", buf_str(&d));
	add_time(out, "datetime", ev->time);
	add_member(out, "timestamp_desc", ev->time_is_own ? STR("Event Logged") : STR("Event Received"));
	add_rule(w, hit->rule, out);
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
	struct buf d = BUF_INIT(1u << 20);
	if (o->format == SCAN_JSONL || o->format == SCAN_JSON)
		jsonl_correlation(hit, out);
	if (o->format != SCAN_CSV && o->format != SCAN_TIMESKETCH)
		return;
	for (size_t i = 0; i < hit->n_group; i++)
		buf_addf(&d, "%s%.*s=%.*s", i ? " ¦ " : "", STR_ARG(hit->group_field[i]), STR_ARG(hit->group_value[i]));
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

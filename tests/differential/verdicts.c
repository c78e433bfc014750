/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine says, line by line, for the differential test to compare:
 *
 *   verdicts cases                     stdin {"rule": "YAML", "pipeline": "YAML" (may be left out), "event": {…}} a line -> "match", "none" or "reject: finding", a line each
 *   verdicts rules PATH…               first line: the rules' ids; then per NDJSON event of stdin the numbers of the rules that match, routing off
 *   verdicts files EVERY PATH… -- RULES…
 *                                      every EVERYth event of the files as the engine sees it: {"ls":[…],"field":[[name,kind,text,element,alias]…],"raw":…,"hits":[…]}
 */
#include "base/num.h"
#include "codec/json.h"
#include "event/reader.h"
#include "sigma/sigma.h"
#include "sys/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct engine {
	struct vocab *vocab;
	struct sigma_set *set;
	struct sigma_image *img;
	struct sigma_matcher *matcher;
	uint64_t window; /* one for each event: what an expression costs is not the question here */
	struct decoder *decoder;
	struct diag d;
	struct arena mem;
	struct buf out;
	size_t hits, every, seen;
};

static void engine_open(struct engine *e)
{
	*e = (struct engine){.every = 1};
	diag_init(&e->d);
	arena_init(&e->mem, 0);
	e->out = BUF_INIT(64u << 20);
	e->vocab = vocab_new();
	e->set = sigma_set_new();
}

static bool engine_compile(struct engine *e, enum sigma_routing routing, const char *pipeline)
{
	static const struct str all[] = {{"stable", 6}, {"test", 4}, {"experimental", 12}, {"deprecated", 10}, {"unsupported", 11}, {"", 0}};
	struct sigma_opts o = {.routing = routing, .status = all, .n_status = LEN(all), .pipeline = &pipeline, .n_pipeline = pipeline != NULL};
	if (sigma_compile(e->set, e->vocab, &o, &e->d, &e->img) < 0)
		return false;
	vocab_freeze(e->vocab);
	e->matcher = sigma_matcher_new(e->img);
	e->decoder = decoder_new(e->vocab, 0);
	return true;
}

static void engine_close(struct engine *e)
{
	sigma_matcher_free(e->matcher);
	decoder_free(e->decoder);
	sigma_image_unref(e->img);
	sigma_set_free(e->set);
	vocab_unref(e->vocab);
	diag_done(&e->d);
	arena_done(&e->mem);
	buf_done(&e->out);
}

static int on_hit(void *arg, const struct sigma_hit *hit)
{
	struct engine *e = arg;
	buf_addf(&e->out, e->hits++ ? ",%u" : "%u", hit->rule->index);
	return 0;
}

static void print_line(struct engine *e)
{
	buf_addc(&e->out, '\n');
	fwrite(e->out.p, 1, e->out.n, stdout);
	buf_reset(&e->out);
}

static void print_rules(struct engine *e)
{
	size_t n;
	const struct sigma_rule *rule = sigma_image_rules(e->img, &n);
	buf_addc(&e->out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&e->out, ',');
		json_add_string(&e->out, rule[i].id);
	}
	buf_addc(&e->out, ']');
	print_line(e);
}

/* ---- cases ---- */

static bool leaf_text(struct str line, const char *name, struct arena *mem, struct str *ret)
{
	struct json_leaf *leaf;
	size_t n;
	if (json_read_flat(&line, mem, &leaf, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (str_eq(leaf[i].name, str_c(name))) {
			char *p = arena_alloc(mem, leaf[i].n + 1u);
			*ret = str_n(p, json_unescape(p, json_leaf_text(&leaf[i])));
			return true;
		}
	return false;
}

/* The text of the last member, "event": the writer puts it there. */
static struct str event_text(struct str line)
{
	size_t at = str_find(line, STR("\"event\": "));
	return str_sub(line, at + 9, line.n - 1);
}

/* The case's pipeline as a file; "" when it has none. */
static void pipeline_file(struct str line, struct arena *mem, char path[64])
{
	struct str text;
	path[0] = 0;
	if (!leaf_text(line, "pipeline", mem, &text))
		return;
	snprintf(path, 64, "/tmp/verdicts-XXXXXX");
	int fd = mkstemp(path);
	must(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n);
	close(fd);
}

static void verdict(struct str line)
{
	struct engine e;
	struct str rule;
	struct event ev;
	char pipeline[64];
	engine_open(&e);
	pipeline_file(line, &e.mem, pipeline);
	if (!leaf_text(line, "rule", &e.mem, &rule)) {
		printf("reject: the case cannot be read\n");
	} else {
		int r = sigma_set_add_text(e.set, rule, STR("rule.yml"), &e.d);
		if (!engine_compile(&e, SIGMA_ROUTE_STRICT, pipeline[0] ? pipeline : NULL) || r < 0 || sigma_image_refused(e.img)) {
			const struct diag_item *why = NULL;
			vec_each(it, &e.d.items) {
				why = !why && it->level == DIAG_ERROR ? it : why;
			}
			printf("reject: %s\n", why ? why->code : "");
		} else {
			struct record rec = {.raw = event_text(line), .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
			decode_record(e.decoder, &rec, &e.mem, &ev, NULL);
			printf("%s\n", sigma_match(e.matcher, &ev, on_hit, &e) > 0 ? "match" : "none");
		}
	}
	engine_close(&e);
	if (pipeline[0])
		unlink(pipeline);
}

/* ---- rules ---- */

static void match_line(struct engine *e, struct str line)
{
	struct record rec = {.raw = line, .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON};
	struct event ev;
	arena_reset(&e->mem);
	decode_record(e->decoder, &rec, &e->mem, &ev, NULL);
	e->hits = 0;
	sigma_matcher_window(e->matcher, ++e->window);
	sigma_match(e->matcher, &ev, on_hit, e);
	print_line(e);
}

/* ---- files ---- */

static const char *kind_name(struct val v)
{
	switch ((enum val_kind)v.kind) {
	case VAL_NULL:
		return "null";
	case VAL_NUM:
	case VAL_UINT:
	case VAL_INT:
	case VAL_DOUBLE:
		return "number";
	case VAL_STR:
	case VAL_U16:
		return "text";
	case VAL_BOOL:
	case VAL_JSTR:
	case VAL_HEX:
	case VAL_TIME:
	case VAL_GUID:
	case VAL_SID:
	case VAL_BYTES:
	case VAL_JSON:
		break;
	}
	return "word"; /* never compared as a number */
}

static void print_event(struct engine *e, const struct event *ev)
{
	size_t n;
	const struct logsource *ls = vocab_lsset_get(e->vocab, ev->lsset, &n);
	buf_add(&e->out, STR("{\"ls\":["));
	for (size_t i = 0; i < n; i++) {
		buf_add_cstr(&e->out, i ? ",[" : "[");
		json_add_string(&e->out, ls[i].product);
		buf_addc(&e->out, ',');
		json_add_string(&e->out, ls[i].category);
		buf_addc(&e->out, ',');
		json_add_string(&e->out, ls[i].service);
		buf_addc(&e->out, ']');
	}
	buf_add(&e->out, STR("],\"field\":["));
	for (uint32_t i = 0; i < ev->n_field; i++) {
		const struct field *f = &ev->field[i];
		buf_add_cstr(&e->out, i ? ",[" : "[");
		json_add_string(&e->out, f->name);
		buf_addf(&e->out, ",\"%s\",", kind_name(f->val));
		json_add_string(&e->out, val_text(f->val, &e->mem));
		buf_addf(&e->out, ",%d,%d]", !!(f->flags & FIELD_F_ELEMENT), !!(f->flags & FIELD_F_ALIAS));
	}
	buf_add(&e->out, STR("],\"raw\":"));
	if (ev->raw.n && ev->format != FORMAT_JSON && ev->format != FORMAT_EVTX && ev->format != FORMAT_EVE)
		json_add_string(&e->out, ev->raw);
	else
		buf_add(&e->out, STR("null"));
	buf_add(&e->out, STR(",\"hits\":["));
}

static int on_event(void *arg, struct event *ev)
{
	struct engine *e = arg;
	if (e->seen++ % e->every)
		return 0;
	print_event(e, ev);
	e->hits = 0;
	sigma_matcher_window(e->matcher, ++e->window);
	sigma_match(e->matcher, ev, on_hit, e);
	buf_add(&e->out, STR("]}"));
	print_line(e);
	return 0;
}

static void match_files(struct engine *e, char **path)
{
	struct reader *r;
	struct block *b;
	struct block_counts counts;
	reader_open(&(struct reader_opts){0}, &r);
	for (; *path; path++)
		reader_add_path(r, *path);
	while (reader_next(r, &b) > 0) {
		block_decode(b, e->decoder, &e->mem, on_event, e, &counts);
		block_free(b);
	}
	reader_free(r);
}

static void each_line(void (*f)(struct engine *e, struct str line), struct engine *e)
{
	char *line = NULL;
	size_t cap = 0;
	for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;)
		f(e, str_n(line, (size_t)n - (line[n - 1] == '\n')));
	free(line);
}

static void one_case(struct engine *e, struct str line)
{
	(void)e;
	verdict(line);
}

int main(int argc, char **argv)
{
	struct engine e;
	char **files = NULL;
	int at = 2;
	uint64_t every = 1;
	if (argc == 2 && strcmp(argv[1], "cases") == 0) {
		each_line(one_case, NULL);
		return 0;
	}
	if (argc < 3)
		return 2;
	engine_open(&e);
	if (strcmp(argv[1], "files") == 0) {
		num_u64(str_c(argv[2]), &every);
		e.every = every;
		files = argv + 3;
		for (at = 3; at < argc && strcmp(argv[at], "--") != 0; at++)
			;
		if (at == argc)
			return 2;
		argv[at++] = NULL;
	}
	for (; at < argc; at++)
		sigma_set_add_path(e.set, argv[at], &e.d);
	if (!engine_compile(&e, files ? SIGMA_ROUTE_STRICT : SIGMA_ROUTE_OFF, NULL))
		return 2;
	print_rules(&e);
	if (files)
		match_files(&e, files);
	else
		each_line(match_line, &e);
	engine_close(&e);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/demo.h"
#include "drill/story.h"
#include "house/content.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/thread.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKER "demo.json" /* {anchor, logins, begun: the first start has come as far as telling} */
#define MARKER_MAX (1u << 20)
#define STEP (5 * 60 * NS_PER_S)  /* the past passes in steps of this, or less where somebody acts */
#define BATCH_LINES 512
#define TICK_US 200000

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool empty = true;
	while (d && empty && (e = readdir(d)))
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (d)
		closedir(d);
	return empty;
}

static json_t *read_marker(const char *dir)
{
	char path[4200];
	struct buf b = BUF_INIT(MARKER_MAX);
	json_t *o = NULL;
	if (path_join(path, sizeof(path), dir, MARKER) == 0 && file_read(path, &b) == 0)
		o = json_loadb(b.p ? b.p : "", b.n, 0, NULL);
	buf_done(&b);
	return o;
}

static int write_json(const char *dir, const char *name, const json_t *o)
{
	char path[4200], *text = json_dumps(o, JSON_INDENT(2));
	int r = path_join(path, sizeof(path), dir, name);
	if (r == 0)
		r = file_replace(path, str_c(text), 0600);
	free(text);
	return r;
}

static int content_path(char *out, size_t size, const char *name, struct diag *d)
{
	const char *content = content_dir();
	if (content && (size_t)snprintf(out, size, "%s/demo/%s", content, name) < size)
		return 0;
	diag_error(d, (struct diag_at){0}, "demo.no_content", "the demonstration was not found beside the program");
	return -ENOENT;
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------------------ */

/* Lines [from, to) through the intake, as a sender's would come. */
static int tell(struct house *h, const struct story *s, tstamp anchor, size_t from, size_t to)
{
	struct str site = config_text(house_config(h), CFG_DRILL_SITE);
	int r = 0;
	while (r == 0 && from < to) {
		struct intake_batch *b = intake_batch_new(0);
		for (; from < to && b->rec.n < BATCH_LINES; from++) {
			struct record *rec = vec_add(&b->rec);
			story_record(s, from, anchor, site, &b->mem, rec);
			b->bytes += rec->raw.n;
			house_count(h, rec->source, COUNT_RECEIVED, NULL, 1, rec->raw.n);
		}
		r = house_intake(h, b);
		intake_batch_free(b);
	}
	return r;
}

/* ---- the past ----------------------------------------------------------------------------------------------------------------------------------- */

struct past {
	struct config config;
	struct clock clock;
	struct house *house;
	struct api *api;
	struct story *story;
	struct acts *acts;
	struct diag *d;
	tstamp anchor;
};

static int64_t step_end(const struct past *p, int64_t at)
{
	int64_t act = acts_next(p->acts), end = at + STEP < 0 ? at + STEP : 0;
	return act < end ? act : end;
}

static int live_through(struct past *p)
{
	int64_t at = story_at(p->story, 0), end;
	size_t told = 0;
	int r = 0;
	for (; r == 0 && at < 0; at = end) {
		end = step_end(p, at);
		size_t to = story_find(p->story, end);
		clock_advance(&p->clock, p->anchor + end - clock_now(&p->clock));
		r = tell(p->house, p->story, p->anchor, told, to);
		told = to;
		if (r == 0)
			r = house_turn(p->house);
		acts_run(p->acts, end);
	}
	return r < 0 ? r : house_turn(p->house);
}

static int open_past(struct past *p, const char *dir, const char *config)
{
	char logs[4200], desk[4200];
	int r = config_load(&p->config, config, p->d);
	if (r == 0)
		r = config_set(&p->config, CFG_SEAL_AGE, STR("1d"), p->d); /* hours pass in a second: one file, not one a minute */
	if (r == 0)
		r = content_path(logs, sizeof(logs), "logs", p->d);
	if (r == 0)
		r = content_path(desk, sizeof(desk), "desk.json", p->d);
	if (r == 0)
		r = story_load(logs, config_offset(&p->config), p->d, &p->story);
	if (r < 0)
		return r;
	clock_init_virtual(&p->clock, p->anchor + story_at(p->story, 0), config_offset(&p->config));
	r = house_open(&(struct house_opts){.dir = dir, .config = &p->config, .clock = &p->clock, .words = role_words()}, p->d, &p->house);
	if (r == 0)
		r = api_open(p->house, p->d, &p->api);
	return r < 0 ? r : acts_load(desk, p->api, p->anchor, p->d, &p->acts);
}

static int mark(const struct past *p, const char *dir, json_t *logins)
{
	char anchor[TS_TEXT_MAX];
	json_t *o = json_pack("{s:o, s:o}", "anchor", json_stringn(anchor, ts_format(anchor, p->anchor)), "logins", logins);
	int r = write_json(dir, MARKER, o);
	json_decref(o);
	return r;
}

static int make_past(const char *dir, const char *config, struct diag *d)
{
	struct past p = {.d = d};
	struct clock now;
	json_t *logins = NULL;
	clock_init_real(&now, 0);
	p.anchor = clock_now(&now);
	config_init(&p.config);
	int r = open_past(&p, dir, config);
	if (r == 0)
		r = acts_people(p.acts, &logins);
	if (r == 0)
		r = live_through(&p);
	acts_free(p.acts);
	api_close(p.api);
	house_close(p.house);
	story_free(p.story);
	config_done(&p.config);
	return r < 0 ? (json_decref(logins), r) : mark(&p, dir, logins);
}

static int copy_config(const char *from, const char *dir)
{
	char to[4200];
	struct buf text = BUF_INIT(MARKER_MAX);
	int r = file_read(from, &text);
	if (r == 0)
		r = path_join(to, sizeof(to), dir, "hinomi.yml");
	if (r == 0)
		r = file_replace(to, buf_str(&text), 0600);
	buf_done(&text);
	return r;
}

int demo_prepare(const char *dir, const char *config, struct diag *d)
{
	char fresh[4200], own[4200];
	json_t *marker = read_marker(dir);
	int r;
	if (marker)
		return json_decref(marker), 0;
	if (file_is_dir(dir) && !is_empty(dir)) {
		diag_error(d, (struct diag_at){0}, "demo.not_empty", "%s holds something other than a demonstration", dir);
		diag_hint(d, "name an empty directory with --data, or leave --demo out");
		return -EINVAL;
	}
	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", dir) >= sizeof(fresh))
		return -ENAMETOOLONG;
	if ((r = content_path(own, sizeof(own), "hinomi.yml", d)) < 0)
		return r;
	if (file_is_dir(fresh))
		file_remove_tree(fresh);
	if ((r = file_make_dirs(fresh)) == 0 && (r = config ? 0 : copy_config(own, fresh)) == 0)
		r = make_past(fresh, config ? config : own, d);
	if (r == 0) {
		rmdir(dir);
		r = rename(fresh, dir) < 0 ? -errno : 0;
	}
	return r;
}

/* ---- what comes after --------------------------------------------------------------------------------------------------------------------------- */

struct demo {
	struct house *house;
	struct story *story;
	tstamp anchor;
	size_t next;
	pthread_t thread;
	_Atomic bool stopping;
};

static void *go_on(void *arg)
{
	struct demo *demo = arg;
	while (!demo->stopping && demo->next < story_lines(demo->story)) {
		size_t to = story_find(demo->story, clock_now(house_clock(demo->house)) - demo->anchor);
		int r = to > demo->next ? tell(demo->house, demo->story, demo->anchor, demo->next, to) : 0;
		if (r < 0)
			log_error("demo", "lines of the story were not taken: error %d", -r);
		demo->next = to > demo->next ? to : demo->next;
		usleep(TICK_US);
	}
	return NULL;
}

static int begin(struct demo *demo, const char *dir, json_t *marker)
{
	bool begun = json_is_true(json_object_get(marker, "begun"));
	demo->next = story_find(demo->story, begun ? clock_now(house_clock(demo->house)) - demo->anchor : 0);
	json_object_set_new(marker, "begun", json_true());
	int r = begun ? 0 : write_json(dir, MARKER, marker);
	return r < 0 ? r : thread_start(&demo->thread, "demo", go_on, demo);
}

int demo_start(const char *dir, struct house *h, struct diag *d, struct demo **ret)
{
	struct demo *demo = must_new(struct demo);
	char logs[4200];
	json_t *marker = read_marker(dir);
	demo->house = h;
	demo->anchor = doc_time(marker, "anchor");
	int r = demo->anchor == TS_NONE ? -EBADMSG : content_path(logs, sizeof(logs), "logs", d);
	if (r == 0)
		r = story_load(logs, config_offset(house_config(h)), d, &demo->story);
	if (r == 0)
		r = begin(demo, dir, marker);
	json_decref(marker);
	if (r < 0) {
		story_free(demo->story);
		free(demo);
		return r;
	}
	*ret = demo;
	return 0;
}

void demo_stop(struct demo *demo)
{
	if (!demo)
		return;
	demo->stopping = true;
	thread_join(demo->thread);
	story_free(demo->story);
	free(demo);
}

void demo_logins(const char *dir, struct buf *out)
{
	json_t *marker = read_marker(dir), *login;
	size_t i;
	json_array_foreach(json_object_get(marker, "logins"), i, login)
	{
		struct str user = doc_str(login, "user"), password = doc_str(login, "password"), who = doc_str(login, "display_name");
		buf_addf(out, "    %-12.*s %.*s   %.*s\n", STR_ARG(user), STR_ARG(password), STR_ARG(who));
	}
	json_decref(marker);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "event/decode.h"
#include "sigma/correlate.h"

/* What the standard leaves open about correlations is decided in docs/formats/sigma.md; each decision has its scenario here. */

struct stage {
	struct sigma_opts opts;
	struct sigma_image *img;
	struct vocab *v;
	struct decoder *dec;
	struct sigma_matcher *m;
	struct correlator *c;
	struct event ev;
	struct buf out;
};

static int on_correlation(void *arg, const struct correlation_hit *hit)
{
	struct buf *out = arg;
	buf_addf(out, "%.*s", STR_ARG(hit->rule->title));
	for (size_t i = 0; i < hit->n_group; i++)
		buf_addf(out, " %.*s=%.*s", STR_ARG(hit->group_field[i]), STR_ARG(hit->group_value[i]));
	buf_addf(out, " value %g members %zu\n", hit->value, hit->n_member);
	return 0;
}

static int feed_correlator(void *arg, const struct sigma_hit *hit)
{
	struct stage *s = arg;
	return correlator_feed(s->c, hit, &s->ev, on_correlation, &s->out);
}

static void stage_open(struct stage *s, const char *rules)
{
	struct sigma_set *set = sigma_set_new();
	struct diag d;
	diag_init(&d);
	s->out = BUF_INIT(100000);
	s->v = vocab_new();
	CHECK_INT(sigma_set_add_text(set, str_c(rules), STR("r.yml"), &d), 0);
	CHECK_INT(sigma_compile(set, s->v, &s->opts, &d, &s->img), 0);
	CHECK_INT(d.errors, 0);
	vocab_freeze(s->v);
	s->dec = decoder_new(s->v, 0);
	s->m = sigma_matcher_new(s->img);
	s->c = correlator_new(s->img, 1 << 20);
	sigma_set_free(set);
	diag_done(&d);
}

static void stage_feed(struct stage *s, int second, const char *json)
{
	struct arena mem;
	arena_init(&mem, 0);
	struct record rec = {.raw = str_c(json), .ls = {STR("t"), STR(""), STR("")}, .format = FORMAT_JSON, .received = second * NS_PER_S};
	decode_record(s->dec, &rec, &mem, &s->ev, NULL);
	CHECK(sigma_match(s->m, &s->ev, feed_correlator, s) >= 0);
	arena_done(&mem);
}

/* Snapshot, throw the correlator away, restore: nothing may change. */
static void stage_restart(struct stage *s)
{
	struct buf snap = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	CHECK_INT(correlator_save(s->c, &snap), 0);
	correlator_free(s->c);
	s->c = correlator_new(s->img, 1 << 20);
	CHECK_INT(correlator_load(s->c, buf_str(&snap)), 0);
	CHECK_INT(correlator_save(s->c, &again), 0);
	CHECK(str_eq(buf_str(&snap), buf_str(&again)));
	buf_done(&snap);
	buf_done(&again);
}

static void stage_close(struct stage *s, const char *want)
{
	CHECK_STR(buf_str(&s->out), want);
	buf_done(&s->out);
	correlator_free(s->c);
	sigma_matcher_free(s->m);
	decoder_free(s->dec);
	sigma_image_unref(s->img);
	vocab_unref(s->v);
}

#define BASE_RULES                                                                                                                               \
	"title: failed\nname: failed\nlogsource: {product: t}\ndetection: {s: {act: failed}, condition: s}\n---\n"                               \
	"title: ok\nname: ok\nlogsource: {product: t}\ndetection: {s: {act: ok}, condition: s}\n---\n"

TEST(brute_force_then_login_survives_a_restart)
{
	struct stage s = {0};
	stage_open(&s, BASE_RULES "title: many\nname: many\ncorrelation: {type: event_count, rules: [failed], group-by: [ip], timespan: 1m, condition: {gte: 3}}\n---\n"
				  "title: broken in\ncorrelation: {type: temporal_ordered, rules: [many, ok], group-by: [ip], timespan: 10m}\n");
	stage_feed(&s, 0, "{\"act\":\"failed\",\"ip\":\"a\"}");
	stage_feed(&s, 1, "{\"act\":\"ok\",\"ip\":\"a\"}");
	stage_feed(&s, 50, "{\"act\":\"failed\",\"ip\":\"a\"}");
	stage_feed(&s, 70, "{\"act\":\"failed\",\"ip\":\"a\"}"); /* the first has left the window */
	stage_feed(&s, 71, "{\"act\":\"failed\",\"ip\":\"b\"}");
	stage_restart(&s);
	stage_feed(&s, 72, "{\"act\":\"failed\",\"ip\":\"a\"}");
	stage_restart(&s);
	stage_feed(&s, 90, "{\"act\":\"ok\",\"ip\":\"b\"}");
	stage_feed(&s, 91, "{\"act\":\"ok\",\"ip\":\"a\"}");
	stage_close(&s, "many ip=a value 3 members 3\nbroken in ip=a value 2 members 5\n"); /* the early login is in the window too */
}

TEST(different_values_sums_and_percentiles)
{
	struct stage s = {0};
	stage_open(&s, BASE_RULES "title: spray\ncorrelation: {type: value_count, rules: [failed], group-by: [ip], timespan: 1m, condition: {gte: 2, lt: 9, field: user}}\n---\n"
				  "title: bytes\ncorrelation: {type: value_sum, rules: [ok], timespan: 1m, condition: {gt: 100, field: n}}\n---\n"
				  "title: slow\ncorrelation: {type: value_percentile, rules: [ok], timespan: 1m, condition: {gte: 50, field: n, percentile: 50}}\n");
	stage_feed(&s, 0, "{\"act\":\"failed\",\"ip\":\"a\",\"user\":\"u\"}");
	stage_feed(&s, 1, "{\"act\":\"failed\",\"ip\":\"a\",\"user\":\"u\"}");
	stage_feed(&s, 2, "{\"act\":\"failed\",\"ip\":\"a\"}");
	stage_feed(&s, 3, "{\"act\":\"failed\",\"ip\":\"a\",\"user\":\"v\"}");
	stage_feed(&s, 4, "{\"act\":\"ok\",\"n\":40}");
	stage_feed(&s, 5, "{\"act\":\"ok\",\"n\":\"70\"}");
	stage_close(&s, "spray ip=a value 2 members 3\nbytes value 110 members 2\nslow value 55 members 2\n");
}

TEST(rules_together_without_another)
{
	struct stage s = {0};
	stage_open(&s, BASE_RULES "title: both\ncorrelation: {type: temporal, rules: [failed, ok], group-by: [who], aliases: {who: {failed: user, ok: account}}, timespan: 1m}\n---\n"
				  "title: only failed\ncorrelation: {type: temporal, rules: [failed, ok], group-by: [user], timespan: 1m, condition: failed and not ok}\n");
	stage_feed(&s, 0, "{\"act\":\"ok\",\"account\":\"x\"}");
	stage_feed(&s, 200, "{\"act\":\"failed\",\"user\":\"x\"}");
	stage_restart(&s);
	stage_feed(&s, 190, "{\"act\":\"ok\",\"account\":\"x\"}"); /* late, but inside the window */
	stage_feed(&s, 100, "{\"act\":\"ok\",\"account\":\"x\"}"); /* too late */
	stage_close(&s, "only failed user=x value 1 members 1\nboth who=x value 2 members 2\n");
}

/* ---- decisions ------------------------------------------------------------------------------------------------------------------------ */

#define COUNT(what) BASE_RULES "title: c\ncorrelation: {type: event_count, rules: [failed], " what "}\n"

TEST(the_window_slides_and_holds_its_edge)
{
	struct stage s = {0};
	stage_open(&s, COUNT("timespan: 10s, condition: {gte: 2}"));
	stage_feed(&s, 0, "{\"act\":\"failed\"}");
	stage_feed(&s, 11, "{\"act\":\"failed\"}"); /* one second too late for the first */
	stage_feed(&s, 21, "{\"act\":\"failed\"}"); /* exactly the timespan after the second */
	stage_close(&s, "c value 2 members 2\n");
}

TEST(a_group_starts_anew_after_firing)
{
	struct stage s = {0};
	stage_open(&s, COUNT("timespan: 1m, condition: {gte: 2}"));
	for (int i = 0; i < 5; i++)
		stage_feed(&s, i, "{\"act\":\"failed\"}");
	stage_close(&s, "c value 2 members 2\nc value 2 members 2\n");
}

TEST(late_events_count_inside_the_window_only)
{
	struct stage s = {0};
	struct correlator_stats stats;
	stage_open(&s, COUNT("timespan: 10s, condition: {gte: 3}"));
	stage_feed(&s, 100, "{\"act\":\"failed\"}");
	stage_feed(&s, 50, "{\"act\":\"failed\"}"); /* before the window */
	stage_feed(&s, 95, "{\"act\":\"failed\"}");
	correlator_stats(s.c, &stats);
	CHECK_INT(stats.late, 1);
	stage_feed(&s, 90, "{\"act\":\"failed\"}"); /* its edge */
	stage_close(&s, "c value 3 members 3\n");
}

TEST(an_absent_group_field_is_a_group_of_its_own)
{
	struct stage s = {0};
	stage_open(&s, COUNT("group-by: [ip], timespan: 1m, condition: {gte: 2}"));
	stage_feed(&s, 0, "{\"act\":\"failed\"}");
	stage_feed(&s, 1, "{\"act\":\"failed\",\"ip\":\"\"}");
	stage_feed(&s, 2, "{\"act\":\"failed\",\"ip\":null}"); /* null is no value either */
	stage_close(&s, "c ip= value 2 members 2\n");
}

TEST(ranges_hold_as_a_whole)
{
	struct stage s = {0};
	stage_open(&s, BASE_RULES "title: c\ncorrelation: {type: value_sum, rules: [ok], timespan: 1m, condition: {field: n, gt: 10, lte: 20}}\n");
	stage_feed(&s, 0, "{\"act\":\"ok\",\"n\":10}");
	stage_feed(&s, 1, "{\"act\":\"ok\",\"n\":11}"); /* 21 is above the range */
	stage_feed(&s, 62, "{\"act\":\"ok\",\"n\":11}");
	stage_close(&s, "c value 11 members 1\n");
}

TEST(order_counts_for_temporal_ordered_alone)
{
	struct stage s = {0};
	stage_open(&s, BASE_RULES "title: ordered\ncorrelation: {type: temporal_ordered, rules: [failed, ok], timespan: 1m}\n---\n"
				  "title: any\ncorrelation: {type: temporal, rules: [failed, ok], timespan: 1m}\n");
	stage_feed(&s, 0, "{\"act\":\"ok\"}");
	stage_feed(&s, 1, "{\"act\":\"failed\"}");
	stage_feed(&s, 2, "{\"act\":\"ok\"}");
	stage_close(&s, "any value 2 members 2\nordered value 2 members 3\n");
}

TEST(values_that_are_absent_or_no_numbers_do_not_count)
{
	struct stage s = {0};
	stage_open(&s, BASE_RULES "title: avg\ncorrelation: {type: value_avg, rules: [ok], timespan: 1m, condition: {field: n, gte: 0}}\n---\n"
				  "title: pairs\ncorrelation: {type: value_count, rules: [failed], timespan: 1m, condition: {field: [user, host], gte: 2}}\n");
	stage_feed(&s, 0, "{\"act\":\"ok\"}");
	stage_feed(&s, 1, "{\"act\":\"ok\",\"n\":\"many\"}");
	stage_feed(&s, 2, "{\"act\":\"failed\",\"user\":\"a\",\"host\":\"x\"}");
	stage_feed(&s, 3, "{\"act\":\"failed\",\"user\":\"a\"}"); /* half a pair */
	stage_feed(&s, 4, "{\"act\":\"failed\",\"user\":\"a\",\"host\":\"x\"}");
	stage_feed(&s, 5, "{\"act\":\"failed\",\"user\":\"a\",\"host\":\"y\"}");
	stage_feed(&s, 6, "{\"act\":\"ok\",\"n\":4}");
	stage_close(&s, "pairs value 2 members 3\navg value 4 members 2\n");
}

TEST(members_are_silent_unless_somebody_generates_them)
{
	struct stage s = {0};
	stage_open(&s, BASE_RULES "title: free\nname: free\nlogsource: {product: t}\ndetection: {s: {act: x}, condition: s}\n---\n"
				  "title: a\ncorrelation: {type: event_count, rules: [failed], timespan: 1m, condition: {gte: 9}}\n---\n"
				  "title: b\ncorrelation: {type: event_count, rules: [ok], timespan: 1m, condition: {gte: 9}, generate: true}\n");
	CHECK(sigma_image_find(s.img, STR("failed"))->silent && sigma_image_find(s.img, STR("failed"))->feeds);
	CHECK(!sigma_image_find(s.img, STR("ok"))->silent && sigma_image_find(s.img, STR("ok"))->feeds);
	CHECK(!sigma_image_find(s.img, STR("free"))->silent && !sigma_image_find(s.img, STR("free"))->feeds);
	stage_close(&s, "");
}

TEST(level_and_status_choose_what_is_shown_and_not_what_counts)
{
	struct str stable = STR("stable");
	const char *rules = BASE_RULES "title: burst\nname: burst\nlevel: low\nstatus: test\ncorrelation: {type: event_count, rules: [failed], timespan: 1m, condition: {gte: 2}, generate: true}\n---\n"
				       "title: chain\nlevel: high\nstatus: stable\ncorrelation: {type: temporal, rules: [burst, ok], timespan: 1m, generate: true}\n";
	struct sigma_opts asked[] = {{.min_level = SIGMA_HIGH}, {.status = &stable, .n_status = 1}};
	for (size_t i = 0; i < LEN(asked); i++) {
		struct stage s = {.opts = asked[i]};
		stage_open(&s, rules);
		const char *hidden[] = {"failed", "ok", "burst"};
		for (size_t k = 0; k < LEN(hidden); k++) {
			const struct sigma_rule *r = sigma_image_find(s.img, str_c(hidden[k]));
			CHECK(r && r->hidden && r->silent && r->feeds);
		}
		stage_feed(&s, 1, "{\"act\":\"failed\"}");
		stage_feed(&s, 2, "{\"act\":\"failed\"}");
		stage_feed(&s, 3, "{\"act\":\"ok\"}");
		stage_close(&s, "burst value 2 members 2\nchain value 2 members 3\n");
	}
}

TEST_MAIN

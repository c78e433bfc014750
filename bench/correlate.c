/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "sigma/correlate.h"

#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

/*
 * Correlation at scale, in CPU time on one core: events/s through event_count and value_count with few and with many values a window, and memory
 * with a million groups. `correlate [EVENTS]`.
 */
static const char RULES[] =
	"title: base\nname: base\nid: 11111111-1111-4111-8111-111111111111\nlogsource:\n  product: bench\ndetection:\n  s:\n    k|exists: true\n  condition: s\n---\n"
	"title: c\nid: 22222222-2222-4222-8222-222222222222\ncorrelation:\n  type: %s\n  rules: [base]\n  group-by: [user]\n  timespan: %s\n  condition:\n    gte: 1000000000\n%s";

static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_correlation(void *arg, const struct correlation_hit *hit)
{
	(void)arg, (void)hit;
	return 0;
}

struct shape {
	const char *what, *type, *span, *field;
	uint64_t groups, values;
};

static void run(const struct shape *s, uint64_t n)
{
	char text[2048], user[32], value[32];
	struct vocab *v = vocab_new();
	struct sigma_set *set = sigma_set_new();
	struct sigma_opts opts = {0};
	struct sigma_image *img;
	struct diag d;
	field_id user_id, value_id;
	size_t n_rule;
	diag_init(&d);
	snprintf(text, sizeof(text), RULES, s->type, s->span, s->field);
	must(sigma_set_add_text(set, str_c(text), STR("bench.yml"), &d) == 0);
	vocab_add_field(v, STR("user"), &user_id);
	vocab_add_field(v, STR("value"), &value_id);
	must(sigma_compile(set, v, &opts, &d, &img) == 0);
	vocab_freeze(v);
	struct correlator *c = correlator_new(img, (size_t)256 << 20);
	struct sigma_hit hit = {.rule = sigma_image_rules(img, &n_rule)};
	struct field field[2] = {{.name = STR("user"), .id = user_id}, {.name = STR("value"), .id = value_id}};
	struct event ev = {.field = field, .n_field = 2, .source = STR("bench.log")};
	double start = cpu_seconds();
	for (uint64_t i = 0; i < n; i++) {
		struct str u = str_n(user, (size_t)snprintf(user, sizeof(user), "user-%07llu", (unsigned long long)(i * 7919 % s->groups)));
		struct str w = str_n(value, (size_t)snprintf(value, sizeof(value), "10.%llu", (unsigned long long)(i * 104729 % s->values)));
		field[0].val = (struct val){.kind = VAL_STR, .u.p = u.p, .n = (uint32_t)u.n};
		field[1].val = (struct val){.kind = VAL_STR, .u.p = w.p, .n = (uint32_t)w.n};
		ev.time = (tstamp)(i * 1000000); /* 1,000 events a second */
		ev.record = i + 1;
		correlator_feed(c, &hit, &ev, on_correlation, NULL);
	}
	double took = cpu_seconds() - start;
	struct correlator_stats stats;
	correlator_stats(c, &stats);
	printf("%-34s %7.2f M events/s  %8zu groups  %5zu MiB counted  %5zu MiB in use  %llu evicted\n", s->what, (double)n / took / 1e6, stats.keys, stats.bytes >> 20,
		(size_t)mallinfo2().uordblks >> 20, (unsigned long long)stats.evicted);
	correlator_free(c);
	sigma_image_unref(img);
	sigma_set_free(set);
	vocab_unref(v);
	diag_done(&d);
}

int main(int argc, char **argv)
{
	static const char field[] = "    field: value\n";
	static const struct shape shapes[] = {
		{"event_count, 1,000 groups", "event_count", "10s", "", 1000, 10},
		{"value_count, 20 values a window", "value_count", "10s", field, 100, 20},
		{"value_count, 2,000 values a window", "value_count", "20s", field, 10, 2000},
		{"event_count, 1,000,000 groups", "event_count", "1h", "", 1000000, 10},
		{"value_count, 1,000,000 groups", "value_count", "1h", field, 1000000, 1000},
	};
	uint64_t n = 1000000;
	if (argc > 1 && !num_u64(str_c(argv[1]), &n))
		return fprintf(stderr, "correlate [EVENTS]\n"), 2;
	for (size_t i = 0; i < LEN(shapes); i++)
		run(&shapes[i], n);
	return 0;
}

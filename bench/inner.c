/* SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "event/reader.h"
#include "sigma/sigma.h"

#include <inttypes.h>
#include <time.h>

/*
 * The inner figures: what each stage costs on one core, in CPU time. `inner RULES FILE [ROUNDS]`: reads FILE into blocks once, then ROUNDS times
 * (default 5) decodes them, and decodes and matches them; prints the best round of each. `-` as RULES leaves the rules out.
 */
static double cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct inner {
	struct vocab *vocab;
	struct sigma_image *img;
	struct decoder *decoder;
	struct sigma_matcher *matcher;
	struct arena mem;
	VEC(struct block *) blocks;
	uint64_t events, bytes, hits;
};

static int on_hit(void *arg, const struct sigma_hit *hit)
{
	struct inner *x = arg;
	(void)hit;
	x->hits++;
	return 0;
}

static int on_decoded(void *arg, struct event *ev)
{
	struct inner *x = arg;
	x->hits += ev->n_field;
	return 0;
}

static int on_matched(void *arg, struct event *ev)
{
	struct inner *x = arg;
	sigma_match(x->matcher, ev, on_hit, x);
	return 0;
}

static void load_rules(struct inner *x, const char *path)
{
	struct sigma_opts opts = {0};
	struct diag d;
	struct sigma_set *set = sigma_set_new();
	diag_init(&d);
	sigma_set_add_path(set, path, &d);
	must(sigma_compile(set, x->vocab, &opts, &d, &x->img) == 0);
	sigma_set_free(set);
	diag_done(&d);
}

static void read_blocks(struct inner *x, const char *path)
{
	struct reader_opts opts = {0};
	struct reader *r;
	struct block *b;
	must(reader_open(&opts, &r) == 0 && reader_add_path(r, path) == 0);
	while (reader_next(r, &b) > 0) {
		x->bytes += block_bytes(b);
		vec_push(&x->blocks, b);
	}
	reader_free(r);
}

static double best_of(struct inner *x, block_event_cb *cb, int rounds)
{
	double best = 1e9;
	for (int i = 0; i < rounds; i++) {
		double start = cpu_seconds();
		x->events = x->hits = 0;
		vec_each(b, &x->blocks) {
			struct block_counts n = {0};
			block_decode(*b, x->decoder, &x->mem, cb, x, &n);
			x->events += n.events;
		}
		double took = cpu_seconds() - start;
		best = took < best ? took : best;
	}
	return best;
}

static void print_stage(const struct inner *x, const char *what, double s)
{
	printf("%-16s %8.0f ns/event %8.0f k events/s %7.2f GB/s\n", what, s / (double)x->events * 1e9, (double)x->events / s / 1e3, (double)x->bytes / s / 1e9);
}

static int by_evaluated(const void *a, const void *b)
{
	const struct sigma_rule_counts *const *x = a, *const *y = b;
	return ((*x)->evaluated < (*y)->evaluated) - ((*x)->evaluated > (*y)->evaluated);
}

/* The rules that are woken most often. */
static void print_woken(const struct inner *x)
{
	size_t n;
	const struct sigma_rule *rule = sigma_image_rules(x->img, &n);
	const struct sigma_rule_counts *count = sigma_matcher_rule_counts(x->matcher), **order = must_calloc(n, sizeof(*order));
	for (size_t i = 0; i < n; i++)
		order[i] = &count[i];
	qsort(order, n, sizeof(*order), by_evaluated);
	for (size_t i = 0; i < n && i < 12 && order[i]->evaluated; i++)
		printf("  %10" PRIu64 " evaluated %8" PRIu64 " hits  %.*s\n", order[i]->evaluated, order[i]->hits, STR_ARG(rule[order[i] - count].title));
	free(order);
}

static void print_counts(const struct inner *x)
{
	struct sigma_counts c;
	sigma_matcher_counts(x->matcher, &c);
	double n = (double)c.events;
	printf("per event: %.2f values asked, %.2f of them known, %.2f rules evaluated, %.2f atoms, %.3f hits\n", (double)c.values / n, (double)c.known / n, (double)c.evaluated / n,
		(double)c.atoms / n, (double)c.hits / n);
}

int main(int argc, char **argv)
{
	struct inner x = {0};
	uint64_t rounds = 5;
	if (argc < 3 || (argc > 3 && !num_u64(str_c(argv[3]), &rounds)))
		return fprintf(stderr, "inner RULES|- FILE [ROUNDS]\n"), 2;
	double start = cpu_seconds();
	bool with_rules = strcmp(argv[1], "-") != 0;
	x.vocab = vocab_new();
	if (with_rules)
		load_rules(&x, argv[1]);
	vocab_freeze(x.vocab);
	double load = cpu_seconds() - start;
	arena_init(&x.mem, 0);
	x.decoder = decoder_new(x.vocab, 0);
	read_blocks(&x, argv[2]);
	double decode = best_of(&x, on_decoded, (int)rounds);
	print_stage(&x, "decode", decode);
	if (with_rules) {
		x.matcher = sigma_matcher_new(x.img);
		double both = best_of(&x, on_matched, (int)rounds);
		print_stage(&x, "decode and match", both);
		print_counts(&x);
		print_woken(&x);
		printf("match alone %.0f ns/event, %.3f hits/event, rules loaded in %.2f s\n", (both - decode) / (double)x.events * 1e9, (double)x.hits / (double)x.events, load);
	}
	return 0;
}

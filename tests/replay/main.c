/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "sys/file.h"

#include <stdlib.h>

/* Every *.replay below tests/replay/scenarios is one test. `replay_test NAME…` runs those. */
static struct {
	const char *name, *path;
	struct test_case test;
} scenario[500];
static size_t n_scenario;

static void run_scenario(void)
{
	struct buf text = BUF_INIT(10u << 20);
	struct arena mem;
	struct diag d;
	struct world w;
	struct node *top;
	size_t i = 0;
	while (&scenario[i].test != test_current())
		i++;
	arena_init(&mem, 0);
	diag_init(&d);
	if (file_read(scenario[i].path, &text) < 0)
		test_failed(scenario[i].path, 0, "cannot be read");
	if (scenario_read(buf_str(&text), str_c(scenario[i].path), &mem, &d, &top) < 0 || scenario_check(top, str_c(scenario[i].path), &d) < 0) {
		struct buf b = BUF_INIT(1u << 20);
		diag_print(&d, &b);
		test_failed(scenario[i].path, 0, "this is no scenario\n%s", buf_cstr(&b));
	}
	world_init(&w, scenario[i].path);
	for (const struct node *n = top; n; n = n->next)
		scenario_run(&w, n);
	world_done(&w);
	diag_done(&d);
	arena_done(&mem);
	buf_done(&text);
}

static int take(void *arg, const char *path, int err)
{
	struct str p = str_c(path), name = str_sub(p, str_rchr(p, '/') + 1, p.n);
	(void)arg;
	if (err || !str_ends(p, STR(".replay")) || n_scenario == LEN(scenario))
		return 0;
	scenario[n_scenario].name = str_dup_c(str_sub(name, 0, name.n - 7));
	scenario[n_scenario].path = must_strdup(path);
	scenario[n_scenario].test = (struct test_case){scenario[n_scenario].name, run_scenario, NULL};
	test_register(&scenario[n_scenario++].test);
	return 0;
}

int main(int argc, char **argv)
{
	char dir[4096];
	snprintf(dir, sizeof(dir), "%s/tests/replay/scenarios", test_source_root());
	if (file_walk(dir, take, NULL) < 0 || !n_scenario) {
		fprintf(stderr, "no scenarios in %s\n", dir);
		return 1;
	}
	return test_main(argc, argv);
}

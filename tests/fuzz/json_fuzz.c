/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(void *arg, struct json_name *name, struct arena *mem)
{
	(void)arg;
	(void)mem;
	name->bits = 1;
}

/* Names that are remembered, and the order they came in, change nothing. */
static void check_names(struct str text, const struct json_leaf *leaf, size_t n)
{
	struct json_names *names = json_names_new(sizeof(struct json_name), fill, NULL);
	struct json_object o;
	struct arena mem;
	arena_init(&mem, 0);
	for (int round = 0; round < 3; round++) {
		struct str rest = text;
		must(json_read_object(&rest, &mem, names, &o, NULL) == 0 && o.n == n);
		for (size_t i = 0; i < n; i++) {
			const struct json_leaf *l = &o.leaf[i];
			must(str_eq(json_leaf_name(l), leaf[i].name) && str_eq(json_leaf_text(l), json_leaf_text(&leaf[i])) && l->kind == leaf[i].kind && l->element == leaf[i].element);
			json_names_get(names, leaf[i].name, &mem);
		}
	}
	arena_done(&mem);
	json_names_free(names);
}

/* The flat reader must agree with itself: what it reads, it skips to the same place; what it un-escapes fits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena mem;
	struct json_leaf *leaf;
	struct json_fault fault;
	size_t n;
	struct str text = str_n((const char *)data, size), after = text;
	arena_init(&mem, 32u << 20);
	if (json_read_flat(&text, &mem, &leaf, &n, &fault) == 0) {
		must(json_skip_value(&after) == 0 && after.p == text.p);
		check_names(str_n((const char *)data, size), leaf, n);
		for (size_t i = 0; i < n; i++) {
			char *out = arena_alloc(&mem, leaf[i].n + 1u);
			if (out)
				must(json_unescape(out, json_leaf_text(&leaf[i])) <= leaf[i].n);
		}
	} else {
		must(fault.offset <= size);
	}
	arena_done(&mem);
	return 0;
}

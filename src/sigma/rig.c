/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/rig.h"

#include "sigma/literals.h"

void rig_open(struct rig *r, const char *rules)
{
	*r = (struct rig){.v = vocab_new(), .set = sigma_set_new()};
	diag_init(&r->d);
	arena_init(&r->mem, 0);
	CHECK_INT(sigma_set_add_text(r->set, str_c(rules), STR("r.yml"), &r->d), 0);
	CHECK_INT(sigma_compile(r->set, r->v, &(struct sigma_opts){0}, &r->d, &r->img), 0);
	vocab_freeze(r->v);
	r->dec = decoder_new(r->v, 0);
}

void rig_close(struct rig *r)
{
	decoder_free(r->dec);
	sigma_image_unref(r->img);
	sigma_set_free(r->set);
	arena_done(&r->mem);
	vocab_unref(r->v);
	diag_done(&r->d);
}

struct str rig_text(struct arena *mem, uint64_t *state, size_t least, size_t most, unsigned kinds)
{
	size_t n = least + test_random(state) % (most - least + 1);
	char *p = arena_array(mem, n + LITERAL_ROOM, 1);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(0x7e + test_random(state) % kinds);
	memset(p + n, 0x7e, LITERAL_ROOM);
	return str_n(p, n);
}

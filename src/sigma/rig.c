/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/rig.h"

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

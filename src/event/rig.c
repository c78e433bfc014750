/* SPDX-License-Identifier: Apache-2.0 */
#include "event/rig.h"

void rig_open(struct rig *r, int offset_s)
{
	*r = (struct rig){.v = vocab_new()};
	r->dec = decoder_new(r->v, offset_s);
	arena_init(&r->mem, 0);
}

void rig_close(struct rig *r)
{
	arena_done(&r->mem);
	decoder_free(r->dec);
	vocab_unref(r->v);
}

void rig_decode(struct rig *r, struct record rec)
{
	arena_reset(&r->mem);
	decode_record(r->dec, &rec, &r->mem, &r->ev, &r->fault);
}

struct str rig_told(struct rig *r)
{
	struct buf b = BUF_INIT(100000);
	size_t n;
	const struct logsource *ls = vocab_lsset_get(r->v, r->ev.lsset, &n);
	buf_add(&b, r->ev.host);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, " %.*s/%.*s/%.*s", STR_ARG(ls[i].product), STR_ARG(ls[i].category), STR_ARG(ls[i].service));
	buf_addc(&b, ' ');
	event_add_json(&r->ev, &r->mem, &b);
	struct str told = arena_dup(&r->mem, buf_str(&b));
	buf_done(&b);
	return told;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_RIG_H
#define HINOMI_EVENT_RIG_H

#include "base/test.h"
#include "event/decode.h"

/* What a test of decoding needs: the built-in vocabulary, a decoder, and the event of the record that was decoded last. */
struct rig {
	struct vocab *v;
	struct decoder *dec;
	struct arena mem;
	struct event ev;
	enum decode_fault fault;
};

#define RIG_NOW (INT64_C(1772413200) * NS_PER_S) /* 2026-03-02T10:00:00+09:00 */

/* offset_s: where times without a zone are read. */
void rig_open(struct rig *r, int offset_s);
void rig_close(struct rig *r);
/* What was decoded before is forgotten, with all that lies in r->mem. */
void rig_decode(struct rig *r, struct record rec);
/* "HOST PRODUCT/CATEGORY/SERVICE {…}" of the event: all its log sources, then its fields. In r->mem. */
struct str rig_told(struct rig *r);

#endif

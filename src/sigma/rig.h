/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_RIG_H
#define HINOMI_SIGMA_RIG_H

#include "base/test.h"
#include "event/decode.h"
#include "sigma/sigma.h"

/* What a test of the engine needs: rules given as text, compiled, and a decoder for the events. */
struct rig {
	struct vocab *v;
	struct sigma_set *set;
	struct sigma_image *img;
	struct decoder *dec;
	struct diag d;
	struct arena mem;
};

/* The test fails when the rules do not compile. */
void rig_open(struct rig *r, const char *rules);
void rig_close(struct rig *r);

/* A text of least to most bytes of so many kinds, some of them not ASCII; LITERAL_ROOM is behind it. */
struct str rig_text(struct arena *mem, uint64_t *state, size_t least, size_t most, unsigned kinds);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_CACHE_PARTS_H
#define HINOMI_SIGMA_CACHE_PARTS_H

#include "sigma/correlate_parts.h"
#include "sigma/gate.h"

/*
 * Between cache.c (files, keys) and cache_io.c (content). One walk both writes and reads, so that the two cannot differ. Reading makes everything in mem
 * and stops making sense of the rest once ok is false.
 */
struct cache_io {
	struct buf *out; /* NULL = reading */
	struct str in;
	struct arena *mem;
	bool ok;
};

/* img->vocab is set. */
void cache_io_image(struct cache_io *x, struct sigma_image *img);
void cache_io_findings(struct cache_io *x, struct diag *d);

#endif

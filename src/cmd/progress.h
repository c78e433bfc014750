/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_PROGRESS_H
#define HINOMI_CMD_PROGRESS_H

#include "cmd/cmd.h"

/* One line on stderr that tells how far a long run is, its rate and what remains; gone when the run ends. One thread. */
struct progress {
	bool on;
	uint64_t total; /* bytes of all input as it lies on disk, 0 = not known (standard input) */
	uint64_t done, events;
	uint64_t consumed; /* of total, when the caller knows: inside archives more bytes come out than the file has */
	int64_t start_ns, shown_ns;
};

/* how: "auto" (or NULL: only on a terminal), "always" or "never". Walks the paths for their sizes when it is on. */
void progress_start(struct progress *p, const char *how, const char *const *paths, size_t n);
void progress_step(struct progress *p, uint64_t bytes, uint64_t events);
/* The line itself, without \r; what progress_step shows. rate and rest are over the whole run so far. */
void progress_text(const struct progress *p, int64_t now_ns, struct buf *out);
void progress_end(struct progress *p);

#endif

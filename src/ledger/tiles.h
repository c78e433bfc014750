/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_LEDGER_TILES_H
#define HINOMI_LEDGER_TILES_H

#include "ledger/ledger.h"
#include "ledger/tree.h"

/*
 * The tree as static files (C2SP tlog-tiles): tile/<level>/<number> with up to 256 hashes, tile/entries/<number> with the leaves themselves, each
 * behind a big-endian 16-bit length. Incomplete tiles end in .p/<width>. A tiles object is fed every leaf in order.
 */
#define TILE_WIDTH 256u
#define TILE_LEVELS 8

struct tiles;

/* Gets each tile's content: whole ones as they fill, partial ones at tiles_finish. 0 or a negative errno that ends the feeding. */
typedef int tile_sink(void *arg, const char *dir, int level, uint64_t number, unsigned width, struct str content);

/* Memory is one tile per level, whatever the log's length. */
int tiles_open(const char *dir, tile_sink *sink, void *arg, struct tiles **ret);
void tiles_close(struct tiles *t);
int tiles_add(struct tiles *t, struct str leaf);
/* Gives the partial tiles to the sink; more leaves may follow. */
int tiles_finish(struct tiles *t);
uint64_t tiles_size(const struct tiles *t);
void tiles_root(const struct tiles *t, struct hash *ret);

/* Sinks: writing (crash-safe), and comparing (arg = struct diag; findings name file and entry). */
tile_sink tile_write, tile_compare;
/*
 * Removes the partial tiles that a tree of `size` no longer needs. Only behind a durable checkpoint of that size: until then the tiles of the old
 * checkpoint are the ones that prove it.
 */
void tiles_tidy(const char *dir, uint64_t old_size, uint64_t size);

/* "tile/entries/x001/234", with width ".p/5"; level -1 = entries. */
int tile_path(char *out, size_t size, const char *dir, int level, uint64_t number, unsigned width);
/* The canonical leaf of an entry. */
int ledger_leaf(const struct ledger_entry *e, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_HOUSE_CONFIG_H
#define HINOMI_HOUSE_CONFIG_H

#include "base/diag.h"

/*
 * hinomi.yml: one row of config.def is the key, its type, its default and its help in both languages; parser, `config show` and the manual
 * come from the table. Values are text as written (checked against their type when read); lists and maps of lists where the row says so.
 */
enum config_key {
#define CONFIG(sym, key, type, deflt, help_en, help_ja) CFG_##sym,
#include "house/config.def"
#undef CONFIG
	CFG_COUNT
};

enum config_type { CFG_TYPE_TEXT, CFG_TYPE_ADDRESS, CFG_TYPE_BOOL, CFG_TYPE_COUNT, CFG_TYPE_SIZE, CFG_TYPE_DURATION, CFG_TYPE_CHOICE, CFG_TYPE_LIST, CFG_TYPE_LISTS };

struct config_list {
	struct str name; /* the key inside a map of lists; empty for a plain list */
	struct str *item;
	size_t n;
};

struct config {
	struct arena mem;
	struct str text[CFG_COUNT];
	struct config_list *list[CFG_COUNT];
	size_t n_list[CFG_COUNT];
};

void config_init(struct config *c); /* the defaults */
void config_done(struct config *c);
/* Every wrong key or value is a finding with its place; the ones that are right are taken. -EINVAL when there was an error. */
int config_load(struct config *c, const char *path, struct diag *d);
int config_load_text(struct config *c, struct str yaml, struct str file, struct diag *d);
/* One key from the command line. */
int config_set(struct config *c, enum config_key key, struct str value, struct diag *d);

struct str config_text(const struct config *c, enum config_key key);
bool config_bool(const struct config *c, enum config_key key);
uint64_t config_count(const struct config *c, enum config_key key); /* counts and sizes */
int64_t config_duration(const struct config *c, enum config_key key); /* ns */
/* "127.0.0.1:8480", "[::1]:8480" into host and port; false for "off". */
bool config_address(const struct config *c, enum config_key key, char host[256], unsigned *ret_port);
/* Seconds east of UTC. */
int config_offset(const struct config *c);
/* The list of a plain list (name empty) or of one entry of a map of lists. */
const struct config_list *config_list(const struct config *c, enum config_key key, struct str name);

/* The whole effective configuration as YAML with its help as comments, usable as --config. */
void config_show(const struct config *c, bool japanese, struct buf *out);

#endif

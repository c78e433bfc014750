/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_SOURCES_H
#define HINOMI_EVENT_SOURCES_H

#include "base/diag.h"
#include "event/vocab.h"

/*
 * The log-source mapping that a person writes (sources/NAME.yml, docs/formats/sources.md): which files, senders and programs are which product, category and
 * service, in which format and time zone. What it says goes before what the content looks like. Read once, then shared read-only.
 */
struct sources;

struct source_rule {
	struct str source, host, program; /* globs, lower case; empty = any */
	uint8_t format;                   /* enum event_format, FORMAT_AUTO = by content */
	struct logsource ls;              /* all empty = by content */
	bool has_zone;
	int offset_s;                     /* of times that carry no zone */
};

struct sources *sources_new(void);
void sources_free(struct sources *s);
/* A file, or the .yml and .yaml files of a directory in byte order. -EINVAL when anything in it is wrong (nothing of that file is taken then), or errno. */
int sources_load(struct sources *s, const char *path, struct diag *d);

/*
 * The first rule that names neither program nor anything else than this source and host; NULL when there is none. A glob without a slash is compared
 * with the last piece of a path, too.
 */
const struct source_rule *sources_find(const struct sources *s, struct str source, struct str host);
/* The first rule that names this program (and fits source and host). */
const struct source_rule *sources_find_program(const struct sources *s, struct str source, struct str host, struct str program);
bool sources_name_programs(const struct sources *s);
/* "+09:00", "-0330", "UTC", "JST" as seconds east of UTC. */
bool sources_zone(struct str text, int *ret_offset_s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_DEMO_H
#define HINOMI_CMD_DEMO_H

#include "api/call.h"

/*
 * `serve --demo`: the story of content/demo in a data directory of its own. Everything is of the drill site, so it is labelled 訓練 and nothing
 * of it leaves the house.
 *
 * The first start lives through the story's past under a virtual clock, in a directory beside that takes the name when it is whole: logs
 * through the intake, people's work through the API. So a data directory is absent or complete, and no past is told twice. What lies
 * after the anchor is told as time passes, at this start and at later ones.
 */
struct demo;

/* Makes the data directory when it is absent or empty. config: a file, or NULL for the demo's own. */
int demo_prepare(const char *dir, const char *config, struct diag *d);
/* Tells what comes after the anchor, from a thread of its own: all of it at the first start, what is still to come at later ones. */
int demo_start(const char *dir, struct house *h, struct diag *d, struct demo **ret);
void demo_stop(struct demo *demo);
/* Who can log in, as lines for a terminal; nothing when it cannot be read. */
void demo_logins(const char *dir, struct buf *out);

/* ---- between demo.c and demo_acts.c ---- */

/* content/demo/desk.json: what people do at the desk, at times relative to the anchor. */
struct acts;

int acts_load(const char *path, struct api *api, tstamp anchor, struct diag *d, struct acts **ret);
void acts_free(struct acts *a);
/* Makes admin and the people; [{user, password, display_name}] in *ret_logins, the caller's. */
int acts_people(struct acts *a, json_t **ret_logins);
/* Time of the next one from the anchor, INT64_MAX when all are done. */
int64_t acts_next(const struct acts *a);
/* Does everything up to that time. What is refused is a finding. */
void acts_run(struct acts *a, int64_t until);

#endif

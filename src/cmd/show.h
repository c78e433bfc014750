/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_SHOW_H
#define HINOMI_CMD_SHOW_H

#include "cmd/cmd.h"

/* An answer of the API on stdout as table, json, jsonl or csv (NULL: table on a terminal, else json); other bytes as they are. The exit status. */
int show_answer(struct str body, bool is_json, const char *output);
/* One value of a CSV row, quoted (RFC 4180). */
void show_csv_cell(struct str s, struct buf *out);

#endif

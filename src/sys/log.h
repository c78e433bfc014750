/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_LOG_H
#define HINOMI_SYS_LOG_H

#include "base/must.h"

/*
 * The program's own log: one line per record on stderr (journald-friendly "<6>area: text" when $JOURNAL_STREAM is set, else
 * "2026-11-22T01:02:03Z info area: text"). Only cmd, api and the threads' top functions log; libraries return errors. Thread-safe.
 */
enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG };

void log_set_level(enum log_level level);
void log_write(enum log_level level, const char *area, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(area, ...) log_write(LOG_LV_ERROR, (area), __VA_ARGS__)
#define log_warn(area, ...) log_write(LOG_LV_WARN, (area), __VA_ARGS__)
#define log_info(area, ...) log_write(LOG_LV_INFO, (area), __VA_ARGS__)
#define log_debug(area, ...) log_write(LOG_LV_DEBUG, (area), __VA_ARGS__)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/log.h"
#include "base/tstamp.h"
#include "sys/clock.h"

#include <stdarg.h>
#include <stdatomic.h>

static _Atomic int threshold = LOG_LV_INFO;

void log_set_level(enum log_level level)
{
	threshold = (int)level;
}

void log_write(enum log_level level, const char *area, const char *fmt, ...)
{
	static const char *const word[] = {"error", "warning", "info", "debug"};
	static const int priority[] = {3, 4, 6, 7};
	char text[2048], stamp[TS_TEXT_MAX];
	if ((int)level > threshold)
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (getenv("JOURNAL_STREAM")) {
		fprintf(stderr, "<%d>%s: %s\n", priority[level], area, text);
		return;
	}
	struct clock c;
	clock_init_real(&c, 0);
	ts_format(stamp, clock_now(&c) / NS_PER_S * NS_PER_S);
	fprintf(stderr, "%s %s %s: %s\n", stamp, word[level], area, text);
}

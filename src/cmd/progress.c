/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/progress.h"

#include "sys/clock.h"
#include "sys/file.h"

#include <unistd.h>

#define SHOW_EVERY_NS (200 * NS_PER_MS)

static int add_size(void *arg, const char *path, int err)
{
	struct progress *p = arg;
	int64_t n = err ? 0 : file_size(path);
	p->total += n > 0 ? (uint64_t)n : 0;
	return 0;
}

void progress_start(struct progress *p, const char *how, const char *const *paths, size_t n)
{
	bool whole = true;
	*p = (struct progress){.on = how && strcmp(how, "auto") != 0 ? strcmp(how, "always") == 0 : isatty(STDERR_FILENO) == 1};
	p->start_ns = p->shown_ns = clock_mono_ns();
	for (size_t i = 0; p->on && i < n; i++) {
		whole = whole && strcmp(paths[i], "-") != 0;
		file_walk(paths[i], add_size, p);
	}
	if (!whole)
		p->total = 0;
}

void progress_text(const struct progress *p, int64_t now_ns, struct buf *out)
{
	double s = (double)(now_ns - p->start_ns) / 1e9, rate;
	s = s > 0.001 ? s : 0.001;
	rate = (double)p->done / s;
	/* Inside archives more bytes come out than the file has: how much is left is told by the file's own bytes, if by anything. */
	uint64_t at = p->consumed ? p->consumed : p->done;
	bool known = p->total && at <= p->total;
	if (known)
		buf_addf(out, "%3.0f %%  ", 100.0 * (double)at / (double)p->total);
	buf_addf(out, SAY("%.1f MB  %.1f MB/s  %.0f events/s", "%.1f MB  %.1f MB/秒  %.0f イベント/秒"), (double)p->done / 1e6, rate / 1e6, (double)p->events / s);
	if (known && at) {
		unsigned rest = (unsigned)((double)(p->total - at) * s / (double)at + 0.5);
		buf_addf(out, SAY("  %u:%02u left", "  残り %u:%02u"), rest / 60, rest % 60);
	}
}

void progress_step(struct progress *p, uint64_t bytes, uint64_t events)
{
	p->done += bytes;
	p->events += events;
	if (!p->on)
		return;
	int64_t now = clock_mono_ns();
	if (now - p->shown_ns < SHOW_EVERY_NS)
		return;
	struct buf line = BUF_INIT(1000);
	progress_text(p, now, &line);
	fprintf(stderr, "\r\033[K%s", buf_cstr(&line));
	fflush(stderr);
	buf_done(&line);
	p->shown_ns = now;
}

void progress_end(struct progress *p)
{
	if (p->on && p->shown_ns != p->start_ns)
		fputs("\r\033[K", stderr);
	p->on = false;
}

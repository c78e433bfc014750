/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/clock.h"
#include "base/must.h"

void clock_init_real(struct clock *c, int offset_s)
{
	c->is_virtual = false;
	c->now_ns = 0;
	c->offset_s = offset_s;
}

void clock_init_virtual(struct clock *c, tstamp now, int offset_s)
{
	c->is_virtual = true;
	c->now_ns = now;
	c->offset_s = offset_s;
}

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	must(clock_gettime(id, &ts) == 0);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

tstamp clock_now(const struct clock *c)
{
	return c->is_virtual ? c->now_ns : read_clock(CLOCK_REALTIME);
}

void clock_advance(struct clock *c, int64_t ns)
{
	must(c->is_virtual && ns >= 0);
	c->now_ns += ns;
}

int64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

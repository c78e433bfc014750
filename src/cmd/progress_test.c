/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "cmd/progress.h"

bool lang_is_ja(void)
{
	return false;
}

static void check(struct progress p, int64_t now_ns, const char *want)
{
	struct buf out = BUF_INIT(1000);
	progress_text(&p, now_ns, &out);
	CHECK_STR(buf_str(&out), want);
	buf_done(&out);
}

TEST(the_line_tells_share_rate_and_rest)
{
	check((struct progress){.total = 400000000, .done = 100000000, .events = 500000}, INT64_C(2000000000), " 25 %  100.0 MB  50.0 MB/s  250000 events/s  0:06 left");
	check((struct progress){.total = 12400000000, .done = 100000000}, INT64_C(1000000000), "  1 %  100.0 MB  100.0 MB/s  0 events/s  2:03 left");
}

TEST(inside_archives_the_file_tells)
{
	check((struct progress){.total = 1000000, .consumed = 250000, .done = 100000000}, INT64_C(1000000000), " 25 %  100.0 MB  100.0 MB/s  0 events/s  0:03 left");
}

TEST(without_a_known_total_there_is_no_share)
{
	check((struct progress){.done = 3000000, .events = 10}, INT64_C(1000000000), "3.0 MB  3.0 MB/s  10 events/s");
	check((struct progress){.total = 1000, .done = 3000000}, INT64_C(1000000000), "3.0 MB  3.0 MB/s  0 events/s");
	check((struct progress){.total = 1000}, 0, "  0 %  0.0 MB  0.0 MB/s  0 events/s");
}

TEST(never_and_always)
{
	struct progress p;
	progress_start(&p, "never", NULL, 0);
	CHECK(!p.on);
	const char *self = "-";
	progress_start(&p, "always", &self, 1);
	CHECK(p.on);
	CHECK_INT(p.total, 0);
	progress_end(&p);
	CHECK(!p.on);
}

TEST_MAIN

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/frame.h"

#include <stdint.h>

#define DIGITS_MAX 9

/* "LEN SP" in front of something that looks like a payload: 1 and the numbers, 0 = no, -1 = too early to tell. */
static int counted(struct str in, size_t *ret_head, size_t *ret_len)
{
	size_t i = 0, len = 0;
	if (!in.n || in.p[0] < '1' || in.p[0] > '9')
		return 0;
	while (i < in.n && i < DIGITS_MAX && in.p[i] >= '0' && in.p[i] <= '9')
		len = len * 10 + (size_t)(in.p[i++] - '0');
	if (i + 1 >= in.n)
		return i == in.n || in.p[i] == ' ' ? -1 : 0;
	if (in.p[i] != ' ')
		return 0;
	char first = in.p[i + 1];
	*ret_head = i + 1;
	*ret_len = len;
	return first == '<' || first == '{' || first == 'C' || first == 'L';
}

static struct str without_end(struct str s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == 0))
		s.n--;
	return s;
}

static size_t line_end(struct str in)
{
	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] == '\n' || in.p[i] == 0)
			return i;
	return SIZE_MAX;
}

enum frame_result frame_next(struct str in, bool ended, struct str *ret, size_t *ret_used, size_t *ret_skip, bool *ret_short)
{
	size_t head, len;
	int how = counted(in, &head, &len);
	*ret_short = false;
	*ret_skip = 0;
	if (how < 0 && !ended)
		return FRAME_MORE;
	if (how > 0) {
		if (len > FRAME_MAX) {
			*ret_used = in.n - head < len ? in.n : head + len;
			*ret_skip = head + len - *ret_used;
			return FRAME_TOO_LONG;
		}
		*ret_short = in.n - head < len;
		if (*ret_short && !ended)
			return FRAME_MORE;
		*ret_used = *ret_short ? in.n : head + len;
		*ret = without_end(str_sub(in, head, *ret_used));
		return FRAME_MESSAGE;
	}
	size_t end = line_end(in);
	size_t n = end == SIZE_MAX ? in.n : end;
	if (n > FRAME_MAX) {
		*ret_used = end == SIZE_MAX ? in.n : end + 1;
		*ret_skip = end == SIZE_MAX ? SIZE_MAX : 0;
		return FRAME_TOO_LONG;
	}
	if (end == SIZE_MAX && (!ended || !in.n))
		return FRAME_MORE;
	*ret_used = end == SIZE_MAX ? in.n : end + 1;
	*ret = without_end(str_sub(in, 0, n));
	return FRAME_MESSAGE;
}

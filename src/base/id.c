/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct id id_make(tstamp t, uint16_t maker, uint64_t number)
{
	uint64_t ms = t <= 0 ? 0 : (uint64_t)(t / NS_PER_MS);
	return (struct id){.hi = ms << 16 | maker, .lo = number};
}

tstamp id_time(struct id id)
{
	return (tstamp)(id.hi >> 16) * NS_PER_MS;
}

void id_format(char out[ID_TEXT + 1], struct id id)
{
	unsigned __int128 v = (unsigned __int128)id.hi << 64 | id.lo;
	for (int i = ID_TEXT - 1; i >= 0; i--) {
		out[i] = ALPHABET[(unsigned)(v & 31)];
		v >>= 5;
	}
	out[ID_TEXT] = 0;
}

bool id_parse(struct str s, struct id *ret)
{
	unsigned __int128 v = 0;
	if (s.n != ID_TEXT)
		return false;
	for (size_t i = 0; i < ID_TEXT; i++) {
		char c = s.p[i] >= 'a' && s.p[i] <= 'z' ? (char)(s.p[i] - 32) : s.p[i];
		const char *at = c ? strchr(ALPHABET, c) : NULL;
		if (!at || (i == 0 && at - ALPHABET > 7))
			return false;
		v = v << 5 | (unsigned)(at - ALPHABET);
	}
	*ret = (struct id){.hi = (uint64_t)(v >> 64), .lo = (uint64_t)v};
	return true;
}

int id_cmp(struct id a, struct id b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return (a.lo > b.lo) - (a.lo < b.lo);
}

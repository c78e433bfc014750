/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/regex_random.h"

#include "base/must.h"
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

size_t regex_random_pattern(uint64_t *seed, char *to, size_t room, unsigned depth)
{
	static const char *const part[] = {"a", "b", "A", " ", "\\n", ".", "\\w", "\\s", "[ab]", "[^a]", "\\b", "^", "$", "\\.", "1", "(?i:b)", "[a-c]", "\\W", "x", "(?i)", "[]b]", "[b\\]]", "[\\w1]", "\\x61", "é", "[éÉ]", "{", "(?=a)",
		"(?<!b)", "[[:digit:]b]", "\\Q.1\\E", "ba", "1x", "\\B", "\\A", "\\z", "\\Z", "\\N", "\\d", "\\D", "\\S", "\\h", "\\V", "[^\\n1]", "[[:^alpha:] ]", "[^[:upper:]]", "(?m)", "(?s)", "(?-i)", "(?^)", "(?m:^)", "(?m:$)", "(?s:.)",
		"[^\\S\\n]", "[\\x00-\\x2f]", "[^\\x{e9}]", "(|a)", "()", "k", "(?i:[k-m])"};
	static const char *const times[] = {"", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "++", "{2,}", "{0}", "{0,2}?", "+?", "??"};
	static const char *const open[] = {"(", "(?:", "(?i:", "(?>", "(?<n>", "(?|", "(?m:", "(?s-i:", "(?:"};
	size_t n = 0;
	for (unsigned i = 0, parts = 1 + test_random(seed) % 5; i < parts && n + 40 < room; i++) {
		if (depth && test_random(seed) % 4 == 0) {
			n += (size_t)snprintf(to + n, room - n, "%s", open[test_random(seed) % LEN(open)]);
			n += regex_random_pattern(seed, to + n, (room - n) / 2, depth - 1);
			to[n++] = '|';
			n += regex_random_pattern(seed, to + n, (room - n) / 2, depth - 1);
			to[n++] = ')';
		} else {
			n += (size_t)snprintf(to + n, room - n, "%s", part[test_random(seed) % LEN(part)]);
		}
		n += (size_t)snprintf(to + n, room - n, "%s", times[test_random(seed) % LEN(times)]);
	}
	to[n] = 0;
	return n;
}

size_t regex_random_text(uint64_t *seed, char *to, unsigned most)
{
	static const char *const part[] = {"a", "a", "b", "b", "A", "B", " ", "\n", ".", "1", "x", "é", "É", "]", "{"};
	/* Every other text is ASCII. */
	bool ascii = test_random(seed) % 2;
	size_t n = 0;
	for (unsigned i = test_random(seed) % most; i-- > 0;) {
		const char *one = part[test_random(seed) % LEN(part)];
		n += (size_t)snprintf(to + n, 3, "%s", ascii && (unsigned char)*one >= 0x80 ? "k" : one);
	}
	return n;
}

unsigned regex_random_rounds(unsigned otherwise)
{
	const char *many = getenv("HINOMI_REGEX_ROUNDS");
	return many ? (unsigned)strtoul(many, NULL, 10) : otherwise;
}

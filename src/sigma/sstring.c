/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/sstring.h"
#include "sigma/parts.h"

#include "base/utf8.h"

#include <openssl/evp.h>

#define WINDASH_FORMS_MAX 625

struct sstring sstring_parse(struct arena *mem, struct str text)
{
	struct sstring s = {arena_array(mem, text.n + 1, sizeof(uint16_t)), 0};
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		char next = i + 1 < text.n ? text.p[i + 1] : 0;
		if (c == '\\' && (next == '*' || next == '?' || next == '\\')) {
			s.unit[s.n++] = (unsigned char)next;
			i++;
		} else {
			s.unit[s.n++] = c == '*' ? WILD_MANY : c == '?' ? WILD_ONE : c;
		}
	}
	return s;
}

struct sstring sstring_literal(struct arena *mem, struct str bytes)
{
	struct sstring s = {arena_array(mem, bytes.n + 1, sizeof(uint16_t)), bytes.n};
	for (size_t i = 0; i < bytes.n; i++)
		s.unit[i] = (unsigned char)bytes.p[i];
	return s;
}

bool sstring_has_wildcard(const struct sstring *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->unit[i] > 255)
			return true;
	return false;
}

void sstring_strip(struct sstring *s, bool *open_front, bool *open_back)
{
	while (s->n && s->unit[0] == WILD_MANY) {
		*open_front = true;
		s->unit++;
		s->n--;
	}
	while (s->n && s->unit[s->n - 1] == WILD_MANY) {
		*open_back = true;
		s->n--;
	}
	/* A lone * is any value: it is open at both ends. */
	if (!s->n && (*open_front || *open_back))
		*open_front = *open_back = true;
}

struct str sstring_plain(struct arena *mem, const struct sstring *s)
{
	char *p = arena_alloc(mem, s->n + 1);
	for (size_t i = 0; i < s->n; i++)
		p[i] = (char)s->unit[i];
	return str_n(p, s->n);
}

struct str sstring_glob(struct arena *mem, const struct sstring *s, bool open_front, bool open_back)
{
	char *p = arena_alloc(mem, 2 * s->n + 3);
	size_t n = 0;
	if (open_front)
		p[n++] = '*';
	for (size_t i = 0; i < s->n; i++) {
		uint16_t u = s->unit[i];
		if (u == '*' || u == '?' || u == '\\')
			p[n++] = '\\';
		p[n++] = u == WILD_MANY ? '*' : u == WILD_ONE ? '?' : (char)u;
	}
	if (open_back)
		p[n++] = '*';
	return str_n(p, n);
}

static bool is_word(uint16_t u)
{
	return u < 256 && (ch_is_alnum((unsigned char)u) || u == '_' || u >= 0x80);
}

static bool is_option_dash(const struct sstring *s, size_t i)
{
	return (s->unit[i] == '-' || s->unit[i] == '/') && (i == 0 || !is_word(s->unit[i - 1])) && i + 1 < s->n && is_word(s->unit[i + 1]);
}

size_t sstring_windash(struct arena *mem, const struct sstring *s, struct sstring **ret)
{
	static const char *const dash[] = {"-", "/", "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x95"};
	size_t n = 1, dashes = 0;
	for (size_t i = 0; i < s->n; i++)
		if (is_option_dash(s, i)) {
			dashes++;
			n *= LEN(dash);
			if (n > WINDASH_FORMS_MAX)
				return 0;
		}
	struct sstring *out = arena_array(mem, n, sizeof(*out));
	for (size_t k = 0; k < n; k++) {
		size_t pick = k;
		out[k] = (struct sstring){arena_array(mem, s->n + 2 * dashes, sizeof(uint16_t)), 0};
		for (size_t i = 0; i < s->n; i++) {
			if (!is_option_dash(s, i)) {
				out[k].unit[out[k].n++] = s->unit[i];
				continue;
			}
			for (const char *p = dash[pick % LEN(dash)]; *p; p++)
				out[k].unit[out[k].n++] = (unsigned char)*p;
			pick /= LEN(dash);
		}
	}
	*ret = out;
	return n;
}

static struct str base64(struct arena *mem, struct str s)
{
	char *p = arena_alloc(mem, (s.n + 2) / 3 * 4 + 1);
	int n = EVP_EncodeBlock((unsigned char *)p, (const unsigned char *)s.p, (int)s.n);
	return str_n(p, (size_t)n);
}

struct str encode_text(struct arena *mem, struct str s, char how)
{
	struct buf b = BUF_INIT(1u << 20);
	if (how == 'b')
		return base64(mem, s);
	if (how == 'u')
		buf_add(&b, STR("\xFF\xFE"));
	if (how == 'B')
		utf8_to_utf16be(&b, s);
	else
		utf8_to_utf16le(&b, s);
	struct str out = arena_dup(mem, buf_str(&b));
	buf_done(&b);
	return out;
}

size_t base64_offsets(struct arena *mem, struct str s, struct str ret[3])
{
	static const size_t start[] = {0, 2, 3}, cut[] = {0, 3, 2};
	struct str in = s;
	for (size_t i = 0; i < 3; i++) {
		char *p = arena_alloc(mem, in.n + 3);
		memset(p, ' ', i);
		memcpy(p + i, in.p, in.n);
		struct str out = base64(mem, str_n(p, in.n + i));
		ret[i] = str_sub(out, start[i], out.n - cut[(in.n + i) % 3]);
	}
	return 3;
}

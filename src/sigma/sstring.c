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

bool sstring_written_wildcard(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '*' || text.p[i] == '?')
			return true;
		i += text.p[i] == '\\' && i + 1 < text.n && (text.p[i + 1] == '*' || text.p[i + 1] == '?' || text.p[i + 1] == '\\');
	}
	return false;
}

struct sstring sstring_open(struct arena *mem, const struct sstring *s, bool front, bool back)
{
	struct sstring out = {arena_array(mem, s->n + 2, sizeof(uint16_t)), 0};
	if (front && !(s->n && s->unit[0] == WILD_MANY))
		out.unit[out.n++] = WILD_MANY;
	for (size_t i = 0; i < s->n; i++)
		out.unit[out.n++] = s->unit[i];
	if (back && !(out.n && out.unit[out.n - 1] == WILD_MANY))
		out.unit[out.n++] = WILD_MANY;
	return out;
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

/* The code point whose first byte is at i; a wildcard is none (0). */
static uint32_t code_point_at(const struct sstring *s, size_t i)
{
	char text[4];
	size_t n = 0;
	uint32_t cp = 0;
	while (n < 4 && i + n < s->n && s->unit[i + n] < 256 && (!n || (s->unit[i + n] & 0xC0) == 0x80)) {
		text[n] = (char)s->unit[i + n];
		n++;
	}
	struct str rest = str_n(text, n);
	return utf8_next(&rest, &cp, NULL) ? cp : 0;
}

static uint32_t code_point_before(const struct sstring *s, size_t i)
{
	size_t from = i;
	while (from > 0 && i - from < 4) {
		from--;
		if (s->unit[from] > 255 || (s->unit[from] & 0xC0) != 0x80)
			break;
	}
	return from < i ? code_point_at(s, from) : 0;
}

/* Letters and digits of every script; beyond ASCII everything but the blocks of punctuation and signs. */
static bool is_word(uint32_t cp)
{
	if (cp < 0x80)
		return ch_is_alnum((unsigned char)cp) || cp == '_';
	if (cp < 0xC0)
		return cp == 0xAA || cp == 0xB5 || cp == 0xBA || cp == 0xB2 || cp == 0xB3 || cp == 0xB9 || (cp >= 0xBC && cp <= 0xBE);
	return cp != 0xD7 && cp != 0xF7 && !(cp >= 0x2000 && cp <= 0x206F) && !(cp >= 0x2190 && cp <= 0x245F) && !(cp >= 0x2500 && cp <= 0x2BFF) && !(cp >= 0x3000 && cp <= 0x3004) &&
		!(cp >= 0x3008 && cp <= 0x3020) && !(cp >= 0xFF01 && cp <= 0xFF0F) && !(cp >= 0xFF1A && cp <= 0xFF20);
}

/* pySigma's \B[-/]\b */
static bool is_option_dash(const struct sstring *s, size_t i)
{
	return (s->unit[i] == '-' || s->unit[i] == '/') && !is_word(code_point_before(s, i)) && i + 1 < s->n && is_word(code_point_at(s, i + 1));
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

/* key=value pairs, values bare or in quotes with backslash escapes; CEF and LEEF, whose extensions are pairs too. */

static size_t key_length(struct str s)
{
	size_t n = 0;
	while (n < s.n && (ch_is_alnum((unsigned char)s.p[n]) || s.p[n] == '_' || s.p[n] == '-' || s.p[n] == '.' || s.p[n] == ':' || s.p[n] == '/' || s.p[n] == '@'))
		n++;
	return n && n < s.n && s.p[n] == '=' ? n : 0;
}

static struct str quoted(struct str *s, char quote)
{
	size_t n = 1;
	while (n < s->n && s->p[n] != quote)
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	struct str v = str_sub(*s, 1, n);
	*s = str_sub(*s, n + 1, s->n);
	return v;
}

static struct str bare(struct str *s)
{
	size_t n = 0;
	while (n < s->n && !ch_is_space((unsigned char)s->p[n]) && s->p[n] != ',' && s->p[n] != ';')
		n++;
	struct str v = str_n(s->p, n);
	*s = str_sub(*s, n, s->n);
	return v;
}

static size_t add_pairs(struct decoding *x, struct str s)
{
	size_t found = 0;
	while (s.n) {
		size_t n = key_length(s);
		if (!n) {
			s = str_sub(s, 1, s.n);
			continue;
		}
		struct str key = str_n(s.p, n);
		s = str_sub(s, n + 1, s.n);
		struct str value = s.n && (s.p[0] == '"' || s.p[0] == '\'') ? quoted(&s, s.p[0]) : bare(&s);
		decode_add_str(x, key, value);
		found++;
		while (s.n && (ch_is_space((unsigned char)s.p[0]) || s.p[0] == ',' || s.p[0] == ';'))
			s = str_sub(s, 1, s.n);
	}
	return found;
}

bool kv_is_pairs(struct str s)
{
	size_t pairs = 0, words = 0;
	while ((s = str_trim(s)).n) {
		size_t n = key_length(s);
		if (!n && !words)
			return false;
		s = str_sub(s, n ? n + 1 : 0, s.n);
		if (n && s.n && (s.p[0] == '"' || s.p[0] == '\''))
			quoted(&s, s.p[0]);
		else
			bare(&s);
		while (s.n && (s.p[0] == ',' || s.p[0] == ';'))
			s = str_sub(s, 1, s.n);
		pairs += n > 0;
		words++;
	}
	return pairs >= 3 && 2 * pairs > words;
}

enum decode_fault decode_kv(struct decoding *x, struct str text)
{
	static const char *const times[] = {"time", "timestamp", "ts", "eventtime", "_time", "date_time"};
	size_t from = x->ev->n_field;
	if (add_pairs(x, text) < 2)
		return DECODE_SYNTAX;
	for (size_t i = 0; i < LEN(times); i++)
		for (size_t k = from; k < x->ev->n_field; k++)
			if (str_ieq(x->ev->field[k].name, str_c(times[i])) && decode_time(x, val_text(x->ev->field[k].val, x->mem)))
				return DECODE_OK;
	return DECODE_OK;
}

/* Up to an unescaped separator; `\x` keeps x. */
static struct str header_piece(struct decoding *x, struct str *s, char sep)
{
	size_t n = 0;
	while (n < s->n && s->p[n] != sep)
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	struct str piece = str_sub(*s, 0, n);
	*s = str_sub(*s, n + 1, s->n);
	if (str_chr(piece, '\\') == STR_NPOS)
		return piece;
	struct str out = arena_dup(x->mem, piece);
	size_t k = 0;
	for (size_t i = 0; i < piece.n; i++) {
		if (piece.p[i] == '\\' && i + 1 < piece.n)
			i++;
		((char *)(uintptr_t)out.p)[k++] = piece.p[i];
	}
	return str_n(out.p, k);
}

/* CEF extensions: key=value with blanks inside values; a value ends where " key=" begins. */
static void add_extension(struct decoding *x, struct str s)
{
	while (s.n) {
		s = str_trim(s);
		size_t n = key_length(s);
		if (!n)
			return;
		struct str key = str_n(s.p, n);
		s = str_sub(s, n + 1, s.n);
		size_t end = 0;
		while (end < s.n && !(s.p[end] == ' ' && key_length(str_sub(s, end + 1, s.n))))
			end += s.p[end] == '\\' && end + 1 < s.n ? 2 : 1;
		if (end > s.n)
			end = s.n;
		struct str value = str_n(s.p, end);
		decode_add_str(x, key, header_piece(x, &value, '\0'));
		s = str_sub(s, end, s.n);
	}
}

enum decode_fault decode_cef(struct decoding *x, struct str text)
{
	static const char *const names[] = {"DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "Severity"};
	struct str version;
	if (!str_take(&text, STR("CEF:")) || !str_cut(&text, '|', &version) || !text.p)
		return DECODE_SYNTAX;
	for (size_t i = 0; i < LEN(names); i++) {
		if (!text.n)
			return DECODE_SYNTAX;
		decode_add(x, names[i], header_piece(x, &text, '|'));
	}
	add_extension(x, text);
	const struct field *rt = event_field_name(x->ev, STR("rt"));
	if (rt)
		decode_time(x, val_text(rt->val, x->mem));
	return DECODE_OK;
}

enum decode_fault decode_leef(struct decoding *x, struct str text)
{
	static const char *const names[] = {"DeviceVendor", "DeviceProduct", "DeviceVersion", "EventID"};
	struct str version, pair, key;
	char sep = '\t';
	if (!str_take(&text, STR("LEEF:")) || !str_cut(&text, '|', &version) || !text.p)
		return DECODE_SYNTAX;
	for (size_t i = 0; i < LEN(names); i++) {
		if (!text.n)
			return DECODE_SYNTAX;
		decode_add(x, names[i], header_piece(x, &text, '|'));
	}
	if (str_starts(version, STR("2")) && text.n > 1 && text.p[1] == '|') {
		sep = text.p[0];
		text = str_sub(text, 2, text.n);
	}
	while (str_cut(&text, sep, &pair))
		if (str_cut(&pair, '=', &key) && pair.p)
			decode_add_str(x, key, pair);
	const struct field *t = event_field_name(x->ev, STR("devTime"));
	if (t)
		decode_time(x, val_text(t->val, x->mem));
	return DECODE_OK;
}

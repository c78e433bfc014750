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

size_t decode_pairs(struct decoding *x, struct str s)
{
	size_t found = 0;
	while (s.n) {
		size_t n = key_length(s);
		if (!n) {
			/* What is not a pair is passed word by word, so that no key begins inside one. */
			if (s.p[0] == '"') {
				quoted(&s, '"');
				continue;
			}
			for (n = 1; n < s.n && !ch_is_space((unsigned char)s.p[n]) && !strchr(",;({[|\"", s.p[n]); n++)
				;
			while (n < s.n && strchr(" ,;({[|\t", s.p[n]) && s.p[n])
				n++;
			s = str_sub(s, n, s.n);
			continue;
		}
		struct str key = str_n(s.p, n);
		s = str_sub(s, n + 1, s.n);
		struct str value = s.n && (s.p[0] == '"' || s.p[0] == '\'') ? quoted(&s, s.p[0]) : bare(&s);
		decode_add_str(x, key, value);
		found++;
		while (s.n && (ch_is_space((unsigned char)s.p[0]) || s.p[0] == ',' || s.p[0] == ';' || s.p[0] == '|'))
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

/* Bytes of a line that its pairs account for, to tell pairs with words between them from words with a pair between. */
static size_t pair_bytes(const struct decoding *x, uint32_t from)
{
	size_t n = 0;
	for (uint32_t i = from; i < x->ev->n_field; i++)
		n += x->ev->field[i].name.n + x->ev->field[i].val.n + 2;
	return n;
}

static void kv_time(struct decoding *x, struct str text)
{
	struct found_time found;
	if (!x->ev->time_is_own && find_time(text, x->reference, x->offset_s, &found)) {
		x->ev->time = found.time;
		x->ev->time_is_own = true;
	}
}

enum decode_fault decode_kv(struct decoding *x, struct str text)
{
	uint32_t from = x->ev->n_field;
	bool asked = x->rec->format == FORMAT_KV;
	if (str_chr(text, '=') == STR_NPOS)
		return DECODE_NO_DECODER;
	if (x->depth == 0 && decode_payload(x, decode_net, text)) {
		decode_add(x, "message", text);
		kv_time(x, text);
		return DECODE_OK;
	}
	size_t pairs = decode_pairs(x, text);
	if (pairs < (asked ? 1u : 3u) || (!asked && pair_bytes(x, from) * 10 < text.n * 6))
		return DECODE_NO_DECODER;
	decode_add(x, "message", text);
	decode_flat(x, false);
	kv_time(x, text);
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

/* Vendors and products whose events Sigma has a log source for. */
static const struct {
	const char *vendor, *product, *sigma_product, *category, *service;
} VENDORS[] = {
	{"Fortinet", "", "fortigate", "", "event"}, {"Palo Alto Networks", "PAN-OS", "paloalto", "firewall", "panos"}, {"Cisco", "ASA", "cisco", "firewall", "asa"},
	{"Check Point", "", "checkpoint", "firewall", ""}, {"Zscaler", "", "zscaler", "proxy", ""}, {"Microsoft", "Microsoft Windows", "windows", "", ""},
	{"Blue Coat", "", "bluecoat", "proxy", ""}, {"Imperva", "", "imperva", "webserver", ""}, {"Ubiquiti", "", "unifi", "firewall", ""},
};

static void vendor_source(struct decoding *x)
{
	const struct field *vendor = event_field_name(x->ev, STR("DeviceVendor")), *product = event_field_name(x->ev, STR("DeviceProduct"));
	static const char *const names[][2] = {{"src", "src_ip"}, {"dst", "dst_ip"}, {"spt", "src_port"}, {"dpt", "dst_port"}, {"act", "action"}, {"request", "c-uri"},
		{"requestMethod", "cs-method"}, {"requestClientApplication", "c-useragent"}, {"srcPort", "src_port"}, {"dstPort", "dst_port"}};
	for (size_t i = 0; i < LEN(names); i++) {
		const struct field *f = event_field_name(x->ev, str_c(names[i][0]));
		if (f)
			decode_add_alias(x, names[i][1], val_text(f->val, x->mem));
	}
	for (size_t i = 0; i < LEN(VENDORS); i++) {
		if (!str_ieq(val_text(vendor->val, x->mem), str_c(VENDORS[i].vendor)))
			continue;
		if (*VENDORS[i].product && !str_ieq(val_text(product->val, x->mem), str_c(VENDORS[i].product)))
			continue;
		decode_source(x, VENDORS[i].sigma_product, VENDORS[i].category, VENDORS[i].service);
		return;
	}
}

/* The time of the extension, by the names the format has for it, else by any that reads like one, else anywhere in the line. */
static void decode_finish(struct decoding *x, struct str whole)
{
	static const char *const times[] = {"rt", "devTime", "start", "end", "deviceReceiptTime"};
	struct found_time found;
	x->ev->time_is_own = x->ev->time_is_own && x->depth > 0;
	for (size_t i = 0; i < LEN(times); i++) {
		const struct field *f = event_field_name(x->ev, str_c(times[i]));
		if (f && decode_time(x, val_text(f->val, x->mem)))
			return;
	}
	for (uint32_t i = 0; i < x->ev->n_field; i++)
		if (flat_time_like(x->ev->field[i].name) && decode_time(x, val_text(x->ev->field[i].val, x->mem)))
			return;
	if (!x->ev->time_is_own && find_time(whole, x->reference, x->offset_s, &found)) {
		x->ev->time = found.time;
		x->ev->time_is_own = true;
	}
}

enum decode_fault decode_cef(struct decoding *x, struct str text)
{
	static const char *const names[] = {"DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Name", "Severity"};
	struct str version, whole = text;
	if (!str_take(&text, STR("CEF:")) || !str_cut(&text, '|', &version) || !text.p)
		return DECODE_SYNTAX;
	for (size_t i = 0; i < LEN(names); i++) {
		if (!text.n)
			return DECODE_SYNTAX;
		decode_add(x, names[i], header_piece(x, &text, '|'));
	}
	add_extension(x, text);
	vendor_source(x);
	decode_finish(x, whole);
	return DECODE_OK;
}

enum decode_fault decode_leef(struct decoding *x, struct str text)
{
	static const char *const names[] = {"DeviceVendor", "DeviceProduct", "DeviceVersion", "EventID"};
	struct str version, pair, key, whole = text;
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
	vendor_source(x);
	decode_finish(x, whole);
	return DECODE_OK;
}

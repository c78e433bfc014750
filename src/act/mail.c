/* SPDX-License-Identifier: Apache-2.0 */
#include "act/deliver.h"

#include "base/utf8.h"

#include <openssl/evp.h>

#define ADDRESS_MAX 254 /* RFC 5321, 4.5.3.1.3 */
#define WORD_BYTES 42   /* of UTF-8 in an encoded word: 56 characters of Base64, 68 with its frame (RFC 2047, 2: at most 75) */
#define LINE_BYTES 57   /* 76 characters of Base64 (RFC 2045, 6.8) */

bool mail_address_ok(struct str a)
{
	size_t at = str_rchr(a, '@');
	if (at == STR_NPOS || at == 0 || at + 1 == a.n || a.n > ADDRESS_MAX || str_chr(a, '@') != at)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		unsigned char c = (unsigned char)a.p[i];
		if (c <= ' ' || c > '~' || str_chr(STR("()<>[]:;,\\\""), (char)c) != STR_NPOS)
			return false;
	}
	return true;
}

static void base64(struct buf *out, struct str s)
{
	char *p = buf_reserve(out, (s.n + 2) / 3 * 4 + 1);
	if (p)
		buf_commit(out, (size_t)EVP_EncodeBlock((unsigned char *)p, (const unsigned char *)s.p, (int)s.n));
}

/* Encoded words of whole characters, folded onto lines of their own. Blanks and line ends of the text are one blank each. */
static void header_text(struct buf *out, struct str s)
{
	struct buf word = BUF_INIT(WORD_BYTES + 8);
	bool first = true;
	while (s.n) {
		uint32_t cp;
		char utf8[4];
		buf_reset(&word);
		while (s.n && word.n + 4 <= WORD_BYTES) {
			utf8_next(&s, &cp, NULL);
			buf_add(&word, str_n(utf8, utf8_put(utf8, cp < ' ' || cp == 0x7f ? ' ' : cp)));
		}
		buf_add_cstr(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		base64(out, buf_str(&word));
		buf_add_cstr(out, "?=");
		first = false;
	}
	buf_done(&word);
}

/* RFC 5322, 3.3, always in UTC. */
static void header_date(struct buf *out, tstamp t)
{
	static const char *const DAY[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char *const MONTH[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct civil c;
	ts_to_civil(t, 0, &c);
	buf_addf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", DAY[ts_weekday(t, 0) - 1], c.day, MONTH[c.month - 1], c.year, c.hour, c.minute, c.second);
}

static void body_text(struct buf *out, struct str body)
{
	struct buf text = BUF_INIT(out->max);
	struct str line;
	while (str_line(&body, &line)) {
		utf8_add_clean(&text, line);
		buf_add_cstr(&text, "\r\n");
	}
	struct str rest = buf_str(&text);
	while (rest.n) {
		base64(out, str_sub(rest, 0, LINE_BYTES));
		buf_add_cstr(out, "\r\n");
		rest = str_sub(rest, LINE_BYTES, rest.n);
	}
	buf_done(&text);
}

int mail_compose(const struct message *m, struct str from, struct buf *out)
{
	must(mail_address_ok(from) && mail_address_ok(m->address));
	header_date(out, m->time);
	buf_addf(out, "From: <%.*s>\r\nTo: <%.*s>\r\nSubject: ", STR_ARG(from), STR_ARG(m->address));
	header_text(out, m->subject);
	buf_addf(out, "\r\nMessage-ID: <%.*s@%.*s>\r\n", STR_ARG(m->id), STR_ARG(str_sub(from, str_rchr(from, '@') + 1, from.n)));
	buf_add_cstr(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	body_text(out, m->body);
	return out->err;
}

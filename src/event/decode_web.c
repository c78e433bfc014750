/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

/* Common and combined access logs: host ident user [time] "METHOD target HTTP/x" status bytes ["referer" "agent"]. */

static bool take_quoted(struct str *s, struct str *ret)
{
	*s = str_trim(*s);
	if (!s->n || s->p[0] != '"')
		return false;
	size_t n = 1;
	while (n < s->n && s->p[n] != '"')
		n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
	if (n >= s->n)
		return false;
	*ret = str_n(s->p + 1, n - 1);
	*s = str_sub(*s, n + 1, s->n);
	return true;
}

static void add_request(struct decoding *x, struct str request)
{
	struct str method, target, version, stem;
	if (!str_word(&request, &method) || !str_word(&request, &target)) {
		decode_add(x, "cs-uri", request);
		return;
	}
	decode_add(x, "cs-method", method);
	decode_add(x, "cs-uri", target);
	decode_add(x, "c-uri", target);
	struct str query = target;
	str_cut(&query, '?', &stem);
	decode_add(x, "cs-uri-stem", stem);
	if (query.p)
		decode_add(x, "cs-uri-query", query);
	/* Sigma's web rules ask cs-uri-query for the path as well: without a query the target stands there. */
	else
		decode_add(x, "cs-uri-query", target);
	if (str_word(&request, &version))
		decode_add(x, "cs-version", version);
}

enum decode_fault decode_combined(struct decoding *x, struct str text)
{
	struct str host, ident, user, stamp, request, status, bytes, referer, agent;
	if (!str_word(&text, &host) || !str_word(&text, &ident) || !str_word(&text, &user))
		return DECODE_SYNTAX;
	text = str_trim(text);
	if (!str_take(&text, STR("[")) || !str_cut(&text, ']', &stamp) || !text.p || !decode_time(x, stamp) || !take_quoted(&text, &request))
		return DECODE_SYNTAX;
	decode_add(x, "c-ip", host);
	if (!str_eq(user, STR("-")))
		decode_add(x, "cs-username", user);
	add_request(x, request);
	if (str_word(&text, &status))
		decode_add(x, "sc-status", status);
	if (str_word(&text, &bytes) && !str_eq(bytes, STR("-")))
		decode_add(x, "sc-bytes", bytes);
	if (take_quoted(&text, &referer)) {
		decode_add(x, "cs-referer", referer);
		decode_add(x, "cs-referrer", referer);
	}
	if (take_quoted(&text, &agent)) {
		decode_add(x, "cs-user-agent", agent);
		decode_add(x, "c-useragent", agent);
	}
	if (!x->forced) {
		struct logsource ls[] = {{STR(""), STR("webserver"), STR("apache")}, {STR(""), STR("webserver"), STR("nginx")}};
		x->ev->lsset = vocab_lsset(x->vocab, ls, 2);
	}
	return DECODE_OK;
}

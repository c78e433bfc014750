/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

/*
 * Access logs of web servers and proxies: common and combined (with the host in front, without identity, with more behind), the forms of HAProxy and
 * load balancers, squid. Told by a request in quotes and a time; field names are those of Sigma's webserver and proxy categories.
 */

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

void decode_add_target(struct decoding *x, struct str target, bool has_query)
{
	static const char *const names[] = {"cs-uri", "c-uri"};
	for (size_t i = 0; i < LEN(names); i++)
		if (!event_field_name(x->ev, str_c(names[i])))
			decode_add_alias(x, names[i], target);
	/* Sigma's web rules ask cs-uri-query for paths as well: the whole target is a second value of it. */
	struct val v = {.kind = VAL_STR, .u.p = target.p, .n = (uint32_t)target.n};
	for (uint32_t i = 0; has_query && i < x->ev->n_field; i++)
		if (str_eq(x->ev->field[i].name, STR("cs-uri-query")))
			x->ev->field[i].flags |= FIELD_F_ELEMENT;
	decode_add_val(x, STR("cs-uri-query"), v, (uint8_t)(FIELD_F_ALIAS | (has_query ? FIELD_F_ELEMENT : 0)));
}

static void add_request(struct decoding *x, struct str request)
{
	struct str method, target, version, stem, whole = request;
	if (!str_word(&request, &method) || !str_word(&request, &target)) {
		if (whole.n)
			decode_add(x, "cs-uri", whole);
		return;
	}
	decode_add(x, "cs-method", method);
	struct str query = target;
	str_cut(&query, '?', &stem);
	decode_add(x, "cs-uri-stem", stem);
	if (query.p)
		decode_add(x, "cs-uri-query", query);
	decode_add_target(x, target, query.p != NULL);
	if (str_word(&request, &version))
		decode_add(x, "cs-version", version);
}

static void add_unless_dash(struct decoding *x, const char *name, struct str value)
{
	if (value.n && !str_eq(value, STR("-")))
		decode_add(x, name, value);
}

static bool is_address(struct str s)
{
	unsigned char addr[16];
	bool v4;
	return num_ip(s, addr, &v4);
}

/* A name as virtual hosts have it. */
static bool host_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_is_alnum((unsigned char)s.p[i]) && !strchr(".-_:", s.p[i]))
			return false;
	return s.n > 1;
}

/* What stands before the time: [vhost] client ident user, in the order and number that the server was told to write. */
static void add_front(struct decoding *x, struct str front)
{
	struct str word[8], rest = front;
	size_t n = 0, client = 0;
	while (n < LEN(word) && str_word(&rest, &word[n]))
		n++;
	while (client < n && !is_address(word[client]))
		client++;
	if (client == n)
		client = n >= 4 ? n - 3 : 0; /* a client by its name */
	if (!n)
		return;
	for (size_t i = 0; i < client; i++)
		if (host_word(word[i]))
			add_unless_dash(x, "cs-host", word[i]);
	decode_add(x, "c-ip", word[client]);
	if (client + 1 < n && n > client + 2)
		add_unless_dash(x, "cs-username", word[n - 1]);
}

/* status bytes ["referer" "agent"] */
static void add_back(struct decoding *x, struct str text)
{
	struct str status, bytes, referer, agent;
	uint64_t code;
	if (!str_word(&text, &status) || !num_u64(status, &code))
		return;
	decode_add(x, "sc-status", status);
	if (str_word(&text, &bytes))
		add_unless_dash(x, "sc-bytes", bytes);
	if (take_quoted(&text, &referer)) {
		decode_add(x, "cs-referer", referer);
		decode_add_alias(x, "cs-referrer", referer);
	}
	if (take_quoted(&text, &agent)) {
		decode_add(x, "cs-user-agent", agent);
		decode_add_alias(x, "c-useragent", agent);
	}
}

enum decode_fault decode_combined(struct decoding *x, struct str text)
{
	struct str front, stamp, request, rest = text, word;
	struct found_time found;
	size_t open = str_chr(str_sub(text, 0, 400), '['), close;
	if (open == STR_NPOS || open < 3)
		return DECODE_NO_DECODER;
	front = str_sub(text, 0, open);
	rest = str_sub(text, open + 1, text.n);
	close = str_chr(str_sub(rest, 0, 64), ']');
	if (close == STR_NPOS)
		return DECODE_NO_DECODER;
	stamp = str_sub(rest, 0, close);
	rest = str_sub(rest, close + 1, rest.n);
	if (!find_time(stamp, x->reference, x->offset_s, &found) || found.text.p != stamp.p)
		return DECODE_NO_DECODER;
	/* A virtual host may stand between time and request. */
	if (!take_quoted(&rest, &request)) {
		struct str host_at = rest;
		if (!str_word(&host_at, &word) || !host_word(word) || !take_quoted(&host_at, &request))
			return DECODE_NO_DECODER;
		decode_add(x, "cs-host", word);
		rest = host_at;
	}
	x->ev->time = found.time;
	x->ev->time_is_own = true;
	add_front(x, front);
	add_request(x, request);
	add_back(x, rest);
	struct logsource ls[] = {{STR(""), STR("webserver"), STR("apache")}, {STR(""), STR("webserver"), STR("nginx")}};
	decode_sources(x, ls, 2);
	return DECODE_OK;
}

/* squid: "1700000000.123 4 192.0.2.7 TCP_MISS/200 4099 GET http://example.com/ user HIER_DIRECT/198.51.100.1 text/html" */
static enum decode_fault squid(struct decoding *x, struct str text)
{
	struct str stamp, elapsed, client, result, bytes, method, url, user, code;
	uint64_t n;
	if (!str_word(&text, &stamp) || stamp.n < 10 || !str_word(&text, &elapsed) || !num_u64(elapsed, &n) || !str_word(&text, &client) || !is_address(client) ||
		!str_word(&text, &result) || str_chr(result, '/') == STR_NPOS || !str_word(&text, &bytes) || !num_u64(bytes, &n) || !str_word(&text, &method) || !str_word(&text, &url))
		return DECODE_NO_DECODER;
	if (!decode_time(x, stamp))
		return DECODE_NO_DECODER;
	str_cut(&result, '/', &code);
	decode_add(x, "s-action", code);
	decode_add(x, "sc-status", result);
	decode_add(x, "c-ip", client);
	decode_add(x, "sc-bytes", bytes);
	decode_add(x, "cs-method", method);
	size_t query = str_chr(url, '?');
	if (query != STR_NPOS)
		decode_add(x, "cs-uri-query", str_sub(url, query + 1, url.n));
	decode_add_target(x, url, query != STR_NPOS);
	size_t host = str_find(url, STR("://"));
	struct str name = host == STR_NPOS ? url : str_sub(url, host + 3, url.n);
	size_t end = 0;
	while (end < name.n && name.p[end] != '/' && name.p[end] != ':')
		end++;
	add_unless_dash(x, "cs-host", str_sub(name, 0, end));
	if (str_word(&text, &user))
		add_unless_dash(x, "cs-username", user);
	decode_source(x, "", "proxy", "squid");
	return DECODE_OK;
}

/* HAProxy's HTTP log: client:port [time] frontend backend/server timers status bytes … "request" */
static enum decode_fault haproxy(struct decoding *x, struct str text)
{
	struct str client, stamp, word, request, rest = text;
	struct found_time found;
	uint64_t status;
	if (!str_word(&rest, &client) || str_rchr(client, ':') == STR_NPOS || !is_address(str_sub(client, 0, str_rchr(client, ':'))))
		return DECODE_NO_DECODER;
	rest = str_trim(rest);
	if (!str_take(&rest, STR("[")) || !str_cut(&rest, ']', &stamp) || !rest.p || !find_time(stamp, x->reference, x->offset_s, &found))
		return DECODE_NO_DECODER;
	struct str quote = rest;
	size_t at = str_chr(quote, '"');
	if (at == STR_NPOS)
		return DECODE_NO_DECODER;
	quote = str_sub(quote, at, quote.n);
	if (!take_quoted(&quote, &request))
		return DECODE_NO_DECODER;
	x->ev->time = found.time;
	x->ev->time_is_own = true;
	decode_add(x, "c-ip", str_sub(client, 0, str_rchr(client, ':')));
	for (int i = 0; i < 4 && str_word(&rest, &word); i++)
		if (i == 3 && num_u64(word, &status))
			decode_add(x, "sc-status", word);
	if (str_word(&rest, &word) && num_u64(word, &status))
		decode_add(x, "sc-bytes", word);
	add_request(x, request);
	decode_source(x, "", "webserver", "haproxy");
	return DECODE_OK;
}

/* AWS load balancers: "https 2026-03-02T00:00:00Z app/… client:port target:port … status status bytes bytes "request" "agent"" */
static enum decode_fault elb(struct decoding *x, struct str text)
{
	struct str word[12], rest = text, request, agent;
	size_t n = 0, time;
	while (n < LEN(word) && str_word(&rest, &word[n]))
		n++;
	if (n < LEN(word))
		return DECODE_NO_DECODER;
	time = word[0].n < 8 ? 1 : 0; /* classic ones have no type in front */
	size_t port = str_rchr(word[time + 2], ':');
	if (port == STR_NPOS || !is_address(str_sub(word[time + 2], 0, port)) || word[time].n < 20 || word[time].p[10] != 'T' || !decode_time(x, word[time]))
		return DECODE_NO_DECODER;
	decode_add(x, "c-ip", str_sub(word[time + 2], 0, port));
	decode_add(x, "sc-status", word[time + 7]);
	size_t quote = str_chr(text, '"');
	rest = quote == STR_NPOS ? STR("") : str_sub(text, quote, text.n);
	if (!take_quoted(&rest, &request))
		return DECODE_NO_DECODER;
	add_request(x, request);
	if (take_quoted(&rest, &agent)) {
		decode_add(x, "cs-user-agent", agent);
		decode_add_alias(x, "c-useragent", agent);
	}
	decode_source(x, "aws", "webserver", "elb");
	return DECODE_OK;
}

enum decode_fault decode_access(struct decoding *x, struct str text)
{
	static decode_fn *const kinds[] = {decode_combined, squid, haproxy, elb};
	uint32_t own = x->ev->n_field;
	for (size_t i = 0; i < LEN(kinds); i++) {
		enum decode_fault f = kinds[i](x, text);
		if (f == DECODE_OK)
			return f;
		x->ev->n_field = own;
	}
	return DECODE_NO_DECODER;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"


/*
 * Lines of programs that write their own files. Each kind is told by its shape and gives what rules ask for: the log source and a few fields. The whole
 * line stays in `message`. What is none of them stays a line with a time (decode.c).
 */

static bool whole_line(struct decoding *x, struct str text, bool need_time)
{
	struct found_time found;
	if (find_time(text, x->reference, x->offset_s, &found)) {
		x->ev->time = found.time;
		x->ev->time_is_own = true;
	} else if (need_time) {
		return false;
	}
	decode_add(x, "message", text);
	return true;
}

/* "[core:error]" or "[error]": what is in the brackets at the front. */
static bool take_bracket(struct str *s, struct str *ret)
{
	struct str in = str_trim(*s);
	size_t end = str_chr(str_sub(in, 0, 200), ']');
	if (!in.n || in.p[0] != '[' || end == STR_NPOS)
		return false;
	*ret = str_sub(in, 1, end);
	*s = str_sub(in, end + 1, in.n);
	return true;
}

/* "[Mon Mar 02 09:00:00.123 2026] [core:error] [pid 7] [client 192.0.2.7:4711] AH00126: …" */
static enum decode_fault apache_error(struct decoding *x, struct str text)
{
	static const char *const days[] = {"Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "};
	struct str rest = text, stamp, level, part;
	bool day = false;
	if (!take_bracket(&rest, &stamp) || !take_bracket(&rest, &level))
		return DECODE_NO_DECODER;
	for (size_t i = 0; i < LEN(days); i++)
		day = day || str_starts(stamp, str_c(days[i]));
	if (!day || !whole_line(x, text, true))
		return DECODE_NO_DECODER;
	size_t colon = str_rchr(level, ':');
	decode_add(x, "level", colon == STR_NPOS ? level : str_sub(level, colon + 1, level.n));
	while (take_bracket(&rest, &part))
		if (str_take(&part, STR("client "))) {
			size_t port = str_rchr(part, ':'), dots = str_chr(part, '.');
			decode_add(x, "c-ip", port != STR_NPOS && dots != STR_NPOS ? str_sub(part, 0, port) : part);
			break;
		}
	decode_source(x, "", "webserver", "apache");
	return DECODE_OK;
}

/* "2026/03/02 09:00:00 [error] 7#7: *1 open() … failed, client: 192.0.2.7, server: s, request: "GET / HTTP/1.1", host: "h"" */
static enum decode_fault nginx_error(struct decoding *x, struct str text)
{
	struct str rest = text, level, pid;
	tstamp t;
	if (!find_time_take(&rest, x->reference, x->offset_s, &t) || !take_bracket(&rest, &level) || !str_word(&rest, &pid))
		return DECODE_NO_DECODER;
	size_t hash = str_chr(pid, '#');
	if (hash == STR_NPOS || pid.p[pid.n - 1] != ':' || !ch_is_digit((unsigned char)pid.p[0]))
		return DECODE_NO_DECODER;
	whole_line(x, text, true);
	decode_add(x, "level", level);
	size_t at = str_find(rest, STR("client: "));
	if (at != STR_NPOS) {
		struct str client = str_sub(rest, at + 8, rest.n), word;
		if (str_cut(&client, ',', &word))
			decode_add(x, "c-ip", str_trim(word));
	}
	if ((at = str_find(rest, STR("request: \""))) != STR_NPOS) {
		struct str request = str_sub(rest, at + 10, rest.n), method, target;
		if (str_word(&request, &method) && str_word(&request, &target)) {
			decode_add(x, "cs-method", method);
			size_t query = str_chr(target, '?');
			if (query != STR_NPOS)
				decode_add(x, "cs-uri-query", str_sub(target, query + 1, target.n));
			decode_add_target(x, target, query != STR_NPOS);
		}
	}
	decode_source(x, "", "webserver", "nginx");
	return DECODE_OK;
}

/* "Mon Mar  2 09:00:00 2026 [pid 7] [user] OK LOGIN: Client "192.0.2.7"" */
static enum decode_fault vsftpd(struct decoding *x, struct str text)
{
	size_t pid = str_find(str_sub(text, 0, 40), STR(" [pid ")), client = str_find(text, STR("Client \""));
	if (pid == STR_NPOS || client == STR_NPOS || !whole_line(x, text, true))
		return DECODE_NO_DECODER;
	struct str address = str_sub(text, client + 8, text.n), word;
	if (str_cut(&address, '"', &word))
		decode_add(x, "src_ip", word);
	decode_source(x, "linux", "", "vsftpd");
	return DECODE_OK;
}

/* Container runtimes: "2026-03-02T00:00:00.1Z stdout F what the program wrote" */
static enum decode_fault container(struct decoding *x, struct str text)
{
	struct str rest = text, stamp, stream, flag;
	if (!str_word(&rest, &stamp) || stamp.n < 20 || stamp.p[10] != 'T' || !str_word(&rest, &stream) || !str_word(&rest, &flag))
		return DECODE_NO_DECODER;
	if ((!str_eq(stream, STR("stdout")) && !str_eq(stream, STR("stderr"))) || (!str_eq(flag, STR("F")) && !str_eq(flag, STR("P"))) || !decode_time(x, stamp))
		return DECODE_NO_DECODER;
	rest = str_trim(rest);
	decode_add(x, "stream", stream);
	decode_add(x, "message", rest);
	struct str inside = rest;
	decode_fn *fn = decode_payload_kind(&inside);
	decode_payload(x, fn ? fn : decode_access, inside);
	return DECODE_OK;
}

/* docker compose: "name | line" */
static enum decode_fault compose(struct decoding *x, struct str text)
{
	size_t bar = str_find(str_sub(text, 0, 64), STR(" | ")), i;
	if (bar == STR_NPOS || !bar)
		return DECODE_NO_DECODER;
	struct str name = str_trim(str_sub(text, 0, bar));
	for (i = 0; i < name.n && (ch_is_alnum((unsigned char)name.p[i]) || name.p[i] == '_' || name.p[i] == '-' || name.p[i] == '.'); i++)
		;
	if (!i || i < name.n)
		return DECODE_NO_DECODER;
	struct str rest = str_trim(str_sub(text, bar + 3, text.n)), inside = rest;
	decode_fn *fn = decode_payload_kind(&inside);
	uint32_t own = x->ev->n_field;
	decode_add(x, "container", name);
	if (decode_payload(x, fn ? fn : decode_access, inside) || decode_payload(x, decode_kv, rest))
		return DECODE_OK;
	x->ev->n_field = own;
	return DECODE_NO_DECODER;
}

enum decode_fault decode_wrapped(struct decoding *x, struct str text)
{
	enum decode_fault f = container(x, text);
	if (f == DECODE_OK)
		return f;
	x->ev->n_field = 0;
	return compose(x, text);
}

/* Suricata's and Snort's fast.log: "03/02/2026-09:00:00.1  [**] [1:2008578:4] text [**] [Classification: c] [Priority: 2] {UDP} a:1 -> b:2" */
static enum decode_fault fast_alert(struct decoding *x, struct str text)
{
	size_t mark = str_find(str_sub(text, 0, 60), STR("[**]")), arrow = str_rchr(text, '>');
	struct str rest, id, ends;
	if (mark == STR_NPOS || arrow == STR_NPOS || !whole_line(x, text, true))
		return DECODE_NO_DECODER;
	rest = str_sub(text, mark + 4, text.n);
	if (!take_bracket(&rest, &id))
		return DECODE_NO_DECODER;
	decode_add(x, "signature_id", id);
	size_t end = str_find(rest, STR("[**]"));
	decode_add(x, "signature", str_trim(str_sub(rest, 0, end)));
	size_t close = str_rchr(text, '}');
	if (close != STR_NPOS && close < arrow) {
		struct str src = str_trim(str_sub(text, close + 1, arrow - 1)), dst = str_trim(str_sub(text, arrow + 1, text.n));
		const struct {
			struct str place;
			const char *ip, *port;
		} end_of[] = {{src, "src_ip", "src_port"}, {dst, "dst_ip", "dst_port"}};
		for (size_t i = 0; i < LEN(end_of); i++) {
			size_t colon = str_rchr(end_of[i].place, ':');
			decode_add(x, end_of[i].ip, str_sub(end_of[i].place, 0, colon));
			if (colon != STR_NPOS)
				decode_add(x, end_of[i].port, str_sub(end_of[i].place, colon + 1, end_of[i].place.n));
		}
		ends = str_sub(text, 0, close);
		size_t open = str_rchr(ends, '{');
		if (open != STR_NPOS)
			decode_add(x, "protocol", str_sub(ends, open + 1, ends.n));
	}
	decode_source(x, "suricata", "", "alert");
	return DECODE_OK;
}

/* A name server's own file. */
static enum decode_fault name_server(struct decoding *x, struct str text)
{
	struct found_time found;
	if (!find_time(text, x->reference, x->offset_s, &found))
		return DECODE_NO_DECODER;
	x->ev->time = found.time;
	x->ev->time_is_own = true;
	decode_add(x, "message", text);
	return decode_payload(x, decode_net, text) ? DECODE_OK : DECODE_NO_DECODER;
}

/* "2026-03-02 09:00:00,1 [thread] WARN  o.a.g.r.auth.AuthenticationService - Authentication attempt from 192.0.2.7 for user "u" failed." */
static enum decode_fault guacamole(struct decoding *x, struct str text)
{
	if (str_find(text, STR("o.a.g.")) == STR_NPOS && str_find(text, STR("org.apache.guacamole.")) == STR_NPOS)
		return DECODE_NO_DECODER;
	whole_line(x, text, false);
	decode_source(x, "linux", "", "guacamole");
	return DECODE_OK;
}

/* clamscan, clamd: "Mon Mar  2 09:00:00 2026 -> /tmp/x: Eicar FOUND", "/tmp/x: Eicar FOUND" */
static enum decode_fault clamav(struct decoding *x, struct str text)
{
	size_t colon = str_rchr(text, ':');
	if (!str_ends(text, STR(" FOUND")) || colon == STR_NPOS)
		return DECODE_NO_DECODER;
	whole_line(x, text, false);
	size_t from = str_find(text, STR(" -> "));
	decode_add(x, "Filename", str_sub(text, from == STR_NPOS || from > colon ? 0 : from + 4, colon));
	decode_add(x, "Signature", str_trim(str_sub(text, colon + 1, text.n - 6)));
	struct logsource ls[] = {{STR("linux"), STR("antivirus"), STR("clamav")}};
	decode_sources(x, ls, 1);
	return DECODE_OK;
}

/* Servers of databases, by what stands behind the time: MySQL "8 [Warning] …", PostgreSQL "UTC [147] …FATAL:  …", SQL Server "Logon  Error: …" */
static enum decode_fault database(struct decoding *x, struct str text)
{
	static const char *const postgres[] = {"FATAL:  ", "ERROR:  ", "LOG:  ", "STATEMENT:  ", "WARNING:  ", "PANIC:  ", "DETAIL:  "};
	static const char *const mysql[] = {"[Note]", "[Warning]", "[ERROR]", "[System]"};
	struct str rest = text, word, second;
	uint64_t thread;
	tstamp t;
	const char *service = NULL;
	if (!find_time_take(&rest, x->reference, x->offset_s, &t))
		return DECODE_NO_DECODER;
	struct str behind = rest;
	if (!str_word(&behind, &word))
		return DECODE_NO_DECODER;
	if ((str_eq(word, STR("Logon")) || str_eq(word, STR("Server")) || str_eq(word, STR("Backup")) || (str_starts(word, STR("spid")) && word.n < 10)) && str_starts(behind, STR("  ")))
		service = "mssql";
	else if (num_u64(word, &thread) && str_word(&behind, &second))
		for (size_t i = 0; i < LEN(mysql); i++)
			service = str_eq(second, str_c(mysql[i])) ? "mysql" : service;
	else if (word.n > 2 && word.p[0] == '[' && ch_is_digit((unsigned char)word.p[1]))
		for (size_t i = 0; i < LEN(postgres); i++)
			service = str_find(str_sub(rest, 0, 200), str_c(postgres[i])) != STR_NPOS ? "postgresql" : service;
	if (!service)
		return DECODE_NO_DECODER;
	x->ev->time = t;
	x->ev->time_is_own = true;
	decode_add(x, "message", text);
	decode_source(x, "", "database", service);
	return DECODE_OK;
}

/* Santa on macOS: "[time] I santad: action=EXEC|decision=ALLOW|…|path=/bin/x|args=x -a" */
static enum decode_fault santa(struct decoding *x, struct str text)
{
	static const char *const names[][2] = {{"path", "Image"}, {"args", "CommandLine"}, {"pid", "ProcessId"}, {"ppid", "ParentProcessId"}, {"user", "User"}};
	size_t at = str_find(str_sub(text, 0, 80), STR("santad: action="));
	struct str rest, pair, key, action = STR("");
	if (at == STR_NPOS || !whole_line(x, text, true))
		return DECODE_NO_DECODER;
	for (rest = str_sub(text, at + 8, text.n); str_cut(&rest, '|', &pair);)
		if (str_cut(&pair, '=', &key) && pair.p && key.n) {
			decode_add_str(x, key, pair);
			action = str_eq(key, STR("action")) ? pair : action;
		}
	bool exec = str_eq(action, STR("EXEC")), file = str_eq(action, STR("WRITE")) || str_eq(action, STR("RENAME")) || str_eq(action, STR("LINK"));
	for (size_t i = 0; exec && i < LEN(names); i++) {
		const struct field *f = event_field_name(x->ev, str_c(names[i][0]));
		if (f)
			decode_add_alias(x, names[i][1], val_text(f->val, x->mem));
	}
	if (file || str_eq(action, STR("DELETE"))) {
		const struct field *to = event_field_name(x->ev, STR("newpath")), *path = to ? to : event_field_name(x->ev, STR("path")), *by = event_field_name(x->ev, STR("processpath"));
		if (path)
			decode_add_alias(x, "TargetFilename", val_text(path->val, x->mem));
		if (by)
			decode_add_alias(x, "Image", val_text(by->val, x->mem));
	}
	decode_source(x, "macos", exec ? "process_creation" : file ? "file_event" : str_eq(action, STR("DELETE")) ? "file_delete" : "", "santa");
	return DECODE_OK;
}

enum decode_fault decode_app(struct decoding *x, struct str text)
{
	static decode_fn *const kinds[] = {apache_error, nginx_error, vsftpd, fast_alert, name_server, guacamole, clamav, database, santa, decode_access};
	struct event *ev = x->ev;
	uint32_t own = ev->n_field;
	tstamp time = ev->time;
	bool time_is_own = ev->time_is_own;
	for (size_t i = 0; i < LEN(kinds); i++) {
		enum decode_fault f = kinds[i](x, text);
		if (f == DECODE_OK)
			return f;
		ev->n_field = own;
		ev->time = time;
		ev->time_is_own = time_is_own;
	}
	return DECODE_NO_DECODER;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

#include "base/num.h"

/*
 * Syslog: RFC 5424, RFC 3164 and the looser lines that /var/log holds ("Mar  2 09:00:00 host prog[1]: text", ISO time instead). The payload is looked
 * at again: CEF, LEEF, JSON and audit records inside keep their own fields; well-known daemons give theirs.
 */
static const char *const SEVERITY[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
static const char *const FACILITY[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};

static bool take_priority(struct decoding *x, struct str *s)
{
	uint64_t pri;
	if (!str_take(s, STR("<")))
		return false;
	if (!num_take_u64(s, 3, &pri) || pri > 191 || !str_take(s, STR(">")))
		return false;
	decode_add(x, "facility", str_c(FACILITY[pri / 8]));
	decode_add(x, "severity", str_c(SEVERITY[pri % 8]));
	return true;
}

static struct str not_nil(struct str s)
{
	return str_eq(s, STR("-")) ? STR("") : s;
}

/* [id name="value" …]…: fields id.name (RFC 5424 §6.3). */
static bool take_structured(struct decoding *x, struct str *s)
{
	if (str_take(s, STR("-")))
		return true;
	while (str_take(s, STR("["))) {
		size_t n = 0;
		while (n < s->n && s->p[n] != ' ' && s->p[n] != ']')
			n++;
		struct str id = str_n(s->p, n);
		*s = str_sub(*s, n, s->n);
		while (str_take(s, STR(" "))) {
			struct str name;
			if (!str_cut(s, '=', &name) || !s->p || !str_take(s, STR("\"")))
				return false;
			n = 0;
			while (n < s->n && s->p[n] != '"')
				n += s->p[n] == '\\' && n + 1 < s->n ? 2 : 1;
			if (n >= s->n)
				return false;
			decode_add_str(x, arena_fmt(x->mem, "%.*s.%.*s", STR_ARG(id), STR_ARG(name)), str_n(s->p, n));
			*s = str_sub(*s, n + 1, s->n);
		}
		if (!str_take(s, STR("]")))
			return false;
	}
	return true;
}

static bool take_5424(struct decoding *x, struct str *s, struct str *ret_program)
{
	struct str in = *s, time, host, app, proc, msgid;
	if (!str_take(&in, STR("1 ")) || !str_word(&in, &time) || !str_word(&in, &host) || !str_word(&in, &app) || !str_word(&in, &proc) || !str_word(&in, &msgid) ||
		!str_take(&in, STR(" ")))
		return false;
	if (!str_eq(time, STR("-")) && !decode_time(x, time))
		return false;
	if (!take_structured(x, &in))
		return false;
	str_take(&in, STR(" "));
	str_take(&in, STR("\xEF\xBB\xBF"));
	x->ev->host = not_nil(host);
	if (not_nil(proc).n)
		decode_add(x, "pid", proc);
	if (not_nil(msgid).n)
		decode_add(x, "msgid", msgid);
	*ret_program = not_nil(app);
	*s = in;
	return true;
}

static bool take_any_time(struct decoding *x, struct str *s)
{
	struct str word, in = *s;
	tstamp t;
	if (ts_take_rfc3164(&in, x->rec->received, x->offset_s, &t)) {
		x->ev->time = t;
		x->ev->time_is_own = true;
		*s = in;
		return true;
	}
	if (str_word(&in, &word) && word.n >= 19 && ts_parse_rfc3339(word, x->offset_s, &t)) {
		x->ev->time = t;
		x->ev->time_is_own = true;
		*s = in;
		return true;
	}
	return false;
}

/* "prog[pid]: " or "prog: " */
static bool take_tag(struct decoding *x, struct str *s, struct str *ret_program)
{
	size_t n = 0;
	while (n < s->n && n < 64 && !ch_is_space((unsigned char)s->p[n]) && s->p[n] != ':' && s->p[n] != '[')
		n++;
	struct str name = str_n(s->p, n), in = str_sub(*s, n, s->n), pid;
	if (!n)
		return false;
	if (str_take(&in, STR("["))) {
		if (!str_cut(&in, ']', &pid) || !in.p)
			return false;
		decode_add(x, "pid", pid);
	}
	if (!str_take(&in, STR(":")))
		return false;
	str_take(&in, STR(" "));
	*ret_program = name;
	*s = in;
	return true;
}

static bool take_3164(struct decoding *x, struct str *s, bool has_priority, struct str *ret_program)
{
	struct str in = *s, host, before;
	if (!take_any_time(x, &in)) {
		/* A sender that leaves time and host out still names its program. */
		return has_priority ? take_tag(x, s, ret_program) || true : false;
	}
	in = str_trim(in);
	before = in;
	if (take_tag(x, &in, ret_program)) {
		*s = in;
		return true;
	}
	in = before;
	if (!str_word(&in, &host))
		return false;
	x->ev->host = host;
	in = str_trim(in);
	take_tag(x, &in, ret_program);
	*s = in;
	return true;
}

static bool cut_word_after(struct str text, const char *literal, struct str *ret)
{
	size_t at = str_find(text, str_c(literal));
	if (at == STR_NPOS)
		return false;
	struct str rest = str_sub(text, at + strlen(literal), text.n);
	return str_word(&rest, ret);
}

/* OpenSSH: who, from where, how, with what result. */
static void sshd_fields(struct decoding *x, struct str message)
{
	static const struct {
		const char *starts, *action, *user_after;
	} form[] = {{"Failed ", "failed", " for invalid user "}, {"Failed ", "failed", " for "}, {"Accepted ", "accepted", " for "},
		{"Invalid user ", "invalid_user", "Invalid user "}, {"Connection closed by authenticating user ", "closed", "authenticating user "}};
	struct str word;
	for (size_t i = 0; i < LEN(form); i++) {
		if (!str_starts(message, str_c(form[i].starts)) || str_find(message, str_c(form[i].user_after)) == STR_NPOS)
			continue;
		decode_add(x, "action", str_c(form[i].action));
		struct str rest = str_sub(message, strlen(form[i].starts), message.n);
		if (i < 3 && str_word(&rest, &word))
			decode_add(x, "auth_method", word);
		if (cut_word_after(message, form[i].user_after, &word))
			decode_add(x, "user", word);
		break;
	}
	if (cut_word_after(message, " from ", &word))
		decode_add(x, "src_ip", word);
	if (cut_word_after(message, " port ", &word))
		decode_add(x, "src_port", word);
}

/* sudo: "sato : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls" */
static void sudo_fields(struct decoding *x, struct str message)
{
	struct str user, pair, key, trimmed = str_trim(message);
	if (str_find(message, STR(" ; COMMAND=")) == STR_NPOS && str_find(message, STR("TTY=")) == STR_NPOS)
		return;
	if (!str_word(&trimmed, &user))
		return;
	decode_add(x, "user", user);
	size_t at = str_find(trimmed, STR("COMMAND="));
	struct str head = str_sub(trimmed, 0, at == STR_NPOS ? trimmed.n : at);
	while (str_cut(&head, ';', &pair)) {
		pair = str_trim(pair);
		if (str_starts(pair, STR(": ")))
			pair = str_sub(pair, 2, pair.n);
		if (str_cut(&pair, '=', &key) && pair.p)
			decode_add_str(x, str_eq(key, STR("USER")) ? STR("target_user") : key, pair);
	}
	if (at != STR_NPOS)
		decode_add(x, "command", str_sub(trimmed, at + 8, trimmed.n));
}

static const struct program {
	const char *name, *service, *also;
	void (*fields)(struct decoding *x, struct str message);
} PROGRAMS[] = {
	{"sshd", "sshd", "auth", sshd_fields}, {"sshd-session", "sshd", "auth", sshd_fields}, {"sudo", "sudo", "auth", sudo_fields}, {"su", "auth", NULL, NULL},
	{"login", "auth", NULL, NULL}, {"useradd", "auth", NULL, NULL}, {"usermod", "auth", NULL, NULL}, {"userdel", "auth", NULL, NULL}, {"groupadd", "auth", NULL, NULL},
	{"passwd", "auth", NULL, NULL}, {"polkitd", "auth", NULL, NULL}, {"systemd-logind", "auth", NULL, NULL}, {"gdm-password]", "auth", NULL, NULL}, {"CRON", "cron", "auth", NULL},
	{"cron", "cron", NULL, NULL}, {"crond", "cron", NULL, NULL}, {"crontab", "cron", NULL, NULL}, {"anacron", "cron", NULL, NULL}, {"vsftpd", "vsftpd", NULL, NULL},
	{"clamd", "clamav", NULL, NULL}, {"freshclam", "clamav", NULL, NULL}, {"guacd", "guacamole", NULL, NULL},
};

static void log_source(struct decoding *x, struct str program, struct str message)
{
	struct logsource ls[4] = {{STR("linux"), STR(""), STR("syslog")}};
	size_t n = 0;
	for (size_t i = 0; i < LEN(PROGRAMS); i++) {
		if (!str_eq(program, str_c(PROGRAMS[i].name)))
			continue;
		if (PROGRAMS[i].fields)
			PROGRAMS[i].fields(x, message);
		ls[n++] = (struct logsource){STR("linux"), STR(""), str_c(PROGRAMS[i].service)};
		if (PROGRAMS[i].also)
			ls[n++] = (struct logsource){STR("linux"), STR(""), str_c(PROGRAMS[i].also)};
		break;
	}
	ls[n++] = (struct logsource){STR("linux"), STR(""), STR("syslog")};
	if (!x->forced)
		x->ev->lsset = vocab_lsset(x->vocab, ls, n);
}

static decode_fn *payload_decoder(struct str *message)
{
	size_t at;
	if (str_take(message, STR("@cee:")))
		*message = str_trim(*message);
	if (str_starts(*message, STR("{")))
		return decode_json;
	if (str_starts(*message, STR("type=")) || str_starts(*message, STR("node=")))
		return decode_auditd;
	if ((at = str_find(*message, STR("CEF:"))) != STR_NPOS && at < 64) {
		*message = str_sub(*message, at, message->n);
		return decode_cef;
	}
	if ((at = str_find(*message, STR("LEEF:"))) != STR_NPOS && at < 64) {
		*message = str_sub(*message, at, message->n);
		return decode_leef;
	}
	return NULL;
}

/* A payload with a grammar of its own adds its fields behind the header's. False when it has none, or breaks it. */
static bool payload(struct decoding *x, struct str message, decode_fn *fn)
{
	struct event *outer = x->ev, inner = *outer;
	if (!fn)
		return false;
	inner.field = NULL;
	inner.n_field = inner.field_room = 0;
	inner.lsset = 0;
	x->ev = &inner;
	bool ok = fn(x, message) == DECODE_OK;
	x->ev = outer;
	if (!ok)
		return false;
	for (uint32_t i = 0; i < inner.n_field; i++)
		event_add_field(outer, x->mem, inner.field[i].name, inner.field[i].id, inner.field[i].val, inner.field[i].flags);
	outer->time = inner.time;
	outer->time_is_own = inner.time_is_own;
	if (inner.lsset && !x->forced)
		outer->lsset = inner.lsset;
	if (inner.host.n)
		outer->host = inner.host;
	return true;
}

enum decode_fault decode_syslog(struct decoding *x, struct str text)
{
	struct str s = text, program = STR("");
	struct event *ev = x->ev;
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\0' || s.p[s.n - 1] == '\r'))
		s.n--;
	bool pri = take_priority(x, &s);
	bool known = take_5424(x, &s, &program) || take_3164(x, &s, pri, &program);
	if (!known)
		return DECODE_SYNTAX;
	if (program.n)
		decode_add(x, "program", program);
	if (ev->host.n)
		decode_add(x, "hostname", ev->host);
	decode_add(x, "message", s);
	struct str inside = s;
	decode_fn *fn = payload_decoder(&inside);
	if (payload(x, inside, fn))
		return DECODE_OK;
	log_source(x, program, s);
	if (kv_is_pairs(s)) {
		/* Pairs say what, not who and when: log source and time stay the header's. */
		tstamp time = ev->time;
		bool own = ev->time_is_own;
		payload(x, s, decode_kv);
		ev->time = time;
		ev->time_is_own = own;
	}
	return DECODE_OK;
}

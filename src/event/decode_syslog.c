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

/* A word that can be a host's name, and no level or bracketed thing that programs put behind their time. */
static bool host_like(struct str s)
{
	static const char *const levels[] = {"INFO", "WARN", "WARNING", "ERROR", "DEBUG", "TRACE", "FATAL", "NOTICE", "CRITICAL", "CRIT", "SEVERE", "stdout", "stderr", "AM", "PM"};
	if (!s.n || s.n > 255)
		return false;
	for (size_t i = 0; i < LEN(levels); i++)
		if (str_ieq(s, str_c(levels[i])))
			return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (!ch_is_alnum(c) && c != '.' && c != '-' && c != '_' && c < 0x80 && !(c == ':' && i + 1 < s.n))
			return false;
	}
	return true;
}

static bool is_address(struct str s)
{
	unsigned char addr[16];
	bool v4;
	return num_ip(s, addr, &v4);
}

/* How sure the front of a line makes that it is "prog[pid]: ". */
enum tag { TAG_NONE, TAG_NAME, TAG_PID };

/* "prog[pid]: ", "prog: ", "prog[pid] text", "prog [pid]: " */
static enum tag take_tag(struct decoding *x, struct str *s, struct str *ret_program)
{
	size_t n = 0;
	while (n < s->n && n < 64 && !ch_is_space((unsigned char)s->p[n]) && s->p[n] != ':' && s->p[n] != '[' && s->p[n] != '=' && s->p[n] != '"')
		n++;
	struct str name = str_n(s->p, n), in = str_sub(*s, n, s->n), pid = STR_NONE;
	uint64_t number;
	if (!n || name.p[0] == '%' || name.p[0] == '<' || num_u64(name, &number))
		return TAG_NONE;
	if (str_starts(in, STR(" [")) && in.n > 2 && ch_is_digit((unsigned char)in.p[2]))
		in = str_sub(in, 1, in.n);
	if (str_take(&in, STR("["))) {
		size_t end = str_chr(str_sub(in, 0, 24), ']');
		if (end == STR_NPOS || end == 0)
			return TAG_NONE;
		pid = str_sub(in, 0, end);
		in = str_sub(in, end + 1, in.n);
	}
	bool colon = str_take(&in, STR(":"));
	if (!colon && !(pid.p && ch_is_digit((unsigned char)pid.p[0]) && (!in.n || in.p[0] == ' ')))
		return TAG_NONE;
	if (colon && in.n && !ch_is_space((unsigned char)in.p[0]) && !pid.p)
		return TAG_NONE; /* a:b is a word */
	if (pid.p)
		decode_add(x, "pid", pid);
	str_take(&in, STR(" "));
	*ret_program = name;
	*s = in;
	return pid.p ? TAG_PID : TAG_NAME;
}

/* BSD's syslogd -v: "<4.6>", "<auth.info>" */
static void take_level(struct decoding *x, struct str *s)
{
	struct str in = *s, facility, level;
	uint64_t f, l;
	size_t end = str_chr(str_sub(in, 0, 24), '>');
	if (end == STR_NPOS || !str_take(&in, STR("<")))
		return;
	struct str inside = str_sub(in, 0, end - 1);
	if (!str_cut(&inside, '.', &facility) || !inside.p)
		return;
	level = inside;
	if (num_u64(facility, &f) && num_u64(level, &l) && f < LEN(FACILITY) && l < LEN(SEVERITY)) {
		facility = str_c(FACILITY[f]);
		level = str_c(SEVERITY[l]);
	}
	decode_add(x, "facility", facility);
	decode_add(x, "severity", level);
	*s = str_trim(str_sub(in, end, in.n));
}

/*
 * "[Nov 22 01:02:03|2026-11-22T01:02:03.5+09:00] host prog[pid]: text", host or program perhaps left out. Numeric dates are how many programs begin
 * their own lines, so behind those the rest must look the part.
 */
static bool take_3164(struct decoding *x, struct str *s, bool has_priority, struct str *ret_program)
{
	struct str in = *s, host, before;
	tstamp t;
	/* Cisco counts its messages: "29: *Mar  1 …" */
	struct str counted = in;
	uint64_t number;
	if (has_priority && num_take_u64(&counted, 12, &number) && str_take(&counted, STR(": ")))
		in = counted;
	while (has_priority && in.n && (in.p[0] == ' ' || in.p[0] == '*'))
		in = str_sub(in, 1, in.n);
	bool month = in.n && in.p[0] >= 'A' && in.p[0] <= 'Z', joined = in.n > 10 && in.p[10] == 'T';
	if (!find_time_take(&in, x->reference, x->offset_s, &t) || (in.n && !ch_is_space((unsigned char)in.p[0]) && in.p[0] != ':'))
		/* A sender that leaves time and host out still names its program. */
		return has_priority ? take_tag(x, s, ret_program) || true : false;
	str_take(&in, STR(":"));
	in = str_trim(in);
	take_level(x, &in);
	before = in;
	uint32_t own = x->ev->n_field;
	enum tag tag = take_tag(x, &in, ret_program);
	if (tag == TAG_NONE || (tag == TAG_NAME && !month && !has_priority)) {
		x->ev->n_field = own;
		*ret_program = STR("");
		in = before;
		if (!str_word(&in, &host) || !host_like(host)) {
			if (!has_priority)
				return false;
			in = before; /* time and text */
		} else {
			in = str_trim(in);
			tag = take_tag(x, &in, ret_program);
			/* "1," begins PAN-OS's cells. */
			bool sure = month || has_priority || tag == TAG_PID || (joined && (tag == TAG_NAME || is_address(host) || str_starts(in, STR("1,"))));
			if (!sure) {
				x->ev->n_field = own;
				return false;
			}
			x->ev->host = host;
		}
	}
	x->ev->time = t;
	x->ev->time_is_own = true;
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
			decode_add_str(x, key, pair);
		if (str_eq(key, STR("USER")))
			decode_add(x, "target_user", pair);
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

/* Postfix and others name their parts: postfix/smtpd, dovecot/imap. */
static const struct program *program_of(struct str program)
{
	for (size_t i = 0; i < LEN(PROGRAMS); i++)
		if (str_eq(program, str_c(PROGRAMS[i].name)))
			return &PROGRAMS[i];
	return NULL;
}

decode_fn *decode_payload_kind(struct str *message)
{
	size_t at;
	if (str_take(message, STR("@cee:")))
		*message = str_trim(*message);
	if (str_starts(*message, STR("{")))
		return decode_json;
	if (str_starts(*message, STR("<Event")))
		return decode_xml;
	if ((str_starts(*message, STR("type=")) || str_starts(*message, STR("node="))) && str_find(str_sub(*message, 0, 300), STR("msg=audit(")) != STR_NPOS)
		return decode_auditd;
	struct str head = str_sub(*message, 0, 80);
	if ((at = str_find(head, STR("CEF:"))) != STR_NPOS) {
		*message = str_sub(*message, at, message->n);
		return decode_cef;
	}
	if ((at = str_find(head, STR("LEEF:"))) != STR_NPOS) {
		*message = str_sub(*message, at, message->n);
		return decode_leef;
	}
	return NULL;
}

/* "audit: type=1400 audit(1700000000.123:45): apparmor=…" and "audispd: node=h type=SYSCALL msg=audit(…" */
static bool audit_payload(struct decoding *x, struct str program, struct str message)
{
	static const char *const programs[] = {"audispd", "audisp-syslog", "auditd", "audit", "kernel"};
	for (size_t i = 0; i < LEN(programs); i++)
		if (str_eq(program, str_c(programs[i])) && str_find(str_sub(message, 0, 200), STR("audit(")) != STR_NPOS)
			return decode_payload(x, decode_auditd, message);
	return false;
}

void decode_daemon(struct decoding *x, struct str program, struct str message)
{
	struct logsource ls[4];
	size_t n = 0;
	struct str inside = message;
	decode_fn *fn = decode_payload_kind(&inside);
	const struct program *p = program_of(program);
	uint32_t before = x->ev->lsset;
	/* A daemon that writes JSON is still a daemon; CEF and LEEF come from appliances. */
	if (fn && decode_payload(x, fn, inside) && (x->ev->lsset != before || fn == decode_cef || fn == decode_leef))
		return;
	if (audit_payload(x, program, message))
		return;
	if (p && p->fields)
		p->fields(x, message);
	if (p)
		ls[n++] = (struct logsource){STR("linux"), STR(""), str_c(p->service)};
	if (p && p->also)
		ls[n++] = (struct logsource){STR("linux"), STR(""), str_c(p->also)};
	ls[n++] = (struct logsource){STR("linux"), STR(""), STR("syslog")};
	decode_sources(x, ls, n);
	if (fn)
		return;
	/* Pairs say what, not who and when: log source and time stay the header's. */
	if (kv_is_pairs(message)) {
		tstamp time = x->ev->time;
		bool own = x->ev->time_is_own;
		if (!decode_payload(x, decode_net, message))
			decode_pairs(x, message);
		x->ev->time = time;
		x->ev->time_is_own = own;
		return;
	}
	/* Appliances and servers that write through syslog are what they are, not Linux. */
	if (!decode_payload(x, decode_net, message) && !p)
		decode_payload(x, decode_access, message);
}

enum decode_fault decode_syslog(struct decoding *x, struct str text)
{
	struct str s = text, program = STR("");
	struct event *ev = x->ev;
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\0' || s.p[s.n - 1] == '\r'))
		s.n--;
	bool pri = take_priority(x, &s);
	uint32_t own = ev->n_field;
	if (!take_5424(x, &s, &program)) {
		ev->n_field = own; /* of structured data that breaks off */
		if (!take_3164(x, &s, pri, &program))
			return DECODE_SYNTAX;
	}
	if (str_starts(s, STR(": %")))
		s = str_sub(s, 2, s.n);
	if (program.n)
		decode_add(x, "program", program);
	if (ev->host.n)
		decode_add(x, "hostname", ev->host);
	decode_add(x, "message", s);
	decode_daemon(x, program, s);
	return DECODE_OK;
}

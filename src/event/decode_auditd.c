/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

#include "base/num.h"
#include "base/utf8.h"

/*
 * Linux audit: the lines of one serial are one event. Every line's fields are kept under their own names; `type` occurs once per line (as
 * array elements), so rules that ask for type: EXECVE and for a0 see one event. Hex-encoded text is decoded. CommandLine, Image and
 * friends are made from EXECVE and SYSCALL, which makes an execution a process_creation as well.
 */

/* Fields that the kernel writes as hex when they hold blanks, quotes or control bytes. */
static bool may_be_hex(struct str name)
{
	static const char *const names[] = {"proctitle", "exe", "comm", "name", "cwd", "path", "acct", "key", "cmd", "data", "dir", "vm", "unit", "op", "grp", "new_group"};
	for (size_t i = 0; i < LEN(names); i++)
		if (str_eq(name, str_c(names[i])))
			return true;
	return name.n >= 2 && name.p[0] == 'a' && ch_is_digit((unsigned char)name.p[1]);
}

static struct str hex_text(struct decoding *x, struct str s)
{
	if (s.n < 2 || s.n % 2)
		return s;
	for (size_t i = 0; i < s.n; i++)
		if (ch_hex((unsigned char)s.p[i]) < 0 || (s.p[i] >= 'a' && s.p[i] <= 'f'))
			return s;
	char *out = arena_alloc(x->mem, s.n / 2 + 1);
	if (!out)
		return s;
	for (size_t i = 0; i < s.n / 2; i++) {
		out[i] = (char)(ch_hex((unsigned char)s.p[2 * i]) * 16 + ch_hex((unsigned char)s.p[2 * i + 1]));
		if (!out[i])
			out[i] = ' ';
	}
	return utf8_valid(str_n(out, s.n / 2)) ? str_n(out, s.n / 2) : s;
}

struct audit {
	struct str exe, cwd, ppid, pid, proctitle, uid, comm;
	struct str arg[64];
	size_t n_arg;
	bool execve, syscall;
};

static void remember(struct audit *a, struct str type, struct str name, struct str value)
{
	const struct {
		const char *name;
		struct str *to;
	} want[] = {{"exe", &a->exe}, {"cwd", &a->cwd}, {"ppid", &a->ppid}, {"pid", &a->pid}, {"proctitle", &a->proctitle}, {"uid", &a->uid}, {"comm", &a->comm}};
	uint64_t index;
	for (size_t i = 0; i < LEN(want); i++)
		if (str_eq(name, str_c(want[i].name)))
			*want[i].to = value;
	struct str digits = str_sub(name, 1, name.n);
	if (str_eq(type, STR("EXECVE")) && name.n > 1 && name.p[0] == 'a' && num_u64(digits, &index) && index < LEN(a->arg)) {
		a->arg[index] = value;
		if (index >= a->n_arg)
			a->n_arg = index + 1;
	}
}

static void add_pair(struct decoding *x, struct audit *a, struct str type, struct str name, struct str value, bool was_quoted)
{
	if (!was_quoted && may_be_hex(name) && !(str_eq(type, STR("SYSCALL")) && name.p[0] == 'a' && name.n == 2))
		value = hex_text(x, value);
	remember(a, type, name, value);
	decode_add_str(x, name, value);
}

/* name=value name="value" name='nested pairs' … */
static void add_pairs(struct decoding *x, struct audit *a, struct str type, struct str s)
{
	while (s.n) {
		struct str name, value;
		while (s.n && (ch_is_space((unsigned char)s.p[0]) || s.p[0] == ',' || s.p[0] == 0x1d))
			s = str_sub(s, 1, s.n);
		size_t eq = str_chr(s, '='), blank = str_chr(s, ' ');
		if (eq == STR_NPOS)
			return;
		if (blank < eq) {
			s = str_sub(s, blank + 1, s.n);
			continue;
		}
		name = str_sub(s, 0, eq);
		s = str_sub(s, eq + 1, s.n);
		if (str_take(&s, STR("'"))) {
			size_t end = str_rchr(s, '\'');
			add_pairs(x, a, type, str_sub(s, 0, end == STR_NPOS ? s.n : end));
			s = str_sub(s, end == STR_NPOS ? s.n : end + 1, s.n);
		} else if (str_take(&s, STR("\""))) {
			size_t end = str_chr(s, '"');
			value = str_sub(s, 0, end == STR_NPOS ? s.n : end);
			s = str_sub(s, end == STR_NPOS ? s.n : end + 1, s.n);
			add_pair(x, a, type, name, value, true);
		} else {
			size_t n = 0;
			while (n < s.n && !ch_is_space((unsigned char)s.p[n]) && s.p[n] != 0x1d)
				n++;
			value = str_sub(s, 0, n);
			s = str_sub(s, n, s.n);
			add_pair(x, a, type, name, value, false);
		}
	}
}

/* "type=X msg=audit(1700000000.123:45): …", perhaps behind node=host. */
static bool take_head(struct decoding *x, struct str *s, struct str *ret_type)
{
	struct str host, stamp;
	if (str_take(s, STR("node="))) {
		if (!str_word(s, &host))
			return false;
		x->ev->host = host;
		*s = str_trim(*s);
	}
	if (!str_take(s, STR("type=")) || !str_word(s, ret_type))
		return false;
	*s = str_trim(*s);
	if (!str_take(s, STR("msg=audit(")) || !str_cut(s, ':', &stamp) || !s->p)
		return false;
	if (!ts_parse_epoch(stamp, &x->ev->time))
		return false;
	x->ev->time_is_own = true;
	size_t close = str_find(*s, STR("):"));
	if (close == STR_NPOS)
		return false;
	decode_add(x, "serial", str_sub(*s, 0, close));
	*s = str_sub(*s, close + 2, s->n);
	return true;
}

static struct str command_line(struct decoding *x, const struct audit *a)
{
	if (!a->n_arg)
		return a->proctitle;
	struct str line = STR("");
	for (size_t i = 0; i < a->n_arg; i++)
		line = arena_fmt(x->mem, "%.*s%s%.*s", STR_ARG(line), i ? " " : "", STR_ARG(a->arg[i]));
	return line;
}

static void add_alias(struct decoding *x, const char *name, struct str value)
{
	if (value.n) {
		struct val v = {.kind = VAL_STR, .u.p = value.p, .n = (uint32_t)value.n};
		event_add_field(x->ev, x->mem, str_c(name), vocab_field(x->vocab, str_c(name)), v, FIELD_F_ALIAS);
	}
}

enum decode_fault decode_auditd(struct decoding *x, struct str text)
{
	struct audit a = {0};
	struct str line;
	size_t lines = 0;
	while (str_line(&text, &line)) {
		struct str type;
		if (!str_trim(line).n)
			continue;
		if (!take_head(x, &line, &type))
			return DECODE_SYNTAX;
		struct val v = {.kind = VAL_STR, .u.p = type.p, .n = (uint32_t)type.n};
		event_add_field(x->ev, x->mem, STR("type"), vocab_field(x->vocab, STR("type")), v, FIELD_F_ELEMENT);
		a.execve = a.execve || str_eq(type, STR("EXECVE"));
		a.syscall = a.syscall || str_eq(type, STR("SYSCALL"));
		add_pairs(x, &a, type, line);
		lines++;
	}
	if (!lines)
		return DECODE_SYNTAX;
	struct logsource ls[2] = {{STR("linux"), STR(""), STR("auditd")}};
	size_t n = 1;
	if (a.execve) {
		ls[0].category = STR("process_creation");
		add_alias(x, "CommandLine", command_line(x, &a));
		add_alias(x, "Image", a.exe.n ? a.exe : a.arg[0]);
		add_alias(x, "CurrentDirectory", a.cwd);
		add_alias(x, "ProcessId", a.pid);
		add_alias(x, "ParentProcessId", a.ppid);
		add_alias(x, "User", a.uid);
	}
	if (!x->forced)
		x->ev->lsset = vocab_lsset(x->vocab, ls, n);
	return DECODE_OK;
}

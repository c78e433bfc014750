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
	static const char *const names[] = {"proctitle", "exe", "comm", "name", "cwd", "path", "acct", "key", "cmd", "data", "dir", "vm", "unit", "op", "grp", "new_group", "fs", "bus", "hostname", "terminal", "exe_path", "ocomm", "old_comm", "new_comm", "cgroup", "res_label", "sw", "root_dir"};
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
	struct str exe, cwd, ppid, pid, proctitle, uid, comm, user;
	struct pieces arg[256];
	size_t n_arg;
	bool execve, syscall;
};

/* a0, a1 …, and a2[0], a2[1] … of arguments that were cut in pieces. */
static void remember_argument(struct decoding *x, struct audit *a, struct str name, struct str value)
{
	struct str digits = str_sub(name, 1, name.n);
	uint64_t index;
	size_t open = str_chr(digits, '[');
	if (!num_u64(str_sub(digits, 0, open), &index) || index >= LEN(a->arg))
		return;
	if (open == STR_NPOS)
		a->arg[index] = (struct pieces){0};
	pieces_add(&a->arg[index], x->mem, value);
	if (index >= a->n_arg)
		a->n_arg = (size_t)index + 1;
}

static void remember(struct decoding *x, struct audit *a, struct str type, struct str name, struct str value)
{
	const struct {
		const char *name;
		struct str *to;
	} want[] = {{"exe", &a->exe}, {"cwd", &a->cwd}, {"ppid", &a->ppid}, {"pid", &a->pid}, {"proctitle", &a->proctitle}, {"uid", &a->uid}, {"comm", &a->comm}, {"UID", &a->user}};
	for (size_t i = 0; i < LEN(want); i++)
		if (str_eq(name, str_c(want[i].name)))
			*want[i].to = value;
	if (str_eq(type, STR("EXECVE")) && name.n > 1 && name.p[0] == 'a')
		remember_argument(x, a, name, value);
}

static void add_pair(struct decoding *x, struct audit *a, struct str type, struct str name, struct str value, bool was_quoted)
{
	bool registers = str_eq(type, STR("SYSCALL")) && name.p[0] == 'a' && name.n == 2;
	if (!was_quoted && may_be_hex(name) && !registers)
		value = hex_text(x, value);
	remember(x, a, type, name, value);
	decode_add_str(x, name, value);
}

/* name=value name="value" name='nested pairs' …; behind 0x1D come the names that auditd looked up, in capitals. */
#define NESTED_MAX 4 /* pairs in quotes in quotes */

static void add_pairs(struct decoding *x, struct audit *a, struct str type, struct str s, int depth)
{
	while (s.n) {
		struct str name, value;
		while (s.n && (ch_is_space((unsigned char)s.p[0]) || s.p[0] == ',' || s.p[0] == 0x1d))
			s = str_sub(s, 1, s.n);
		size_t n = 0;
		while (n < s.n && s.p[n] != '=' && !ch_is_space((unsigned char)s.p[n]) && s.p[n] != 0x1d)
			n++;
		if (n == s.n)
			return;
		if (s.p[n] != '=' || !n) {
			s = str_sub(s, n + 1, s.n);
			continue;
		}
		name = str_sub(s, 0, n);
		s = str_sub(s, n + 1, s.n);
		if (depth < NESTED_MAX && str_take(&s, STR("'"))) {
			size_t end = str_rchr(s, '\'');
			add_pairs(x, a, type, str_sub(s, 0, end == STR_NPOS ? s.n : end), depth + 1);
			s = str_sub(s, end == STR_NPOS ? s.n : end + 1, s.n);
		} else if (str_take(&s, STR("\""))) {
			size_t end = str_chr(s, '"');
			value = str_sub(s, 0, end == STR_NPOS ? s.n : end);
			s = str_sub(s, end == STR_NPOS ? s.n : end + 1, s.n);
			add_pair(x, a, type, name, value, true);
		} else {
			for (n = 0; n < s.n && !ch_is_space((unsigned char)s.p[n]) && s.p[n] != 0x1d; n++)
				;
			value = str_sub(s, 0, n);
			s = str_sub(s, n, s.n);
			add_pair(x, a, type, name, value, false);
		}
	}
}

/* "type=X msg=audit(1700000000.123:45): …", perhaps behind node=host; the kernel's own "audit: type=1400 audit(…): …" */
static bool take_head(struct decoding *x, struct str *s, struct str *ret_type, struct str *serial)
{
	struct str host, stamp, word;
	if (str_take(s, STR("node="))) {
		if (!str_word(s, &host))
			return false;
		x->ev->host = host;
		*s = str_trim(*s);
	}
	str_take(s, STR("audit: "));
	if (!str_take(s, STR("type=")) || !str_word(s, ret_type))
		return false;
	*s = str_trim(*s);
	if (!str_take(s, STR("msg=audit(")) && !str_take(s, STR("audit(")))
		return false;
	/* auditd's own records may lack the colon behind, very old ones the serial. */
	size_t close = str_chr(str_sub(*s, 0, 64), ')');
	if (close == STR_NPOS)
		return false;
	word = str_sub(*s, 0, close);
	*s = str_sub(*s, close + 1, s->n);
	str_take(s, STR(":"));
	if (!str_cut(&word, ':', &stamp) || !ts_parse_epoch(stamp, &x->ev->time))
		return false;
	x->ev->time_is_own = true;
	if (word.p && !str_eq(word, *serial))
		decode_add(x, "serial", word);
	*serial = word;
	return true;
}

static struct str command_line(struct decoding *x, const struct audit *a)
{
	struct pieces line = {0};
	if (!a->n_arg)
		return a->proctitle;
	for (size_t i = 0; i < a->n_arg; i++) {
		if (i)
			pieces_add(&line, x->mem, STR(" "));
		pieces_add(&line, x->mem, pieces_str(&a->arg[i]));
	}
	return pieces_str(&line);
}

/* What Sigma's process_creation asks for, and the log sources. */
static void finish(struct decoding *x, const struct audit *a)
{
	struct logsource ls = {STR("linux"), STR(""), STR("auditd")};
	if (a->execve) {
		ls.category = STR("process_creation");
		decode_add_alias(x, "CommandLine", command_line(x, a));
		decode_add_alias(x, "Image", a->exe.n ? a->exe : pieces_str(&a->arg[0]));
		decode_add_alias(x, "CurrentDirectory", a->cwd);
		decode_add_alias(x, "ProcessId", a->pid);
		decode_add_alias(x, "ParentProcessId", a->ppid);
		decode_add_alias(x, "User", a->user.n ? a->user : a->uid);
	}
	decode_sources(x, &ls, 1);
}

/* A name that several lines of the event have is one field with several values: a rule sees each of them. */
static void mark_repeated(struct event *ev, uint32_t from)
{
	for (uint32_t i = from; i < ev->n_field && i < from + 2000; i++)
		for (uint32_t k = from; k < i; k++)
			if (ev->field[k].id == ev->field[i].id && (ev->field[i].id || str_eq(ev->field[k].name, ev->field[i].name))) {
				ev->field[k].flags |= FIELD_F_ELEMENT;
				ev->field[i].flags |= FIELD_F_ELEMENT;
				break;
			}
}

enum decode_fault decode_auditd(struct decoding *x, struct str text)
{
	struct audit a = {0};
	struct str line, serial = STR_NONE;
	size_t lines = 0;
	uint32_t from = x->ev->n_field;
	while (str_line(&text, &line)) {
		struct str type;
		if (!str_trim(line).n)
			continue;
		if (!take_head(x, &line, &type, &serial))
			return DECODE_SYNTAX;
		decode_add_val(x, STR("type"), (struct val){.kind = VAL_STR, .u.p = type.p, .n = (uint32_t)type.n}, FIELD_F_ELEMENT);
		a.execve = a.execve || str_eq(type, STR("EXECVE"));
		a.syscall = a.syscall || str_eq(type, STR("SYSCALL"));
		add_pairs(x, &a, type, line, 0);
		lines++;
	}
	if (!lines)
		return DECODE_SYNTAX;
	if (lines > 1)
		mark_repeated(x->ev, from);
	finish(x, &a);
	return DECODE_OK;
}

/* ---- LAUREL ---------------------------------------------------------------------------------------------------------------------------------------- */

/* {"ID":"1700000000.123:45","SYSCALL":{…},"EXECVE":{"ARGV":[…]},"PATH":[…]}: the same fields, sorted by record. */
bool decode_laurel(struct decoding *x)
{
	struct event *ev = x->ev;
	struct audit a = {0};
	uint32_t own = ev->n_field;
	struct pieces title = {0};
	struct str id, stamp, before = STR("");
	if (!own || !str_eq(ev->field[0].name, STR("ID")) || ev->field[0].val.kind != VAL_STR)
		return false;
	id = val_text(ev->field[0].val, x->mem);
	if (!str_cut(&id, ':', &stamp) || !id.p || !ts_parse_epoch(stamp, &ev->time))
		return false;
	ev->time_is_own = true;
	for (uint32_t i = 1; i < own; i++) {
		struct str name = ev->field[i].name, type;
		if (!str_cut(&name, '.', &type))
			continue;
		if (!name.p) { /* "NODE":"host" */
			if (str_eq(type, STR("NODE")))
				ev->host = val_text(ev->field[i].val, x->mem);
			continue;
		}
		if (!str_eq(type, before))
			decode_add_val(x, STR("type"), (struct val){.kind = VAL_STR, .u.p = type.p, .n = (uint32_t)type.n}, FIELD_F_ELEMENT | FIELD_F_ALIAS);
		before = type;
		struct val v = ev->field[i].val;
		struct str value = v.kind == VAL_JSON ? STR("") : val_text(v, x->mem);
		if (str_eq(type, STR("EXECVE")) && str_eq(name, STR("ARGV"))) {
			if (a.n_arg == LEN(a.arg))
				continue;
			name = arena_fmt(x->mem, "a%zu", a.n_arg);
			pieces_add(&a.arg[a.n_arg++], x->mem, value);
			a.execve = true;
		} else if (str_eq(type, STR("PROCTITLE")) && str_eq(name, STR("ARGV"))) {
			if (title.n)
				pieces_add(&title, x->mem, STR(" "));
			pieces_add(&title, x->mem, value);
			a.proctitle = pieces_str(&title);
			continue;
		} else {
			remember(x, &a, type, name, value);
		}
		a.execve = a.execve || str_eq(type, STR("EXECVE"));
		decode_add_val(x, name, v, FIELD_F_ALIAS);
	}
	mark_repeated(ev, own);
	finish(x, &a);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/alias.h"

#include "base/num.h"

#include <pthread.h>

typedef bool transform_fn(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret);

static struct val text_val(struct str s)
{
	return (struct val){.kind = VAL_STR, .u.p = s.p, .n = (uint32_t)s.n};
}

static bool to_same(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	(void)v, (void)ev, (void)mem;
	*ret = in;
	return true;
}

static bool to_hex_to_decimal(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	uint64_t number;
	(void)v, (void)ev;
	struct str s = val_text(in, mem);
	if (!str_istarts(s, STR("0x")) || !num_hex64(s, &number))
		return to_same(v, ev, in, mem, ret);
	*ret = (struct val){.kind = VAL_UINT, .u.u = number};
	return true;
}

static bool to_domain_user(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	const struct field *domain = event_field(ev, vocab_field(v, STR("SubjectDomainName")));
	struct str user = val_text(in, mem), d = domain ? val_text(domain->val, mem) : STR("");
	*ret = d.n ? text_val(arena_fmt(mem, "%.*s\\%.*s", STR_ARG(d), STR_ARG(user))) : in;
	return true;
}

struct naming {
	const char *code, *name;
};

static bool named(const struct naming *row, size_t n, struct val in, struct arena *mem, struct val *ret)
{
	struct str code = val_text(in, mem);
	for (size_t i = 0; i < n; i++)
		if (str_eq(code, str_c(row[i].code))) {
			*ret = text_val(str_c(row[i].name));
			return true;
		}
	return false;
}

static bool to_integrity(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	static const struct naming level[] = {{"S-1-16-0", "Untrusted"}, {"S-1-16-4096", "Low"}, {"S-1-16-8192", "Medium"}, {"S-1-16-8448", "Medium"}, {"S-1-16-12288", "High"}, {"S-1-16-16384", "System"}};
	(void)v, (void)ev;
	return named(level, LEN(level), in, mem, ret);
}

static bool to_initiated(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	struct str direction = val_text(in, mem);
	(void)v, (void)ev;
	*ret = text_val(str_eq(direction, STR("%%14593")) ? STR("true") : STR("false"));
	return true;
}

static bool to_registry_path(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	static const struct {
		const char *kernel, *taxonomy;
	} root[] = {{"\\REGISTRY\\MACHINE", "HKLM"}, {"\\REGISTRY\\USER", "HKU"}};
	const struct field *value = event_field(ev, vocab_field(v, STR("ObjectValueName")));
	struct str path = val_text(in, mem), name = value ? val_text(value->val, mem) : STR(""), head = STR("");
	for (size_t i = 0; i < LEN(root); i++)
		if (str_istarts(path, str_c(root[i].kernel))) {
			head = str_c(root[i].taxonomy);
			path = str_sub(path, strlen(root[i].kernel), path.n);
			break;
		}
	*ret = text_val(arena_fmt(mem, "%.*s%.*s%s%.*s", STR_ARG(head), STR_ARG(path), name.n ? "\\" : "", STR_ARG(name)));
	return true;
}

/*
 * The filter platform names programs by volume: \\device\\harddiskvolume3\\windows\\x.exe. Which letter a volume has does not stand in the event; C is what
 * rules mean and what it nearly always is. The original stays in Application.
 */
static bool to_device_path(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	struct str prefix = STR("\\device\\harddiskvolume"), path = val_text(in, mem), rest;
	(void)v, (void)ev;
	if (!str_istarts(path, prefix))
		return to_same(v, ev, in, mem, ret);
	rest = str_sub(path, prefix.n, path.n);
	size_t n = 0;
	while (n < rest.n && ch_is_digit((unsigned char)rest.p[n]))
		n++;
	*ret = text_val(arena_fmt(mem, "C:%.*s", STR_ARG(str_sub(rest, n, rest.n))));
	return true;
}

/* IANA protocol numbers that Sysmon writes as names. */
static bool to_protocol(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	static const struct naming known[] = {{"1", "icmp"}, {"6", "tcp"}, {"17", "udp"}, {"58", "ipv6-icmp"}};
	(void)v, (void)ev;
	return named(known, LEN(known), in, mem, ret);
}

/* What was done to a registry value, in Sysmon's words. */
static bool to_operation(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	static const struct naming known[] = {{"%%1904", "SetValue"}, {"%%1905", "SetValue"}, {"%%1906", "DeleteValue"}};
	(void)v, (void)ev;
	return named(known, LEN(known), in, mem, ret);
}

#define TRANSFORM_SAME to_same
#define TRANSFORM_EACH NULL /* every element of an array */
#define TRANSFORM_DEVICE_PATH to_device_path
#define TRANSFORM_PROTOCOL to_protocol
#define TRANSFORM_OPERATION to_operation
#define TRANSFORM_HEX_TO_DECIMAL to_hex_to_decimal
#define TRANSFORM_DOMAIN_USER to_domain_user
#define TRANSFORM_INTEGRITY to_integrity
#define TRANSFORM_INITIATED to_initiated
#define TRANSFORM_REGISTRY_PATH to_registry_path

static const struct alias {
	const char *service;
	uint32_t event_id;
	const char *target, *from;
	transform_fn *transform;
} ALIASES[] = {
#define ALIAS(service, id, target, from, transform) {service, id, target, from, TRANSFORM_##transform},
#include "event/aliases.def"
#undef ALIAS
};

static const char *const USED_BY_TRANSFORMS[] = {"SubjectDomainName", "ObjectValueName"};

/* The rows of one service, which stand together in the table. */
static struct group {
	struct str service;
	size_t from, n;
	uint64_t ids; /* bits of the EventIDs its rows ask for, modulo 64: most events have none */
} groups[32];
static size_t n_group;

static void make_groups(void)
{
	for (size_t i = 0; i < LEN(ALIASES); i++) {
		struct str service = str_c(ALIASES[i].service);
		if (!n_group || !str_eq(groups[n_group - 1].service, service)) {
			must(n_group < LEN(groups));
			groups[n_group++] = (struct group){.service = service, .from = i};
		}
		groups[n_group - 1].n++;
		groups[n_group - 1].ids |= ALIASES[i].event_id ? UINT64_C(1) << ALIASES[i].event_id % 64 : UINT64_MAX;
	}
}

uint32_t alias_group(struct str service)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_groups);
	for (size_t g = 0; g < n_group; g++)
		if (str_eq(groups[g].service, service))
			return (uint32_t)g + 1;
	return 0;
}

struct alias_ids *alias_names(struct vocab *v, struct arena *mem)
{
	struct alias_ids *ids = arena_array(mem, LEN(ALIASES), sizeof(*ids));
	field_id unused;
	for (size_t i = 0; i < LEN(ALIASES); i++) {
		vocab_add_field(v, str_c(ALIASES[i].target), &ids[i].target);
		vocab_add_field(v, str_c(ALIASES[i].from), &ids[i].from);
	}
	for (size_t i = 0; i < LEN(USED_BY_TRANSFORMS); i++)
		vocab_add_field(v, str_c(USED_BY_TRANSFORMS[i]), &unused);
	return ids;
}

void event_add_field(struct event *ev, struct arena *mem, struct str name, field_id id, struct val val, uint8_t flags)
{
	if (ev->n_field >= ev->field_room) {
		uint32_t room = ev->n_field * 2 + 8;
		struct field *more = arena_array(mem, room, sizeof(*more));
		if (!more)
			return;
		if (ev->n_field)
			memcpy(more, ev->field, ev->n_field * sizeof(*more));
		ev->field = more;
		ev->field_room = room;
	}
	ev->field[ev->n_field++] = (struct field){.name = name, .val = val, .id = id, .flags = flags};
}

static void add_each(struct event *ev, const struct alias *a, const struct alias_ids *ids, struct arena *mem)
{
	uint32_t own = ev->n_field;
	for (uint32_t i = 0; i < own; i++)
		if (ev->field[i].id == ids->from && !(ev->field[i].flags & FIELD_F_ALIAS))
			event_add_field(ev, mem, str_c(a->target), ids->target, ev->field[i].val, (uint8_t)(FIELD_F_ALIAS | (ev->field[i].flags & FIELD_F_ELEMENT)));
}

static void apply(const struct vocab *v, struct event *ev, const struct alias *a, const struct alias_ids *ids, struct arena *mem)
{
	struct val out;
	const struct field *from = event_field(ev, ids->from);
	/* 4688's own ProcessId means the parent and gives its name to the new process; a protocol's number becomes its name. */
	bool replace = a->transform == to_protocol || (a->transform == to_hex_to_decimal && str_eq(str_c(a->target), STR("ProcessId")));
	if (!from || (from->flags & FIELD_F_ALIAS) || (!replace && event_field(ev, ids->target)))
		return;
	if (!a->transform)
		add_each(ev, a, ids, mem);
	else if (a->transform(v, ev, from->val, mem, &out))
		event_add_field(ev, mem, str_c(a->target), ids->target, out, FIELD_F_ALIAS);
}

void event_apply_aliases(const struct vocab *v, struct event *ev, uint32_t event_id, struct arena *mem)
{
	uint32_t g = vocab_lsset_aliases(v, ev->lsset);
	if (!g)
		return;
	const struct group *group = &groups[g - 1];
	if (!(group->ids >> event_id % 64 & 1))
		return;
	for (size_t i = group->from; i < group->from + group->n; i++)
		if (ALIASES[i].event_id == 0 || ALIASES[i].event_id == event_id)
			apply(v, ev, &ALIASES[i], vocab_alias_ids(v) + i, mem);
}

void event_split_powershell(const struct vocab *v, struct event *ev, struct arena *mem)
{
	uint32_t own = ev->n_field;
	for (uint32_t i = 0; i < own; i++) {
		if (!str_eq(ev->field[i].name, STR("Data")))
			continue;
		struct str text = val_text(ev->field[i].val, mem), line;
		while (str_line(&text, &line)) {
			struct str name;
			line = str_trim(line);
			if (!str_cut(&line, '=', &name) || !line.p || !name.n || str_chr(name, ' ') != STR_NPOS)
				continue;
			struct val value = {.kind = VAL_STR, .u.p = line.p, .n = (uint32_t)line.n};
			event_add_field(ev, mem, name, vocab_field(v, name), value, FIELD_F_ALIAS);
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/alias.h"

#include "base/num.h"

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

static bool to_integrity(const struct vocab *v, const struct event *ev, struct val in, struct arena *mem, struct val *ret)
{
	static const struct {
		const char *sid, *word;
	} level[] = {{"S-1-16-0", "Untrusted"}, {"S-1-16-4096", "Low"}, {"S-1-16-8192", "Medium"}, {"S-1-16-8448", "Medium"}, {"S-1-16-12288", "High"}, {"S-1-16-16384", "System"}};
	struct str sid = val_text(in, mem);
	(void)v, (void)ev;
	for (size_t i = 0; i < LEN(level); i++)
		if (str_eq(sid, str_c(level[i].sid))) {
			*ret = text_val(str_c(level[i].word));
			return true;
		}
	return false;
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

#define TRANSFORM_SAME to_same
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

void alias_names(struct vocab *v)
{
	field_id id;
	for (size_t i = 0; i < LEN(ALIASES); i++) {
		vocab_add_field(v, str_c(ALIASES[i].target), &id);
		vocab_add_field(v, str_c(ALIASES[i].from), &id);
	}
	for (size_t i = 0; i < LEN(USED_BY_TRANSFORMS); i++)
		vocab_add_field(v, str_c(USED_BY_TRANSFORMS[i]), &id);
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

static bool alias_fits(const struct alias *a, const struct logsource *ls, uint32_t event_id)
{
	return (a->event_id == 0 || a->event_id == event_id) && str_eq(ls->service, str_c(a->service));
}

void event_apply_aliases(const struct vocab *v, struct event *ev, uint32_t event_id, struct arena *mem)
{
	size_t n;
	const struct logsource *ls = vocab_lsset_get(v, ev->lsset, &n);
	if (!ls->service.n)
		return;
	for (size_t i = 0; i < LEN(ALIASES); i++) {
		const struct alias *a = &ALIASES[i];
		struct val out;
		if (!alias_fits(a, ls, event_id))
			continue;
		const struct field *from = event_field_name(ev, str_c(a->from));
		const struct field *have = event_field_name(ev, str_c(a->target));
		/* ParentProcessId comes from 4688's own ProcessId, which then means the new process. */
		bool replace = a->transform == to_hex_to_decimal;
		if (!from || (from->flags & FIELD_F_ALIAS) || (have && !replace))
			continue;
		if (a->transform(v, ev, from->val, mem, &out))
			event_add_field(ev, mem, str_c(a->target), vocab_field(v, str_c(a->target)), out, FIELD_F_ALIAS);
	}
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

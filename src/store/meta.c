/* SPDX-License-Identifier: Apache-2.0 */
#include "store/match.h"

static const struct str NAMES[] = {
#define META(sym, name, value) {name, sizeof(name) - 1},
#include "store/meta.def"
#undef META
};

struct str meta_name(enum meta m)
{
	return NAMES[m];
}

enum meta meta_find(struct str name)
{
	enum meta m = 0;
	if (!name.n || name.p[0] != '_')
		return META_COUNT;
	while (m < META_COUNT && !str_eq(name, NAMES[m]))
		m++;
	return m;
}

static struct val time_val(tstamp t)
{
	return (struct val){.kind = VAL_TIME, .u.i = t};
}

static struct val id_val(struct id id, struct arena *mem)
{
	char *text = arena_alloc(mem, ID_TEXT + 1);
	id_format(text, id);
	return text_val(str_n(text, ID_TEXT));
}

bool meta_value(enum meta m, const struct event *row, const struct vocab *v, struct arena *mem, struct val *ret)
{
	static const struct logsource none;
	size_t n;
	const struct logsource *ls = v ? vocab_lsset_get(v, row->lsset, &n) : &none;
	switch (m) {
#define META(sym, name, value)                                                                                                                  \
	case META_##sym:                                                                                                                        \
		*ret = value;                                                                                                                   \
		break;
#include "store/meta.def"
#undef META
	case META_COUNT:
		return false;
	}
	return ret->kind == VAL_TIME || ret->n;
}

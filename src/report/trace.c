/* SPDX-License-Identifier: Apache-2.0 */
#include "report/trace.h"

#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

struct trace {
	struct desk *k;
	uint64_t size;
	json_t *objects; /* "noun id" → {members: {name: seq}, verbs: {verb: seq}, made: seq, number} */
	json_t *cited;   /* "seq" → true */
	int err;
};

struct trace *trace_new(struct desk *k, uint64_t size)
{
	struct trace *t = must_new(struct trace);
	*t = (struct trace){.k = k, .size = size, .objects = json_object(), .cited = json_object()};
	return t;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	json_decref(t->objects);
	json_decref(t->cited);
	free(t);
}

int trace_error(const struct trace *t)
{
	return t->err;
}

struct reading {
	struct trace *t;
	json_t *members, *verbs, *object;
};

static int take_entry(void *arg, const struct ledger_entry *e)
{
	struct reading *x = arg;
	char verb[64];
	const char *key;
	json_t *value, *after;
	if (e->seq >= x->t->size)
		return 1;
	after = json_loadb(e->after.p, e->after.n, JSON_DECODE_ANY, NULL);
	json_object_foreach(after, key, value)
	{
		json_object_set_new(x->members, key, json_integer((json_int_t)e->seq));
	}
	snprintf(verb, sizeof(verb), "%.*s", STR_ARG(e->verb));
	if (!json_object_get(x->verbs, verb))
		json_object_set_new(x->verbs, verb, json_integer((json_int_t)e->seq));
	if (!json_object_get(x->object, "made")) {
		doc_set_int(x->object, "made", (int64_t)e->seq);
		doc_copy(x->object, after, "number");
	}
	json_decref(after);
	return 0;
}

static void object_key(char out[200], const char *noun, struct str id)
{
	snprintf(out, 200, "%s %.*s", noun, STR_ARG(id));
}

static const json_t *object_of(struct trace *t, const char *noun, struct str id)
{
	char key[200];
	object_key(key, noun, id);
	json_t *o = json_object_get(t->objects, key);
	if (o)
		return o;
	o = json_pack("{s:{}, s:{}}", "members", "verbs");
	struct reading x = {t, json_object_get(o, "members"), json_object_get(o, "verbs"), o};
	int r = ledger_of(desk_db(t->k), str_c(noun), id, take_entry, &x);
	if (r < 0)
		t->err = r;
	json_object_set_new(t->objects, key, o);
	return o;
}

/* ---- lists of entries ----------------------------------------------------------------------------------------------------------------------------------- */

/* Keeps the list ascending, each entry once. */
static void insert(json_t *list, const json_t *seq)
{
	size_t at = 0;
	while (at < json_array_size(list) && json_integer_value(json_array_get(list, at)) < json_integer_value(seq))
		at++;
	if (at == json_array_size(list) || json_integer_value(json_array_get(list, at)) != json_integer_value(seq))
		json_array_insert(list, at, (json_t *)(uintptr_t)seq);
}

static void cite(struct trace *t, json_t *list, const json_t *seq)
{
	char key[24];
	if (!json_is_integer(seq))
		return;
	snprintf(key, sizeof(key), "%lld", (long long)json_integer_value(seq));
	json_object_set_new(t->cited, key, json_true());
	insert(list, seq);
}

json_t *trace_refs(struct trace *t, enum noun noun, struct str id, const char *const *names)
{
	json_t *list = json_array();
	const json_t *o = object_of(t, noun_name(noun), id);
	for (size_t i = 0; names[i]; i++)
		cite(t, list, json_object_get(json_object_get(o, "members"), names[i]));
	return list;
}

json_t *trace_ref(struct trace *t, enum noun noun, struct str id, const char *name)
{
	json_t *list = json_array();
	const json_t *o = object_of(t, noun_name(noun), id);
	cite(t, list, name ? json_object_get(json_object_get(o, "members"), name) : json_object_get(o, "made"));
	return list;
}

json_t *trace_verb(struct trace *t, enum noun noun, struct str id, const char *verb)
{
	json_t *list = json_array();
	cite(t, list, json_object_get(json_object_get(object_of(t, noun_name(noun), id), "verbs"), verb));
	return list;
}

json_t *trace_join(json_t *a, json_t *b)
{
	json_t *list = a ? a : json_array();
	for (size_t i = 0; i < json_array_size(b); i++)
		insert(list, json_array_get(b, i));
	json_decref(b);
	return list;
}

/* ---- annex ------------------------------------------------------------------------------------------------------------------------------------------------- */

static int take_annex(void *arg, const struct ledger_entry *e)
{
	return json_array_append_new(arg, doc_of_entry(e));
}

static int by_seq(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* What is read after the entry itself: no two statements at once over the same rows. */
static int complete(struct trace *t, json_t *o)
{
	unsigned char leaf[32];
	struct buf hex = BUF_INIT(80);
	char noun[64];
	snprintf(noun, sizeof(noun), "%.*s", STR_ARG(doc_str(o, "noun")));
	json_t *number = json_object_get(object_of(t, noun, doc_str(o, "object_id")), "number");
	json_object_set(o, "number", number ? number : json_null());
	int r = ledger_leaf_at(desk_ledger(t->k), (uint64_t)doc_int(o, "seq"), leaf);
	buf_add_hex(&hex, leaf, sizeof(leaf));
	doc_set_str(o, "leaf", buf_str(&hex));
	buf_done(&hex);
	return r;
}

int trace_annex(struct trace *t, json_t **ret)
{
	size_t n = 0, count = json_object_size(t->cited);
	int64_t *seq = must_calloc(count + 1, sizeof(*seq));
	json_t *annex = json_array();
	const char *key;
	json_t *value;
	int r = t->err;
	json_object_foreach(t->cited, key, value)
	{
		uint64_t v;
		must(num_u64(str_c(key), &v));
		seq[n++] = (int64_t)v;
	}
	qsort(seq, n, sizeof(*seq), by_seq);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = ledger_each(desk_db(t->k), (uint64_t)seq[i], (uint64_t)seq[i] + 1, take_annex, annex);
	for (size_t i = 0; r == 0 && i < json_array_size(annex); i++)
		r = complete(t, json_array_get(annex, i));
	free(seq);
	if (r < 0)
		return json_decref(annex), r;
	*ret = annex;
	return 0;
}

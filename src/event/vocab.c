/* SPDX-License-Identifier: Apache-2.0 */
#include "event/vocab.h"
#include "event/alias.h"
#include "event/flat.h"
#include "event/sources.h"

#include "base/map.h"
#include "base/vec.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define SET_SIZE_MAX 8

struct lsset {
	struct logsource *ls;
	size_t n;
	uint32_t aliases; /* of the service shown */
};

struct vocab {
	_Atomic int refs;
	bool frozen;
	struct arena mem;
	struct map field_index;
	VEC(struct str) names;

	pthread_mutex_t lock; /* sets grow after freezing too */
	struct arena set_mem;
	struct map set_index;
	struct lsset set[VOCAB_LSSETS_MAX];
	_Atomic uint32_t n_set;

	struct map windows; /* struct windows_key -> set */
	struct map channels; /* lower-cased channel -> service_number */
	uint32_t windows_only; /* the set of product windows alone */
	struct sources *sources;
	struct alias_ids *alias_ids;
};

static const struct {
	const char *channel, *service, *product;
} CHANNELS[] = {
#define CHANNEL(channel, service) {channel, service, "windows"},
#define CHANNEL_OF(product, channel, service) {channel, service, product},
#include "event/windows.def"
#undef CHANNEL
#undef CHANNEL_OF
};

static const struct {
	const char *service;
	uint32_t event_id;
	const char *event_type, *category;
} CATEGORIES[] = {
#define CATEGORY(service, id, type, category) {service, id, type, category},
#include "event/windows.def"
#undef CATEGORY
};

static struct str lower(struct arena *mem, struct str s)
{
	struct str out = arena_dup(mem, s);
	for (size_t i = 0; i < out.n; i++)
		((char *)(uintptr_t)out.p)[i] = (char)ch_lower((unsigned char)out.p[i]);
	return out;
}

/* A service of CHANNELS (its place there), event id and EventType's hash (0 = any). */
struct windows_key {
	uint32_t service, event_id;
	uint64_t type;
};

static uint64_t *windows_get(const struct vocab *v, const struct windows_key *k)
{
	return map_get(&v->windows, str_n((const char *)k, sizeof(*k)));
}

static void windows_put(struct vocab *v, const struct windows_key *k, uint32_t set)
{
	*map_put(&v->windows, str_n((const char *)k, sizeof(*k)), NULL) = set;
}

static uint64_t type_hash(struct str type)
{
	return type.n ? str_hash(type) | 1 : 0;
}

/* The first of CHANNELS with that service: services have several channels. */
static uint32_t service_number(const char *product, struct str service)
{
	uint32_t i = 0;
	while (i < LEN(CHANNELS) && !(str_eq(str_c(CHANNELS[i].service), service) && strcmp(CHANNELS[i].product, product) == 0))
		i++;
	return i;
}

/* All log sources of (service, id, type): one per category, or the service alone. */
static uint32_t windows_set(struct vocab *v, const char *product, struct str service, uint32_t id, struct str type)
{
	struct logsource ls[SET_SIZE_MAX];
	size_t n = 0;
	for (size_t i = 0; i < LEN(CATEGORIES) && n < SET_SIZE_MAX; i++) {
		if (CATEGORIES[i].event_id != id || !str_eq(str_c(CATEGORIES[i].service), service))
			continue;
		if (*CATEGORIES[i].event_type && !str_eq(str_c(CATEGORIES[i].event_type), type))
			continue;
		ls[n++] = (struct logsource){str_c(product), str_c(CATEGORIES[i].category), service};
	}
	if (!n)
		ls[n++] = (struct logsource){str_c(product), STR(""), service};
	return vocab_lsset(v, ls, n);
}

static void windows_tables(struct vocab *v)
{
	for (size_t i = 0; i < LEN(CHANNELS); i++) {
		const char *product = CHANNELS[i].product;
		struct str service = str_c(CHANNELS[i].service);
		uint32_t number = service_number(product, service);
		*map_put(&v->channels, lower(&v->mem, str_c(CHANNELS[i].channel)), NULL) = number;
		windows_put(v, &(struct windows_key){number, 0, 0}, windows_set(v, product, service, 0, STR("")));
		for (size_t k = 0; number == i && k < LEN(CATEGORIES); k++) {
			struct str type = str_c(CATEGORIES[k].event_type);
			if (str_eq(str_c(CATEGORIES[k].service), service))
				windows_put(v, &(struct windows_key){number, CATEGORIES[k].event_id, type_hash(type)}, windows_set(v, product, service, CATEGORIES[k].event_id, type));
		}
	}
}

struct vocab *vocab_new(void)
{
	struct vocab *v = must_new(struct vocab);
	static const char *const needed[] = {"message", "Channel", "EventID", "EventType", "Computer", "TimeCreated", "Data", "EventRecordID"};
	field_id id;
	v->refs = 1;
	arena_init(&v->mem, 0);
	arena_init(&v->set_mem, 0);
	map_init(&v->field_index);
	map_init(&v->set_index);
	map_init(&v->windows);
	map_init(&v->channels);
	pthread_mutex_init(&v->lock, NULL);
	vec_push(&v->names, STR("")); /* FIELD_UNKNOWN */
	vocab_lsset(v, &(struct logsource){STR(""), STR(""), STR("")}, 1);
	windows_tables(v);
	v->windows_only = vocab_lsset(v, &(struct logsource){STR("windows"), STR(""), STR("")}, 1);
	v->alias_ids = alias_names(v, &v->mem);
	flat_names(v);
	for (size_t i = 0; i < LEN(needed); i++)
		vocab_add_field(v, str_c(needed[i]), &id);
	return v;
}

struct vocab *vocab_ref(struct vocab *v)
{
	v->refs++;
	return v;
}

void vocab_unref(struct vocab *v)
{
	if (!v || --v->refs > 0)
		return;
	map_done(&v->field_index);
	map_done(&v->set_index);
	map_done(&v->windows);
	map_done(&v->channels);
	sources_free(v->sources);
	vec_done(&v->names);
	arena_done(&v->mem);
	arena_done(&v->set_mem);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

int vocab_add_field(struct vocab *v, struct str name, field_id *ret)
{
	must(!v->frozen);
	uint64_t *at = map_get(&v->field_index, name);
	if (!at) {
		if (v->names.n > UINT16_MAX)
			return -ENOSPC;
		at = map_put(&v->field_index, name, NULL);
		*at = v->names.n;
		vec_push(&v->names, arena_dup(&v->mem, name));
	}
	*ret = (field_id)*at;
	return 0;
}

int vocab_load_sources(struct vocab *v, const char *path, struct diag *d)
{
	if (!v->sources)
		v->sources = sources_new();
	return sources_load(v->sources, path, d);
}

const struct sources *vocab_sources(const struct vocab *v)
{
	return v->sources;
}

void vocab_freeze(struct vocab *v)
{
	v->frozen = true;
}

field_id vocab_field(const struct vocab *v, struct str name)
{
	uint64_t *at = map_get(&v->field_index, name);
	return at ? (field_id)*at : FIELD_UNKNOWN;
}

struct str vocab_field_name(const struct vocab *v, field_id id)
{
	must(id < v->names.n);
	return v->names.at[id];
}

size_t vocab_field_count(const struct vocab *v)
{
	return v->names.n;
}

static struct str set_key(struct arena *mem, const struct logsource *ls, size_t n)
{
	struct str key = STR("");
	for (size_t i = 0; i < n; i++)
		key = arena_fmt(mem, "%.*s%.*s|%.*s|%.*s;", STR_ARG(key), STR_ARG(ls[i].product), STR_ARG(ls[i].category), STR_ARG(ls[i].service));
	return key;
}

uint32_t vocab_lsset(struct vocab *v, const struct logsource *ls, size_t n)
{
	must(n >= 1 && n <= SET_SIZE_MAX);
	struct arena tmp;
	arena_init(&tmp, 0);
	struct str key = set_key(&tmp, ls, n);
	pthread_mutex_lock(&v->lock);
	uint64_t *at = map_get(&v->set_index, key);
	uint32_t set = at ? (uint32_t)*at : 0;
	if (!at && v->n_set < VOCAB_LSSETS_MAX) {
		set = v->n_set;
		struct logsource *copy = arena_array(&v->set_mem, n, sizeof(*copy));
		for (size_t i = 0; i < n; i++)
			copy[i] = (struct logsource){lower(&v->set_mem, ls[i].product), lower(&v->set_mem, ls[i].category), lower(&v->set_mem, ls[i].service)};
		v->set[set] = (struct lsset){copy, n, alias_group(copy->service)};
		*map_put(&v->set_index, key, NULL) = set;
		v->n_set = set + 1;
	}
	pthread_mutex_unlock(&v->lock);
	arena_done(&tmp);
	return set;
}

const struct logsource *vocab_lsset_get(const struct vocab *v, uint32_t set, size_t *ret_n)
{
	must(set < v->n_set);
	*ret_n = v->set[set].n;
	return v->set[set].ls;
}

uint32_t vocab_lsset_aliases(const struct vocab *v, uint32_t set)
{
	must(set < v->n_set);
	return v->set[set].aliases;
}

const struct alias_ids *vocab_alias_ids(const struct vocab *v)
{
	return v->alias_ids;
}

size_t vocab_lsset_count(const struct vocab *v)
{
	return v->n_set;
}

uint32_t vocab_windows(const struct vocab *v, struct str channel, struct str provider, uint32_t event_id, struct str event_type)
{
	char low[128];
	(void)provider;
	if (channel.n > sizeof(low))
		return 0;
	for (size_t i = 0; i < channel.n; i++)
		low[i] = (char)ch_lower((unsigned char)channel.p[i]);
	uint64_t *at = map_get(&v->channels, str_n(low, channel.n)), *set = NULL;
	if (!at) /* A log that Sigma has no service for is still Windows. */
		return v->windows_only;
	struct windows_key k = {(uint32_t)*at, event_id, type_hash(event_type)};
	if (k.type)
		set = windows_get(v, &k);
	if (!set) {
		k.type = 0;
		set = windows_get(v, &k);
	}
	if (!set) {
		k.event_id = 0;
		set = windows_get(v, &k);
	}
	return set ? (uint32_t)*set : 0;
}

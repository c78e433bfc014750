/* SPDX-License-Identifier: Apache-2.0 */
#include "soc/parts.h"

#include <errno.h>
#include <stdio.h>

#define VALUE_MAX 500

static const struct {
	const char *field, *kind;
} ENTITIES[] = {
#define ENTITY(field, kind) {field, kind},
#include "soc/entity.def"
#undef ENTITY
};

const struct str TACTICS[TACTICS_N] = {
#define TACTIC(name) {name, sizeof(name) - 1},
#include "soc/tactics.def"
#undef TACTIC
};

static bool worth_naming(struct str value)
{
	return value.n && value.n <= VALUE_MAX && !str_eq(value, STR("-")) && !str_eq(value, STR("127.0.0.1")) && !str_eq(value, STR("::1"));
}

static bool add(json_t *list, const char *kind, struct str value)
{
	if (!worth_naming(value) || json_array_size(list) >= ENTITIES_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		if (doc_is(e, "kind", kind) && str_ieq(doc_str(e, "value"), value))
			return false;
	}
	json_array_append_new(list, json_pack("{s:s, s:o}", "kind", kind, "value", doc_string(value)));
	return true;
}

static bool add_fields(json_t *list, const json_t *fields)
{
	bool fresh = false;
	for (size_t i = 0; i < LEN(ENTITIES); i++)
		fresh |= add(list, ENTITIES[i].kind, doc_str(fields, ENTITIES[i].field));
	return fresh;
}

bool entities_add(json_t *list, const struct detection *det)
{
	bool fresh = add(list, "host", det->host);
	for (size_t i = 0; i < det->n_group; i++)
		for (size_t f = 0; f < LEN(ENTITIES); f++)
			if (str_eq(det->group_field[i], str_c(ENTITIES[f].field)))
				fresh |= add(list, ENTITIES[f].kind, det->group_value[i]);
	/* Newest first: the event that completed a correlation tells best whom it is about. */
	for (size_t i = det->n_event; i-- > 0;) {
		fresh |= add(list, "host", det->event[i].host);
		fresh |= add_fields(list, det->event[i].fields);
	}
	return fresh;
}

struct str entity_kind(const json_t *alert, struct str kind, char room[64])
{
	bool drill = json_is_true(json_object_get(alert, "drill"));
	return str_n(room, (size_t)snprintf(room, 64, "%s%.*s", drill ? "drill:" : "", (int)(kind.n < 50 ? kind.n : 50), kind.p));
}

int entities_index(struct desk *k, const json_t *alert, size_t from)
{
	const json_t *list = json_object_get(alert, "entities");
	int r = 0;
	for (size_t i = from; r >= 0 && i < json_array_size(list); i++) {
		char kind[64];
		const json_t *e = json_array_get(list, i);
		struct db_stmt *s = db_prepare(desk_db(k), "INSERT INTO alert_entity (kind, value, alert_id, seen) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING");
		if (!s)
			return -EIO;
		db_bind_text(s, 1, entity_kind(alert, doc_str(e, "kind"), kind));
		db_bind_text(s, 2, doc_str(e, "value"));
		db_bind_text(s, 3, doc_str(alert, "id"));
		db_bind_i64(s, 4, desk_now(k));
		r = db_run(s);
	}
	return r;
}

void tactics_add(json_t *list, const struct sigma_rule *rule)
{
	for (size_t i = 0; i < rule->n_tag; i++) {
		struct str name = rule->tag[i];
		char text[64];
		if (!str_take(&name, STR("attack.")) || name.n >= sizeof(text))
			continue;
		for (size_t c = 0; c < name.n; c++)
			text[c] = name.p[c] == '_' ? '-' : (char)ch_lower((unsigned char)name.p[c]);
		for (size_t t = 0; t < TACTICS_N; t++)
			if (str_eq(str_n(text, name.n), TACTICS[t]))
				doc_list_add(list, TACTICS[t]);
	}
}

/* ---- the sentence ------------------------------------------------------------------------------------------------------------------------------ */

static struct str first_of(const json_t *entities, const char *kind)
{
	for (size_t i = 0; i < json_array_size(entities); i++)
		if (doc_is(json_array_get(entities, i), "kind", kind))
			return doc_str(json_array_get(entities, i), "value");
	return STR("");
}

static void sentence(const json_t *alert, bool ja, struct buf *b)
{
	static const struct {
		const char *kind, *ja, *en;
	} ABOUT[] = {{"user", "ユーザー ", "user "}, {"ip", "IP アドレス ", "IP address "}, {"process", "プロセス ", "process "}, {"file", "ファイル ", "file "}, {"domain", "ドメイン ", "domain "}};
	const json_t *entities = json_object_get(alert, "entities");
	struct str host = first_of(entities, "host");
	struct str title = ja && doc_str(alert, "title_ja").n ? doc_str(alert, "title_ja") : doc_str(alert, "title");
	long long events = (long long)doc_int(alert, "events"), hosts = 0;
	for (size_t i = 0; i < json_array_size(entities); i++)
		hosts += doc_is(json_array_get(entities, i), "kind", "host");
	if (ja) {
		if (host.n)
			buf_addf(b, hosts > 1 ? "%.*s など %lld 台で" : "%.*s で", STR_ARG(host), hosts);
		buf_addf(b, "「%.*s」を検知しました", STR_ARG(title));
	} else {
		buf_addf(b, "\"%.*s\" was detected", STR_ARG(title));
		if (host.n)
			buf_addf(b, hosts > 1 ? " on %.*s and %lld more hosts" : " on %.*s", STR_ARG(host), hosts - 1);
	}
	bool any = false;
	for (size_t i = 0; i < LEN(ABOUT); i++) {
		struct str v = first_of(entities, ABOUT[i].kind);
		if (!v.n)
			continue;
		buf_addf(b, "%s%s%.*s", any ? (ja ? "、" : ", ") : (ja ? "（" : " ("), ja ? ABOUT[i].ja : ABOUT[i].en, STR_ARG(v));
		any = true;
	}
	buf_add_cstr(b, any ? (ja ? "）" : ")") : "");
	if (ja)
		buf_addf(b, "。根拠のイベントは %lld 件です。", events);
	else
		buf_addf(b, "; %lld event%s behind it.", events, events == 1 ? " stands" : "s stand");
}

void explain_alert(json_t *alert)
{
	struct buf ja = BUF_INIT(64u << 10), en = BUF_INIT(64u << 10);
	json_t *o = json_object();
	sentence(alert, true, &ja);
	sentence(alert, false, &en);
	doc_set_str(o, "ja", buf_str(&ja));
	doc_set_str(o, "en", buf_str(&en));
	json_object_set_new(alert, "explanation", o);
	buf_done(&ja);
	buf_done(&en);
}

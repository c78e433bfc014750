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

enum how { IS, HAS };

static const struct {
	const char *name, *field;
	enum how how;
	struct str text;
} GUESSES[] = {
#define GUESS(name, field, how, text) {name, field, how, {text, sizeof(text) - 1}},
#include "soc/guess.def"
#undef GUESS
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

static bool add(json_t *list, const char *kind, struct str value, bool guessed)
{
	size_t guesses = 0;
	if (!worth_naming(value))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *e = json_array_get(list, i);
		guesses += json_is_true(json_object_get(e, "guessed"));
		if (!doc_is(e, "kind", kind) || !str_ieq(doc_str(e, "value"), value))
			continue;
		if (!guessed)
			json_object_del(e, "guessed");
		return false;
	}
	if (json_array_size(list) >= ENTITIES_MAX || (guessed && guesses >= GUESSES_MAX))
		return false;
	json_t *o = json_pack("{s:s, s:o}", "kind", kind, "value", doc_string(value));
	if (guessed)
		json_object_set_new(o, "guessed", json_true());
	json_array_append_new(list, o);
	return true;
}

/* Is the name in this field one that the event itself does not know? */
static bool is_guess(const json_t *fields, const char *name)
{
	for (size_t i = 0; i < LEN(GUESSES); i++) {
		char number[32];
		const json_t *v = strcmp(GUESSES[i].name, name) == 0 ? json_object_get(fields, GUESSES[i].field) : NULL;
		struct str text = doc_str(fields, GUESSES[i].field);
		if (json_is_integer(v))
			text = str_n(number, (size_t)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v)));
		if (v && (GUESSES[i].how == IS ? str_ieq(text, GUESSES[i].text) : str_ifind(text, GUESSES[i].text) != STR_NPOS))
			return true;
	}
	return false;
}

static bool add_fields(json_t *list, const json_t *fields)
{
	bool fresh = false;
	for (size_t i = 0; i < LEN(ENTITIES); i++)
		fresh |= add(list, ENTITIES[i].kind, doc_str(fields, ENTITIES[i].field), is_guess(fields, ENTITIES[i].field));
	return fresh;
}

/* What a correlation counts by: a guess when an event that names it says so; one that knows it is asked afterwards like any other. */
static bool add_group(json_t *list, const struct detection *det, size_t group)
{
	bool fresh = false;
	for (size_t f = 0; f < LEN(ENTITIES); f++) {
		if (!str_eq(det->group_field[group], str_c(ENTITIES[f].field)))
			continue;
		bool guessed = false;
		for (size_t i = 0; i < det->n_event && !guessed; i++)
			guessed = str_ieq(doc_str(det->event[i].fields, ENTITIES[f].field), det->group_value[group]) && is_guess(det->event[i].fields, ENTITIES[f].field);
		fresh |= add(list, ENTITIES[f].kind, det->group_value[group], guessed);
	}
	return fresh;
}

bool entities_add(json_t *list, const struct detection *det)
{
	bool fresh = add(list, "host", det->host, false);
	for (size_t i = 0; i < det->n_group; i++)
		fresh |= add_group(list, det, i);
	/* Newest first: the event that completed a correlation tells best whom it is about. */
	for (size_t i = det->n_event; i-- > 0;) {
		fresh |= add(list, "host", det->event[i].host, false);
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "ledger/doc.h"

#include <stdlib.h>

/* What people do: each line below `as` is one request of that person. */
static const struct verb {
	struct str word;
	const char *noun;
	enum api_method method;
	const char *path, *always, *list, *answer;
} VERBS[] = {
#define VERB(word, noun, method, path, always, list, answer) {{word, sizeof(word) - 1}, noun, API_##method, path, always, list, answer},
#include "verbs.def"
#undef VERB
};

/* Anything else that the API has: `get "/path"`, `post "/path" key=value`. */
static const struct {
	struct str word;
	enum api_method method;
} PLAIN[] = {{{"get", 3}, API_GET}, {{"post", 4}, API_POST}, {{"patch", 5}, API_PATCH}, {{"delete", 6}, API_DELETE}};

bool verb_known(struct str word)
{
	bool known = false;
	for (size_t i = 0; i < LEN(VERBS); i++)
		known = known || str_eq(VERBS[i].word, word);
	for (size_t i = 0; i < LEN(PLAIN); i++)
		known = known || str_eq(PLAIN[i].word, word);
	return known;
}

void verbs_suggest(struct diag *d, struct str word)
{
	struct str names[LEN(VERBS)];
	for (size_t i = 0; i < LEN(VERBS); i++)
		names[i] = VERBS[i].word;
	diag_suggest(d, word, names, LEN(VERBS));
}

struct acting {
	struct world *w;
	const struct node *n;
	const struct person *who;
	const struct verb *verb;
	struct verb plain;
	const struct named *object; /* the first name on the line, or NULL */
	size_t arrow;
	json_t *body;
};

static const struct verb *find_verb(struct acting *a)
{
	struct str word = node_word(a->n, 0);
	for (size_t i = 0; i < LEN(VERBS); i++)
		if (str_eq(VERBS[i].word, word) && str_eq(str_c(VERBS[i].noun), str_c(a->object ? a->object->noun : "")))
			return &VERBS[i];
	for (size_t i = 0; i < LEN(PLAIN); i++)
		if (str_eq(PLAIN[i].word, word)) {
			a->plain = (struct verb){.word = word, .noun = "", .method = PLAIN[i].method, .path = world_cstr(a->w, world_resolve(a->w, node_word(a->n, 1))), .always = "{}", .answer = ""};
			return &a->plain;
		}
	world_fail(a->w, "nobody can %.*s %s", STR_ARG(word), a->object ? a->object->noun : "nothing");
}

static bool is_option(struct str key)
{
	return str_eq(key, STR("if-match")) || str_eq(key, STR("idempotency-key")) || str_eq(key, STR("session"));
}

static json_t *value_of(struct acting *a, const struct word *word)
{
	struct str text = world_resolve(a->w, word->text);
	bool structured = !word->quoted && text.n && (text.p[0] == '[' || text.p[0] == '{');
	if (!word->quoted && (str_eq(text, STR("true")) || str_eq(text, STR("false"))))
		return json_boolean(str_eq(text, STR("true")));
	if (!word->quoted && str_eq(text, STR("null")))
		return json_null();
	json_error_t e;
	json_t *v = structured ? json_loadb(text.p, text.n, 0, &e) : doc_string(text);
	if (!v)
		world_fail(a->w, "column %u: this is not JSON: %s", word->column, e.text);
	return v;
}

static void make_body(struct acting *a)
{
	json_t *ids = a->verb->list ? json_array() : NULL;
	a->body = json_loads(a->verb->always, 0, NULL);
	for (size_t i = 1; i < a->arrow; i++) {
		const struct word *word = &a->n->word[i];
		struct named *named = word->key.n ? NULL : world_named(a->w, word->text);
		if (word->key.n && !is_option(word->key))
			json_object_set_new(a->body, world_cstr(a->w, word->key), value_of(a, word));
		else if (named && ids)
			json_array_append_new(ids, json_string(named->id));
	}
	if (ids)
		json_object_set_new(a->body, a->verb->list, ids);
	/* Evidence is told as text; the API takes base64. */
	if (str_eq(str_c(a->verb->answer), STR("evidence")) && json_object_get(a->body, "content")) {
		struct str text = doc_str(a->body, "content");
		char *packed = must_malloc(text.n * 2 + 8);
		static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
		size_t n = 0;
		for (size_t i = 0; i < text.n; i += 3) {
			unsigned v = 0;
			for (size_t b = 0; b < 3; b++)
				v = v << 8 | (i + b < text.n ? (unsigned char)text.p[i + b] : 0);
			for (size_t c = 0; c < 4; c++)
				packed[n++] = i + c > text.n ? '=' : DIGITS[v >> (18 - 6 * c) & 63];
		}
		json_object_set_new(a->body, "content_base64", json_stringn(packed, n));
		json_object_del(a->body, "content");
		free(packed);
	}
}

/* An alert is changed by whoever has just read it. */
static struct str version_read(struct acting *a)
{
	const struct word *given = node_key(a->n, "if-match");
	char path[200];
	if (given)
		return str_eq(given->text, STR("none")) ? STR("") : given->text;
	if (a->verb->method != API_PATCH || !a->object || !str_eq(str_c(a->object->noun), STR("alert")))
		return STR("");
	snprintf(path, sizeof(path), "/alerts/%s", a->object->id);
	json_t *doc = world_get(a->w, path, "");
	struct str v = arena_fmt(&a->w->mem, "\"v%lld\"", (long long)doc_int(doc, "version"));
	json_decref(doc);
	return v;
}

/* -> refused CODE field, field: the code, and exactly these fields. */
static void check_refusal(struct acting *a, const json_t *doc, int status, const char *text)
{
	struct world *w = a->w;
	struct str code = node_word(a->n, a->arrow + 2);
	const json_t *errors = json_object_get(doc, "errors");
	if (status < 400)
		world_fail(w, "this should have been refused with %.*s, it was done: %s", STR_ARG(code), text);
	if (!str_eq(doc_str(doc, "code"), code))
		world_fail(w, "this should have been refused with %.*s\nit was refused with %.*s: %s", STR_ARG(code), STR_ARG(doc_str(doc, "code")), text);
	size_t n = 0;
	for (size_t i = a->arrow + 3; i < a->n->n_word; i++, n++) {
		struct str field = a->n->word[i].text;
		bool there = false;
		if (str_ends(field, STR(",")))
			field.n--;
		for (size_t e = 0; e < json_array_size(errors); e++)
			there = there || str_eq(doc_str(json_array_get(errors, e), "field"), field);
		if (!there)
			world_fail(w, "the refusal should name %.*s: %s", STR_ARG(field), text);
	}
	if (n && n != json_array_size(errors))
		world_fail(w, "the refusal names more than these fields: %s", text);
}

static void bind_tasks(struct acting *a, struct str name, const json_t *tasks)
{
	for (size_t i = 0; i < json_array_size(tasks); i++)
		world_name(a->w, arena_fmt(&a->w->mem, "%.*s%zu", STR_ARG(name), i + 1), "task", doc_str(json_array_get(tasks, i), "id"));
}

/* -> NAME, or -> incident NAME for what the answer points to. */
static void bind_answer(struct acting *a, const json_t *doc, const char *text)
{
	struct str first = node_word(a->n, a->arrow + 1), name = node_word(a->n, a->arrow + 2);
	struct world *w = a->w;
	if (a->arrow + 2 < a->n->n_word && a->n->word[a->arrow + 2].key.n)
		name = STR("");
	members_check(w, doc, a->n, a->arrow + 1, NULL);
	if (!name.n) {
		if (!doc_str(doc, "id").n && !json_object_get(doc, "tasks"))
			world_fail(w, "the answer has no id to be called %.*s: %s", STR_ARG(first), text);
		if (json_object_get(doc, "tasks"))
			bind_tasks(a, first, json_object_get(doc, "tasks"));
		else
			world_name(w, first, a->verb->answer, doc_str(doc, "id"));
		return;
	}
	char member[100];
	snprintf(member, sizeof(member), "%.*s_id", STR_ARG(first));
	struct str id = str_eq(first, str_c(a->verb->answer)) ? doc_str(doc, "id") : doc_str(doc, member);
	if (!id.n)
		world_fail(w, "the answer has no %.*s: %s", STR_ARG(first), text);
	enum noun noun = noun_parse(first);
	world_name(w, name, noun < NOUN_COUNT ? noun_name(noun) : "", id);
}

/* -> session NAME: the secret in the cookie that came. */
static void bind_session(struct acting *a, const char *cookie)
{
	struct str rest = str_c(cookie), secret = STR("");
	if (str_take(&rest, STR("hinomi_session=")))
		str_cut(&rest, ';', &secret);
	if (!secret.n)
		world_fail(a->w, "the answer brings no session: \"%s\"", cookie);
	world_name(a->w, node_word(a->n, a->arrow + 2), "session", secret);
}

static void check_answer(struct acting *a, int status, const json_t *doc, struct api_response *resp)
{
	struct str outcome = node_word(a->n, a->arrow + 1);
	const char *text = buf_cstr(&resp->body);
	if (str_eq(outcome, STR("refused"))) {
		check_refusal(a, doc, status, text);
		return;
	}
	if (status >= 400 && !a->w->dying)
		world_fail(a->w, "refused with %d: %s", status, text);
	if (status < 400 && str_eq(outcome, STR("session")))
		bind_session(a, resp->cookie);
	else if (status < 400 && a->arrow < a->n->n_word)
		bind_answer(a, doc, text);
}

static void act(struct world *w, const struct node *n, const struct person *who)
{
	struct acting a = {.w = w, .n = n, .who = who, .arrow = node_arrow(n)};
	char path[1000] = "";
	json_t *doc;
	struct api_response resp;
	w->at = n;
	w->acted_at = clock_now(&w->clock);
	a.object = n->n_word > 1 && !n->word[1].key.n && !n->word[1].quoted ? world_named(w, n->word[1].text) : NULL;
	if (n->n_word > 1 && !n->word[1].key.n && !n->word[1].quoted && a.arrow > 1 && !a.object)
		world_fail(w, "nothing is called %.*s yet", STR_ARG(n->word[1].text));
	a.verb = find_verb(&a);
	make_body(&a);
	const char *hole = strstr(a.verb->path, "{}");
	snprintf(path, sizeof(path), "%.*s%s%s", hole ? (int)(hole - a.verb->path) : (int)strlen(a.verb->path), a.verb->path, hole ? a.object->id : "", hole ? hole + 2 : "");
	struct str rest = str_c(path), plain_path;
	str_cut(&rest, '?', &plain_path);
	char *body = json_dumps(a.body, JSON_COMPACT);
	const struct word *key = node_key(n, "idempotency-key"), *session = node_key(n, "session");
	const struct named *logged_in = session ? world_named(w, session->text) : NULL;
	if (session && !logged_in)
		world_fail(w, "no session is called %.*s yet", STR_ARG(session->text));
	struct request q = {.method = a.verb->method, .path = world_cstr(w, plain_path), .query = rest, .content_type = STR("application/json"), .body = a.verb->method == API_GET ? STR("") : str_c(body),
		.if_match = version_read(&a), .idempotency_key = key ? key->text : STR(""), .cookie = str_c(logged_in ? logged_in->id : ""), .who = &who->who};
	int status = world_call(w, &q, &doc, &resp);
	check_answer(&a, status, doc, &resp);
	json_decref(doc);
	json_decref(a.body);
	free(body);
	api_response_done(&resp);
	world_turn(w);
}

void step_as(struct world *w, const struct node *n)
{
	const struct person *who = world_person(w, node_word(n, 1));
	for (const struct node *line = n->kid; line; line = line->next)
		act(w, line, who);
}

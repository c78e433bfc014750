/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"
#include "api/shape.h"

/* OpenAPI 3.1 from the tables that drive the router (routes.def), the problems (problems.def) and what the nouns look like (schemas.def). */

enum carried { OBJECT, ITEM, TEXT, OCTETS, STREAM };

static const struct schema {
	const char *noun;
	enum carried carried;
	const char *members;
} SCHEMAS[] = {
#define SCHEMA(noun, carried, members) {noun, carried, members},
#include "api/schemas.def"
#undef SCHEMA
};

static const char *const METHODS[] = {"get", "post", "patch", "put", "delete"};

static const struct schema *schema_of(const char *noun)
{
	for (size_t i = 0; i < LEN(SCHEMAS); i++)
		if (strcmp(SCHEMAS[i].noun, noun) == 0)
			return &SCHEMAS[i];
	must_not_reach("a route answers a noun without a schema");
}

static json_t *ref(const char *noun)
{
	char path[100];
	snprintf(path, sizeof(path), "#/components/schemas/%s", noun);
	return json_pack("{s:s}", "$ref", path);
}

/* ---- parameters and bodies --------------------------------------------------------------------------------------------------------------------------- */

static void add_parameter(json_t *list, const char *in, struct str name, bool required, const char *type)
{
	json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:{s:s}}", "name", json_stringn(name.p, name.n), "in", in, "required", required, "schema", "type", type));
}

static bool is_number(struct str name)
{
	static const char *const NUMBERS[] = {"limit", "seq", "size"};
	for (size_t i = 0; i < LEN(NUMBERS); i++)
		if (str_eq(name, str_c(NUMBERS[i])))
			return true;
	return false;
}

static json_t *parameters(const struct route *r)
{
	json_t *list = json_array();
	struct str rest = str_c(r->path), piece;
	while (str_cut(&rest, '/', &piece))
		if (piece.n && piece.p[0] == '{')
			add_parameter(list, "path", str_sub(piece, 1, piece.n - 1), true, "string");
	rest = str_c(r->query);
	while (str_word(&rest, &piece))
		add_parameter(list, "query", piece, false, is_number(piece) ? "integer" : "string");
	bool match = r->flags & ROUTE_MATCH;
	if (match || r->method == API_PATCH)
		add_parameter(list, "header", STR("If-Match"), match, "string");
	if (r->method == API_POST && !(r->perm == PERM_PUBLIC || r->perm == PERM_SEND || r->fn == get_search))
		add_parameter(list, "header", STR("Idempotency-Key"), false, "string");
	return list;
}

static json_t *body(const struct route *r)
{
	if (r->perm == PERM_SEND)
		return json_pack("{s:b, s:{s:{s:{}}, s:{s:{}}}}", "required", 1, "content", "application/x-ndjson", "schema", "application/json", "schema");
	if (r->flags & ROUTE_RAW)
		return json_pack("{s:b, s:{s:{s:{}}, s:{s:{s:s}}}}", "required", 1, "content", "application/octet-stream", "schema", "application/json", "schema", "type", "object");
	return r->shape ? json_pack("{s:b, s:{s:{s:o}}}", "required", strchr(r->shape, '!') != NULL, "content", "application/json", "schema", shape_schema(r->shape, false)) : NULL;
}

/* ---- answers --------------------------------------------------------------------------------------------------------------------------------------------- */

/* Lists are what a GET of a path answers that does not end in an object's id, and what a search does. */
static bool is_list(const struct route *r, const struct schema *s)
{
	return s->carried == ITEM && ((r->method == API_GET && !str_ends(str_c(r->path), STR("}"))) || r->fn == get_search);
}

static json_t *success(const struct route *r)
{
	static const char *const TYPES[] = {[OBJECT] = "application/json", [ITEM] = "application/json", [TEXT] = "text/plain", [OCTETS] = "application/octet-stream", [STREAM] = "text/event-stream"};
	const struct schema *s = schema_of(r->noun);
	json_t *schema = s->carried > ITEM ? json_pack("{s:s}", "type", "string") : ref(r->noun);
	if (is_list(r, s))
		schema = json_pack("{s:s, s:[s,s], s:{s:{s:s, s:o}, s:{s:[s,s]}}}", "type", "object", "required", "items", "next_cursor", "properties", "items", "type", "array", "items", schema, "next_cursor",
			"type", "string", "null");
	return json_pack("{s:s, s:{s:{s:o}}}", "description", r->summary_en, "content", TYPES[s->carried], "schema", schema);
}

/* The statuses that a route can refuse with, by what it is. */
static json_t *responses(const struct route *r)
{
	json_t *o = json_pack("{s:o}", "2XX", success(r));
	bool by_id = strchr(r->path, '{') != NULL, writes = r->method != API_GET && r->fn != get_search, has_body = r->shape || r->flags & ROUTE_RAW;
	const struct {
		int status;
		bool can;
	} CAN[] = {{400, true}, {401, r->perm != PERM_PUBLIC || r->shape}, {403, r->perm != PERM_PUBLIC}, {404, by_id}, {409, writes && r->perm != PERM_SEND}, {412, r->method == API_PATCH},
		{413, has_body}, {415, has_body}, {422, true}, {428, (r->flags & ROUTE_MATCH) != 0}, {429, true}, {503, true}, {507, writes}};
	for (size_t i = 0; i < LEN(CAN); i++) {
		char status[8];
		snprintf(status, sizeof(status), "%d", CAN[i].status);
		if (CAN[i].can)
			json_object_set_new(o, status, json_pack("{s:s}", "$ref", "#/components/responses/Problem"));
	}
	return o;
}

static json_t *operation(const struct route *r, const char *handler)
{
	static const struct {
		const char *name, *help;
	} PERMS[] = {
#define PERM(sym, name, roles, help) {name, help},
#include "api/perms.def"
#undef PERM
	};
	json_t *o = json_pack("{s:s, s:[s], s:s, s:s, s:s, s:s, s:o, s:o}", "operationId", handler, "tags", r->noun, "summary", r->summary_en, "x-summary-ja", r->summary_ja, "x-permission", PERMS[r->perm].name,
		"x-permission-help", PERMS[r->perm].help, "parameters", parameters(r), "responses", responses(r));
	json_t *b = body(r);
	if (b)
		json_object_set_new(o, "requestBody", b);
	if (r->perm == PERM_PUBLIC)
		json_object_set_new(o, "security", json_array());
	return o;
}

/* ---- the document ------------------------------------------------------------------------------------------------------------------------------------------ */

static json_t *problem_schema(void)
{
	static const char *const CODES[] = {
#define PROBLEM(code, err, status, en, ja) code,
#include "api/problems.def"
#undef PROBLEM
	};
	json_t *codes = json_array();
	for (size_t i = 0; i < LEN(CODES); i++)
		json_array_append_new(codes, json_string(CODES[i]));
	json_t *error = shape_schema("code:str! message:str! field:str line:int column:int hint:str", true);
	json_t *o = shape_schema("type:str! title:str! title_ja:str! status:int! code:str! detail:str errors:arr", true);
	json_object_set_new(json_object_get(json_object_get(o, "properties"), "code"), "enum", codes);
	json_object_set_new(json_object_get(json_object_get(o, "properties"), "errors"), "items", error);
	return o;
}

static json_t *components(void)
{
	json_t *schemas = json_pack("{s:o}", "Problem", problem_schema());
	for (size_t i = 0; i < LEN(SCHEMAS); i++)
		if (SCHEMAS[i].carried <= ITEM)
			json_object_set_new(schemas, SCHEMAS[i].noun, shape_schema(SCHEMAS[i].members, true));
	json_t *problem = json_pack("{s:s, s:{s:{s:o}}}", "description", "A problem (RFC 9457)", "content", "application/problem+json", "schema", ref("Problem"));
	return json_pack("{s:o, s:{s:o}, s:{s:{s:s, s:s}, s:{s:s, s:s, s:s}}}", "schemas", schemas, "responses", "Problem", problem, "securitySchemes", "bearer", "type", "http", "scheme", "bearer", "session",
		"type", "apiKey", "in", "cookie", "name", "hinomi_session");
}

json_t *api_openapi(void)
{
	static const char *const HANDLERS[] = {
#define ROUTE(method, path, fn, perm, flags, shape, query, noun, en, ja) #fn,
#include "api/routes.def"
#undef ROUTE
	};
	json_t *paths = json_object();
	size_t n;
	const struct route *r = api_routes(&n);
	for (size_t i = 0; i < n; i++) {
		char id[100];
		json_t *at = json_object_get(paths, r[i].path);
		if (!at)
			json_object_set_new(paths, r[i].path, at = json_object());
		/* Two routes may share a handler; an operation's id is its own. */
		size_t same = 0;
		for (size_t k = 0; k < i; k++)
			same += strcmp(HANDLERS[k], HANDLERS[i]) == 0;
		snprintf(id, sizeof(id), same ? "%s_%zu" : "%s", HANDLERS[i], same + 1);
		json_object_set_new(at, METHODS[r[i].method], operation(&r[i], id));
	}
	return json_pack("{s:s, s:{s:s, s:s, s:{s:s, s:s}}, s:o, s:o, s:[{s:[]}, {s:[]}]}", "openapi", "3.1.0", "info", "title", "Hinomi", "version", HINOMI_VERSION, "license", "name", "Apache-2.0",
		"identifier", "Apache-2.0", "paths", paths, "components", components(), "security", "bearer", "session");
}

int get_openapi(struct api_ctx *c)
{
	return api_answer(c, 200, api_openapi());
}

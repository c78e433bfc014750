/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

#include "api/shape.h"

static const struct route ROUTES[] = {
#define ROUTE(method, path, fn, perm, flags, shape, query, noun, en, ja) {API_##method, path, fn, PERM_##perm, flags, shape, query, noun, en, ja},
#include "api/routes.def"
#undef ROUTE
};

static const char *const METHODS[] = {"get", "post", "patch", "put", "delete"};

const struct route *api_routes(size_t *ret_n)
{
	*ret_n = LEN(ROUTES);
	return ROUTES;
}

/* ---- OpenAPI 3.1, from the same rows ---------------------------------------------------------------------------------------------------------------- */

static void add_path_parameters(json_t *list, const char *path)
{
	struct str rest = str_c(path), piece;
	while (str_cut(&rest, '/', &piece)) {
		if (!piece.n || piece.p[0] != '{')
			continue;
		struct str name = str_sub(piece, 1, piece.n - 1);
		json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:{s:s}}", "name", json_stringn(name.p, name.n), "in", "path", "required", 1, "schema", "type", "string"));
	}
}

static void add_query_parameters(json_t *list, const char *query)
{
	struct str rest = str_c(query), name;
	while (str_word(&rest, &name))
		json_array_append_new(list, json_pack("{s:o, s:s, s:{s:s}}", "name", json_stringn(name.p, name.n), "in", "query", "schema", "type", str_eq(name, STR("limit")) ? "integer" : "string"));
}

static json_t *operation(const struct route *r)
{
	static const char *const PERM_HELP[] = {
#define PERM(sym, name, roles, help) help,
#include "api/perms.def"
#undef PERM
	};
	json_t *parameters = json_array();
	add_path_parameters(parameters, r->path);
	add_query_parameters(parameters, r->query);
	if (r->flags & ROUTE_MATCH)
		json_array_append_new(parameters, json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", "If-Match", "in", "header", "required", 1, "schema", "type", "string"));
	json_t *o = json_pack("{s:s, s:s, s:s, s:o}", "summary", r->summary_en, "x-summary-ja", r->summary_ja, "x-permission", PERM_HELP[r->perm], "parameters", parameters);
	if (r->flags & ROUTE_RAW)
		json_object_set_new(o, "requestBody", json_pack("{s:{s:{}}}", "content", "application/octet-stream"));
	else if (r->shape)
		json_object_set_new(o, "requestBody", json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", shape_schema(r->shape)));
	json_object_set_new(o, "responses", json_pack("{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}", "2XX", "description", r->noun, "default", "description", "RFC 9457 problem", "content",
		"application/problem+json", "schema", "$ref", "#/components/schemas/Problem"));
	if (r->perm == PERM_PUBLIC)
		json_object_set_new(o, "security", json_array());
	return o;
}

json_t *api_openapi(void)
{
	json_t *paths = json_object();
	for (size_t i = 0; i < LEN(ROUTES); i++) {
		json_t *at = json_object_get(paths, ROUTES[i].path);
		if (!at)
			json_object_set_new(paths, ROUTES[i].path, at = json_object());
		json_object_set_new(at, METHODS[ROUTES[i].method], operation(&ROUTES[i]));
	}
	json_t *problem = json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}", "type", "object", "properties", "type", "type", "string", "title", "type", "string", "title_ja", "type",
		"string", "status", "type", "integer", "code", "type", "string", "detail", "type", "string");
	return json_pack("{s:s, s:{s:s, s:s, s:{s:s}}, s:o, s:{s:{s:o}, s:{s:{s:s, s:s}, s:{s:s, s:s, s:s}}}, s:[{s:[]}, {s:[]}]}", "openapi", "3.1.0", "info", "title", "Hinomi", "version", HINOMI_VERSION,
		"license", "name", "Apache-2.0", "paths", paths, "components", "schemas", "Problem", problem, "securitySchemes", "bearer", "type", "http", "scheme", "bearer", "session", "type", "apiKey", "in",
		"cookie", "name", "hinomi_session", "security", "bearer", "session");
}

int get_openapi(struct api_ctx *c)
{
	return api_answer(c, 200, api_openapi());
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/routes.h"

static const struct route ROUTES[] = {
#define ROUTE(method, path, fn, perm, flags, shape, query, noun, en, ja) {API_##method, path, fn, PERM_##perm, flags, shape, query, noun, en, ja},
#include "api/routes.def"
#undef ROUTE
};

const struct route *api_routes(size_t *ret_n)
{
	*ret_n = LEN(ROUTES);
	return ROUTES;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console.h"

#include "base/must.h"

static const struct console_file *file_of(struct str path)
{
	for (size_t i = 0; i < CONSOLE_FILES_N; i++)
		if (str_eq(path, str_c(CONSOLE_FILES[i].path)))
			return &CONSOLE_FILES[i];
	return NULL;
}

/* Programs expect a problem document where there is no route, not a page: our own API and those that existing senders speak. */
static bool is_for_programs(struct str path)
{
	static const char *const PREFIXES[] = {"/api", "/services", "/v1", "/_", "/metrics", "/healthz", "/readyz"};
	for (size_t i = 0; i < LEN(PREFIXES); i++)
		if (str_starts(path, str_c(PREFIXES[i])))
			return true;
	return false;
}

const struct console_file *console_find(struct str path)
{
	const struct console_file *f = file_of(path);
	if (f || is_for_programs(path))
		return f;
	size_t slash = str_rchr(path, '/');
	if (slash == STR_NPOS || str_chr(str_sub(path, slash, path.n), '.') != STR_NPOS)
		return NULL;
	return file_of(STR("/index.html"));
}

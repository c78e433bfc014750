/* SPDX-License-Identifier: Apache-2.0 */
#include "house/content.h"
#include "sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a file of its own, so that a program which only scans is not linked with the house. */
const char *content_dir(void)
{
	static _Thread_local char path[4200];
	/* beside the sources (build/src/cmd/hinomi), and installed (bin/hinomi) */
	static const char *const beside[] = {"/../../../content", "/../content", "/../share/hinomi/content"};
	const char *env = getenv("HINOMI_CONTENT");
	char self[3900];
	if (env)
		return env;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return NULL;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (size_t i = 0; i < LEN(beside); i++) {
		snprintf(path, sizeof(path), "%s%s", self, beside[i]);
		if (file_is_dir(path))
			return path;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_API_CONSOLE_H
#define HINOMI_API_CONSOLE_H

#include "base/str.h"

/*
 * The built console (web/) inside the program: a table that scripts/build-console makes, empty when the build leaves the console out
 * (-Dconsole=disabled). Everything here lives as long as the program. Thread-safe: nothing changes.
 */
struct console_file {
	const char *path, *type, *etag;
	bool hashed; /* the name holds a hash of the content: it may be cached for ever */
	const unsigned char *gzip;
	size_t n;
};
extern const struct console_file CONSOLE_FILES[];
extern const size_t CONSOLE_FILES_N;

/*
 * What a GET of this path shows, or NULL. The console has its own addresses for its pages (/alerts/…): a path that is no file, has no
 * extension and belongs to no interface for programs shows the first page, and the script in it goes on from there.
 */
const struct console_file *console_find(struct str path);

#endif

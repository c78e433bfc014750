/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_TESTS_FUZZ_H
#define HINOMI_TESTS_FUZZ_H

#include "sys/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What fuzz targets share that have to work on files. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder of this process, made at the first call, in memory where there is /dev/shm; gone at exit. */
static char fuzz_folder[64];

static void fuzz_remove(void)
{
	file_remove_tree(fuzz_folder);
}

static inline const char *fuzz_dir(void)
{
	if (!fuzz_folder[0]) {
		snprintf(fuzz_folder, sizeof(fuzz_folder), "%s/hinomi-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		must(mkdtemp(fuzz_folder));
		atexit(fuzz_remove);
	}
	return fuzz_folder;
}

/* Writes the bytes to a file of the folder and answers its path, valid until the next call. */
static inline const char *fuzz_file(const char *name, struct str content)
{
	static char path[200];
	snprintf(path, sizeof(path), "%s/%s", fuzz_dir(), name);
	FILE *f = fopen(path, "wb");
	must(f);
	must(!content.n || fwrite(content.p, 1, content.n, f) == content.n);
	must(fclose(f) == 0);
	return path;
}

/* The input as str. */
static inline struct str fuzz_str(const uint8_t *data, size_t size)
{
	return str_n((const char *)data, size);
}

#endif

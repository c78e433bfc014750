/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_CACHE_H
#define HINOMI_SIGMA_CACHE_H

#include "sigma/sigma.h"

/*
 * Rules to an image, through a cache when there is one. The cache holds the compiled image, the names that it added to the vocabulary and the findings,
 * so that everything said and done is the same with and without it. Its file is named by a hash of all that went in (path and bytes of every
 * rule, list and pipeline, options, program, libraries, processor) and checked by another. A file that does not fit or is damaged is ignored and made
 * anew; a folder that cannot be written is no fault. Old files of the folder are removed beyond CACHE_FILES_MAX.
 */
#define CACHE_FILES_MAX 8

struct sigma_source {
	const char *const *path; /* files and directories, as for sigma_set_add_path */
	size_t n;
	const char *cache_dir;   /* NULL = none */
};

struct sigma_loaded {
	struct sigma_image *img; /* the caller's reference; NULL when no rule is usable */
	size_t refused;
	bool from_cache;
};

/* 0, or -EINVAL when no rule is usable (findings say why). v is new and not yet frozen. */
int sigma_load(const struct sigma_source *src, struct vocab *v, const struct sigma_opts *o, struct diag *d, struct sigma_loaded *ret);
/* Where caches go for this user: $XDG_CACHE_HOME/hinomi or ~/.cache/hinomi. False when neither is known. */
bool sigma_cache_dir(char *out, size_t size);

#endif

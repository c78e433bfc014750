/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_WORDS_H
#define HINOMI_SIGMA_WORDS_H

#include "sigma/parts.h"

/*
 * "a and b and not (c or d)" over names: conditions of temporal correlations and of pipelines. not binds before and, and before or.
 * Leaves are EXPR_ATOM with the number that resolve gave the name. NULL when it is no such expression: *ret_at = byte of the word that does
 * not fit. 32 levels at most.
 */
typedef bool words_resolve(void *arg, struct str name, uint32_t *ret);
struct expr *words_parse(struct arena *mem, struct str text, words_resolve *resolve, void *arg, size_t *ret_at);

#endif

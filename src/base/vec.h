/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_VEC_H
#define HINOMI_BASE_VEC_H

#include "base/must.h"

#include <stddef.h>

/*
 * Typed growing arrays: `VEC(struct rule) rules = {0}; vec_push(&rules, r); rules.at[i]; rules.n; vec_done(&rules);`
 * Bounded content only (aborts on no memory): the caller caps what outside data can push.
 */
#define VEC(type)                                                                                            \
	struct {                                                                                             \
		type *at;                                                                                    \
		size_t n, cap;                                                                               \
	}

#define vec_reserve(v, want)                                                                                 \
	((void)((want) <= (v)->cap ? 0 : ((v)->at = vec_grow_((v)->at, &(v)->cap, (want), sizeof(*(v)->at)), 0)))
#define vec_push(v, item) (vec_reserve((v), (v)->n + 1), (v)->at[(v)->n++] = (item))
/* Appends a zeroed element and gives its address. */
#define vec_add(v) (vec_reserve((v), (v)->n + 1), vec_zero_(&(v)->at[(v)->n], sizeof(*(v)->at)), &(v)->at[(v)->n++])
#define vec_last(v) (&(v)->at[(v)->n - 1])
#define vec_pop(v) ((v)->at[--(v)->n])
#define vec_clear(v) ((v)->n = 0)
#define vec_done(v) (vec_free_((v)->at), (v)->at = NULL, (v)->n = (v)->cap = 0)
#define vec_each(item, v) for (__typeof__((v)->at) item = (v)->at; item && item < (v)->at + (v)->n; item++)

void *vec_grow_(void *at, size_t *cap, size_t want, size_t size);
void vec_zero_(void *at, size_t size);
void vec_free_(void *at);

#endif

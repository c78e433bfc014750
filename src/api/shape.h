/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_API_SHAPE_H
#define HINOMI_API_SHAPE_H

#include "base/diag.h"

#include <jansson.h>

/*
 * Shapes of request bodies, one string per route: "seen:str! alert_ids:arr! note:text". Types: str int num bool arr obj any text (a string
 * or {ja,en}); ! = required. The same string makes the check and the description. Findings have the member as their file.
 */
int shape_check(const char *shape, const json_t *body, struct diag *d);
/* JSON Schema of the shape, the caller's. answer: of what is answered, where more members may be and what is not required may be null. */
json_t *shape_schema(const char *shape, bool answer);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_TRANSFORM_H
#define HINOMI_SIGMA_TRANSFORM_H

#include "sigma/pipeline.h"

/* What the rows VALUE of pipeline.def do to one value, in transform_value.c: for the table of all rows in transform.c. */
#define NAME(function)
#define ITEM(function)
#define RULE(function)
#define VALUE(function) change_fn change_##function;
#define TRANSFORM(how, type, function, parameters) how(function)
#define CONDITION(list, type, function, parameters)
#define REFUSED(type, why)
#include "sigma/pipeline.def"
#undef TRANSFORM
#undef CONDITION
#undef REFUSED
#undef NAME
#undef ITEM
#undef RULE
#undef VALUE

#endif

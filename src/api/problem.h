/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_API_PROBLEM_H
#define HINOMI_API_PROBLEM_H

#include "api/call.h"

/* Problem documents (RFC 9457) with a stable code and text in both languages; rows of problems.def. Both always return 1 (the response is set). */
int problem_answer(struct api_ctx *c, int status, const char *code);
/* What a handler's negative errno means to the caller, with the findings in c->diag as errors. */
int problem_from_errno(struct api_ctx *c, int err);
/* A finding's sentence in Japanese by its code (findings.def), or NULL. */
const char *finding_ja(const char *code);

#endif

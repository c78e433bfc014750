/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_REPORT_TEMPLATES_H
#define HINOMI_REPORT_TEMPLATES_H

#include "report/template.h"

struct report_templates;

/* A reference to the newest templates that are right; warnings (the caller's list) tell what is wrong with newer ones. -EINVAL: none ever were. */
int report_templates_get(struct report_templates *t, struct diag *d, json_t **ret_warnings, struct template **ret);

#endif

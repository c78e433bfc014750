/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_ASSET_H
#define HINOMI_NET_ASSET_H

#include "api/console.h"

#include <event2/http.h>

/*
 * Answers a request with a file of the console: 304 when the browser has it, packed when it takes gzip, and with the headers that keep foreign
 * script and frames away (CSP level 3: no inline script, no eval, nothing from elsewhere). Loop thread.
 */
void asset_answer(struct evhttp_request *req, const struct console_file *f);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console.h"

/* The console that is left out (-Dconsole=disabled). */
const struct console_file CONSOLE_FILES[1];
const size_t CONSOLE_FILES_N = 0;

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_BANNED_H
#define HINOMI_BASE_BANNED_H

/* Included by the build into every file (-include): what must not be used, and what to use instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncat sprintf vsprintf gets strtok strtok_r /* buf, str_cut */
#pragma GCC poison sscanf vsscanf fscanf scanf atoi atol atoll atof /* num_* */
#pragma GCC poison localtime gmtime ctime asctime mktime /* tstamp.h */
#pragma GCC poison tmpnam mktemp drand48

#endif

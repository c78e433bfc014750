/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_HOUSE_CONTENT_H
#define HINOMI_HOUSE_CONTENT_H

/* content/ beside the sources or under the installation's share directory; $HINOMI_CONTENT wins. NULL when not found. Valid until the thread's next call. */
const char *content_dir(void);

#endif

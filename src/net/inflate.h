/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_INFLATE_H
#define HINOMI_NET_INFLATE_H

#include "base/buf.h"

/* A body sent with Content-Encoding gzip, x-gzip, deflate or zstd, into out (capped by its max: -E2BIG). -EOPNOTSUPP = no such encoding, -EBADMSG = broken. */
int inflate_body(struct str encoding, struct str body, struct buf *out);

#endif

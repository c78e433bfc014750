/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_NET_FRAME_H
#define HINOMI_NET_FRAME_H

#include "base/str.h"

/*
 * Where one syslog message ends in a TCP stream (RFC 6587): octet counting "LEN SP MSG" and LF (or NUL) after each message, told apart frame
 * by frame, since senders behind one relay differ. Octet counting is taken only when MSG begins like a payload, so that a line
 * which begins with a number stays a line.
 */
#define FRAME_MAX (1u << 20) /* bytes of one message */

enum frame_result {
	FRAME_MORE,     /* the end has not come */
	FRAME_MESSAGE,  /* *ret is a message, without its line end; it may be empty */
	FRAME_TOO_LONG, /* beyond FRAME_MAX: *ret_used bytes were dropped, *ret_skip more are to be dropped (SIZE_MAX = up to the line's end) */
};
/* Cuts the first frame off `in`. ended: the stream has ended, what is left is a message (a counted one that is incomplete: its beginning, *ret_short). */
enum frame_result frame_next(struct str in, bool ended, struct str *ret, size_t *ret_used, size_t *ret_skip, bool *ret_short);

#endif

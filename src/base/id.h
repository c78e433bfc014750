/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_BASE_ID_H
#define HINOMI_BASE_ID_H

#include "base/tstamp.h"

/*
 * 128-bit ids that sort by time. hi = milliseconds since the epoch (48 bits) and 16 bits that tell the maker apart; lo = a number the
 * maker never gives twice (an event's place in the WAL, a counter of the database). So an id is the same after a replay.
 * Text: 26 characters of Crockford base32 (the ULID alphabet), upper case, sorts like the number.
 */
struct id {
	uint64_t hi, lo;
};

#define ID_TEXT 26

struct id id_make(tstamp t, uint16_t maker, uint64_t number);
tstamp id_time(struct id id); /* to the millisecond */
/* Exactly 26 characters; accepts lower case. False on anything else. */
bool id_parse(struct str s, struct id *ret);
/* Writes 26 characters and a NUL. */
void id_format(char out[ID_TEXT + 1], struct id id);
int id_cmp(struct id a, struct id b);

/* Makers. */
enum { ID_EVENT = 0, ID_DESK = 1 };

#endif

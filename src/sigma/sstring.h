/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SIGMA_SSTRING_H
#define HINOMI_SIGMA_SSTRING_H

#include "base/arena.h"

/*
 * A Sigma string: bytes and wildcards apart (specification "Escaping"): `\` before * ? or \ makes it literal, `\` before anything else and at
 * the end is itself. Everything is made in the arena.
 */
#define WILD_MANY 256 /* * */
#define WILD_ONE 257  /* ? */
#define WILD_PLACEHOLDER 512 /* and above: %name%, numbered by the compiler */

struct sstring {
	uint16_t *unit; /* a byte or a wildcard */
	size_t n;
};

struct sstring sstring_parse(struct arena *mem, struct str text);
struct sstring sstring_literal(struct arena *mem, struct str bytes);
bool sstring_has_wildcard(const struct sstring *s);
/* Does the text as written have a wildcard? */
bool sstring_written_wildcard(struct str text);
/* With * at the front and the back unless they are there. */
struct sstring sstring_open(struct arena *mem, const struct sstring *s, bool front, bool back);
/* Takes * off both ends and notes them. */
void sstring_strip(struct sstring *s, bool *open_front, bool *open_back);
struct str sstring_plain(struct arena *mem, const struct sstring *s);
/* For glob_match: literal * ? \ behind a backslash. */
struct str sstring_glob(struct arena *mem, const struct sstring *s, bool open_front, bool open_back);
/* Every form with the option dashes exchanged; 0 = more than 625. */
size_t sstring_windash(struct arena *mem, const struct sstring *s, struct sstring **ret);

/* 'b' base64, 'l' UTF-16LE, 'B' UTF-16BE, 'u' UTF-16 with byte order mark */
struct str encode_text(struct arena *mem, struct str s, char how);
/* The part of Base64 that is the same whatever stands around the text, at each of the three offsets. Returns 3 (short ones stay). */
size_t base64_offsets(struct arena *mem, struct str s, struct str ret[3]);

#endif

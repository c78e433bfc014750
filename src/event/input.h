/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_INPUT_H
#define HINOMI_EVENT_INPUT_H

#include "base/tstamp.h"

#include <signal.h>

/*
 * One path (or "-") as a row of plain byte streams: the file itself, what a compressed file holds, or the members of an archive, and of
 * archives inside it, read through without unpacking to disk. Containers are told by their first bytes: gzip, zstd, bzip2, xz, zip, tar.
 *
 * Bombs: memory is a few buffers per level; levels, members and the ratio of bytes out to bytes in are bounded, and what goes beyond ends that
 * container with a reason. Not thread-safe.
 */
struct input;

#define INPUT_IDLE_MS 200                     /* a stream that gives nothing for so long makes no one wait for what it gave before */
#define INPUT_DEPTH_MAX 4                     /* containers inside containers */
#define INPUT_MEMBERS_MAX 1000000u            /* of one container */
#define INPUT_RATIO_MAX 2000u                 /* bytes out per byte in, once INPUT_RATIO_FROM bytes came out */
#define INPUT_RATIO_FROM (UINT64_C(1) << 30)

/* Never fails: what cannot be opened is the first stream's error. shown is what source.path says; once *stop (may be NULL) is set
 * every stream ends. */
struct input *input_open(const char *path, struct str shown, size_t max_depth, const volatile sig_atomic_t *stop);
void input_free(struct input *in);

/*
 * Moves to the next stream: its path ("dir/a.log", "-", "a.zip!b.json") is borrowed until the next call. False when there is none. A container
 * that cannot be read any further is a stream whose first read fails.
 */
bool input_next(struct input *in, struct str *ret_path);
/* Up to n bytes of the stream; 0 at its end, -1 when it cannot be read on (input_fault says why). */
ssize_t input_read(struct input *in, char *to, size_t n);
const char *input_fault(const struct input *in);
/* True when nothing more of the stream comes within ms: it is a pipe, terminal or socket, read as it is. Never of files and containers. */
bool input_idle(const struct input *in, int ms);
/* Bytes of the path itself that were read so far: how far it is, whatever its containers give out. */
uint64_t input_consumed(const struct input *in);
/* When the stream was written last: the member's own time, else the file's; TS_NONE for what is no file. */
tstamp input_written(const struct input *in);

#endif

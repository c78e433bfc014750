/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_CHILD_H
#define HINOMI_SYS_CHILD_H

#include "base/buf.h"

/*
 * Short-lived children: external programs (the PDF renderer) and our own parsers of untrusted files, under limits. The child has a
 * new session, no inherited descriptors but 0..2, an empty environment but what is given, and dies with its parent.
 */
struct child_limits {
	unsigned timeout_ms; /* wall clock; then SIGKILL */
	uint64_t max_memory; /* RLIMIT_AS bytes, 0 = none */
	uint64_t max_output; /* stdout bytes kept; more = killed and -E2BIG */
	bool no_network;     /* seccomp: no socket() */
	/* child_run, where the kernel has Landlock: files and trees that can be read and run, and one tree that is the child's to write; nothing else can be opened. NULL = no such limit. */
	const char *const *readable;
	const char *writable;
	const _Atomic bool *stop; /* NULL, or: becomes true = killed and -ECANCELED */
};

/* Runs argv (argv[0] an absolute path or a name looked up in /usr/bin:/bin), feeds input, collects stdout and (first 64 KiB) stderr. Exit status (0..255) or a negative errno (-ETIME, -E2BIG, -ENOENT, -ECANCELED). Blocks. */
int child_run(const char *const *argv, const char *const *env, struct str input, const struct child_limits *lim, struct buf *ret_out, struct buf *ret_err);

/* Runs fn(arg, in, out) in a fork with seccomp (read, write, memory, exit only) and collects what it appends to out. */
int child_parse(int (*fn)(void *arg, struct str in, struct buf *out), void *arg, struct str input, const struct child_limits *lim, struct buf *ret_out);

#endif

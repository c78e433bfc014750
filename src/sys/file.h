/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_SYS_FILE_H
#define HINOMI_SYS_FILE_H

#include "base/buf.h"

/*
 * Files as the product needs them: whole reads with a cap, atomic replacement, appends that survive a crash. Paths are NUL-terminated.
 * All return 0 or a negative errno. Thread-safe (no state).
 */

/* Appends the whole file; -EFBIG when it is larger than the buffer's cap allows. */
int file_read(const char *path, struct buf *out);
/* Writes path.tmp, fsyncs it, renames over path and fsyncs the directory: after 0 the new content survives a power cut, after an error the old. */
int file_replace(const char *path, struct str content, unsigned mode);
/* write(2) until all is written. */
int file_write_all(int fd, struct str content);
int file_pwrite_all(int fd, struct str content, uint64_t offset);
int file_truncate(int fd, uint64_t size);
/* Exactly n bytes; -ENODATA at a short file. */
int file_pread_all(int fd, void *p, size_t n, uint64_t offset);
int file_sync_dir(const char *dir);
/* mkdir -p with mode 0700; 0 when it is there. */
int file_make_dirs(const char *dir);
int file_remove(const char *path); /* 0 when it was not there */
int64_t file_size(const char *path); /* bytes or a negative errno */
bool file_is_dir(const char *path);
/* rm -r below dir, dir too. Follows no links. */
int file_remove_tree(const char *dir);

/* Read-only mapping; empty files give n 0. Never map what others may truncate (a SIGBUS): only sealed files. */
int file_map(const char *path, struct str *ret);
void file_unmap(struct str map);

/* "dir/name" into out (NUL-terminated); -ENAMETOOLONG. */
int path_join(char *out, size_t size, const char *dir, const char *name);

/*
 * Visits files below path in byte order of their names (deterministic), path itself when it is a file. Not following links to directories.
 * cb returns 0 to go on; another value ends the walk and is returned. Unreadable directories are reported by cb with err set.
 */
typedef int file_walk_cb(void *arg, const char *path, int err);
int file_walk(const char *path, file_walk_cb *cb, void *arg);

/*
 * Fault injection for tests (and the scenario words `disk full`): the nth write-like call from now fails with err (0 = off).
 * While sticky, all later ones fail too. Costs one relaxed atomic load when off.
 */
void file_fault_set(int nth, int err, bool sticky);
int file_fault_check(void);
/*
 * Faults in the middle of a stage: code says by name where it is ("wal-write", "wal-sync", "seal", "manifest", "hand-over", "desk-commit", "publish",
 * "checkpoint", "evidence", "reports"); from the nth write-like call of the armed stage on all fail with err. err 0 is the death of the process: nothing
 * reaches the disk any more, and the first call leaves half of its bytes. NULL disarms. file_fault_fired tells whether it has come to that.
 */
void file_fault_arm(const char *stage, int nth, int err);
void file_fault_stage(const char *stage);
bool file_fault_fired(void);
/* How much of a write that failed the check reaches the disk: half of it for a death, else nothing. For those who write by other means than these functions. */
size_t file_fault_torn(size_t n);

#endif

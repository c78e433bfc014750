/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_DB_VFS_H
#define HINOMI_DB_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A SQLite VFS under the usual one: every page of the database file carries the XXH3 of its content in its last 8 bytes (SQLite's reserved
 * bytes, so any other SQLite reads the file too). A page whose sum is wrong is an I/O error at reading, never silently wrong data.
 */
#define DB_VFS "hinomi"
#define DB_RESERVED 8

/* Registers it once; safe to call again. */
int db_vfs_register(void);
/* The first page (from 1) found damaged by this thread since the last call, 0 = none. */
uint32_t db_vfs_bad_page(void);
/* Does the page at this byte of the file carry its own sum? */
bool db_vfs_page_good(const unsigned char *page, size_t size, uint64_t offset);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "db/vfs.h"

#include "base/str.h"
#include "base/must.h"
#include "sys/file.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>

struct file {
	sqlite3_file base;
	bool sums; /* the main database, with reserved bytes */
	sqlite3_file *real;
};

static sqlite3_vfs *below;
static _Thread_local uint32_t bad_page;

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct file *)(void *)f)->real;
}

static bool is_page(int amount, sqlite3_int64 offset)
{
	return amount >= 512 && (amount & (amount - 1)) == 0 && offset % amount == 0;
}

static uint64_t page_sum(const unsigned char *page, int amount, sqlite3_int64 offset)
{
	return str_hash_stable(str_n((const char *)page, (size_t)amount - DB_RESERVED)) + (uint64_t)(offset / amount) * 0x9E3779B97F4A7C15ull;
}

bool db_vfs_page_good(const unsigned char *page, size_t size, uint64_t offset)
{
	uint64_t have;
	memcpy(&have, page + size - DB_RESERVED, sizeof(have));
	return have == page_sum(page, (int)size, (sqlite3_int64)offset);
}

static int on_read(sqlite3_file *f, void *p, int amount, sqlite3_int64 offset)
{
	struct file *file = (struct file *)(void *)f;
	int r = file->real->pMethods->xRead(file->real, p, amount, offset);
	if (r != SQLITE_OK || !file->sums || !is_page(amount, offset))
		return r;
	if (db_vfs_page_good(p, (size_t)amount, (uint64_t)offset))
		return r;
	bad_page = (uint32_t)(offset / amount) + 1;
	return SQLITE_IOERR_DATA;
}

static int on_write(sqlite3_file *f, const void *p, int amount, sqlite3_int64 offset)
{
	struct file *file = (struct file *)(void *)f;
	int fault = file_fault_check();
	if (fault) {
		size_t torn = file_fault_torn((size_t)amount);
		if (torn)
			file->real->pMethods->xWrite(file->real, p, (int)torn, offset);
		return fault == -ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	}
	if (file->sums && is_page(amount, offset)) {
		/* The reserved bytes belong to this layer: SQLite never looks at them. */
		unsigned char *page = (unsigned char *)(uintptr_t)p;
		uint64_t sum = page_sum(page, amount, offset);
		memcpy(page + amount - DB_RESERVED, &sum, sizeof(sum));
	}
	return file->real->pMethods->xWrite(file->real, p, amount, offset);
}

static int on_close(sqlite3_file *f)
{
	return real(f)->pMethods ? real(f)->pMethods->xClose(real(f)) : SQLITE_OK;
}
static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real(f)->pMethods->xTruncate(real(f), size);
}
static int on_sync(sqlite3_file *f, int flags)
{
	int fault = file_fault_check();
	if (fault)
		return fault == -ENOSPC ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
	return real(f)->pMethods->xSync(real(f), flags);
}
static int on_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real(f)->pMethods->xFileSize(real(f), size);
}
static int on_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}
static int on_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}
static int on_reserved(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}
static int on_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}
static int on_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}
static int on_characteristics(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}
static int on_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **pp)
{
	return real(f)->pMethods->xShmMap(real(f), region, size, extend, pp);
}
static int on_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
static void on_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}
static int on_shm_unmap(sqlite3_file *f, int del)
{
	return real(f)->pMethods->xShmUnmap(real(f), del);
}

/* Version 2: shared memory for the WAL, no memory-mapped pages (they would pass by the sums). */
static const sqlite3_io_methods METHODS = {2, on_close, on_read, on_write, on_truncate, on_sync, on_size, on_lock, on_unlock, on_reserved, on_control, on_sector, on_characteristics,
	on_shm_map, on_shm_lock, on_shm_barrier, on_shm_unmap, NULL, NULL};

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	struct file *file = (struct file *)(void *)f;
	(void)vfs;
	memset(file, 0, sizeof(*file));
	file->real = (sqlite3_file *)(void *)(file + 1);
	int r = below->xOpen(below, name, file->real, flags, out_flags);
	if (r != SQLITE_OK)
		return r;
	file->base.pMethods = &METHODS;
	file->sums = (flags & SQLITE_OPEN_MAIN_DB) != 0;
	return SQLITE_OK;
}

static sqlite3_vfs ours;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int registered;

static void register_once(void)
{
	below = sqlite3_vfs_find(NULL);
	must(below);
	ours = *below;
	ours.pNext = NULL;
	ours.zName = DB_VFS;
	ours.szOsFile = (int)sizeof(struct file) + below->szOsFile;
	ours.xOpen = on_open;
	registered = sqlite3_vfs_register(&ours, 0) == SQLITE_OK ? 0 : -EIO;
}

int db_vfs_register(void)
{
	pthread_once(&once, register_once);
	return registered;
}

uint32_t db_vfs_bad_page(void)
{
	uint32_t page = bad_page;
	bad_page = 0;
	return page;
}

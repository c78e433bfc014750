/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/file.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Atomic int fault_countdown;
static _Atomic int fault_err;
static _Atomic bool fault_sticky, fault_fired, fault_tears;
static const char *_Atomic armed_stage;
static _Atomic int armed_nth, armed_err;

void file_fault_set(int nth, int err, bool sticky)
{
	fault_err = err;
	fault_sticky = sticky;
	fault_fired = fault_tears = false;
	fault_countdown = nth;
}

void file_fault_arm(const char *stage, int nth, int err)
{
	file_fault_set(0, 0, false);
	armed_nth = nth;
	armed_err = err;
	armed_stage = stage;
}

void file_fault_stage(const char *stage)
{
	const char *armed = atomic_load_explicit(&armed_stage, memory_order_relaxed);
	if (!armed || !str_eq(str_c(armed), str_c(stage)))
		return;
	armed_stage = NULL;
	file_fault_set(armed_nth, armed_err ? armed_err : EIO, true);
	fault_tears = !armed_err;
}

bool file_fault_fired(void)
{
	return fault_fired;
}

size_t file_fault_torn(size_t n)
{
	bool first = fault_tears;
	fault_tears = false;
	return first ? n / 2 : 0;
}

int file_fault_check(void)
{
	int left = atomic_load_explicit(&fault_countdown, memory_order_relaxed);
	if (left == 0)
		return 0;
	if (left > 1) {
		fault_countdown = left - 1;
		return 0;
	}
	if (!fault_sticky)
		fault_countdown = 0;
	fault_fired = true;
	return -fault_err;
}

int file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t before = out->n;
	int r = 0;
	if (fd < 0)
		return -errno;
	struct stat st = {0};
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	while (r == 0) {
		size_t room = out->max - out->n;
		size_t want = room + 1 < 65536 ? room + 1 : 65536;
		char chunk[65536];
		ssize_t got = read(fd, chunk, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r = -errno;
		if (got <= 0)
			break;
		if (buf_add(out, str_n(chunk, (size_t)got)) < 0)
			r = out->err == -E2BIG ? -EFBIG : out->err;
		/* As long as it was, and less than was asked for: that was its end. */
		if ((size_t)got < want && S_ISREG(st.st_mode) && (uint64_t)st.st_size == out->n - before)
			break;
	}
	close(fd);
	return r;
}

int file_write_all(int fd, struct str content)
{
	int fault = file_fault_check();
	if (fault)
		content.n = file_fault_torn(content.n);
	while (content.n) {
		ssize_t put = write(fd, content.p, content.n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		content = str_sub(content, (size_t)put, content.n);
	}
	return fault;
}

int file_pwrite_all(int fd, struct str content, uint64_t offset)
{
	int fault = file_fault_check();
	if (fault)
		content.n = file_fault_torn(content.n);
	while (content.n) {
		ssize_t put = pwrite(fd, content.p, content.n, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		content = str_sub(content, (size_t)put, content.n);
		offset += (uint64_t)put;
	}
	return fault;
}

int file_truncate(int fd, uint64_t size)
{
	int fault = file_fault_check();
	if (fault)
		return fault;
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

int file_pread_all(int fd, void *p, size_t n, uint64_t offset)
{
	char *at = p;
	while (n) {
		ssize_t got = pread(fd, at, n, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ENODATA;
		at += got;
		n -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

int file_sync_dir(const char *dir)
{
	int fault = file_fault_check();
	if (fault)
		return fault;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int sync_parent(const char *path)
{
	char dir[4096];
	struct str p = str_c(path);
	size_t slash = str_rchr(p, '/');
	if (slash == STR_NPOS)
		return file_sync_dir(".");
	if (slash >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, slash ? slash : 1);
	dir[slash ? slash : 1] = 0;
	return file_sync_dir(dir);
}

int file_replace(const char *path, struct str content, unsigned mode)
{
	char tmp[4096];
	int r;
	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp))
		return -ENAMETOOLONG;
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return -errno;
	r = file_write_all(fd, content);
	if (r == 0 && (r = file_fault_check()) == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		return r;
	}
	return sync_parent(path);
}

int file_make_dirs(const char *dir)
{
	char path[4096];
	size_t n = strlen(dir);
	if (n >= sizeof(path))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= n; i++) {
		if (dir[i] != '/' && dir[i] != 0)
			continue;
		memcpy(path, dir, i);
		path[i] = 0;
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return file_is_dir(dir) ? 0 : -ENOTDIR;
}

int file_remove(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int64_t file_size(const char *path)
{
	struct stat st;
	return stat(path, &st) < 0 ? -errno : (int64_t)st.st_size;
}

bool file_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int file_map(const char *path, struct str *ret)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && !S_ISREG(st.st_mode))
		r = -EINVAL;
	if (r == 0 && st.st_size == 0) {
		*ret = STR("");
	} else if (r == 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			r = -errno;
		else
			*ret = str_n(p, (size_t)st.st_size);
	}
	close(fd);
	return r;
}

void file_unmap(struct str map)
{
	if (map.n)
		munmap((void *)(uintptr_t)map.p, map.n);
}

int path_join(char *out, size_t size, const char *dir, const char *name)
{
	size_t n = strlen(dir);
	const char *slash = n && dir[n - 1] == '/' ? "" : "/";
	return (size_t)snprintf(out, size, "%s%s%s", dir, slash, name) < size ? 0 : -ENAMETOOLONG;
}

struct entry {
	char *name;
	unsigned char type; /* DT_UNKNOWN where the file system does not tell */
};

static int name_order(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return strcmp(x->name, y->name);
}

/* What is in a directory in byte order, or a negative errno. */
static int list_dir(const char *path, struct entry **ret, size_t *ret_n)
{
	VEC(struct entry) entries = {0};
	DIR *dir = opendir(path);
	if (!dir)
		return -errno;
	for (struct dirent *e; (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			vec_push(&entries, ((struct entry){must_strdup(e->d_name), e->d_type}));
	closedir(dir);
	if (entries.n)
		qsort(entries.at, entries.n, sizeof(*entries.at), name_order);
	*ret = entries.at;
	*ret_n = entries.n;
	return 0;
}

#define WALK_DEPTH 64

static int walk(const char *path, bool top, unsigned char type, int depth, file_walk_cb *cb, void *arg)
{
	struct stat st;
	struct entry *entry;
	char child[4096];
	size_t n;
	int r = 0;
	if (type != DT_REG && type != DT_DIR) {
		if ((top ? stat(path, &st) : lstat(path, &st)) < 0)
			return cb(arg, path, -errno);
		if (S_ISLNK(st.st_mode) && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return 0;
		type = S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
	}
	if (type == DT_REG)
		return cb(arg, path, 0);
	if (depth == WALK_DEPTH)
		return cb(arg, path, -ELOOP);
	if ((r = list_dir(path, &entry, &n)) < 0)
		return cb(arg, path, r);
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && (r = path_join(child, sizeof(child), path, entry[i].name)) == 0)
			r = walk(child, false, entry[i].type, depth + 1, cb, arg);
		free(entry[i].name);
	}
	free(entry);
	return r;
}

int file_walk(const char *path, file_walk_cb *cb, void *arg)
{
	return walk(path, true, DT_UNKNOWN, 0, cb, arg);
}

int file_remove_tree(const char *dir)
{
	struct stat st;
	struct entry *entry;
	char child[4096];
	size_t n;
	if (lstat(dir, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return file_remove(dir);
	int r = list_dir(dir, &entry, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (r == 0 && (r = path_join(child, sizeof(child), dir, entry[i].name)) == 0)
			r = file_remove_tree(child);
		free(entry[i].name);
	}
	free(entry);
	return r == 0 && rmdir(dir) < 0 ? -errno : r;
}

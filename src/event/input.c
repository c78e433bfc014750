/* SPDX-License-Identifier: Apache-2.0 */
#include "event/input.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEED (256u << 10)
#define PEEK 4096u

/* One level: the file at the bottom, an archive that reads from the level below on each further one. */
struct level {
	struct archive *archive; /* NULL at the bottom */
	struct level *below;
	int fd;                  /* bottom */
	bool regular;
	struct str shown;        /* path of its current stream, owned */
	struct buf head;         /* looked at before and not read yet */
	char *feed;              /* what the archive is fed from */
	uint64_t in, out;
	tstamp written;
	unsigned members;
	bool dead;               /* the archive cannot give another member */
};

struct input {
	struct level level[INPUT_DEPTH_MAX + 1];
	uint64_t consumed;
	size_t n, max; /* levels open, most of them */
	bool started;
	const volatile sig_atomic_t *stop;
	char fault[200];
};

static void fault(struct input *in, const char *why)
{
	snprintf(in->fault, sizeof(in->fault), "%s", why ? why : "the container is damaged");
}

static void set_shown(struct level *l, struct str path)
{
	char *old = (char *)(uintptr_t)l->shown.p;
	l->shown = str_n(str_dup_c(path), path.n);
	free(old);
}

struct input *input_open(const char *path, struct str shown, size_t max_depth, const volatile sig_atomic_t *stop)
{
	struct input *in = must_new(struct input);
	struct level *l = &in->level[0];
	struct stat st;
	in->max = (max_depth && max_depth < INPUT_DEPTH_MAX ? max_depth : INPUT_DEPTH_MAX) + 1;
	in->n = 1;
	in->stop = stop;
	l->head = BUF_INIT(PEEK);
	set_shown(l, shown);
	st.st_mtim.tv_sec = 0;
	/* A pipe that nobody writes to is waited for in wait_readable, not here. */
	l->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (l->fd < 0)
		fault(in, strerror(errno));
	else
		l->regular = fstat(l->fd, &st) == 0 && S_ISREG(st.st_mode);
	l->written = l->regular ? (tstamp)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec : TS_NONE;
	return in;
}

static void close_level(struct level *l)
{
	if (l->archive)
		archive_read_free(l->archive);
	else if (l->fd > STDIN_FILENO)
		close(l->fd);
	free((char *)(uintptr_t)l->shown.p);
	free(l->feed);
	buf_done(&l->head);
	*l = (struct level){.fd = -1};
}

void input_free(struct input *in)
{
	if (!in)
		return;
	while (in->n)
		close_level(&in->level[--in->n]);
	free(in);
}

const char *input_fault(const struct input *in)
{
	return in->fault;
}

uint64_t input_consumed(const struct input *in)
{
	return in->consumed;
}

tstamp input_written(const struct input *in)
{
	return in->n ? in->level[in->n - 1].written : TS_NONE;
}

/* ---- bytes ----------------------------------------------------------------------------------------------------------------------------- */

static bool stopped(const struct input *in)
{
	return in->stop && *in->stop;
}

/* Any thread may read, and the signal that sets *stop wakes one of them: so no wait is long. False = stopped. */
static bool wait_readable(const struct input *in, const struct level *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	while (!stopped(in)) {
		int n = l->regular ? 1 : poll(&p, 1, INPUT_IDLE_MS);
		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
	}
	return false;
}

static ssize_t level_read(struct input *in, struct level *l, char *to, size_t n)
{
	if (l->head.n) {
		n = n < l->head.n ? n : l->head.n;
		memcpy(to, l->head.p, n);
		buf_consume(&l->head, n);
		return (ssize_t)n;
	}
	if (in->fault[0])
		return -1;
	if (stopped(in))
		return 0;
	if (!l->archive) {
		ssize_t got;
		do {
			if (!wait_readable(in, l))
				return 0;
			got = read(l->fd, to, n);
		} while (got < 0 && (errno == EINTR || errno == EAGAIN));
		if (got < 0)
			fault(in, strerror(errno));
		in->consumed += got > 0 ? (uint64_t)got : 0;
		return got;
	}
	la_ssize_t got = archive_read_data(l->archive, to, n);
	while (got == ARCHIVE_RETRY)
		got = archive_read_data(l->archive, to, n);
	if (got < 0) {
		fault(in, archive_error_string(l->archive));
		l->dead = got == ARCHIVE_FATAL;
		return -1;
	}
	l->out += (uint64_t)got;
	if (l->out > INPUT_RATIO_FROM && l->out / INPUT_RATIO_MAX > l->in) {
		fault(in, "the container holds far more than its size allows (decompression bomb), its rest was not read");
		l->dead = true;
		return -1;
	}
	return got;
}

ssize_t input_read(struct input *in, char *to, size_t n)
{
	return level_read(in, &in->level[in->n - 1], to, n);
}

static bool is_container(struct str head)
{
	static const struct {
		const char *magic;
		size_t n, at;
	} known[] = {{"\x1f\x8b", 2, 0}, {"\x28\xb5\x2f\xfd", 4, 0}, {"PK\x03\x04", 4, 0}, {"PK\x05\x06", 4, 0}, {"ustar", 5, 257}, {"BZh", 3, 0}, {"\xfd""7zXZ", 5, 0}};
	for (size_t i = 0; i < LEN(known); i++)
		if (head.n >= known[i].at + known[i].n && memcmp(head.p + known[i].at, known[i].magic, known[i].n) == 0)
			return true;
	return false;
}

bool input_idle(const struct input *in, int ms)
{
	if (in->n != 1 || in->level[0].regular || in->level[0].fd < 0 || in->level[0].head.n || in->fault[0])
		return false;
	struct pollfd p = {.fd = in->level[0].fd, .events = POLLIN};
	return poll(&p, 1, ms) == 0;
}

/* Text that a stream gave before it paused is no beginning of a container: those have a NUL or their magic in it. */
static void peek(struct input *in, struct level *l)
{
	char buf[PEEK];
	size_t have = 0;
	ssize_t got = 1;
	while (have < sizeof(buf) && (got = level_read(in, l, buf + have, sizeof(buf) - have)) > 0) {
		have += (size_t)got;
		if (have >= 6 && !is_container(str_n(buf, have)) && !memchr(buf, 0, have) && input_idle(in, INPUT_IDLE_MS))
			break;
	}
	buf_add(&l->head, str_n(buf, have));
}

/* ---- containers ------------------------------------------------------------------------------------------------------------------------ */

struct feed {
	struct input *in;
	struct level *l;
};

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct feed *f = arg;
	ssize_t got = level_read(f->in, f->l->below, f->l->feed, FEED);
	*ret = f->l->feed;
	if (got < 0)
		archive_set_error(a, EIO, "%s", f->in->fault);
	else
		f->l->in += (uint64_t)got;
	return got;
}

/* A file can be sought in, which finds a zip's directory; nothing was taken from it but the head. */
static la_int64_t on_seek(struct archive *a, void *arg, la_int64_t to, int whence)
{
	struct feed *f = arg;
	(void)a;
	buf_reset(&f->l->below->head);
	off_t at = lseek(f->l->below->fd, to, whence);
	return at < 0 ? ARCHIVE_FATAL : at;
}

static int on_close(struct archive *a, void *arg)
{
	(void)a;
	free(arg);
	return ARCHIVE_OK;
}

/* Opens the stream on top as a container: a level more. */
static void push(struct input *in)
{
	struct level *below = &in->level[in->n - 1], *l = &in->level[in->n++];
	struct feed *f = must_new(struct feed);
	*l = (struct level){.below = below, .fd = -1, .written = below->written, .archive = archive_read_new(), .feed = must_calloc(1, FEED), .head = BUF_INIT(PEEK)};
	*f = (struct feed){in, l};
	must(l->archive);
	set_shown(l, below->shown);
	archive_read_support_filter_gzip(l->archive);
	archive_read_support_filter_bzip2(l->archive);
	archive_read_support_filter_xz(l->archive);
	archive_read_support_filter_zstd(l->archive);
	archive_read_support_format_tar(l->archive);
	archive_read_support_format_zip(l->archive);
	archive_read_support_format_raw(l->archive);
	archive_read_support_format_empty(l->archive);
	archive_read_set_callback_data(l->archive, f);
	archive_read_set_read_callback(l->archive, on_read);
	archive_read_set_close_callback(l->archive, on_close);
	if (!below->archive && below->regular)
		archive_read_set_seek_callback(l->archive, on_seek);
	if (archive_read_open1(l->archive) == ARCHIVE_OK)
		return;
	l->dead = true;
	if (!in->fault[0])
		fault(in, archive_error_string(l->archive));
}

static void pop(struct input *in)
{
	close_level(&in->level[--in->n]);
}

/* What is left of a stream that its container did not ask for (bytes behind a zip's end) is no stream of its own. */
static bool next_member(struct input *in, struct level *l)
{
	struct archive_entry *e;
	int code;
	buf_reset(&l->head);
	while ((code = archive_read_next_header(l->archive, &e)) == ARCHIVE_OK || code == ARCHIVE_WARN || code == ARCHIVE_RETRY) {
		if (code == ARCHIVE_RETRY)
			continue;
		if (archive_format(l->archive) == ARCHIVE_FORMAT_RAW)
			return true;
		if (archive_entry_mtime_is_set(e) && archive_entry_mtime(e) > 0 && archive_entry_mtime(e) < INT64_MAX / NS_PER_S)
			l->written = (tstamp)archive_entry_mtime(e) * NS_PER_S + archive_entry_mtime_nsec(e);
		if (++l->members > INPUT_MEMBERS_MAX) {
			fault(in, "more members than the limit");
			return l->dead = true;
		}
		if (archive_entry_filetype(e) != AE_IFREG)
			continue;
		const char *name = archive_entry_pathname_utf8(e);
		if (!name)
			name = archive_entry_pathname(e);
		struct buf path = BUF_INIT(65536);
		buf_add(&path, l->below->shown);
		buf_addc(&path, '!');
		buf_add_cstr(&path, name ? name : "?");
		set_shown(l, buf_str(&path));
		buf_done(&path);
		return true;
	}
	if (code == ARCHIVE_EOF)
		return false;
	fault(in, archive_error_string(l->archive));
	return l->dead = true;
}

/* Leaves what has no further stream. */
static void climb(struct input *in)
{
	while (in->n && (in->n == 1 || in->level[in->n - 1].dead || !next_member(in, &in->level[in->n - 1])))
		pop(in);
}

bool input_next(struct input *in, struct str *ret_path)
{
	if (in->started) {
		in->fault[0] = 0;
		climb(in);
	}
	in->started = true;
	while (in->n && !in->fault[0]) {
		struct level *l = &in->level[in->n - 1];
		peek(in, l);
		if (in->fault[0] || in->n >= in->max || !is_container(buf_str(&l->head)))
			break;
		push(in);
		if (!in->fault[0] && !next_member(in, &in->level[in->n - 1]))
			climb(in); /* it is empty */
	}
	if (!in->n)
		return false;
	*ret_path = in->level[in->n - 1].shown;
	return true;
}

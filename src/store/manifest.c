/* SPDX-License-Identifier: Apache-2.0 */
#include "store/manifest.h"

#include "base/num.h"
#include "sys/file.h"

#include <errno.h>

#define MANIFEST_MAX (256u << 20)

void manifest_done(struct manifest *m)
{
	vec_each(f, &m->files) {
		free((char *)(uintptr_t)f->name.p);
	}
	vec_done(&m->files);
}

void manifest_add(struct manifest *m, const struct store_file *f)
{
	struct store_file copy = *f;
	copy.name = str_n(str_dup_c(f->name), f->name.n);
	vec_push(&m->files, copy);
}

void manifest_remove(struct manifest *m, size_t i)
{
	free((char *)(uintptr_t)m->files.at[i].name.p);
	memmove(&m->files.at[i], &m->files.at[i + 1], (m->files.n - i - 1) * sizeof(*m->files.at));
	m->files.n--;
}

int manifest_write(const char *dir, const struct manifest *m)
{
	char path[4096];
	struct buf b = BUF_INIT(MANIFEST_MAX);
	for (size_t i = 0; i < m->files.n; i++) {
		const struct store_file *f = &m->files.at[i];
		buf_addf(&b, "file %.*s %llu %llu %llu %llu %llu %lld %lld ", STR_ARG(f->name), (unsigned long long)f->first, (unsigned long long)f->last, (unsigned long long)f->rows,
			(unsigned long long)f->raw_bytes, (unsigned long long)f->file_bytes, (long long)f->t_min, (long long)f->t_max);
		buf_add_hex(&b, f->sha256, 32);
		buf_addc(&b, ' ');
		buf_add_hex(&b, f->root, 32);
		buf_addc(&b, '\n');
	}
	buf_addf(&b, "end %zu %016llx\n", m->files.n, (unsigned long long)str_hash_stable(buf_str(&b)));
	int r = path_join(path, sizeof(path), dir, "MANIFEST");
	if (r == 0)
		r = file_replace(path, buf_str(&b), 0600);
	buf_done(&b);
	return r;
}

static bool hex32(struct str s, unsigned char ret[32])
{
	if (s.n != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int hi = ch_hex((unsigned char)s.p[2 * i]), lo = ch_hex((unsigned char)s.p[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		ret[i] = (unsigned char)(hi * 16 + lo);
	}
	return true;
}

static bool read_line(struct str line, struct store_file *f)
{
	struct str w[11];
	*f = (struct store_file){0};
	for (size_t i = 0; i < LEN(w); i++)
		if (!str_cut(&line, ' ', &w[i]))
			return false;
	return !line.p && str_eq(w[0], STR("file")) && (f->name = w[1], true) && num_u64(w[2], &f->first) && num_u64(w[3], &f->last) && num_u64(w[4], &f->rows) &&
	       num_u64(w[5], &f->raw_bytes) && num_u64(w[6], &f->file_bytes) && num_i64(w[7], &f->t_min) && num_i64(w[8], &f->t_max) && hex32(w[9], f->sha256) && hex32(w[10], f->root);
}

static int damaged(struct diag *d, const char *path, unsigned line)
{
	diag_file(d, str_c(path));
	diag_error(d, (struct diag_at){line, 1}, "store.manifest", "the manifest is damaged in this line");
	return -EBADMSG;
}

int manifest_read(const char *dir, struct diag *d, struct manifest *ret)
{
	char path[4096], end[64];
	struct buf b = BUF_INIT(MANIFEST_MAX);
	int r = path_join(path, sizeof(path), dir, "MANIFEST");
	*ret = (struct manifest){0};
	if (r == 0)
		r = file_read(path, &b);
	if (r < 0) {
		buf_done(&b);
		if (r != -ENOENT) {
			diag_file(d, str_c(path));
			diag_error(d, (struct diag_at){0}, "store.manifest", "the manifest cannot be read: %s", strerror(-r));
		}
		return r;
	}
	struct str rest = buf_str(&b), line = STR("");
	const char *start = rest.p;
	unsigned number = 0;
	bool closed = false;
	while (r == 0 && !closed && str_line(&rest, &line)) {
		struct store_file f;
		number++;
		if (str_starts(line, STR("end "))) {
			snprintf(end, sizeof(end), "end %zu %016llx", ret->files.n, (unsigned long long)str_hash_stable(str_n(start, (size_t)(line.p - start))));
			closed = str_eq(line, str_c(end)) && !rest.n && b.p[b.n - 1] == '\n';
			if (!closed)
				r = damaged(d, path, number);
		} else if (read_line(line, &f)) {
			manifest_add(ret, &f);
		} else {
			r = damaged(d, path, number);
		}
	}
	if (r == 0 && !closed)
		r = damaged(d, path, number + 1);
	buf_done(&b);
	if (r < 0)
		manifest_done(ret);
	return r;
}

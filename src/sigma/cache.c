/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/cache.h"
#include "sigma/cache_parts.h"
#include "sigma/pairs.h"

#include "sys/file.h"

#include <errno.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* File: magic, format, key (16 bytes), checksum of the rest (16 bytes), then refused, findings and image. */
#define MAGIC "HINOMI-RULES\0\0\0\1"
#define MAGIC_N 16u
#define HEAD (MAGIC_N + 32u)
#define CACHE_MAX ((size_t)256 << 20)
#define INPUT_FILE_MAX (16u << 20)

/* ---- the key --------------------------------------------------------------------------------------------------------------------------------- */

struct keying {
	XXH3_state_t *state;
	const char *top;
	bool all; /* every file, not only rules */
};

static void key_bytes(struct keying *k, struct str s)
{
	uint64_t n = s.n;
	XXH3_128bits_update(k->state, &n, sizeof(n));
	XXH3_128bits_update(k->state, s.p ? s.p : "", s.n);
}

static void key_number(struct keying *k, uint64_t n)
{
	XXH3_128bits_update(k->state, &n, sizeof(n));
}

static int key_file(void *arg, const char *path, int err)
{
	struct keying *k = arg;
	struct str p = str_c(path);
	struct buf text = BUF_INIT(INPUT_FILE_MAX);
	if (!k->all && !str_eq(p, str_c(k->top)) && !str_iends(p, STR(".yml")) && !str_iends(p, STR(".yaml")))
		return 0;
	key_bytes(k, p);
	key_number(k, (uint64_t)(int64_t)(err < 0 ? err : file_read(path, &text)));
	key_bytes(k, buf_str(&text));
	buf_done(&text);
	return 0;
}

static void key_files(struct keying *k, const char *path, bool all)
{
	k->top = path;
	k->all = all;
	file_walk(path, key_file, k);
}

/* What compiled the image: this very program and its libraries. */
static void key_program(struct keying *k)
{
	struct stat st = {0};
	char pcre[64] = "";
	(void)stat("/proc/self/exe", &st);
	pcre2_config(PCRE2_CONFIG_VERSION, pcre);
	key_bytes(k, STR(HINOMI_VERSION));
	key_number(k, (uint64_t)st.st_size);
	key_number(k, (uint64_t)st.st_mtim.tv_sec);
	key_number(k, (uint64_t)st.st_mtim.tv_nsec);
	key_bytes(k, str_c(pcre));
}

static XXH128_hash_t key_of(const struct sigma_source *src, const struct vocab *v, const struct sigma_opts *o)
{
	struct keying k = {.state = XXH3_createState()};
	must(k.state);
	XXH3_128bits_reset(k.state);
	key_program(&k);
	for (size_t i = 0; i < vocab_field_count(v); i++)
		key_bytes(&k, vocab_field_name(v, (field_id)i));
	key_number(&k, o->routing);
	key_number(&k, o->min_level);
	key_number(&k, o->lint);
	key_number(&k, o->status ? o->n_status + 1 : 0);
	for (size_t i = 0; o->status && i < o->n_status; i++)
		key_bytes(&k, o->status[i]);
	for (size_t i = 0; i < o->n_pipeline; i++)
		key_files(&k, o->pipeline[i], true);
	key_number(&k, o->n_pipeline);
	if (o->lists_dir)
		key_files(&k, o->lists_dir, true);
	for (size_t i = 0; i < src->n; i++)
		key_files(&k, src->path[i], false);
	XXH128_hash_t h = XXH3_128bits_digest(k.state);
	XXH3_freeState(k.state);
	return h;
}

/* ---- files ------------------------------------------------------------------------------------------------------------------------------------- */

static bool cache_path(char *out, size_t size, const char *dir, XXH128_hash_t key)
{
	return (size_t)snprintf(out, size, "%s/rules-%016llx%016llx", dir, (unsigned long long)key.high64, (unsigned long long)key.low64) < size;
}

static bool checked(struct str file, XXH128_hash_t key, struct str *ret)
{
	XXH128_hash_t sum;
	if (file.n < HEAD || memcmp(file.p, MAGIC, MAGIC_N) != 0 || memcmp(file.p + MAGIC_N, &key, 16) != 0)
		return false;
	*ret = str_sub(file, HEAD, file.n);
	sum = XXH3_128bits(ret->p, ret->n);
	return memcmp(file.p + MAGIC_N + 16, &sum, 16) == 0;
}

static struct sigma_image *image_new(struct vocab *v)
{
	struct sigma_image *img = must_new(struct sigma_image);
	img->refs = 1;
	img->vocab = vocab_ref(v);
	img->routes = routes_new();
	arena_init(&img->mem, 0);
	map_init(&img->by_name);
	return img;
}

static void add_names(struct sigma_image *img)
{
	for (size_t i = 0; i < img->n_rule; i++) {
		struct str name[] = {img->rule[i].id, img->rule[i].name};
		for (size_t k = 0; k < LEN(name); k++)
			if (name[k].n)
				*map_put(&img->by_name, name[k], NULL) = i;
	}
}

static bool cache_read(const char *path, XXH128_hash_t key, struct vocab *v, struct diag *d, struct sigma_loaded *ret)
{
	struct str file = STR_NONE, body;
	if (file_map(path, &file) < 0)
		return false;
	bool ok = checked(file, key, &body);
	if (ok) {
		struct sigma_image *img = image_new(v);
		struct cache_io findings = {.mem = &d->mem, .in = body, .ok = true}, image = {.mem = &img->mem, .ok = true};
		uint64_t refused = 0;
		ok = rd_varint(&findings.in, &refused);
		cache_io_findings(&findings, d);
		image.in = findings.in;
		cache_io_image(&image, img);
		ok = ok && findings.ok && image.ok;
		if (ok) {
			add_names(img);
			pairs_need_all(img);
			*ret = (struct sigma_loaded){img, (size_t)refused, true};
		} else {
			/* Names that are already in the vocabulary do no harm. */
			diag_reset(d);
			sigma_image_unref(img);
		}
	}
	file_unmap(file);
	return ok;
}

struct old_file {
	char *path;
	int64_t at;
};

struct old_files {
	VEC(struct old_file) files;
};

static int note_old(void *arg, const char *path, int err)
{
	struct old_files *o = arg;
	struct stat st;
	if (err == 0 && strstr(path, "/rules-") && stat(path, &st) == 0)
		vec_push(&o->files, ((struct old_file){must_strdup(path), (int64_t)st.st_mtim.tv_sec}));
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct old_file *x = a, *y = b;
	return (x->at < y->at) - (x->at > y->at);
}

static void remove_old(const char *dir)
{
	struct old_files o = {0};
	file_walk(dir, note_old, &o);
	if (o.files.n > 1)
		qsort(o.files.at, o.files.n, sizeof(*o.files.at), by_age);
	for (size_t i = 0; i < o.files.n; i++) {
		if (i >= CACHE_FILES_MAX)
			(void)file_remove(o.files.at[i].path);
		free(o.files.at[i].path);
	}
	vec_done(&o.files);
}

/* Best effort: without a cache everything works the same. */
static void cache_write(const char *dir, const char *path, XXH128_hash_t key, struct diag *d, const struct sigma_loaded *l)
{
	struct buf b = BUF_INIT(CACHE_MAX);
	char head[HEAD] = {0};
	struct cache_io x = {.out = &b, .ok = true};
	buf_add(&b, str_n(head, HEAD));
	buf_add_varint(&b, l->refused);
	cache_io_findings(&x, d);
	cache_io_image(&x, l->img);
	if (x.ok && !b.err) {
		XXH128_hash_t sum = XXH3_128bits(b.p + HEAD, b.n - HEAD);
		memcpy(b.p, MAGIC, MAGIC_N);
		memcpy(b.p + MAGIC_N, &key, 16);
		memcpy(b.p + MAGIC_N + 16, &sum, 16);
		if (file_make_dirs(dir) == 0 && file_replace(path, buf_str(&b), 0600) == 0)
			remove_old(dir);
	}
	buf_done(&b);
}

bool sigma_cache_dir(char *out, size_t size)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (xdg && *xdg == '/')
		return (size_t)snprintf(out, size, "%s/hinomi", xdg) < size;
	return home && *home == '/' && (size_t)snprintf(out, size, "%s/.cache/hinomi", home) < size;
}

int sigma_load(const struct sigma_source *src, struct vocab *v, const struct sigma_opts *o, struct diag *d, struct sigma_loaded *ret)
{
	char path[4400];
	XXH128_hash_t key = {0, 0};
	/* Findings from before would be kept with the rules. */
	bool cached = src->cache_dir && !d->items.n;
	if (cached) {
		key = key_of(src, v, o);
		cached = cache_path(path, sizeof(path), src->cache_dir, key);
	}
	if (cached && cache_read(path, key, v, d, ret))
		return 0;
	struct sigma_set *set = sigma_set_new();
	*ret = (struct sigma_loaded){0};
	for (size_t i = 0; i < src->n; i++)
		sigma_set_add_path(set, src->path[i], d);
	int r = sigma_compile(set, v, o, d, &ret->img);
	ret->refused = sigma_set_refused(set) + (r == 0 ? sigma_image_refused(ret->img) : sigma_set_loaded(set));
	sigma_set_free(set);
	if (r == 0 && cached)
		cache_write(src->cache_dir, path, key, d, ret);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "house/config.h"

#include "base/num.h"
#include "base/tstamp.h"
#include "codec/yaml.h"
#include "sys/file.h"

#include <errno.h>
#include <string.h>

#define CONFIG_FILE_MAX (1u << 20)
#define LIST_MAX 10000

static const struct {
	const char *key;
	enum config_type type;
	const char *deflt, *en, *ja;
} KEYS[CFG_COUNT] = {
#define CONFIG(sym, key, type, deflt, help_en, help_ja) {key, CFG_TYPE_##type, deflt, help_en, help_ja},
#include "house/config.def"
#undef CONFIG
};

static struct str first_word(const char *words)
{
	struct str rest = str_c(words), word = STR("");
	str_word(&rest, &word);
	return word;
}

void config_init(struct config *c)
{
	*c = (struct config){0};
	arena_init(&c->mem, 0);
	for (size_t i = 0; i < CFG_COUNT; i++)
		c->text[i] = KEYS[i].type == CFG_TYPE_CHOICE ? first_word(KEYS[i].deflt) : str_c(KEYS[i].deflt);
}

void config_done(struct config *c)
{
	arena_done(&c->mem);
}

/* "host:port" or "[v6]:port". */
static bool split_address(struct str s, struct str *host, unsigned *port)
{
	size_t colon = str_rchr(s, ':');
	int64_t n;
	if (colon == STR_NPOS || !num_range(str_sub(s, colon + 1, s.n), 0, 65535, &n))
		return false;
	*host = str_sub(s, 0, colon);
	if (str_starts(*host, STR("[")) && str_ends(*host, STR("]")))
		*host = str_sub(*host, 1, host->n - 1);
	*port = (unsigned)n;
	return host->n > 0 && host->n < 256;
}

static bool is_bool(struct str s)
{
	return str_eq(s, STR("true")) || str_eq(s, STR("false"));
}

static bool is_choice(const char *words, struct str s)
{
	struct str rest = str_c(words), word;
	while (str_word(&rest, &word))
		if (str_eq(word, s))
			return true;
	return false;
}

/* NULL when the text fits the type, else what it should be. */
static const char *misfit(enum config_key key, struct str s)
{
	struct str host;
	unsigned port;
	uint64_t u;
	int64_t i;
	switch (KEYS[key].type) {
	case CFG_TYPE_ADDRESS:
		return str_eq(s, STR("off")) || split_address(s, &host, &port) ? NULL : "an address like 127.0.0.1:8480, or off";
	case CFG_TYPE_BOOL:
		return is_bool(s) ? NULL : "true or false";
	case CFG_TYPE_COUNT:
		return num_u64(s, &u) ? NULL : "a whole number";
	case CFG_TYPE_SIZE:
		return num_size(s, &u) && u > 0 ? NULL : "a size like 64MiB";
	case CFG_TYPE_DURATION:
		return num_duration(s, &i) && i > 0 ? NULL : "a duration like 60s, 12h or 365d";
	case CFG_TYPE_CHOICE:
		return is_choice(KEYS[key].deflt, s) ? NULL : KEYS[key].deflt;
	case CFG_TYPE_TEXT:
	case CFG_TYPE_LIST:
	case CFG_TYPE_LISTS:
		return NULL;
	}
	return NULL;
}

static int take_text(struct config *c, enum config_key key, struct str value, struct diag_at at, struct diag *d)
{
	const char *want = misfit(key, value);
	if (want)
		return diag_error(d, at, "config.bad_value", "%s: \"%.*s\" should be %s%s", KEYS[key].key, STR_ARG(value), KEYS[key].type == CFG_TYPE_CHOICE ? "one of " : "", want);
	if (key == CFG_TIMEZONE) {
		tstamp t;
		char probe[64];
		snprintf(probe, sizeof(probe), "2000-01-01T00:00:00%.*s", value.n < 10 ? (int)value.n : 0, value.p);
		if (!ts_parse_rfc3339(str_c(probe), 0, &t) || value.n < 1)
			return diag_error(d, at, "config.bad_value", "timezone: \"%.*s\" should be an offset like +09:00", STR_ARG(value));
	}
	c->text[key] = arena_dup(&c->mem, value);
	return 0;
}

static void take_items(struct config *c, struct config_list *l, const struct yaml_node *node, struct diag *d)
{
	l->item = arena_array(&c->mem, node->n + 1, sizeof(*l->item));
	if (node->kind == YAML_SCALAR && node->type != YAML_NULL) {
		l->item[l->n++] = arena_dup(&c->mem, yaml_text(node));
		return;
	}
	if (node->kind == YAML_MAP)
		diag_error(d, node->at, "config.bad_type", "a list of texts is wanted");
	for (const struct yaml_node *one = node->kind == YAML_LIST ? node->kid : NULL; one; one = one->next) {
		if (one->kind != YAML_SCALAR)
			diag_error(d, one->at, "config.bad_type", "a list of texts is wanted");
		else if (l->n < LIST_MAX)
			l->item[l->n++] = arena_dup(&c->mem, yaml_text(one));
		else {
			diag_error(d, one->at, "config.too_many", "a list has at most %d items", LIST_MAX);
			break;
		}
	}
}

static void take_lists(struct config *c, enum config_key key, const struct yaml_node *node, struct diag *d)
{
	bool map = KEYS[key].type == CFG_TYPE_LISTS;
	if (map && node->kind != YAML_MAP && node->type != YAML_NULL) {
		diag_error(d, node->at, "config.bad_type", "%s: a map of lists is wanted", KEYS[key].key);
		return;
	}
	size_t n = map ? node->n : 1;
	c->list[key] = arena_array(&c->mem, n + 1, sizeof(struct config_list));
	c->n_list[key] = 0;
	if (!map) {
		c->list[key][0] = (struct config_list){0};
		take_items(c, &c->list[key][c->n_list[key]++], node, d);
		return;
	}
	yaml_pairs(one, node) {
		struct config_list *l = &c->list[key][c->n_list[key]++];
		*l = (struct config_list){.name = arena_dup(&c->mem, yaml_text(one->key))};
		take_items(c, l, one, d);
	}
}

static void take_key(struct config *c, const struct yaml_node *v, struct diag *d)
{
	struct str names[CFG_COUNT], key = yaml_text(v->key);
	for (size_t i = 0; i < CFG_COUNT; i++) {
		names[i] = str_c(KEYS[i].key);
		if (!str_eq(names[i], key))
			continue;
		if (KEYS[i].type == CFG_TYPE_LIST || KEYS[i].type == CFG_TYPE_LISTS)
			take_lists(c, (enum config_key)i, v, d);
		else if (v->kind != YAML_SCALAR)
			diag_error(d, v->at, "config.bad_type", "%s: one value is wanted", KEYS[i].key);
		else
			take_text(c, (enum config_key)i, v->type == YAML_NULL ? STR("") : yaml_text(v), v->at, d);
		return;
	}
	diag_error(d, v->key->at, "config.unknown_key", "there is no setting \"%.*s\"", STR_ARG(key));
	diag_suggest(d, key, names, CFG_COUNT);
}

int config_load_text(struct config *c, struct str yaml, struct str file, struct diag *d)
{
	struct arena mem;
	struct yaml_doc *doc = NULL;
	size_t before = d->errors;
	arena_init(&mem, 0);
	diag_file(d, file);
	if (yaml_read(yaml, &mem, d, &doc) == 0 && doc && doc->root) {
		if (doc->root->kind != YAML_MAP)
			diag_error(d, doc->root->at, "config.bad_type", "a configuration is a map of settings");
		yaml_pairs(v, doc->root) {
			take_key(c, v, d);
		}
	}
	diag_file(d, STR(""));
	arena_done(&mem);
	return d->errors > before ? -EINVAL : 0;
}

int config_load(struct config *c, const char *path, struct diag *d)
{
	struct buf text = BUF_INIT(CONFIG_FILE_MAX);
	int r = file_read(path, &text);
	if (r < 0) {
		diag_file(d, str_c(path));
		diag_error(d, (struct diag_at){0}, "config.unreadable", "the configuration cannot be read: %s", strerror(-r));
		diag_file(d, STR(""));
	} else {
		r = config_load_text(c, buf_str(&text), str_c(path), d);
	}
	buf_done(&text);
	return r;
}

int config_set(struct config *c, enum config_key key, struct str value, struct diag *d)
{
	return take_text(c, key, value, (struct diag_at){0}, d);
}

struct str config_text(const struct config *c, enum config_key key)
{
	return c->text[key];
}

bool config_bool(const struct config *c, enum config_key key)
{
	return str_eq(c->text[key], STR("true"));
}

uint64_t config_count(const struct config *c, enum config_key key)
{
	uint64_t v = 0;
	if (KEYS[key].type == CFG_TYPE_SIZE)
		must(num_size(c->text[key], &v));
	else
		must(num_u64(c->text[key], &v));
	return v;
}

int64_t config_duration(const struct config *c, enum config_key key)
{
	int64_t v = 0;
	must(num_duration(c->text[key], &v));
	return v;
}

bool config_address(const struct config *c, enum config_key key, char host[256], unsigned *ret_port)
{
	struct str h;
	if (!split_address(c->text[key], &h, ret_port))
		return false;
	memcpy(host, h.p, h.n);
	host[h.n] = 0;
	return true;
}

int config_offset(const struct config *c)
{
	struct str s = c->text[CFG_TIMEZONE];
	tstamp here, utc;
	char probe[64];
	snprintf(probe, sizeof(probe), "2000-01-01T00:00:00%.*s", s.n < 10 ? (int)s.n : 0, s.p);
	if (!ts_parse_rfc3339(str_c(probe), 0, &here) || !ts_parse_rfc3339(STR("2000-01-01T00:00:00Z"), 0, &utc))
		return 0;
	return (int)((utc - here) / NS_PER_S);
}

const struct config_list *config_list(const struct config *c, enum config_key key, struct str name)
{
	for (size_t i = 0; i < c->n_list[key]; i++)
		if (str_eq(c->list[key][i].name, name))
			return &c->list[key][i];
	return NULL;
}

static void show_text(struct buf *out, struct str s)
{
	bool plain = s.n > 0;
	for (size_t i = 0; i < s.n; i++)
		plain = plain && (ch_is_alnum((unsigned char)s.p[i]) || (i && (s.p[i] == '.' || s.p[i] == '/' || s.p[i] == '-')));
	if (plain && !str_eq(s, STR("off")) && !ch_is_digit((unsigned char)s.p[0])) {
		buf_add(out, s);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if (ch < 0x20 || ch == 0x7f) {
			buf_addf(out, "\\x%02x", (unsigned)ch);
			continue;
		}
		if (ch == '"' || ch == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
	buf_addc(out, '"');
}

static void show_items(struct buf *out, const struct config_list *l)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		buf_add_cstr(out, i ? ", " : "");
		show_text(out, l->item[i]);
	}
	buf_addc(out, ']');
}

void config_show(const struct config *c, bool japanese, struct buf *out)
{
	for (size_t i = 0; i < CFG_COUNT; i++) {
		buf_addf(out, "# %s\n%s: ", japanese ? KEYS[i].ja : KEYS[i].en, KEYS[i].key);
		if (KEYS[i].type == CFG_TYPE_LIST) {
			const struct config_list *l = config_list(c, (enum config_key)i, STR(""));
			show_items(out, l ? l : &(struct config_list){0});
		} else if (KEYS[i].type == CFG_TYPE_LISTS) {
			buf_addc(out, '{');
			for (size_t k = 0; k < c->n_list[i]; k++) {
				buf_add_cstr(out, k ? ", " : "");
				show_text(out, c->list[i][k].name);
				buf_add_cstr(out, ": ");
				show_items(out, &c->list[i][k]);
			}
			buf_addc(out, '}');
		} else {
			show_text(out, c->text[i]);
		}
		buf_add_cstr(out, "\n");
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/cache_parts.h"
#include "sigma/regex.h"

#define DEPTH_MAX 256

/* Whoever gives one of these another member gives it a line below too, but for what is made of the others when they are read (pairs_need_all). */
_Static_assert(sizeof(void *) != 8 || (sizeof(struct sigma_rule) == 264 && sizeof(struct atom) == 80 && sizeof(struct expr) == 40 && sizeof(struct correlation) == 224 &&
				       sizeof(struct rule_code) == 64 && sizeof(struct gate_info) == 12 && sizeof(struct field_index) == 240 && sizeof(struct literal) == 20 && sizeof(struct literal_set) == 96 && sizeof(struct sigma_image) == 256),
	"a member is missing in the walk below");

/* ---- one walk for both directions ---------------------------------------------------------------------------------------------------------- */

static void io_raw(struct cache_io *x, void *p, size_t n)
{
	struct str s;
	if (x->out) {
		buf_add(x->out, str_n(p, n));
	} else if (x->ok && rd_bytes(&x->in, n, &s)) {
		if (n)
			memcpy(p, s.p, n);
	} else {
		x->ok = false;
		memset(p, 0, n);
	}
}

static uint64_t io_number(struct cache_io *x, uint64_t v)
{
	if (x->out)
		buf_add_varint(x->out, v);
	else if (!x->ok || !rd_varint(&x->in, &v)) {
		x->ok = false;
		v = 0;
	}
	return v;
}

#define IO(x, place) ((place) = (__typeof__(place))io_number((x), (uint64_t)(place)))

static void io_str(struct cache_io *x, struct str *s)
{
	struct str in = STR("");
	bool there = io_number(x, s->p != NULL);
	size_t n = (size_t)io_number(x, s->n);
	if (x->out) {
		buf_add(x->out, str_n(s->p ? s->p : "", s->n));
		return;
	}
	x->ok = x->ok && rd_bytes(&x->in, n, &in);
	*s = x->ok && there ? arena_dup(x->mem, in) : STR_NONE;
}

/* A count of things that take at least one byte each. */
static size_t io_count(struct cache_io *x, size_t n)
{
	n = (size_t)io_number(x, n);
	if (!x->out && n > x->in.n) {
		x->ok = false;
		return 0;
	}
	return n;
}

/* An array in the image's memory: when reading it is made there. */
#define IO_ARRAY(x, at, n)                                                                                                            \
	do {                                                                                                                          \
		(n) = io_count((x), (n));                                                                                             \
		if (!(x)->out)                                                                                                        \
			(at) = arena_zalloc((x)->mem, ((n) + 1) * sizeof(*(at)));                                                     \
	} while (0)

static void io_strs(struct cache_io *x, struct str **at, size_t *n)
{
	IO_ARRAY(x, *at, *n);
	for (size_t i = 0; i < *n; i++)
		io_str(x, &(*at)[i]);
}

static void io_numbers(struct cache_io *x, uint32_t **at, size_t *n)
{
	IO_ARRAY(x, *at, *n);
	for (size_t i = 0; i < *n; i++)
		IO(x, (*at)[i]);
}

/* ---- rules ------------------------------------------------------------------------------------------------------------------------------------- */

static void io_rule(struct cache_io *x, struct sigma_rule *r)
{
	struct str *text[] = {&r->id, &r->name, &r->title, &r->title_ja, &r->status, &r->description, &r->author, &r->file, &r->explain_ja, &r->explain_en, &r->logsource.product,
		&r->logsource.category, &r->logsource.service};
	for (size_t i = 0; i < LEN(text); i++)
		io_str(x, text[i]);
	io_strs(x, (struct str **)(uintptr_t)&r->tag, &r->n_tag);
	io_strs(x, (struct str **)(uintptr_t)&r->falsepositive, &r->n_falsepositive);
	IO(x, r->index);
	IO(x, r->kind);
	IO(x, r->level);
	IO(x, r->line);
	IO(x, r->feeds);
	IO(x, r->silent);
	IO(x, r->hidden);
}

static void io_expr(struct cache_io *x, struct expr **at, int depth)
{
	bool there = io_number(x, *at != NULL);
	if (!x->out)
		*at = there && x->ok && depth < DEPTH_MAX ? arena_new(x->mem, struct expr) : NULL;
	if (!*at) {
		x->ok = x->ok && !there;
		return;
	}
	struct expr *e = *at;
	IO(x, e->kind);
	IO(x, e->atom);
	io_str(x, &e->selection);
	IO_ARRAY(x, e->kid, e->n);
	for (size_t i = 0; i < e->n && x->ok; i++)
		io_expr(x, &e->kid[i], depth + 1);
}

static void io_code(struct cache_io *x, struct rule_code *c)
{
	io_expr(x, &c->expr, 0);
	IO(x, c->start);
	IO(x, c->test);
	IO(x, c->n_test);
	io_numbers(x, &c->witness, &c->n_witness);
	io_numbers(x, &c->waking, &c->n_waking);
	IO(x, c->always);
}

static void io_correlation(struct cache_io *x, struct correlation *k)
{
	IO(x, k->type);
	if (!k->type)
		return;
	io_numbers(x, &k->member, &k->n_member);
	size_t n = k->n_member;
	io_strs(x, &k->member_name, &n);
	io_strs(x, &k->group, &k->n_group);
	IO_ARRAY(x, k->alias, k->n_alias);
	for (size_t i = 0; i < k->n_alias; i++) {
		io_str(x, &k->alias[i].alias);
		io_str(x, &k->alias[i].rule);
		io_str(x, &k->alias[i].field);
	}
	IO(x, k->timespan);
	io_strs(x, &k->field, &k->n_field);
	io_raw(x, &k->percentile, sizeof(k->percentile));
	for (size_t i = 0; i < LEN(k->cmp); i++) {
		IO(x, k->cmp[i].set);
		io_raw(x, &k->cmp[i].value, sizeof(k->cmp[i].value));
	}
	io_expr(x, &k->extended, 0);
	IO(x, k->generate);
	IO(x, k->at.line);
	IO(x, k->at.column);
}

static void io_atom(struct cache_io *x, struct atom *a)
{
	IO(x, a->field);
	IO(x, a->op);
	IO(x, a->flags);
	IO(x, a->sub);
	IO(x, a->keyword);
	io_str(x, &a->text);
	io_raw(x, &a->number, sizeof(a->number));
	io_raw(x, &a->integer, sizeof(a->integer));
	IO(x, a->is_int);
	IO(x, a->other);
	io_raw(x, a->net, sizeof(a->net));
	IO(x, a->bits);
	IO(x, a->gate);
	IO(x, a->answer);
	if (!x->out && a->op == ATOM_REGEX && x->ok) {
		struct regex_fault unused;
		a->re = regex_new(a->text, a->flags, &unused);
		x->ok = a->re != NULL;
	}
}

/* ---- gates ------------------------------------------------------------------------------------------------------------------------------------- */

static void io_gate_list(struct cache_io *x, uint16_t **at, size_t *n)
{
	*n = io_count(x, *n);
	if (!x->out)
		*at = must_calloc(*n + 1, sizeof(**at));
	for (size_t i = 0; i < *n; i++)
		IO(x, (*at)[i]);
}

/* A table's size, a power of two. */
static size_t io_table(struct cache_io *x, size_t size)
{
	IO(x, size);
	if (x->out || (size >= 16 && size <= 1u << 20 && !(size & (size - 1))))
		return size;
	x->ok = false;
	return 16;
}

/* Of the tables only what is taken, each with its place. */
static void io_ends(struct cache_io *x, struct ends *e)
{
	size_t slots = 0, hints = 0, at = 0;
	e->n_slot = io_table(x, e->n_slot);
	e->n_hint = io_table(x, e->n_hint);
	io_raw(x, &e->prefix, sizeof(e->prefix));
	io_raw(x, &e->suffix, sizeof(e->suffix));
	if (!x->out) {
		e->slot = must_calloc(e->n_slot, sizeof(*e->slot));
		e->hint = must_calloc(e->n_hint, 1);
	}
	for (size_t i = 0; x->out && i < e->n_slot; i++)
		slots += e->slot[i].hash != 0;
	for (size_t i = 0; x->out && i < e->n_hint; i++)
		hints += e->hint[i] != 0;
	slots = io_count(x, slots);
	x->ok = x->ok && slots < e->n_slot; /* a search ends at a free one */
	for (size_t i = 0; i < slots && x->ok; i++, at++) {
		while (x->out && !e->slot[at].hash)
			at++;
		at = (size_t)io_number(x, at) & (e->n_slot - 1);
		IO(x, e->slot[at].gate);
		io_raw(x, &e->slot[at].hash, 8);
	}
	hints = io_count(x, hints);
	at = 0;
	for (size_t i = 0; i < hints && x->ok; i++, at++) {
		while (x->out && !e->hint[at])
			at++;
		at = (size_t)io_number(x, at) & (e->n_hint - 1);
		io_raw(x, &e->hint[at], 1);
	}
	if (!x->out)
		ends_seal(e);
}

static void io_literals(struct cache_io *x, struct literal_set *set)
{
	io_str(x, &set->text);
	set->n = io_count(x, set->n);
	if (!x->out)
		set->literal = must_calloc(set->n + 1, sizeof(*set->literal));
	for (size_t i = 0; i < set->n && x->ok; i++) {
		struct literal *l = &set->literal[i];
		IO(x, l->text);
		IO(x, l->n);
		IO(x, l->narrow);
		IO(x, l->wide);
		IO(x, l->gate);
	}
	if (!x->out)
		x->ok = literals_seal(set) && x->ok;
}

static void io_index(struct cache_io *x, struct field_index **at)
{
	bool there = io_number(x, *at != NULL);
	if (!there || !x->ok)
		return;
	if (!x->out)
		*at = must_new(struct field_index);
	struct field_index *ix = *at;
	io_ends(x, &ix->ends);
	io_gate_list(x, &ix->present, &ix->n_present);
	io_literals(x, &ix->literals);
}

static void io_gates(struct cache_io *x, struct sigma_image *img)
{
	img->n_field = io_count(x, img->n_field);
	if (!x->out)
		img->index = must_calloc(img->n_field + 1, sizeof(*img->index));
	for (size_t i = 0; i < img->n_field && x->ok; i++)
		io_index(x, &img->index[i]);
	IO_ARRAY(x, img->words, img->n_words);
	for (size_t i = 0; i < img->n_words && x->ok; i++) {
		io_str(x, &img->words[i].product);
		io_index(x, &img->words[i].ix);
	}
	IO_ARRAY(x, img->gate, img->n_gate);
	if (!x->out)
		img->gate_rules = arena_zalloc(x->mem, (img->n_gate + 1) * sizeof(*img->gate_rules));
	for (size_t i = 0; i < img->n_gate && x->ok; i++) {
		size_t n = 0;
		IO(x, img->gate[i].field);
		IO(x, img->gate[i].kind);
		IO(x, img->gate[i].worded);
		IO(x, img->gate[i].n);
		IO(x, img->gate[i].exact);
		while (x->out && img->gate_rules[i][n] != UINT32_MAX)
			n++;
		io_numbers(x, &img->gate_rules[i], &n);
		if (!x->out)
			img->gate_rules[i][n] = UINT32_MAX;
	}
	io_numbers(x, &img->always, &img->n_always);
}

/* ---- everything ---------------------------------------------------------------------------------------------------------------------------------- */

static void io_names(struct cache_io *x, struct vocab *v)
{
	size_t n = io_count(x, vocab_field_count(v));
	for (size_t i = 1; i < n && x->ok; i++) {
		field_id id = (field_id)i;
		struct str name = x->out ? vocab_field_name(v, id) : STR("");
		io_str(x, &name);
		if (!x->out)
			x->ok = x->ok && vocab_add_field(v, name, &id) == 0 && id == i;
	}
}

void cache_io_image(struct cache_io *x, struct sigma_image *img)
{
	io_names(x, img->vocab);
	IO(x, img->routing);
	IO(x, img->refused);
	IO_ARRAY(x, img->rule, img->n_rule);
	size_t n = img->n_rule;
	IO_ARRAY(x, img->code, n);
	IO_ARRAY(x, img->correlation, n);
	for (size_t i = 0; i < img->n_rule && x->ok; i++) {
		io_rule(x, &img->rule[i]);
		io_code(x, &img->code[i]);
		io_correlation(x, &img->correlation[i]);
	}
	IO_ARRAY(x, img->atom, img->n_atom);
	for (size_t i = 0; i < img->n_atom && x->ok; i++)
		io_atom(x, &img->atom[i]);
	IO_ARRAY(x, img->test, img->n_test);
	for (size_t i = 0; i < img->n_test; i++) {
		IO(x, img->test[i].atom);
		IO(x, img->test[i].yes);
		IO(x, img->test[i].no);
		IO(x, img->test[i].gate);
		IO(x, img->test[i].answer);
		IO(x, img->test[i].field);
		IO(x, img->test[i].exact);
		IO(x, img->test[i].run);
	}
	io_gates(x, img);
}

void cache_io_findings(struct cache_io *x, struct diag *d)
{
	size_t n = io_count(x, d->items.n);
	IO(x, d->errors);
	IO(x, d->warnings);
	IO(x, d->dropped);
	for (size_t i = 0; i < n && x->ok; i++) {
		struct diag_item none = {0}, *item = x->out ? &d->items.at[i] : &none;
		struct str code = str_c(item->code);
		IO(x, item->level);
		IO(x, item->line);
		IO(x, item->column);
		io_str(x, &item->file);
		io_str(x, &code);
		io_str(x, &item->message);
		io_str(x, &item->hint);
		item->code = code.p; /* arena_dup ends it in NUL */
		if (!x->out)
			vec_push(&d->items, *item);
	}
}

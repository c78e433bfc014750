/* SPDX-License-Identifier: Apache-2.0 */
#include "sigma/lint.h"

#include "base/num.h"

/* Forms and words of a document's metadata (specification "Sigma Rules" and its appendix "Tags"). */

#define WORDS_MAX 64

static size_t words_of(const char *text, struct str out[WORDS_MAX])
{
	struct str rest = str_c(text);
	size_t n = 0;
	while (n < WORDS_MAX && str_word(&rest, &out[n]))
		n++;
	return n;
}

static bool among(struct str s, const struct str *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, word[i]))
			return true;
	return false;
}

void check_keys(const struct yaml_node *map, const char *names, const char *code, struct diag *d)
{
	struct str word[WORDS_MAX];
	size_t n = words_of(names, word);
	yaml_pairs(v, map) {
		struct str key = v->key->text;
		if (among(key, word, n))
			continue;
		for (size_t i = 0; i < n; i++) {
			if (!str_ieq(key, word[i]) && (key.n < 4 || str_distance(key, word[i], 2) > 2))
				continue;
			diag_warning(d, v->key->at, code, "the key \"%.*s\" has no meaning here", STR_ARG(key));
			diag_hint(d, "did you mean \"%.*s\"?", STR_ARG(word[i]));
			break;
		}
	}
}

static bool is_uuid(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s.p[i] != '-' : ch_hex((unsigned char)s.p[i]) < 0)
			return false;
	}
	return true;
}

/* YYYY-MM-DD of a day that there is. */
static bool is_date(struct str s)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t y, m, day;
	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' || !num_range(str_sub(s, 0, 4), 1000, 9999, &y) || !num_range(str_sub(s, 5, 7), 1, 12, &m) || !num_range(str_sub(s, 8, 10), 1, 31, &day))
		return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return day <= days[m - 1] && (m != 2 || day < 29 || leap);
}

static void check_date(const struct yaml_node *n, const char *name, struct diag *d)
{
	struct str s = yaml_text(n);
	if (!n || is_date(s))
		return;
	diag_warning(d, n->at, "sigma.date_form", "the %s \"%.*s\" is not a day of the form YYYY-MM-DD", name, STR_ARG(s));
	if (s.n == 10 && s.p[4] == '/' && s.p[7] == '/')
		diag_hint(d, "write %.4s-%.2s-%.2s (Sigma 2 dropped the slashes)", s.p, s.p + 5, s.p + 8);
}

static void check_dates(const struct doc *doc, struct diag *d)
{
	const struct yaml_node *date = yaml_get(doc->root, "date"), *modified = yaml_get(doc->root, "modified");
	check_date(date, "date", d);
	check_date(modified, "modified", d);
	if (date && modified && is_date(yaml_text(date)) && is_date(yaml_text(modified)) && str_cmp(yaml_text(modified), yaml_text(date)) < 0)
		diag_warning(d, modified->at, "sigma.date_order", "the rule was modified before its date");
}

/* ---- tags ------------------------------------------------------------------------------------------------------------------------------- */

static const char *const TACTICS = "reconnaissance resource-development initial-access execution persistence privilege-escalation defense-evasion stealth defense-impairment "
				   "credential-access discovery lateral-movement collection command-and-control exfiltration impact";

static bool digits_only(struct str s, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!ch_is_digit((unsigned char)s.p[i]))
			return false;
	return true;
}

/* T1059, T1059.001, TA0001, DS0005, G0016, S0002, C0001, M1036 in lower case */
static bool is_attack_id(struct str s)
{
	if (!s.n)
		return false;
	if (s.p[0] == 't' && s.n > 1 && s.p[1] == 'a')
		return digits_only(str_sub(s, 2, s.n), 4);
	if (s.p[0] == 'd' && s.n > 1 && s.p[1] == 's')
		return digits_only(str_sub(s, 2, s.n), 4);
	struct str number = str_sub(s, 1, s.n);
	if (s.p[0] == 't' && s.n == 9)
		return digits_only(str_sub(s, 1, 5), 4) && s.p[5] == '.' && digits_only(str_sub(s, 6, 9), 3);
	return (s.p[0] == 't' || s.p[0] == 'g' || s.p[0] == 's' || s.p[0] == 'c' || s.p[0] == 'm') && digits_only(number, 4);
}

static void check_attack(const struct yaml_node *t, struct str name, struct diag *d)
{
	struct str tactic[WORDS_MAX], dashed = name;
	size_t n = words_of(TACTICS, tactic);
	char text[64];
	if (name.n < sizeof(text)) {
		for (size_t i = 0; i < name.n; i++)
			text[i] = name.p[i] == '_' ? '-' : name.p[i];
		dashed = str_n(text, name.n);
	}
	if (is_attack_id(name) || among(dashed, tactic, n))
		return;
	if (name.n > 1 && strchr("tgscm", name.p[0]) && ch_is_digit((unsigned char)name.p[1])) {
		diag_warning(d, t->at, "sigma.attack_id", "\"%.*s\" is no identifier of ATT&CK", STR_ARG(name));
		diag_hint(d, "a technique is written attack.t1059 or attack.t1059.001");
		return;
	}
	diag_warning(d, t->at, "sigma.unknown_tactic", "ATT&CK has no tactic \"%.*s\"", STR_ARG(name));
	diag_suggest(d, dashed, tactic, n);
}

static bool tag_is_formed(struct str t)
{
	size_t dot = str_chr(t, '.');
	if (dot == STR_NPOS || dot == 0 || dot + 1 == t.n)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		unsigned char c = (unsigned char)t.p[i];
		if (!ch_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static void check_tags(const struct doc *doc, struct diag *d)
{
	const struct yaml_node *tags = yaml_get(doc->root, "tags");
	if (tags && tags->kind != YAML_LIST) {
		diag_warning(d, tags->at, "sigma.list_form", "tags are a list");
		return;
	}
	yaml_each(t, tags) {
		struct str name = yaml_text(t);
		if (t->kind != YAML_SCALAR || !tag_is_formed(name)) {
			diag_warning(d, t->at, "sigma.tag_form", "the tag \"%.*s\" is not of the form namespace.name in lower case", STR_ARG(name));
			continue;
		}
		if (str_take(&name, STR("attack.")))
			check_attack(t, name, d);
		for (const struct yaml_node *other = tags->kid; other != t; other = other->next)
			if (str_eq(yaml_text(other), yaml_text(t)))
				diag_warning(d, t->at, "sigma.duplicate_tag", "the tag \"%.*s\" is here twice", STR_ARG(yaml_text(t)));
	}
}

/* ---- words -------------------------------------------------------------------------------------------------------------------------------- */

static void check_word(const struct yaml_node *n, const char *code, const char *what, const char *words, struct diag *d)
{
	struct str word[WORDS_MAX];
	size_t k = words_of(words, word);
	if (!n || among(yaml_text(n), word, k))
		return;
	diag_warning(d, n->at, code, "the %s \"%.*s\" is not one of %s", what, STR_ARG(yaml_text(n)), words);
	diag_suggest(d, yaml_text(n), word, k);
}

static void check_related(const struct doc *doc, struct diag *d)
{
	yaml_each(r, yaml_get(doc->root, "related")) {
		const struct yaml_node *id = yaml_get(r, "id");
		if (!id || !is_uuid(yaml_text(id)))
			diag_warning(d, id ? id->at : r->at, "sigma.related_form", "an entry of related has an id (a UUID) and a type");
		check_word(yaml_get(r, "type"), "sigma.related_form", "type", "derived obsolete obsoletes merged renamed similar correlation", d);
	}
}

/* Names of the taxonomy, for those that are nearly one of them; others are anybody's own. */
static const char *const PRODUCTS = "windows linux macos aws azure gcp m365 okta onelogin github bitbucket kubernetes zeek cisco fortinet paloalto huawei juniper opencanary rpc_firewall "
				    "django spring jvm python nodejs ruby_on_rails velocity sql apache nginx modsecurity esxi qualys bind";
static const char *const CATEGORIES =
	"process_creation process_termination process_access process_tampering network_connection dns_query dns file_event file_delete file_rename file_change file_access file_block "
	"file_executable_detected image_load driver_load create_remote_thread create_stream_hash raw_access_thread pipe_created registry_add registry_delete registry_set registry_event "
	"registry_rename wmi_event ps_script ps_module ps_classic_start ps_classic_provider_start ps_classic_script sysmon_status sysmon_error webserver proxy firewall antivirus application "
	"database authentication";

static void check_near(const struct yaml_node *n, const char *what, const char *names, struct diag *d)
{
	struct str word[WORDS_MAX], s = yaml_text(n);
	size_t k = words_of(names, word);
	if (!s.n || s.n < 5 || among(s, word, k))
		return;
	for (size_t i = 0; i < k; i++) {
		if (str_ieq(s, word[i]) || str_distance(s, word[i], 2) > (word[i].n > 6 ? 2 : 1))
			continue;
		diag_warning(d, n->at, "sigma.unknown_logsource", "no log source has the %s \"%.*s\"", what, STR_ARG(s));
		diag_hint(d, "did you mean \"%.*s\"?", STR_ARG(word[i]));
		return;
	}
}

static void check_logsource(const struct doc *doc, struct diag *d)
{
	const struct yaml_node *ls = yaml_get(doc->root, "logsource");
	static const char *const key[] = {"product", "category", "service"};
	check_keys(ls, "category product service definition", "sigma.misspelt_key", d);
	check_near(yaml_get(ls, "product"), "product", PRODUCTS, d);
	check_near(yaml_get(ls, "category"), "category", CATEGORIES, d);
	for (size_t i = 0; i < LEN(key); i++) {
		const struct yaml_node *n = yaml_get(ls, key[i]);
		struct str s = yaml_text(n);
		for (size_t k = 0; k < s.n; k++) {
			if (s.p[k] != ' ' && !(s.p[k] >= 'A' && s.p[k] <= 'Z'))
				continue;
			diag_warning(d, n->at, "sigma.logsource_form", "the %s \"%.*s\" is not in lower case without blanks", key[i], STR_ARG(s));
			break;
		}
	}
}

static bool has_logsource(const struct doc *doc)
{
	return doc->meta.logsource.product.n || doc->meta.logsource.category.n || doc->meta.logsource.service.n;
}

static bool refuse(struct diag *d, struct diag_at at, const char *code, const char *text, const char *hint)
{
	diag_error(d, at, code, "%s", text);
	if (hint)
		diag_hint(d, "%s", hint);
	return false;
}

bool check_metadata(struct doc *doc, struct diag *d)
{
	const struct yaml_node *id = yaml_get(doc->root, "id"), *title = yaml_get(doc->root, "title"), *action = yaml_get(doc->root, "action"), *ls = yaml_get(doc->root, "logsource");
	if (action)
		return refuse(d, action->at, "sigma.legacy_action", "collections by action (global, reset, repeat) are not part of Sigma 2", "write what the rules share into each of them");
	check_keys(doc->root,
		"title id name taxonomy related status description license author references date modified logsource detection fields falsepositives level tags scope correlation filter", "sigma.misspelt_key", d);
	if (!doc->meta.title.n)
		return refuse(d, title ? title->at : doc->at, "sigma.no_title", "a rule needs a title", NULL);
	if (doc->meta.title.n > 256)
		diag_warning(d, title->at, "sigma.title_length", "the title is longer than 256 characters");
	if (id && !is_uuid(doc->meta.id))
		diag_warning(d, id->at, "sigma.id_form", "the id \"%.*s\" is not a UUID", STR_ARG(doc->meta.id));
	check_word(yaml_get(doc->root, "status"), "sigma.unknown_status", "status", "stable test experimental deprecated unsupported", d);
	check_word(yaml_get(doc->root, "level"), "sigma.unknown_level", "level", "informational low medium high critical", d);
	check_dates(doc, d);
	check_tags(doc, d);
	check_related(doc, d);
	check_logsource(doc, d);
	if (doc->meta.kind == SIGMA_RULE && !has_logsource(doc))
		return refuse(d, ls ? ls->at : doc->at, "sigma.no_logsource", "a rule needs a logsource with at least one of product, category, service", "e.g. logsource: {product: windows, category: process_creation}");
	if (doc->meta.kind == SIGMA_FILTER && !ls)
		return refuse(d, doc->at, "sigma.no_logsource", "a filter needs a logsource: it says which rules it is for", NULL);
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

/*
 * Messages of firewalls, routers and name servers, however they came here (syslog, their own file). Each is told by its shape; the fields have the
 * names of Sigma's firewall and dns categories: src_ip src_port dst_ip dst_port protocol action, query record_type answer.
 */

static void add_pair(struct decoding *x, const char *name, struct str value)
{
	if (value.n)
		decode_add(x, name, value);
}

/* ---- pfSense, OPNsense: filterlog ---------------------------------------------------------------------------------------------------------------- */

#define CELLS_MAX 64

static size_t cells(struct str line, struct str cell[CELLS_MAX])
{
	size_t n = 0;
	while (n < CELLS_MAX && str_cut(&line, ',', &cell[n]))
		n++;
	return n;
}

/* rule,sub,anchor,tracker,interface,reason,action,direction,version, then by version: header, protocol, length, source, destination, ports */
static enum decode_fault filterlog(struct decoding *x, struct str text)
{
	struct str cell[CELLS_MAX];
	uint64_t rule;
	size_t n = cells(text, cell), at;
	if (n < 16 || !num_u64(cell[0], &rule) || !str_eq(cell[5], STR("match")) || (!str_eq(cell[7], STR("in")) && !str_eq(cell[7], STR("out"))))
		return DECODE_NO_DECODER;
	bool v6 = str_eq(cell[8], STR("6"));
	at = v6 ? 15 : 18; /* source address */
	if (n < at + 2)
		return DECODE_NO_DECODER;
	decode_add(x, "rule", cell[0]);
	add_pair(x, "tracker", cell[3]);
	decode_add(x, "interface", cell[4]);
	decode_add(x, "action", cell[6]);
	decode_add(x, "blocked", str_eq(cell[6], STR("block")) ? STR("true") : STR("false"));
	decode_add(x, "direction", cell[7]);
	decode_add(x, "protocol", cell[v6 ? 12 : 16]);
	decode_add(x, "src_ip", cell[at]);
	decode_add(x, "dst_ip", cell[at + 1]);
	uint64_t port;
	if (n > at + 3 && num_u64(cell[at + 2], &port) && num_u64(cell[at + 3], &port)) {
		decode_add(x, "src_port", cell[at + 2]);
		decode_add(x, "dst_port", cell[at + 3]);
	}
	decode_source(x, "pfsense", "firewall", "filterlog");
	return DECODE_OK;
}

/* ---- Linux netfilter: "… IN=eth0 OUT= MAC=… SRC=… DST=… PROTO=TCP SPT=1 DPT=2" --------------------------------------------------------------------- */

static enum decode_fault netfilter(struct decoding *x, struct str text)
{
	static const char *const names[][2] = {{"SRC", "src_ip"}, {"DST", "dst_ip"}, {"SPT", "src_port"}, {"DPT", "dst_port"}, {"PROTO", "protocol"}, {"IN", "interface"}};
	size_t in = str_find(text, STR("IN=")), src = str_find(text, STR(" SRC="));
	if (in == STR_NPOS || src == STR_NPOS || str_find(text, STR(" DST=")) == STR_NPOS || src < in)
		return DECODE_NO_DECODER;
	struct str prefix = str_trim(str_sub(text, 0, in)), body = str_sub(text, in, text.n);
	decode_pairs(x, body);
	for (size_t i = 0; i < LEN(names); i++) {
		const struct field *f = event_field_name(x->ev, str_c(names[i][0]));
		if (f)
			decode_add_alias(x, names[i][1], val_text(f->val, x->mem));
	}
	static const char *const blocks[] = {"BLOCK", "DROP", "REJECT", "DENY"};
	bool blocked = false;
	for (size_t i = 0; i < LEN(blocks); i++)
		blocked = blocked || str_ifind(prefix, str_c(blocks[i])) != STR_NPOS;
	if (blocked) {
		decode_add_alias(x, "action", STR("block"));
		decode_add_alias(x, "blocked", STR("true"));
	}
	struct logsource ls[] = {{STR("linux"), STR("firewall"), STR("iptables")}, {STR("linux"), STR(""), STR("syslog")}};
	decode_sources(x, ls, 2);
	return DECODE_OK;
}

/* ---- Cisco: "%ASA-4-106023: …", "%SYS-5-CONFIG_I: …" ------------------------------------------------------------------------------------------------ */

/* "outside:203.0.113.9/4711", "inside:10.0.0.1/443(any)" behind a word. */
static void asa_end(struct decoding *x, struct str text, const char *word, const char *ip, const char *port)
{
	size_t at = str_find(text, str_c(word));
	struct str s, place, address;
	if (at == STR_NPOS)
		return;
	s = str_sub(text, at + strlen(word), text.n);
	if (!str_word(&s, &place))
		return;
	size_t colon = str_chr(place, ':');
	if (colon != STR_NPOS && str_chr(str_sub(place, 0, colon), '.') == STR_NPOS)
		place = str_sub(place, colon + 1, place.n);
	if (!str_cut(&place, '/', &address))
		return;
	unsigned char addr[16];
	bool v4;
	if (!num_ip(address, addr, &v4))
		return;
	decode_add(x, ip, address);
	size_t n = 0;
	while (place.p && n < place.n && ch_is_digit((unsigned char)place.p[n]))
		n++;
	if (n)
		decode_add(x, port, str_sub(place, 0, n));
}

static void asa_fields(struct decoding *x, struct str text)
{
	static const char *const words[][2] = {{"Deny", "deny"}, {"denied", "deny"}, {"Built", "built"}, {"Teardown", "teardown"}, {"permitted", "permit"}};
	for (size_t i = 0; i < LEN(words); i++) {
		if (str_find(str_sub(text, 0, 160), str_c(words[i][0])) == STR_NPOS)
			continue;
		decode_add(x, "action", str_c(words[i][1]));
		decode_add(x, "blocked", str_eq(str_c(words[i][1]), STR("deny")) ? STR("true") : STR("false"));
		break;
	}
	if (str_find(text, STR(" src ")) != STR_NPOS) {
		asa_end(x, text, " src ", "src_ip", "src_port");
		asa_end(x, text, " dst ", "dst_ip", "dst_port");
	} else {
		asa_end(x, text, " for ", "src_ip", "src_port");
		if (!event_field_name(x->ev, STR("src_ip")))
			asa_end(x, text, " from ", "src_ip", "src_port");
		asa_end(x, text, " to ", "dst_ip", "dst_port");
	}
}

/* Which of Sigma's services a facility belongs to besides syslog. */
static const struct {
	const char *facility, *service;
} IOS[] = {{"AAA", "aaa"}, {"PARSER", "aaa"}, {"SYS", "aaa"}, {"SEC_LOGIN", "aaa"}, {"LOGIN", "aaa"}, {"HA_EM", "aaa"}, {"TACACS", "aaa"}, {"RADIUS", "aaa"}, {"DOT1X", "aaa"},
	{"AUTHMGR", "aaa"}, {"MAB", "aaa"}, {"BGP", "bgp"}, {"BGP_SESSION", "bgp"}, {"LDP", "ldp"}, {"TDP", "ldp"}};

static enum decode_fault cisco(struct decoding *x, struct str text)
{
	size_t at = str_chr(str_sub(text, 0, 160), '%');
	struct str s, facility, level, mnemonic, part;
	uint64_t n;
	if (at == STR_NPOS)
		return DECODE_NO_DECODER;
	s = str_sub(text, at + 1, text.n);
	size_t colon = str_chr(str_sub(s, 0, 80), ':');
	if (colon == STR_NPOS)
		return DECODE_NO_DECODER;
	part = str_sub(s, 0, colon);
	s = str_trim(str_sub(s, colon + 1, s.n));
	if (!str_cut(&part, '-', &facility) || !part.p || !facility.n)
		return DECODE_NO_DECODER;
	/* FACILITY[-SUB]-LEVEL-MNEMONIC */
	if (!str_cut(&part, '-', &level) || (!num_u64(level, &n) && (!part.p || !str_cut(&part, '-', &level) || !num_u64(level, &n))) || n > 7 || !part.p)
		return DECODE_NO_DECODER;
	mnemonic = part;
	if (!mnemonic.n || str_chr(mnemonic, ' ') != STR_NPOS)
		return DECODE_NO_DECODER;
	decode_add(x, "cisco_facility", facility);
	decode_add(x, "cisco_severity", level);
	decode_add(x, "mnemonic", mnemonic);
	struct logsource ls[3] = {{STR("cisco"), STR(""), STR("syslog")}};
	size_t n_ls = 1;
	if (str_eq(facility, STR("ASA")) || str_eq(facility, STR("FTD")) || str_eq(facility, STR("PIX"))) {
		asa_fields(x, s);
		ls[0] = (struct logsource){STR("cisco"), STR("firewall"), STR("asa")};
		ls[n_ls++] = (struct logsource){STR("cisco"), STR(""), STR("syslog")};
	}
	for (size_t i = 0; i < LEN(IOS); i++)
		if (str_eq(facility, str_c(IOS[i].facility))) {
			ls[1] = ls[0];
			ls[0] = (struct logsource){STR("cisco"), STR(""), str_c(IOS[i].service)};
			n_ls = 2;
			break;
		}
	decode_sources(x, ls, n_ls);
	return DECODE_OK;
}

/* ---- name servers ---------------------------------------------------------------------------------------------------------------------------------- */

static void dns_query(struct decoding *x, struct str name, struct str type, struct str client, const char *service)
{
	if (name.n > 1 && name.p[name.n - 1] == '.')
		name.n--;
	decode_add(x, "query", name);
	add_pair(x, "record_type", type);
	add_pair(x, "src_ip", client);
	decode_source(x, "", "dns", service);
}

/* BIND: "client @0x7f 192.0.2.7#4711 (name): query: name IN A +E(0) (10.0.0.1)", "query (cache) 'name/A/IN' denied", "zone transfer 'name/AXFR/IN' denied" */
static enum decode_fault bind(struct decoding *x, struct str text)
{
	size_t at = str_find(str_sub(text, 0, 200), STR("client "));
	struct str s, client, name, class, type = STR("");
	if (at == STR_NPOS)
		return DECODE_NO_DECODER;
	s = str_sub(text, at + 7, text.n);
	if (!str_word(&s, &client) || (client.p[0] == '@' && !str_word(&s, &client)))
		return DECODE_NO_DECODER;
	size_t port = str_chr(client, '#');
	if (port == STR_NPOS)
		return DECODE_NO_DECODER;
	client = str_sub(client, 0, port);
	if ((at = str_find(s, STR("query: "))) != STR_NPOS) {
		s = str_sub(s, at + 7, s.n);
		if (!str_word(&s, &name) || !str_word(&s, &class) || !str_word(&s, &type))
			return DECODE_NO_DECODER;
	} else if ((at = str_find(s, STR("'"))) != STR_NPOS &&
		   (str_find(str_sub(s, 0, at), STR("query")) != STR_NPOS || str_find(str_sub(s, 0, at), STR("zone transfer")) != STR_NPOS)) {
		s = str_sub(s, at + 1, s.n);
		if (!str_cut(&s, '/', &name) || !s.p || !str_cut(&s, '/', &type))
			return DECODE_NO_DECODER;
		if (str_ends(str_trim(text), STR("denied")))
			decode_add(x, "action", STR("denied"));
	} else {
		return DECODE_NO_DECODER;
	}
	dns_query(x, name, type, client, "bind");
	return DECODE_OK;
}

/* Unbound: "info: 192.0.2.7 name. A IN", "[1700000000] unbound[1:0] info: …" */
static enum decode_fault unbound(struct decoding *x, struct str text)
{
	static const char *const classes[] = {"IN", "CH", "HS", "ANY"};
	struct str s = text, client, name, type, class;
	size_t at = str_find(str_sub(text, 0, 80), STR("info: "));
	unsigned char addr[16];
	bool v4, known = false;
	if (at == STR_NPOS)
		return DECODE_NO_DECODER;
	s = str_sub(text, at + 6, text.n);
	if (!str_word(&s, &client) || !num_ip(client, addr, &v4) || !str_word(&s, &name) || !str_word(&s, &type) || !str_word(&s, &class))
		return DECODE_NO_DECODER;
	for (size_t i = 0; i < LEN(classes); i++)
		known = known || str_eq(class, str_c(classes[i]));
	if (!known)
		return DECODE_NO_DECODER;
	dns_query(x, name, type, client, "unbound");
	return DECODE_OK;
}

/* dnsmasq: "query[A] name from 192.0.2.7", "reply name is 198.51.100.1" */
static enum decode_fault dnsmasq(struct decoding *x, struct str text)
{
	struct str s = text, type, name, word, value;
	size_t at = str_find(str_sub(text, 0, 60), STR("query["));
	if (at != STR_NPOS) {
		s = str_sub(text, at + 6, text.n);
		if (!str_cut(&s, ']', &type) || !s.p || !str_word(&s, &name) || !str_word(&s, &word) || !str_eq(word, STR("from")) || !str_word(&s, &value))
			return DECODE_NO_DECODER;
		dns_query(x, name, type, value, "dnsmasq");
		return DECODE_OK;
	}
	if (!str_take(&s, STR("reply ")) && !str_take(&s, STR("cached ")))
		return DECODE_NO_DECODER;
	if (!str_word(&s, &name) || !str_word(&s, &word) || !str_eq(word, STR("is")) || !str_word(&s, &value))
		return DECODE_NO_DECODER;
	dns_query(x, name, STR(""), STR(""), "dnsmasq");
	decode_add(x, "answer", value);
	return DECODE_OK;
}

/* ---- appliances that write pairs or cells ------------------------------------------------------------------------------------------------------------ */

/* FortiGate: date=… time=… devname="…" logid="…" type="traffic" … */
static enum decode_fault fortigate(struct decoding *x, struct str text)
{
	static const char *const names[][2] = {{"srcip", "src_ip"}, {"dstip", "dst_ip"}, {"srcport", "src_port"}, {"dstport", "dst_port"}, {"proto", "protocol"}};
	if (str_find(text, STR("logid=")) == STR_NPOS || str_find(text, STR("type=")) == STR_NPOS || str_find(text, STR("date=")) == STR_NPOS)
		return DECODE_NO_DECODER;
	if (decode_pairs(x, text) < 5)
		return DECODE_NO_DECODER;
	decode_flat(x, false);
	for (size_t i = 0; i < LEN(names); i++) {
		const struct field *f = event_field_name(x->ev, str_c(names[i][0]));
		if (f)
			decode_add_alias(x, names[i][1], val_text(f->val, x->mem));
	}
	const struct field *type = event_field_name(x->ev, STR("type"));
	struct str kind = type ? val_text(type->val, x->mem) : STR("");
	if (str_eq(kind, STR("traffic")))
		decode_source(x, "fortigate", "firewall", "traffic");
	else
		decode_source(x, "fortigate", "", str_eq(kind, STR("utm")) ? "utm" : "event");
	return DECODE_OK;
}

/* PAN-OS: ",2026/03/02 09:00:00,serial,TRAFFIC,end,…": cell 3 names the log, the addresses are cells 7 and 8, ports 24 and 25. */
static enum decode_fault panos(struct decoding *x, struct str text)
{
	static const char *const kinds[] = {"TRAFFIC", "THREAT", "SYSTEM", "CONFIG", "GLOBALPROTECT", "HIPMATCH", "USERID", "DECRYPTION", "AUTHENTICATION", "CORRELATION"};
	struct str cell[CELLS_MAX];
	size_t n = cells(text, cell);
	bool known = false;
	if (n < 12 || (cell[0].n && !str_eq(cell[0], STR("1"))))
		return DECODE_NO_DECODER;
	for (size_t i = 0; i < LEN(kinds); i++)
		known = known || str_eq(cell[3], str_c(kinds[i]));
	if (!known || !decode_time(x, cell[6].n ? cell[6] : cell[1]))
		return DECODE_NO_DECODER;
	bool flow = str_eq(cell[3], STR("TRAFFIC")) || str_eq(cell[3], STR("THREAT"));
	decode_add(x, "serial", cell[2]);
	decode_add(x, "type", cell[3]);
	decode_add(x, "subtype", cell[4]);
	if (flow && n > 31) {
		decode_add(x, "src_ip", cell[7]);
		decode_add(x, "dst_ip", cell[8]);
		add_pair(x, "rule", cell[11]);
		add_pair(x, "src_user", cell[12]);
		add_pair(x, "application", cell[14]);
		decode_add(x, "src_port", cell[24]);
		decode_add(x, "dst_port", cell[25]);
		decode_add(x, "protocol", cell[29]);
		decode_add(x, "action", cell[30]);
		decode_add(x, "blocked", str_eq(cell[30], STR("allow")) || str_eq(cell[30], STR("alert")) ? STR("false") : STR("true"));
		decode_source(x, "paloalto", "firewall", "panos");
	} else {
		decode_source(x, "paloalto", "appliance", str_eq(cell[3], STR("GLOBALPROTECT")) ? "globalprotect" : "panos");
	}
	return DECODE_OK;
}

/* Juniper rpd and Huawei name their protocol in the message: "BGP_IO_ERROR_CLOSE_SESSION: …", "%%01BGP/3/…" */
static enum decode_fault router(struct decoding *x, struct str text)
{
	struct str head = str_sub(text, 0, 100);
	if (str_starts(text, STR("BGP_")) || str_find(head, STR(" BGP_")) != STR_NPOS)
		decode_source(x, "juniper", "", "bgp");
	else if (str_find(head, STR("%%01BGP/")) != STR_NPOS)
		decode_source(x, "huawei", "", "bgp");
	else
		return DECODE_NO_DECODER;
	return DECODE_OK;
}

enum decode_fault decode_net(struct decoding *x, struct str text)
{
	static decode_fn *const kinds[] = {filterlog, netfilter, cisco, bind, unbound, dnsmasq, fortigate, panos, router};
	struct event *ev = x->ev;
	uint32_t own = ev->n_field;
	for (size_t i = 0; i < LEN(kinds); i++) {
		enum decode_fault f = kinds[i](x, text);
		if (f == DECODE_OK)
			return f;
		ev->n_field = own;
	}
	return DECODE_NO_DECODER;
}

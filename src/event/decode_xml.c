/* SPDX-License-Identifier: Apache-2.0 */
#include "event/decode_parts.h"

#include "codec/xml.h"

#include <errno.h>

/*
 * Windows event XML as Event Viewer, Splunk's XmlWinEventLog, event forwarding and Sysmon for Linux write it, to the names that EVTX records have:
 * System children by their names, their attributes as Provider_Name or EventID_Qualifiers, EventData by Name, UserData by its leaves.
 */
struct walk {
	struct decoding *x;
	struct xml xml;
	struct str part;      /* child of Event: System, EventData, UserData, RenderingInfo */
	struct str data_name; /* Name of the Data at hand, p == NULL = unnamed */
	struct str text;      /* of the element at hand, when it is one piece */
	struct pieces pieces; /* when it is several */
	bool leaf;
};

static struct str local_name(struct str name)
{
	size_t colon = str_rchr(name, ':');
	return colon == STR_NPOS ? name : str_sub(name, colon + 1, name.n);
}

static void on_attribute(struct walk *w)
{
	struct decoding *x = w->x;
	struct str element = local_name(w->xml.open[w->xml.depth - 1]), value = xml_text(&w->xml, x->mem);
	if (w->xml.depth == 3 && str_eq(w->part, STR("System"))) {
		if (str_eq(element, STR("TimeCreated"))) {
			decode_add(x, "TimeCreated", value);
			decode_time(x, value);
		} else {
			decode_add_str(x, arena_fmt(x->mem, "%.*s_%.*s", STR_ARG(element), STR_ARG(w->xml.name)), value);
		}
	} else if (w->xml.depth == 3 && str_eq(w->part, STR("EventData")) && str_eq(w->xml.name, STR("Name"))) {
		w->data_name = decode_without_blanks(value, x->mem);
	}
}

static void on_close(struct walk *w)
{
	struct decoding *x = w->x;
	size_t depth = w->xml.depth + 1; /* of the element that was closed */
	struct str name = local_name(w->xml.name), text = w->text;
	if (!w->leaf || depth < 3) {
		w->leaf = false;
		return;
	}
	w->leaf = false;
	if (str_eq(w->part, STR("System"))) {
		if (depth == 3 && str_trim(text).n)
			decode_add_str(x, name, str_trim(text));
	} else if (str_eq(w->part, STR("EventData"))) {
		struct val v = {.kind = VAL_STR, .u.p = text.p ? text.p : "", .n = (uint32_t)text.n};
		bool unnamed = !w->data_name.p && str_eq(name, STR("Data"));
		decode_add_val(x, w->data_name.p ? w->data_name : name, v, unnamed ? FIELD_F_ELEMENT : 0);
	} else if (str_eq(w->part, STR("RenderingInfo"))) {
		decode_add_str(x, arena_fmt(x->mem, "RenderingInfo.%.*s", STR_ARG(name)), text);
	} else {
		decode_add_str(x, name, text);
	}
}

/* Comments and CDATA part the text of an element. */
static void on_text(struct walk *w, struct str text)
{
	if (!w->text.n) {
		w->text = text;
		return;
	}
	if (!w->pieces.n)
		pieces_add(&w->pieces, w->x->mem, w->text);
	pieces_add(&w->pieces, w->x->mem, text);
	w->text = pieces_str(&w->pieces);
}

static void on_token(struct walk *w, enum xml_token token)
{
	switch (token) {
	case XML_OPEN:
		if (w->xml.depth == 2)
			w->part = local_name(w->xml.name);
		w->data_name = STR_NONE;
		w->text = STR("");
		w->pieces = (struct pieces){0};
		w->leaf = true;
		break;
	case XML_ATTRIBUTE:
		on_attribute(w);
		break;
	case XML_TEXT:
		on_text(w, xml_text(&w->xml, w->x->mem));
		break;
	case XML_CLOSE:
		on_close(w);
		break;
	case XML_END:
		break;
	}
}

/* A viewer's export may hold a dash in front of each level that can be folded. */
static bool is_event(struct str s)
{
	return str_starts(s, STR("<Event>")) || str_starts(s, STR("<Event "));
}

enum decode_fault decode_xml(struct decoding *x, struct str text)
{
	struct walk w = {.x = x};
	enum xml_token token = XML_OPEN;
	text = str_trim(text);
	while (str_take(&text, STR("-")))
		text = str_trim(text);
	if (!is_event(text))
		return DECODE_NO_DECODER;
	xml_init(&w.xml, text);
	while (token != XML_END) {
		int r = xml_next(&w.xml, &token);
		if (r < 0)
			return r == -E2BIG ? DECODE_TOO_DEEP : DECODE_SYNTAX;
		on_token(&w, token);
	}
	if (!event_field_name(x->ev, STR("Channel")) && !event_field_name(x->ev, STR("EventID")))
		return DECODE_SYNTAX;
	decode_windows(x);
	return DECODE_OK;
}

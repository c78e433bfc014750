/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "api/call.h"
#include "codec/json.h"

#include <jansson.h>

/*
 * The whole API without sockets, on a house of its own: whatever comes in, the answer is a status with a document that fits, never a fault
 * of the server. First byte: method; second: role; then path, query, If-Match, Idempotency-Key and body, one a line.
 */
static struct api *api;

static void open_house(void)
{
	static struct config cfg;
	static struct clock clock;
	struct house *h;
	struct diag d;
	char dir[100];
	diag_init(&d);
	config_init(&cfg);
	/* One rule: compiling all that ship takes longer than the target has. */
	fuzz_file("rule.yml", STR("title: t\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\nlogsource: {product: windows}\ndetection: {a: {EventID: 1102}, condition: a}\n"));
	snprintf(dir, sizeof(dir), "rules: [\"%s/rule.yml\"]\n", fuzz_dir());
	must(config_load_text(&cfg, str_c(dir), STR("hinomi.yml"), &d) == 0);
	clock_init_virtual(&clock, INT64_C(1772409600) * NS_PER_S, 0);
	snprintf(dir, sizeof(dir), "%s/data", fuzz_dir());
	must(house_open(&(struct house_opts){.dir = dir, .config = &cfg, .clock = &clock, .words = role_words()}, &d, &h) == 0);
	must(api_open(h, &d, &api) == 0);
	diag_done(&d);
}

static struct str line(struct str *rest)
{
	struct str s = STR("");
	str_line(rest, &s);
	return s;
}

static void check(const struct api_response *resp)
{
	struct str body = buf_str(&resp->body);
	must(resp->status >= 200 && resp->status < 600 && resp->status != 500);
	if (resp->file || !strstr(resp->content_type, "json"))
		return;
	struct str rest = body;
	must(json_skip_value(&rest) == 0 && !str_trim(rest).n); /* events may hold what a tree of numbers cannot */
	if (resp->status < 400)
		return;
	json_t *o = json_loadb(body.p, body.n, 0, NULL);
	must(json_integer_value(json_object_get(o, "status")) == resp->status && json_is_string(json_object_get(o, "code")) && json_is_string(json_object_get(o, "title_ja")));
	json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned runs;
	if (!api)
		open_house();
	if (size < 2)
		return 0;
	struct principal who = {.user = "fuzz", .roles = 1u << data[1] % ROLE_COUNT, .local = data[1] & 0x40, .cookie = data[1] & 0x80};
	struct str rest = fuzz_str(data + 2, size - 2);
	struct api_request req = {.method = (enum api_method)(data[0] % 5), .content_type = data[0] & 0x80 ? STR("application/octet-stream") : STR("application/json"), .peer = STR("fuzz"),
		.who = data[0] & 0x40 ? NULL : &who, .csrf = STR("1")};
	req.path = line(&rest);
	req.query = line(&rest);
	req.if_match = line(&rest);
	req.idempotency_key = line(&rest);
	req.body = rest.p ? rest : STR("");
	struct api_response resp;
	api_response_init(&resp);
	api_call(api, &req, &resp);
	check(&resp);
	api_response_done(&resp);
	if (++runs % 64 == 0)
		house_turn(api->house);
	return 0;
}

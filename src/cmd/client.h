/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_CMD_CLIENT_H
#define HINOMI_CMD_CLIENT_H

#include "api/call.h"
#include "cmd/cmd.h"

/*
 * The API from the command line, by whichever way is open: a server named with --server and --token, the local socket of the server that holds
 * the data directory, or, when no server runs, the house itself inside this process. The caller sees no difference.
 */
struct client;

#define CLIENT_OPTS \
	{0, "data", OPT_TEXT, "DIR", "data directory (default: $HINOMI_DATA, else ./data)", "データディレクトリ (既定は $HINOMI_DATA、なければ ./data)"}, \
	{0, "config", OPT_TEXT, "FILE", "configuration (default: DIR/hinomi.yml when it is there)", "設定ファイル (既定は DIR/hinomi.yml)"}, \
	{0, "server", OPT_TEXT, "URL", "server to talk to (default: $HINOMI_SERVER, else the data directory)", "接続先サーバ (既定は $HINOMI_SERVER、なければデータディレクトリ)"}, \
	{0, "token", OPT_TEXT, "TOKEN", "its bearer token (default: $HINOMI_TOKEN)", "サーバのトークン (既定は $HINOMI_TOKEN)"}

/* The command's data directory. */
const char *data_dir(const struct command *c);
/* hinomi.yml of --config or of the data directory, with defaults. -EINVAL with findings. */
int config_of(const struct command *c, struct config *cfg, struct diag *d);

/* `rulebook check [FILE]`: the exit status. */
int rulebook_check(const struct command *c);

/* True when a server was named. */
bool client_is_remote(const struct command *c);
/* True when client_open would reach a server: one that was named, or the one that holds the data directory. */
bool client_has_server(const struct command *c);
/* 0, or the exit status (the reason has been said). */
int client_open(const struct command *c, struct client **ret);
void client_close(struct client *cl);

struct client_answer {
	int status; /* HTTP's; 0 = nobody answered, said on stderr */
	struct buf body;
	char etag[64];
	bool is_json;
};
void client_answer_done(struct client_answer *a);
/* Appends ?name=value, or &name=value behind others, percent-encoded. */
void client_add_query(struct buf *path, struct str name, struct str value);
/* if_match and content_type may be NULL. */
void client_call(struct client *cl, enum api_method method, const char *path, struct str body, const char *content_type, const char *if_match, struct client_answer *ret);
/* What a problem document says, to stderr; the exit status that fits. */
int client_complain(const struct client_answer *a);

#endif

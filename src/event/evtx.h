/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HINOMI_EVENT_EVTX_H
#define HINOMI_EVENT_EVTX_H

#include "codec/evtx.h"
#include "event/vocab.h"

/*
 * Windows event log chunks to events: names get their numbers when a template is compiled, values stay in UTF-16 and binary until they are
 * read, log sources come from channel and event id, aliases are applied.
 */
typedef int evtx_event_fn(void *arg, struct event *ev);

/* What is kept between chunks. One per thread; borrows the frozen vocabulary. */
struct evtx_decoder;
struct evtx_decoder *evtx_decoder_new(const struct vocab *v);
void evtx_decoder_free(struct evtx_decoder *d);

/* One chunk. source, site and offset (of the chunk in its file) go into each event. mem is reset between events. 0 or cb's answer. */
int evtx_decode_chunk(struct evtx_decoder *d, struct str chunk, const struct event *proto, struct arena *mem, evtx_event_fn *cb, void *arg, struct evtx_chunk_result *ret);

#endif

/* exchange.h — one request and its response on their way through the gateway.
 * gwd-proxy only.
 *
 * The head is parsed whole, judged, and written anew; bodies stream in pieces
 * through one buffer per direction, and nothing is read that cannot be passed
 * on. Objects come from a free list of the worker: a request allocates
 * nothing. HTTP/1.1 on both sides for now; nothing outside knows. */
#ifndef GW_PROXY_EXCHANGE_H
#define GW_PROXY_EXCHANGE_H

#include "gw/error.h"

struct gw_conn;
struct gw_worker;

/* The first `head_len` bytes of c->in are a request's head, or more than one
 * may have. Sets c->exchange. */
void gw_exchange_begin(struct gw_conn *c, size_t head_len);
/* No head will come of what is there: the answer is the reason, then comes
 * the end. Sets c->exchange; the caller runs it. */
void gw_exchange_refuse_head(struct gw_conn *c, enum gw_err why);
/* Gets on; at its end c->exchange is NULL or the connection in another
 * state. */
void gw_exchange_run(struct gw_conn *c);
void gw_exchange_timeout(struct gw_conn *c);
/* Forgets the exchange, if there is one; the upstream connection stays the
 * caller's affair. */
void gw_exchange_drop(struct gw_conn *c);

void gw_exchange_free_all(struct gw_worker *w);

#endif

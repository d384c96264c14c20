/* serve.c — see serve.h. */
#include "serve.h"
#include "conn.h"
#include "exchange.h"
#include "http.h"
#include "tls.h"
#include "worker.h"

/* Pipelined requests answered before others get their turn. */
#define REQUESTS_A_TURN 8

/* A head that came at once has never been one under way. */
static void
hold_head(struct gw_conn *c)
{
	enum gw_limited x = gw_conn_hold(c, GW_LIMIT_HEADS);

	if (x == GW_LIMITED_NOT)
		return;
	gw_listener_refused(c->listener, GW_REFUSAL_HEADS, x);
	gw_exchange_refuse_head(c, GW_ERR_BUSY);
}

static void
request_idle(struct gw_conn *c)
{
	const struct gw_conf_listener *conf = gw_conn_conf(c);

	if (gw_buf_used(c->in) == 0) {
		gw_buf_put(&c->worker->bufs, &c->in);
		c->is_reading_head = false;
		gw_conn_deadline(c, conf->idle_timeout_ms);
	} else if (!c->is_reading_head) {
		c->is_reading_head = true;
		gw_conn_deadline(c, conf->header_timeout_ms);
		hold_head(c);
	}
}

/* One read for a head. False when there is nothing now, or the connection
 * is over. */
static bool
read_head(struct gw_conn *c)
{
	struct gw_worker *w = c->worker;

	if (c->in == NULL)
		c->in = gw_buf_get(&w->bufs, GW_BUF_STD);
	if (gw_buf_room(c->in) == 0)
		gw_buf_grow(&w->bufs, &c->in,
			    (size_t)gw_conn_conf(c)->max_header + 1);
	switch (gw_conn_fill(c, c->in, gw_buf_room(c->in))) {
	case GW_XFER_OK:
		return true;
	case GW_XFER_AGAIN:
		request_idle(c);
		return false;
	case GW_XFER_EOF:
		gw_conn_finish(c, gw_tls_was_told(c->ssl)
					  ? "client closed"
					  : "client closed without goodbye");
		return false;
	default:
		gw_conn_end(c, "client lost");
		return false;
	}
}

/* True when a request has begun. */
static bool
next_request(struct gw_conn *c)
{
	size_t max = (size_t)gw_conn_conf(c)->max_header, used, head;

	if (c->worker->is_stopping && gw_buf_used(c->in) == 0) {
		gw_conn_finish(c, "stopping");
		return false;
	}
	for (;;) {
		used = gw_buf_used(c->in);
		head = used > 0 ? gw_http_head_end(gw_buf_head(c->in), used,
						   &c->scanned) : 0;
		if (head > 0 || used > max) {
			c->scanned = 0;
			c->is_reading_head = false;
			gw_conn_release(c, GW_LIMIT_HEADS);
			gw_exchange_begin(c, head > 0 ? head : used);
			return c->exchange != NULL;
		}
		if (!read_head(c)) /* or one too many has been refused */
			return c->exchange != NULL;
	}
}

void
gw_serve_run(struct gw_conn *c)
{
	for (int i = 0; i < REQUESTS_A_TURN; i++) {
		if (c->exchange == NULL && !next_request(c))
			return;
		gw_exchange_run(c);
		if (c->state != GW_CONN_HTTP || c->exchange != NULL)
			return;
	}
	gw_conn_again(c);
}

void
gw_serve_timeout(struct gw_conn *c)
{
	if (c->exchange != NULL) {
		gw_exchange_timeout(c);
	} else if (gw_buf_used(c->in) > 0) {
		gw_exchange_refuse_head(c, GW_ERR_HTTP_TIMEOUT);
		gw_conn_run(c);
	} else {
		gw_conn_finish(c, "idle");
	}
}

/* response.c — the upstream's half of an exchange: interim and final heads,
 * the body, the switch to a tunnel. */
#include "exchange_priv.h"
#include "tunnel.h"
#include "worker.h"

#include <string.h>

#define RESPONSE_HEAD_MAX 65536
#define INTERIM_MAX       16  /* 1xx before one final response */
#define HEAD_EXTRA        512 /* what framing may add */

static void
misspoken(struct gw_conn *c, const char *detail)
{
	gw_exchange_fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, detail);
}

static void
up_ended(struct gw_conn *c, const char *detail)
{
	if (!gw_exchange_retry(c))
		misspoken(c, detail);
}

/* Reads into from_up; false when there was nothing, or the exchange has
 * ended. */
static bool
read_up(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	size_t n = 0;

	switch (gw_sock_read(&c->up->sock, gw_buf_tail(x->from_up),
			     gw_buf_room(x->from_up), &n)) {
	case GW_XFER_OK:
		x->has_begun = true;
		gw_buf_added(x->from_up, n);
		return true;
	case GW_XFER_AGAIN:
		return false;
	case GW_XFER_EOF:
		if (x->has_head && gw_http_body_eof(&x->response.body)) {
			x->up_keep_alive = false;
			gw_flow_end(&x->response, c->out);
			return true;
		}
		up_ended(c, "the server closed before its answer was whole");
		return false;
	default:
		up_ended(c, "the server broke the connection");
		return false;
	}
}

static void
write_head(struct gw_conn *c, const struct gw_http_msg *m, bool upgrade)
{
	struct gw_exchange *x = c->exchange;
	struct gw_buf *b = gw_exchange_room(c, m->head_len + HEAD_EXTRA);
	struct gw_out o = { .p = gw_buf_tail(b), .cap = gw_buf_room(b) };

	gw_http_write_response(&o, m, &(struct gw_http_reply){
		.client_minor = x->client_minor, .keep_alive = x->keep_alive,
		.upgrade = upgrade, .date = gw_worker_date(c->worker) });
	if (o.bad) {
		misspoken(c, "head cannot be sent on");
		return;
	}
	gw_buf_added(b, o.len);
}

/* 100 is for those who asked; others may be told to anybody who knows 1xx. */
static void
interim(struct gw_conn *c, const struct gw_http_msg *m)
{
	struct gw_exchange *x = c->exchange;

	if (++x->interim_count > INTERIM_MAX) {
		misspoken(c, "too many 1xx");
		return;
	}
	if (m->status == 100 ? x->expects_continue : x->client_minor > 0)
		write_head(c, m, false);
	if (m->status == 100)
		x->expects_continue = false;
}

static void
switch_protocols(struct gw_conn *c, const struct gw_http_msg *m)
{
	struct gw_exchange *x = c->exchange;
	struct gw_buf *b;

	if (gw_buf_used(x->to_up) > 0) {
		misspoken(c, "101 before the request");
		return;
	}
	if (gw_exchange_is_websocket(m) != x->asks_websocket) {
		misspoken(c, "101 to another protocol than asked");
		return;
	}
	write_head(c, m, true);
	if (x->is_page)
		return;
	x->status = m->status;
	gw_buf_take(x->from_up, m->head_len);
	b = gw_exchange_room(c, gw_buf_used(x->from_up));
	if (x->asks_websocket)
		gw_ws_begin(&c->ws);
	gw_ws_follow(&c->ws, gw_buf_head(x->from_up), gw_buf_used(x->from_up));
	gw_buf_append(b, gw_buf_head(x->from_up), gw_buf_used(x->from_up));
	gw_exchange_log(c);
	gw_exchange_drop(c);
	gw_tunnel_begin(c);
}

/* For the head, and as much of the body as may come at once. */
static size_t
first_room(const struct gw_http_msg *m, bool is_open)
{
	return is_open || m->content_length > GW_BUF_STD / 2 ? GW_BUF_BULK
							     : GW_BUF_STD;
}

static void
final(struct gw_conn *c, const struct gw_http_msg *m)
{
	struct gw_exchange *x = c->exchange;
	bool is_open = m->framing == GW_BODY_CHUNKED ||
		       m->framing == GW_BODY_CLOSE;

	/* an answer before the whole request: what the client sends next
	 * would be read as a request (RFC 9112 9.3) */
	x->keep_alive = x->keep_alive && x->request.is_written &&
			!c->worker->is_stopping &&
			!(is_open && x->client_minor == 0);
	x->up_keep_alive = m->keep_alive;
	x->status = m->status;
	if (c->out == NULL) /* of a size for what follows, too */
		c->out = gw_buf_get(&c->worker->bufs, first_room(m, is_open));
	write_head(c, m, false);
	if (x->is_page)
		return;
	x->has_head = true;
	gw_flow_init(&x->response, m, is_open && x->client_minor > 0);
}

static bool
take_head(struct gw_conn *c, size_t head_len)
{
	struct gw_http_msg *m = &c->worker->msg;
	struct gw_exchange *x = c->exchange;
	struct gw_error err = { .detail = "" };

	x->scanned = 0;
	if (gw_http_parse_response(gw_buf_head(x->from_up), head_len,
				   x->is_head, x->wants_upgrade, m, &err) !=
	    GW_ERR_OK) {
		misspoken(c, err.detail);
		return true;
	}
	if (m->status == 101) {
		switch_protocols(c, m);
		return true;
	}
	if (m->status < 200)
		interim(c, m);
	else
		final(c, m);
	if (x->from_up != NULL) { /* else it has become a page */
		gw_buf_take(x->from_up, head_len);
		gw_buf_rewind(x->from_up);
	}
	return true;
}

/* What begins otherwise has no head to wait for. */
static bool
is_http(const char *p, size_t len)
{
	static const char name[] = "HTTP/1.";

	return memcmp(p, name, GW_MIN(len, sizeof(name) - 1)) == 0;
}

static bool
pull_head(struct gw_conn *c)
{
	struct gw_buf_pool *p = &c->worker->bufs;
	struct gw_exchange *x = c->exchange;
	size_t used = gw_buf_used(x->from_up);
	size_t head = used > 0 ? gw_http_head_end(gw_buf_head(x->from_up),
						  used, &x->scanned) : 0;

	if (head > 0)
		return take_head(c, head);
	if (used > 0 && !is_http(gw_buf_head(x->from_up), used)) {
		misspoken(c, "not HTTP");
		return true;
	}
	if (used >= RESPONSE_HEAD_MAX) {
		misspoken(c, "head too large");
		return true;
	}
	if (x->from_up == NULL)
		x->from_up = gw_buf_get(p, GW_BUF_STD);
	else if (gw_buf_room(x->from_up) == 0)
		gw_buf_grow(p, &x->from_up, GW_MIN(used * 2,
						   (size_t)RESPONSE_HEAD_MAX));
	return read_up(c);
}

/* Straight into the outgoing buffer: no copy. */
static bool
pull_direct(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	struct gw_buf *b = c->out;
	size_t n = 0;

	switch (gw_sock_read(&c->up->sock, gw_buf_tail(b), gw_buf_room(b),
			     &n)) {
	case GW_XFER_OK:
		gw_buf_added(b, n);
		if (!gw_flow_direct(&x->response, b, n))
			x->up_keep_alive = false; /* said more than it may */
		return true;
	case GW_XFER_AGAIN:
		return false;
	default:
		up_ended(c, "the server closed within its answer");
		return false;
	}
}

static bool
pull_through(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	struct gw_error err = { .detail = "" };
	bool moved = false;

	if (x->from_up == NULL)
		x->from_up = gw_buf_get(&c->worker->bufs, GW_BUF_BULK);
	if (gw_buf_used(x->from_up) == 0) {
		gw_buf_rewind(x->from_up);
		if (!read_up(c))
			return false;
		moved = true;
	}
	if (gw_flow_move(&x->response, x->from_up, c->out, &moved, &err) !=
	    GW_ERR_OK)
		misspoken(c, err.detail);
	return moved;
}

static bool
pull(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	if (!gw_exchange_is_up(c) || x->is_page || x->response.is_written)
		return false;
	if (!x->has_head)
		return pull_head(c);
	if (c->out == NULL)
		c->out = gw_buf_get(&c->worker->bufs, GW_BUF_BULK);
	gw_buf_rewind(c->out);
	gw_flow_end(&x->response, c->out);
	if (gw_buf_room(c->out) == 0 || x->response.is_written)
		return false;
	if (gw_flow_is_direct(&x->response) && gw_buf_used(x->from_up) == 0)
		return pull_direct(c);
	return pull_through(c);
}

bool
gw_response_step(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	bool moved = false;

	while (gw_exchange_is_alive(c, x) && pull(c))
		moved = true;
	return moved;
}

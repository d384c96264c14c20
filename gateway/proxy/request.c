/* request.c — the client's half of an exchange: its head judged and written
 * anew, its body passed on. */
#include "exchange_priv.h"
#include "listener.h"
#include "page.h"
#include "worker.h"
#include "gw/log.h"

#include <string.h>

#define TARGET_MAX 8192
#define HEAD_EXTRA 512 /* what framing may add */

/* ---- the request's head */

static bool
is_get(struct gw_str method)
{
	return method.len == 3 && memcmp(method.p, "GET", 3) == 0;
}

static bool
is_safe_twice(struct gw_str method)
{
	static const char *const names[] = { "GET", "HEAD", "OPTIONS", "PUT",
					     "DELETE" };

	for (size_t i = 0; i < GW_COUNT(names); i++)
		if (strlen(names[i]) == method.len &&
		    memcmp(names[i], method.p, method.len) == 0)
			return true;
	return false;
}

static bool
wants_json(const struct gw_http_msg *m)
{
	for (size_t i = 0; i < m->field_count; i++) {
		const struct gw_http_field *f = &m->field[i];

		if (f->id == GW_HF_ACCEPT)
			return memmem(f->value.p, f->value.len, "json", 4) !=
				       NULL &&
			       gw_page_prefers_json(f->value);
	}
	return false;
}

static void
note_request(struct gw_exchange *x, const struct gw_http_msg *m)
{
	x->client_minor = m->minor;
	x->is_head = m->is_head;
	x->keep_alive = m->keep_alive;
	x->asks_websocket = gw_exchange_is_websocket(m);
	x->expects_continue = m->expects_continue && m->minor > 0;
	x->wants_json = wants_json(m);
	gw_flow_init(&x->request, m, m->framing == GW_BODY_CHUNKED);
	x->can_retry = m->framing == GW_BODY_NONE && is_safe_twice(m->method);
	if (gw_log_wants(GW_LOG_DEBUG))
		gw_format(x->label, sizeof(x->label), "%.*s %.*s",
			  (int)m->method.len, m->method.p,
			  (int)GW_MIN(m->target.len, (size_t)80), m->target.p);
}

/* RFC 6455 4.1: WebSocket begins with a GET. Who is asked otherwise goes on
 * with HTTP, which a server is always free to (RFC 9110 7.8). */
static bool
may_upgrade(const struct gw_exchange *x, const struct gw_http_msg *m)
{
	return m->wants_upgrade && x->upstream->site->conf->websocket &&
	       (!x->asks_websocket || is_get(m->method));
}

/* Where it may go. */
static enum gw_err
judge(struct gw_conn *c, const struct gw_http_msg *m)
{
	struct gw_exchange *x = c->exchange;
	const struct gw_site_route *route;
	size_t up;

	if (m->framing == GW_BODY_LENGTH &&
	    m->content_length > (uint64_t)gw_conn_conf(c)->max_body)
		return GW_ERR_HTTP_TOO_LARGE;
	up = gw_site_lookup(c->listener->site, m->path, &route);
	if (up == GW_NO_UPSTREAM)
		return GW_ERR_HTTP_NO_ROUTE;
	if (route != NULL && !gw_ident_may_use(c->ident, route->slot))
		return GW_ERR_POLICY_GROUP;
	x->upstream = &c->worker->upstreams[up];
	x->wants_upgrade = may_upgrade(x, m);
	return GW_ERR_OK;
}

/* The head towards the upstream, with what only we may say. */
static enum gw_err
compose(struct gw_conn *c, const struct gw_http_msg *m)
{
	struct gw_worker *w = c->worker;
	struct gw_exchange *x = c->exchange;
	struct gw_out extra = { .p = w->scratch, .cap = GW_SCRATCH }, o;
	struct gw_request_fields fields = {
		.id_name = w->site->conf->headers.request_id,
		.login = c->login,
		.number = c->request_count,
		.host = m->host,
		.via = w->site->conf->headers.via,
		.minor = m->minor,
		.expects_continue = x->expects_continue,
	};
	struct gw_http_forward f = { .owned = w->site->owned,
				     .extra = w->scratch,
				     .upgrade = x->wants_upgrade };

	gw_ident_write(&extra, c->ident, &fields);
	f.extra_len = extra.len;
	x->to_up = gw_buf_get(&w->bufs, m->head_len + extra.len + HEAD_EXTRA);
	o = (struct gw_out){ .p = gw_buf_tail(x->to_up),
			     .cap = gw_buf_room(x->to_up) };
	gw_http_write_request(&o, m, &f);
	if (extra.bad || o.bad)
		return GW_ERR_INTERNAL;
	gw_buf_added(x->to_up, o.len);
	return GW_ERR_OK;
}

void
gw_exchange_begin(struct gw_conn *c, size_t head_len)
{
	struct gw_http_limits lim = {
		.head_max = (size_t)gw_conn_conf(c)->max_header,
		.target_max = TARGET_MAX,
	};
	struct gw_http_msg *m = &c->worker->msg;
	struct gw_exchange *x = gw_exchange_new(c);
	struct gw_error err = { .detail = "" };
	bool is_ours = false;
	enum gw_err rc;

	x->is_head = gw_http_begins_head(gw_buf_head(c->in), head_len);
	rc = gw_http_parse_request(gw_buf_head(c->in), head_len, &lim, m,
				   &err);
	if (rc == GW_ERR_OK) {
		note_request(x, m);
		rc = judge(c, m);
	}
	if (rc == GW_ERR_OK) {
		/* may not be forwarded: for us (RFC 9110 7.6.2) */
		is_ours = m->has_max_forwards && m->max_forwards == 0;
		rc = is_ours ? GW_ERR_OK : compose(c, m);
	}
	gw_buf_take(c->in, head_len);
	gw_buf_rewind(c->in);
	if (rc != GW_ERR_OK)
		gw_exchange_fail(c, rc, err.detail);
	else if (is_ours)
		gw_exchange_options(c);
	else
		gw_exchange_connect(c);
}

/* ---- the body */

static bool
client_broke_off(struct gw_conn *c, enum gw_xfer x)
{
	if (x == GW_XFER_OK || x == GW_XFER_AGAIN)
		return false;
	gw_conn_end(c, "client left during its request");
	return true;
}

static bool
feed_direct(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	size_t before = x->to_up->end;
	uint64_t left = x->request.body.left;
	enum gw_xfer r = gw_conn_fill(c, x->to_up,
				      (size_t)GW_MIN(left, (uint64_t)SIZE_MAX));

	if (client_broke_off(c, r) || r != GW_XFER_OK)
		return false;
	gw_assert(gw_flow_direct(&x->request, x->to_up,
				 x->to_up->end - before));
	return true;
}

static bool
feed_through(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	struct gw_error err = { .detail = "" };
	bool moved = false;

	if (c->in == NULL)
		c->in = gw_buf_get(&c->worker->bufs, GW_BUF_BULK);
	if (gw_buf_used(c->in) == 0) {
		gw_buf_rewind(c->in);
		if (client_broke_off(c, gw_conn_fill(c, c->in,
						     gw_buf_room(c->in))))
			return false;
	}
	if (gw_flow_move(&x->request, c->in, x->to_up, &moved, &err) !=
	    GW_ERR_OK)
		gw_exchange_fail(c, GW_ERR_HTTP_BAD_REQUEST, err.detail);
	else if (x->request.body.total >
		 (uint64_t)gw_conn_conf(c)->max_body)
		gw_exchange_fail(c, GW_ERR_HTTP_TOO_LARGE, "chunked");
	else
		gw_buf_rewind(c->in);
	return moved;
}

/* One piece of the client's body, if there is room. */
static bool
feed(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	if (x->request.is_written || x->up_is_deaf)
		return false;
	if (x->to_up == NULL)
		x->to_up = gw_buf_get(&c->worker->bufs, GW_BUF_BULK);
	gw_buf_rewind(x->to_up);
	gw_flow_end(&x->request, x->to_up);
	if (gw_buf_room(x->to_up) == 0 || x->request.is_written)
		return false;
	if (gw_flow_is_direct(&x->request) && gw_buf_used(c->in) == 0)
		return feed_direct(c);
	return feed_through(c);
}

static bool
send_up(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	size_t n = 0;

	if (gw_buf_used(x->to_up) == 0 || x->up_is_deaf)
		return false;
	switch (gw_sock_write(&c->up->sock, gw_buf_head(x->to_up),
			      gw_buf_used(x->to_up), &n)) {
	case GW_XFER_OK:
		gw_buf_take(x->to_up, n);
		return true;
	case GW_XFER_AGAIN:
		return false;
	default: /* it may have answered before it stopped listening */
		x->up_is_deaf = true;
		c->up->sock.can_read = true;
		return true;
	}
}

bool
gw_request_step(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	bool moved = false;

	if (!gw_exchange_is_up(c) || x->is_page)
		return false;
	while (gw_exchange_is_alive(c, x) && !x->is_page && feed(c))
		moved = true;
	if (!gw_exchange_is_alive(c, x) || x->is_page)
		return true;
	return send_up(c) || moved;
}

/* exchange.c — see exchange.h. Four steps are tried in turn until none of
 * them moves anything: connect, request, response, client. */
#include "exchange.h"
#include "conn.h"
#include "flow.h"
#include "listener.h"
#include "page.h"
#include "tunnel.h"
#include "upstream.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>

#define TARGET_MAX        8192
#define RESPONSE_HEAD_MAX 65536
#define INTERIM_MAX       16 /* 1xx before one final response */
#define HEAD_EXTRA        512 /* what framing and Forwarded may add */
#define ROUNDS_MAX        8  /* pieces before others get their turn */
#define FREE_MAX          1024

enum phase { PH_NONE, PH_CONNECT, PH_BODY, PH_RESPONSE, PH_CLIENT };

struct gw_exchange {
	struct gw_exchange *next;     /* in the free list */
	struct gw_upstream *upstream;
	struct gw_buf *to_up;         /* head, then body */
	struct gw_buf *from_up;       /* as it came */
	struct gw_flow request, response;
	size_t scanned;               /* of the head in from_up */
	uint64_t tried;               /* servers that refused */
	enum phase phase;
	int client_minor, status;
	unsigned interim_count;
	bool is_head, expects_continue, wants_upgrade, wants_json;
	bool keep_alive;     /* towards the client, after this */
	bool up_keep_alive;
	bool can_retry;      /* to_up holds all of it, and twice is no harm */
	bool wants_fresh;    /* no used connection this time */
	bool has_begun;      /* the response has */
	bool has_head;       /* the final one is written */
	bool up_is_deaf;     /* takes no more of the request */
	bool is_page;        /* the response is our own */
	uint64_t started_ms;
	char label[120];     /* for the log, at debug only */
};

static void connect_up(struct gw_conn *c);

/* ---- objects */

static struct gw_exchange *
new_exchange(struct gw_conn *c)
{
	struct gw_worker *w = c->worker;
	struct gw_exchange *x = w->free_exchanges;

	if (x == NULL) {
		x = gw_xcalloc(1, sizeof(*x));
	} else {
		w->free_exchanges = x->next;
		w->free_exchange_count--;
		memset(x, 0, offsetof(struct gw_exchange, label));
		x->label[0] = '\0';
	}
	x->started_ms = gw_loop_now_ms(w->loop);
	c->exchange = x;
	c->request_count++;
	w->count.requests++;
	return x;
}

void
gw_exchange_drop(struct gw_conn *c)
{
	struct gw_worker *w = c->worker;
	struct gw_exchange *x = c->exchange;

	if (x == NULL)
		return;
	c->exchange = NULL;
	gw_buf_put(&w->bufs, &x->to_up);
	gw_buf_put(&w->bufs, &x->from_up);
	if (w->free_exchange_count >= FREE_MAX) {
		free(x);
		return;
	}
	x->next = w->free_exchanges;
	w->free_exchanges = x;
	w->free_exchange_count++;
}

void
gw_exchange_free_all(struct gw_worker *w)
{
	struct gw_exchange *x;

	while ((x = w->free_exchanges) != NULL) {
		w->free_exchanges = x->next;
		free(x);
	}
}

static void
log_request(const struct gw_conn *c)
{
	const struct gw_exchange *x = c->exchange;
	uint64_t now = gw_loop_now_ms(c->worker->loop);

	if (!gw_log_wants(GW_LOG_DEBUG))
		return;
	gw_event(GW_LOG_DEBUG, "request", "req", c->login, "number",
		 GW_NUM(c->request_count), "line", x->label, "status",
		 GW_NUM(x->status), "server",
		 c->up != NULL ? c->up->server->site->name : "-", "ms",
		 GW_NUM(now - x->started_ms), NULL);
}

/* ---- our own answers */

/* Room for `len` more bytes to the client. */
static struct gw_buf *
room_for(struct gw_conn *c, size_t len)
{
	struct gw_buf_pool *p = &c->worker->bufs;

	if (c->out == NULL)
		c->out = gw_buf_get(p, len);
	else if (gw_buf_room(c->out) < len)
		gw_buf_grow(p, &c->out, gw_buf_used(c->out) + len);
	return c->out;
}

/* The connection goes on only if what follows is sure to be a request. */
static void
answer(struct gw_conn *c, enum gw_err why)
{
	struct gw_exchange *x = c->exchange;
	struct gw_buf *b = room_for(c, GW_PAGE_MAX);
	struct gw_out o = { .p = gw_buf_tail(b), .cap = gw_buf_room(b) };
	char id[GW_LOGIN_ID_SIZE + 16];

	x->keep_alive = x->keep_alive && x->request.is_written &&
			!c->worker->is_stopping;
	gw_format(id, sizeof(id), "%s-%u", c->login, c->request_count);
	gw_page_write(&o, &(struct gw_page){
		.reason = why, .request = id, .now = time(NULL),
		.as_json = x->wants_json, .is_head = x->is_head,
		.keep_alive = x->keep_alive });
	gw_assert(!o.bad);
	gw_buf_added(b, o.len);
	gw_buf_put(&c->worker->bufs, &x->to_up);
	gw_buf_put(&c->worker->bufs, &x->from_up);
	x->status = gw_err_http_status(why);
	x->is_page = x->has_head = x->response.is_written = true;
}

static void
log_failure(const struct gw_conn *c, enum gw_err why, const char *detail)
{
	const struct gw_exchange *x = c->exchange;

	gw_event(gw_err_http_status(why) >= 500 ? GW_LOG_WARN : GW_LOG_INFO,
		 "request-failed", "req", c->login, "number",
		 GW_NUM(c->request_count), "reason", gw_err_name(why),
		 "detail", detail, "upstream",
		 x->upstream != NULL ? x->upstream->site->conf->title : "-",
		 NULL);
}

/* Ends the exchange with a page, or, when the client has the beginning of
 * another answer already, with the connection: a cut answer must not look
 * whole. */
static void
fail(struct gw_conn *c, enum gw_err why, const char *detail)
{
	struct gw_exchange *x = c->exchange;

	if (gw_worker_may_log(c->worker))
		log_failure(c, why, detail);
	if (c->up != NULL)
		gw_upconn_release(c->up, false);
	if (x->has_head)
		gw_conn_end(c, gw_err_name(why));
	else
		answer(c, why);
}

static void
fail_up(struct gw_conn *c, enum gw_err why, const char *detail)
{
	gw_upconn_broke(c->up, why);
	fail(c, why, detail);
}

void
gw_exchange_refuse_head(struct gw_conn *c, enum gw_err why)
{
	(void)new_exchange(c);
	fail(c, why, "head incomplete");
	gw_buf_put(&c->worker->bufs, &c->in);
	gw_conn_run(c);
}

/* ---- the request's head */

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
	x->expects_continue = m->expects_continue && m->minor > 0;
	x->wants_json = wants_json(m);
	gw_flow_init(&x->request, m, m->framing == GW_BODY_CHUNKED);
	x->can_retry = m->framing == GW_BODY_NONE && is_safe_twice(m->method);
	if (gw_log_wants(GW_LOG_DEBUG))
		gw_format(x->label, sizeof(x->label), "%.*s %.*s",
			  (int)m->method.len, m->method.p,
			  (int)GW_MIN(m->target.len, (size_t)80), m->target.p);
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
	x->wants_upgrade = m->wants_upgrade &&
			   x->upstream->site->conf->websocket;
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
	struct gw_exchange *x = new_exchange(c);
	struct gw_error err = { .detail = "" };
	enum gw_err rc;

	rc = gw_http_parse_request(gw_buf_head(c->in), head_len, &lim, m,
				   &err);
	if (rc == GW_ERR_OK) {
		note_request(x, m);
		rc = judge(c, m);
	}
	if (rc == GW_ERR_OK)
		rc = compose(c, m);
	gw_buf_take(c->in, head_len);
	gw_buf_rewind(c->in);
	if (rc == GW_ERR_OK)
		connect_up(c);
	else
		fail(c, rc, err.detail);
}

/* ---- step one: a connection */

/* What may not be sent twice must not meet a connection that the server is
 * just closing. */
static bool
is_fit(struct gw_exchange *x, const struct gw_upconn *up)
{
	return x->can_retry || !up->was_reused || !gw_upconn_is_stale(up);
}

static void
connect_up(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	enum gw_err why;

	for (;;) {
		c->up = gw_upstream_get(x->upstream, c, !x->wants_fresh,
					&x->tried, &why);
		if (c->up == NULL) {
			fail(c, why, "no server left to try");
			return;
		}
		if (is_fit(x, c->up))
			break;
		gw_upconn_release(c->up, false);
	}
	c->up->server->count.requests++;
}

static bool
step_connect(struct gw_conn *c)
{
	bool failed;

	if (c->up == NULL || c->up->is_connected)
		return false;
	if (gw_upconn_check(c->up, &failed))
		return true;
	if (!failed)
		return false;
	gw_upconn_failed(c->up, GW_ERR_UPSTREAM_UNREACHABLE,
			 &c->exchange->tried);
	connect_up(c);
	return true;
}

/* The server hung up on a connection it had kept for us before it said a
 * word: it may not have read the request (RFC 9112 9.3.1). */
static bool
retry(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	if (!x->can_retry || x->has_begun || !c->up->was_reused)
		return false;
	gw_upconn_release(c->up, false);
	x->wants_fresh = true;
	x->to_up->off = 0;
	connect_up(c);
	return true;
}

/* ---- step two: the request */

/* Not ended meanwhile, by whatever a step met. */
static bool
is_alive(const struct gw_conn *c, const struct gw_exchange *x)
{
	return c->exchange == x && c->state == GW_CONN_HTTP;
}

static bool
is_up(const struct gw_conn *c)
{
	return c->up != NULL && c->up->is_connected;
}

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
		c->in = gw_buf_get(&c->worker->bufs, GW_BUF_STD);
	if (gw_buf_used(c->in) == 0) {
		gw_buf_rewind(c->in);
		if (client_broke_off(c, gw_conn_fill(c, c->in,
						     gw_buf_room(c->in))))
			return false;
	}
	if (gw_flow_move(&x->request, c->in, x->to_up, &moved, &err) !=
	    GW_ERR_OK)
		fail(c, GW_ERR_HTTP_BAD_REQUEST, err.detail);
	else if (x->request.body.total >
		 (uint64_t)gw_conn_conf(c)->max_body)
		fail(c, GW_ERR_HTTP_TOO_LARGE, "chunked");
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
		x->to_up = gw_buf_get(&c->worker->bufs, GW_BUF_STD);
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

static bool
step_request(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	bool moved = false;

	if (!is_up(c) || x->is_page)
		return false;
	while (is_alive(c, x) && !x->is_page && feed(c))
		moved = true;
	if (!is_alive(c, x) || x->is_page)
		return true;
	return send_up(c) || moved;
}

/* ---- step three: the response */

static void
up_ended(struct gw_conn *c, const char *detail)
{
	if (!retry(c))
		fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, detail);
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
	struct gw_buf *b = room_for(c, m->head_len + HEAD_EXTRA);
	struct gw_out o = { .p = gw_buf_tail(b), .cap = gw_buf_room(b) };

	gw_http_write_response(&o, m, x->client_minor, x->keep_alive, upgrade);
	if (o.bad) {
		fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, "head cannot be sent on");
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
		fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, "too many 1xx");
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
		fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, "101 before the request");
		return;
	}
	write_head(c, m, true);
	if (x->is_page)
		return;
	x->status = m->status;
	gw_buf_take(x->from_up, m->head_len);
	b = room_for(c, gw_buf_used(x->from_up));
	gw_buf_append(b, gw_buf_head(x->from_up), gw_buf_used(x->from_up));
	log_request(c);
	gw_exchange_drop(c);
	gw_tunnel_begin(c);
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
		fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, err.detail);
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
	if (used >= RESPONSE_HEAD_MAX) {
		fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, "head too large");
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
		x->from_up = gw_buf_get(&c->worker->bufs, GW_BUF_STD);
	if (gw_buf_used(x->from_up) == 0) {
		gw_buf_rewind(x->from_up);
		if (!read_up(c))
			return false;
		moved = true;
	}
	if (gw_flow_move(&x->response, x->from_up, c->out, &moved, &err) !=
	    GW_ERR_OK)
		fail_up(c, GW_ERR_UPSTREAM_PROTOCOL, err.detail);
	return moved;
}

static bool
pull(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	if (!is_up(c) || x->is_page || x->response.is_written)
		return false;
	if (!x->has_head)
		return pull_head(c);
	if (c->out == NULL)
		c->out = gw_buf_get(&c->worker->bufs, GW_BUF_STD);
	gw_buf_rewind(c->out);
	gw_flow_end(&x->response, c->out);
	if (gw_buf_room(c->out) == 0 || x->response.is_written)
		return false;
	if (gw_flow_is_direct(&x->response) && gw_buf_used(x->from_up) == 0)
		return pull_direct(c);
	return pull_through(c);
}

static bool
step_response(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	bool moved = false;

	while (is_alive(c, x) && pull(c))
		moved = true;
	return moved;
}

/* ---- step four: the client */

static bool
step_client(struct gw_conn *c)
{
	bool moved = false;

	(void)gw_conn_flush(c, &moved);
	return moved;
}

/* ---- all together */

static bool (*const steps[])(struct gw_conn *c) = {
	step_connect, step_request, step_response, step_client,
};

static enum phase
phase_of(const struct gw_conn *c)
{
	const struct gw_exchange *x = c->exchange;

	if (gw_buf_used(c->out) > 0)
		return PH_CLIENT;
	if (!is_up(c))
		return PH_CONNECT;
	if (x->request.is_written || x->up_is_deaf || x->expects_continue ||
	    gw_buf_used(x->to_up) > 0)
		return PH_RESPONSE;
	return PH_BODY;
}

static int64_t
patience(const struct gw_conn *c, enum phase phase)
{
	const struct gw_conf_upstream *u = c->exchange->upstream != NULL
			? c->exchange->upstream->site->conf : NULL;

	if (phase == PH_CONNECT && u != NULL)
		return u->connect_timeout_ms;
	if (phase == PH_RESPONSE && u != NULL)
		return u->response_timeout_ms;
	return gw_conn_conf(c)->body_timeout_ms;
}

/* Nothing moves for now: hold no buffer without bytes, and wait as long as
 * is right for whom we wait for. */
static void
rest(struct gw_conn *c, bool has_moved)
{
	struct gw_buf_pool *p = &c->worker->bufs;
	struct gw_exchange *x = c->exchange;
	enum phase phase = phase_of(c);

	if (phase != x->phase || has_moved) {
		x->phase = phase;
		gw_conn_deadline(c, patience(c, phase));
	}
	if (gw_buf_used(x->to_up) == 0 && (!x->can_retry || x->has_begun))
		gw_buf_put(p, &x->to_up);
	if (gw_buf_used(x->from_up) == 0)
		gw_buf_put(p, &x->from_up);
	if (gw_buf_used(c->out) == 0)
		gw_buf_put(p, &c->out);
	if (gw_buf_used(c->in) == 0)
		gw_buf_put(p, &c->in);
}

static bool
is_complete(const struct gw_conn *c)
{
	return c->exchange->response.is_written && gw_buf_used(c->out) == 0;
}

static void
finish(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	bool keep_alive = x->keep_alive;

	log_request(c);
	if (c->up != NULL)
		gw_upconn_release(c->up, x->up_keep_alive &&
					 x->request.is_written &&
					 !x->up_is_deaf &&
					 gw_buf_used(x->to_up) == 0 &&
					 gw_buf_used(x->from_up) == 0);
	gw_exchange_drop(c);
	gw_buf_put(&c->worker->bufs, &c->out);
	if (!keep_alive)
		gw_conn_finish(c, "last response sent");
}

/* Each step once; false when the exchange is over thereby. */
static bool
one_round(struct gw_conn *c, bool *out_moved)
{
	struct gw_exchange *x = c->exchange;

	*out_moved = false;
	for (size_t i = 0; i < GW_COUNT(steps); i++) {
		if (steps[i](c))
			*out_moved = true;
		if (!is_alive(c, x))
			return false;
	}
	if (!is_complete(c))
		return true;
	finish(c);
	return false;
}

void
gw_exchange_run(struct gw_conn *c)
{
	bool has_moved = false, moved;

	for (int i = 0; i < ROUNDS_MAX; i++) {
		if (!one_round(c, &moved)) {
			if (c->state == GW_CONN_TUNNEL)
				gw_tunnel_run(c);
			return;
		}
		has_moved = has_moved || moved;
		if (!moved) {
			rest(c, has_moved);
			return;
		}
	}
	gw_conn_again(c);
}

void
gw_exchange_timeout(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	switch (x->phase) {
	case PH_CONNECT:
		gw_upconn_failed(c->up, GW_ERR_UPSTREAM_UNREACHABLE,
				 &x->tried);
		connect_up(c);
		break;
	case PH_BODY:
		fail(c, GW_ERR_HTTP_TIMEOUT, "body");
		break;
	case PH_RESPONSE:
		fail_up(c, GW_ERR_UPSTREAM_TIMEOUT, "no answer in time");
		break;
	default:
		gw_conn_end(c, "client does not read");
		return;
	}
	gw_conn_run(c);
}

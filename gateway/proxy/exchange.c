/* exchange.c — see exchange.h. Four steps are tried in turn until none of
 * them moves anything: connect, request, response, client. */
#include "exchange_priv.h"
#include "page.h"
#include "tunnel.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>

#define ROUNDS_MAX 4 /* buffers full before others get their turn */
#define FREE_MAX   1024

/* ---- objects */

struct gw_exchange *
gw_exchange_new(struct gw_conn *c)
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

void
gw_exchange_log(const struct gw_conn *c)
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

struct gw_buf *
gw_exchange_room(struct gw_conn *c, size_t len)
{
	struct gw_buf_pool *p = &c->worker->bufs;

	if (c->out == NULL)
		c->out = gw_buf_get(p, len);
	else if (gw_buf_room(c->out) < len)
		gw_buf_grow(p, &c->out, gw_buf_used(c->out) + len);
	return c->out;
}

/* The connection goes on only if what follows is sure to be a request. */
static struct gw_out
begin_answer(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	struct gw_buf *b = gw_exchange_room(c, GW_PAGE_MAX);

	x->keep_alive = x->keep_alive && x->request.is_written &&
			!c->worker->is_stopping;
	return (struct gw_out){ .p = gw_buf_tail(b), .cap = gw_buf_room(b) };
}

static void
end_answer(struct gw_conn *c, const struct gw_out *o, int status)
{
	struct gw_exchange *x = c->exchange;

	gw_assert(!o->bad);
	gw_buf_added(c->out, o->len);
	gw_buf_put(&c->worker->bufs, &x->to_up);
	gw_buf_put(&c->worker->bufs, &x->from_up);
	x->status = status;
	x->is_page = x->has_head = x->response.is_written = true;
}

static void
answer(struct gw_conn *c, enum gw_err why)
{
	struct gw_exchange *x = c->exchange;
	struct gw_out o = begin_answer(c);
	char id[GW_LOGIN_ID_SIZE + 16];

	gw_format(id, sizeof(id), "%s-%u", c->login, c->request_count);
	gw_page_write(&o, &(struct gw_page){
		.reason = why, .request = id, .now = time(NULL),
		.as_json = x->wants_json, .is_head = x->is_head,
		.keep_alive = x->keep_alive });
	end_answer(c, &o, gw_err_http_status(why));
}

void
gw_exchange_options(struct gw_conn *c)
{
	struct gw_out o = begin_answer(c);

	gw_page_options(&o, time(NULL), c->exchange->keep_alive);
	end_answer(c, &o, 200);
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

void
gw_exchange_fail(struct gw_conn *c, enum gw_err why, const char *detail)
{
	struct gw_exchange *x = c->exchange;
	bool moved;

	if (gw_worker_may_log(c->worker))
		log_failure(c, why, detail);
	if (c->up != NULL)
		gw_upconn_close(c->up);
	if (!x->has_head)
		answer(c, why);
	else if (gw_conn_flush(c, &moved)) /* what there is may say why */
		gw_conn_cut(c, gw_err_name(why));
}

void
gw_exchange_fail_up(struct gw_conn *c, enum gw_err why, const char *detail)
{
	gw_upconn_broke(c->up, why);
	gw_exchange_fail(c, why, detail);
}

void
gw_exchange_refuse_head(struct gw_conn *c, enum gw_err why)
{
	struct gw_exchange *x = gw_exchange_new(c);

	x->is_head = gw_http_begins_head(gw_buf_head(c->in),
					 gw_buf_used(c->in));
	gw_exchange_fail(c, why, "head incomplete");
	gw_buf_put(&c->worker->bufs, &c->in);
}

/* ---- step one: a connection (the request is two, the response three) */

/* Not a used connection on which the server has hung up, or said what nobody
 * asked for: that would be taken for this request's answer (RFC 9112 9.2). The
 * kernel is asked only if the loop may not know: what comes within a
 * millisecond could as well come while the request is on its way. */
static bool
is_fit(const struct gw_upconn *up)
{
	if (!up->was_reused)
		return true;
	return up->sock.io.pending == 0 &&
	       (gw_loop_is_fresh(up->server->upstream->loop) ||
		!gw_upconn_is_stale(up));
}

void
gw_exchange_connect(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	enum gw_err why;

	for (;;) {
		c->up = gw_upstream_get(x->upstream, c, !x->wants_fresh,
					&x->tried, &why);
		if (c->up == NULL) {
			gw_exchange_fail(c, why, "no server left to try");
			return;
		}
		if (is_fit(c->up))
			break;
		gw_upconn_close(c->up);
	}
	c->up->server->count.requests++;
}

static void
try_another(struct gw_conn *c)
{
	gw_upconn_failed(c->up, GW_ERR_UPSTREAM_UNREACHABLE,
			 &c->exchange->tried);
	gw_exchange_connect(c);
}

static bool
step_connect(struct gw_conn *c)
{
	if (c->up == NULL || c->up->is_connected)
		return false;
	switch (gw_upconn_check(c->up)) {
	case GW_XFER_OK:
		return true;
	case GW_XFER_AGAIN:
		return false;
	default:
		try_another(c);
		return true;
	}
}

/* The server hung up on a connection it had kept for us before it said a
 * word: it may not have read the request (RFC 9112 9.3.1). */
bool
gw_exchange_retry(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	if (!x->can_retry || x->has_begun || !c->up->was_reused)
		return false;
	gw_upconn_close(c->up);
	x->wants_fresh = true;
	x->to_up->off = 0;
	x->up_is_deaf = false; /* the next one may listen */
	gw_exchange_connect(c);
	return true;
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
	step_connect, gw_request_step, gw_response_step, step_client,
};

/* Nothing moves for now: hold no buffer without bytes, and wait as long as
 * is right for whom we wait for. */
static void
rest(struct gw_conn *c, bool has_moved)
{
	struct gw_buf_pool *p = &c->worker->bufs;
	struct gw_exchange *x = c->exchange;

	gw_pace_note(c, has_moved);
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

/* Nothing more will come by it, either way, that belongs to this exchange. */
static bool
up_is_clean(const struct gw_exchange *x)
{
	return x->up_keep_alive && x->request.is_written && !x->up_is_deaf &&
	       gw_buf_used(x->to_up) == 0 && gw_buf_used(x->from_up) == 0;
}

static void
finish(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;
	bool keep_alive = x->keep_alive;

	gw_exchange_log(c);
	if (c->up != NULL && up_is_clean(x))
		gw_upconn_keep(c->up);
	else if (c->up != NULL)
		gw_upconn_close(c->up);
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
		if (!gw_exchange_is_alive(c, x))
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
	/* before the timers' turn: what has begun to go to one server must
	 * not be taken for a connection that is still being made */
	gw_pace_note(c, true);
	gw_conn_again(c);
}

void
gw_exchange_timeout(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	switch (x->phase) {
	case PH_CONNECT:
		try_another(c);
		break;
	case PH_BODY:
		gw_exchange_fail(c, GW_ERR_HTTP_TIMEOUT, "body");
		break;
	case PH_RESPONSE:
		gw_exchange_fail_up(c, GW_ERR_UPSTREAM_TIMEOUT,
				    "no answer in time");
		break;
	default:
		if (!gw_pace_is_kept(c))
			gw_conn_end(c, "client does not read");
		return;
	}
	gw_conn_run(c);
}

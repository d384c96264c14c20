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

/* Room for `len` more bytes to the client. */
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

/* Ends the exchange with a page, or, when the client has the beginning of
 * another answer already, with the connection: a cut answer must not look
 * whole. */
void
gw_exchange_fail(struct gw_conn *c, enum gw_err why, const char *detail)
{
	struct gw_exchange *x = c->exchange;
	bool moved;

	if (gw_worker_may_log(c->worker))
		log_failure(c, why, detail);
	if (c->up != NULL)
		gw_upconn_release(c->up, false);
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
	gw_exchange_connect(c);
	return true;
}

/* The server hung up on a connection it had kept for us before it said a
 * word: it may not have read the request (RFC 9112 9.3.1). */
bool
gw_exchange_retry(struct gw_conn *c)
{
	struct gw_exchange *x = c->exchange;

	if (!x->can_retry || x->has_begun || !c->up->was_reused)
		return false;
	gw_upconn_release(c->up, false);
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

/* For the server's 100. A client that has begun without it does not wait, and
 * has the time of everybody who sends a body (RFC 9110 10.1.1). */
static bool
client_waits(const struct gw_exchange *x)
{
	return x->expects_continue && !gw_flow_has_begun(&x->request);
}

static enum gw_phase
phase_of(const struct gw_conn *c)
{
	const struct gw_exchange *x = c->exchange;

	if (gw_buf_used(c->out) > 0)
		return PH_CLIENT;
	if (!gw_exchange_is_up(c))
		return PH_CONNECT;
	if (x->request.is_written || x->up_is_deaf || client_waits(x) ||
	    gw_buf_used(x->to_up) > 0)
		return PH_RESPONSE;
	return PH_BODY;
}

static int64_t
patience(const struct gw_conn *c, enum gw_phase phase)
{
	const struct gw_conf_upstream *u = c->exchange->upstream != NULL
			? c->exchange->upstream->site->conf : NULL;

	if (phase == PH_CONNECT && u != NULL)
		return u->connect_timeout_ms;
	if (phase == PH_RESPONSE && u != NULL)
		return u->response_timeout_ms;
	return gw_conn_conf(c)->body_timeout_ms;
}

/* NULL: others are waited for. */
static struct gw_pace *
pace_of(struct gw_exchange *x)
{
	return x->phase == PH_BODY ? &x->body
	     : x->phase == PH_CLIENT ? &x->client : NULL;
}

/* What the kernel holds for it the client has not taken. */
static uint64_t
moved_by_client(struct gw_conn *c)
{
	if (c->exchange->phase == PH_BODY)
		return c->exchange->request.body.total;
	(void)gw_conn_drained(c);
	return c->bytes_out - GW_MIN(c->bytes_out, (uint64_t)c->queued);
}

/* What the client has moved buys it time at the rate it must keep up, never
 * more than body_timeout ahead: a byte now and then does not hold a request
 * for ever. */
static void
earn(struct gw_conn *c)
{
	const struct gw_conf_listener *conf = gw_conn_conf(c);
	struct gw_pace *p = pace_of(c->exchange);
	uint64_t rate = (uint64_t)conf->body_min_rate;
	uint64_t now = gw_loop_now_ms(c->worker->loop);
	uint64_t full = now + (uint64_t)conf->body_timeout_ms;
	uint64_t moved = moved_by_client(c);
	uint64_t bytes = moved - GW_MIN(moved, p->moved);

	if (rate == 0 && bytes > 0)
		p->end_ms = full;
	else if (rate > 0)
		p->end_ms = GW_MIN(full, p->end_ms + bytes * 1000 / rate);
	p->moved += bytes;
	gw_conn_deadline(c, p->end_ms > now ? (int64_t)(p->end_ms - now) : 0);
}

/* Its clock has stood still meanwhile, and is not put back: others are waited
 * for a moment between any two pieces. */
static void
go_on_pacing(struct gw_conn *c, struct gw_pace *p)
{
	uint64_t now = gw_loop_now_ms(c->worker->loop);

	if (p->end_ms != 0) {
		p->end_ms += now - p->left_ms;
		return;
	}
	p->end_ms = now + (uint64_t)gw_conn_conf(c)->body_timeout_ms;
	p->moved = moved_by_client(c);
}

/* The kernel may hold a great deal for a client that takes it slowly, but
 * fast enough. */
static bool
client_still_reads(struct gw_conn *c)
{
	earn(c);
	return c->deadline_ms > gw_loop_now_ms(c->worker->loop);
}

static void
enter_phase(struct gw_conn *c, enum gw_phase phase)
{
	struct gw_exchange *x = c->exchange;
	struct gw_pace *p = pace_of(x);

	if (p != NULL)
		p->left_ms = gw_loop_now_ms(c->worker->loop);
	x->phase = phase;
	if ((p = pace_of(x)) != NULL)
		go_on_pacing(c, p);
}

static void
note_phase(struct gw_conn *c, bool has_moved)
{
	enum gw_phase phase = phase_of(c);
	bool is_new = phase != c->exchange->phase;

	if (!is_new && !has_moved)
		return;
	if (is_new)
		enter_phase(c, phase);
	if (pace_of(c->exchange) != NULL)
		earn(c);
	else
		gw_conn_deadline(c, patience(c, phase));
}

/* Nothing moves for now: hold no buffer without bytes, and wait as long as
 * is right for whom we wait for. */
static void
rest(struct gw_conn *c, bool has_moved)
{
	struct gw_buf_pool *p = &c->worker->bufs;
	struct gw_exchange *x = c->exchange;

	note_phase(c, has_moved);
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

	gw_exchange_log(c);
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
	note_phase(c, true);
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
		gw_exchange_connect(c);
		break;
	case PH_BODY:
		gw_exchange_fail(c, GW_ERR_HTTP_TIMEOUT, "body");
		break;
	case PH_RESPONSE:
		gw_exchange_fail_up(c, GW_ERR_UPSTREAM_TIMEOUT, "no answer in time");
		break;
	default:
		if (!client_still_reads(c))
			gw_conn_end(c, "client does not read");
		return;
	}
	gw_conn_run(c);
}

/* pace.c — for whom an exchange waits, and for how long. See
 * exchange_priv.h. */
#include "exchange_priv.h"
#include "worker.h"

/* ---- for whom */

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

/* ---- how long: the client, who must keep up a rate */

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

bool
gw_pace_is_kept(struct gw_conn *c)
{
	earn(c);
	return c->deadline_ms > gw_loop_now_ms(c->worker->loop);
}

/* ---- from one to the next */

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

void
gw_pace_note(struct gw_conn *c, bool has_moved)
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

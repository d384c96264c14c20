/* conn.c — the states of a connection and what moves it from one to the next.
 * Its bytes are in conn_io.c, its end in conn_end.c. See conn.h. */
#include "conn.h"
#include "denied.h"
#include "exchange.h"
#include "handshake.h"
#include "linger.h"
#include "listener.h"
#include "serve.h"
#include "tls.h"
#include "tunnel.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>

/* Steps of handshakes in one turn of the loop: about 2 ms of arithmetic, after
 * which those who are in have theirs, whoever else is at the door. */
#define SHAKES_A_TURN   4
/* Bytes that one of them reads: 700 records of one byte, or a usual flight.
 * And those who are not let in: any stranger can get as far as that. */
#define SHAKE_BYTES     4096
/* The megabytes that the kernel may hold of one client can be records of one
 * byte each. Whole ones do not come to that many: what a turn moves of them is
 * bounded by the rounds of exchange.c and tunnel.c. */
#define FILLS_A_TURN    256

_Static_assert(sizeof(struct gw_conn) <= 384, "keep idle connections small");

/* ---- small things */

const struct gw_conf_listener *
gw_conn_conf(const struct gw_conn *c)
{
	return c->listener->site->conf;
}

void
gw_conn_peer(const struct gw_conn *c, char out[GW_PEER_MAX])
{
	(void)gw_format(out, GW_PEER_MAX,
			strchr(c->ip, ':') != NULL ? "[%s]:%u" : "%s:%u",
			c->ip, (unsigned)c->port);
}

/* ---- limits */

enum gw_limited
gw_conn_hold(struct gw_conn *c, enum gw_limit kind)
{
	enum gw_limited x;

	if ((c->holds & 1 << kind) != 0)
		return GW_LIMITED_NOT;
	x = gw_quota_take(&c->listener->site->open, gw_conn_conf(c),
			   c->source, kind);
	if (x == GW_LIMITED_NOT)
		c->holds |= (uint8_t)(1 << kind);
	return x;
}

void
gw_conn_release(struct gw_conn *c, enum gw_limit kind)
{
	if ((c->holds & 1 << kind) == 0)
		return;
	c->holds &= (uint8_t)~(1 << kind);
	gw_quota_give(&c->listener->site->open, c->source, kind);
}

/* ---- deadlines */

/* The timer is not moved at each change, which would cost every request
 * several times; it fires at the earliest time ever set and looks again. */
static void
arm(struct gw_conn *c)
{
	uint64_t at = GW_MIN(c->deadline_ms, c->until_ms);

	if (c->timer.slot == 0 || c->timer.deadline_ms > at)
		gw_timer_at(c->worker->loop, &c->timer, at);
}

void
gw_conn_deadline(struct gw_conn *c, int64_t ms)
{
	c->deadline_ms = gw_loop_now_ms(c->worker->loop) + (uint64_t)ms;
	arm(c);
}

/* ---- what moves it */

static const struct {
	void (*run)(struct gw_conn *c);
	void (*timeout)(struct gw_conn *c);
} states[GW_CONN_STATE_COUNT] = {
	[GW_CONN_HANDSHAKE] = { gw_handshake_run, gw_handshake_timeout },
	[GW_CONN_DENIED] = { gw_denied_run, gw_denied_timeout },
	[GW_CONN_HTTP] = { gw_serve_run, gw_serve_timeout },
	[GW_CONN_TUNNEL] = { gw_tunnel_run, gw_tunnel_timeout },
	[GW_CONN_LINGER] = { gw_linger_run, gw_linger_timeout },
};

static bool
is_strange(const struct gw_conn *c)
{
	return c->state == GW_CONN_HANDSHAKE || c->state == GW_CONN_DENIED;
}

void
gw_conn_run(struct gw_conn *c)
{
	if (c->state == GW_CONN_DEAD)
		return;
	if (c->sock.is_broken && c->state != GW_CONN_TUNNEL) {
		gw_conn_end(c, "client lost");
		return;
	}
	c->fills_left = FILLS_A_TURN;
	c->sock.bytes_left = is_strange(c) ? SHAKE_BYTES : GW_SOCK_ANY;
	states[c->state].run(c);
	/* no event will tell of what has not been read */
	if (c->state != GW_CONN_DEAD &&
	    (c->fills_left == 0 || c->sock.bytes_left == 0))
		gw_conn_again(c);
}

/* A socket that is new can be written to, of which epoll tells: nothing that a
 * handshake waits for. */
static bool
is_awaited(const struct gw_conn *c)
{
	return c->sock.can_read || SSL_want_write(c->ssl);
}

/* Handshakes come when the turn's other events have been seen to. */
static void
on_event(struct gw_io *io, uint32_t events)
{
	struct gw_conn *c = GW_CONTAINER(io, struct gw_conn, sock.io);

	gw_sock_note(&c->sock, events);
	if (c->state != GW_CONN_HANDSHAKE)
		gw_conn_run(c);
	else if (is_awaited(c))
		gw_conn_again(c);
}

static void
on_timer(struct gw_timer *t)
{
	struct gw_conn *c = GW_CONTAINER(t, struct gw_conn, timer);
	uint64_t now = gw_loop_now_ms(c->worker->loop);

	if (now >= c->until_ms)
		gw_conn_dismiss(c, GW_WS_POLICY,
				gw_err_name(GW_ERR_SESSION_ENDED));
	else if (now < c->deadline_ms)
		arm(c);
	else
		states[c->state].timeout(c);
}

/* Whether one more handshake may have its turn in this one of the loop. */
static bool
may_shake(struct gw_worker *w)
{
	uint64_t turn = gw_loop_turn(w->loop);

	if (w->shake_turn != turn) {
		w->shake_turn = turn;
		w->shakes_left = SHAKES_A_TURN;
	}
	if (w->shakes_left == 0)
		return false;
	w->shakes_left--;
	return true;
}

/* Who has to wait keeps its place: tasks run in the order they were queued. */
static void
on_task(struct gw_task *t)
{
	struct gw_conn *c = GW_CONTAINER(t, struct gw_conn, task);

	if (c->state == GW_CONN_HANDSHAKE && !may_shake(c->worker))
		gw_conn_again(c);
	else
		gw_conn_run(c);
}

void
gw_conn_again(struct gw_conn *c)
{
	gw_loop_defer(c->worker->loop, &c->task);
}

/* ---- from one state to the next */

void
gw_conn_open(struct gw_listener *l, int fd, const struct sockaddr_storage *peer,
	     uint32_t source)
{
	struct gw_worker *w = l->worker;
	struct gw_conn *c = gw_xcalloc(1, sizeof(*c));

	c->state = GW_CONN_HANDSHAKE;
	c->verdict = GW_VERDICT_DENY;
	c->reason = GW_ERR_AUTH_UNAVAILABLE;
	c->worker = w;
	c->listener = l;
	c->source = source;
	c->holds = 1 << GW_LIMIT_CONNECTIONS | 1 << GW_LIMIT_HANDSHAKES;
	c->until_ms = UINT64_MAX;
	c->started_ms = gw_loop_now_ms(w->loop);
	c->task.fn = on_task;
	c->timer.fn = on_timer;
	gw_addr_ip(peer, c->ip);
	c->port = gw_addr_port(peer);
	gw_login_id_new(c->login);
	LIST_INSERT_HEAD(&w->conns, c, of_worker);
	w->count.connections++;
	if (gw_sock_add(w->loop, &c->sock, fd, on_event) != GW_ERR_OK ||
	    (c->ssl = gw_tls_new(l->tls, &c->sock, c)) == NULL) {
		gw_conn_end(c, "no memory");
		return;
	}
	gw_conn_deadline(c, gw_conn_conf(c)->handshake_timeout_ms);
}

void
gw_conn_serve(struct gw_conn *c)
{
	gw_assert(c->verdict == GW_VERDICT_ALLOW && c->ident != NULL);
	c->state = GW_CONN_HTTP;
	gw_conn_release(c, GW_LIMIT_HANDSHAKES);
	gw_conn_deadline(c, gw_conn_conf(c)->idle_timeout_ms);
	gw_serve_run(c);
}

static void
log_denied(const struct gw_conn *c)
{
	char peer[GW_PEER_MAX];

	if (!gw_worker_may_log(c->worker))
		return;
	gw_conn_peer(c, peer);
	gw_event(GW_LOG_INFO, "connection-denied", "req", c->login, "listener",
		 gw_conn_conf(c)->title, "peer", peer, "reason",
		 gw_err_name(c->reason), NULL);
}

void
gw_conn_deny(struct gw_conn *c)
{
	gw_assert(c->verdict != GW_VERDICT_ALLOW || c->reason != GW_ERR_OK);
	c->verdict = GW_VERDICT_DENY;
	c->state = GW_CONN_DENIED;
	gw_conn_release(c, GW_LIMIT_HANDSHAKES);
	c->until_ms = UINT64_MAX;
	gw_roster_leave(c);
	c->listener->count.denied++;
	log_denied(c);
	gw_conn_deadline(c, gw_conn_conf(c)->header_timeout_ms);
	gw_denied_run(c);
}

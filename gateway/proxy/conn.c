/* conn.c — see conn.h. */
#include "conn.h"
#include "denied.h"
#include "exchange.h"
#include "handshake.h"
#include "listener.h"
#include "serve.h"
#include "tls.h"
#include "tunnel.h"
#include "upstream.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <openssl/err.h>

/* A client that has not read our last words, as it is still talking, must not
 * be reset meanwhile: some systems throw away with it what had arrived
 * (RFC 9112 9.6). As long as it talks, but not for ever. */
#define LINGER_MS       2000
#define LINGER_MAX_MS   10000
#define LINGER_READS    16 /* pieces of GW_SCRATCH thrown away */
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

static void
set_peer(struct gw_conn *c, const struct sockaddr_storage *peer)
{
	const struct sockaddr_in6 *v6 = (const void *)peer;
	const struct sockaddr_in *v4 = (const void *)peer;

	if (peer->ss_family != AF_INET6) {
		inet_ntop(AF_INET, &v4->sin_addr, c->ip, sizeof(c->ip));
		c->port = ntohs(v4->sin_port);
		return;
	}
	c->port = ntohs(v6->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], c->ip,
			  sizeof(c->ip));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, c->ip, sizeof(c->ip));
}

static void
list_insert(struct gw_conn **head, struct gw_conn *c)
{
	c->next = *head;
	c->prev = head;
	if (c->next != NULL)
		c->next->prev = &c->next;
	*head = c;
}

static void
list_remove(struct gw_conn *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
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

/* ---- sessions */

void
gw_conn_join_session(struct gw_conn *c)
{
	struct gw_conn **head = gw_worker_bucket(c->worker, c->session);

	c->session_next = *head;
	c->session_prev = head;
	if (c->session_next != NULL)
		c->session_next->session_prev = &c->session_next;
	*head = c;
}

/* Exactly once for each that was admitted, whatever became of it. */
static void
leave_session(struct gw_conn *c)
{
	if (!c->is_admitted)
		return;
	c->is_admitted = false;
	if (c->session_prev != NULL) {
		*c->session_prev = c->session_next;
		if (c->session_next != NULL)
			c->session_next->session_prev = c->session_prev;
		c->session_prev = NULL;
	}
	gw_admitter_leave(&c->worker->admitter, c->link, c->session);
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

static void
linger_timeout(struct gw_conn *c)
{
	gw_conn_end(c, NULL);
}

/* ---- states */

static void
drop_tls(struct gw_conn *c)
{
	SSL *ssl = c->ssl;

	if (ssl == NULL)
		return;
	/* a paused job must come to its end before SSL_free(); it finds
	 * nobody waiting, no verdict, and a socket that takes nothing */
	while (SSL_waiting_for_async(ssl))
		(void)gw_tls_handshake(ssl, NULL, 0);
	c->ssl = NULL;
	SSL_free(ssl);
	ERR_clear_error();
}

/* No goodbye waits for room any more. */
static void
shut(struct gw_conn *c)
{
	drop_tls(c);
	if (shutdown(c->sock.io.fd, SHUT_WR) != 0) {
		gw_conn_end(c, NULL);
		return;
	}
	c->until_ms = gw_loop_now_ms(c->worker->loop) + LINGER_MAX_MS;
	gw_conn_deadline(c, LINGER_MS);
}

/* What is read meanwhile is thrown away in any case: who cannot get rid of
 * what it says may never come to read. */
static void
linger_run(struct gw_conn *c)
{
	size_t n;

	if (c->ssl != NULL && gw_conn_part(c) != GW_XFER_AGAIN)
		shut(c);
	if (c->state == GW_CONN_DEAD)
		return;
	for (int i = 0; i < LINGER_READS; i++)
		switch (gw_sock_read(&c->sock, c->worker->scratch, GW_SCRATCH,
				     &n)) {
		case GW_XFER_OK:
			if (c->ssl == NULL)
				gw_conn_deadline(c, LINGER_MS);
			continue;
		case GW_XFER_AGAIN:
			return;
		case GW_XFER_EOF: /* who says no more may read on */
			if (c->ssl == NULL)
				gw_conn_end(c, NULL);
			return;
		default:
			gw_conn_end(c, NULL);
			return;
		}
	gw_conn_again(c); /* others come first */
}

static const struct {
	void (*run)(struct gw_conn *c);
	void (*timeout)(struct gw_conn *c);
} states[GW_CONN_STATE_COUNT] = {
	[GW_CONN_HANDSHAKE] = { gw_handshake_run, gw_handshake_timeout },
	[GW_CONN_DENIED] = { gw_denied_run, gw_denied_timeout },
	[GW_CONN_HTTP] = { gw_serve_run, gw_serve_timeout },
	[GW_CONN_TUNNEL] = { gw_tunnel_run, gw_tunnel_timeout },
	[GW_CONN_LINGER] = { linger_run, linger_timeout },
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

/* Handshakes come when the turn's other events have been seen to. */
static void
on_event(struct gw_io *io, uint32_t events)
{
	struct gw_conn *c = GW_CONTAINER(io, struct gw_conn, sock.io);

	gw_sock_note(&c->sock, events);
	if (c->state == GW_CONN_HANDSHAKE)
		gw_conn_again(c);
	else
		gw_conn_run(c);
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

/* ---- moving bytes */

uint32_t
gw_conn_drained(struct gw_conn *c)
{
	int n = 0;
	uint32_t before = c->queued;

	(void)ioctl(c->sock.io.fd, SIOCOUTQ, &n);
	c->queued = n > 0 ? (uint32_t)n : 0;
	return before > c->queued ? before - c->queued : 0;
}

enum gw_xfer
gw_conn_fill(struct gw_conn *c, struct gw_buf *b, size_t max)
{
	size_t n = 0;
	enum gw_xfer x;

	if (c->fills_left == 0)
		return GW_XFER_AGAIN;
	c->fills_left--;
	x = gw_tls_read(c->ssl, gw_buf_tail(b), GW_MIN(max, gw_buf_room(b)),
			&n);
	if (x != GW_XFER_OK)
		return x;
	gw_buf_added(b, n);
	c->bytes_in += n;
	c->worker->count.bytes_in += (int64_t)n;
	return GW_XFER_OK;
}

enum gw_xfer
gw_conn_send(struct gw_conn *c, bool *out_moved)
{
	size_t n;

	while (gw_buf_used(c->out) > 0) {
		enum gw_xfer x;

		c->sock.has_more = gw_buf_used(c->out) > GW_TLS_RECORD;
		x = gw_tls_write(c->ssl, gw_buf_head(c->out),
				 gw_buf_used(c->out), &n);
		c->sock.has_more = false;
		if (x != GW_XFER_OK)
			return x;
		gw_buf_take(c->out, n);
		gw_buf_rewind(c->out);
		c->bytes_out += n;
		c->worker->count.bytes_out += (int64_t)n;
		*out_moved = true;
	}
	return GW_XFER_OK;
}

bool
gw_conn_flush(struct gw_conn *c, bool *out_moved)
{
	enum gw_xfer x = gw_conn_send(c, out_moved);

	if (x == GW_XFER_OK || x == GW_XFER_AGAIN)
		return true;
	gw_conn_end(c, "client lost");
	return false;
}

/* ---- beginning */

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
	set_peer(c, peer);
	gw_login_id_new(c->login);
	list_insert(&w->conns, c);
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
	leave_session(c);
	c->listener->count.denied++;
	log_denied(c);
	gw_conn_deadline(c, gw_conn_conf(c)->header_timeout_ms);
	gw_denied_run(c);
}

/* ---- ending */

static void
log_end(const struct gw_conn *c, const char *why)
{
	uint64_t now = gw_loop_now_ms(c->worker->loop);

	if (!c->is_admitted || !gw_log_wants(GW_LOG_INFO))
		return;
	gw_event(GW_LOG_INFO, "connection-end", "req", c->login, "listener",
		 gw_conn_conf(c)->title, "requests", GW_NUM(c->request_count),
		 "in", GW_NUM(c->bytes_in), "out", GW_NUM(c->bytes_out), "ms",
		 GW_NUM(now - c->started_ms), "why", why, NULL);
}

/* What a request or tunnel holds. Only length or frames tell a server that
 * what it got in a tunnel is the whole, and not every protocol has them: one
 * that ends before its client has said all is reset, as HAProxy does (nginx
 * just closes, which looks whole). A request says itself how long it is. */
static void
drop_work(struct gw_conn *c)
{
	gw_exchange_drop(c);
	if (c->up != NULL && c->state == GW_CONN_TUNNEL && !c->up_shut)
		gw_upconn_reset(c->up);
	else if (c->up != NULL)
		gw_upconn_release(c->up, false);
	gw_buf_put(&c->worker->bufs, &c->in);
	gw_buf_put(&c->worker->bufs, &c->out);
}

static void
drop_verdict(struct gw_conn *c)
{
	leave_session(c);
	if (c->answer != NULL) {
		gw_verdict_clear(c->answer);
		free(c->answer);
		c->answer = NULL;
	}
	free(c->ident);
	c->ident = NULL;
	free(c->account);
	c->account = NULL;
}

static void
on_free(struct gw_task *t)
{
	struct gw_conn *c = GW_CONTAINER(t, struct gw_conn, task);

	drop_tls(c);
	drop_verdict(c);
	free(c);
}

void
gw_conn_end(struct gw_conn *c, const char *why)
{
	struct gw_worker *w = c->worker;

	if (c->state == GW_CONN_DEAD)
		return;
	log_end(c, why);
	if (c->state == GW_CONN_TUNNEL)
		w->count.tunnels--;
	drop_work(c);
	c->state = GW_CONN_DEAD;
	if (c->is_waiting)
		gw_handshake_unjudged(c, GW_ERR_AUTH_UNAVAILABLE);
	leave_session(c);
	gw_timer_stop(w->loop, &c->timer);
	gw_sock_close(w->loop, &c->sock);
	list_remove(c);
	w->count.connections--;
	for (int i = 0; i < GW_LIMIT_COUNT; i++)
		gw_conn_release(c, i);
	c->listener->count.connections--;
	/* callers up the stack still hold the pointer; if the task is queued
	 * already, it runs with this function instead */
	c->task.fn = on_free;
	gw_loop_defer(w->loop, &c->task);
}

void
gw_conn_dismiss(struct gw_conn *c, enum gw_ws_code code, const char *why)
{
	if (c->state == GW_CONN_TUNNEL)
		gw_tunnel_end(c, code, why);
	else
		gw_conn_end(c, why);
}

/* Says no more, and waits for the client to have heard it all: closing with
 * anything unread would reset the connection, last words included. With
 * c->ssl the goodbye is still to be said, for which a client that reads slowly
 * has to make room; what it had before that is long the kernel's. */
static void
linger(struct gw_conn *c, const char *why)
{
	int64_t patience = gw_conn_conf(c)->body_timeout_ms;

	log_end(c, why);
	if (c->state == GW_CONN_TUNNEL)
		c->worker->count.tunnels--;
	drop_verdict(c);
	drop_work(c);
	c->state = GW_CONN_LINGER; /* no tunnel any more, whatever comes */
	gw_conn_release(c, GW_LIMIT_HANDSHAKES);
	gw_conn_release(c, GW_LIMIT_HEADS);
	c->until_ms = gw_loop_now_ms(c->worker->loop) + (uint64_t)patience;
	gw_conn_deadline(c, patience);
	if (c->ssl == NULL)
		shut(c);
	if (c->state != GW_CONN_DEAD)
		linger_run(c);
}

enum gw_xfer
gw_conn_part(struct gw_conn *c)
{
	enum gw_xfer x = GW_XFER_OK;

	if (!c->has_parted)
		x = gw_tls_close(c->ssl);
	c->has_parted = x == GW_XFER_OK;
	return x;
}

void
gw_conn_finish(struct gw_conn *c, const char *why)
{
	if (c->state != GW_CONN_DEAD && c->state != GW_CONN_LINGER)
		linger(c, why);
}

void
gw_conn_cut(struct gw_conn *c, const char *why)
{
	if (c->state == GW_CONN_DEAD || c->state == GW_CONN_LINGER)
		return;
	drop_tls(c);
	linger(c, why);
}

/* conn_end.c — how a connection ends: at once, or with the time to be heard
 * (linger.h). What it held is given back here, in either case. See conn.h. */
#include "conn.h"
#include "exchange.h"
#include "handshake.h"
#include "linger.h"
#include "listener.h"
#include "tls.h"
#include "tunnel.h"
#include "upstream.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <openssl/err.h>

/* ---- giving back */

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

/* Only length or frames tell a server that what it got in a tunnel is the
 * whole, and not every protocol has them: one that ends before its client has
 * said all is reset, as HAProxy does (nginx just closes, which looks whole). A
 * request says itself how long it is. */
static void
drop_upstream(struct gw_conn *c)
{
	if (c->up == NULL)
		return;
	if (c->state == GW_CONN_TUNNEL && !c->up_shut)
		gw_upconn_reset(c->up);
	else
		gw_upconn_close(c->up);
}

/* What a request or tunnel holds. */
static void
drop_work(struct gw_conn *c)
{
	struct gw_worker *w = c->worker;

	if (c->state == GW_CONN_TUNNEL)
		w->count.tunnels--;
	gw_exchange_drop(c);
	drop_upstream(c);
	gw_buf_put(&w->bufs, &c->in);
	gw_buf_put(&w->bufs, &c->out);
}

static void
drop_verdict(struct gw_conn *c)
{
	gw_roster_leave(c);
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

void
gw_conn_drop_tls(struct gw_conn *c)
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

/* ---- at once */

static void
on_free(struct gw_task *t)
{
	struct gw_conn *c = GW_CONTAINER(t, struct gw_conn, task);

	gw_conn_drop_tls(c);
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
	drop_work(c);
	c->state = GW_CONN_DEAD;
	if (c->is_waiting)
		gw_handshake_unjudged(c, GW_ERR_AUTH_UNAVAILABLE);
	gw_roster_leave(c);
	gw_timer_stop(w->loop, &c->timer);
	gw_sock_close(w->loop, &c->sock);
	LIST_REMOVE(c, of_worker);
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

/* ---- with the time to be heard */

static bool
is_over(const struct gw_conn *c)
{
	return c->state == GW_CONN_DEAD || c->state == GW_CONN_LINGER;
}

static void
linger(struct gw_conn *c, const char *why)
{
	log_end(c, why);
	drop_verdict(c);
	drop_work(c);
	gw_conn_release(c, GW_LIMIT_HANDSHAKES);
	gw_conn_release(c, GW_LIMIT_HEADS);
	gw_linger_begin(c);
}

void
gw_conn_finish(struct gw_conn *c, const char *why)
{
	if (!is_over(c))
		linger(c, why);
}

void
gw_conn_cut(struct gw_conn *c, const char *why)
{
	if (is_over(c))
		return;
	gw_conn_drop_tls(c);
	linger(c, why);
}

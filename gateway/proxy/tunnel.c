/* tunnel.c — see tunnel.h. */
#include "tunnel.h"
#include "conn.h"
#include "tls.h"
#include "upstream.h"
#include "worker.h"

/* Buffers full each way before others get their turn. */
#define ROUNDS_MAX 4
/* How often is looked whether a server has what its lost client had said. */
#define LOOK_MS    20

static struct gw_buf *
buffer(struct gw_conn *c, struct gw_buf **b)
{
	if (*b == NULL)
		*b = gw_buf_get(&c->worker->bufs, GW_BUF_BULK);
	gw_buf_rewind(*b);
	return *b;
}

/* ---- client to upstream */

/* It is gone, without a goodbye or after it. Its last words have the time of
 * a body to arrive: the reset would throw away what the kernel has of them. */
static void
note_lost(struct gw_conn *c)
{
	uint64_t now = gw_loop_now_ms(c->worker->loop);
	uint64_t most = (uint64_t)gw_conn_conf(c)->body_timeout_ms;

	if (c->client_lost)
		return;
	c->client_lost = true;
	c->until_ms = GW_MIN(c->until_ms, now + most);
	gw_conn_deadline(c, LOOK_MS);
}

static bool
read_client(struct gw_conn *c)
{
	struct gw_buf *b;
	bool moved = false;

	if (c->client_eof || c->client_lost || c->up_shut) {
		if (c->sock.is_broken)
			note_lost(c);
		return false;
	}
	b = buffer(c, &c->in);
	while (gw_buf_room(b) > 0)
		switch (gw_conn_fill(c, b, gw_buf_room(b))) {
		case GW_XFER_OK:
			moved = true;
			continue;
		case GW_XFER_AGAIN:
			if (c->sock.is_broken && !c->sock.can_read)
				note_lost(c);
			return moved;
		case GW_XFER_EOF:
			/* fail closed: what may be cut off is no end */
			c->client_eof = gw_tls_was_told(c->ssl);
			if (!c->client_eof)
				note_lost(c);
			return true;
		default: /* its last words may wait in `in` */
			note_lost(c);
			return true;
		}
	return moved;
}

/* It takes no more, which ends neither what it has said before nor what it
 * may say yet: a server that has sent its last frame closes both ways at
 * once, and what the client says then meets a reset. */
static void
stop_writing(struct gw_conn *c)
{
	gw_buf_put(&c->worker->bufs, &c->in);
	c->up_shut = true;
	c->up->sock.can_read = c->up->sock.is_broken = true;
}

static bool
write_upstream(struct gw_conn *c)
{
	size_t n = 0;

	if (gw_buf_used(c->in) == 0) {
		if (!c->client_eof || c->up_shut)
			return false;
		c->up_shut = true;
		(void)shutdown(c->up->sock.io.fd, SHUT_WR);
		return true;
	}
	switch (gw_sock_write(&c->up->sock, gw_buf_head(c->in),
			      gw_buf_used(c->in), &n)) {
	case GW_XFER_OK:
		gw_buf_take(c->in, n);
		return true;
	case GW_XFER_AGAIN:
		return false;
	default:
		stop_writing(c);
		return true;
	}
}

/* ---- upstream to client */

static bool
read_upstream(struct gw_conn *c)
{
	struct gw_buf *b;
	size_t n = 0;

	if (c->up_eof)
		return false;
	b = buffer(c, &c->out);
	if (gw_buf_room(b) == 0)
		return false;
	switch (gw_sock_read(&c->up->sock, gw_buf_tail(b), gw_buf_room(b),
			     &n)) {
	case GW_XFER_OK:
		gw_ws_follow(&c->ws, gw_buf_tail(b), n);
		gw_buf_added(b, n);
		return true;
	case GW_XFER_AGAIN:
		return false;
	case GW_XFER_EOF:
		c->up_eof = true;
		return true;
	default:
		stop_writing(c);
		c->up_eof = c->up_lost = true;
		return true;
	}
}

/* It takes no more; what it had said before that is still to be read. */
static void
lose_client(struct gw_conn *c)
{
	c->sock.is_broken = c->sock.can_read = true;
}

/* The server's half is over: the client learns that by close_notify, unless
 * it was cut off. */
static bool
is_to_part(const struct gw_conn *c)
{
	return c->up_eof && !c->up_lost && !c->has_parted &&
	       gw_buf_used(c->out) == 0;
}

static bool
write_client(struct gw_conn *c)
{
	bool moved = false;

	if (c->client_lost || c->sock.is_broken)
		return false;
	if (gw_conn_send(c, &moved) == GW_XFER_BROKEN) {
		lose_client(c);
		return true;
	}
	if (is_to_part(c) && gw_conn_part(c) == GW_XFER_BROKEN)
		lose_client(c);
	return moved;
}

/* ---- both */

/* Lost, and the server has all it will get: after a goodbye, too, as closing
 * is a reset while there is something that the server said. */
static bool
is_done_with_client(const struct gw_conn *c)
{
	return c->client_lost && gw_buf_used(c->in) == 0 &&
	       (c->up_shut || !c->client_eof) &&
	       gw_sock_queued(&c->up->sock) == 0;
}

/* Ends what is over: whatever could be delivered has been. */
static bool
end_if_over(struct gw_conn *c)
{
	if (is_done_with_client(c))
		gw_conn_end(c, "client lost");
	else if (!c->up_shut || !c->up_eof || gw_buf_used(c->out) > 0)
		return false;
	else if (c->up_lost)
		gw_conn_cut(c, "upstream lost");
	else
		gw_conn_finish(c, "tunnel closed");
	return true;
}

/* Something has moved: wait as long as is right from now on. */
static void
note_progress(struct gw_conn *c)
{
	const struct gw_conf_listener *conf = gw_conn_conf(c);
	bool is_stalled = gw_buf_used(c->in) > 0 || gw_buf_used(c->out) > 0;

	if (c->client_lost) /* see note_lost() */
		return;
	if (gw_buf_used(c->out) > 0 || is_to_part(c))
		(void)gw_conn_drained(c);
	gw_conn_deadline(c, is_stalled || c->client_eof || c->up_eof
				    ? conf->body_timeout_ms
				    : conf->tunnel_timeout_ms);
}

/* Nothing moves for now: give buffers back. */
static void
rest(struct gw_conn *c, bool has_moved)
{
	if (gw_buf_used(c->in) == 0)
		gw_buf_put(&c->worker->bufs, &c->in);
	if (gw_buf_used(c->out) == 0)
		gw_buf_put(&c->worker->bufs, &c->out);
	if (has_moved)
		note_progress(c);
}

void
gw_tunnel_run(struct gw_conn *c)
{
	bool has_moved = false;

	for (int i = 0; i < ROUNDS_MAX; i++) {
		bool moved = read_client(c);

		if (c->state == GW_CONN_TUNNEL)
			moved = write_upstream(c) || moved;
		if (c->state == GW_CONN_TUNNEL)
			moved = read_upstream(c) || moved;
		if (c->state == GW_CONN_TUNNEL)
			moved = write_client(c) || moved;
		if (c->state != GW_CONN_TUNNEL)
			return;
		if (end_if_over(c))
			return;
		has_moved = has_moved || moved;
		if (!moved) {
			rest(c, has_moved);
			return;
		}
	}
	note_progress(c);
	gw_conn_again(c);
}

void
gw_tunnel_timeout(struct gw_conn *c)
{
	if (c->client_lost) {
		gw_conn_deadline(c, LOOK_MS);
		gw_conn_run(c);
		return;
	}
	/* what the kernel holds for a slow client goes down before there is
	 * room for more */
	if ((gw_buf_used(c->out) > 0 || is_to_part(c)) &&
	    gw_conn_drained(c) > 0)
		gw_conn_deadline(c, gw_conn_conf(c)->body_timeout_ms);
	else
		gw_tunnel_end(c, GW_WS_GOING_AWAY, "tunnel idle or stalled");
}

/* Whether the client has whole frames only, all of them, and listens. A part
 * in `out` may be half encrypted already: nothing can overtake it. */
static bool
may_say_close(const struct gw_conn *c)
{
	return gw_ws_may_close(&c->ws) && gw_buf_used(c->out) == 0 &&
	       !c->client_lost &&
	       (SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN) == 0;
}

void
gw_tunnel_end(struct gw_conn *c, enum gw_ws_code code, const char *why)
{
	uint8_t frame[GW_WS_CLOSE_MAX];
	size_t n = gw_ws_close_frame(frame, code, why);

	if (may_say_close(c) &&
	    gw_tls_write(c->ssl, frame, n, &n) == GW_XFER_OK)
		gw_conn_finish(c, why);
	else
		gw_conn_end(c, c->client_lost ? "client lost" : why);
}

void
gw_tunnel_begin(struct gw_conn *c)
{
	c->state = GW_CONN_TUNNEL;
	c->worker->count.tunnels++;
	/* no request will follow: idle tunnels are many and should be small */
	free(c->ident);
	c->ident = NULL;
	gw_conn_deadline(c, gw_conn_conf(c)->tunnel_timeout_ms);
}

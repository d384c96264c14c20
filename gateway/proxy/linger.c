/* linger.c — see linger.h. */
#include "linger.h"
#include "conn.h"
#include "worker.h"

#define QUIET_MS  2000  /* since the client last said anything */
#define LIFE_MS   10000 /* whatever it says */
#define READS_MAX 16    /* pieces of GW_SCRATCH thrown away in one turn */

/* No goodbye waits for room any more. Who says no more has nothing that a
 * reset could answer. */
static void
shut(struct gw_conn *c)
{
	gw_conn_drop_tls(c);
	if (c->sock.has_ended || shutdown(c->sock.io.fd, SHUT_WR) != 0) {
		gw_conn_end(c, NULL);
		return;
	}
	c->until_ms = gw_loop_now_ms(c->worker->loop) + LIFE_MS;
	gw_conn_deadline(c, QUIET_MS);
}

void
gw_linger_begin(struct gw_conn *c)
{
	int64_t patience = gw_conn_conf(c)->body_timeout_ms;

	c->state = GW_CONN_LINGER;
	c->until_ms = gw_loop_now_ms(c->worker->loop) + (uint64_t)patience;
	gw_conn_deadline(c, patience);
	if (c->ssl == NULL)
		shut(c);
	if (c->state != GW_CONN_DEAD)
		gw_linger_run(c);
}

/* It leaves with the end of the stream, in one segment. */
static enum gw_xfer
say_goodbye(struct gw_conn *c)
{
	enum gw_xfer x;

	c->sock.has_more = true;
	x = gw_conn_part(c);
	c->sock.has_more = false;
	return x;
}

/* Who cannot get rid of what it says may never come to read. */
void
gw_linger_run(struct gw_conn *c)
{
	size_t n;

	if (c->ssl != NULL && say_goodbye(c) != GW_XFER_AGAIN)
		shut(c);
	if (c->state == GW_CONN_DEAD)
		return;
	for (int i = 0; i < READS_MAX; i++)
		switch (gw_sock_read(&c->sock, c->worker->scratch, GW_SCRATCH,
				     &n)) {
		case GW_XFER_OK:
			if (c->ssl == NULL)
				gw_conn_deadline(c, QUIET_MS);
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

void
gw_linger_timeout(struct gw_conn *c)
{
	gw_conn_end(c, NULL);
}

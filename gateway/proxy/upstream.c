/* upstream.c — see upstream.h. */
#include "upstream.h"
#include "conn.h"
#include "gw/util.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* ---- idle connections */

static void
unlink_idle(struct gw_upconn *c)
{
	LIST_REMOVE(c, of_server);
	c->server->upstream->idle_count--;
	c->server->count.idle--;
}

void
gw_upconn_close(struct gw_upconn *c)
{
	struct gw_server *s = c->server;

	if (c->conn == NULL)
		unlink_idle(c);
	else
		c->conn->up = NULL;
	s->count.connections--;
	gw_sock_close(s->upstream->loop, &c->sock);
	free(c);
}

static void
on_event(struct gw_io *io, uint32_t events)
{
	struct gw_upconn *c = GW_CONTAINER(io, struct gw_upconn, sock.io);

	gw_sock_note(&c->sock, events);
	if (c->conn != NULL)
		gw_conn_run(c->conn);
	else if (c->sock.can_read || c->sock.is_broken)
		gw_upconn_close(c);
}

static uint64_t
expire_server(struct gw_server *s, uint64_t now, uint64_t limit)
{
	uint64_t oldest = UINT64_MAX;
	struct gw_upconn *c, *next;

	for (c = LIST_FIRST(&s->idle); c != NULL; c = next) {
		next = LIST_NEXT(c, of_server);
		if (c->idle_since_ms + limit <= now)
			gw_upconn_close(c);
		else
			oldest = GW_MIN(oldest, c->idle_since_ms);
	}
	return oldest;
}

static void
on_reap(struct gw_timer *t)
{
	struct gw_upstream *u = GW_CONTAINER(t, struct gw_upstream, reaper);
	uint64_t limit = (uint64_t)u->site->conf->idle_timeout_ms;
	uint64_t now = gw_loop_now_ms(u->loop), oldest = UINT64_MAX;

	for (size_t i = 0; i < u->server_count; i++)
		oldest = GW_MIN(oldest,
				expire_server(&u->servers[i], now, limit));
	if (oldest != UINT64_MAX)
		gw_timer_at(u->loop, t, oldest + limit);
}

static struct gw_upconn *
take_idle(struct gw_server *s, struct gw_conn *conn)
{
	struct gw_upconn *c = LIST_FIRST(&s->idle);

	if (c == NULL)
		return NULL;
	unlink_idle(c);
	c->conn = conn;
	c->was_reused = true;
	return c;
}

/* can_read also stays set when the last read took all there was. */
static bool
may_be_kept(const struct gw_upconn *c)
{
	const struct gw_upstream *u = c->server->upstream;

	return !c->sock.is_broken &&
	       (int64_t)u->idle_count < u->site->conf->keepalive &&
	       (!c->sock.can_read || !gw_upconn_is_stale(c));
}

void
gw_upconn_keep(struct gw_upconn *c)
{
	struct gw_server *s = c->server;
	struct gw_upstream *u = s->upstream;

	if (!may_be_kept(c)) {
		gw_upconn_close(c);
		return;
	}
	c->sock.can_read = false;
	c->conn->up = NULL;
	c->conn = NULL;
	c->idle_since_ms = gw_loop_now_ms(u->loop);
	LIST_INSERT_HEAD(&s->idle, c, of_server);
	s->count.idle++;
	u->idle_count++;
	if (u->reaper.slot == 0)
		gw_timer_after(u->loop, &u->reaper,
			       (uint64_t)u->site->conf->idle_timeout_ms);
}

void
gw_upconn_reset(struct gw_upconn *c)
{
	const struct linger hard = { .l_onoff = 1 };

	(void)setsockopt(c->sock.io.fd, SOL_SOCKET, SO_LINGER, &hard,
			 sizeof(hard));
	gw_upconn_close(c);
}

/* ---- connecting */

static int
start_connect(const struct gw_site_server *v)
{
	int on = 1, err;
	int fd = socket(v->addr.ss_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&v->addr, v->addr_len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	err = errno;
	gw_close(&fd);
	errno = err;
	return -1;
}

static struct gw_upconn *
make(struct gw_server *s, struct gw_conn *conn)
{
	struct gw_upconn *c;
	int fd = start_connect(s->site);

	if (fd < 0)
		return NULL;
	c = gw_xcalloc(1, sizeof(*c));
	if (gw_sock_add(s->upstream->loop, &c->sock, fd, on_event) !=
	    GW_ERR_OK) {
		gw_close(&fd);
		free(c);
		return NULL;
	}
	c->server = s;
	c->conn = conn;
	s->count.connections++;
	return c;
}

static bool
is_our_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS ||
	       err == ENOMEM || err == ENOSPC;
}

struct gw_upconn *
gw_upstream_get(struct gw_upstream *u, struct gw_conn *conn, bool may_reuse,
		uint64_t *tried, enum gw_err *out_why)
{
	struct gw_upconn *c;
	struct gw_server *s;

	*out_why = GW_ERR_UPSTREAM_UNREACHABLE;
	while ((s = gw_server_choose(u, *tried)) != NULL) {
		c = may_reuse ? take_idle(s, conn) : NULL;
		if (c == NULL)
			c = make(s, conn);
		if (c != NULL)
			return c;
		if (is_our_shortage(errno)) {
			*out_why = GW_ERR_BUSY;
			return NULL;
		}
		gw_server_refused(s, GW_ERR_UPSTREAM_UNREACHABLE, tried);
	}
	return NULL;
}

enum gw_xfer
gw_upconn_check(struct gw_upconn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (c->is_connected)
		return GW_XFER_OK;
	if (!c->sock.can_write && !c->sock.is_broken)
		return GW_XFER_AGAIN;
	if (getsockopt(c->sock.io.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 ||
	    err != 0)
		return GW_XFER_BROKEN;
	c->is_connected = true;
	gw_server_answered(c->server);
	return GW_XFER_OK;
}

void
gw_upconn_failed(struct gw_upconn *c, enum gw_err why, uint64_t *tried)
{
	gw_server_refused(c->server, why, tried);
	gw_upconn_close(c);
}

void
gw_upconn_broke(struct gw_upconn *c, enum gw_err why)
{
	gw_server_erred(c->server, why);
	gw_upconn_close(c);
}

bool
gw_upconn_is_stale(const struct gw_upconn *c)
{
	char byte;
	ssize_t n = recv(c->sock.io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n >= 0 || errno != EAGAIN;
}

/* ---- the whole */

void
gw_upstream_init(struct gw_upstream *u, struct gw_loop *l,
		 const struct gw_site_upstream *site)
{
	*u = (struct gw_upstream){ .site = site, .loop = l };
	u->reaper.fn = on_reap;
	u->server_count = site->server_count;
	u->servers = gw_xcalloc(u->server_count + 1, sizeof(*u->servers));
	for (size_t i = 0; i < u->server_count; i++) {
		u->servers[i].site = &site->servers[i];
		u->servers[i].upstream = u;
	}
}

void
gw_upstream_clear(struct gw_upstream *u)
{
	for (size_t i = 0; i < u->server_count; i++)
		while (!LIST_EMPTY(&u->servers[i].idle))
			gw_upconn_close(LIST_FIRST(&u->servers[i].idle));
	gw_timer_stop(u->loop, &u->reaper);
	free(u->servers);
}

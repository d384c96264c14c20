/* listener.c — see listener.h. */
#include "listener.h"
#include "conn.h"
#include "reserve.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

/* Accepted in one turn; the established have theirs before the next. */
#define TURN_MAX 16

static void
count_refusal(struct gw_listener *l, const char *why)
{
	l->count.refused++;
	if (gw_worker_may_log(l->worker))
		gw_event(GW_LOG_WARN, "connection-refused", "listener",
			 l->site->conf->title, "why", why, NULL);
}

/* How long a worker that can neither accept nor refuse leaves its queue. */
#define PAUSE_MS 20

static void
go_on(struct gw_timer *t)
{
	struct gw_listener *l = GW_CONTAINER(t, struct gw_listener, pause);

	(void)gw_reserve_fill();
	gw_loop_mod(l->worker->loop, &l->io, EPOLLIN);
}

static void
rest(struct gw_listener *l)
{
	gw_loop_mod(l->worker->loop, &l->io, 0);
	l->pause.fn = go_on;
	gw_timer_after(l->worker->loop, &l->pause, PAUSE_MS);
}

/* At the limit of descriptors: refused, or the queue would stay full and we
 * would spin. False when that failed and the turn is over. */
static bool
refuse_one(struct gw_listener *l)
{
	if (gw_reserve_refuse(l->io.fd)) {
		count_refusal(l, "no descriptor left");
		return true;
	}
	rest(l);
	return false;
}

static bool
may_open(struct gw_listener *l)
{
	int64_t max = l->site->conf->max_connections;

	if (atomic_fetch_add_explicit(&l->site->open, 1,
				      memory_order_relaxed) < max)
		return true;
	atomic_fetch_sub_explicit(&l->site->open, 1, memory_order_relaxed);
	return false;
}

static void
welcome(struct gw_listener *l, int fd, const struct sockaddr_storage *peer)
{
	int on = 1;

	l->count.accepted++;
	if (gw_reserve_claims(fd)) {
		count_refusal(l, "no descriptor left");
		return;
	}
	if (!may_open(l)) {
		gw_close(&fd);
		count_refusal(l, "max_connections");
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	l->count.connections++;
	gw_conn_open(l, fd, peer);
}

static void
on_event(struct gw_io *io, uint32_t events)
{
	struct gw_listener *l = GW_CONTAINER(io, struct gw_listener, io);
	struct sockaddr_storage peer;
	socklen_t len;
	int fd;

	(void)events;
	for (int i = 0; i < TURN_MAX; i++) {
		len = sizeof(peer);
		fd = accept4(l->io.fd, (struct sockaddr *)&peer, &len,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			welcome(l, fd, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			if (!refuse_one(l))
				return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

void
gw_listener_open(struct gw_listener *l, int fd)
{
	gw_listener_close(l);
	gw_set_nonblock(fd);
	l->io = (struct gw_io){ .fd = fd, .fn = on_event };
	if (gw_loop_add(l->worker->loop, &l->io, EPOLLIN) == GW_ERR_OK)
		return;
	gw_event(GW_LOG_ERR, "listener-failed", "listener",
		 l->site->conf->title, NULL);
	gw_close(&l->io.fd);
}

void
gw_listener_close(struct gw_listener *l)
{
	if (l->io.fd < 0)
		return;
	gw_timer_stop(l->worker->loop, &l->pause);
	gw_loop_del(l->worker->loop, &l->io);
	gw_close(&l->io.fd);
}

void
gw_listener_left(struct gw_listener *l)
{
	l->count.connections--;
	atomic_fetch_sub_explicit(&l->site->open, 1, memory_order_relaxed);
}

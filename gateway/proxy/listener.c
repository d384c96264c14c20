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

void
gw_listener_refused(struct gw_listener *l, enum gw_refusal why,
		    enum gw_limited by)
{
	static const char *const names[GW_REFUSAL_COUNT] = {
		"no descriptor left", "connections", "handshakes", "heads",
	};
	struct gw_quiet *q = &l->quiet[why];
	uint64_t second = gw_loop_now_ms(l->worker->loop) / 1000 + 1;

	if (why == GW_REFUSAL_HEADS)
		l->count.heads_refused++;
	else
		l->count.refused++;
	l->count.source_refused += by == GW_LIMITED_SOURCE;
	q->count++;
	if (q->second == second)
		return;
	gw_event(GW_LOG_WARN, "connection-refused", "listener",
		 l->site->conf->title, "why", names[why], "limit",
		 by == GW_LIMITED_SOURCE ? "source" : "all", "count",
		 GW_NUM(q->count), NULL);
	*q = (struct gw_quiet){ .second = second };
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
		gw_listener_refused(l, GW_REFUSAL_DESCRIPTORS, GW_LIMITED_ALL);
		return true;
	}
	rest(l);
	return false;
}

static bool
take(struct gw_listener *l, uint32_t source, enum gw_limit kind,
     enum gw_refusal why)
{
	enum gw_limited x = gw_quota_take(&l->site->open, l->site->conf,
					   source, kind);

	if (x == GW_LIMITED_NOT)
		return true;
	gw_listener_refused(l, why, x);
	return false;
}

static bool
may_open(struct gw_listener *l, uint32_t source)
{
	if (!take(l, source, GW_LIMIT_CONNECTIONS, GW_REFUSAL_CONNECTIONS))
		return false;
	if (take(l, source, GW_LIMIT_HANDSHAKES, GW_REFUSAL_HANDSHAKES))
		return true;
	gw_quota_give(&l->site->open, source, GW_LIMIT_CONNECTIONS);
	return false;
}

static void
welcome(struct gw_listener *l, int fd, const struct sockaddr_storage *peer)
{
	uint32_t source = gw_quota_source((size_t)(l - l->worker->listeners),
					   peer);

	l->count.accepted++;
	if (gw_reserve_claims(fd)) {
		gw_listener_refused(l, GW_REFUSAL_DESCRIPTORS, GW_LIMITED_ALL);
		return;
	}
	if (gw_reserve_is_for_upstreams(fd)) {
		gw_listener_refused(l, GW_REFUSAL_DESCRIPTORS, GW_LIMITED_ALL);
		gw_close(&fd);
		return;
	}
	if (!may_open(l, source)) {
		gw_close(&fd);
		return;
	}
	l->count.connections++;
	gw_conn_open(l, fd, peer, source);
}

/* Who comes alone is not asked for another: the kernel makes a socket and a
 * descriptor before it says that there is none. When there is, the next turn
 * begins with the listener again. */
static int
take_max(struct gw_listener *l)
{
	uint64_t turn = gw_loop_turn(l->worker->loop);
	bool is_crowded = turn == l->turn + 1;

	l->turn = turn;
	return is_crowded ? TURN_MAX : 1;
}

static void
on_event(struct gw_io *io, uint32_t events)
{
	struct gw_listener *l = GW_CONTAINER(io, struct gw_listener, io);
	struct sockaddr_storage peer;
	socklen_t len;
	int fd;

	(void)events;
	for (int i = take_max(l); i > 0; i--) {
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
	int on = 1;

	gw_listener_close(l);
	gw_set_nonblock(fd);
	/* what is accepted has them from here */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
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

/* resolve.c — see resolve.h. */
#include "resolve.h"
#include "gw/util.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SOCKETS_MAX 64

struct watch {
	struct gw_io io; /* fd -1: free */
	struct gw_resolver *owner;
};

struct gw_resolver {
	struct gw_loop *loop;
	ares_channel channel;
	bool is_open;
	struct watch watches[SOCKETS_MAX];
	struct gw_timer timer;
};

struct gw_query {
	struct gw_resolver *owner;
	gw_resolve_fn *fn; /* NULL: cancelled */
	void *arg;
	char port[6];
	bool in_call; /* the answer came before gw_resolve() returned */
	bool is_done;
};

/* ---- c-ares' sockets and timeouts on our loop */

static void
set_timer(struct gw_resolver *r)
{
	struct timeval tv;

	if (ares_timeout(r->channel, NULL, &tv) == NULL)
		gw_timer_stop(r->loop, &r->timer);
	else
		gw_timer_after(r->loop, &r->timer,
			       (uint64_t)tv.tv_sec * 1000 +
				       (uint64_t)tv.tv_usec / 1000 + 1);
}

static void
on_timer(struct gw_timer *t)
{
	struct gw_resolver *r = GW_CONTAINER(t, struct gw_resolver, timer);

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(r);
}

static void
on_socket(struct gw_io *io, uint32_t events)
{
	struct gw_resolver *r = GW_CONTAINER(io, struct watch, io)->owner;
	int fd = io->fd;

	ares_process_fd(r->channel,
			(events & ~(uint32_t)EPOLLOUT) != 0 ? fd
							    : ARES_SOCKET_BAD,
			(events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
	set_timer(r);
}

static struct watch *
find_watch(struct gw_resolver *r, int fd)
{
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (r->watches[i].io.fd == fd)
			return &r->watches[i];
	return NULL;
}

/* A socket beyond our table is not watched; its query times out. */
static void
on_socket_state(void *arg, ares_socket_t fd, int wants_read, int wants_write)
{
	struct gw_resolver *r = arg;
	struct watch *w = find_watch(r, fd);
	uint32_t events = (wants_read ? EPOLLIN : 0u) |
			  (wants_write ? EPOLLOUT : 0u);

	if (w != NULL && events == 0) {
		gw_loop_del(r->loop, &w->io);
		w->io.fd = -1;
	} else if (w != NULL) {
		gw_loop_mod(r->loop, &w->io, events);
	} else if (events != 0 && (w = find_watch(r, -1)) != NULL) {
		w->io.fd = fd;
		if (gw_loop_add(r->loop, &w->io, events) != GW_ERR_OK)
			w->io.fd = -1;
	}
}

static void
open_channel(struct gw_resolver *r)
{
	struct ares_options o = {
		.timeout = 1000, .tries = 2,
		.sock_state_cb = on_socket_state, .sock_state_cb_data = r,
	};

	r->is_open = ares_init_options(&r->channel, &o,
				       ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				       ARES_OPT_SOCK_STATE_CB) == ARES_SUCCESS;
}

struct gw_resolver *
gw_resolver_new(struct gw_loop *l)
{
	struct gw_resolver *r = gw_xcalloc(1, sizeof(*r));

	gw_assert(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS);
	r->loop = l;
	r->timer.fn = on_timer;
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		r->watches[i].io = (struct gw_io){ .fd = -1,
						   .fn = on_socket };
		r->watches[i].owner = r;
	}
	/* resolv.conf is read now and never again: later it is out of
	 * reach, and without it c-ares would ask 127.0.0.1. */
	open_channel(r);
	return r;
}

void
gw_resolver_free(struct gw_resolver *r)
{
	if (r == NULL)
		return;
	if (r->is_open)
		ares_destroy(r->channel);
	gw_timer_stop(r->loop, &r->timer);
	ares_library_cleanup();
	free(r);
}

/* ---- queries */

static void
add_address(struct gw_addrs *out, const struct sockaddr *sa, socklen_t len,
	    const char *port)
{
	struct sockaddr_storage *ss;
	uint16_t n = htons((uint16_t)strtoul(port, NULL, 10));

	if (out->n >= GW_ADDRS_MAX || len > sizeof(*ss))
		return;
	ss = &out->v[out->n];
	memcpy(ss, sa, len);
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = n;
	else if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port = n;
	else
		return;
	out->len[out->n++] = len;
}

static bool
parse_literal(const char *host, const char *port, struct gw_addrs *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		add_address(out, (const struct sockaddr *)&v4, sizeof(v4),
			    port);
	else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
		add_address(out, (const struct sockaddr *)&v6, sizeof(v6),
			    port);
	return out->n > 0;
}

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *res)
{
	struct gw_query *q = arg;
	struct gw_addrs addrs = { .n = 0 };
	const char *why = NULL;

	(void)timeouts;
	for (struct ares_addrinfo_node *n = res != NULL ? res->nodes : NULL;
	     n != NULL; n = n->ai_next)
		add_address(&addrs, n->ai_addr, n->ai_addrlen, q->port);
	ares_freeaddrinfo(res);
	if (addrs.n == 0)
		why = status != ARES_SUCCESS ? ares_strerror(status)
					     : "no address";
	if (q->fn != NULL)
		q->fn(q->arg, &addrs, why);
	q->is_done = true;
	if (!q->in_call)
		free(q);
}

struct gw_query *
gw_resolve(struct gw_resolver *r, const char *host, const char *port,
	   gw_resolve_fn *fn, void *arg)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
					     .ai_socktype = SOCK_STREAM };
	struct gw_addrs addrs = { .n = 0 };
	struct gw_query *q;

	if (parse_literal(host, port, &addrs)) {
		fn(arg, &addrs, NULL);
		return NULL;
	}
	if (!r->is_open) {
		fn(arg, &addrs, "the resolver cannot start");
		return NULL;
	}
	q = gw_xcalloc(1, sizeof(*q));
	*q = (struct gw_query){ .owner = r, .fn = fn, .arg = arg,
				.in_call = true };
	gw_assert(gw_copy(q->port, sizeof(q->port), port));
	ares_getaddrinfo(r->channel, host, NULL, &hints, on_answer, q);
	set_timer(r);
	q->in_call = false;
	if (q->is_done) {
		free(q);
		return NULL;
	}
	return q;
}

void
gw_query_cancel(struct gw_query *q)
{
	if (q != NULL)
		q->fn = NULL;
}

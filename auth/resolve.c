/* resolve.c — see resolve.h. */
#include "resolve.h"
#include "gw/identity.h"
#include "gw/util.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SOCKETS_MAX 64
#define TRY_MS      1000 /* a login has no more time */
#define TRIES       2

struct watch {
	struct gw_io io; /* fd -1: free */
	struct gw_resolver *owner;
};

struct gw_resolver {
	struct gw_loop *loop;
	ares_channel channel;
	bool is_open, is_ending;
	char *hosts;
	size_t hosts_len;
	struct watch watches[SOCKETS_MAX];
	struct gw_timer timer;
};

struct gw_query {
	struct gw_resolver *owner;
	gw_resolve_fn *fn; /* NULL: cancelled */
	void *arg;
	char host[GW_HOST_MAX];
	uint16_t port;
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

/* With all of these set c-ares reads no file. */
#define SETTINGS (ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | \
		  ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS | \
		  ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST | \
		  ARES_OPT_SOCK_STATE_CB)

static bool
open_channel(struct gw_resolver *r, const struct gw_resolv *c)
{
	struct in_addr none = { .s_addr = htonl(INADDR_LOOPBACK) };
	char *search[GW_SEARCH_MAX];
	struct ares_options o = {
		.timeout = c->timeout_s > 0 ? c->timeout_s * 1000 : TRY_MS,
		.tries = c->attempts > 0 ? c->attempts : TRIES,
		.ndots = c->ndots, .servers = &none, .nservers = 1,
		.domains = search, .ndomains = (int)c->search_count,
		.lookups = (char *)(uintptr_t)"b",
		.sock_state_cb = on_socket_state, .sock_state_cb_data = r,
	};

	for (size_t i = 0; i < c->search_count; i++)
		search[i] = (char *)(uintptr_t)c->search[i];
	if (c->servers[0] == '\0' ||
	    ares_init_options(&r->channel, &o, SETTINGS) != ARES_SUCCESS)
		return false;
	if (ares_set_servers_ports_csv(r->channel, c->servers) ==
	    ARES_SUCCESS)
		return true;
	ares_destroy(r->channel);
	return false;
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
	return r;
}

/* Its queries are asked anew by their ends, see on_answer(). */
void
gw_resolver_use(struct gw_resolver *r, const char *resolv_conf,
		size_t resolv_len, const char *hosts, size_t hosts_len)
{
	struct gw_resolv c;
	ares_channel old = r->channel;
	bool was_open = r->is_open;

	free(r->hosts);
	r->hosts = gw_xcalloc(hosts_len + 1, 1);
	if (hosts_len > 0)
		memcpy(r->hosts, hosts, hosts_len);
	r->hosts_len = hosts_len;
	gw_resolv_read(resolv_conf, resolv_len, &c);
	r->is_open = open_channel(r, &c);
	if (was_open)
		ares_destroy(old);
	if (r->is_open)
		set_timer(r);
	else
		gw_timer_stop(r->loop, &r->timer);
}

void
gw_resolver_free(struct gw_resolver *r)
{
	bool was_open;

	if (r == NULL)
		return;
	was_open = r->is_open;
	r->is_open = false;
	r->is_ending = true;
	if (was_open)
		ares_destroy(r->channel);
	gw_timer_stop(r->loop, &r->timer);
	ares_library_cleanup();
	free(r->hosts);
	free(r);
}

/* ---- queries */

static void
add_address(struct gw_addrs *out, const struct sockaddr *sa, socklen_t len,
	    uint16_t port)
{
	struct sockaddr_storage *ss;

	if (out->n >= GW_ADDRS_MAX || len > sizeof(*ss))
		return;
	ss = &out->v[out->n];
	memcpy(ss, sa, len);
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = htons(port);
	else if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
	else
		return;
	out->len[out->n++] = len;
}

static void send_query(struct gw_query *q);

static void
on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *res)
{
	struct gw_query *q = arg;
	struct gw_addrs addrs = { .n = 0 };
	const char *why = NULL;

	(void)timeouts;
	if (status == ARES_EDESTRUCTION && q->fn != NULL &&
	    q->owner->is_open) {
		send_query(q);
		return;
	}
	for (struct ares_addrinfo_node *n = res != NULL ? res->nodes : NULL;
	     n != NULL; n = n->ai_next)
		add_address(&addrs, n->ai_addr, n->ai_addrlen, q->port);
	ares_freeaddrinfo(res);
	if (addrs.n == 0)
		why = status != ARES_SUCCESS ? ares_strerror(status)
					     : "no address";
	if (q->fn != NULL && !q->owner->is_ending)
		q->fn(q->arg, &addrs, why);
	q->is_done = true;
	if (!q->in_call)
		free(q);
}

static void
send_query(struct gw_query *q)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

	ares_getaddrinfo(q->owner->channel, q->host, NULL, &hints, on_answer,
			 q);
	set_timer(q->owner);
}

/* True: there is no need to ask. */
static bool
is_known(const struct gw_resolver *r, const char *host, uint16_t port,
	 struct gw_addrs *out)
{
	if (gw_addrs_add_text(out, host, port))
		return true;
	if (r->hosts_len > 0)
		gw_hosts_find(r->hosts, r->hosts_len, host, port, out);
	return out->n > 0;
}

struct gw_query *
gw_resolve(struct gw_resolver *r, const char *host, const char *port,
	   gw_resolve_fn *fn, void *arg)
{
	uint16_t number = (uint16_t)strtoul(port, NULL, 10);
	struct gw_addrs addrs = { .n = 0 };
	struct gw_query *q;

	if (is_known(r, host, number, &addrs)) {
		fn(arg, &addrs, NULL);
		return NULL;
	}
	if (!r->is_open) {
		fn(arg, &addrs, "not in the hosts file, and resolv.conf "
				"names no server");
		return NULL;
	}
	q = gw_xcalloc(1, sizeof(*q));
	*q = (struct gw_query){ .owner = r, .fn = fn, .arg = arg,
				.port = number, .in_call = true };
	gw_assert(gw_copy(q->host, sizeof(q->host), host));
	send_query(q);
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

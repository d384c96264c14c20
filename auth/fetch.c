/* fetch.c — see fetch.h. Addresses are tried one after the other; each gets
 * its share of the time, so that a dead first address does not use it up. */
#include "fetch.h"
#include "http.h"
#include "ocsp.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 8192

struct gw_fetch {
	struct gw_loop *loop;
	gw_fetch_fn *fn; /* NULL: cancelled */
	void *arg;
	struct gw_url url;
	struct gw_http *http;
	struct gw_query *query;
	struct gw_addrs addrs;
	size_t next_addr;
	struct gw_io io;
	struct gw_timer deadline, share;
	struct gw_task finisher;
	uint64_t timeout_ms, started_us;
	size_t sent;
	bool is_connected, is_over;
	char why[200]; /* "" while nothing has failed */
};

static void try_next(struct gw_fetch *f);

/* ---- the end */

static void
stop(struct gw_fetch *f)
{
	gw_query_cancel(f->query);
	f->query = NULL;
	gw_timer_stop(f->loop, &f->deadline);
	gw_timer_stop(f->loop, &f->share);
	gw_loop_del(f->loop, &f->io);
	gw_close(&f->io.fd);
}

static void
finish(struct gw_fetch *f)
{
	if (f->is_over)
		return;
	f->is_over = true;
	stop(f);
	gw_loop_defer(f->loop, &f->finisher);
}

static void
on_finish(struct gw_task *t)
{
	struct gw_fetch *f = GW_CONTAINER(t, struct gw_fetch, finisher);
	struct gw_fetched r = { .took_us = gw_mono_us() - f->started_us };

	if (f->why[0] != '\0')
		r.why = f->why;
	else
		r.body = gw_http_body(f->http);
	if (f->fn != NULL)
		f->fn(f->arg, &r);
	gw_http_free(f->http);
	free(f);
}

static void
fail(struct gw_fetch *f, const char *what)
{
	gw_format(f->why, sizeof(f->why), "%.190s", what);
	finish(f);
}

/* ---- one connection */

static void
drop_connection(struct gw_fetch *f)
{
	gw_timer_stop(f->loop, &f->share);
	gw_loop_del(f->loop, &f->io);
	gw_close(&f->io.fd);
	f->is_connected = false;
	f->sent = 0;
}

/* Only while nothing was received: an answer, once begun, is the answer. */
static void
fail_connection(struct gw_fetch *f, const char *what, int error)
{
	gw_format(f->why, sizeof(f->why), "%.60s: %.100s", what,
		  strerror(error));
	drop_connection(f);
	try_next(f);
}

static void
send_some(struct gw_fetch *f)
{
	struct gw_der req = gw_http_request(f->http);
	ssize_t n = send(f->io.fd, req.p + f->sent, req.len - f->sent,
			 MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail_connection(f, "send", errno);
		return;
	}
	f->sent += (size_t)n;
	if (f->sent == req.len)
		gw_loop_mod(f->loop, &f->io, EPOLLIN);
}

static void
receive_some(struct gw_fetch *f)
{
	uint8_t buf[READ_SIZE];
	ssize_t n = recv(f->io.fd, buf, sizeof(buf), 0);
	enum gw_http_state state;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		gw_format(f->why, sizeof(f->why), "receive: %s",
			  strerror(errno));
		finish(f);
		return;
	}
	state = gw_http_feed(f->http, buf, (size_t)n, n == 0);
	if (state == GW_HTTP_MORE)
		return;
	if (state == GW_HTTP_FAILED) {
		fail(f, gw_http_error(f->http));
		return;
	}
	f->why[0] = '\0'; /* of an address tried before */
	finish(f);
}

static void
on_io(struct gw_io *io, uint32_t events)
{
	struct gw_fetch *f = GW_CONTAINER(io, struct gw_fetch, io);
	int error = 0;
	socklen_t len = sizeof(error);

	if (!f->is_connected) {
		(void)getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0) {
			fail_connection(f, "connect", error);
			return;
		}
		f->is_connected = true;
		gw_timer_stop(f->loop, &f->share);
	}
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		receive_some(f);
	else if (f->sent < gw_http_request(f->http).len)
		send_some(f);
}

static bool
connect_to(struct gw_fetch *f, const struct sockaddr_storage *ss,
	   socklen_t len)
{
	f->io.fd = socket(ss->ss_family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->io.fd < 0)
		return false;
	if (connect(f->io.fd, (const struct sockaddr *)ss, len) != 0 &&
	    errno != EINPROGRESS)
		return false;
	return gw_loop_add(f->loop, &f->io, EPOLLIN | EPOLLOUT) == GW_ERR_OK;
}

static void
try_next(struct gw_fetch *f)
{
	while (f->next_addr < f->addrs.n) {
		size_t i = f->next_addr++;

		if (connect_to(f, &f->addrs.v[i], f->addrs.len[i])) {
			gw_timer_after(f->loop, &f->share,
				       f->timeout_ms / f->addrs.n + 1);
			return;
		}
		gw_format(f->why, sizeof(f->why), "connect: %s",
			  strerror(errno));
		gw_close(&f->io.fd);
	}
	finish(f);
}

/* ---- time */

static void
on_share_over(struct gw_timer *t)
{
	struct gw_fetch *f = GW_CONTAINER(t, struct gw_fetch, share);

	if (f->next_addr < f->addrs.n)
		fail_connection(f, "connect", ETIMEDOUT);
}

static void
on_deadline(struct gw_timer *t)
{
	struct gw_fetch *f = GW_CONTAINER(t, struct gw_fetch, deadline);

	gw_format(f->why, sizeof(f->why), "no %s within %llu ms",
		  f->query != NULL ? "address"
				   : f->is_connected ? "answer" : "connection",
		  (unsigned long long)f->timeout_ms);
	finish(f);
}

/* ---- the beginning */

static void
on_resolved(void *arg, const struct gw_addrs *addrs, const char *why)
{
	struct gw_fetch *f = arg;

	f->query = NULL;
	if (why != NULL) {
		gw_format(f->why, sizeof(f->why), "%.80s: %.100s", f->url.host,
			  why);
		finish(f);
		return;
	}
	f->addrs = *addrs;
	try_next(f);
}

struct gw_fetch *
gw_fetch_start(struct gw_loop *l, struct gw_resolver *r, const char *url,
	       struct gw_der body, uint64_t timeout_ms, gw_fetch_fn *fn,
	       void *arg)
{
	struct gw_fetch *f = gw_xcalloc(1, sizeof(*f));
	struct gw_query *q;

	*f = (struct gw_fetch){ .loop = l, .fn = fn, .arg = arg,
				.timeout_ms = timeout_ms,
				.started_us = gw_mono_us() };
	f->io = (struct gw_io){ .fd = -1, .fn = on_io };
	f->deadline.fn = on_deadline;
	f->share.fn = on_share_over;
	f->finisher.fn = on_finish;
	if (!gw_url_parse(url, &f->url)) {
		fail(f, "not an http URL");
		return f;
	}
	f->http = gw_http_new(&f->url, "application/ocsp-request", body,
			      "application/ocsp-response", GW_OCSP_BYTES_MAX);
	if (f->http == NULL) {
		fail(f, "no memory");
		return f;
	}
	gw_timer_after(l, &f->deadline, timeout_ms);
	q = gw_resolve(r, f->url.host, f->url.port, on_resolved, f);
	if (q != NULL)
		f->query = q;
	return f;
}

void
gw_fetch_cancel(struct gw_fetch *f)
{
	f->fn = NULL;
	if (f->is_over)
		return; /* the finisher frees it */
	stop(f);
	gw_http_free(f->http);
	free(f);
}

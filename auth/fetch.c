/* fetch.c — see fetch.h. Addresses are tried one after the other; each gets
 * its share of the time, so that a dead first address does not use it up. */
#include "fetch.h"
#include "answer.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

#define READ_SIZE     16384
#define IDLE_MS       10000
#define REDIRECTS_MAX 1

struct idle {
	struct gw_fetcher *owner;
	TAILQ_ENTRY(idle) entry;
	struct gw_io io;
	struct gw_timer timer;
	char authority[GW_HOST_MAX + 10];
};
TAILQ_HEAD(idles, idle);

struct gw_fetcher {
	struct gw_loop *loop;
	struct gw_resolver *resolver;
	struct idles idles; /* used last first */
	size_t count;
};

struct gw_fetch {
	struct gw_fetcher *owner;
	struct gw_loop *loop;
	gw_fetch_fn *fn; /* NULL: cancelled */
	void *arg;
	struct gw_url url;
	struct gw_fetch_ask ask; /* its texts are not kept */
	char type[64], expected[64];
	uint8_t *body;
	struct gw_answer *answer;
	struct gw_query *query;
	struct gw_addrs addrs;
	size_t next_addr;
	struct gw_io io;
	struct gw_timer deadline, share;
	struct gw_task finisher;
	uint64_t started_us;
	size_t sent;
	unsigned redirects;
	bool is_connected, is_kept, is_over;
	char why[200]; /* "" while nothing has failed */
};

static void try_next(struct gw_fetch *f);
static void begin(struct gw_fetch *f);

/* ---- kept connections */

static void
drop_idle(struct idle *i)
{
	struct gw_fetcher *x = i->owner;

	TAILQ_REMOVE(&x->idles, i, entry);
	x->count--;
	gw_timer_stop(x->loop, &i->timer);
	gw_loop_del(x->loop, &i->io);
	gw_close(&i->io.fd);
	free(i);
}

/* Bytes nobody asked for, or the far end's goodbye. */
static void
on_idle_io(struct gw_io *io, uint32_t events)
{
	(void)events;
	drop_idle(GW_CONTAINER(io, struct idle, io));
}

static void
on_idle_over(struct gw_timer *t)
{
	drop_idle(GW_CONTAINER(t, struct idle, timer));
}

static void
keep_connection(struct gw_fetch *f)
{
	struct gw_fetcher *x = f->owner;
	struct idle *i = gw_xcalloc(1, sizeof(*i));

	gw_loop_del(f->loop, &f->io);
	i->owner = x;
	i->io = (struct gw_io){ .fd = f->io.fd, .fn = on_idle_io };
	i->timer.fn = on_idle_over;
	f->io.fd = -1;
	memcpy(i->authority, f->url.authority, sizeof(i->authority));
	TAILQ_INSERT_HEAD(&x->idles, i, entry);
	x->count++;
	gw_timer_after(x->loop, &i->timer, IDLE_MS);
	if (gw_loop_add(x->loop, &i->io, EPOLLIN | EPOLLRDHUP) != GW_ERR_OK)
		drop_idle(i);
	else if (x->count > GW_FETCH_IDLE_MAX)
		drop_idle(TAILQ_LAST(&x->idles, idles));
}

/* The descriptor of a kept connection, or -1. */
static int
take_kept(struct gw_fetcher *x, const char *authority)
{
	struct idle *i;
	int fd;

	TAILQ_FOREACH(i, &x->idles, entry)
		if (strcasecmp(i->authority, authority) == 0)
			break;
	if (i == NULL)
		return -1;
	gw_loop_del(x->loop, &i->io);
	fd = i->io.fd;
	i->io.fd = -1;
	drop_idle(i);
	return fd;
}

struct gw_fetcher *
gw_fetcher_new(struct gw_loop *l, struct gw_resolver *r)
{
	struct gw_fetcher *x = gw_xcalloc(1, sizeof(*x));

	x->loop = l;
	x->resolver = r;
	TAILQ_INIT(&x->idles);
	return x;
}

void
gw_fetcher_free(struct gw_fetcher *x)
{
	if (x == NULL)
		return;
	while (!TAILQ_EMPTY(&x->idles))
		drop_idle(TAILQ_FIRST(&x->idles));
	free(x);
}

/* ---- the end */

static void
drop_connection(struct gw_fetch *f)
{
	gw_timer_stop(f->loop, &f->share);
	gw_loop_del(f->loop, &f->io);
	gw_close(&f->io.fd);
	f->is_connected = f->is_kept = false;
	f->sent = 0;
}

static void
stop(struct gw_fetch *f)
{
	gw_query_cancel(f->query);
	f->query = NULL;
	gw_timer_stop(f->loop, &f->deadline);
	drop_connection(f);
}

static void
release(struct gw_fetch *f)
{
	gw_answer_free(f->answer);
	free(f->body);
	free(f);
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

	if (f->why[0] != '\0') {
		r.why = f->why;
		r.status = f->answer != NULL ? gw_answer_status(f->answer)
					     : 0;
	} else {
		r.body = gw_answer_body(f->answer);
		r.len = gw_answer_len(f->answer);
	}
	if (f->fn != NULL)
		f->fn(f->arg, &r);
	release(f);
}

static void
fail(struct gw_fetch *f, const char *what)
{
	gw_format(f->why, sizeof(f->why), "%.190s", what);
	finish(f);
}

/* ---- one connection */

/* Only while nothing was received: an answer, once begun, is the answer. A
 * kept connection may have died unseen: that is no failure of an address. */
static void
fail_connection(struct gw_fetch *f, const char *what, int error)
{
	bool was_kept = f->is_kept;

	drop_connection(f);
	if (was_kept) {
		begin(f);
		return;
	}
	gw_format(f->why, sizeof(f->why), "%.60s: %.100s", what,
		  strerror(error));
	try_next(f);
}

static void
send_some(struct gw_fetch *f)
{
	struct gw_der req = gw_answer_request(f->answer);
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

/* False: not a redirect that is followed. */
static bool
redirect(struct gw_fetch *f)
{
	const char *to = gw_answer_location(f->answer);
	struct gw_url url = f->url;

	if (to[0] == '\0' || f->redirects >= REDIRECTS_MAX)
		return false;
	if (to[0] == '/' && to[1] != '/') {
		if (!gw_copy(url.path, sizeof(url.path), to))
			return false;
	} else if (!gw_url_parse(to, &url)) {
		return false;
	}
	if (strcasecmp(url.authority, f->url.authority) != 0)
		return false;
	f->redirects++;
	f->url = url;
	return true;
}

static void
on_refused(struct gw_fetch *f)
{
	if (!redirect(f)) {
		fail(f, gw_answer_error(f->answer));
		return;
	}
	drop_connection(f);
	begin(f);
}

static void
receive_some(struct gw_fetch *f)
{
	uint8_t buf[READ_SIZE];
	ssize_t n = recv(f->io.fd, buf, sizeof(buf), 0);
	enum gw_answer_state state;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 && f->is_kept && !gw_answer_has_begun(f->answer)) {
		fail_connection(f, "receive", n < 0 ? errno : ECONNRESET);
		return;
	}
	if (n < 0) {
		gw_format(f->why, sizeof(f->why), "receive: %s",
			  strerror(errno));
		finish(f);
		return;
	}
	state = gw_answer_feed(f->answer, buf, (size_t)n, n == 0);
	if (state == GW_ANSWER_MORE)
		return;
	if (state == GW_ANSWER_FAILED) {
		on_refused(f);
		return;
	}
	f->why[0] = '\0'; /* of an address tried before */
	if (gw_answer_may_reuse(f->answer))
		keep_connection(f);
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
	else if (f->sent < gw_answer_request(f->answer).len)
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
				       f->ask.timeout_ms / f->addrs.n + 1);
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
		  (unsigned long long)f->ask.timeout_ms);
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
	f->next_addr = 0;
	try_next(f);
}

static bool
use_kept(struct gw_fetch *f)
{
	f->io.fd = take_kept(f->owner, f->url.authority);
	if (f->io.fd < 0)
		return false;
	if (gw_loop_add(f->loop, &f->io, EPOLLIN | EPOLLOUT) != GW_ERR_OK) {
		gw_close(&f->io.fd);
		return false;
	}
	f->is_connected = f->is_kept = true;
	return true;
}

/* From the start, also once more: what was received is forgotten. */
static void
begin(struct gw_fetch *f)
{
	const struct gw_question q = {
		.url = &f->url, .type = f->type, .body = f->ask.body,
		.expected = f->expected[0] != '\0' ? f->expected : NULL,
		.max = f->ask.max, .fd = f->ask.fd,
	};
	struct gw_query *query;

	gw_answer_free(f->answer);
	f->answer = gw_answer_new(&q);
	if (f->answer == NULL) {
		fail(f, "the request is too long");
		return;
	}
	if (use_kept(f))
		return;
	query = gw_resolve(f->owner->resolver, f->url.host, f->url.port,
			   on_resolved, f);
	if (query != NULL)
		f->query = query;
}

static void
copy_ask(struct gw_fetch *f, const struct gw_fetch_ask *ask)
{
	f->ask = *ask;
	f->body = gw_xcalloc(ask->body.len + 1, 1);
	if (ask->body.len > 0)
		memcpy(f->body, ask->body.p, ask->body.len);
	f->ask.body.p = f->body;
	gw_format(f->type, sizeof(f->type), "%s",
		  ask->type != NULL ? ask->type : "");
	gw_format(f->expected, sizeof(f->expected), "%s",
		  ask->expected != NULL ? ask->expected : "");
}

struct gw_fetch *
gw_fetch_start(struct gw_fetcher *x, const struct gw_fetch_ask *ask,
	       gw_fetch_fn *fn, void *arg)
{
	struct gw_fetch *f = gw_xcalloc(1, sizeof(*f));

	*f = (struct gw_fetch){ .owner = x, .loop = x->loop, .fn = fn,
				.arg = arg, .started_us = gw_mono_us() };
	copy_ask(f, ask);
	f->io = (struct gw_io){ .fd = -1, .fn = on_io };
	f->deadline.fn = on_deadline;
	f->share.fn = on_share_over;
	f->finisher.fn = on_finish;
	if (!gw_url_parse(ask->url, &f->url)) {
		fail(f, "not an http URL");
		return f;
	}
	gw_timer_after(f->loop, &f->deadline, ask->timeout_ms);
	begin(f);
	return f;
}

void
gw_fetch_cancel(struct gw_fetch *f)
{
	f->fn = NULL;
	if (f->is_over)
		return; /* the finisher frees it */
	stop(f);
	release(f);
}

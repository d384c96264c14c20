/* worker.c — see worker.h. */
#include "worker.h"
#include "algs.h"
#include "canames.h"
#include "heap.h"
#include "reserve.h"
#include "conn.h"
#include "exchange.h"
#include "gw/log.h"
#include "gw/util.h"

#include <signal.h>
#include <string.h>
#include <openssl/async.h>

/* How long requests under way may take once the gateway stops. */
#define STOP_MS        1500
#define STOP_LOOK_MS   20
#define LINES_A_SECOND 20

/* ---- orders of the control thread */

static void
take_link(struct gw_worker *w, struct gw_mail *m)
{
	gw_admitter_link(&w->admitter, m->fd);
	m->fd = -1;
}

static void
take_listener(struct gw_worker *w, struct gw_mail *m)
{
	if (w->is_stopping)
		return;
	gw_listener_open(&w->listeners[m->index], m->fd);
	m->fd = -1;
}

static void
take_end(struct gw_worker *w, struct gw_mail *m)
{
	gw_roster_end(&w->roster, m->session, GW_ERR_SESSION_ENDED);
}

static void
copy_servers(const struct gw_worker *w, struct gw_counters *out)
{
	for (size_t i = 0; i < w->site->upstream_count; i++)
		for (size_t j = 0; j < w->upstreams[i].server_count; j++) {
			const struct gw_server *s =
				&w->upstreams[i].servers[j];

			out->servers[s->site->index] = s->count;
			out->servers[s->site->index].is_down =
				gw_server_is_down(s);
		}
}

static void
take_status(struct gw_worker *w, struct gw_mail *m)
{
	struct gw_counters *out = gw_counters_new(w->site);

	out->worker = w->count;
	for (size_t i = 0; i < w->site->listener_count; i++)
		out->listeners[i] = w->listeners[i].count;
	copy_servers(w, out);
	gw_roster_left(w, out);
	gw_mailbox_post(w->control, w->control_loop,
			&(struct gw_mail){ .kind = GW_MAIL_COUNTED, .fd = -1,
					   .ask = m->ask, .counters = out });
}

/* Handshakes that have sent their request for a certificate go on. */
static void
take_ca_names(struct gw_worker *w, struct gw_mail *m)
{
	for (size_t i = 0; i < w->site->listener_count; i++)
		if (!gw_canames_offer(w->listeners[i].tls, m->names,
				      m->names_len))
			gw_event(GW_LOG_ERR, "ca-names-refused", NULL);
}

/* Handshakes that have begun keep theirs, and so do connections. */
static void
take_tls(struct gw_worker *w, struct gw_mail *m)
{
	struct gw_listener *l = &w->listeners[m->index];

	if (!gw_canames_offer_same(m->tls, l->tls)) {
		gw_event(GW_LOG_ERR, "ca-names-refused", NULL);
		return;
	}
	SSL_CTX_free(l->tls);
	l->tls = m->tls;
	m->tls = NULL;
}

/* What answers a request may finish, and who has the answer gets the time to
 * read it: what it says meanwhile must not meet a reset (linger.h). */
static bool
is_busy(const struct gw_conn *c)
{
	return (c->state == GW_CONN_HTTP && c->exchange != NULL) ||
	       (c->state == GW_CONN_DENIED && c->out != NULL) ||
	       c->state == GW_CONN_LINGER;
}

/* One that waits for a request may have sent it by now, or still be reading
 * the last answer. */
static void
stop_one(struct gw_conn *c)
{
	if (is_busy(c))
		return;
	if (c->state == GW_CONN_HTTP)
		gw_conn_finish(c, "stopping");
	else
		gw_conn_dismiss(c, GW_WS_GOING_AWAY, "stopping");
}

static void
take_stop(struct gw_worker *w, struct gw_mail *m)
{
	struct gw_conn *c, *next;

	(void)m;
	if (w->is_stopping)
		return;
	w->is_stopping = true;
	for (size_t i = 0; i < w->site->listener_count; i++)
		gw_listener_close(&w->listeners[i]);
	for (c = LIST_FIRST(&w->conns); c != NULL; c = next) {
		next = LIST_NEXT(c, of_worker);
		stop_one(c);
	}
	w->stop_at_ms = gw_loop_now_ms(w->loop) + STOP_MS;
	gw_timer_after(w->loop, &w->stop_timer, 0);
}

static void (*const orders[])(struct gw_worker *w, struct gw_mail *m) = {
	[GW_MAIL_LINK] = take_link,   [GW_MAIL_LISTENER] = take_listener,
	[GW_MAIL_END] = take_end,     [GW_MAIL_STATUS] = take_status,
	[GW_MAIL_STOP] = take_stop,   [GW_MAIL_CA_NAMES] = take_ca_names,
	[GW_MAIL_TLS] = take_tls,
};

static void
on_mail(void *ctx)
{
	struct gw_worker *w = ctx;
	struct gw_mail *m = gw_mailbox_take(&w->inbox), *next;

	for (; m != NULL; m = next) {
		next = m->next;
		gw_assert((size_t)m->kind < GW_COUNT(orders));
		orders[m->kind](w, m);
		gw_mail_free(m);
	}
}

/* Connections are freed at the end of a turn: one more turn for that. */
static void
on_stop_timer(struct gw_timer *t)
{
	struct gw_worker *w = GW_CONTAINER(t, struct gw_worker, stop_timer);

	if (LIST_EMPTY(&w->conns)) {
		gw_loop_stop(w->loop);
		return;
	}
	if (gw_loop_now_ms(w->loop) < w->stop_at_ms) {
		gw_timer_after(w->loop, t, STOP_LOOK_MS);
		return;
	}
	while (!LIST_EMPTY(&w->conns))
		gw_conn_end(LIST_FIRST(&w->conns), "stopping");
	gw_timer_after(w->loop, t, 0);
}

/* ---- the time, and what it bounds */

const char *
gw_worker_date(struct gw_worker *w)
{
	time_t now = time(NULL);

	if (now != w->date_second) {
		gw_http_date(w->date, now);
		w->date_second = now;
	}
	return w->date;
}

bool
gw_worker_may_log(struct gw_worker *w)
{
	uint64_t second = gw_loop_now_ms(w->loop) / 1000;

	if (second != w->log_second) {
		if (w->log_lines > LINES_A_SECOND)
			gw_event(GW_LOG_WARN, "lines-left-out", "count",
				 GW_NUM(w->log_lines - LINES_A_SECOND), NULL);
		w->log_second = second;
		w->log_lines = 0;
	}
	return w->log_lines++ < LINES_A_SECOND;
}

/* ---- the thread */

static void *
run(void *arg)
{
	struct gw_worker *w = arg;
	int rc = ASYNC_init_thread(GW_PENDING_MAX + 1, 0);

	gw_assert(rc == 1);
	gw_algs_none();
	gw_loop_run(w->loop);
	gw_mailbox_post(w->control, w->control_loop,
			&(struct gw_mail){ .kind = GW_MAIL_STOPPED,
					   .fd = -1 });
	ASYNC_cleanup_thread();
	OPENSSL_thread_stop();
	gw_heap_clear();
	return NULL;
}

bool
gw_worker_start(struct gw_worker *w)
{
	sigset_t all, before;
	char name[16];

	/* signals are the control thread's affair */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	w->is_running = pthread_create(&w->thread, NULL, run, w) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!w->is_running)
		return false;
	gw_format(name, sizeof(name), "worker-%u", w->index % 1000);
	(void)pthread_setname_np(w->thread, name);
	return true;
}

/* ---- building */

static void
init_listeners(struct gw_worker *w, SSL_CTX **ctxs)
{
	const struct gw_site *s = w->site;

	w->listeners = gw_xcalloc(s->listener_count + 1,
				  sizeof(*w->listeners));
	for (size_t i = 0; i < s->listener_count; i++) {
		w->listeners[i].io.fd = -1;
		w->listeners[i].worker = w;
		w->listeners[i].site = &s->listeners[i];
		w->listeners[i].tls = ctxs[i];
	}
}

static void
init_upstreams(struct gw_worker *w)
{
	const struct gw_site *s = w->site;

	w->upstreams = gw_xcalloc(s->upstream_count + 1,
				  sizeof(*w->upstreams));
	for (size_t i = 0; i < s->upstream_count; i++)
		gw_upstream_init(&w->upstreams[i], w->loop, &s->upstreams[i]);
}

enum gw_err
gw_worker_init(struct gw_worker *w, unsigned index, const struct gw_site *site,
	       SSL_CTX **ctxs)
{
	w->index = index;
	w->site = site;
	gw_mailbox_init(&w->inbox);
	gw_quota_init();
	gw_reserve_init();
	w->scratch = gw_xcalloc(1, GW_SCRATCH);
	w->stop_timer.fn = on_stop_timer;
	gw_admitter_init(&w->admitter, w);
	if (gw_loop_new(&w->loop) != GW_ERR_OK)
		return GW_ERR_SYSTEM;
	gw_loop_on_wake(w->loop, on_mail, w);
	init_listeners(w, ctxs);
	init_upstreams(w);
	return GW_ERR_OK;
}

void
gw_worker_clear(struct gw_worker *w)
{
	gw_admitter_clear(&w->admitter);
	for (size_t i = 0; w->upstreams != NULL &&
			   i < w->site->upstream_count; i++)
		gw_upstream_clear(&w->upstreams[i]);
	for (size_t i = 0; w->listeners != NULL &&
			   i < w->site->listener_count; i++) {
		gw_listener_close(&w->listeners[i]);
		SSL_CTX_free(w->listeners[i].tls);
	}
	gw_exchange_free_all(w);
	gw_buf_pool_clear(&w->bufs);
	gw_mailbox_clear(&w->inbox);
	gw_loop_free(w->loop);
	free(w->listeners);
	free(w->upstreams);
	free(w->scratch);
}

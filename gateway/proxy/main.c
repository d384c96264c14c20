/* main.c — gwd-proxy: the control thread. It hears the supervisor, starts the
 * workers and passes on what they need; no client's byte comes here.
 *
 * Contexts and keys are made before the process locks itself in, threads are
 * started after it: what a thread has given up, a new one has not. */
#include "status.h"
#include "own.h"
#include "tls.h"
#include "handshake.h"
#include "resume.h"
#include "worker.h"
#include "gw/child.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WORKERS_MAX 256
#define ASKS_MAX    8

/* A status question on its way through the workers. */
struct ask {
	uint64_t id;
	size_t waiting; /* 0: free */
	struct gw_counters *sum;
};

struct app {
	struct gw_child *child;
	struct gw_site site;
	struct gw_resumption resumption;
	struct gw_worker *workers;
	size_t worker_count, running;
	struct gw_mailbox inbox;
	struct gw_task starter;
	struct ask asks[ASKS_MAX];
	bool is_stopping;
};

/* ---- start: before the process locks itself in */

static size_t
count_workers(const struct gw_conf *conf)
{
	long n = conf->main.workers > 0 ? (long)conf->main.workers
					: sysconf(_SC_NPROCESSORS_ONLN);

	return (size_t)GW_MIN(GW_MAX(n, 1L), (long)WORKERS_MAX);
}

/* Each client costs a descriptor, each tunnel two. */
static void
raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

static enum gw_err
load_ca_names(struct app *a, STACK_OF(X509_NAME) *names, struct gw_error *err)
{
	const struct gw_file *f = NULL;
	enum gw_err rc = GW_ERR_OK;

	while (rc == GW_ERR_OK &&
	       (f = gw_child_file(a->child, GW_FILE_CA, NULL, f)) != NULL)
		rc = gw_tls_add_ca(names, f, err);
	return rc;
}

/* The files of a listener, the default certificate's first. */
static size_t
find_files(const struct app *a, const char *title,
	   struct gw_cert_files out[GW_OWN_MAX])
{
	struct gw_cert_files f = { .cert = NULL };
	size_t n = 0;

	while (n < GW_OWN_MAX &&
	       (f.cert = gw_child_file(a->child, GW_FILE_SERVER_CERT, title,
				       f.cert)) != NULL) {
		f.key = gw_child_file(a->child, GW_FILE_SERVER_KEY, title,
				      f.key);
		f.staple = gw_child_file(a->child, GW_FILE_SERVER_STAPLE,
					 title, f.staple);
		out[n++] = f;
		if (f.key == NULL || f.staple == NULL)
			break; /* refused when it is read */
	}
	return n;
}

static bool
allow_resumption(SSL_CTX *ctx, const struct gw_tls_setup *s)
{
	return !s->listener->resumption ||
	       gw_resume_allow(ctx, s->resumption, s->listener->title);
}

static enum gw_err
make_context(struct app *a, size_t i, const STACK_OF(X509_NAME) *names,
	     SSL_CTX **out, struct gw_error *err)
{
	struct gw_cert_files files[GW_OWN_MAX];
	const struct gw_conf_listener *l = a->site.listeners[i].conf;
	const struct gw_tls_setup s = {
		.listener = l,
		.ca_names = names,
		.hooks = &gw_handshake_hooks,
		.resumption = &a->resumption,
		.prepare = allow_resumption,
		.files = files,
		.file_count = find_files(a, l->title, files),
	};

	return gw_tls_ctx_new(&s, out, err);
}

static enum gw_err
make_contexts(struct app *a, const STACK_OF(X509_NAME) *names, SSL_CTX **out,
	      struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;

	for (size_t i = 0; i < a->site.listener_count && rc == GW_ERR_OK; i++)
		rc = make_context(a, i, names, &out[i], err);
	return rc;
}

static enum gw_err
make_worker(struct app *a, size_t i, const STACK_OF(X509_NAME) *names,
	    struct gw_error *err)
{
	struct gw_worker *w = &a->workers[i];
	SSL_CTX **ctxs = gw_xcalloc(a->site.listener_count + 1,
				    sizeof(*ctxs));
	enum gw_err rc = make_contexts(a, names, ctxs, err);

	w->control = &a->inbox;
	w->control_loop = gw_child_loop(a->child);
	if (rc == GW_ERR_OK &&
	    gw_worker_init(w, (unsigned)i, &a->site, ctxs) != GW_ERR_OK)
		rc = gw_fail(err, GW_ERR_SYSTEM, "worker: no descriptors");
	free(ctxs);
	return rc;
}

static enum gw_err
make_workers(struct app *a, struct gw_error *err)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	enum gw_err rc = load_ca_names(a, names, err);

	a->workers = gw_xcalloc(a->worker_count, sizeof(*a->workers));
	for (size_t i = 0; i < a->worker_count && rc == GW_ERR_OK; i++)
		rc = make_worker(a, i, names, err);
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return rc;
}

/* At the end of the turn in which start() ran: locked in by now. */
static void
start_threads(struct gw_task *t)
{
	struct app *a = GW_CONTAINER(t, struct app, starter);

	for (size_t i = 0; i < a->worker_count; i++) {
		if (!gw_worker_start(&a->workers[i])) {
			gw_event(GW_LOG_ERR, "thread-failed", NULL);
			gw_loop_stop(gw_child_loop(a->child));
			return;
		}
		a->running++;
	}
}

/* ---- what comes back from the workers */

static void
sum_up(struct app *a, const struct gw_mail *m)
{
	for (size_t i = 0; i < ASKS_MAX; i++) {
		struct ask *k = &a->asks[i];

		if (k->waiting == 0 || k->id != m->ask)
			continue;
		gw_counters_add(k->sum, m->counters, &a->site);
		if (--k->waiting > 0)
			return;
		gw_status_rows(a->child, k->id, &a->site, k->sum,
			       a->worker_count);
		gw_counters_free(k->sum);
		k->sum = NULL;
		return;
	}
}

static void
on_mail(void *ctx)
{
	struct app *a = ctx;
	struct gw_mail *m = gw_mailbox_take(&a->inbox), *next;

	for (; m != NULL; m = next) {
		next = m->next;
		if (m->kind == GW_MAIL_COUNTED)
			sum_up(a, m);
		else if (m->kind == GW_MAIL_STOPPED)
			a->running--;
		gw_mail_free(m);
	}
	if (a->is_stopping && a->running == 0)
		gw_loop_stop(gw_child_loop(a->child));
}

/* ---- what the supervisor says */

static enum gw_err
start(void *app, struct gw_child *child, struct gw_error *err)
{
	struct app *a = app;
	enum gw_err rc;

	a->child = child;
	raise_file_limit();
	gw_tls_init();
	gw_resumption_init(&a->resumption,
			   gw_child_conf(child)->main.ticket_rotation_ms /
				   1000);
	gw_mailbox_init(&a->inbox);
	gw_loop_on_wake(gw_child_loop(child), on_mail, a);
	rc = gw_site_init(&a->site, gw_child_conf(child), err);
	if (rc != GW_ERR_OK)
		return rc;
	a->worker_count = count_workers(gw_child_conf(child));
	rc = make_workers(a, err);
	if (rc != GW_ERR_OK)
		return rc;
	a->starter.fn = start_threads;
	gw_loop_defer(gw_child_loop(child), &a->starter);
	return GW_ERR_OK;
}

static void
post(struct app *a, size_t worker, const struct gw_mail *m)
{
	struct gw_worker *w = &a->workers[worker];

	gw_mailbox_post(&w->inbox, w->loop, m);
}

static void
post_all(struct app *a, const struct gw_mail *m)
{
	for (size_t i = 0; i < a->worker_count; i++)
		post(a, i, m);
}

static void
take_link(void *app, const struct gw_link_msg *m, int fd)
{
	struct app *a = app;

	if (m->far != GW_LINK_AUTH || m->worker >= a->worker_count) {
		gw_event(GW_LOG_ERR, "link-refused", "worker",
			 GW_NUM(m->worker), NULL);
		gw_close(&fd);
		return;
	}
	post(a, m->worker, &(struct gw_mail){ .kind = GW_MAIL_LINK,
					      .fd = fd });
}

static void
take_listener(void *app, const struct gw_listener_msg *m, int fd)
{
	struct app *a = app;
	size_t i = gw_site_find_listener(&a->site, m->name);

	if (i == SIZE_MAX || m->worker >= a->worker_count) {
		gw_event(GW_LOG_ERR, "listener-refused", "listener", m->name,
			 NULL);
		gw_close(&fd);
		return;
	}
	post(a, m->worker, &(struct gw_mail){ .kind = GW_MAIL_LISTENER,
					      .fd = fd, .index = i });
}

static void
give_status(void *app, uint64_t id)
{
	struct app *a = app;

	for (size_t i = 0; i < ASKS_MAX; i++) {
		if (a->asks[i].waiting > 0)
			continue;
		a->asks[i] = (struct ask){
			.id = id, .waiting = a->worker_count,
			.sum = gw_counters_new(&a->site) };
		post_all(a, &(struct gw_mail){ .kind = GW_MAIL_STATUS,
					       .fd = -1, .ask = id });
		return;
	}
	gw_child_status_end(a->child, id); /* asked faster than answered */
}

static void
end_session(void *app, const uint8_t session[GW_SESSION_ID])
{
	struct gw_mail m = { .kind = GW_MAIL_END, .fd = -1 };

	memcpy(m.session, session, sizeof(m.session));
	post_all(app, &m);
}

static bool
offer_cas(void *app, const uint8_t *der, size_t len)
{
	struct app *a = app;

	if (!gw_tls_offer_cas(NULL, der, len))
		return false;
	for (size_t i = 0; i < a->worker_count; i++) {
		struct gw_mail m = { .kind = GW_MAIL_CA_NAMES, .fd = -1,
				     .names = gw_xcalloc(len + 1, 1),
				     .names_len = len };

		if (len > 0)
			memcpy(m.names, der, len);
		post(a, i, &m);
	}
	return true;
}

static void
free_contexts(const struct app *a, SSL_CTX **ctxs)
{
	for (size_t i = 0; i < a->worker_count * a->site.listener_count; i++)
		SSL_CTX_free(ctxs[i]);
	free(ctxs);
}

static void
give_contexts(struct app *a, size_t worker, SSL_CTX **ctxs)
{
	for (size_t i = 0; i < a->site.listener_count; i++) {
		post(a, worker, &(struct gw_mail){ .kind = GW_MAIL_TLS,
						   .fd = -1, .index = i,
						   .tls = ctxs[i] });
		ctxs[i] = NULL;
	}
}

/* All of them or none: whatever fails, everybody goes on with the old. The
 * names of CAs are taken over by the workers, who have the latest. */
static enum gw_err
renew(void *app, struct gw_child *child, struct gw_error *err)
{
	struct app *a = app;
	size_t n = a->site.listener_count;
	SSL_CTX **ctxs = gw_xcalloc(a->worker_count * n + 1, sizeof(*ctxs));
	enum gw_err rc = GW_ERR_OK;

	(void)child;
	for (size_t i = 0; i < a->worker_count && rc == GW_ERR_OK; i++)
		rc = make_contexts(a, NULL, ctxs + i * n, err);
	for (size_t i = 0; i < a->worker_count && rc == GW_ERR_OK; i++)
		give_contexts(a, i, ctxs + i * n);
	free_contexts(a, ctxs);
	return rc;
}

static void
stop(void *app)
{
	struct app *a = app;

	a->is_stopping = true;
	if (a->running == 0)
		gw_loop_stop(gw_child_loop(a->child));
	else
		post_all(a, &(struct gw_mail){ .kind = GW_MAIL_STOP,
					       .fd = -1 });
}

/* The workers borrow the configuration: none may outlive this. */
static void
end(void *app)
{
	struct app *a = app;

	if (a->child == NULL)
		return;
	for (size_t i = 0; a->workers != NULL && i < a->worker_count; i++) {
		struct gw_worker *w = &a->workers[i];

		if (w->is_running) {
			post(a, i, &(struct gw_mail){ .kind = GW_MAIL_STOP,
						      .fd = -1 });
			pthread_join(w->thread, NULL);
		}
		if (w->loop != NULL)
			gw_worker_clear(w);
	}
	free(a->workers);
	for (size_t i = 0; i < ASKS_MAX; i++)
		gw_counters_free(a->asks[i].sum);
	gw_mailbox_clear(&a->inbox);
	gw_site_clear(&a->site);
	gw_resumption_clear(&a->resumption);
	gw_tls_clear();
}

int
main(void)
{
	static const struct gw_child_ops ops = {
		.name = "gwd-proxy", .start = start, .link = take_link,
		.listener = take_listener, .status = give_status,
		.kill = end_session, .stop = stop, .end = end,
		.ca_names = offer_cas, .renew = renew,
	};
	static struct app app;

	return gw_child_main(&ops, &app);
}

/* main.c — gwd-proxy: the control thread. It hears the supervisor, starts the
 * workers and passes on what they need; no client's byte comes here.
 *
 * Contexts and keys are made before the process locks itself in, threads are
 * started after it: what a thread has given up, a new one has not. */
#include "canames.h"
#include "census.h"
#include "context.h"
#include "crew.h"
#include "own.h"
#include "resume.h"
#include "status.h"
#include "tls.h"
#include "gw/child.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <sys/resource.h>

struct app {
	struct gw_child *child;
	struct gw_site site;
	struct gw_resumption resumption;
	struct gw_crew crew;
	struct gw_census census;
	struct gw_task starter;
	bool is_stopping;
};

/* ---- start: before the process locks itself in */

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
		rc = gw_canames_add(names, f, err);
	return rc;
}

/* The files of a listener, the default certificate's first. */
static size_t
find_files(const struct app *a, const char *title,
	   struct gw_owncert_files out[GW_OWN_MAX])
{
	struct gw_owncert_files f = { .cert = NULL };
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

static enum gw_err
make_context(struct app *a, size_t i, const STACK_OF(X509_NAME) *names,
	     SSL_CTX **out, struct gw_error *err)
{
	struct gw_owncert_files files[GW_OWN_MAX];
	const struct gw_conf_listener *l = a->site.listeners[i].conf;
	const struct gw_context_setup s = {
		.listener = l,
		.files = files,
		.file_count = find_files(a, l->title, files),
		.ca_names = names,
		.resumption = &a->resumption,
	};

	return gw_context_new(&s, out, err);
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
	SSL_CTX **ctxs = gw_xcalloc(a->site.listener_count + 1,
				    sizeof(*ctxs));
	enum gw_err rc = make_contexts(a, names, ctxs, err);

	if (rc == GW_ERR_OK &&
	    gw_crew_make(&a->crew, i, &a->site, ctxs) != GW_ERR_OK)
		rc = gw_fail(err, GW_ERR_SYSTEM, "worker: no descriptors");
	free(ctxs);
	return rc;
}

static enum gw_err
make_workers(struct app *a, struct gw_error *err)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	enum gw_err rc = load_ca_names(a, names, err);

	for (size_t i = 0; i < a->crew.count && rc == GW_ERR_OK; i++)
		rc = make_worker(a, i, names, err);
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return rc;
}

/* At the end of the turn in which start() ran: locked in by now. */
static void
start_threads(struct gw_task *t)
{
	struct app *a = GW_CONTAINER(t, struct app, starter);

	if (gw_crew_start(&a->crew))
		return;
	gw_event(GW_LOG_ERR, "thread-failed", NULL);
	gw_loop_stop(gw_child_loop(a->child));
}

/* ---- what comes back from the workers */

static void
take_count(struct app *a, struct gw_mail *m)
{
	struct gw_counters *sum = gw_census_add(&a->census, m, &a->site);

	if (sum != NULL)
		gw_status_rows(a->child, m->ask, &a->site, sum,
			       a->crew.count);
	gw_counters_free(sum);
}

static void
stop_if_alone(struct app *a)
{
	if (a->is_stopping && a->crew.running == 0)
		gw_loop_stop(gw_child_loop(a->child));
}

static void
on_mail(void *ctx)
{
	struct app *a = ctx;
	struct gw_mail *m = gw_mailbox_take(&a->crew.inbox), *next;

	for (; m != NULL; m = next) {
		next = m->next;
		if (m->kind == GW_MAIL_COUNTED)
			take_count(a, m);
		else if (m->kind == GW_MAIL_STOPPED)
			a->crew.running--;
		gw_mail_free(m);
	}
	stop_if_alone(a);
}

/* ---- what the supervisor says */

static enum gw_err
start(void *app, struct gw_child *child, struct gw_error *err)
{
	const struct gw_conf *conf = gw_child_conf(child);
	struct gw_loop *loop = gw_child_loop(child);
	struct app *a = app;
	enum gw_err rc;

	a->child = child;
	raise_file_limit();
	gw_tls_init();
	gw_resumption_init(&a->resumption,
			   conf->main.ticket_rotation_ms / 1000);
	gw_crew_init(&a->crew, loop, conf->main.workers);
	gw_loop_on_wake(loop, on_mail, a);
	rc = gw_site_init(&a->site, conf, err);
	if (rc == GW_ERR_OK)
		rc = make_workers(a, err);
	if (rc != GW_ERR_OK)
		return rc;
	a->starter.fn = start_threads;
	gw_loop_defer(loop, &a->starter);
	return GW_ERR_OK;
}

static void
take_link(void *app, const struct gw_link_msg *m, int fd)
{
	struct app *a = app;

	if (m->far != GW_LINK_AUTH || m->worker >= a->crew.count) {
		gw_event(GW_LOG_ERR, "link-refused", "worker",
			 GW_NUM(m->worker), NULL);
		gw_close(&fd);
		return;
	}
	gw_crew_post(&a->crew, m->worker,
		     &(struct gw_mail){ .kind = GW_MAIL_LINK, .fd = fd });
}

static void
take_listener(void *app, const struct gw_listener_msg *m, int fd)
{
	struct app *a = app;
	size_t i = gw_site_find_listener(&a->site, m->name);

	if (i == SIZE_MAX || m->worker >= a->crew.count) {
		gw_event(GW_LOG_ERR, "listener-refused", "listener", m->name,
			 NULL);
		gw_close(&fd);
		return;
	}
	gw_crew_post(&a->crew, m->worker,
		     &(struct gw_mail){ .kind = GW_MAIL_LISTENER, .fd = fd,
					.index = i });
}

static void
give_status(void *app, uint64_t id)
{
	struct app *a = app;

	if (!gw_census_ask(&a->census, id, &a->crew, &a->site))
		gw_child_status_end(a->child, id);
}

static void
end_session(void *app, const uint8_t session[GW_SESSION_ID])
{
	struct app *a = app;
	struct gw_mail m = { .kind = GW_MAIL_END, .fd = -1 };

	memcpy(m.session, session, sizeof(m.session));
	gw_crew_post_all(&a->crew, &m);
}

static bool
offer_cas(void *app, const uint8_t *der, size_t len)
{
	struct app *a = app;

	if (!gw_canames_check(der, len))
		return false;
	for (size_t i = 0; i < a->crew.count; i++) {
		struct gw_mail m = { .kind = GW_MAIL_CA_NAMES, .fd = -1,
				     .names = gw_xcalloc(len + 1, 1),
				     .names_len = len };

		if (len > 0)
			memcpy(m.names, der, len);
		gw_crew_post(&a->crew, i, &m);
	}
	return true;
}

static void
free_contexts(const struct app *a, SSL_CTX **ctxs)
{
	for (size_t i = 0; i < a->crew.count * a->site.listener_count; i++)
		SSL_CTX_free(ctxs[i]);
	free(ctxs);
}

static void
give_contexts(struct app *a, size_t worker, SSL_CTX **ctxs)
{
	for (size_t i = 0; i < a->site.listener_count; i++) {
		gw_crew_post(&a->crew, worker, &(struct gw_mail){
			.kind = GW_MAIL_TLS, .fd = -1, .index = i,
			.tls = gw_steal(&ctxs[i]) });
	}
}

/* All of them or none: whatever fails, everybody goes on with the old. The
 * names of CAs are taken over by the workers, who have the latest. */
static enum gw_err
renew(void *app, struct gw_child *child, struct gw_error *err)
{
	struct app *a = app;
	size_t n = a->site.listener_count;
	SSL_CTX **ctxs = gw_xcalloc(a->crew.count * n + 1, sizeof(*ctxs));
	enum gw_err rc = GW_ERR_OK;

	(void)child;
	for (size_t i = 0; i < a->crew.count && rc == GW_ERR_OK; i++)
		rc = make_contexts(a, NULL, ctxs + i * n, err);
	for (size_t i = 0; i < a->crew.count && rc == GW_ERR_OK; i++)
		give_contexts(a, i, ctxs + i * n);
	free_contexts(a, ctxs);
	return rc;
}

static void
stop(void *app)
{
	struct app *a = app;

	a->is_stopping = true;
	if (a->crew.running > 0)
		gw_crew_post_all(&a->crew, &(struct gw_mail){
			.kind = GW_MAIL_STOP, .fd = -1 });
	stop_if_alone(a);
}

/* The workers borrow the configuration: none may outlive this. */
static void
end(void *app)
{
	struct app *a = app;

	if (a->child == NULL)
		return;
	gw_crew_clear(&a->crew);
	gw_census_clear(&a->census);
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

/* main.c — gwd-kdc: the one process with the keytab. It hears gwd-auth only,
 * and answers each LOGON with the facts the directory confirmed or with the
 * reason it did not. The loop's thread moves messages; logins happen in the
 * pool. */
#include "bucket.h"
#include "gw/child.h"
#include "gw/log.h"
#include "gw/util.h"
#include "keeper.h"
#include "ldapx.h"
#include "pool.h"

#include <stdio.h>
#include <string.h>

enum { ST_OPEN = 1 };

#define LINKS_MAX       64
#define LINK_QUEUE_MAX  4096
#define RATE_PER_THREAD 100 /* logins per second; a DC manages fewer */

struct link {
	struct app *app;
	struct gw_chan *chan; /* NULL: free slot */
	uint64_t generation;  /* never used twice */
};

struct app {
	struct gw_child *child;
	struct gw_loop *loop;
	struct gw_shared shared;
	struct gw_pool *pool;
	struct gw_keeper *keeper;
	struct gw_task starter;
	struct gw_bucket bucket;
	struct link links[LINKS_MAX];
	uint64_t generations;
	uint64_t logons, refused;
};

/* ---- answers */

static struct link *
find_link(struct app *app, uint64_t generation)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (app->links[i].chan != NULL &&
		    app->links[i].generation == generation)
			return &app->links[i];
	return NULL;
}

static enum gw_err
send_refused(struct link *l, uint64_t id, const struct gw_refused *x)
{
	gw_refused_encode(gw_chan_begin(l->chan), x);
	return gw_chan_send(l->chan, GW_MSG_REFUSED, id, -1);
}

static void
refuse(struct link *l, uint64_t id, enum gw_err code, const char *detail,
       const char *dc)
{
	struct gw_refused x = { .code = code };
	enum gw_err rc;

	l->app->refused++;
	(void)gw_format(x.detail, sizeof(x.detail), "%.190s", detail);
	(void)gw_format(x.dc, sizeof(x.dc), "%s", dc);
	rc = send_refused(l, id, &x);
	if (rc != GW_ERR_OK)
		gw_event(GW_LOG_ERR, "answer-lost", "peer", "auth", "reason",
			 gw_err_name(rc), NULL);
}

static void
answer(struct link *l, struct gw_job *j)
{
	enum gw_err rc;

	if (j->rc != GW_ERR_OK) {
		refuse(l, j->id, j->rc, j->err.detail, j->trace.dc);
		return;
	}
	gw_facts_encode(gw_chan_begin(l->chan), &j->facts);
	rc = gw_chan_send(l->chan, GW_MSG_FACTS, j->id, -1);
	/* fail closed: facts that cannot be told in full are not told. */
	if (rc == GW_ERR_PROTO)
		refuse(l, j->id, GW_ERR_INTERNAL,
		       "the account's groups do not fit a message",
		       j->trace.dc);
}

static void
log_job(const struct gw_job *j)
{
	const struct gw_logon_trace *t = &j->trace;
	bool is_ok = j->rc == GW_ERR_OK;

	gw_event(GW_LOG_INFO, "logon", "req", j->logon.login,
		 "result", is_ok ? "ok" : "refused",
		 "reason", gw_err_name(j->rc), "stage", t->stage,
		 "dc", t->dc, "attempts", GW_NUM(t->attempts),
		 "account", t->sam, "sid", t->sid,
		 "mapping", gw_mapping_name(t->mapping),
		 "groups", GW_NUM(j->facts.group_count),
		 "s4u", t->is_s4u ? "yes" : "no",
		 "wait_us", GW_NUM(j->waited_us),
		 "map_us", GW_NUM(t->map_us), "self_us", GW_NUM(t->self_us),
		 "proxy_us", GW_NUM(t->proxy_us),
		 "bind_us", GW_NUM(t->bind_us),
		 "detail", is_ok ? NULL : j->err.detail, NULL);
}

/* Results whose link is gone belong to nobody any more. */
static void
on_wake(void *ctx)
{
	struct app *app = ctx;
	struct gw_job *j;
	struct link *l;

	while ((j = gw_pool_collect(app->pool)) != NULL) {
		log_job(j);
		l = find_link(app, j->link);
		if (l != NULL)
			answer(l, j);
		gw_job_free(j);
	}
}

/* ---- links */

static enum gw_err
on_logon(void *ctx, struct gw_msg *m)
{
	struct link *l = ctx;
	struct app *app = l->app;
	const struct gw_conf_directory *conf = &app->shared.conf->directory;
	struct gw_job *j = gw_xcalloc(1, sizeof(*j));
	uint64_t now = gw_loop_now_ms(app->loop);

	if (!gw_logon_decode(&m->rd, &j->logon)) {
		free(j);
		return GW_ERR_PROTO;
	}
	app->logons++;
	j->link = l->generation;
	j->id = m->id;
	j->came_ms = now;
	j->deadline_ms = now + GW_MIN((uint64_t)j->logon.budget_ms,
				      (uint64_t)conf->login_timeout_ms);
	if (gw_bucket_take(&app->bucket, now) &&
	    gw_pool_submit(app->pool, j))
		return GW_ERR_OK;
	j->rc = GW_ERR_BUSY;
	j->trace.stage = "queue";
	(void)gw_fail(&j->err, GW_ERR_BUSY, "the queue is full");
	log_job(j);
	answer(l, j);
	gw_job_free(j);
	return GW_ERR_OK;
}

static const struct gw_msg_rule link_rules[] = {
	{ GW_MSG_LOGON, ST_OPEN, false, on_logon },
};

static void
on_link_close(void *ctx, enum gw_err why)
{
	struct link *l = ctx;

	(void)why;
	gw_chan_free(l->chan);
	l->chan = NULL;
}

static void
on_link(void *ctx, const struct gw_link_msg *m, int fd)
{
	struct app *app = ctx;
	struct gw_chan_conf conf = {
		.name = "auth", .rules = link_rules,
		.rule_count = GW_COUNT(link_rules), .state = ST_OPEN,
		.queue_max = LINK_QUEUE_MAX, .on_close = on_link_close,
	};
	struct link *l = NULL;

	for (size_t i = 0; i < LINKS_MAX && l == NULL; i++)
		if (app->links[i].chan == NULL)
			l = &app->links[i];
	/* fail closed: we hear auth and nobody else. */
	if (m->far != GW_LINK_AUTH || l == NULL) {
		gw_event(GW_LOG_ERR, "link-refused", NULL);
		gw_close(&fd);
		return;
	}
	conf.ctx = l;
	l->app = app;
	l->generation = ++app->generations;
	if (gw_chan_new(app->loop, fd, &conf, &l->chan) != GW_ERR_OK)
		gw_event(GW_LOG_ERR, "link-failed", NULL);
}

/* ---- status */

static void
put_row(struct app *app, uint64_t ask, const char *section, json_t *row)
{
	char *text = json_dumps(row, JSON_COMPACT);

	gw_child_status_row(app->child, ask, section, text);
	free(text);
	json_decref(row);
}

static json_t *
or_null(bool is_known, json_t *value)
{
	if (is_known)
		return value;
	json_decref(value);
	return json_null();
}

static json_t *
service_row(struct app *app)
{
	struct gw_service_status s;
	struct gw_keeper_status k;
	const struct gw_service_view *v = &s.view;

	gw_service_status(app->shared.service, &s);
	gw_keeper_status(app->keeper, &k);
	return json_pack(
		"{s:s, s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:s, s:s, s:I, s:b}",
		"principal", s.principal,
		"ticket_end", (json_int_t)s.ticket_end,
		"ticket_state", s.ticket_state,
		"ticket_error", s.ticket_error,
		"retry_in_ms", (json_int_t)s.retry_in_ms,
		"keytab_kvno", (json_int_t)s.kvno,
		"any_protocol", or_null(v->is_known,
					json_boolean(v->any_protocol)),
		"sensitive", or_null(v->is_known,
				     json_boolean(v->is_sensitive)),
		"has_spn", or_null(v->is_known, json_boolean(v->has_spn)),
		"enctypes", or_null(v->is_known && v->enctypes >= 0,
				    json_integer(v->enctypes)),
		"delegation_count", (json_int_t)v->delegation_count,
		"checked_at", (json_int_t)v->checked_at,
		"check", gw_err_name(k.service_code),
		"check_error", k.service_error,
		"discovery_error", k.discovery_error,
		"hostname_us", (json_int_t)k.hostname_us,
		"hostname_slow", (int)k.is_hostname_slow);
}

static json_t *
kdc_row(struct app *app)
{
	struct gw_pool_status p;

	gw_pool_status(app->pool, &p);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
			 "queue", (json_int_t)p.queue,
			 "queue_max", (json_int_t)p.queue_max,
			 "threads", (json_int_t)p.threads,
			 "busy", (json_int_t)p.busy,
			 "logons", (json_int_t)app->logons,
			 "refused", (json_int_t)app->refused);
}

static void
on_status(void *ctx, uint64_t ask)
{
	struct app *app = ctx;
	json_t *row;

	for (size_t i = 0; (row = gw_dcs_row(app->shared.dcs, i)) != NULL;
	     i++) {
		if (json_object_size(row) > 0)
			put_row(app, ask, "dcs", row);
		else
			json_decref(row); /* gone */
	}
	put_row(app, ask, "service", service_row(app));
	put_row(app, ask, "kdc", kdc_row(app));
	gw_child_status_end(app->child, ask);
}

/* ---- start and end */

/* At the end of the turn in which start() ran: the process is locked in by
 * then, and threads made now are locked in with it. */
static void
start_threads(struct gw_task *t)
{
	struct app *app = GW_CONTAINER(t, struct app, starter);
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_err rc = gw_keeper_start(app->keeper, &err);

	if (rc == GW_ERR_OK)
		rc = gw_pool_start(app->pool, &err);
	if (rc != GW_ERR_OK) {
		gw_event(GW_LOG_ERR, "start-failed", "reason",
			 gw_err_name(rc), "detail", err.detail, NULL);
		gw_loop_stop(app->loop);
	}
}

static enum gw_err
on_start(void *ctx, struct gw_child *c, struct gw_error *err)
{
	struct app *app = ctx;
	const struct gw_conf *conf = gw_child_conf(c);
	const struct gw_conf_directory *d = &conf->directory;
	struct gw_shared *s = &app->shared;
	size_t threads = (size_t)d->threads;
	enum gw_err rc;

	app->child = c;
	app->loop = gw_child_loop(c);
	s->conf = conf;
	rc = gw_krbconf_setup(d, gw_child_file(c, GW_FILE_KEYTAB, NULL, NULL),
			      &s->krbconf, err);
	if (rc == GW_ERR_OK)
		rc = gw_dcs_new(d, s->krbconf, &s->dcs, err);
	if (rc != GW_ERR_OK)
		return rc;
	s->service = gw_service_new(s->krbconf);
	app->keeper = gw_keeper_new(s);
	app->pool = gw_pool_new(s, app->loop, threads, (size_t)d->queue);
	app->bucket = gw_bucket_init(threads * RATE_PER_THREAD,
				     threads * RATE_PER_THREAD +
					     (size_t)d->queue,
				     gw_mono_ms());
	gw_loop_on_wake(app->loop, on_wake, app);
	app->starter.fn = start_threads;
	gw_loop_defer(app->loop, &app->starter);
	return GW_ERR_OK;
}

static void
on_end(void *ctx)
{
	struct app *app = ctx;

	for (size_t i = 0; i < LINKS_MAX; i++)
		gw_chan_free(app->links[i].chan);
	gw_pool_free(app->pool);
	gw_keeper_free(app->keeper);
	gw_dcs_free(app->shared.dcs);
	gw_krbconf_free(app->shared.krbconf);
}

static const char *const readable[] = {
	"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
	"/etc/host.conf", "/etc/gai.conf", "/etc/services",
	"/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom",
	"/etc/ld.so.cache", "/lib", "/usr/lib", "/etc/gss", NULL,
};

static const struct gw_child_ops ops = {
	.name = "gwd-kdc", .start = on_start, .link = on_link,
	.status = on_status, .end = on_end, .readable = readable,
};

int
main(void)
{
	struct gw_error err = { .code = GW_ERR_OK };
	struct app *app;
	int status;

	if (!gw_krbconf_environment()) {
		fputs("gwd-kdc: must not run with raised privileges\n",
		      stderr);
		return 2;
	}
	if (gw_ldap_global_init(&err) != GW_ERR_OK) {
		fprintf(stderr, "gwd-kdc: %s\n", err.detail);
		return 2;
	}
	app = gw_xcalloc(1, sizeof(*app));
	status = gw_child_main(&ops, app);
	free(app);
	return status;
}

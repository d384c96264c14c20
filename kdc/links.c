/* links.c — what gwd-auth asks and is told: see kdc.h. */
#include "kdc.h"
#include "gw/log.h"
#include "gw/util.h"
#include "logon.h"

#include <string.h>

enum { ST_OPEN = 1 };

#define LINK_QUEUE_MAX 4096
#define FETCH_MAX_MS   60000 /* nor is the process's end delayed longer */

static struct gw_kdc_link *
find_link(struct gw_kdc *app, uint64_t generation)
{
	for (size_t i = 0; i < GW_KDC_LINKS_MAX; i++)
		if (app->links[i].chan != NULL &&
		    app->links[i].generation == generation)
			return &app->links[i];
	return NULL;
}

static void
note_lost(enum gw_err rc)
{
	if (rc != GW_ERR_OK)
		gw_event(GW_LOG_ERR, "answer-lost", "peer", "auth", "reason",
			 gw_err_name(rc), NULL);
}

/* GW_MSG_REFUSED or GW_MSG_CRL_REFUSED. */
static void
refuse(struct gw_kdc_link *l, uint8_t type, uint64_t id, enum gw_err code,
       const char *detail, const char *dc)
{
	struct gw_refused x = { .code = code };

	(void)gw_format(x.detail, sizeof(x.detail), "%.190s", detail);
	(void)gw_format(x.dc, sizeof(x.dc), "%s", dc);
	gw_refused_encode(gw_chan_begin(l->chan), &x);
	note_lost(gw_chan_send(l->chan, type, id, -1));
}

/* ---- logins */

struct logon_job {
	struct gw_job job;
	struct gw_logon logon;
	uint8_t *leaf; /* logon.leaf's bytes: it outlives the message */
	struct gw_facts facts; /* when rc is GW_ERR_OK */
	struct gw_logon_trace trace;
};

static void
run_logon(struct gw_worker *w, struct gw_job *job)
{
	struct logon_job *j = GW_CONTAINER(job, struct logon_job, job);

	job->rc = gw_logon_run(w, &j->logon, job->deadline_ms, &j->facts,
			       &j->trace, &job->err);
}

static void
free_logon(struct gw_job *job)
{
	struct logon_job *j = GW_CONTAINER(job, struct logon_job, job);

	gw_claims_clear(&j->logon.claims);
	free(j->leaf);
	gw_facts_clear(&j->facts);
	free(j);
}

static const struct gw_job_ops logon_ops = { .run = run_logon,
					     .free = free_logon };

static void
refuse_logon(struct gw_kdc_link *l, const struct logon_job *j,
	     enum gw_err code, const char *detail)
{
	l->app->refused++;
	refuse(l, GW_MSG_REFUSED, j->job.id, code, detail, j->trace.dc);
}

static void
answer_logon(struct gw_kdc_link *l, const struct logon_job *j)
{
	enum gw_err rc;

	if (j->job.rc != GW_ERR_OK) {
		refuse_logon(l, j, j->job.rc, j->job.err.detail);
		return;
	}
	gw_facts_encode(gw_chan_begin(l->chan), &j->facts);
	rc = gw_chan_send(l->chan, GW_MSG_FACTS, j->job.id, -1);
	/* fail closed: facts that cannot be told in full are not told. */
	if (rc == GW_ERR_PROTO)
		refuse_logon(l, j, GW_ERR_INTERNAL,
			     "the account's groups do not fit a message");
}

static void
log_logon(const struct logon_job *j)
{
	const struct gw_logon_trace *t = &j->trace;
	bool is_ok = j->job.rc == GW_ERR_OK;

	gw_event(GW_LOG_INFO, "logon", "req", j->logon.login,
		 "result", is_ok ? "ok" : "refused",
		 "reason", gw_err_name(j->job.rc), "stage", t->stage,
		 "dc", t->dc, "attempts", GW_NUM(t->attempts),
		 "account", t->sam, "sid", t->sid,
		 "mapping", gw_mapping_name(t->mapping),
		 "groups", GW_NUM(j->facts.group_count),
		 "s4u", t->is_s4u ? "yes" : "no",
		 "wait_us", GW_NUM(j->job.waited_us),
		 "map_us", GW_NUM(t->map_us), "self_us", GW_NUM(t->self_us),
		 "proxy_us", GW_NUM(t->proxy_us),
		 "bind_us", GW_NUM(t->bind_us),
		 "detail", is_ok ? NULL : j->job.err.detail, NULL);
}

/* `l` is NULL when the link is gone: then it belongs to nobody any more. */
static void
end_logon(struct gw_kdc_link *l, struct gw_job *job)
{
	const struct logon_job *j = GW_CONTAINER(job, struct logon_job, job);

	log_logon(j);
	if (l != NULL)
		answer_logon(l, j);
	gw_job_free(job);
}

static void
begin(struct gw_kdc_link *l, struct gw_job *j, const struct gw_job_ops *ops,
      uint64_t id, uint64_t budget_ms)
{
	j->ops = ops;
	j->link = l->generation;
	j->id = id;
	j->came_ms = gw_loop_now_ms(l->app->loop);
	j->deadline_ms = j->came_ms + budget_ms;
}

static void
be_busy(struct gw_job *j)
{
	j->rc = gw_fail(&j->err, GW_ERR_BUSY, "the queue is full");
}

static void
own_leaf(struct logon_job *j)
{
	struct gw_der *d = &j->logon.leaf;

	if (d->len == 0)
		return;
	j->leaf = gw_xcalloc(1, d->len);
	memcpy(j->leaf, d->p, d->len);
	d->p = j->leaf;
}

static enum gw_err
on_logon(void *ctx, struct gw_msg *m)
{
	struct gw_kdc_link *l = ctx;
	struct gw_kdc *app = l->app;
	const struct gw_conf_directory *conf = &app->shared.conf->directory;
	struct logon_job *j = gw_xcalloc(1, sizeof(*j));

	if (!gw_logon_decode(&m->rd, &j->logon)) {
		free(j);
		return GW_ERR_PROTO;
	}
	own_leaf(j);
	app->logons++;
	j->trace.stage = "queue";
	begin(l, &j->job, &logon_ops, m->id,
	      GW_MIN((uint64_t)j->logon.budget_ms,
		     (uint64_t)conf->login_timeout_ms));
	if (gw_bucket_take(&app->bucket, j->job.came_ms) &&
	    gw_pool_submit(app->pool, &j->job))
		return GW_ERR_OK;
	be_busy(&j->job);
	end_logon(l, &j->job);
	return GW_ERR_OK;
}

/* ---- revocation lists */

struct crl_job {
	struct gw_job job;
	struct gw_crl_ask ask;
	struct gw_crl_file file; /* when rc is GW_ERR_OK; else fd is -1 */
	char dc[GW_HOST_MAX];
};

static void
run_crl(struct gw_worker *w, struct gw_job *job)
{
	struct crl_job *j = GW_CONTAINER(job, struct crl_job, job);

	job->rc = gw_errand_crl(w, j->ask.url, job->deadline_ms, &j->file,
				j->dc, &job->err);
}

static void
free_crl(struct gw_job *job)
{
	struct crl_job *j = GW_CONTAINER(job, struct crl_job, job);

	gw_close(&j->file.fd);
	free(j);
}

static const struct gw_job_ops crl_ops = { .run = run_crl, .free = free_crl };

static void
answer_crl(struct gw_kdc_link *l, const struct crl_job *j)
{
	if (j->job.rc != GW_ERR_OK) {
		l->app->lists_refused++;
		refuse(l, GW_MSG_CRL_REFUSED, j->job.id, j->job.rc,
		       j->job.err.detail, j->dc);
		return;
	}
	gw_crl_encode(gw_chan_begin(l->chan), j->file.size);
	note_lost(gw_chan_send(l->chan, GW_MSG_CRL, j->job.id, j->file.fd));
}

static void
end_crl(struct gw_kdc_link *l, struct gw_job *job)
{
	const struct crl_job *j = GW_CONTAINER(job, struct crl_job, job);
	bool is_ok = job->rc == GW_ERR_OK;

	gw_event(GW_LOG_INFO, "crl", "result", is_ok ? "ok" : "refused",
		 "reason", gw_err_name(job->rc), "url", j->ask.url, "dc",
		 j->dc, "bytes", GW_NUM(j->file.size), "wait_us",
		 GW_NUM(job->waited_us), "detail",
		 is_ok ? NULL : job->err.detail, NULL);
	if (l != NULL)
		answer_crl(l, j);
	gw_job_free(job);
}

static enum gw_err
on_crl_ask(void *ctx, struct gw_msg *m)
{
	struct gw_kdc_link *l = ctx;
	struct crl_job *j = gw_xcalloc(1, sizeof(*j));

	j->file.fd = -1;
	if (!gw_crl_ask_decode(&m->rd, &j->ask)) {
		free(j);
		return GW_ERR_PROTO;
	}
	l->app->lists++;
	begin(l, &j->job, &crl_ops, m->id,
	      GW_MIN(j->ask.budget_ms, (uint32_t)FETCH_MAX_MS));
	if (gw_pool_submit(l->app->fetchers, &j->job))
		return GW_ERR_OK;
	be_busy(&j->job);
	end_crl(l, &j->job);
	return GW_ERR_OK;
}

/* ---- NTAuthCertificates */

static void
tell_ntauth(struct gw_kdc_link *l)
{
	struct gw_ntauth_msg m;
	enum gw_err rc;

	if (!gw_keeper_ntauth(l->app->keeper, &l->ntauth, &m))
		return;
	gw_ntauth_encode(gw_chan_begin(l->chan), &m);
	rc = gw_chan_send(l->chan, GW_MSG_NTAUTH, 0, -1);
	note_lost(rc);
	if (rc != GW_ERR_OK)
		l->ntauth = 0; /* said again when we are woken next */
}

/* ---- all of them */

static void
collect(struct gw_kdc *app, struct gw_pool *pool,
	void (*end)(struct gw_kdc_link *, struct gw_job *))
{
	struct gw_job *j;

	while ((j = gw_pool_collect(pool)) != NULL)
		end(find_link(app, j->link), j);
}

void
gw_links_wake(void *ctx)
{
	struct gw_kdc *app = ctx;

	collect(app, app->pool, end_logon);
	collect(app, app->fetchers, end_crl);
	for (size_t i = 0; i < GW_KDC_LINKS_MAX; i++)
		if (app->links[i].chan != NULL)
			tell_ntauth(&app->links[i]);
}

static const struct gw_msg_rule link_rules[] = {
	{ GW_MSG_LOGON,   ST_OPEN, false, on_logon },
	{ GW_MSG_CRL_ASK, ST_OPEN, false, on_crl_ask },
};

static void
on_link_close(void *ctx, enum gw_err why)
{
	struct gw_kdc_link *l = ctx;

	(void)why;
	gw_chan_free(l->chan);
	l->chan = NULL;
}

void
gw_links_add(void *ctx, const struct gw_link_msg *m, int fd)
{
	struct gw_kdc *app = ctx;
	struct gw_chan_conf conf = {
		.name = "auth", .rules = link_rules,
		.rule_count = GW_COUNT(link_rules), .state = ST_OPEN,
		.queue_max = LINK_QUEUE_MAX, .on_close = on_link_close,
	};
	struct gw_kdc_link *l = NULL;

	for (size_t i = 0; i < GW_KDC_LINKS_MAX && l == NULL; i++)
		if (app->links[i].chan == NULL)
			l = &app->links[i];
	/* fail closed: we hear auth and nobody else. */
	if (m->far != GW_LINK_AUTH || l == NULL) {
		gw_event(GW_LOG_ERR, "link-refused", NULL);
		gw_close(&fd);
		return;
	}
	*l = (struct gw_kdc_link){ .app = app,
				   .generation = ++app->generations };
	conf.ctx = l;
	if (gw_chan_new(app->loop, fd, &conf, &l->chan) != GW_ERR_OK)
		gw_event(GW_LOG_ERR, "link-failed", NULL);
	else if (app->keeper != NULL)
		tell_ntauth(l);
}

void
gw_links_clear(struct gw_kdc *app)
{
	for (size_t i = 0; i < GW_KDC_LINKS_MAX; i++)
		gw_chan_free(app->links[i].chan);
}

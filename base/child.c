/* child.c — see gw/child.h. Two states: in SETUP the supervisor speaks and
 * nothing has started; in RUNNING links and listeners may still come, for a
 * process on the far end may have been restarted. */
#include "gw/child.h"
#include "gw/log.h"
#include "gw/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { ST_SETUP = 1, ST_RUNNING = 2, ST_ANY = ST_SETUP | ST_RUNNING };

#define FILES_MAX    4096
#define PENDING_MAX  65536
#define ROW_MAX      32768

/* A link or listener that came before START. */
struct pending {
	bool is_link;
	struct gw_link_msg link;
	struct gw_listener_msg listener;
	int fd;
};

struct gw_child {
	const struct gw_child_ops *ops;
	void *app;
	struct gw_loop *loop;
	struct gw_chan *control;
	struct gw_conf conf;
	struct gw_file *files;
	size_t file_count;
	struct pending *pending;
	size_t pending_count;
	bool is_running; /* started: nothing waits any more */
	int status;      /* exit */
};

static enum gw_err
on_conf(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;

	return gw_conf_decode(&m->rd, &c->conf);
}

static enum gw_err
on_file(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	struct gw_file f;

	if ((c->is_running && c->ops->renew == NULL) ||
	    c->file_count >= FILES_MAX || !gw_file_decode(&m->rd, &f))
		return GW_ERR_PROTO;
	c->files = gw_xrealloc(c->files, c->file_count + 1, sizeof(f));
	c->files[c->file_count++] = f;
	return GW_ERR_OK;
}

/* All files have been used: what comes from now on is for a reload. */
static void
forget_files(struct gw_child *c)
{
	for (size_t i = 0; i < c->file_count; i++)
		gw_file_clear(&c->files[i]);
	c->file_count = 0;
}

static enum gw_err
on_renew(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	struct gw_error err = { .code = GW_ERR_INTERNAL };
	struct gw_wr *w;
	enum gw_err rc;

	if (c->ops->renew == NULL || !gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	rc = c->ops->renew(c->app, c, &err);
	forget_files(c);
	w = gw_chan_begin(c->control);
	gw_wr_u32(w, (uint32_t)rc);
	gw_wr_str(w, rc != GW_ERR_OK ? err.detail : "");
	return gw_chan_send(c->control, GW_MSG_RENEWED, m->id, -1);
}

static void
deliver(struct gw_child *c, struct pending *p)
{
	if (p->is_link)
		c->ops->link(c->app, &p->link, p->fd);
	else
		c->ops->listener(c->app, &p->listener, p->fd);
}

/* Keeps what comes before START; takes the descriptor out of `m`. */
static enum gw_err
take(struct gw_child *c, struct pending *p, struct gw_msg *m)
{
	p->fd = m->fd;
	if (c->is_running) {
		m->fd = -1;
		deliver(c, p);
		return GW_ERR_OK;
	}
	if (c->pending_count >= PENDING_MAX)
		return GW_ERR_PROTO;
	m->fd = -1;
	c->pending = gw_xrealloc(c->pending, c->pending_count + 1, sizeof(*p));
	c->pending[c->pending_count++] = *p;
	return GW_ERR_OK;
}

static enum gw_err
on_link(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	struct pending p = { .is_link = true };

	if (c->ops->link == NULL || !gw_link_msg_decode(&m->rd, &p.link))
		return GW_ERR_PROTO;
	return take(c, &p, m);
}

static enum gw_err
on_listener(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	struct pending p = { .is_link = false };

	if (c->ops->listener == NULL ||
	    !gw_listener_msg_decode(&m->rd, &p.listener))
		return GW_ERR_PROTO;
	return take(c, &p, m);
}

static void
wipe_secrets(struct gw_child *c)
{
	for (size_t i = 0; i < c->file_count; i++)
		if (c->files[i].purpose == GW_FILE_SERVER_KEY ||
		    c->files[i].purpose == GW_FILE_KEYTAB)
			gw_file_clear(&c->files[i]);
}

static enum gw_err
tell_failure(struct gw_child *c, const struct gw_error *err)
{
	struct gw_wr *w = gw_chan_begin(c->control);

	gw_event(GW_LOG_ERR, "start-failed", "reason", gw_err_name(err->code),
		 "detail", err->detail, NULL);
	gw_wr_u32(w, (uint32_t)err->code);
	gw_wr_str(w, err->detail);
	c->status = 2;
	gw_loop_stop(c->loop);
	return gw_chan_send(c->control, GW_MSG_FAILED, 0, -1);
}

static void
deliver_pending(struct gw_child *c)
{
	struct pending *p = c->pending;
	size_t n = c->pending_count;

	c->pending = NULL;
	c->pending_count = 0;
	c->is_running = true;
	for (size_t i = 0; i < n; i++)
		deliver(c, &p[i]);
	free(p);
}

static enum gw_err
lock_in(struct gw_child *c, struct gw_error *err)
{
	const struct gw_child_ops *o = c->ops;
	const struct gw_sandbox s = {
		.readable = o->readable != NULL ? o->readable(c->app) : NULL,
		.writable = o->writable != NULL ? o->writable(c->app) : NULL,
		.may_accept = o->listener != NULL,
	};

	return gw_sandbox_enter(&s, err);
}

static enum gw_err
on_start(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	struct gw_error err = { .code = GW_ERR_INTERNAL };
	enum gw_level level;
	enum gw_err rc;

	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (gw_log_level(c->conf.main.log_level, &level))
		gw_log_init(c->ops->name, level);
	rc = c->ops->start(c->app, c, &err);
	wipe_secrets(c);
	if (c->ops->renew != NULL)
		forget_files(c);
	if (rc == GW_ERR_OK)
		rc = lock_in(c, &err);
	if (rc != GW_ERR_OK)
		return tell_failure(c, &err);
	gw_chan_set_state(c->control, ST_RUNNING);
	(void)gw_chan_begin(c->control);
	rc = gw_chan_send(c->control, GW_MSG_READY, 0, -1);
	deliver_pending(c);
	return rc;
}

static enum gw_err
on_status_ask(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;

	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (c->ops->status != NULL)
		c->ops->status(c->app, m->id);
	else
		gw_child_status_end(c, m->id);
	return GW_ERR_OK;
}

static enum gw_err
on_kill(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	uint8_t session[GW_SESSION_ID];

	gw_rd_raw(&m->rd, session, sizeof(session));
	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (c->ops->kill != NULL)
		c->ops->kill(c->app, session);
	return GW_ERR_OK;
}

static enum gw_err
on_admin(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	struct gw_admin a;

	if (c->ops->admin == NULL || !gw_admin_decode(&m->rd, &a))
		return GW_ERR_PROTO;
	c->ops->admin(c->app, m->id, &a);
	return GW_ERR_OK;
}

static enum gw_err
on_ca_names(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;
	const uint8_t *der;
	size_t len;

	if (c->ops->ca_names == NULL ||
	    !gw_ca_names_decode(&m->rd, &der, &len) ||
	    !c->ops->ca_names(c->app, der, len))
		return GW_ERR_PROTO;
	return GW_ERR_OK;
}

static enum gw_err
on_stop(void *ctx, struct gw_msg *m)
{
	struct gw_child *c = ctx;

	(void)m;
	if (c->ops->stop != NULL)
		c->ops->stop(c->app);
	else
		gw_loop_stop(c->loop);
	return GW_ERR_OK;
}

static const struct gw_msg_rule rules[] = {
	{ GW_MSG_CONF,       ST_SETUP,   false, on_conf },
	{ GW_MSG_FILE,       ST_ANY,     false, on_file },
	{ GW_MSG_LISTENER,   ST_ANY,     true,  on_listener },
	{ GW_MSG_LINK,       ST_ANY,     true,  on_link },
	{ GW_MSG_START,      ST_SETUP,   false, on_start },
	{ GW_MSG_STATUS_ASK, ST_RUNNING, false, on_status_ask },
	{ GW_MSG_RENEW,      ST_RUNNING, false, on_renew },
	{ GW_MSG_KILL,       ST_RUNNING, false, on_kill },
	{ GW_MSG_ADMIN,      ST_RUNNING, false, on_admin },
	{ GW_MSG_CA_NAMES,   ST_RUNNING, false, on_ca_names },
	{ GW_MSG_STOP,       ST_ANY,     false, on_stop },
};

static void
on_close(void *ctx, enum gw_err why)
{
	struct gw_child *c = ctx;

	/* No supervisor, no service: nobody could stop or steer us. */
	c->status = why == GW_ERR_OK ? 0 : 1;
	gw_loop_stop(c->loop);
}

struct gw_loop *
gw_child_loop(struct gw_child *c)
{
	return c->loop;
}

const struct gw_conf *
gw_child_conf(const struct gw_child *c)
{
	return &c->conf;
}

const struct gw_file *
gw_child_file(const struct gw_child *c, enum gw_file_purpose purpose,
	      const char *name, const struct gw_file *prev)
{
	size_t i = prev != NULL ? (size_t)(prev - c->files) + 1 : 0;

	for (; i < c->file_count; i++)
		if (c->files[i].purpose == purpose &&
		    (name == NULL || strcmp(c->files[i].name, name) == 0))
			return &c->files[i];
	return NULL;
}

void
gw_child_status_row(struct gw_child *c, uint64_t ask, const char *section,
		    const char *json)
{
	struct gw_wr *w;

	if (json == NULL || strlen(json) > ROW_MAX) {
		gw_event(GW_LOG_WARN, "status-row-dropped", "section", section,
			 NULL);
		return;
	}
	w = gw_chan_begin(c->control);
	gw_wr_str(w, section);
	gw_wr_str(w, json);
	if (gw_chan_send(c->control, GW_MSG_STATUS_ROW, ask, -1) != GW_ERR_OK)
		gw_event(GW_LOG_WARN, "status-row-dropped", "section", section,
			 NULL);
}

void
gw_child_status_end(struct gw_child *c, uint64_t ask)
{
	(void)gw_chan_begin(c->control);
	if (gw_chan_send(c->control, GW_MSG_STATUS_END, ask, -1) != GW_ERR_OK)
		gw_event(GW_LOG_WARN, "status-end-dropped", NULL);
}

void
gw_child_admin_done(struct gw_child *c, uint64_t ask,
		    const struct gw_admin_done *d)
{
	gw_admin_done_encode(gw_chan_begin(c->control), d);
	if (gw_chan_send(c->control, GW_MSG_ADMIN_DONE, ask, -1) != GW_ERR_OK)
		gw_event(GW_LOG_WARN, "admin-answer-dropped", NULL);
}

void
gw_child_ca_names(struct gw_child *c, const uint8_t *der, size_t len)
{
	gw_wr_bytes(gw_chan_begin(c->control), der, len);
	if (gw_chan_send(c->control, GW_MSG_CA_NAMES, 0, -1) != GW_ERR_OK)
		gw_event(GW_LOG_WARN, "ca-names-dropped", NULL);
}

static void
clear(struct gw_child *c)
{
	gw_chan_free(c->control);
	for (size_t i = 0; i < c->file_count; i++)
		gw_file_clear(&c->files[i]);
	free(c->files);
	gw_conf_clear(&c->conf);
	gw_loop_free(c->loop);
}

int
gw_child_main(const struct gw_child_ops *ops, void *app)
{
	struct gw_child c = { .ops = ops, .app = app };
	struct gw_chan_conf conf = {
		.name = "supervisor", .rules = rules,
		.rule_count = GW_COUNT(rules), .state = ST_SETUP,
		.queue_max = 8192, .ctx = &c, .on_close = on_close,
	};

	gw_log_init(ops->name, GW_LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (gw_loop_new(&c.loop) != GW_ERR_OK ||
	    gw_chan_new(c.loop, GW_CONTROL_FD, &conf, &c.control) !=
		    GW_ERR_OK) {
		fprintf(stderr, "%s: started by gwd, not by hand\n", ops->name);
		return 2;
	}
	gw_loop_run(c.loop);
	if (ops->end != NULL)
		ops->end(app);
	clear(&c);
	return c.status;
}

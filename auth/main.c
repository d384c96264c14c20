/* main.c — gwd-auth: decides who may come in. Judges certificates, asks OCSP
 * responders and gwd-kdc, and keeps sessions and registry. One thread; after
 * its start it opens files of its own directory and of crl_dir, no others. */
#include "login.h"
#include "recheck.h"
#include "trial.h"
#include "gw/log.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- the real transport */

static struct gw_fetch *
start_fetch(void *ctx, const struct gw_fetch_ask *ask, gw_fetch_fn *fn,
	    void *arg)
{
	struct gw_auth *a = ctx;

	return gw_fetch_start(a->fetcher, ask, fn, arg);
}

static struct gw_fetch *
get_list(void *ctx, const char *url, int fd, size_t max, uint64_t timeout_ms,
	 gw_fetch_fn *fn, void *arg)
{
	const struct gw_fetch_ask ask = { .url = url, .max = max, .fd = fd,
					  .timeout_ms = timeout_ms };

	return start_fetch(ctx, &ask, fn, arg);
}

static bool
ask_directory(void *ctx, uint64_t id, const char *url, uint64_t timeout_ms)
{
	return gw_peers_ask_list(ctx, id, url, timeout_ms);
}

static time_t
wall_clock(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

/* ---- start */

/* Questions to responders need a socket each. */
static void
raise_file_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static void
stop_session_timer(struct gw_session *s)
{
	struct gw_auth *a = s->owner;

	gw_timer_stop(a->loop, &s->timer);
	gw_recheck_end(s);
}

static void
lists_changed(void *ctx)
{
	gw_recheck_all(ctx);
}

static enum gw_err
make_directory(const char *path, struct gw_error *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_FILE, "%.100s: %s", path, strerror(errno));
}

/* What tells whether certificates stand. */
static enum gw_err
start_revocation(struct gw_auth *a, struct gw_error *err)
{
	const struct gw_transport transport = {
		.ctx = a, .start = start_fetch, .cancel = gw_fetch_cancel,
		.clock = wall_clock,
	};
	gw_auto(free) char *dir = gw_xasprintf("%s/crl", a->state_dir);
	gw_auto(free) char *answers = gw_xasprintf("%s/answers.db",
						   a->state_dir);
	const struct gw_crl_store_conf lists = {
		.loop = a->loop, .offload = a->offload,
		.conf = &a->conf->revocation, .dir = dir,
		.crl_dir = a->conf->main.crl_dir,
		.transport = { .ctx = a, .http = get_list,
			       .cancel = gw_fetch_cancel,
			       .ldap = ask_directory, .clock = wall_clock },
		.changed = lists_changed,
	};
	enum gw_err rc = make_directory(dir, err);

	if (rc != GW_ERR_OK)
		return rc;
	a->lists = gw_crl_store_new(&lists);
	a->kept = gw_kept_open(a->loop, answers);
	a->revocation = gw_revocation_new(a->loop, &a->conf->revocation,
					  &transport, a->lists, a->kept);
	return GW_ERR_OK;
}

/* How names are found. A file that is not there says nothing. */
static enum gw_err
renew(void *app, struct gw_child *c, struct gw_error *err)
{
	static const struct gw_file nothing = { .data = NULL };
	struct gw_auth *a = app;
	const struct gw_file *resolv = gw_child_file(c, GW_FILE_NAMES,
						     GW_RESOLV_CONF, NULL);
	const struct gw_file *hosts = gw_child_file(c, GW_FILE_NAMES, GW_HOSTS,
						    NULL);

	(void)err;
	resolv = resolv != NULL ? resolv : &nothing;
	hosts = hosts != NULL ? hosts : &nothing;
	gw_resolver_use(a->resolver, (const char *)resolv->data, resolv->len,
			(const char *)hosts->data, hosts->len);
	return GW_ERR_OK;
}

static enum gw_err
start(void *app, struct gw_child *c, struct gw_error *err)
{
	struct gw_auth *a = app;
	const struct gw_conf *conf = gw_child_conf(c);
	enum gw_err rc;
	const struct gw_session_limits limits = {
		.max = (size_t)conf->session.max,
		.reuse_ms = (uint64_t)conf->session.reuse_ms,
	};

	a->child = c;
	a->loop = gw_child_loop(c);
	a->conf = conf;
	raise_file_limit();
	LIST_INIT(&a->links);
	a->resolver = gw_resolver_new(a->loop);
	(void)renew(a, c, err);
	a->fetcher = gw_fetcher_new(a->loop, a->resolver);
	a->offload = gw_offload_new(a->loop);
	a->state_dir = gw_xasprintf("%s/auth", conf->main.state_dir);
	a->verified = gw_verified_new();
	a->sessions = gw_sessions_new(&limits, stop_session_timer);
	a->logins = gw_logins_new(a);
	rc = start_revocation(a, err);
	if (rc == GW_ERR_OK)
		rc = gw_admin_start(a, err);
	if (rc == GW_ERR_OK)
		gw_revocation_recall(a->revocation);
	return rc;
}

/* ---- the supervisor's wishes */

static void
link_to(void *app, const struct gw_link_msg *m, int fd)
{
	gw_peers_link(app, m, fd);
}

static void
status(void *app, uint64_t ask)
{
	gw_status_say(app, ask);
}

static void
kill_session(void *app, const uint8_t session[GW_SESSION_ID])
{
	struct gw_auth *a = app;
	struct gw_session *s = gw_session_find(a->sessions, session);

	if (s != NULL)
		gw_peers_revoke(a, s, GW_ERR_SESSION_ENDED);
}

static void
admin(void *app, uint64_t ask, const struct gw_admin *m)
{
	if (m->verb == GW_ADMIN_TEST_CERT)
		gw_trial_begin(app, ask, m);
	else
		gw_admin_do(app, ask, m);
}

static const char *const *
readable(void *app)
{
	struct gw_auth *a = app;
	const char *dir = a->conf->main.crl_dir;

	a->readable[0] = dir[0] != '\0' ? dir : NULL;
	return a->readable;
}

static const char *
writable(void *app)
{
	const struct gw_auth *a = app;

	return a->state_dir;
}

/* Logins first: they hold places in flights, links and sessions. */
static void
end(void *app)
{
	struct gw_auth *a = app;

	if (a->logins == NULL)
		return; /* never started */
	gw_logins_free(a->logins);
	gw_peers_clear(a);
	gw_sessions_free(a->sessions);
	gw_verified_free(a->verified);
	gw_revocation_free(a->revocation);
	gw_crl_store_free(a->lists);
	gw_offload_free(a->offload);
	gw_kept_free(a->kept);
	gw_fetcher_free(a->fetcher);
	gw_resolver_free(a->resolver);
	gw_ntauth_clear(&a->ntauth);
	gw_trust_free(a->trust);
	gw_registry_free(a->registry);
	free(a->state_dir);
}

int
main(void)
{
	static const struct gw_child_ops ops = {
		.name = "gwd-auth", .start = start, .link = link_to,
		.status = status, .kill = kill_session, .end = end,
		.admin = admin, .renew = renew, .readable = readable,
		.writable = writable,
	};
	struct gw_auth a = { .child = NULL };

	return gw_child_main(&ops, &a);
}

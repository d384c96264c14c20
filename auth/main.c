/* main.c — gwd-auth: decides who may come in. Judges certificates, asks OCSP
 * responders and gwd-kdc, and keeps sessions and registry. One thread; after
 * its start it opens /etc/hosts and the registry's files, nothing else. */
#include "login.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <sys/resource.h>

struct gw_now
gw_auth_now(const struct gw_auth *a)
{
	return (struct gw_now){ .wall = time(NULL),
				.mono_ms = gw_loop_now_ms(a->loop) };
}

/* ---- the real transport */

static struct gw_fetch *
start_fetch(void *ctx, const char *url, struct gw_der body,
	    uint64_t timeout_ms, gw_fetch_fn *fn, void *arg)
{
	struct gw_auth *a = ctx;

	return gw_fetch_start(a->loop, a->resolver, url, body, timeout_ms, fn,
			      arg);
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
}

static enum gw_err
start(void *app, struct gw_child *c, struct gw_error *err)
{
	struct gw_auth *a = app;
	const struct gw_conf *conf = gw_child_conf(c);
	const struct gw_transport transport = {
		.ctx = a, .start = start_fetch, .cancel = gw_fetch_cancel,
		.clock = wall_clock,
	};
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
	a->revocation = gw_revocation_new(a->loop, &conf->revocation,
					  &transport);
	a->sessions = gw_sessions_new(&limits, stop_session_timer);
	a->logins = gw_logins_new(a);
	for (size_t i = 0; i < conf->ca_count; i++)
		gw_revocation_announce(a->revocation, conf->cas[i].ocsp_url);
	return gw_admin_start(a, err);
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
	gw_admin_do(app, ask, m);
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
	gw_revocation_free(a->revocation);
	gw_peers_clear(a);
	gw_sessions_free(a->sessions);
	gw_resolver_free(a->resolver);
	gw_ntauth_clear(&a->ntauth);
	gw_trust_free(a->trust);
	gw_registry_free(a->registry);
	free(a->state_dir);
}

int
main(void)
{
	/* read by c-ares at every look-up */
	static const char *const readable[] = { "/etc/hosts", NULL };
	static const struct gw_child_ops ops = {
		.name = "gwd-auth", .start = start, .link = link_to,
		.status = status, .kill = kill_session, .end = end,
		.admin = admin, .readable = readable, .writable = writable,
	};
	struct gw_auth a = { .child = NULL };

	return gw_child_main(&ops, &a);
}

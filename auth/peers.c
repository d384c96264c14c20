/* peers.c — the channels of gwd-auth and the sessions behind them. Many links
 * to gwd-proxy, one for each of its threads; one to gwd-kdc. */
#include "login.h"
#include "gw/log.h"
#include "gw/memfd.h"
#include "gw/util.h"

#include <unistd.h>

#define LINK_QUEUE  8192 /* verdicts and revocations a proxy may be behind */
#define KDC_QUEUE   4096
#define TIMER_MAX_MS (3600u * 1000) /* the wall clock may be moved */
#define SAY_AGAIN_MS 50 /* until a link takes the end of a session */

enum { ST_OPEN = 1 };

/* ---- sessions */

/* False when a link did not take it. */
static bool
say_revoked(struct gw_auth *a, const struct gw_session *s, enum gw_err why)
{
	struct gw_peer *link;
	bool is_said = true;

	LIST_FOREACH(link, &a->links, entry)
		for (size_t i = 0; i < s->use_count; i++) {
			struct gw_wr *w;

			if (s->uses[i].link != link->id)
				continue;
			w = gw_chan_begin(link->chan);
			gw_wr_raw(w, s->id, sizeof(s->id));
			gw_wr_u32(w, (uint32_t)why);
			if (gw_chan_send(link->chan, GW_MSG_REVOKE, 0, -1) !=
			    GW_ERR_OK)
				is_said = false;
		}
	return is_said;
}

/* fail closed: a session whose end the proxy has not been told of is not
 * forgotten. Nobody joins it, and its timer says so again until it is said
 * or the link is gone. */
void
gw_peers_revoke(struct gw_auth *a, struct gw_session *s, enum gw_err why)
{
	char id[2 * GW_SESSION_ID + 1];

	s->until = 0;
	if (!say_revoked(a, s, why)) {
		gw_timer_after(a->loop, &s->timer, SAY_AGAIN_MS);
		return;
	}
	gw_hex(s->id, sizeof(s->id), id);
	gw_event(GW_LOG_INFO, "session-end", "session", id, "reason",
		 gw_err_name(why), "account",
		 s->says.has_account ? s->says.sam : NULL, "listener",
		 s->listener->title, "connections", GW_NUM(s->connections),
		 NULL);
	gw_session_end(a->sessions, s);
}

static void
on_session_timer(struct gw_timer *t)
{
	struct gw_session *s = GW_CONTAINER(t, struct gw_session, timer);
	struct gw_auth *a = s->owner;
	uint64_t ms = 0;
	enum gw_session_state state =
		gw_session_review(a->sessions, s, gw_auth_now(a), &ms);

	if (state == GW_SESSION_OVER)
		gw_peers_revoke(a, s, GW_ERR_SESSION_ENDED);
	else if (state == GW_SESSION_UNUSED)
		gw_session_end(a->sessions, s);
	else
		gw_timer_after(a->loop, t, GW_MIN(ms, TIMER_MAX_MS) + 1);
}

/* The timer alone ends sessions: callers go on with theirs, although the
 * clock may have reached its end since they looked. */
void
gw_peers_settle(struct gw_auth *a, struct gw_session *s)
{
	uint64_t ms = 0;

	if (gw_session_review(a->sessions, s, gw_auth_now(a), &ms) !=
	    GW_SESSION_LIVE)
		ms = 0;
	s->timer.fn = on_session_timer;
	gw_timer_after(a->loop, &s->timer, GW_MIN(ms, TIMER_MAX_MS) + 1);
}

static void
settle_all(struct gw_auth *a)
{
	struct gw_session *s = gw_session_next(a->sessions, NULL), *next;

	for (; s != NULL; s = next) {
		next = gw_session_next(a->sessions, s);
		gw_peers_settle(a, s);
	}
}

/* ---- gwd-proxy */

/* A session may be over before the proxy's word reaches us. */
static void
leave(struct gw_peer *link, const uint8_t id[GW_SESSION_ID])
{
	struct gw_auth *a = link->auth;
	struct gw_session *s = gw_session_find(a->sessions, id);

	if (s == NULL)
		return;
	gw_session_leave(a->sessions, s, link->id);
	gw_peers_settle(a, s);
}

static void
leave_all(struct gw_peer *link, const struct gw_gone *l)
{
	for (size_t i = 0; i < l->count; i++)
		leave(link, l->ids + i * GW_SESSION_ID);
}

static enum gw_err
on_admit(void *ctx, struct gw_msg *m)
{
	struct gw_peer *link = ctx;
	struct gw_admit admit;

	if (!gw_admit_decode(&m->rd, &admit))
		return GW_ERR_PROTO;
	leave_all(link, &admit.gone);
	gw_login_begin(link->auth->logins, link, m->id, &admit);
	return GW_ERR_OK;
}

static enum gw_err
on_gone(void *ctx, struct gw_msg *m)
{
	struct gw_gone gone;

	if (!gw_gone_decode(&m->rd, &gone))
		return GW_ERR_PROTO;
	leave_all(ctx, &gone);
	return GW_ERR_OK;
}

static const struct gw_msg_rule proxy_rules[] = {
	{ GW_MSG_ADMIT, ST_OPEN, false, on_admit },
	{ GW_MSG_GONE,  ST_OPEN, false, on_gone },
};

static void
free_link(struct gw_peer *link)
{
	LIST_REMOVE(link, entry);
	gw_chan_free(link->chan);
	free(link);
}

static void
on_proxy_close(void *ctx, enum gw_err why)
{
	struct gw_peer *link = ctx;
	struct gw_auth *a = link->auth;

	(void)why;
	gw_logins_drop_link(a->logins, link);
	gw_sessions_drop_link(a->sessions, link->id);
	free_link(link);
	settle_all(a);
}

static void
add_proxy(struct gw_auth *a, int fd)
{
	struct gw_peer *link = gw_xcalloc(1, sizeof(*link));
	const struct gw_chan_conf conf = {
		.name = "proxy", .rules = proxy_rules,
		.rule_count = GW_COUNT(proxy_rules), .state = ST_OPEN,
		.queue_max = LINK_QUEUE, .ctx = link,
		.on_close = on_proxy_close,
	};

	link->auth = a;
	link->id = ++a->last_link;
	if (gw_chan_new(a->loop, fd, &conf, &link->chan) != GW_ERR_OK) {
		gw_event(GW_LOG_ERR, "link-failed", "far", "proxy", NULL);
		free(link);
		return;
	}
	LIST_INSERT_HEAD(&a->links, link, entry);
}

/* ---- gwd-kdc */

static enum gw_err
on_facts(void *ctx, struct gw_msg *m)
{
	struct gw_auth *a = ctx;
	struct gw_facts f;

	if (!gw_facts_decode(&m->rd, &f))
		return GW_ERR_PROTO;
	gw_login_facts(a->logins, m->id, &f);
	return GW_ERR_OK;
}

static enum gw_err
on_refused(void *ctx, struct gw_msg *m)
{
	struct gw_auth *a = ctx;
	struct gw_refused x;

	if (!gw_refused_decode(&m->rd, &x))
		return GW_ERR_PROTO;
	gw_login_refused(a->logins, m->id, &x);
	return GW_ERR_OK;
}

static enum gw_err
on_ntauth(void *ctx, struct gw_msg *m)
{
	struct gw_auth *a = ctx;
	struct gw_ntauth_msg x;

	if (!gw_ntauth_decode(&m->rd, &x))
		return GW_ERR_PROTO;
	if (!gw_ntauth_is(&a->ntauth, &x)) {
		gw_ntauth_set(&a->ntauth, &x);
		gw_admin_rules_changed(a);
	}
	gw_event(GW_LOG_INFO, "ntauth", "certificates", GW_NUM(x.count), NULL);
	return GW_ERR_OK;
}

/* The descriptor must be what the message says, and stay so. */
static enum gw_err
on_list(void *ctx, struct gw_msg *m)
{
	struct gw_auth *a = ctx;
	uint32_t size;
	int fd = m->fd;

	m->fd = -1;
	if (!gw_crl_decode(&m->rd, &size) || !gw_memfd_check(fd, size)) {
		gw_close(&fd);
		return GW_ERR_PROTO;
	}
	gw_crl_store_arrived(a->lists, m->id, NULL, fd);
	return GW_ERR_OK;
}

static enum gw_err
on_list_refused(void *ctx, struct gw_msg *m)
{
	struct gw_auth *a = ctx;
	struct gw_refused x;

	if (!gw_refused_decode(&m->rd, &x))
		return GW_ERR_PROTO;
	gw_crl_store_arrived(a->lists, m->id, x.detail[0] != '\0'
			     ? x.detail : gw_err_name(x.code), -1);
	return GW_ERR_OK;
}

bool
gw_peers_ask_list(struct gw_auth *a, uint64_t id, const char *url,
		  uint64_t timeout_ms)
{
	struct gw_crl_ask m = { .budget_ms = (uint32_t)timeout_ms };

	if (a->kdc == NULL || !gw_copy(m.url, sizeof(m.url), url))
		return false;
	gw_crl_ask_encode(gw_chan_begin(a->kdc), &m);
	return gw_chan_send(a->kdc, GW_MSG_CRL_ASK, id, -1) == GW_ERR_OK;
}

static const struct gw_msg_rule kdc_rules[] = {
	{ GW_MSG_FACTS,   ST_OPEN, false, on_facts },
	{ GW_MSG_REFUSED, ST_OPEN, false, on_refused },
	{ GW_MSG_CRL,     ST_OPEN, true,  on_list },
	{ GW_MSG_CRL_REFUSED, ST_OPEN, false, on_list_refused },
	{ GW_MSG_NTAUTH,  ST_OPEN, false, on_ntauth },
};

static void
drop_kdc(struct gw_auth *a)
{
	struct gw_chan *c = a->kdc;

	a->kdc = NULL;
	gw_chan_free(c);
	gw_logins_drop_kdc(a->logins);
}

static void
on_kdc_close(void *ctx, enum gw_err why)
{
	(void)why;
	drop_kdc(ctx);
}

static void
set_kdc(struct gw_auth *a, int fd)
{
	const struct gw_chan_conf conf = {
		.name = "kdc", .rules = kdc_rules,
		.rule_count = GW_COUNT(kdc_rules), .state = ST_OPEN,
		.queue_max = KDC_QUEUE, .ctx = a, .on_close = on_kdc_close,
	};

	if (a->kdc != NULL)
		drop_kdc(a); /* restarted before we saw the end of the old */
	if (gw_chan_new(a->loop, fd, &conf, &a->kdc) != GW_ERR_OK) {
		gw_event(GW_LOG_ERR, "link-failed", "far", "kdc", NULL);
		a->kdc = NULL;
	}
}

void
gw_peers_link(struct gw_auth *a, const struct gw_link_msg *m, int fd)
{
	if (m->far == GW_LINK_PROXY)
		add_proxy(a, fd);
	else if (m->far == GW_LINK_KDC)
		set_kdc(a, fd);
	else
		gw_close(&fd);
}

void
gw_peers_clear(struct gw_auth *a)
{
	struct gw_peer *link;

	while ((link = LIST_FIRST(&a->links)) != NULL)
		free_link(link);
	gw_chan_free(a->kdc);
	a->kdc = NULL;
}

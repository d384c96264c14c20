/* rig_auth.c — see rig.h: plays gwd-auth. */
#include "rig_inside.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct waiting { /* a verdict that takes its time, or is held back */
	struct gw_timer timer;
	LIST_ENTRY(waiting) entry; /* held back */
	struct auth *auth;
	uint64_t id;
	char login[GW_LOGIN_ID_SIZE];
};

unsigned rig_cards;

static void
choose_session(struct rig *r)
{
	if (rig_cards == 0)
		gw_random(r->session, sizeof(r->session));
	else
		memset(r->session, (int)(1 + r->admits % rig_cards),
		       sizeof(r->session));
}

static void
send_verdict(struct auth *a, uint64_t id, const char *login)
{
	struct rig *r = a->r;
	struct gw_verdict_msg v = { .reason = r->answer.reason };
	enum gw_err rc;

	memcpy(v.login, login, sizeof(v.login));
	if (r->answer.reason == GW_ERR_OK) {
		v.verdict = GW_VERDICT_ALLOW;
		choose_session(r);
		memcpy(v.session, r->session, sizeof(v.session));
		v.until = time(NULL) + (r->answer.lifetime != 0
					? r->answer.lifetime : 3600);
		v.has_account = !r->answer.no_account;
		cr_assert(gw_copy(v.sam, sizeof(v.sam), "alice") &&
			  gw_copy(v.upn, sizeof(v.upn), "alice@example.com") &&
			  gw_copy(v.sid, sizeof(v.sid), "S-1-5-21-1-2-3-1104"));
		v.mapping = GW_MAPPED_SID;
		v.groups = gw_xstrdup("Domain Users,Smartcard Users");
		v.routes[1] = v.routes[2] = GW_VERDICT_ALLOW;
		v.route_count = 3; /* /denied, /dead, /ws */
	}
	gw_verdict_encode(gw_chan_begin(a->chan), &v);
	rc = gw_chan_send(a->chan, GW_MSG_VERDICT, id, -1);
	free(v.groups);
	cr_assert(rc == GW_ERR_OK || rc == GW_ERR_SYSTEM);
}

static void
on_late(struct gw_timer *t)
{
	struct waiting *w = GW_CONTAINER(t, struct waiting, timer);

	rig_lock(w->auth->r);
	if (w->auth->chan != NULL)
		send_verdict(w->auth, w->id, w->login);
	rig_unlock(w->auth->r);
	free(w);
}

static void
put_off(struct auth *a, const struct gw_msg *m, const char *login)
{
	struct rig *r = a->r;
	struct waiting *w = gw_xcalloc(1, sizeof(*w));

	w->timer.fn = on_late;
	w->auth = a;
	w->id = m->id;
	memcpy(w->login, login, sizeof(w->login));
	if (r->answer.delay_ms < 0)
		LIST_INSERT_HEAD(&r->held, w, entry);
	else
		gw_timer_after(r->loop, &w->timer,
			       (uint64_t)r->answer.delay_ms);
}

static void
order_judge(struct rig *r)
{
	struct waiting *w;

	while ((w = LIST_FIRST(&r->held)) != NULL) {
		LIST_REMOVE(w, entry);
		if (w->auth->chan != NULL)
			send_verdict(w->auth, w->id, w->login);
		free(w);
	}
}

void
rig_judge(struct rig *r)
{
	rig_order(r, order_judge);
}

static enum gw_err
on_admit(void *ctx, struct gw_msg *m)
{
	struct auth *a = ctx;
	struct rig *r = a->r;
	struct gw_admit admit;

	cr_assert(gw_admit_decode(&m->rd, &admit), "ADMIT is malformed");
	rig_lock(r);
	r->admits++;
	r->leaves += (unsigned)admit.gone.count;
	r->resumed += admit.is_resumed;
	r->chain_count = admit.chain_count;
	rig_announce(r);
	if (r->answer.delay_ms == 0)
		send_verdict(a, m->id, admit.login);
	else
		put_off(a, m, admit.login);
	rig_unlock(r);
	return GW_ERR_OK;
}

static enum gw_err
on_gone(void *ctx, struct gw_msg *m)
{
	struct auth *a = ctx;
	struct gw_gone gone;

	cr_assert(gw_gone_decode(&m->rd, &gone));
	rig_lock(a->r);
	a->r->leaves += (unsigned)gone.count;
	rig_announce(a->r);
	rig_unlock(a->r);
	return GW_ERR_OK;
}

static const struct gw_msg_rule auth_rules[] = {
	{ GW_MSG_ADMIT, ST_ANY, false, on_admit },
	{ GW_MSG_GONE,  ST_ANY, false, on_gone },
};

static void
on_auth_close(void *ctx, enum gw_err why)
{
	struct auth *a = ctx;

	cr_assert(why == GW_ERR_OK, "gwd-proxy broke the protocol: %s",
		  gw_err_name(why));
	rig_lock(a->r);
	gw_chan_free(a->chan);
	a->chan = NULL;
	rig_unlock(a->r);
}

void
rig_link_all(struct rig *r)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct gw_link_msg m = { .far = GW_LINK_AUTH, .worker = i };
		struct gw_chan_conf conf = {
			.name = "proxy", .rules = auth_rules,
			.rule_count = GW_COUNT(auth_rules), .state = ST_ANY,
			.queue_max = 1000, .ctx = &r->auth[i],
			.on_close = on_auth_close,
		};
		int fd[2];

		r->auth[i].r = r;
		cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				     fd) == 0);
		gw_link_msg_encode(gw_chan_begin(r->control), &m);
		cr_assert(gw_chan_send(r->control, GW_MSG_LINK, 0, fd[0]) ==
			  GW_ERR_OK);
		close(fd[0]);
		cr_assert(gw_chan_new(r->loop, fd[1], &conf,
				      &r->auth[i].chan) == GW_ERR_OK);
	}
}

void
rig_unlink_all(struct rig *r)
{
	for (size_t i = 0; i < WORKERS; i++) {
		gw_chan_free(r->auth[i].chan);
		r->auth[i].chan = NULL;
	}
	order_judge(r); /* nobody is left to hear it */
}

/* ---- what the test has it do */

void
rig_answer(struct rig *r, const struct rig_answer *a)
{
	rig_lock(r);
	r->answer = *a;
	rig_unlock(r);
}

void
rig_unlink(struct rig *r)
{
	rig_order(r, rig_unlink_all);
	free(rig_status(r)); /* asked of every worker */
}

/* It stops at the first message it would count. */
void
rig_deafen(struct rig *r)
{
	rig_lock(r);
}

void
rig_hearken(struct rig *r)
{
	rig_unlock(r);
}

/* What a worker is told comes in order. */
void
rig_link(struct rig *r)
{
	rig_order(r, rig_link_all);
	free(rig_status(r));
}

static void
order_revoke(struct rig *r)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct gw_wr *w = gw_chan_begin(r->auth[i].chan);

		gw_wr_raw(w, r->session, sizeof(r->session));
		gw_wr_u32(w, GW_ERR_CERT_REVOKED);
		cr_assert(gw_chan_send(r->auth[i].chan, GW_MSG_REVOKE, 0,
				       -1) == GW_ERR_OK);
	}
}

void
rig_revoke(struct rig *r)
{
	rig_order(r, order_revoke);
}

/* ---- what it has seen */

unsigned
rig_admits(struct rig *r)
{
	unsigned n;

	rig_lock(r);
	n = r->admits;
	rig_unlock(r);
	return n;
}

void
rig_await_admits(struct rig *r, unsigned want)
{
	rig_lock(r);
	rig_await_count(r, &r->admits, want);
	cr_assert_geq(r->admits, want);
	rig_unlock(r);
}

unsigned
rig_leaves(struct rig *r, unsigned want)
{
	unsigned n;

	rig_lock(r);
	rig_await_count(r, &r->leaves, want);
	rig_unlock(r);
	usleep(100000); /* for one too many */
	rig_lock(r);
	n = r->leaves;
	rig_unlock(r);
	return n;
}

unsigned
rig_resumed(struct rig *r)
{
	unsigned n;

	rig_lock(r);
	n = r->resumed;
	rig_unlock(r);
	return n;
}

size_t
rig_chain_count(struct rig *r)
{
	size_t n;

	rig_lock(r);
	n = r->chain_count;
	rig_unlock(r);
	return n;
}

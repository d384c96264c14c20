/* recheck.c — see recheck.h. */
#include "recheck.h"
#include "demands.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>

#define MIN_MS     1000u
#define MAX_MS     (3600u * 1000) /* the wall clock may be moved */
#define RETRY_MIN_MS 2000u
#define RETRY_MAX_MS (60u * 1000)
#define RESTING_MS (60u * 1000)   /* nobody is in */
#define SPREAD_MS  (30u * 1000)   /* after a change that concerns all; less, */
#define SPREAD_EACH_MS 10u        /* when they are few */

struct gw_recheck {
	struct gw_session *session;
	struct gw_path path;
	STACK_OF(X509) *given;
	struct gw_standing standing;
	struct gw_timer timer;
	unsigned failures; /* in a row */
	bool was_told_of_lists, is_anew;
	uint64_t due_ms; /* when responders are to be asked, monotonic */
	time_t at;
};

static struct gw_auth *
auth_of(const struct gw_recheck *c)
{
	return c->session->owner;
}

/* Not all at once: sessions that began together, after a restart, say. */
static uint64_t
spread(uint64_t ms)
{
	uint32_t r;

	gw_random(&r, sizeof(r));
	return ms - ms / 10 * (r & 0xff) / 0xff;
}

static void
arm(struct gw_recheck *c, uint64_t ms)
{
	struct gw_auth *a = auth_of(c);

	ms = GW_MIN(GW_MAX(ms, MIN_MS), MAX_MS);
	c->at = gw_auth_now(a).wall + (time_t)(ms / 1000);
	gw_timer_after(a->loop, &c->timer, ms);
}

/* While a tenth of the answer's life is left; one that is not kept (0) has
 * none. */
static void
plan(struct gw_recheck *c, time_t fresh_until)
{
	const struct gw_auth *a = auth_of(c);
	uint64_t ms = (uint64_t)a->conf->revocation.recheck_ms;
	time_t now = gw_auth_now(a).wall;

	if (fresh_until > now)
		ms = GW_MIN(ms, (uint64_t)(fresh_until - now) * 900);
	ms = spread(ms);
	c->due_ms = gw_loop_now_ms(a->loop) + ms;
	arm(c, ms);
}

static bool
ends_session(enum gw_err code)
{
	return code == GW_ERR_CERT_REVOKED ||
	       code == GW_ERR_REVOCATION_UNKNOWN;
}

/* The check is gone after this, with its session. */
static void
end_session(struct gw_recheck *c, enum gw_err code, const char *detail)
{
	gw_event(GW_LOG_INFO, "recheck", "reason", gw_err_name(code),
		 "subject", c->session->subject, "serial",
		 c->session->serial, "detail", detail, NULL);
	gw_peers_revoke(auth_of(c), c->session, code);
}

/* Nobody has answered. */
static void
try_later(struct gw_recheck *c)
{
	c->failures++;
	arm(c, spread(GW_MIN((uint64_t)RETRY_MIN_MS
				     << GW_MIN(c->failures, 8u),
			     (uint64_t)RETRY_MAX_MS)));
}

/* What is asked between two questions to responders does not put the next one
 * off. */
static void
wait_until_due(struct gw_recheck *c)
{
	uint64_t now = gw_loop_now_ms(auth_of(c)->loop);

	arm(c, c->due_ms - GW_MIN(c->due_ms, now));
}

static bool
is_by_rules_of_before(const struct gw_recheck *c)
{
	return c->session->generation != auth_of(c)->generation;
}

/* The check may be gone after this, with its session. */
static void
conclude(struct gw_recheck *c)
{
	const struct gw_revocation_result *r = &c->standing.result;

	if (ends_session(r->code)) {
		end_session(c, r->code, r->detail);
		return;
	}
	if (r->code != GW_ERR_OK) {
		try_later(c);
		return;
	}
	c->failures = 0;
	if (is_by_rules_of_before(c))
		arm(c, 0);
	else if (c->is_anew)
		plan(c, r->fresh_until);
	else
		wait_until_due(c);
}

/* ---- by the rules of now */

static enum gw_err
find_path(const struct gw_recheck *c, struct gw_path *out,
	  struct gw_error *err)
{
	struct gw_auth *a = auth_of(c);
	const struct gw_demands d = { .ntauth = &a->ntauth };
	enum gw_err rc = gw_demands_verify(a->trust, &d, c->given,
					   gw_auth_now(a).wall, out, err);

	return rc == GW_ERR_OK ? gw_demands_profile(&d, out, err) : rc;
}

/* The session goes on by this path, which is taken over. Another section than
 * before has other answers about it: they are due. */
static bool
take_path(struct gw_recheck *c, struct gw_path *path)
{
	struct gw_session *s = c->session;
	struct gw_auth *a = auth_of(c);

	if (!gw_session_set_path(s, path))
		return false;
	if (!gw_path_is_same(path, &c->path))
		c->due_ms = gw_loop_now_ms(a->loop);
	gw_path_clear(&c->path);
	c->path = *path;
	path->certs = NULL;
	gw_standing_keys_of(a->trust, &c->path, &s->standing);
	s->generation = a->generation;
	s->until = GW_MIN(s->until, c->path.not_after);
	gw_peers_settle(a, s);
	return true;
}

/* False: the session is over, or nothing can be said yet. */
static bool
follow_rules(struct gw_recheck *c)
{
	struct gw_path path = { .certs = NULL };
	struct gw_error why;
	enum gw_err rc = find_path(c, &path, &why);

	if (rc == GW_ERR_OK && !take_path(c, &path))
		rc = gw_fail(&why, GW_ERR_CERT_CONSTRAINT,
			     "the path is too long");
	gw_path_clear(&path);
	if (rc == GW_ERR_KDC_UNAVAILABLE)
		try_later(c);
	else if (rc != GW_ERR_OK)
		end_session(c, rc, why.detail);
	return rc == GW_ERR_OK;
}

/* ---- the timer */

static void
on_standing(struct gw_standing *s)
{
	conclude(GW_CONTAINER(s, struct gw_recheck, standing));
}

static void
ask(struct gw_recheck *c)
{
	struct gw_auth *a = auth_of(c);
	const struct gw_standing_ask q = {
		.trust = a->trust, .path = &c->path, .given = c->given,
		.is_anew = gw_loop_now_ms(a->loop) >= c->due_ms,
	};

	if (!q.is_anew && !c->was_told_of_lists && c->failures == 0) {
		wait_until_due(c);
		return;
	}
	c->was_told_of_lists = false;
	c->is_anew = q.is_anew;
	if (gw_standing_ask(a->revocation, &q, &c->standing))
		conclude(c);
}

/* Nobody is in: whoever joins is judged anew. */
static void
on_timer(struct gw_timer *t)
{
	struct gw_recheck *c = GW_CONTAINER(t, struct gw_recheck, timer);

	if (c->session->connections == 0) {
		c->was_told_of_lists = false;
		arm(c, RESTING_MS);
		return;
	}
	if (c->standing.waiting > 0)
		return;
	if (!is_by_rules_of_before(c) || follow_rules(c))
		ask(c);
}

static bool
is_in(const struct gw_path *path, const X509 *x)
{
	for (int i = 0; i < sk_X509_num(path->certs); i++)
		if (X509_cmp(sk_X509_value(path->certs, i), x) == 0)
			return true;
	return false;
}

/* Takes from `*left` what is not the path's; false: too large. */
static bool
may_keep(const struct gw_path *path, X509 *x, int *left)
{
	int len;

	if (is_in(path, x))
		return true;
	len = i2d_X509(x, NULL);
	if (len <= 0 || len > *left)
		return false;
	*left -= len;
	return true;
}

STACK_OF(X509) *
gw_recheck_keep(const struct gw_path *path, STACK_OF(X509) *given)
{
	STACK_OF(X509) *kept = sk_X509_new_null();
	int left = GW_RECHECK_SPARE;

	gw_assert(kept != NULL);
	for (int i = 0; i < sk_X509_num(given); i++) {
		X509 *x = sk_X509_value(given, i);

		if (may_keep(path, x, &left))
			gw_assert(X509_up_ref(x) == 1 &&
				  sk_X509_push(kept, x) > 0);
	}
	return kept;
}

void
gw_recheck_begin(struct gw_session *s, struct gw_path *path,
		 STACK_OF(X509) *given, time_t fresh_until)
{
	struct gw_recheck *c = gw_xcalloc(1, sizeof(*c));

	gw_assert(s->recheck == NULL);
	s->recheck = c;
	c->session = s;
	c->path = *path;
	path->certs = NULL;
	c->given = gw_recheck_keep(&c->path, given);
	c->standing.fn = on_standing;
	c->timer.fn = on_timer;
	plan(c, fresh_until);
}

void
gw_recheck_end(struct gw_session *s)
{
	struct gw_recheck *c = s->recheck;

	if (c == NULL)
		return;
	s->recheck = NULL;
	gw_standing_forget(&c->standing);
	gw_timer_stop(auth_of(c)->loop, &c->timer);
	gw_path_clear(&c->path);
	gw_certs_free(c->given);
	free(c);
}

/* Few are asked at once, many not all together; none later than it would have
 * been. */
static void
hurry(struct gw_recheck *c)
{
	struct gw_auth *a = auth_of(c);
	uint64_t now = gw_loop_now_ms(a->loop), left, most;
	uint32_t r;

	left = c->timer.deadline_ms - GW_MIN(now, c->timer.deadline_ms);
	most = GW_MIN(gw_sessions_count(a->sessions) * SPREAD_EACH_MS,
		      (uint64_t)SPREAD_MS);
	gw_random(&r, sizeof(r));
	arm(c, GW_MIN(r % (most + 1), left));
}

void
gw_recheck_all(struct gw_auth *a)
{
	struct gw_session *s = NULL;

	while ((s = gw_session_next(a->sessions, s)) != NULL) {
		struct gw_recheck *c = s->recheck;

		if (c == NULL || c->standing.waiting > 0 ||
		    c->was_told_of_lists)
			continue;
		c->was_told_of_lists = true;
		hurry(c);
	}
}

/* One that waits for an answer is told when it has come. */
void
gw_recheck_rules(struct gw_auth *a)
{
	struct gw_session *s = NULL;

	while ((s = gw_session_next(a->sessions, s)) != NULL)
		if (s->recheck != NULL && s->recheck->standing.waiting == 0)
			hurry(s->recheck);
}

time_t
gw_recheck_at(const struct gw_session *s)
{
	return s->recheck != NULL ? s->recheck->at : 0;
}

bool
gw_recheck_is_failing(const struct gw_session *s)
{
	return s->recheck != NULL && s->recheck->failures > 0;
}

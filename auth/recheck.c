/* recheck.c — see recheck.h. */
#include "recheck.h"
#include "gw/log.h"
#include "gw/util.h"

#define MIN_MS     1000u
#define MAX_MS     (3600u * 1000) /* the wall clock may be moved */
#define RETRY_MIN_MS 2000u
#define RETRY_MAX_MS (60u * 1000)
#define RESTING_MS (60u * 1000)   /* nobody is in */
#define SPREAD_MS  (30u * 1000)   /* after a new list */

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

/* The check may be gone after this, with its session. */
static void
conclude(struct gw_recheck *c)
{
	const struct gw_revocation_result *r = &c->standing.result;

	if (ends_session(r->code)) {
		gw_event(GW_LOG_INFO, "recheck", "reason",
			 gw_err_name(r->code), "subject",
			 c->session->subject, "serial", c->session->serial,
			 "detail", r->detail, NULL);
		gw_peers_revoke(auth_of(c), c->session, r->code);
		return;
	}
	c->failures = r->code == GW_ERR_OK ? 0 : c->failures + 1;
	if (c->failures > 0)
		arm(c, spread(GW_MIN((uint64_t)RETRY_MIN_MS
					     << GW_MIN(c->failures, 8u),
				     (uint64_t)RETRY_MAX_MS)));
	else if (c->is_anew)
		plan(c, r->fresh_until);
	else /* a new list is no reason to ask responders later */
		arm(c, c->due_ms - GW_MIN(c->due_ms, gw_loop_now_ms(
						  auth_of(c)->loop)));
}

static void
on_standing(struct gw_standing *s)
{
	conclude(GW_CONTAINER(s, struct gw_recheck, standing));
}

/* Nobody is in: whoever joins is judged anew. */
static void
on_timer(struct gw_timer *t)
{
	struct gw_recheck *c = GW_CONTAINER(t, struct gw_recheck, timer);
	struct gw_auth *a = auth_of(c);
	const struct gw_standing_ask ask = {
		.trust = a->trust, .path = &c->path, .given = c->given,
		.is_anew = gw_loop_now_ms(a->loop) >= c->due_ms,
	};

	c->was_told_of_lists = false;
	if (c->session->connections == 0) {
		arm(c, RESTING_MS);
		return;
	}
	if (c->standing.waiting > 0)
		return;
	c->is_anew = ask.is_anew;
	if (gw_standing_ask(a->revocation, &ask, &c->standing))
		conclude(c);
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
	c->given = X509_chain_up_ref(given);
	gw_assert(c->given != NULL);
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

void
gw_recheck_all(struct gw_auth *a)
{
	struct gw_session *s = NULL;
	uint64_t now;
	uint32_t r;

	while ((s = gw_session_next(a->sessions, s)) != NULL) {
		struct gw_recheck *c = s->recheck;

		if (c == NULL || c->standing.waiting > 0 ||
		    c->was_told_of_lists)
			continue;
		c->was_told_of_lists = true;
		gw_random(&r, sizeof(r));
		now = gw_loop_now_ms(a->loop);
		arm(c, GW_MIN(r % SPREAD_MS,
			      c->timer.deadline_ms -
				      GW_MIN(now, c->timer.deadline_ms)));
	}
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

/* login_stages.c — the stages of a login. They stand in a table and run in
 * its order; each passes, waits, or fails with the reason in `err`. */
#include "login_priv.h"
#include "demands.h"
#include "recheck.h"
#include "verdict.h"
#include "gw/util.h"

#include <string.h>

#define KDC_GRACE_MS 300 /* for the answer itself to travel */
/* Until every thread of gwd-proxy has said who has gone, a busy one, too. */
#define PLACE_MS     (5 * GW_GONE_MS)

enum step
gw_login_fail(struct login *l, enum gw_err code, const char *what)
{
	gw_fail(&l->err, code, "%s", what);
	return FAIL;
}

/* ---- the certificate */

static enum step
do_chain(struct login *l)
{
	const struct gw_demands d = { .ntauth = &l->auth->ntauth };
	time_t now = l->at != 0 ? l->at : gw_auth_now(l->auth).wall;

	l->generation = l->auth->generation;
	if (l->path.certs != NULL)
		return PASS; /* known, see recall() */
	return gw_demands_verify(l->auth->trust, &d, l->given, now, &l->path,
				 &l->err) == GW_ERR_OK ? PASS : FAIL;
}

static enum step
do_profile(struct login *l)
{
	const struct gw_demands d = { .ntauth = &l->auth->ntauth };

	if (gw_demands_profile(&d, &l->path, &l->err) != GW_ERR_OK)
		return FAIL;
	if (l->trial == NULL && !l->is_known)
		gw_verified_put(l->auth->verified, &l->presented, l->given,
				&l->path);
	return PASS;
}

static bool
is_served(struct login *l)
{
	if (gw_registry_client_auth(l->auth->registry))
		return true;
	gw_login_fail(l, GW_ERR_POLICY_CLIENT_AUTH_DISABLED, "by an operator");
	return false;
}

/* fail closed: what was asked about this path, under its CA's settings, says
 * nothing about another one or under others. */
static bool
judge_again(struct login *l)
{
	struct gw_path old = l->path;
	bool ok;

	l->path = (struct gw_path){ .certs = NULL };
	l->presented.generation = l->auth->generation;
	l->is_known = false;
	ok = do_chain(l) == PASS && do_profile(l) == PASS;
	if (ok && !gw_path_is_same(&l->path, &old)) {
		gw_login_fail(l, GW_ERR_BUSY,
			      "the registered CAs have just changed");
		ok = false;
	}
	if (l->path.certs == NULL)
		l->path = old; /* for those who tell what happened */
	else
		gw_path_clear(&old);
	return ok;
}

/* The registry may have changed while the login waited: then the path is
 * looked for again among what is trusted now. */
static bool
still_stands(struct login *l)
{
	if (!is_served(l))
		return false;
	if (l->generation == l->auth->generation)
		return true;
	return judge_again(l);
}

enum step
gw_login_after_revocation(struct login *l)
{
	const struct gw_revocation_result *r = &l->standing.result;

	if (r->code == GW_ERR_OK)
		return PASS;
	return gw_login_fail(l, r->code, r->detail);
}

static enum step
do_revocation(struct login *l)
{
	const struct gw_standing_ask ask = {
		.trust = l->auth->trust, .path = &l->path, .given = l->given,
		.is_dry = l->trial != NULL,
	};

	return gw_standing_ask(l->auth->revocation, &ask, &l->standing)
		       ? gw_login_after_revocation(l) : WAIT;
}

/* ---- a session that is there */

/* Not one that the rules of before admitted. */
static struct gw_session *
find_session(const struct login *l)
{
	const struct gw_auth *a = l->auth;
	struct gw_session *s = gw_session_joinable(
		a->sessions, l->leaf, l->listener, gw_auth_now(a));

	return s != NULL && s->generation == a->generation ? s : NULL;
}

/* The certificate stands; if its account was confirmed a moment ago, that
 * still holds. */
static enum step
do_join(struct login *l)
{
	struct gw_auth *a = l->auth;
	struct gw_session *s = find_session(l);

	if (l->path.certs != NULL && !still_stands(l))
		return FAIL;
	if (l->trial != NULL)
		return PASS;
	if (s == NULL || !gw_session_join(a->sessions, s, l->link->id))
		return PASS;
	gw_peers_settle(a, s);
	l->session = s;
	l->is_joined = true;
	memcpy(l->subject, s->subject, sizeof(l->subject));
	memcpy(l->serial, s->serial, sizeof(l->serial));
	return DONE;
}

/* ---- the account */

static bool
wants_account(const struct login *l)
{
	return l->listener->admission != GW_ADMIT_CERTIFICATE;
}

static enum step
do_claims(struct login *l)
{
	if (!wants_account(l))
		return PASS;
	return gw_claims_read(gw_path_leaf(&l->path), &l->claims, &l->err) ==
			       GW_ERR_OK ? PASS : FAIL;
}

/* The certificate itself, for the KDC to map it. *out is heap (OpenSSL). */
static bool
take_leaf(const struct login *l, struct gw_der *out, uint8_t **out_heap)
{
	int len;

	if (l->auth->conf->mapping.mode != GW_MAP_KDC)
		return true;
	len = i2d_X509(gw_path_leaf(&l->path), out_heap);
	if (len <= 0 || len > GW_CERT_MAX)
		return false;
	*out = (struct gw_der){ *out_heap, (size_t)len };
	return true;
}

static enum gw_err
send_logon(struct gw_auth *a, const struct login *l, struct gw_logon *m)
{
	uint8_t *heap = NULL;
	enum gw_err rc = GW_ERR_INTERNAL;

	if (take_leaf(l, &m->leaf, &heap)) {
		gw_logon_encode(gw_chan_begin(a->kdc), m);
		rc = gw_chan_send(a->kdc, GW_MSG_LOGON, l->id, -1);
	}
	OPENSSL_free(heap);
	return rc;
}

static enum step
do_directory(struct login *l)
{
	struct gw_auth *a = l->auth;
	struct gw_logon m = {
		.budget_ms = (uint32_t)a->conf->directory.login_timeout_ms,
	};
	enum gw_err rc;

	if (!wants_account(l))
		return PASS;
	if (a->kdc == NULL)
		return gw_login_fail(l, GW_ERR_KDC_UNAVAILABLE,
				     "gwd-kdc is not connected");
	memcpy(m.login, l->name, sizeof(m.login));
	m.claims = l->claims; /* borrowed */
	rc = send_logon(a, l, &m);
	if (rc == GW_ERR_BUSY)
		return gw_login_fail(l, rc, "the queue to gwd-kdc is full");
	if (rc == GW_ERR_INTERNAL)
		return gw_login_fail(l, rc,
				     "the certificate does not fit a message");
	if (rc != GW_ERR_OK)
		return gw_login_fail(l, GW_ERR_KDC_UNAVAILABLE,
				     gw_err_name(rc));
	gw_timer_after(a->loop, &l->timer,
		       (uint64_t)m.budget_ms + KDC_GRACE_MS);
	return WAIT;
}

/* What gwd-kdc says must fit what the certificate says; it has checked the
 * same, but it decides nothing alone. */
static enum step
check_facts(struct login *l)
{
	const struct gw_conf *c = l->auth->conf;

	if (l->claims.sid[0] != '\0' &&
	    strcmp(l->claims.sid, l->facts.sid) != 0) {
		gw_fail(&l->err, GW_ERR_MAP_SID_MISMATCH,
			"certificate %.80s, account %.80s", l->claims.sid,
			l->facts.sid);
		return FAIL;
	}
	if (c->mapping.strong == GW_STRONG_REQUIRED &&
	    !gw_mapping_is_strong(l->facts.mapping))
		return gw_login_fail(l, GW_ERR_MAP_WEAK,
				     gw_mapping_name(l->facts.mapping));
	return PASS;
}

static enum step
do_policy(struct login *l)
{
	bool wants = wants_account(l);

	if (wants && !l->has_facts)
		return gw_login_fail(l, GW_ERR_INTERNAL, "no facts");
	if (wants && check_facts(l) != PASS)
		return FAIL;
	return gw_verdict_make(l->auth->conf, l->listener,
			       wants ? &l->facts : NULL, &l->says,
			       &l->err) == GW_ERR_OK ? PASS : FAIL;
}

/* ---- the session */

static time_t
session_end(const struct login *l, time_t now)
{
	time_t longest = (time_t)(l->auth->conf->session.lifetime_ms / 1000);
	time_t until = GW_MIN(l->path.not_after, now + longest);

	return l->has_facts ? GW_MIN(until, l->facts.ticket_end) : until;
}

/* Somebody may have gone of whom we have not been told: most likely the very
 * user who comes back, by another thread of gwd-proxy. */
static enum step
await_place(struct login *l)
{
	if (l->has_waited)
		return gw_login_fail(l, GW_ERR_SESSION_LIMIT,
				     "all places are taken");
	l->has_waited = true;
	gw_timer_after(l->auth->loop, &l->timer, PLACE_MS);
	return WAIT;
}

static enum step
do_session(struct login *l)
{
	struct gw_auth *a = l->auth;
	struct gw_now now = gw_auth_now(a);
	struct gw_session like = {
		.listener = l->listener, .since = now.wall,
		.judged_ms = now.mono_ms, .owner = a,
	};

	if (!still_stands(l))
		return FAIL;
	like.generation = l->generation; /* by which it stands */
	if (!gw_session_set_path(&like, &l->path))
		return gw_login_fail(l, GW_ERR_CERT_CONSTRAINT,
				     "the path is too long");
	l->says.until = like.until = session_end(l, now.wall);
	if (like.until <= now.wall)
		return gw_login_fail(l, GW_ERR_SESSION_ENDED,
				     "certificate or ticket ends now");
	if (l->trial != NULL)
		return DONE;
	memcpy(like.leaf, l->leaf, GW_HASH);
	memcpy(like.peer, l->peer, sizeof(like.peer));
	memcpy(like.subject, l->subject, sizeof(like.subject));
	memcpy(like.serial, l->serial, sizeof(like.serial));
	gw_standing_keys_of(a->trust, &l->path, &like.standing);
	l->session = gw_session_open(a->sessions, &like, &l->says,
				     l->link->id);
	if (l->session == NULL)
		return await_place(l);
	gw_recheck_begin(l->session, &l->path, l->given,
			 l->standing.result.fresh_until);
	gw_peers_settle(a, l->session);
	return DONE;
}

static enum step (*const stages[ST_COUNT])(struct login *l) = {
	[ST_CHAIN] = do_chain,         [ST_PROFILE] = do_profile,
	[ST_REVOCATION] = do_revocation, [ST_JOIN] = do_join,
	[ST_CLAIMS] = do_claims,       [ST_DIRECTORY] = do_directory,
	[ST_POLICY] = do_policy,       [ST_SESSION] = do_session,
};

enum step
gw_login_stage(struct login *l)
{
	gw_assert(l->stage < ST_COUNT);
	return stages[l->stage](l);
}

/* ---- before the first of them */

/* The same card again, everything about it judged a moment ago and its
 * revocation answer still good: no need to look at it twice. */
static bool
try_join(struct login *l)
{
	const struct gw_session *s = find_session(l);

	if (s == NULL || l->trial != NULL ||
	    !gw_standing_is_fresh(l->auth->revocation, &s->standing))
		return false;
	gw_format(l->standing.result.source,
		  sizeof(l->standing.result.source), "cached");
	return do_join(l) == DONE;
}

/* The same certificates as before, which need not be decoded and verified
 * again. Trials show what that takes. */
static bool
recall(struct login *l, const struct gw_admit *m)
{
	struct gw_auth *a = l->auth;

	l->presented = gw_presented_of(m->chain, m->chain_count,
				       a->generation);
	l->is_known = l->trial == NULL &&
		      gw_verified_find(a->verified, &l->presented,
				       gw_auth_now(a).wall, &l->given,
				       &l->path);
	return l->is_known;
}

bool
gw_login_examine(struct login *l, const struct gw_admit *m)
{
	if (l->listener == NULL) {
		gw_login_fail(l, GW_ERR_INTERNAL, "no such listener");
		return false;
	}
	if (!is_served(l) || try_join(l))
		return false;
	if (!recall(l, m) &&
	    gw_certs_parse(m->chain, m->chain_count, &l->given, &l->err) !=
		    GW_ERR_OK)
		return false;
	gw_cert_subject(sk_X509_value(l->given, 0), l->subject,
			sizeof(l->subject));
	gw_cert_serial(sk_X509_value(l->given, 0), l->serial);
	return true;
}

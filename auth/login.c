/* login.c — see login.h. The stages stand in a table and run in its order;
 * each passes, waits, or fails with the reason in `err`. */
#include "login_priv.h"
#include "demands.h"
#include "recheck.h"
#include "verdict.h"
#include "gw/log.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

#define KDC_GRACE_MS 300 /* for the answer itself to travel */

enum step { PASS, WAIT, FAIL, DONE };

struct gw_logins {
	struct gw_auth *auth;
	struct login *slots[GW_LOGINS_MAX];
	uint32_t generations[GW_LOGINS_MAX];
	uint16_t unused[GW_LOGINS_MAX]; /* stack of free slots */
	size_t unused_count;
};

static void run(struct login *l);

/* ---- the table of logins */

struct gw_logins *
gw_logins_new(struct gw_auth *a)
{
	struct gw_logins *t = gw_xcalloc(1, sizeof(*t));

	t->auth = a;
	while (t->unused_count < GW_LOGINS_MAX) {
		t->unused[t->unused_count] = (uint16_t)t->unused_count;
		t->unused_count++;
	}
	return t;
}

size_t
gw_logins_count(const struct gw_logins *t)
{
	return GW_LOGINS_MAX - t->unused_count;
}

static struct login *
find(const struct gw_logins *t, uint64_t id)
{
	size_t slot = (size_t)(id & 0xffffffff);

	if (slot >= GW_LOGINS_MAX || t->slots[slot] == NULL ||
	    t->slots[slot]->id != id)
		return NULL;
	return t->slots[slot];
}

static void
clear(struct login *l)
{
	free(l->trial); /* nobody will be told */
	gw_standing_forget(&l->standing);
	gw_timer_stop(l->auth->loop, &l->timer);
	gw_certs_free(l->given);
	gw_path_clear(&l->path);
	gw_claims_clear(&l->claims);
	gw_facts_clear(&l->facts);
	gw_verdict_clear(&l->says);
}

static void
end(struct login *l)
{
	struct gw_logins *t = l->auth->logins;
	size_t slot = (size_t)(l->id & 0xffffffff);

	clear(l);
	t->slots[slot] = NULL;
	t->unused[t->unused_count++] = (uint16_t)slot;
	free(l);
}

void
gw_logins_free(struct gw_logins *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < GW_LOGINS_MAX; i++)
		if (t->slots[i] != NULL)
			end(t->slots[i]);
	free(t);
}

/* ---- the outcome */

static const char *
opt(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

static void
log_decision(const struct login *l)
{
	const struct gw_verdict_msg *v =
		l->session != NULL ? &l->session->says : &l->says;
	bool is_ok = l->session != NULL;
	const uint64_t *us = l->took_us;

	gw_event(GW_LOG_INFO, "login", "req", l->name,
		 "verdict", is_ok ? "allow" : "deny",
		 "reason", gw_err_name(l->err.code),
		 "listener", l->listener != NULL ? l->listener->title : NULL,
		 "peer", opt(l->peer), "subject", opt(l->subject),
		 "serial", opt(l->serial),
		 "account", opt(l->has_facts ? l->facts.sam : v->sam),
		 "sid", opt(l->has_facts ? l->facts.sid : v->sid),
		 "mapping", l->has_facts
			 ? gw_mapping_name(l->facts.mapping)
			 : v->has_account ? gw_mapping_name(v->mapping) : NULL,
		 "dc", opt(l->dc), "revocation", opt(l->standing.result.source),
		 "joined", l->is_joined ? "yes" : "no",
		 "chain_us", GW_NUM(us[ST_CHAIN]),
		 "revocation_us", GW_NUM(us[ST_REVOCATION]),
		 "directory_us", GW_NUM(us[ST_DIRECTORY]),
		 "map_us", GW_NUM(l->facts.map_us),
		 "self_us", GW_NUM(l->facts.self_us),
		 "proxy_us", GW_NUM(l->facts.proxy_us),
		 "bind_us", GW_NUM(l->facts.bind_us),
		 "total_us", GW_NUM(gw_mono_us() - l->began_us),
		 "detail", opt(l->err.detail), NULL);
}

static enum gw_err
send_verdict(const struct login *l)
{
	struct gw_verdict_msg v = { .verdict = GW_VERDICT_DENY,
				    .reason = l->err.code };
	struct gw_wr *w = gw_chan_begin(l->link->chan);

	if (l->session != NULL)
		v = l->session->says;
	memcpy(v.login, l->name, sizeof(v.login));
	gw_verdict_encode(w, &v);
	return gw_chan_send(l->link->chan, GW_MSG_VERDICT, l->proxy_id, -1);
}

/* Says it, counts it, logs it. A verdict the proxy does not take is as good
 * as a connection that has ended. */
static void
conclude(struct login *l)
{
	struct gw_auth *a = l->auth;

	if (l->trial != NULL) {
		gw_trial_conclude(l);
		return;
	}
	a->reasons[l->err.code]++;
	log_decision(l);
	if (send_verdict(l) == GW_ERR_OK)
		return;
	gw_event(GW_LOG_ERR, "verdict-not-sent", "req", l->name, NULL);
	if (l->session != NULL) {
		gw_session_leave(a->sessions, l->session, l->link->id);
		gw_peers_settle(a, l->session);
	}
}

static void
finish(struct login *l)
{
	conclude(l);
	end(l);
}

/* ---- the stages */

static enum step
fail(struct login *l, enum gw_err code, const char *what)
{
	gw_fail(&l->err, code, "%s", what);
	return FAIL;
}

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
	fail(l, GW_ERR_POLICY_CLIENT_AUTH_DISABLED, "by an operator");
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
		fail(l, GW_ERR_BUSY, "the registered CAs have just changed");
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

static enum step
after_revocation(struct login *l)
{
	const struct gw_revocation_result *r = &l->standing.result;

	if (r->code == GW_ERR_OK)
		return PASS;
	return fail(l, r->code, r->detail);
}

static enum step
do_revocation(struct login *l)
{
	const struct gw_standing_ask ask = {
		.trust = l->auth->trust, .path = &l->path, .given = l->given,
		.is_dry = l->trial != NULL,
	};

	return gw_standing_ask(l->auth->revocation, &ask, &l->standing)
		       ? after_revocation(l) : WAIT;
}

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
		return fail(l, GW_ERR_KDC_UNAVAILABLE,
			    "gwd-kdc is not connected");
	memcpy(m.login, l->name, sizeof(m.login));
	m.claims = l->claims; /* borrowed */
	rc = send_logon(a, l, &m);
	if (rc == GW_ERR_BUSY)
		return fail(l, rc, "the queue to gwd-kdc is full");
	if (rc == GW_ERR_INTERNAL)
		return fail(l, rc, "the certificate does not fit a message");
	if (rc != GW_ERR_OK)
		return fail(l, GW_ERR_KDC_UNAVAILABLE, gw_err_name(rc));
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
		return fail(l, GW_ERR_MAP_WEAK,
			    gw_mapping_name(l->facts.mapping));
	return PASS;
}

static enum step
do_policy(struct login *l)
{
	bool wants = wants_account(l);

	if (wants && !l->has_facts)
		return fail(l, GW_ERR_INTERNAL, "no facts");
	if (wants && check_facts(l) != PASS)
		return FAIL;
	return gw_verdict_make(l->auth->conf, l->listener,
			       wants ? &l->facts : NULL, &l->says,
			       &l->err) == GW_ERR_OK ? PASS : FAIL;
}

static time_t
session_end(const struct login *l, time_t now)
{
	time_t longest = (time_t)(l->auth->conf->session.lifetime_ms / 1000);
	time_t until = GW_MIN(l->path.not_after, now + longest);

	return l->has_facts ? GW_MIN(until, l->facts.ticket_end) : until;
}

static enum step
do_session(struct login *l)
{
	struct gw_auth *a = l->auth;
	struct gw_now now = gw_auth_now(a);
	struct gw_session like = {
		.listener = l->listener, .since = now.wall,
		.judged_ms = now.mono_ms, .owner = a,
		.generation = l->generation,
	};

	if (!still_stands(l))
		return FAIL;
	if (!gw_session_set_path(&like, &l->path))
		return fail(l, GW_ERR_CERT_CONSTRAINT, "the path is too long");
	l->says.until = like.until = session_end(l, now.wall);
	if (like.until <= now.wall)
		return fail(l, GW_ERR_SESSION_ENDED,
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
		return fail(l, GW_ERR_SESSION_LIMIT, "all places are taken");
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

static void
note_time(struct login *l)
{
	uint64_t now = gw_mono_us();

	l->took_us[l->stage] = now - l->stage_us;
	l->stage_us = now;
}

/* After a stage has come to its end. */
static void
go_on(struct login *l, enum step step)
{
	note_time(l);
	if (step == PASS) {
		l->stage++;
		run(l);
		return;
	}
	if (step == DONE)
		l->err = (struct gw_error){ .code = GW_ERR_OK };
	else if (l->err.code == GW_ERR_OK)
		fail(l, GW_ERR_INTERNAL, "no reason"); /* fail closed */
	finish(l);
}

static void
run(struct login *l)
{
	enum step step = PASS;

	gw_assert(l->stage < ST_COUNT);
	step = stages[l->stage](l);
	if (step != WAIT)
		go_on(l, step);
}

/* ---- what is waited for */

static void
on_standing(struct gw_standing *s)
{
	struct login *l = GW_CONTAINER(s, struct login, standing);

	go_on(l, after_revocation(l));
}

static struct login *
take_answer(struct gw_logins *t, uint64_t id)
{
	struct login *l = find(t, id);

	if (l == NULL || l->stage != ST_DIRECTORY)
		return NULL;
	gw_timer_stop(t->auth->loop, &l->timer);
	return l;
}

void
gw_login_facts(struct gw_logins *t, uint64_t id, struct gw_facts *facts)
{
	struct login *l = take_answer(t, id);

	if (l == NULL) {
		gw_facts_clear(facts);
		return;
	}
	l->facts = *facts;
	l->has_facts = true;
	memcpy(l->dc, facts->dc, sizeof(l->dc));
	memset(facts, 0, sizeof(*facts));
	go_on(l, PASS);
}

void
gw_login_refused(struct gw_logins *t, uint64_t id, const struct gw_refused *x)
{
	struct login *l = take_answer(t, id);

	if (l == NULL)
		return;
	memcpy(l->dc, x->dc, sizeof(l->dc));
	go_on(l, fail(l, x->code, x->detail));
}

static void
on_timer(struct gw_timer *t)
{
	struct login *l = GW_CONTAINER(t, struct login, timer);

	go_on(l, fail(l, GW_ERR_KDC_UNAVAILABLE, "no answer in time"));
}

void
gw_logins_drop_kdc(struct gw_logins *t)
{
	for (size_t i = 0; i < GW_LOGINS_MAX; i++) {
		struct login *l = t->slots[i];

		if (l == NULL || l->stage != ST_DIRECTORY)
			continue;
		go_on(l, fail(l, GW_ERR_KDC_UNAVAILABLE, "gwd-kdc ended"));
	}
}

void
gw_logins_drop_link(struct gw_logins *t, const struct gw_peer *link)
{
	for (size_t i = 0; i < GW_LOGINS_MAX; i++)
		if (t->slots[i] != NULL && t->slots[i]->link == link)
			end(t->slots[i]);
}

/* ---- the beginning */

static void
copy_peer(const char *in, char out[GW_PEER_MAX])
{
	size_t i = 0;

	for (; in[i] != '\0' && i + 1 < GW_PEER_MAX; i++)
		out[i] = in[i] > 0x20 && in[i] < 0x7f ? in[i] : '?';
	out[i] = '\0';
}

static void
init(struct login *l, struct gw_auth *a, struct gw_peer *link, uint64_t id,
     const struct gw_admit *m)
{
	unsigned len = 0;

	*l = (struct login){ .auth = a, .link = link, .proxy_id = id,
			     .standing.fn = on_standing,
			     .timer.fn = on_timer };
	l->began_us = l->stage_us = gw_mono_us();
	memcpy(l->name, m->login, sizeof(l->name));
	copy_peer(m->peer, l->peer);
	l->listener = gw_conf_listener(a->conf, m->listener);
	gw_assert(EVP_Digest(m->chain[0].p, m->chain[0].len, l->leaf, &len,
			     EVP_sha256(), NULL) == 1 && len == GW_HASH);
}

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

/* Whatever can be said without waiting. False: answered. */
static bool
examine(struct login *l, const struct gw_admit *m)
{
	if (l->listener == NULL) {
		fail(l, GW_ERR_INTERNAL, "no such listener");
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
	if (l->auth->logins->unused_count == 0) {
		fail(l, GW_ERR_BUSY, "too many logins under way");
		return false;
	}
	return true;
}

/* Takes `l`. */
static void
begin(struct gw_logins *t, struct login *l, const struct gw_admit *m)
{
	size_t slot;

	if (!examine(l, m)) {
		conclude(l);
		clear(l);
		free(l);
		return;
	}
	slot = t->unused[--t->unused_count];
	l->id = (uint64_t)++t->generations[slot] << 32 | slot;
	t->slots[slot] = l;
	run(l);
}

void
gw_login_begin(struct gw_logins *t, struct gw_peer *link, uint64_t id,
	       const struct gw_admit *m)
{
	struct login *l = gw_xcalloc(1, sizeof(*l));

	init(l, t->auth, link, id, m);
	begin(t, l, m);
}

void
gw_login_try(struct gw_logins *t, const struct gw_admit *m, time_t at,
	     struct gw_trial *trial)
{
	struct login *l = gw_xcalloc(1, sizeof(*l));

	init(l, t->auth, NULL, 0, m);
	l->trial = trial;
	l->at = at;
	begin(t, l, m);
}

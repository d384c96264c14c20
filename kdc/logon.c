/* logon.c — see logon.h. */
#include "logon.h"
#include "gw/util.h"
#include "lookup.h"

#include <string.h>

/* A DC that stays silent this long is left for another one, when there is
 * another: hanging ones are the rule in a fail-over, dead ones the
 * exception. The last one is given the configured times. */
#define SILENT_MS     1000
#define CONN_OLD_MS   (10 * 60 * 1000) /* AD closes idle ones after 15 min */
#define LAST_PROBE_MS 700

struct gw_worker {
	const struct gw_shared *shared;
	struct gw_krb *krb;
	struct gw_names *names;
	uint64_t generation; /* of the service's ticket in `krb` */
	struct conn {
		struct gw_service_conn conn; /* ld NULL: none */
		union gw_addr addr;
		uint64_t opened_ms;
	} conns[GW_DCS_MAX];
};

/* One login on one DC. */
struct attempt {
	struct gw_worker *w;
	const struct gw_claims *claims;
	struct gw_dc dc;
	struct gw_limits limits;
	struct gw_account account;
	enum gw_mapping mapping;
	struct gw_evidence evidence;
	struct gw_cred cred;
	LDAP *ld; /* bound as the user */
	struct gw_token token;
	struct gw_logon_trace *trace;
};

enum gw_err
gw_worker_new(const struct gw_shared *shared, struct gw_worker **out,
	      struct gw_error *err)
{
	struct gw_worker *w = gw_xcalloc(1, sizeof(*w));
	enum gw_err rc = gw_krb_new(shared->krbconf, &w->krb, err);

	if (rc != GW_ERR_OK) {
		free(w);
		return rc;
	}
	w->shared = shared;
	w->names = gw_names_new();
	*out = w;
	return GW_ERR_OK;
}

static void
drop_conn(struct conn *c)
{
	gw_ldap_close(c->conn.ld);
	c->conn.ld = NULL;
}

void
gw_worker_free(struct gw_worker *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < GW_DCS_MAX; i++)
		drop_conn(&w->conns[i]);
	gw_names_free(w->names);
	gw_krb_free(w->krb);
	free(w);
}

struct gw_krb *
gw_worker_krb(struct gw_worker *w)
{
	return w->krb;
}

/* ---- the service's own connection, kept for the next login */

/* A KDC that does not take our ticket gets a new one to see, once. */
static enum gw_err
service_cred(struct gw_worker *w, struct gw_cred *out, struct gw_error *err)
{
	struct gw_service *s = w->shared->service;
	krb5_error_code code = 0;
	enum gw_err rc;

	rc = gw_service_ticket(s, w->krb, &w->generation, err);
	if (rc != GW_ERR_OK)
		return rc;
	rc = gw_krb_service(w->krb, out, &code, err);
	if (rc == GW_ERR_OK || !gw_krb_wants_new_ticket(code))
		return rc;
	gw_service_spoil(s, w->generation);
	rc = gw_service_ticket(s, w->krb, &w->generation, err);
	return rc != GW_ERR_OK ? rc : gw_krb_service(w->krb, out, &code, err);
}

static enum gw_err
bind_service(struct gw_worker *w, const struct gw_dc *dc,
	     const struct gw_limits *l, struct gw_service_conn *out,
	     struct gw_error *err)
{
	gw_auto(gw_ldap_close) LDAP *ld = NULL;
	struct gw_cred cred = GW_CRED_NONE;
	/* The ticket first: while there is none to be had, DCs are not
	 * bothered with connections. */
	enum gw_err rc = service_cred(w, &cred, err);

	if (rc == GW_ERR_OK)
		rc = gw_ldap_open(dc, l, &ld, err);
	if (rc == GW_ERR_OK)
		rc = gw_ldap_bind(ld, &cred, l, err);
	if (rc == GW_ERR_LDAP_BIND_REFUSED)
		err->code = rc = GW_ERR_SERVICE_ACCOUNT;
	if (rc == GW_ERR_OK)
		rc = gw_lookup_tree(ld, l, &out->tree, err);
	gw_cred_clear(w->krb, &cred);
	if (rc == GW_ERR_OK)
		out->ld = gw_steal(&ld);
	return rc;
}

/* *out_is_new: made just now, so that a failure on it is not its age. */
static enum gw_err
service_conn(struct gw_worker *w, const struct gw_dc *dc,
	     const struct gw_limits *l, struct gw_service_conn **out,
	     bool *out_is_new, struct gw_error *err)
{
	struct conn *c = &w->conns[dc->id];
	uint64_t now = gw_mono_ms();
	enum gw_err rc;

	if (c->conn.ld != NULL &&
	    (now - c->opened_ms > CONN_OLD_MS ||
	     memcmp(&c->addr, &dc->addr, sizeof(c->addr)) != 0))
		drop_conn(c);
	*out = &c->conn;
	*out_is_new = c->conn.ld == NULL;
	if (!*out_is_new)
		return GW_ERR_OK;
	rc = bind_service(w, dc, l, &c->conn, err);
	c->opened_ms = now;
	c->addr = dc->addr;
	return rc;
}

typedef enum gw_err question_fn(const struct gw_lookup *q, void *ctx,
				struct gw_error *err);

/* Asks over the service's connection; when a kept one turns out to be dead
 * (not silent), once more over a new one. */
static enum gw_err
ask_as_service(struct gw_worker *w, const struct gw_dc *dc,
	       const struct gw_limits *l, question_fn *fn, void *ctx,
	       struct gw_error *err)
{
	struct gw_lookup q = { .conf = w->shared->conf,
			       .service = w->shared->service, .limits = l };
	uint64_t start = gw_mono_ms();
	bool is_new = false;
	enum gw_err rc = GW_ERR_OK;

	for (int i = 0; i < 2; i++) {
		struct gw_service_conn *conn = NULL;

		rc = service_conn(w, dc, l, &conn, &is_new, err);
		q.conn = conn;
		if (rc == GW_ERR_OK)
			rc = fn(&q, ctx, err);
		if (rc != GW_ERR_LDAP_UNREACHABLE)
			break;
		drop_conn(&w->conns[dc->id]);
		if (is_new || gw_mono_ms() - start >= (uint64_t)l->ldap_ms)
			break;
	}
	return rc;
}

/* ---- stages: each passes, or ends the attempt with its reason */

static enum gw_err
ask_account(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	struct attempt *a = ctx;

	return gw_lookup_account(q, a->claims, &a->account, &a->mapping, err);
}

static bool
refuses_privileged(const struct attempt *a)
{
	return a->w->shared->conf->policy.privileged != GW_PRIVILEGED_ALLOW;
}

static enum gw_err
stage_map(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	enum gw_err rc = ask_as_service(a->w, &a->dc, &a->limits, ask_account,
					a, err);

	if (rc != GW_ERR_OK)
		return rc;
	memcpy(a->trace->sam, a->account.sam, sizeof(a->trace->sam));
	memcpy(a->trace->sid, a->account.sid, sizeof(a->trace->sid));
	a->trace->mapping = a->mapping;
	f->is_privileged = gw_account_is_privileged(&a->account);
	/* fail closed: for them the keytab is not even tried. */
	if (f->is_privileged && refuses_privileged(a))
		return gw_fail(err, GW_ERR_POLICY_DENIED,
			       "%.60s is privileged (%s)", a->account.sam,
			       a->account.admin_count > 0 ? "adminCount"
			       : a->account.is_computer   ? "computer"
							  : "RID or name");
	return GW_ERR_OK;
}

/* A KDC says "refused" in few words; the account's own attributes say it
 * better. */
static enum gw_err
explain(const struct attempt *a, enum gw_err rc, struct gw_error *err)
{
	static const enum gw_err vague[] = {
		GW_ERR_ACCOUNT_DISABLED, GW_ERR_ACCOUNT_EXPIRED,
		GW_ERR_ACCOUNT_REVOKED, GW_ERR_ACCOUNT_PASSWORD_EXPIRED,
	};
	struct gw_error better = { .code = GW_ERR_OK };
	char said[sizeof(err->detail)];

	for (size_t i = 0; i < GW_COUNT(vague); i++) {
		if (rc != vague[i])
			continue;
		memcpy(said, err->detail, sizeof(said));
		if (gw_account_check(&a->account, time(NULL), &better) !=
		    GW_ERR_OK)
			return gw_fail(err, better.code, "%.90s; %.90s", said,
				       better.detail);
		/* POLICY without a disabled account: a silo, a workstation
		 * restriction … */
		if (rc == GW_ERR_ACCOUNT_DISABLED)
			err->code = GW_ERR_KDC_REFUSED;
		return err->code;
	}
	return rc;
}

static enum gw_err
ask_self_ticket(struct attempt *a, struct gw_error *err)
{
	struct gw_worker *w = a->w;
	krb5_error_code code = 0;
	enum gw_err rc;

	rc = gw_service_ticket(w->shared->service, w->krb, &w->generation,
			       err);
	if (rc == GW_ERR_OK)
		rc = gw_krb_self(w->krb, a->account.sam, &a->evidence, &code,
				 err);
	if (rc == GW_ERR_OK || !gw_krb_wants_new_ticket(code))
		return rc;
	gw_service_spoil(w->shared->service, w->generation);
	rc = gw_service_ticket(w->shared->service, w->krb, &w->generation,
			       err);
	return rc != GW_ERR_OK ? rc : gw_krb_self(w->krb, a->account.sam,
						  &a->evidence, &code, err);
}

struct service_answer {
	struct gw_service_view view;
	char **spns;
};

static enum gw_err
ask_service(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	struct service_answer *s = ctx;

	return gw_lookup_service(q, &s->view, &s->spns, err);
}

/* The ticket must not be forwarded: whose fault is it? Both look the same to
 * us (MS-SFU 3.2.5.1.2), so the service account's own flags decide, read
 * afresh. */
static enum gw_err
explain_not_forwardable(struct attempt *a, struct gw_error *err)
{
	const char *service = a->w->shared->conf->directory.service_account;
	struct service_answer s = { .spns = NULL };
	enum gw_err rc = ask_as_service(a->w, &a->dc, &a->limits, ask_service,
					&s, err);

	if (rc != GW_ERR_OK)
		return rc;
	gw_strings_free(s.spns);
	gw_service_saw(a->w->shared->service, &s.view);
	if (s.view.is_sensitive)
		return gw_fail(err, GW_ERR_SERVICE_ACCOUNT,
			       "%.60s itself is marked sensitive: its tickets are not forwardable",
			       service);
	if (!s.view.any_protocol)
		return gw_fail(err, GW_ERR_SERVICE_NOT_TRUSTED,
			       "%.60s lacks TRUSTED_TO_AUTH_FOR_DELEGATION: S4U2Self ticket not forwardable",
			       service);
	return gw_fail(err, GW_ERR_ACCOUNT_NOT_DELEGABLE,
		       "%.60s: S4U2Self ticket not forwardable",
		       a->account.sam);
}

static enum gw_err
stage_self(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	char sid[GW_SID_MAX];
	enum gw_err rc = ask_self_ticket(a, err);

	(void)f;
	if (rc != GW_ERR_OK)
		return explain(a, rc, err);
	rc = gw_krb_pac_sid(a->w->krb, &a->evidence, sid, err);
	if (rc != GW_ERR_OK)
		return rc;
	/* fail closed: before anything is done in that account's name. */
	if (strcmp(sid, a->account.sid) != 0)
		return gw_fail(err, GW_ERR_LDAP_IDENTITY_MISMATCH,
			       "PAC says %.60s, mapped %.60s", sid,
			       a->account.sid);
	if (!a->evidence.is_forwardable)
		return explain_not_forwardable(a, err);
	return GW_ERR_OK;
}

static enum gw_err
stage_proxy(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	krb5_error_code code = 0;
	enum gw_err rc = gw_krb_proxy(a->w->krb, &a->evidence, &a->cred,
				      &code, err);

	if (rc == GW_ERR_OK)
		f->ticket_end = a->cred.end;
	if (rc == GW_ERR_DELEGATION_MISSING)
		return gw_fail(err, rc,
			       "ldap/%.100s is not in msDS-AllowedToDelegateTo (KDC error 13)",
			       a->dc.name);
	return explain(a, rc, err);
}

/* The directory's own view of who is bound. */
static enum gw_err
check_token(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	const struct gw_token *t = &a->token;

	/* fail closed: the one proof that it is the mapped account. */
	if (strcmp(t->sids[0].sid, a->account.sid) != 0)
		return gw_fail(err, GW_ERR_LDAP_IDENTITY_MISMATCH,
			       "bound as %.60s, mapped %.60s",
			       t->sids[0].sid, a->account.sid);
	for (size_t i = 1; i < t->count; i++) {
		const char *sid = t->sids[i].sid;

		/* Service asserted identity: SHOULD be there after S4U
		 * (MS-SFU 3.2.5.1.2), so it is noted, not demanded. */
		a->trace->is_s4u |= strcmp(sid, "S-1-18-2") == 0;
		f->is_privileged |= gw_sid_is_privileged(sid);
		if (gw_sid_is_protected_users(sid))
			return gw_fail(err, GW_ERR_ACCOUNT_NOT_DELEGABLE,
				       "%.60s is in Protected Users",
				       a->account.sam);
	}
	if (f->is_privileged && refuses_privileged(a))
		return gw_fail(err, GW_ERR_POLICY_DENIED,
			       "%.60s is in a privileged group",
			       a->account.sam);
	return GW_ERR_OK;
}

static enum gw_err
ask_names(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	struct attempt *a = ctx;

	return gw_lookup_names(q, a->w->names, &a->token, err);
}

static enum gw_err
stage_bind(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	struct gw_account own = { .sid = "" };
	enum gw_err rc = gw_ldap_open(&a->dc, &a->limits, &a->ld, err);

	if (rc == GW_ERR_OK)
		rc = gw_ldap_bind(a->ld, &a->cred, &a->limits, err);
	if (rc == GW_ERR_OK)
		rc = gw_lookup_self(a->ld, a->account.dn, &a->limits,
				    &a->token, &own, err);
	if (rc == GW_ERR_OK)
		rc = check_token(a, f, err);
	if (rc != GW_ERR_OK)
		return rc;
	/* fail closed: the entry must be of the one who is bound. */
	if (strcmp(own.sid, a->account.sid) != 0)
		return gw_fail(err, GW_ERR_LDAP_IDENTITY_MISMATCH,
			       "own entry is %.60s's", own.sid);
	gw_account_merge(&own, &a->account);
	a->account = own;
	rc = gw_account_check(&a->account, time(NULL), err);
	if (rc == GW_ERR_OK)
		rc = ask_as_service(a->w, &a->dc, &a->limits, ask_names, a,
				    err);
	return rc;
}

/* ---- the stages of one attempt, in order */

static enum gw_err
run_stages(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	static const struct {
		const char *name;
		enum gw_err (*fn)(struct attempt *, struct gw_facts *,
				  struct gw_error *);
		size_t us; /* in struct gw_facts */
	} stages[] = {
		{ "map",   stage_map,   offsetof(struct gw_facts, map_us) },
		{ "self",  stage_self,  offsetof(struct gw_facts, self_us) },
		{ "proxy", stage_proxy, offsetof(struct gw_facts, proxy_us) },
		{ "bind",  stage_bind,  offsetof(struct gw_facts, bind_us) },
	};
	enum gw_err rc = GW_ERR_INTERNAL;

	for (size_t i = 0; i < GW_COUNT(stages); i++) {
		uint64_t start = gw_mono_us();

		a->trace->stage = stages[i].name;
		rc = stages[i].fn(a, f, err);
		*(uint32_t *)(void *)((char *)f + stages[i].us) =
			(uint32_t)(gw_mono_us() - start);
		if (rc != GW_ERR_OK)
			return rc;
	}
	a->trace->stage = "done";
	return rc;
}

static void
take_groups(struct attempt *a, struct gw_facts *f)
{
	f->group_count = a->token.count - 1; /* without the user's own */
	f->groups = gw_xcalloc(GW_MAX(f->group_count, (size_t)1),
			       sizeof(*f->groups));
	for (size_t i = 0; i < f->group_count; i++) {
		f->groups[i] = a->token.sids[i + 1];
		a->token.sids[i + 1] = (struct gw_group){ .sid = NULL };
	}
}

static bool
fill_facts(struct attempt *a, struct gw_facts *f)
{
	const struct gw_account *c = &a->account;

	f->mapping = a->mapping;
	take_groups(a, f);
	return gw_copy(f->sam, sizeof(f->sam), c->sam) &&
	       gw_copy(f->upn, sizeof(f->upn), c->upn) &&
	       gw_copy(f->sid, sizeof(f->sid), c->sid) &&
	       gw_copy(f->dn, sizeof(f->dn), c->dn) &&
	       gw_copy(f->display_name, sizeof(f->display_name),
		       c->display_name) &&
	       gw_copy(f->mail, sizeof(f->mail), c->mail) &&
	       gw_copy(f->dc, sizeof(f->dc), a->dc.name);
}

static void
clear_attempt(struct attempt *a)
{
	gw_ldap_close(a->ld);
	gw_cred_clear(a->w->krb, &a->cred);
	gw_evidence_clear(a->w->krb, &a->evidence);
	gw_token_clear(&a->token);
}

static enum gw_err
try_dc(struct attempt *a, struct gw_facts *out, struct gw_error *err)
{
	struct gw_facts f = { .mapping = GW_MAPPED_NOT };
	enum gw_err rc;

	gw_krb_aim(a->w->krb, &a->dc, &a->limits);
	rc = run_stages(a, &f, err);
	if (rc == GW_ERR_OK && !fill_facts(a, &f))
		rc = gw_fail(err, GW_ERR_INTERNAL, "facts do not fit");
	a->trace->map_us = f.map_us;
	a->trace->self_us = f.self_us;
	a->trace->proxy_us = f.proxy_us;
	a->trace->bind_us = f.bind_us;
	clear_attempt(a);
	if (rc == GW_ERR_OK)
		*out = f;
	else
		gw_facts_clear(&f);
	return rc;
}

/* ---- which failures another DC may mend, and which reason is told in the
 * end: the one with the highest rank */

static const struct failover {
	enum gw_err code;
	enum gw_dc_result result;
	unsigned rank;
	bool is_once; /* a second opinion, not a third */
} failovers[] = {
	{ GW_ERR_LDAP_UNREACHABLE,   GW_DC_UNREACHABLE, 1, false },
	{ GW_ERR_KDC_UNREACHABLE,    GW_DC_UNREACHABLE, 2, false },
	{ GW_ERR_KDC_CLOCK_SKEW,     GW_DC_ODD,         3, true },
	{ GW_ERR_MAP_NO_ACCOUNT,     GW_DC_ODD,         4, true },
	{ GW_ERR_ACCOUNT_UNKNOWN,    GW_DC_ODD,         5, true },
	{ GW_ERR_SERVICE_UNKNOWN,    GW_DC_UNDELEGATED, 6, false },
	{ GW_ERR_DELEGATION_MISSING, GW_DC_UNDELEGATED, 7, false },
};

static const struct failover *
find_failover(enum gw_err code)
{
	for (size_t i = 0; i < GW_COUNT(failovers); i++)
		if (failovers[i].code == code)
			return &failovers[i];
	return NULL;
}

static struct gw_limits
limits_for(const struct gw_conf_directory *c, uint64_t deadline_ms,
	   bool is_last)
{
	struct gw_limits l = { .connect_ms = c->connect_timeout_ms,
			       .kdc_ms = c->kdc_timeout_ms,
			       .ldap_ms = c->ldap_timeout_ms,
			       .deadline_ms = deadline_ms };

	if (!is_last) {
		l.connect_ms = GW_MIN(l.connect_ms, SILENT_MS);
		l.kdc_ms = GW_MIN(l.kdc_ms, SILENT_MS);
		l.ldap_ms = GW_MIN(l.ldap_ms, SILENT_MS);
	}
	return l;
}

/* What the attempt says about the DC. One that was cut short because the
 * login's own time was up says nothing. */
static enum gw_dc_result
blame(enum gw_err rc, uint64_t took_us, uint64_t deadline_ms)
{
	const struct failover *x = find_failover(rc);

	if (x == NULL)
		return GW_DC_GOOD;
	if (x->result == GW_DC_UNREACHABLE && gw_ms_left(deadline_ms) == 0 &&
	    took_us < SILENT_MS * 1000 / 2)
		return GW_DC_CHECKED;
	return x->result;
}

static enum gw_err
attempt(struct gw_worker *w, const struct gw_logon *logon,
	const struct gw_dc *dc, const struct gw_limits *l,
	struct gw_facts *out, struct gw_logon_trace *trace,
	struct gw_error *err)
{
	struct attempt a = { .w = w, .claims = &logon->claims, .dc = *dc,
			     .limits = *l, .cred = GW_CRED_NONE,
			     .trace = trace };
	uint64_t start = gw_mono_us(), took;
	enum gw_err rc;

	*err = (struct gw_error){ .code = GW_ERR_INTERNAL };
	trace->attempts++;
	memcpy(trace->dc, dc->name, sizeof(trace->dc));
	rc = try_dc(&a, out, err);
	err->code = rc;
	took = gw_mono_us() - start;
	gw_dcs_done(w->shared->dcs, dc->id,
		    blame(rc, took, l->deadline_ms), took, err->detail);
	return rc;
}

/* Silence of every LDAP service alone is another matter than silence of the
 * whole directory. */
static enum gw_err
name_silence(struct gw_worker *w, enum gw_err rc, bool may_wait,
	     struct gw_error *err)
{
	if (rc == GW_ERR_LDAP_UNREACHABLE &&
	    !gw_dcs_ask_all(w->shared->dcs, may_wait ? LAST_PROBE_MS : 0))
		err->code = rc = GW_ERR_KDC_UNREACHABLE;
	return rc;
}

/* All on one domain controller; when that one cannot, all again on the
 * next. */
enum gw_err
gw_logon_run(struct gw_worker *w, const struct gw_logon *logon,
	     uint64_t deadline_ms, struct gw_facts *out,
	     struct gw_logon_trace *trace, struct gw_error *err)
{
	const struct gw_conf_directory *conf = &w->shared->conf->directory;
	struct gw_dc_walk walk = { .tried = 0 };
	struct gw_error e;
	const struct failover *x;
	unsigned rank = 0, once = 0;
	struct gw_dc dc;
	bool is_last;
	enum gw_err rc;

	*trace = (struct gw_logon_trace){ .stage = "dc" };
	(void)gw_fail(err, GW_ERR_KDC_UNREACHABLE,
		      "no domain controller is known to be up");
	while (gw_ms_left(deadline_ms) > 0 &&
	       gw_dcs_next(w->shared->dcs, &walk, deadline_ms, &dc,
			   &is_last)) {
		struct gw_limits l = limits_for(conf, deadline_ms, is_last);

		rc = attempt(w, logon, &dc, &l, out, trace, &e);
		x = find_failover(rc);
		if (x == NULL || x->rank > rank) {
			*err = e;
			rank = x != NULL ? x->rank : 0;
		}
		if (x == NULL || (x->is_once && once++ > 0))
			break;
	}
	return name_silence(w, err->code, gw_ms_left(deadline_ms) > 0, err);
}

/* ---- housekeeping */

static enum gw_err
check_on(struct gw_worker *w, const struct gw_dc *dc,
	 const struct gw_limits *l, struct gw_error *err)
{
	struct service_answer s = { .spns = NULL };
	enum gw_err rc;

	gw_krb_aim(w->krb, dc, l);
	rc = gw_service_ticket(w->shared->service, w->krb, &w->generation,
			       err);
	if (rc == GW_ERR_OK)
		rc = ask_as_service(w, dc, l, ask_service, &s, err);
	if (rc != GW_ERR_OK)
		return rc;
	gw_service_saw(w->shared->service, &s.view);
	gw_dcs_set_delegation(w->shared->dcs, s.spns);
	gw_strings_free(s.spns);
	return GW_ERR_OK;
}

enum gw_err
gw_worker_check_service(struct gw_worker *w, uint64_t deadline_ms,
			struct gw_error *err)
{
	const struct gw_conf_directory *conf = &w->shared->conf->directory;
	struct gw_dc_walk walk = { .tried = 0 };
	enum gw_err rc = gw_fail(err, GW_ERR_KDC_UNREACHABLE,
				 "no domain controller is known to be up");
	const struct failover *x;
	struct gw_dc dc;
	bool is_last;

	while (gw_ms_left(deadline_ms) > 0 &&
	       gw_dcs_next(w->shared->dcs, &walk, deadline_ms, &dc,
			   &is_last)) {
		struct gw_limits l = limits_for(conf, deadline_ms, is_last);
		uint64_t start = gw_mono_us();

		rc = check_on(w, &dc, &l, err);
		x = find_failover(rc);
		gw_dcs_done(w->shared->dcs, dc.id,
			    x != NULL && x->result == GW_DC_UNREACHABLE
				    ? GW_DC_UNREACHABLE : GW_DC_CHECKED,
			    gw_mono_us() - start, err->detail);
		if (x == NULL)
			break;
	}
	return rc;
}

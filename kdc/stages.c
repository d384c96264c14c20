/* stages.c — see stages.h. */
#include "stages.h"
#include "gw/util.h"

#include <string.h>

/* One login on one DC. */
struct attempt {
	struct gw_worker *w;
	const struct gw_logon *logon;
	struct gw_dc dc;
	struct gw_limits limits;
	struct gw_account account;
	char kdc_sid[GW_SID_MAX]; /* with mapping.mode = "kdc"; else "" */
	enum gw_mapping mapping;
	struct gw_evidence evidence;
	struct gw_cred cred;
	int ahead; /* the connection for `ld`, under way; -1 */
	LDAP *ld;  /* bound as the user */
	struct gw_token token;
	struct gw_logon_trace *trace;
};

/* ---- stages: each passes, or ends the attempt with its reason */

static const struct gw_conf *
conf_of(const struct attempt *a)
{
	return gw_worker_shared(a->w)->conf;
}

static bool
is_by_kdc(const struct attempt *a)
{
	return conf_of(a)->mapping.mode == GW_MAP_KDC;
}

static enum gw_err
self_ticket_once(struct attempt *a, krb5_error_code *out_code,
		 struct gw_error *err)
{
	struct gw_krb *krb = gw_worker_krb(a->w);
	enum gw_err rc = gw_worker_ticket(a->w, err);

	if (rc != GW_ERR_OK)
		return rc;
	return is_by_kdc(a) ? gw_krb_self_cert(krb, a->logon->leaf,
					       &a->evidence, out_code, err)
			    : gw_krb_self(krb, a->account.sam, &a->evidence,
					  out_code, err);
}

static enum gw_err
ask_self_ticket(struct attempt *a, struct gw_error *err)
{
	krb5_error_code code = 0;
	enum gw_err rc = self_ticket_once(a, &code, err);

	if (rc == GW_ERR_OK || !gw_krb_wants_new_ticket(code))
		return rc;
	gw_worker_spoil_ticket(a->w);
	return self_ticket_once(a, &code, err);
}

/* The KDC maps the certificate: the ticket comes before the account, and its
 * PAC says whose it is. */
static enum gw_err
ask_kdc_for_account(struct attempt *a, struct gw_error *err)
{
	enum gw_err rc = gw_claims_check(&a->logon->claims, err);

	if (rc == GW_ERR_OK && a->logon->leaf.len == 0)
		rc = gw_fail(err, GW_ERR_INTERNAL,
			     "no certificate came with the login");
	if (rc == GW_ERR_OK)
		rc = ask_self_ticket(a, err);
	if (rc == GW_ERR_OK)
		rc = gw_krb_pac_sid(gw_worker_krb(a->w), &a->evidence,
				    a->kdc_sid, err);
	return rc;
}

static enum gw_err
ask_account(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	struct attempt *a = ctx;

	return gw_lookup_account(q, &a->logon->claims,
				 is_by_kdc(a) ? a->kdc_sid : NULL,
				 &a->account, &a->mapping, err);
}

static bool
refuses_privileged(const struct attempt *a)
{
	return conf_of(a)->policy.privileged != GW_PRIVILEGED_ALLOW;
}

static enum gw_err
stage_map(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	enum gw_err rc = is_by_kdc(a) ? ask_kdc_for_account(a, err)
				      : GW_ERR_OK;

	if (rc == GW_ERR_OK)
		rc = gw_worker_ask(a->w, &a->dc, &a->limits, ask_account, a,
				   err);
	if (rc != GW_ERR_OK)
		return rc;
	memcpy(a->trace->sam, a->account.sam, sizeof(a->trace->sam));
	memcpy(a->trace->sid, a->account.sid, sizeof(a->trace->sid));
	a->trace->mapping = a->mapping;
	f->is_privileged = gw_account_is_privileged(&a->account);
	/* fail closed: nothing is done in their name. */
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

/* The ticket must not be forwarded: whose fault is it? Both look the same to
 * us (MS-SFU 3.2.5.1.2), so the service account's own flags decide, read
 * afresh. */
static enum gw_err
explain_not_forwardable(struct attempt *a, struct gw_error *err)
{
	const char *service = conf_of(a)->directory.service_account;
	struct gw_service_view view;
	enum gw_err rc = gw_worker_look_at_service(a->w, &a->dc, &a->limits,
						   &view, err);

	if (rc != GW_ERR_OK)
		return rc;
	if (view.is_sensitive)
		return gw_fail(err, GW_ERR_SERVICE_ACCOUNT,
			       "%.60s itself is marked sensitive: its tickets "
			       "are not forwardable",
			       service);
	if (!view.any_protocol)
		return gw_fail(err, GW_ERR_SERVICE_NOT_TRUSTED,
			       "%.60s lacks TRUSTED_TO_AUTH_FOR_DELEGATION: "
			       "S4U2Self ticket not forwardable",
			       service);
	return gw_fail(err, GW_ERR_ACCOUNT_NOT_DELEGABLE,
		       "%.60s: S4U2Self ticket not forwardable",
		       a->account.sam);
}

static enum gw_err
stage_self(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	char sid[GW_SID_MAX];
	enum gw_err rc;

	(void)f;
	/* The DC makes its session ready while its KDC is at work. */
	a->ahead = gw_dial_ahead(&a->dc, GW_PORT_LDAP);
	rc = is_by_kdc(a) ? GW_ERR_OK : ask_self_ticket(a, err);
	if (rc != GW_ERR_OK)
		return explain(a, rc, err);
	rc = gw_krb_pac_sid(gw_worker_krb(a->w), &a->evidence, sid, err);
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
	enum gw_err rc = gw_krb_proxy(gw_worker_krb(a->w), &a->evidence,
				      &a->cred, &code, err);

	if (rc == GW_ERR_OK)
		f->ticket_end = a->cred.end;
	if (rc == GW_ERR_DELEGATION_MISSING)
		return gw_fail(err, rc,
			       "ldap/%.100s is not in "
			       "msDS-AllowedToDelegateTo (KDC error 13)",
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

	return gw_lookup_names(q, gw_worker_names(a->w), &a->token, err);
}

static enum gw_err
stage_bind(struct attempt *a, struct gw_facts *f, struct gw_error *err)
{
	struct gw_account own = { .sid = "" };
	enum gw_err rc = gw_ldap_open(&a->dc, &a->limits, a->ahead, &a->ld,
				      err);

	a->ahead = -1;
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
		rc = gw_worker_ask(a->w, &a->dc, &a->limits, ask_names, a,
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
	gw_close(&a->ahead);
	gw_ldap_close(a->ld);
	gw_cred_clear(gw_worker_krb(a->w), &a->cred);
	gw_evidence_clear(gw_worker_krb(a->w), &a->evidence);
	gw_token_clear(&a->token);
}

enum gw_err
gw_stages_run(struct gw_worker *w, const struct gw_logon *logon,
	      const struct gw_dc *dc, const struct gw_limits *l,
	      struct gw_facts *out, struct gw_logon_trace *trace,
	      struct gw_error *err)
{
	struct attempt a = { .w = w, .logon = logon, .dc = *dc,
			     .limits = *l, .ahead = -1,
			     .cred = GW_CRED_NONE, .trace = trace };
	struct gw_facts f = { .mapping = GW_MAPPED_NOT };
	enum gw_err rc;

	gw_krb_aim(gw_worker_krb(w), dc, l);
	rc = run_stages(&a, &f, err);
	if (rc == GW_ERR_OK && !fill_facts(&a, &f))
		rc = gw_fail(err, GW_ERR_INTERNAL, "facts do not fit");
	trace->map_us = f.map_us;
	trace->self_us = f.self_us;
	trace->proxy_us = f.proxy_us;
	trace->bind_us = f.bind_us;
	clear_attempt(&a);
	if (rc == GW_ERR_OK)
		*out = f;
	else
		gw_facts_clear(&f);
	return rc;
}

/* lookup_account.c — the account of the claims; see lookup.h. */
#include "entry.h"
#include "filter.h"
#include "lookup.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>

static void
free_candidates(struct gw_candidate *c)
{
	free(c);
}
GW_DEFINE_CLEANUP(struct gw_candidate *, free_candidates)

static void
add_upn(struct gw_filter *f, const struct gw_claims *c, const char *domain)
{
	const char *at = strchr(c->upn, '@');

	gw_filter_equal_str(f, "userPrincipalName", c->upn);
	if (at != NULL && strcasecmp(at + 1, domain) == 0)
		gw_filter_equal(f, "sAMAccountName", c->upn,
				(size_t)(at - c->upn));
}

/* Everything the certificate claims in one question: contradictions show. */
static void
claims_filter(struct gw_filter *f, const struct gw_claims *c,
	      const char *kdc_sid, const char *domain)
{
	gw_filter_raw(f, "(&(objectClass=user)(|");
	if (kdc_sid != NULL)
		gw_filter_equal_str(f, "objectSid", kdc_sid);
	if (c->sid[0] != '\0')
		gw_filter_equal_str(f, "objectSid", c->sid);
	if (c->upn[0] != '\0')
		add_upn(f, c, domain);
	for (size_t i = 0; i < c->altsec_count; i++)
		gw_filter_equal_str(f, "altSecurityIdentities",
				    c->altsec[i].value);
	gw_filter_raw(f, "))");
}

/* What the entry really matches, by our comparison: the directory's is more
 * generous (accents, width). */
static void
read_candidate(LDAP *ld, LDAPMessage *e, const struct gw_claims *c,
	       const char *domain, struct gw_candidate *out)
{
	const struct gw_account *a = &out->account;

	out->by_sid = c->sid[0] != '\0' && strcmp(a->sid, c->sid) == 0;
	out->by_upn = gw_account_has_upn(a, c->upn, domain);
	for (size_t i = 0; i < c->altsec_count; i++) {
		bool has = gw_ldap_has_value(ld, e, "altSecurityIdentities",
					     c->altsec[i].value);

		out->by_strong |= has && c->altsec[i].is_strong;
		out->by_weak |= has && !c->altsec[i].is_strong;
	}
}

static size_t
read_candidates(LDAP *ld, LDAPMessage *res, const struct gw_claims *c,
		const char *kdc_sid, const char *domain,
		struct gw_candidate *out)
{
	size_t n = 0;

	for (LDAPMessage *e = ldap_first_entry(ld, res);
	     e != NULL && n < GW_CANDIDATES_MAX;
	     e = ldap_next_entry(ld, e)) {
		struct gw_candidate *k = &out[n];

		memset(k, 0, sizeof(*k));
		if (!gw_entry_account(ld, e, &k->account))
			continue;
		read_candidate(ld, e, c, domain, k);
		k->by_kdc = kdc_sid != NULL &&
			    strcmp(k->account.sid, kdc_sid) == 0;
		n += k->by_sid || k->by_upn || k->by_strong || k->by_weak ||
		     k->by_kdc;
	}
	return n;
}

static enum gw_err
decide(const struct gw_lookup *q, const struct gw_claims *claims,
       const char *kdc_sid, const struct gw_candidate *c, size_t n,
       size_t *out, enum gw_mapping *out_how, struct gw_error *err)
{
	enum gw_strong strong = (enum gw_strong)q->conf->mapping.strong;

	if (kdc_sid != NULL)
		return gw_mapping_confirm(claims, strong, kdc_sid, c, n, out,
					  out_how, err);
	return gw_mapping_decide(claims, strong, c, n, out, out_how, err);
}

static enum gw_err
find_account(const struct gw_lookup *q, const struct gw_claims *claims,
	     const char *kdc_sid, struct gw_account *out,
	     enum gw_mapping *out_how, struct gw_error *err)
{
	const char *domain = q->conf->directory.domain;
	gw_auto(free_candidates) struct gw_candidate *c = NULL;
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	struct gw_filter f = { .text = NULL };
	struct gw_search s = { .base = q->conn->tree.domain_dn,
			       .scope = LDAP_SCOPE_SUBTREE,
			       .attrs = gw_entry_account_attrs,
			       .size_limit = GW_CANDIDATES_MAX };
	size_t n, which = 0;
	enum gw_err rc;

	claims_filter(&f, claims, kdc_sid, domain);
	s.filter = gw_filter_text(&f);
	rc = s.filter == NULL ? gw_fail(err, GW_ERR_MAP_MALFORMED, "too long")
			      : gw_ldap_search(q->conn->ld, &s, q->limits,
					       &res, err);
	gw_filter_clear(&f);
	if (rc != GW_ERR_OK)
		return rc;
	c = gw_xcalloc(GW_CANDIDATES_MAX, sizeof(*c));
	n = read_candidates(q->conn->ld, res, claims, kdc_sid, domain, c);
	rc = decide(q, claims, kdc_sid, c, n, &which, out_how, err);
	if (rc == GW_ERR_OK)
		*out = c[which].account;
	return rc;
}

/* ---- suffixes */

static enum gw_err
read_suffixes(const struct gw_lookup *q, struct gw_error *err)
{
	static const char *const attrs[] = { "uPNSuffixes", NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	/* The one DN put together here, from the DC's own words. */
	gw_auto(free) char *base = gw_xasprintf("CN=Partitions,%s",
						q->conn->tree.config_dn);
	const struct gw_search s = { .base = base, .scope = LDAP_SCOPE_BASE,
				     .filter = "(objectClass=*)",
				     .attrs = attrs };
	LDAP *ld = q->conn->ld;
	enum gw_err rc = gw_ldap_search(ld, &s, q->limits, &res, err);

	if (rc != GW_ERR_OK)
		return rc;
	gw_service_set_suffixes(
		q->service,
		gw_entry_strings(ld, ldap_first_entry(ld, res), attrs[0]));
	return GW_ERR_OK;
}

static bool
is_configured_suffix(const struct gw_conf *conf, const char *suffix)
{
	const struct gw_strlist *l = &conf->mapping.upn_suffixes;

	if (strcasecmp(suffix, conf->directory.domain) == 0)
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (strcasecmp(suffix, l->v[i]) == 0)
			return true;
	return false;
}

static enum gw_err
check_suffix(const struct gw_lookup *q, const char *upn, struct gw_error *err)
{
	const char *suffix = gw_upn_suffix(upn);
	enum gw_err rc;

	if (upn[0] == '\0' || is_configured_suffix(q->conf, suffix))
		return GW_ERR_OK;
	if (gw_service_wants_suffixes(q->service, suffix) &&
	    (rc = read_suffixes(q, err)) != GW_ERR_OK)
		return rc;
	if (gw_service_has_suffix(q->service, suffix))
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_MAP_FOREIGN_REALM, "UPN suffix %.120s",
		       suffix);
}

enum gw_err
gw_lookup_account(const struct gw_lookup *q, const struct gw_claims *claims,
		  const char *kdc_sid, struct gw_account *out,
		  enum gw_mapping *out_how, struct gw_error *err)
{
	enum gw_err rc = gw_claims_check(claims, err);

	if (rc == GW_ERR_OK)
		rc = check_suffix(q, claims->upn, err);
	if (rc == GW_ERR_OK)
		rc = find_account(q, claims, kdc_sid, out, out_how, err);
	return rc;
}

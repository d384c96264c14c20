/* mapping.c — see mapping.h. */
#include "mapping.h"

#include <string.h>

enum gw_err
gw_claims_check(const struct gw_claims *c, struct gw_error *err)
{
	size_t len = strlen(c->upn);

	if (c->sid[0] != '\0' && !gw_sid_is_valid(c->sid))
		return gw_fail(err, GW_ERR_MAP_MALFORMED, "SID");
	if (len > 0 && !gw_upn_is_valid(c->upn, len))
		return gw_fail(err, GW_ERR_MAP_MALFORMED, "UPN");
	for (size_t i = 0; i < c->altsec_count; i++)
		if (strncmp(c->altsec[i].value, "X509:<", 6) != 0)
			return gw_fail(err, GW_ERR_MAP_MALFORMED,
				       "altSecurityIdentities form");
	if (c->sid[0] == '\0' && len == 0 && c->altsec_count == 0)
		return gw_fail(err, GW_ERR_MAP_NO_UPN,
			       "neither UPN nor SID nor another mapping");
	return GW_ERR_OK;
}

const char *
gw_upn_suffix(const char *upn)
{
	const char *at = strchr(upn, '@');

	return at != NULL ? at + 1 : "";
}

struct tally {
	size_t count, first;
};

static struct tally
count(const struct gw_candidate *c, size_t n, size_t flag)
{
	struct tally t = { .first = n };

	for (size_t i = 0; i < n; i++)
		if (*(const bool *)((const char *)&c[i] + flag)) {
			t.first = GW_MIN(t.first, i);
			t.count++;
		}
	return t;
}
#define TALLY(member) count(c, n, offsetof(struct gw_candidate, member))

/* A SID in the certificate decides alone; everything else may only agree. */
static enum gw_err
by_sid(const struct gw_claims *claims, const struct gw_candidate *c, size_t n,
       size_t *out, struct gw_error *err)
{
	struct tally sid = TALLY(by_sid), strong = TALLY(by_strong);

	if (sid.count > 1)
		return gw_fail(err, GW_ERR_MAP_AMBIGUOUS,
			       "%zu accounts with SID %s", sid.count,
			       claims->sid);
	if (sid.count == 0 && n > 0)
		return gw_fail(err, GW_ERR_MAP_SID_MISMATCH,
			       "no account has SID %s; %.60s is %.60s",
			       claims->sid, c[0].account.sam,
			       c[0].account.sid);
	if (sid.count == 0)
		return gw_fail(err, GW_ERR_MAP_NO_ACCOUNT,
			       "no account has SID %s", claims->sid);
	if (claims->upn[0] != '\0' && !c[sid.first].by_upn)
		return gw_fail(err, GW_ERR_MAP_SID_MISMATCH,
			       "SID is %.60s's, UPN %.80s is not",
			       c[sid.first].account.sam, claims->upn);
	if (strong.count > 1 ||
	    (strong.count == 1 && strong.first != sid.first))
		return gw_fail(err, GW_ERR_MAP_AMBIGUOUS,
			       "SID is %.60s's, altSecurityIdentities names "
			       "another",
			       c[sid.first].account.sam);
	*out = sid.first;
	return GW_ERR_OK;
}

static enum gw_err
only_one(const struct gw_candidate *c, struct tally t, struct tally other,
	 const char *what, size_t *out, struct gw_error *err)
{
	if (t.count > 1)
		return gw_fail(err, GW_ERR_MAP_AMBIGUOUS,
			       "%zu accounts match the %s", t.count, what);
	if (other.count > 1 || (other.count == 1 && other.first != t.first))
		return gw_fail(err, GW_ERR_MAP_AMBIGUOUS,
			       "%s is %.60s's, another claim names %.60s",
			       what, c[t.first].account.sam,
			       c[other.first].account.sam);
	*out = t.first;
	return GW_ERR_OK;
}

/* KB5014754: a CA issues a card a little later than it says. */
#define BACKDATING_S 600

/* Whether the certificate can have been issued for this account: a name may
 * have been somebody else's before. */
static bool
is_older(const struct gw_claims *claims, const struct gw_account *a)
{
	/* fail closed: not known is older. */
	return a->created == 0 ||
	       claims->not_before < a->created - BACKDATING_S;
}

/* With `prefer` and `off` a weak match may do when there is no strong one;
 * a contradiction never does. */
static enum gw_err
allow_weak(const struct gw_claims *claims, enum gw_strong strong,
	   const struct gw_account *a, const char *what,
	   struct gw_error *err)
{
	if (strong == GW_STRONG_REQUIRED)
		return gw_fail(err, GW_ERR_MAP_WEAK,
			       "%.60s was found by %s only", a->sam, what);
	if (strong == GW_STRONG_PREFER && is_older(claims, a))
		return gw_fail(err, GW_ERR_MAP_WEAK,
			       "%.60s was found by %s only, and the "
			       "certificate is older than the account", a->sam,
			       what);
	return GW_ERR_OK;
}

enum gw_err
gw_mapping_decide(const struct gw_claims *claims, enum gw_strong strong,
		  const struct gw_candidate *c, size_t n, size_t *out,
		  enum gw_mapping *out_how, struct gw_error *err)
{
	struct tally alt = TALLY(by_strong), upn = TALLY(by_upn);
	struct tally weak = TALLY(by_weak);
	const char *what = "UPN";
	enum gw_err rc;

	if (claims->sid[0] != '\0') {
		*out_how = GW_MAPPED_SID;
		return by_sid(claims, c, n, out, err);
	}
	if (alt.count > 0) {
		*out_how = GW_MAPPED_ALTSEC;
		return only_one(c, alt, upn, "altSecurityIdentities", out,
				err);
	}
	if (upn.count > 0) {
		*out_how = GW_MAPPED_UPN;
		rc = only_one(c, upn, weak, what, out, err);
	} else if (weak.count > 0) {
		what = "weak altSecurityIdentities";
		*out_how = GW_MAPPED_ALTSEC_WEAK;
		rc = only_one(c, weak, upn, what, out, err);
	} else if (claims->upn[0] == '\0') {
		/* its issuer and serial, which each has, are known to nobody */
		return gw_fail(err, GW_ERR_MAP_NO_UPN,
			       "neither UPN nor SID, and no account's "
			       "altSecurityIdentities names it");
	} else {
		return gw_fail(err, GW_ERR_MAP_NO_ACCOUNT,
			       "nobody matches %.120s", claims->upn);
	}
	if (rc == GW_ERR_OK)
		rc = allow_weak(claims, strong, &c[*out].account, what, err);
	return rc;
}

/* ---- the KDC's choice */

static enum gw_mapping
how_of(const struct gw_candidate *c)
{
	return c->by_sid      ? GW_MAPPED_SID
	       : c->by_strong ? GW_MAPPED_ALTSEC
	       : c->by_upn    ? GW_MAPPED_UPN
	       : c->by_weak   ? GW_MAPPED_ALTSEC_WEAK
			      : GW_MAPPED_KDC;
}

static bool
is_claimed(const struct gw_candidate *c)
{
	return c->by_sid || c->by_upn || c->by_strong || c->by_weak;
}

/* fail closed: nothing in the certificate may name anybody else. */
static enum gw_err
contradicted(const struct gw_claims *claims, const char *kdc_sid,
	     const struct gw_candidate *c, size_t n, size_t which,
	     struct gw_error *err)
{
	const struct gw_account *a = &c[which].account;

	if (claims->sid[0] != '\0' && strcmp(claims->sid, kdc_sid) != 0)
		return gw_fail(err, GW_ERR_MAP_SID_MISMATCH,
			       "the certificate says %.60s, the KDC %.60s",
			       claims->sid, kdc_sid);
	if (claims->sid[0] != '\0' && claims->upn[0] != '\0' &&
	    !c[which].by_upn)
		return gw_fail(err, GW_ERR_MAP_SID_MISMATCH,
			       "SID is %.60s's, UPN %.80s is not", a->sam,
			       claims->upn);
	for (size_t i = 0; i < n; i++)
		if (i != which && is_claimed(&c[i]))
			return gw_fail(err, GW_ERR_MAP_AMBIGUOUS,
				       "the KDC says %.60s, the certificate "
				       "names %.60s, too",
				       a->sam, c[i].account.sam);
	return GW_ERR_OK;
}

enum gw_err
gw_mapping_confirm(const struct gw_claims *claims, enum gw_strong strong,
		   const char *kdc_sid, const struct gw_candidate *c,
		   size_t n, size_t *out, enum gw_mapping *out_how,
		   struct gw_error *err)
{
	struct tally kdc = TALLY(by_kdc);
	enum gw_err rc;

	if (kdc.count != 1)
		return gw_fail(err, kdc.count == 0 ? GW_ERR_MAP_NO_ACCOUNT
						   : GW_ERR_MAP_AMBIGUOUS,
			       "%zu accounts have the SID the KDC says, %.60s",
			       kdc.count, kdc_sid);
	rc = contradicted(claims, kdc_sid, c, n, kdc.first, err);
	if (rc != GW_ERR_OK)
		return rc;
	*out = kdc.first;
	*out_how = how_of(&c[kdc.first]);
	if (gw_mapping_is_strong(*out_how))
		return GW_ERR_OK;
	return allow_weak(claims, strong, &c[kdc.first].account,
			  gw_mapping_name(*out_how), err);
}

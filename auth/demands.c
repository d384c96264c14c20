/* demands.c — see demands.h. */
#include "demands.h"
#include "rules.h"
#include "gw/util.h"

#include <openssl/err.h>

static void
free_oids(STACK_OF(ASN1_OBJECT) *s)
{
	sk_ASN1_OBJECT_pop_free(s, ASN1_OBJECT_free);
}
GW_DEFINE_CLEANUP(STACK_OF(ASN1_OBJECT) *, free_oids)

static const struct gw_purposes no_purposes = { .n = 0 };

struct gw_chain_rules
gw_chain_rules_of(const struct gw_conf_ca *ca)
{
	return (struct gw_chain_rules){
		.max_depth = GW_CHAIN_DEPTH,
		.is_lenient = gw_strlist_has(&ca->relax, "lenient"),
		.purposes = gw_strlist_has(&ca->relax, "ca-eku")
				    ? &no_purposes : NULL,
		.skew_s = ca->validity_skew_ms / 1000,
	};
}

/* ---- purposes */

/* NULL: one of them is none, which the configuration's check refuses. */
static STACK_OF(ASN1_OBJECT) *
read_oids(const struct gw_strlist *texts)
{
	gw_auto(free_oids) STACK_OF(ASN1_OBJECT) *out =
		sk_ASN1_OBJECT_new_null();

	gw_assert(out != NULL);
	for (size_t i = 0; i < texts->n; i++) {
		ASN1_OBJECT *oid = OBJ_txt2obj(texts->v[i], 1);

		if (oid == NULL)
			return NULL;
		gw_assert(sk_ASN1_OBJECT_push(out, oid) > 0);
	}
	return gw_steal(&out);
}

static bool
has_profile(const struct gw_demands *d)
{
	return d->purposes == NULL || d->purposes->n > 0;
}

/* What the section demands of a leaf. `*more` holds what `out` borrows. */
static enum gw_err
purposes_of(const struct gw_demands *d, const struct gw_conf_ca *ca,
	    STACK_OF(ASN1_OBJECT) **more, struct gw_purposes *out,
	    struct gw_error *err)
{
	*out = d->purposes != NULL
		       ? *d->purposes
		       : gw_profile_purposes(ca->require_smartcard_eku);
	*more = read_oids(&ca->require_eku);
	if (*more == NULL ||
	    out->n + (size_t)sk_ASN1_OBJECT_num(*more) > GW_PURPOSES_MAX)
		return gw_fail(err, GW_ERR_CERT_EKU,
			       "require_eku of ca %.60s cannot be met",
			       ca->title);
	for (int i = 0; i < sk_ASN1_OBJECT_num(*more); i++)
		out->v[out->n++] = sk_ASN1_OBJECT_value(*more, i);
	return GW_ERR_OK;
}

/* ---- a path found */

static enum gw_err
check_depth(const struct gw_path *p, struct gw_error *err)
{
	int between = gw_rules_depth(p->certs);

	if (between <= p->ca->max_depth)
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
		       "%d CAs between the certificate and the end of its "
		       "path, ca %.60s allows %d", between, p->ca->title,
		       (int)p->ca->max_depth);
}

static enum gw_err
verify_policies(const struct gw_path *p, const struct gw_chain_rules *rules,
		time_t now, struct gw_error *err)
{
	gw_auto(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	gw_auto(X509_STORE_CTX_free) X509_STORE_CTX *ctx = NULL;
	X509 *end = sk_X509_value(p->certs, sk_X509_num(p->certs) - 1);

	if (store != NULL && X509_STORE_add_cert(store, end) == 1)
		ctx = gw_chain_context(store, gw_path_leaf(p), p->certs,
				       rules, now, X509_V_FLAG_PARTIAL_CHAIN);
	if (ctx == NULL)
		return gw_fail(err, GW_ERR_INTERNAL, "cannot verify");
	if (X509_verify_cert(ctx) == 1 &&
	    X509_STORE_CTX_get_error(ctx) == X509_V_OK)
		return GW_ERR_OK;
	return gw_chain_tell(ctx, err);
}

/* RFC 5280, 6.1.1: the section's policies are the user-initial-policy-set,
 * and initial-explicit-policy is set; else by the rules the path was found
 * by. */
static enum gw_err
check_policies(const struct gw_path *p, const struct gw_chain_rules *found_by,
	       time_t now, struct gw_error *err)
{
	gw_auto(free_oids) STACK_OF(ASN1_OBJECT) *oids = NULL;
	struct gw_chain_rules rules = *found_by;
	enum gw_err rc;

	if (p->ca->require_policy.n == 0)
		return GW_ERR_OK;
	oids = read_oids(&p->ca->require_policy);
	if (oids == NULL)
		return gw_fail(err, GW_ERR_CERT_POLICY,
			       "require_policy of ca %.60s is not an OID",
			       p->ca->title);
	rules.policies = oids;
	rules.policy_flags |= X509_V_FLAG_EXPLICIT_POLICY;
	rc = verify_policies(p, &rules, now, err);
	ERR_clear_error();
	return rc;
}

/* A CA limited to other purposes issues no cards, whatever it writes into
 * them: all that is demanded of the leaf is demanded of the CAs. */
static enum gw_err
check_nesting(const struct gw_demands *d, const struct gw_path *p,
	      struct gw_error *err)
{
	gw_auto(free_oids) STACK_OF(ASN1_OBJECT) *more = NULL;
	struct gw_purposes purposes;
	enum gw_err rc;

	if (!has_profile(d) || gw_strlist_has(&p->ca->relax, "ca-eku"))
		return GW_ERR_OK;
	rc = purposes_of(d, p->ca, &more, &purposes, err);
	for (int i = 1; rc == GW_ERR_OK && i < sk_X509_num(p->certs); i++)
		rc = gw_profile_check_ca(sk_X509_value(p->certs, i),
					 &purposes, err);
	return rc;
}

/* ---- the profile */

static enum gw_err
check_purposes(const struct gw_demands *d, const struct gw_path *p,
	       struct gw_error *err)
{
	gw_auto(free_oids) STACK_OF(ASN1_OBJECT) *more = NULL;
	struct gw_purposes purposes;
	enum gw_err rc = purposes_of(d, p->ca, &more, &purposes, err);

	if (rc != GW_ERR_OK)
		return rc;
	purposes.any_will_do = gw_strlist_has(&p->ca->relax, "any-eku");
	return gw_profile_check(gw_path_leaf(p), &purposes, err);
}

enum gw_err
gw_demands_profile(const struct gw_demands *d, const struct gw_path *p,
		   struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;

	if (has_profile(d))
		rc = check_purposes(d, p, err);
	if (rc == GW_ERR_OK && p->ca->ntauth && d->ntauth != NULL)
		rc = gw_ntauth_check(d->ntauth, gw_path_issuer(p), err);
	return rc;
}

/* ---- the search */

struct search {
	const struct gw_demands *demands;
	const struct gw_conf_ca *only; /* whose rules apply; NULL: anybody's */
	struct gw_path second; /* the first that only its profile keeps out */
};

static enum gw_err
admits(const struct gw_path *p, const struct gw_chain_rules *rules, time_t now,
       struct gw_error *err)
{
	struct search *s = rules->arg;
	enum gw_err rc;

	if (s->only != NULL && s->only != p->ca)
		return gw_fail(err, GW_ERR_CERT_UNTRUSTED,
			       "the rules of another CA apply");
	rc = check_depth(p, err);
	if (rc == GW_ERR_OK)
		rc = check_nesting(s->demands, p, err);
	if (rc == GW_ERR_OK)
		rc = check_policies(p, rules, now, err);
	if (rc != GW_ERR_OK)
		return rc;
	rc = gw_demands_profile(s->demands, p, err);
	if (rc != GW_ERR_OK && s->second.certs == NULL)
		gw_path_ref(p, &s->second);
	return rc;
}

static struct gw_chain_rules
strict_rules(struct search *s)
{
	struct gw_chain_rules rules = { .max_depth = GW_CHAIN_DEPTH };

	if (s->demands->rules != NULL)
		rules = *s->demands->rules;
	rules.admits = admits;
	rules.arg = s;
	return rules;
}

/* ---- sections that give something up */

/* A relaxed section is worth a try only when something sent may have been
 * issued by one of its CAs: junk does not buy work. */
static bool
may_lead_to(const X509 *ca, STACK_OF(X509) *given)
{
	const X509_NAME *name = X509_get_subject_name(ca);

	for (int i = 0; i < sk_X509_num(given); i++)
		if (X509_NAME_cmp(X509_get_issuer_name(
					  sk_X509_value(given, i)),
				  name) == 0)
			return true;
	return false;
}

static bool
was_tried(const struct gw_trust *t, size_t before, STACK_OF(X509) *given)
{
	for (size_t i = 0; i < before; i++)
		if (gw_trust_ca(t, i) == gw_trust_ca(t, before) &&
		    may_lead_to(gw_trust_cert(t, i), given))
			return true;
	return false;
}

/* What a section says about its own path is told rather than what the strict
 * rules said, which it has given up. */
static bool
try_section(const struct gw_trust *t, const struct gw_conf_ca *ca,
	    STACK_OF(X509) *given, time_t now, struct search *s,
	    struct gw_path *out, struct gw_error *err)
{
	struct gw_error why;
	const struct gw_chain_rules own = gw_chain_rules_of(ca);
	struct gw_chain_rules rules = strict_rules(s);

	if (!own.is_lenient && own.purposes == NULL && own.skew_s == 0)
		return false;
	rules.is_lenient |= own.is_lenient;
	rules.skew_s = own.skew_s;
	if (own.purposes != NULL)
		rules.purposes = own.purposes;
	s->only = ca;
	if (gw_chain_verify(t, &rules, given, now, out, &why) == GW_ERR_OK)
		return true;
	if (why.code != GW_ERR_CERT_UNTRUSTED)
		*err = why;
	return false;
}

static bool
try_sections(const struct gw_trust *t, STACK_OF(X509) *given, time_t now,
	     struct search *s, struct gw_path *out, struct gw_error *err)
{
	for (size_t i = 0; i < gw_trust_count(t); i++)
		if (may_lead_to(gw_trust_cert(t, i), given) &&
		    !was_tried(t, i, given) &&
		    try_section(t, gw_trust_ca(t, i), given, now, s, out,
				err))
			return true;
	return false;
}

enum gw_err
gw_demands_verify(const struct gw_trust *t, const struct gw_demands *d,
		  STACK_OF(X509) *given, time_t now, struct gw_path *out,
		  struct gw_error *err)
{
	struct search s = { .demands = d };
	const struct gw_chain_rules strict = strict_rules(&s);
	struct gw_error why = { .code = GW_ERR_OK };
	enum gw_err rc = gw_chain_verify(t, &strict, given, now, out, &why);

	if (rc != GW_ERR_OK && try_sections(t, given, now, &s, out, &why))
		rc = GW_ERR_OK;
	if (rc != GW_ERR_OK && s.second.certs != NULL) {
		*out = s.second;
		s.second.certs = NULL;
		rc = GW_ERR_OK;
	}
	gw_path_clear(&s.second);
	if (rc != GW_ERR_OK)
		return gw_fail(err, why.code, "%s", why.detail);
	out->not_before -= out->ca->validity_skew_ms / 1000;
	out->not_after += out->ca->validity_skew_ms / 1000;
	*err = (struct gw_error){ .code = GW_ERR_OK };
	return GW_ERR_OK;
}

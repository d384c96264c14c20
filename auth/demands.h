/* auth/demands.h — what a CA's section demands of a certificate and its path,
 * and what it gives up. Linked into gwd-auth (gwcert). Pure.
 *
 * The section is that of the registered CA nearest to the leaf. Strict is the
 * rule: a path is first looked for by the strict rules, and a section's
 * relaxations hold for paths under that very section alone, each path judged
 * by one section from end to end. */
#ifndef GW_DEMANDS_H
#define GW_DEMANDS_H

#include "chain.h"
#include "ntauth.h"

/* Depth, strictness, skew and the purposes CAs must allow, as `ca` has
 * them. */
struct gw_chain_rules gw_chain_rules_of(const struct gw_conf_ca *ca);

/* What does not stand in the sections. All zero: nothing. Borrowed. */
struct gw_demands {
	/* NULL: no section's `ntauth` is asked about. */
	const struct gw_ntauth *ntauth;
	/* To begin with, instead of the strict ones; for trying out. */
	const struct gw_chain_rules *rules;
	/* Instead of client authentication and smart-card logon. Of none the
	 * profile is left out: RFC 5280 alone. */
	const struct gw_purposes *purposes;
};

/* As gw_chain_verify(), by the rules of the sections: max_depth,
 * require_policy, and relax = lenient, ca-eku and validity_skew. GW_ERR_CERT_*:
 * the strict refusal, or that of a section that gives something up about a
 * path of its own.
 *
 * Of several paths one is preferred that gw_demands_profile() accepts. When
 * there is only one that it does not, this is the one, for the caller to be
 * told why: GW_ERR_OK alone admits nobody. */
GW_MUST_CHECK enum gw_err gw_demands_verify(const struct gw_trust *t,
					    const struct gw_demands *d,
					    STACK_OF(X509) *given, time_t now,
					    struct gw_path *out,
					    struct gw_error *err);

/* The profile of the leaf, by the section of its path: require_smartcard_eku,
 * require_eku, relax = any-eku, and ntauth. GW_ERR_CERT_EKU, _CONSTRAINT,
 * _MALFORMED, _NTAUTH; GW_ERR_KDC_UNAVAILABLE while NTAuth is not known. */
GW_MUST_CHECK enum gw_err gw_demands_profile(const struct gw_demands *d,
					     const struct gw_path *path,
					     struct gw_error *err);

#endif

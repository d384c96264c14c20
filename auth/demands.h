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

/* Depth, strictness and the purposes CAs must allow, as `ca` has them. */
struct gw_chain_rules gw_chain_rules_of(const struct gw_conf_ca *ca);

/* As gw_chain_verify(), by the rules of the sections: max_depth,
 * require_policy, and relax = lenient, ca-eku. GW_ERR_CERT_*; the first
 * refusal, which is the strict one, is told. */
GW_MUST_CHECK enum gw_err gw_demands_verify(const struct gw_trust *t,
					    STACK_OF(X509) *given, time_t now,
					    struct gw_path *out,
					    struct gw_error *err);

/* The profile of the leaf: require_smartcard_eku, require_eku, and relax =
 * any-eku. GW_ERR_CERT_EKU, _CONSTRAINT, _MALFORMED. */
GW_MUST_CHECK enum gw_err gw_demands_profile(const X509 *leaf,
					     const struct gw_conf_ca *ca,
					     struct gw_error *err);

#endif

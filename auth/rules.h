/* auth/rules.h — what RFC 5280 demands of a path and libcrypto does not check.
 * Linked into gwd-auth (gwcert). Pure; called with a path that libcrypto has
 * accepted. */
#ifndef GW_RULES_H
#define GW_RULES_H

#include "chain.h"

/* `certs`: leaf first, the registered CA last. GW_ERR_CERT_CONSTRAINT, _EKU,
 * _MALFORMED, _WEAK_KEY; the detail names depth, subject and rule. */
GW_MUST_CHECK enum gw_err gw_rules_check(const STACK_OF(X509) *certs,
					 const struct gw_chain_rules *rules,
					 struct gw_error *err);

/* The CAs between the leaf and the end, not counting self-issued ones
 * (RFC 5280, 4.2.1.9). */
int gw_rules_depth(const STACK_OF(X509) *certs);

/* Whether `x`, its validity aside, may be a CA in a path from `leaf` and below
 * a registered one: for not even trying ways through it. */
bool gw_rules_may_issue(X509 *x, X509 *leaf,
			const struct gw_chain_rules *rules);

#endif

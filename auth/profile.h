/* auth/profile.h — is this certificate meant for logging on with a card?
 * Linked into gwd-auth (gwcert). Pure; says nothing about trust. */
#ifndef GW_PROFILE_H
#define GW_PROFILE_H

#include "gw/error.h"
#include "ossl.h"

/* Extended key usages, all of which are asked for. */
#define GW_PURPOSES_MAX 8
struct gw_purposes {
	const ASN1_OBJECT *v[GW_PURPOSES_MAX]; /* borrowed */
	size_t n;
	bool any_will_do; /* anyExtendedKeyUsage stands for all of them */
};

/* Client authentication, and smart-card logon when it is wanted. */
struct gw_purposes gw_profile_purposes(bool wants_smartcard);

/* GW_ERR_CERT_EKU, _CONSTRAINT (a CA, key usage), _MALFORMED. */
GW_MUST_CHECK enum gw_err gw_profile_check(const X509 *leaf,
					   const struct gw_purposes *p,
					   struct gw_error *err);

/* A CA whose extended key usage is limited may issue for nothing else: every
 * purpose is named in it, or anyExtendedKeyUsage is. GW_ERR_CERT_EKU,
 * _MALFORMED. */
GW_MUST_CHECK enum gw_err gw_profile_check_ca(const X509 *ca,
					      const struct gw_purposes *p,
					      struct gw_error *err);

/* When no purpose is asked for: a path of which every certificate allows
 * something, and no two the same, is good for nothing. `certs`: leaf first.
 * GW_ERR_CERT_EKU, _MALFORMED. */
GW_MUST_CHECK enum gw_err gw_profile_check_common(const STACK_OF(X509) *certs,
						  struct gw_error *err);

#endif

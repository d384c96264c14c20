/* auth/profile.h — is this certificate meant for logging on with a card?
 * Linked into gwd-auth (gwcert). Pure; says nothing about trust. */
#ifndef GW_PROFILE_H
#define GW_PROFILE_H

#include "gw/error.h"
#include "ossl.h"

struct gw_profile {
	bool wants_smartcard; /* smart-card logon besides client auth */
};

/* GW_ERR_CERT_EKU, _CONSTRAINT (key usage), _MALFORMED. */
GW_MUST_CHECK enum gw_err gw_profile_check(const X509 *leaf,
					   const struct gw_profile *p,
					   struct gw_error *err);

#endif

/* auth/strength.h — is a signature's digest strong enough? Linked into
 * gwd-auth (gwcert). libcrypto's security level asks this of certificates, not
 * of OCSP answers and revocation lists. Pure. */
#ifndef GW_STRENGTH_H
#define GW_STRENGTH_H

#include "cert.h"

#define GW_STRENGTH_BITS 112 /* what level 2 demands of keys and digests */

/* SHA-2 and SHA-3, in RSASSA-PSS too; Ed25519 and Ed448 bring their own. */
GW_MUST_CHECK bool gw_signature_is_strong(const X509_ALGOR *alg);

#endif

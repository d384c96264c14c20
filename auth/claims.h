/* auth/claims.h — which account a certificate says it belongs to. Linked into
 * gwd-auth (gwcert). Pure. Believes nothing: it only reads, strictly; what is
 * badly encoded, said twice or contradictory is refused, never guessed. */
#ifndef GW_CLAIMS_H
#define GW_CLAIMS_H

#include "gw/identity.h"
#include "cert.h"

/* On GW_ERR_OK gw_claims_clear() frees what `out` holds; otherwise `out` is
 * untouched. GW_ERR_MAP_MALFORMED, GW_ERR_MAP_AMBIGUOUS (claims contradict
 * each other). A certificate that claims nothing is not an error here. */
GW_MUST_CHECK enum gw_err gw_claims_read(const X509 *leaf,
					 struct gw_claims *out,
					 struct gw_error *err);

#endif

/* A certificate as it came: within limits, its claims read. What is read must
 * be fit to be believed: a valid UPN, a valid SID, or nothing. */
#include <stdint.h>
#include <string.h>

#include "claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gw_claims c;
	struct gw_error err;
	enum gw_err rc;
	X509 *x;

	if (gw_cert_parse((struct gw_der){ data, len }, &x, &err) != GW_ERR_OK)
		return 0;
	rc = gw_claims_read(x, &c, &err);
	X509_free(x);
	if (rc != GW_ERR_OK)
		return 0;
	gw_assert(c.upn[0] == '\0' || gw_upn_is_valid(c.upn, strlen(c.upn)));
	gw_assert(c.sid[0] == '\0' || gw_sid_is_valid(c.sid));
	gw_assert(c.altsec_count <= GW_ALTSEC_COUNT);
	gw_claims_clear(&c);
	return 0;
}

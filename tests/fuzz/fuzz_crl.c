/* Any bytes as a revocation list: parsed or refused, and a list that parses
 * can be asked about any serial number. The first bytes are the serial. */
#include <stdint.h>

#include <openssl/x509.h>

#include "crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
look_up(struct gw_crl *c, const uint8_t *serial, int len)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	X509_REVOKED *entry = NULL;

	gw_assert(n != NULL && ASN1_STRING_set(n, serial, len) == 1);
	if (X509_CRL_get0_by_serial(gw_crl_get0_x509(c), &entry, n) == 1)
		gw_assert(entry != NULL);
	ASN1_INTEGER_free(n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct gw_crl *c;
	struct gw_error err;

	if (len < 4 ||
	    gw_crl_parse(data + 4, len - 4, &c, &err) != GW_ERR_OK)
		return 0;
	gw_assert(gw_crl_get0_x509(c) != NULL);
	look_up(c, data, 4);
	gw_assert(gw_crl_next_update(c) != 0);
	gw_crl_free(c);
	return 0;
}

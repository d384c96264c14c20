/* staple.h — OCSP responses to be stapled, good and bad, for tests. */
#ifndef GW_TEST_STAPLE_H
#define GW_TEST_STAPLE_H

#include <openssl/ocsp.h>
#include "gw/compiler.h"

struct staple {
	X509 *about, *issuer;    /* whose the CertID is */
	X509 *signer;
	EVP_PKEY *key;           /* the signer's */
	int status;              /* V_OCSP_CERTSTATUS_… */
	long from, until;        /* seconds from now; until 0: not said */
};

/* DER into `out`; its length. */
size_t staple_make(const struct staple *s, uint8_t *out, size_t cap);

#endif

/* Any bytes as an OCSP answer about a certificate made at start: no bytes but
 * those of a holder of the CA's key are "good", and there is none here. */
#include <stdint.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static X509 *leaf, *issuer;

static X509 *
make(const char *name, X509 *by, EVP_PKEY *key, EVP_PKEY *signer, long serial)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);

	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_set_issuer_name(x, by != NULL ? X509_get_subject_name(by) : n);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	if (X509_sign(x, signer, EVP_sha256()) == 0)
		abort();
	return x;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	EVP_PKEY *a = EVP_EC_gen("P-256"), *b = EVP_EC_gen("P-256");

	(void)argc;
	(void)argv;
	if (a == NULL || b == NULL)
		abort();
	issuer = make("CA", NULL, a, a, 1);
	leaf = make("card", issuer, b, a, 2);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct gw_ocsp_rules rules = { .skew_s = 300,
						    .max_age_s = 604800 };
	struct gw_ocsp_status status;
	static const struct gw_ocsp_question questions[] = {
		{ .nonce_len = 0 }, { .nonce_len = GW_OCSP_NONCE },
	};
	struct gw_error err;

	(void)gw_ocsp_refuses(data, len);
	for (size_t i = 0; i < GW_COUNT(questions); i++)
		gw_assert(gw_ocsp_judge(leaf, issuer, data, len,
					&questions[i], &rules, time(NULL),
					&status, &err) != GW_ERR_OK);
	return 0;
}

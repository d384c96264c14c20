/* auth/ossl.h — libcrypto's types with our scope-bound cleanup. Linked into
 * gwd-auth (and whoever links gwcert); contains no code of its own. */
#ifndef GW_OSSL_H
#define GW_OSSL_H

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

#include "gw/compiler.h"

static inline void
gw_certs_free(STACK_OF(X509) *certs)
{
	sk_X509_pop_free(certs, X509_free);
}

static inline void
gw_extensions_free(X509_EXTENSIONS *x)
{
	sk_X509_EXTENSION_pop_free(x, X509_EXTENSION_free);
}

GW_DEFINE_CLEANUP(X509 *, X509_free)
GW_DEFINE_CLEANUP(STACK_OF(X509) *, gw_certs_free)
GW_DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
GW_DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
GW_DEFINE_CLEANUP(NAME_CONSTRAINTS *, NAME_CONSTRAINTS_free)
GW_DEFINE_CLEANUP(AUTHORITY_KEYID *, AUTHORITY_KEYID_free)
GW_DEFINE_CLEANUP(EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free)
GW_DEFINE_CLEANUP(X509_EXTENSIONS *, gw_extensions_free)
GW_DEFINE_CLEANUP(ASN1_ENUMERATED *, ASN1_ENUMERATED_free)
GW_DEFINE_CLEANUP(BIO *, BIO_free_all)
GW_DEFINE_CLEANUP(BIGNUM *, BN_free)
GW_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
GW_DEFINE_CLEANUP(OCSP_REQUEST *, OCSP_REQUEST_free)
GW_DEFINE_CLEANUP(OCSP_RESPONSE *, OCSP_RESPONSE_free)
GW_DEFINE_CLEANUP(OCSP_BASICRESP *, OCSP_BASICRESP_free)
GW_DEFINE_CLEANUP(OCSP_CERTID *, OCSP_CERTID_free)

#endif

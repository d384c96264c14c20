/* responder.c — see responder.h. */
#include "responder.h"
#include "strength.h"

#include <string.h>

#define CERTS_MAX 16 /* certificates in an answer that are looked at */

static enum gw_err
refuse(struct gw_error *err, const char *what)
{
	return gw_fail(err, GW_ERR_REVOCATION_SIGNER, "%s", what);
}

/* ---- is this the certificate that the ResponderID names? */

static bool
is_named(OCSP_BASICRESP *basic, const X509 *x)
{
	const ASN1_OCTET_STRING *key = NULL;
	const X509_NAME *name = NULL;
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (OCSP_resp_get0_id(basic, &key, &name) != 1)
		return false;
	if (name != NULL)
		return X509_NAME_cmp(name, X509_get_subject_name(x)) == 0;
	/* byKey: SHA-1 of the public key's bit string (4.2.1) */
	return key != NULL &&
	       X509_pubkey_digest(x, EVP_sha1(), md, &len) == 1 &&
	       (unsigned)ASN1_STRING_length(key) == len &&
	       memcmp(ASN1_STRING_get0_data(key), md, len) == 0;
}

/* ---- signatures */

static bool
has_signed(OCSP_BASICRESP *basic, const X509 *signer)
{
	EVP_PKEY *key = X509_get0_pubkey(signer);

	return key != NULL &&
	       EVP_PKEY_get_security_bits(key) >= GW_STRENGTH_BITS &&
	       EVP_PKEY_get_bits(key) <= GW_CERT_KEY_BITS_MAX &&
	       ASN1_item_verify(ASN1_ITEM_rptr(OCSP_RESPDATA),
				OCSP_resp_get0_tbs_sigalg(basic),
				OCSP_resp_get0_signature(basic),
				OCSP_resp_get0_respdata(basic), key) == 1;
}

/* ---- delegation */

static bool
is_valid_at(const X509 *x, time_t t)
{
	time_t from, to;

	return gw_asn1_time(X509_get0_notBefore(x), &from) &&
	       gw_asn1_time(X509_get0_notAfter(x), &to) && from <= t &&
	       t <= to;
}

/* 4.2.2.2: "issued directly by the CA that is identified in the request". */
static bool
is_issued_by(X509 *x, X509 *issuer)
{
	int digest_bits = 0;

	return X509_NAME_cmp(X509_get_issuer_name(x),
			     X509_get_subject_name(issuer)) == 0 &&
	       X509_check_issued(issuer, x) == X509_V_OK &&
	       X509_get_signature_info(x, NULL, NULL, &digest_bits, NULL) ==
		       1 &&
	       digest_bits >= GW_STRENGTH_BITS &&
	       X509_verify(x, X509_get0_pubkey(issuer)) == 1;
}

/* 4.2.2.2.1: with id-pkix-ocsp-nocheck a responder is trusted for its
 * lifetime. Without it, but with a place where its revocation is told, it is
 * to be checked there. Where there is neither, it is left to local policy,
 * and ours is what every client does: to trust it for its lifetime, too. */
static bool
wants_check(const X509 *x)
{
	STACK_OF(OPENSSL_STRING) *urls;
	bool names_responder;

	if (X509_get_ext_by_NID(x, NID_id_pkix_OCSP_noCheck, -1) >= 0)
		return false;
	if (X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) >= 0)
		return true;
	urls = X509_get1_ocsp((X509 *)(uintptr_t)x);
	names_responder = sk_OPENSSL_STRING_num(urls) > 0;
	X509_email_free(urls);
	return names_responder;
}

static enum gw_err
check_delegation(X509 *x, X509 *issuer, time_t produced, time_t now,
		 struct gw_error *err)
{
	uint32_t flags = X509_get_extension_flags(x);
	uint32_t usage = X509_get_extended_key_usage(x);

	if (!is_issued_by(x, issuer))
		return refuse(err, "the responder's certificate was not "
				   "issued by the card's CA");
	if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0)
		return refuse(err, "the responder's certificate has an "
				   "extension that is invalid or critical and "
				   "unknown");
	/* UINT32_MAX stands for "no such extension". */
	if (usage == UINT32_MAX || (usage & XKU_OCSP_SIGN) == 0)
		return refuse(err, "the responder's certificate is not for "
				   "OCSP signing");
	if ((X509_get_key_usage(x) &
	     (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
		return refuse(err, "the responder's key usage forbids "
				   "signing");
	if (!is_valid_at(x, now))
		return refuse(err, "the responder's certificate is not valid "
				   "now");
	if (!is_valid_at(x, produced))
		return refuse(err, "the answer was made outside the life of "
				   "the responder's certificate");
	return GW_ERR_OK;
}

static enum gw_err
check_candidate(OCSP_BASICRESP *basic, X509 *x, X509 *issuer, time_t now,
		struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;
	time_t produced;

	if (!gw_asn1_exact_time(OCSP_resp_get0_produced_at(basic), &produced))
		return refuse(err, "producedAt cannot be read");
	if (X509_cmp(x, issuer) != 0)
		rc = check_delegation(x, issuer, produced, now, err);
	else if (!is_valid_at(x, produced))
		rc = refuse(err, "the answer was made outside the life of "
				 "the CA's certificate");
	if (rc != GW_ERR_OK)
		return rc;
	return has_signed(basic, x)
		       ? GW_ERR_OK
		       : refuse(err, "the signature does not verify");
}

/* Several certificates may fit the ResponderID (a renewed responder); one that
 * passes is enough. */
enum gw_err
gw_responder_check(OCSP_BASICRESP *basic, X509 *issuer, time_t now,
		   struct gw_responder_found *out, struct gw_error *err)
{
	const STACK_OF(X509) *certs = OCSP_resp_get0_certs(basic);
	X509 *x = issuer;
	enum gw_err rc = refuse(err, "the responder is neither the card's CA "
				     "nor shows a certificate by it");

	if (!gw_signature_is_strong(OCSP_resp_get0_tbs_sigalg(basic)))
		return refuse(err, "signature algorithm too weak");
	if (is_named(basic, issuer))
		rc = check_candidate(basic, issuer, issuer, now, err);
	for (int i = 0; rc != GW_ERR_OK && i < sk_X509_num(certs) &&
			i < CERTS_MAX; i++) {
		x = sk_X509_value(certs, i);
		if (is_named(basic, x))
			rc = check_candidate(basic, x, issuer, now, err);
	}
	if (rc != GW_ERR_OK)
		return rc;
	if (err != NULL) /* no candidate's failure stays */
		*err = (struct gw_error){ .code = GW_ERR_OK };
	out->cert = x;
	out->wants_check = X509_cmp(x, issuer) != 0 && wants_check(x);
	return rc;
}

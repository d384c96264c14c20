/* flight_proof.c — see flight.h: how a key is proven, and how it is not. */
#include "flight.h"

#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

void
card(struct who *w)
{
	raw_certificate(w->t, &w->pki->card, 1);
}

static void
rsa_card(struct who *w)
{
	raw_certificate(w->t, &w->rsa_card, 1);
}

static void
sign(struct who *w, uint16_t scheme, EVP_PKEY *key, const EVP_MD *md)
{
	uint8_t text[130];
	size_t n = raw_to_sign(w->t, "client", text);

	raw_verify(w->t, scheme, key, md, key == w->rsa, text, n);
}

void
prove(struct who *w)
{
	sign(w, ECDSA_P256, w->pki->card_key, EVP_sha256());
}

/* ---- proofs that are none */

void
right(struct who *w)
{
	card(w);
	prove(w);
}

void
other_key(struct who *w)
{
	card(w);
	sign(w, ECDSA_P256, w->other, EVP_sha256());
}

static void
before_certificate(struct who *w)
{
	uint8_t text[130];
	size_t n = raw_to_sign(w->t, "client", text);

	card(w);
	raw_verify(w->t, ECDSA_P256, w->pki->card_key, EVP_sha256(), false,
		   text, n);
}

static void
as_server(struct who *w)
{
	uint8_t text[130];
	size_t n;

	card(w);
	n = raw_to_sign(w->t, "server", text);
	raw_verify(w->t, ECDSA_P256, w->pki->card_key, EVP_sha256(), false,
		   text, n);
}

static void
bare_hash(struct who *w)
{
	uint8_t text[130];
	size_t n;

	card(w);
	n = raw_to_sign(w->t, "client", text);
	raw_verify(w->t, ECDSA_P256, w->pki->card_key, EVP_sha256(), false,
		   text + n - RAW_HASH, RAW_HASH);
}

static void
called_pss(struct who *w)
{
	card(w);
	sign(w, PSS_256, w->pki->card_key, EVP_sha256());
}

static void
by_sha1(struct who *w)
{
	card(w);
	sign(w, ECDSA_SHA1, w->pki->card_key, EVP_sha1());
}

static void
of_another_curve(struct who *w)
{
	card(w);
	sign(w, ECDSA_P384, w->pki->card_key, EVP_sha384());
}

static void
of_no_scheme(struct who *w)
{
	card(w);
	sign(w, 0x4242, w->pki->card_key, EVP_sha256());
}

static void
pkcs1(struct who *w)
{
	rsa_card(w);
	sign(w, RSA_PKCS1, w->rsa, EVP_sha256());
}

static void
pss_of_pss_keys(struct who *w)
{
	rsa_card(w);
	sign(w, PSS_PSS_256, w->rsa, EVP_sha256());
}

static void
pss_of_another_hash(struct who *w)
{
	rsa_card(w);
	sign(w, PSS_256, w->rsa, EVP_sha384());
}

static void
pss(struct who *w)
{
	rsa_card(w);
	sign(w, PSS_384, w->rsa, EVP_sha384());
}

/* A certificate of an RSA key that nobody has, and a signature that nobody
 * made: the alert tells whether it has been looked at. */
static void
big_key(struct who *w, int bits, int exponent_bits)
{
	static uint8_t verify[4 + 2048] = { PSS_256 >> 8, PSS_256 & 0xff };
	uint16_t len = (uint16_t)(bits / 8);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	X509 *x;

	BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	BN_rand(e, exponent_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(b);
	cr_assert(EVP_PKEY_fromdata_init(ctx) == 1 &&
		  EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) ==
			  1);
	x = rig_issue(w->pki, "big", NULL, key);
	raw_certificate(w->t, &x, 1);
	verify[2] = (uint8_t)(len >> 8);
	verify[3] = (uint8_t)len;
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, verify, 4 + (size_t)len);
	X509_free(x);
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
}

static void
rsa_16384(struct who *w)
{
	big_key(w, 16384, 17);
}

static void
rsa_4104(struct who *w)
{
	big_key(w, 4104, 17);
}

static void
rsa_exponent_of_3072(struct who *w)
{
	big_key(w, 3072, 3072);
}

static void
rsa_exponent_of_65(struct who *w)
{
	big_key(w, 2048, 65);
}

static void
rsa_4096_64(struct who *w)
{
	big_key(w, 4096, 64);
}

static void
no_signature(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "\4\3\0\0", 4);
}

static void
zeroes(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY,
		"\4\3\0\x08\x30\6\2\1\0\2\1\0", 12);
}

static void
nothing_verified(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "", 0);
}

static void
cut(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "\4\3\0\x46\x30", 5);
}

static void
with_more(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "\4\3\0\1\x30\0", 6);
}

const struct flight flight_proofs[] = {
	{ "another key", other_key, DECRYPT, 0 },
	{ "signed before the certificate", before_certificate, DECRYPT, 0 },
	{ "signed as a server", as_server, DECRYPT, 0 },
	{ "only the hash signed", bare_hash, DECRYPT, 0 },
	{ "ECDSA that is called RSA", called_pss, ILLEGAL, 0 },
	{ "ECDSA with SHA-1", by_sha1, ILLEGAL, 0 },
	{ "P-256 with the scheme of P-384", of_another_curve, ILLEGAL, 0 },
	{ "a scheme nobody knows", of_no_scheme, ILLEGAL, 0 },
	{ "PKCS #1", pkcs1, ILLEGAL, 0 },
	{ "the scheme of PSS keys", pss_of_pss_keys, ILLEGAL, 0 },
	{ "PSS with another hash", pss_of_another_hash, DECRYPT, 0 },
	{ "RSA of 16384 bits", rsa_16384, BAD_CERTIFICATE, 0 },
	{ "RSA of 4104 bits", rsa_4104, BAD_CERTIFICATE, 0 },
	{ "an exponent of 3072 bits", rsa_exponent_of_3072, BAD_CERTIFICATE,
	  0 },
	{ "an exponent of 65 bits", rsa_exponent_of_65, BAD_CERTIFICATE, 0 },
	{ "the largest key looked at", rsa_4096_64, DECRYPT, 0 },
	{ "no signature", no_signature, DECRYPT, 0 },
	{ "a signature of zeroes", zeroes, DECRYPT, 0 },
	{ "CertificateVerify empty", nothing_verified, DECODE, 0 },
	{ "CertificateVerify cut", cut, DECODE, 0 },
	{ "CertificateVerify and more", with_more, DECODE, 0 },
	{ "the right key", right, RAW_DATA, 0 },
	{ "RSA-PSS", pss, RAW_DATA, 0 },
};
const size_t flight_proof_count = GW_COUNT(flight_proofs);

/* pki.c — see pki.h. */
#include "gw/util.h"
#include "pki.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

static long serial;

static void
add_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	cr_assert_not_null(e);
	cr_assert_eq(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void
sign(X509 *x, EVP_PKEY *key, bool is_pss)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;

	cr_assert_eq(EVP_DigestSignInit(ctx, &p, EVP_sha256(), NULL, key), 1);
	if (is_pss)
		cr_assert_gt(EVP_PKEY_CTX_set_rsa_padding(
				     p, RSA_PKCS1_PSS_PADDING), 0);
	cr_assert_gt(X509_sign_ctx(x, ctx), 0);
	EVP_MD_CTX_free(ctx);
}

static char *
pem_of(X509 *x)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p, *out;
	long len;

	cr_assert_eq(PEM_write_bio_X509(b, x), 1);
	len = BIO_get_mem_data(b, &p);
	out = gw_xstrndup(p, (size_t)len);
	BIO_free(b);
	return out;
}

static EVP_PKEY *
make_key(const struct made *m)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;

	if (m->bits == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	ctx = EVP_PKEY_CTX_new_from_name(NULL, m->has_pss_key ? "RSA-PSS"
							      : "RSA", NULL);
	cr_assert(EVP_PKEY_keygen_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, m->bits) == 1 &&
		  EVP_PKEY_generate(ctx, &key) == 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

char *
make_cert(struct made m)
{
	X509 *x = X509_new();
	EVP_PKEY *key = make_key(&m);
	X509_NAME *name = X509_NAME_new();
	long end = (m.days != 0 ? m.days : 3650) * 86400 + 3600;
	char *pem;

	cr_assert(x != NULL && key != NULL && name != NULL);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)m.name, -1, -1, 0);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_set_subject_name(x, name);
	X509_set_issuer_name(x, name);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400L * 400);
	X509_gmtime_adj(X509_getm_notAfter(x), end);
	X509_set_pubkey(x, key);
	if (!m.has_no_ext)
		add_ext(x, NID_basic_constraints,
			m.is_leaf ? "critical,CA:FALSE" : "critical,CA:TRUE");
	sign(x, key, m.is_pss);
	pem = pem_of(x);
	X509_NAME_free(name);
	EVP_PKEY_free(key);
	X509_free(x);
	return pem;
}

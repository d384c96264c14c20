/* rig_pki.c — see rig.h: a CA, a server and a card, made anew each time. */
#include "rig.h"

#include <criterion/criterion.h>
#include <string.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static EVP_PKEY *
new_key(void)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");

	cr_assert(k != NULL);
	return k;
}

static void
add_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	cr_assert(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *
new_cert(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
	 const char *usage, const char *san)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer
								     : x));
	add_ext(x, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE"
							 : "CA:FALSE");
	if (usage != NULL)
		add_ext(x, NID_ext_key_usage, usage);
	if (san != NULL)
		add_ext(x, NID_subject_alt_name, san);
	cr_assert(X509_sign(x, issuer_key, EVP_sha256()) > 0);
	return x;
}

void
rig_pki_init(struct rig_pki *p)
{
	p->ca_key = new_key();
	p->server_key = new_key();
	p->card_key = new_key();
	p->ca = new_cert("Test CA", p->ca_key, NULL, p->ca_key, NULL, NULL);
	p->server = new_cert("gateway.example.com", p->server_key, p->ca,
			     p->ca_key, "serverAuth", NULL);
	p->card = new_cert("alice", p->card_key, p->ca, p->ca_key,
			   "clientAuth", NULL);
}

X509 *
rig_issue(const struct rig_pki *p, const char *cn, const char *san,
	  EVP_PKEY *key)
{
	return new_cert(cn, key, p->ca, p->ca_key, "serverAuth", san);
}

void
rig_pki_clear(struct rig_pki *p)
{
	X509_free(p->ca);
	X509_free(p->server);
	X509_free(p->card);
	EVP_PKEY_free(p->ca_key);
	EVP_PKEY_free(p->server_key);
	EVP_PKEY_free(p->card_key);
}

static size_t
take(BIO *b, uint8_t *out, size_t cap)
{
	int n = BIO_read(b, out, (int)cap);

	cr_assert(n > 0 && (size_t)n < cap);
	BIO_free(b);
	return (size_t)n;
}

size_t
rig_pem_cert(X509 *x, uint8_t *out, size_t cap)
{
	BIO *b = BIO_new(BIO_s_mem());

	cr_assert(PEM_write_bio_X509(b, x) == 1);
	return take(b, out, cap);
}

size_t
rig_pem_key(EVP_PKEY *k, uint8_t *out, size_t cap)
{
	BIO *b = BIO_new(BIO_s_mem());

	cr_assert(PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL) ==
		  1);
	return take(b, out, cap);
}

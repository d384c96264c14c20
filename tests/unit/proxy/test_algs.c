/* test_algs.c — what keys are read where, and what is not found at all. */
#include "algs.h"
#include "gw/compiler.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

TestSuite(algs, .init = gw_algs_init, .fini = gw_algs_clear, .timeout = 300);

static EVP_PKEY *
key_of(const char *type, const char *group)
{
	if (strncmp(type, "RSA", 3) == 0) {
		EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
		EVP_PKEY *key = NULL;

		cr_assert(EVP_PKEY_keygen_init(c) == 1 &&
			  EVP_PKEY_generate(c, &key) == 1);
		EVP_PKEY_CTX_free(c);
		return key;
	}
	return group != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, group)
			     : EVP_PKEY_Q_keygen(NULL, NULL, type);
}

/* A certificate of a new key, in DER; heap (OpenSSL). */
static int
certificate_of(const char *type, const char *group, uint8_t **out)
{
	EVP_PKEY *key = key_of(type, group), *ca = key_of("EC", "P-256");
	X509 *x = X509_new();
	int len;

	cr_assert(key != NULL, "%s", type);
	cr_assert(X509_set_pubkey(x, key) == 1 &&
		  X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
		  X509_gmtime_adj(X509_getm_notAfter(x), 60) != NULL);
	cr_assert_gt(X509_sign(x, ca, EVP_sha256()), 0);
	*out = NULL;
	len = i2d_X509(x, out);
	X509_free(x);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca);
	return len;
}

/* Whether `lib` gives a certificate with its key. */
static bool
has_key(OSSL_LIB_CTX *lib, const uint8_t *der, int len)
{
	X509 *x = X509_new_ex(lib, NULL);
	bool yes;

	cr_assert(d2i_X509(&x, &der, len) != NULL);
	yes = X509_get0_pubkey(x) != NULL;
	X509_free(x);
	ERR_clear_error();
	return yes;
}

static const struct {
	const char *type, *group;
	bool is_read;
} cases[] = {
	{ "SM2", NULL, false },    { "X25519", NULL, false },
	{ "RSA", NULL, true },     { "RSA-PSS", NULL, true },
	{ "EC", "P-256", true },   { "EC", "P-384", true },
	{ "EC", "P-521", true },   { "ED25519", NULL, true },
	{ "ED448", NULL, true },
};

Test(algs, keys_of_cards)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		uint8_t *der;
		int len = certificate_of(cases[i].type, cases[i].group, &der);

		cr_expect_eq(has_key(gw_algs_tls(), der, len),
			     cases[i].is_read, "%s %s", cases[i].type,
			     cases[i].group);
		OPENSSL_free(der);
	}
}

Test(algs, not_for_tls)
{
	OSSL_LIB_CTX *lib = gw_algs_tls();

	cr_expect_null(EVP_CIPHER_fetch(lib, "AES-256-CBC", NULL));
	cr_expect_null(EVP_MD_fetch(lib, "MD5", NULL));
	cr_expect_null(EVP_KEYMGMT_fetch(lib, "DSA", NULL));
	ERR_clear_error();
}

struct on_thread {
	const uint8_t *der;
	int len;
	bool found_default, found_tls, has_key, has_key_tls;
};

static void *
run(void *arg)
{
	struct on_thread *t = arg;
	EVP_MD *md;

	gw_algs_none();
	t->found_default = EVP_MD_fetch(NULL, "SHA256", NULL) != NULL;
	md = EVP_MD_fetch(gw_algs_tls(), "SHA256", NULL);
	t->found_tls = md != NULL;
	EVP_MD_free(md);
	t->has_key = has_key(NULL, t->der, t->len);
	t->has_key_tls = has_key(gw_algs_tls(), t->der, t->len);
	ERR_clear_error();
	OPENSSL_thread_stop();
	return NULL;
}

Test(algs, none_on_a_thread)
{
	struct on_thread t = { .found_default = true };
	pthread_t thread;
	uint8_t *der;

	t.len = certificate_of("EC", "P-256", &der);
	t.der = der;
	cr_assert(has_key(NULL, der, t.len));
	cr_assert_eq(pthread_create(&thread, NULL, run, &t), 0);
	pthread_join(thread, NULL);
	cr_expect(!t.found_default);
	cr_expect(!t.has_key);
	cr_expect(t.found_tls);
	cr_expect(t.has_key_tls);
	cr_expect(has_key(NULL, der, t.len), "this thread is as it was");
	OPENSSL_free(der);
}

Test(algs, context)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(gw_algs_tls(), NULL,
				      TLS_server_method());

	cr_assert_not_null(ctx);
	cr_expect(SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM") == 1);
	cr_expect(SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1);
	cr_expect(SSL_CTX_set1_groups_list(ctx, "ffdhe2048") != 1);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

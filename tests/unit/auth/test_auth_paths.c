/* The search for ways up where names alone do not tell. The certificates are
 * made on the spot: so many, and so odd, that no vectors are worth it. */
#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "cert.h"
#include "paths.h"

#define FAKES 70

static STACK_OF(X509) *given, *anchors;
static EVP_PKEY *real, *card;
static int handed, ended_at_root;
static X509 *root;

static void
setup(void)
{
	given = sk_X509_new_null();
	anchors = sk_X509_new_null();
	real = EVP_EC_gen("P-256");
	card = EVP_EC_gen("P-256");
	handed = ended_at_root = 0;
}

static void
teardown(void)
{
	sk_X509_pop_free(given, X509_free);
	sk_X509_pop_free(anchors, X509_free);
	EVP_PKEY_free(real);
	EVP_PKEY_free(card);
}

TestSuite(paths, .init = setup, .fini = teardown);

static void
name(X509_NAME *n, const char *common)
{
	cr_assert_eq(X509_NAME_add_entry_by_txt(
			     n, "CN", MBSTRING_ASC,
			     (const unsigned char *)common, -1, -1, 0), 1);
}

/* Borrowed from `to`. */
static X509 *
add(STACK_OF(X509) *to, const char *subject, const char *issuer, EVP_PKEY *key,
    EVP_PKEY *signer)
{
	X509 *x = X509_new();

	cr_assert_eq(X509_set_version(x, X509_VERSION_3), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x), sk_X509_num(to) + 1);
	name(X509_get_subject_name(x), subject);
	name(X509_get_issuer_name(x), issuer);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	cr_assert_gt(X509_sign(x, signer, EVP_sha256()), 0);
	cr_assert_gt(sk_X509_push(to, x), 0);
	return x;
}

static bool
anybody(void *arg, X509 *x)
{
	(void)arg;
	(void)x;
	return true;
}

static bool
note(void *arg, STACK_OF(X509) *way)
{
	(void)arg;
	handed++;
	ended_at_root += sk_X509_value(way, sk_X509_num(way) - 1) == root;
	return false;
}

static void
search(void)
{
	const struct gw_ways ways = { given, anchors, 8, anybody, note, NULL };

	cr_expect_not(gw_paths_any(&ways));
}

/* A registered CA, its own registered issuer, and so many namesakes of that
 * before it that no more signatures are verified. What is not known must not
 * make the first the end of a way: the issuer's end date, say, would not
 * count. */
static void
search_with_fakes(int fakes)
{
	EVP_PKEY *middle = EVP_EC_gen("P-256"), *fake = NULL;

	add(given, "card", "CA", card, middle);
	add(anchors, "CA", "Root", middle, real);
	for (int i = 0; i < fakes; i++) {
		fake = EVP_EC_gen("P-256");
		add(anchors, "Root", "Root", fake, fake);
		EVP_PKEY_free(fake);
	}
	root = add(anchors, "Root", "Root", real, real);
	search();
	EVP_PKEY_free(middle);
}

Test(paths, doubt_about_an_issuer_ends_no_way)
{
	search_with_fakes(FAKES);
	cr_expect_eq(handed, 0, "%d ways", handed);
}

Test(paths, namesakes_of_the_issuer)
{
	search_with_fakes(3);
	cr_expect_eq(handed, 1, "%d ways", handed);
	cr_expect_eq(ended_at_root, 1);
}

/* A modulus out of the air, which is good enough to be computed with. */
static EVP_PKEY *
rsa_key(int bits, int exponent_bits)
{
	BIGNUM *n = BN_new(), *e = BN_new();
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *p;

	cr_assert(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) == 1 &&
		  BN_rand(e, exponent_bits, BN_RAND_TOP_ONE,
			  BN_RAND_BOTTOM_ODD) == 1 &&
		  OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		  OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1);
	p = OSSL_PARAM_BLD_to_param(b);
	cr_assert(EVP_PKEY_fromdata_init(c) == 1 &&
		  EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, p) == 1);
	OSSL_PARAM_free(p);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(c);
	BN_free(n);
	BN_free(e);
	return key;
}

/* What was sent is looked through in its order: behind few namesakes with
 * keys that cost much the CA is found, behind many there is no time left. */
static void
search_behind_long_keys(int n)
{
	EVP_PKEY *ca = EVP_RSA_gen(2048), *fake; /* of one kind, or no fakes */

	root = add(anchors, "Root", "Root", real, real);
	add(given, "card", "CA", card, ca);
	for (int i = 0; i < n; i++) {
		fake = rsa_key(16384, 17);
		add(given, "CA", "Root", fake, real);
		EVP_PKEY_free(fake);
	}
	add(given, "CA", "Root", ca, real);
	search();
	EVP_PKEY_free(ca);
}

Test(paths, behind_few_long_keys)
{
	search_behind_long_keys(3);
	cr_expect_eq(handed, 1, "%d ways", handed);
}

Test(paths, behind_many_long_keys)
{
	search_behind_long_keys(4);
	cr_expect_eq(handed, 0, "%d ways", handed);
}

static enum gw_err
parse(X509 *x)
{
	struct gw_error err = { .code = GW_ERR_OK };
	X509 *out = NULL;
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);
	enum gw_err rc = gw_cert_parse((struct gw_der){ der, (size_t)len },
				       &out, &err);

	X509_free(out);
	OPENSSL_free(der);
	return rc;
}

/* Which would be the other way to make a check take long. */
static enum gw_err
parse_with_exponent(int bits)
{
	EVP_PKEY *key = rsa_key(2048, bits);
	enum gw_err rc = parse(add(given, "card", "CA", key, real));

	EVP_PKEY_free(key);
	return rc;
}

Test(paths, no_long_exponents)
{
	cr_expect_eq(parse_with_exponent(17), GW_ERR_OK);
	cr_expect_eq(parse_with_exponent(64), GW_ERR_OK);
	cr_expect_eq(parse_with_exponent(65), GW_ERR_CERT_WEAK_KEY);
	cr_expect_eq(parse_with_exponent(2000), GW_ERR_CERT_WEAK_KEY);
}

/* Names cost far more memory than the bytes they come in. */
Test(paths, no_endless_issuers)
{
	X509 *x = add(given, "card", "CA", card, real);

	for (int i = 1; i < GW_CERT_SUBJECT_MAX; i++)
		name(X509_get_issuer_name(x), "a");
	cr_assert_gt(X509_sign(x, real, EVP_sha256()), 0);
	cr_expect_eq(parse(x), GW_ERR_OK);
	name(X509_get_issuer_name(x), "a");
	cr_assert_gt(X509_sign(x, real, EVP_sha256()), 0);
	cr_expect_eq(parse(x), GW_ERR_CERT_MALFORMED);
}

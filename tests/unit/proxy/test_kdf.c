/* test_kdf.c — our derivation of TLS 1.3 keys beside OpenSSL's own, and what it
 * does not do. */
#include "algs.h"
#include "kdf.h"
#include "gw/compiler.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

TestSuite(kdf, .init = gw_algs_init, .fini = gw_algs_clear, .timeout = 60);

#define NOT_GIVEN SIZE_MAX

struct ask {
	int mode;
	const char *hash;
	size_t key, salt, label, data; /* lengths, or NOT_GIVEN */
	size_t out;
};

static uint8_t noise[2048];

static void
add(OSSL_PARAM **p, const char *name, size_t len, size_t at)
{
	if (len != NOT_GIVEN)
		*(*p)++ = OSSL_PARAM_construct_octet_string(name, noise + at,
							    len);
}

static bool
derive(OSSL_LIB_CTX *lib, const struct ask *a, uint8_t *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(lib, GW_KDF_NAME, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	char prefix[] = "tls13 ";
	OSSL_PARAM params[8], *p = params;
	int mode = a->mode;
	bool ok;

	cr_assert(ctx != NULL);
	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						(char *)a->hash, 0);
	add(&p, OSSL_KDF_PARAM_KEY, a->key, 0);
	add(&p, OSSL_KDF_PARAM_SALT, a->salt, 256);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX,
						 prefix, 6);
	add(&p, OSSL_KDF_PARAM_LABEL, a->label, 512);
	add(&p, OSSL_KDF_PARAM_DATA, a->data, 1024);
	*p = OSSL_PARAM_construct_end();
	ok = EVP_KDF_derive(ctx, out, a->out, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

/* ---- the same as OpenSSL's */

static void
compare(const struct ask *a)
{
	uint8_t ours[64] = { 0 }, theirs[64] = { 0 };

	gw_random(noise, sizeof(noise));
	cr_assert(derive(NULL, a, theirs));
	cr_assert(derive(gw_algs_tls(), a, ours),
		  "%s mode %d key %zu salt %zu label %zu data %zu out %zu",
		  a->hash, a->mode, a->key, a->salt, a->label, a->data, a->out);
	cr_assert_arr_eq(ours, theirs, sizeof(ours));
}

static const struct {
	const char *name;
	size_t len;
} hashes[] = { { "SHA2-256", 32 }, { "SHA2-384", 48 } };

Test(kdf, expands_as_openssl_does)
{
	for (size_t h = 0; h < GW_COUNT(hashes); h++)
		for (size_t label = 1; label <= 249; label += 31)
			for (size_t out = 1; out <= hashes[h].len; out++) {
				struct ask a = {
					.mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY,
					.hash = hashes[h].name,
					.key = hashes[h].len,
					.salt = NOT_GIVEN,
					.label = label,
					.data = NOT_GIVEN,
					.out = out,
				};

				compare(&a);
				a.data = out * 5;
				compare(&a);
				a.data = hashes[h].len;
				compare(&a);
			}
}

/* The secrets before: none, or one. The new one: none, of a ticket, of the
 * groups there are. */
Test(kdf, extracts_as_openssl_does)
{
	static const size_t keys[] = { NOT_GIVEN, 1, 32, 48, 56, 66, 256 };

	for (size_t h = 0; h < GW_COUNT(hashes); h++)
		for (size_t i = 0; i < GW_COUNT(keys); i++) {
			struct ask a = {
				.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
				.hash = hashes[h].name,
				.key = keys[i],
				.salt = NOT_GIVEN,
				.label = 7,
				.data = NOT_GIVEN,
				.out = hashes[h].len,
			};

			compare(&a);
			a.salt = hashes[h].len;
			compare(&a);
		}
}

/* ---- what it refuses */

Test(kdf, refuses_what_tls_does_not_ask_for)
{
	static const struct ask good = {
		.mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY, .hash = "SHA2-256",
		.key = 32, .salt = NOT_GIVEN, .label = 7, .data = 32,
		.out = 32,
	};
	struct ask bad[8];
	uint8_t out[64], none[64] = { 0 };

	cr_assert(derive(gw_algs_tls(), &good, out));
	for (size_t i = 0; i < GW_COUNT(bad); i++)
		bad[i] = good;
	bad[0].hash = "SHA2-512";
	bad[1].mode = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND;
	bad[2].key = NOT_GIVEN;
	bad[3].key = 65; /* longer than a block */
	bad[4].label = NOT_GIVEN;
	bad[5].label = 250;
	bad[6].data = 256;
	bad[7].out = 33;
	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		memset(out, 0, sizeof(out));
		cr_assert(!derive(gw_algs_tls(), &bad[i], out), "%zu", i);
		cr_assert_arr_eq(out, none, sizeof(out), "%zu", i);
	}
}

Test(kdf, refuses_a_secret_of_another_length)
{
	struct ask a = {
		.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY, .hash = "SHA2-256",
		.key = 32, .salt = 32, .label = 7, .data = NOT_GIVEN,
		.out = 31,
	};
	uint8_t out[64];

	cr_assert(!derive(gw_algs_tls(), &a, out));
	a.out = 32;
	cr_assert(derive(gw_algs_tls(), &a, out));
	a.salt = 65;
	cr_assert(!derive(gw_algs_tls(), &a, out));
	a.salt = 32;
	a.key = 521; /* more than there is room for */
	cr_assert(!derive(gw_algs_tls(), &a, out));
}

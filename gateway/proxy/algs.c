/* algs.c — see algs.h. The provider made here is the default one, seen through
 * a sieve: it hands out that one's algorithms, and its context with them. */
#include "algs.h"
#include "gw/compiler.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

static OSSL_LIB_CTX *tls, *none;
static OSSL_PROVIDER *whole, *sieve, *null;

/* ---- what is let through */

/* Of the operations named here, these alone: what the ciphers and groups of
 * context.c need, and the keys that cards have. SHA-1 is for the fingerprint
 * that OpenSSL takes of each certificate; HMAC as a key and as a signature for
 * the proof that a ticket's owner shows it. */
static struct {
	int operation;
	const char *names[12];
	const char *property; /* in what it is defined by; NULL: any */
	OSSL_ALGORITHM *kept;
} cuts[] = {
	{ .operation = OSSL_OP_DIGEST,
	  .names = { "SHA1", "SHA2-224", "SHA2-256", "SHA2-384",
		     "SHA2-512" } },
	{ .operation = OSSL_OP_CIPHER,
	  .names = { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305" } },
	{ .operation = OSSL_OP_MAC, .names = { "HMAC" } },
	{ .operation = OSSL_OP_KDF,
	  .names = { "HKDF", "TLS13-KDF", "TLS1-PRF" } },
	{ .operation = OSSL_OP_KEYEXCH,
	  .names = { "ECDH", "X25519", "X448" } },
	{ .operation = OSSL_OP_SIGNATURE,
	  .names = { "RSA", "ECDSA", "ED25519", "ED448", "HMAC" } },
	{ .operation = OSSL_OP_KEYMGMT,
	  .names = { "RSA", "RSA-PSS", "EC", "ED25519", "ED448", "X25519",
		     "X448", "HMAC" } },
	{ .operation = OSSL_OP_DECODER,
	  .names = { "DER", "RSA", "RSA-PSS", "EC", "ED25519", "ED448" },
	  .property = "structure=SubjectPublicKeyInfo" },
};

/* By the first of an algorithm's names, which end in colons. */
static bool
is_named(const OSSL_ALGORITHM *a, const char *const *names)
{
	size_t len = strcspn(a->algorithm_names, ":");

	for (; *names != NULL; names++)
		if (strlen(*names) == len &&
		    memcmp(a->algorithm_names, *names, len) == 0)
			return true;
	return false;
}

static OSSL_ALGORITHM *
keep(int operation, const char *const *names, const char *property)
{
	int no_cache = 0;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(
		whole, operation, &no_cache);
	OSSL_ALGORITHM *kept = NULL;
	size_t n = 0;

	for (; a != NULL && a->algorithm_names != NULL; a++) {
		if (!is_named(a, names) ||
		    (property != NULL &&
		     strstr(a->property_definition, property) == NULL))
			continue;
		kept = gw_xrealloc(kept, n + 2, sizeof(*kept));
		kept[n++] = *a;
		kept[n] = (OSSL_ALGORITHM){ .algorithm_names = NULL };
	}
	gw_assert(kept != NULL);
	return kept;
}

/* ---- the provider */

static const OSSL_PARAM *
gettable_params(void *ctx)
{
	(void)ctx;
	return OSSL_PROVIDER_gettable_params(whole);
}

static int
get_params(void *ctx, OSSL_PARAM params[])
{
	(void)ctx;
	return OSSL_PROVIDER_get_params(whole, params);
}

static int
get_capabilities(void *ctx, const char *which, OSSL_CALLBACK *fn, void *arg)
{
	(void)ctx;
	return OSSL_PROVIDER_get_capabilities(whole, which, fn, arg);
}

static const OSSL_ALGORITHM *
query(void *ctx, int operation, int *no_cache)
{
	(void)ctx;
	*no_cache = 0;
	for (size_t i = 0; i < GW_COUNT(cuts); i++)
		if (cuts[i].operation == operation)
			return cuts[i].kept;
	return OSSL_PROVIDER_query_operation(whole, operation, no_cache);
}

#define FUNCTION(id, fn) { OSSL_FUNC_PROVIDER_##id, (void (*)(void))(fn) }

static int
init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
     const OSSL_DISPATCH **out, void **out_ctx)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(GETTABLE_PARAMS, gettable_params),
		FUNCTION(GET_PARAMS, get_params),
		FUNCTION(GET_CAPABILITIES, get_capabilities),
		FUNCTION(QUERY_OPERATION, query),
		{ 0, NULL },
	};

	(void)core;
	(void)in;
	*out = functions;
	*out_ctx = OSSL_PROVIDER_get0_provider_ctx(whole);
	return 1;
}

/* ---- */

void
gw_algs_init(void)
{
	/* by name: what it fetches for itself, it fetches where it lives */
	whole = OSSL_PROVIDER_load(OSSL_LIB_CTX_get0_global_default(),
				   "default");
	tls = OSSL_LIB_CTX_new();
	none = OSSL_LIB_CTX_new();
	gw_assert(whole != NULL && tls != NULL && none != NULL);
	for (size_t i = 0; i < GW_COUNT(cuts); i++)
		cuts[i].kept = keep(cuts[i].operation, cuts[i].names,
				    cuts[i].property);
	gw_assert(OSSL_PROVIDER_add_builtin(tls, "gwd", init) == 1);
	sieve = OSSL_PROVIDER_load(tls, "gwd");
	null = OSSL_PROVIDER_load(none, "null");
	gw_assert(sieve != NULL && null != NULL);
}

void
gw_algs_clear(void)
{
	OSSL_PROVIDER_unload(sieve);
	OSSL_PROVIDER_unload(null);
	OSSL_LIB_CTX_free(tls);
	OSSL_LIB_CTX_free(none);
	for (size_t i = 0; i < GW_COUNT(cuts); i++) {
		free(cuts[i].kept);
		cuts[i].kept = NULL;
	}
	OSSL_PROVIDER_unload(whole);
}

OSSL_LIB_CTX *
gw_algs_tls(void)
{
	return tls;
}

void
gw_algs_none(void)
{
	(void)OSSL_LIB_CTX_set0_default(none);
}

/* bench_cert — what judging a certificate costs: CPU time of a path, cold and
 * cached, of an OCSP answer, and of a revocation list with a million entries,
 * with the memory it takes. No files, no network; everything is made here.
 *
 *   bench_cert [ENTRIES]     one line per figure */
#include "crls.h"
#include "crl.h"
#include "demands.h"
#include "ocsp.h"
#include "verified.h"
#include "gw/util.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROUNDS       2000
#define SERIAL_BYTES 16
#define ENTRY_BYTES  (2 + SERIAL_BYTES + 15)

static double
cpu_us(void)
{
	struct timespec t;

	gw_assert(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
say(const char *what, double value, const char *unit)
{
	printf("%-40s %12.2f %s\n", what, value, unit);
	fflush(stdout);
}

/* ---- certificates */

static void
add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	gw_assert(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *
make(const char *cn, X509 *issuer, EVP_PKEY *key, EVP_PKEY *signer)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	bool is_ca = strstr(cn, "CA") != NULL;

	gw_assert(X509_set_version(x, 2) == 1 &&
		  ASN1_INTEGER_set(X509_get_serialNumber(x), 77) == 1 &&
		  X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
		  X509_gmtime_adj(X509_getm_notAfter(x), 86400 * 30) != NULL &&
		  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					     (const unsigned char *)cn, -1, -1,
					     0) == 1 &&
		  X509_set_issuer_name(x, issuer != NULL
				       ? X509_get_subject_name(issuer)
				       : name) == 1 &&
		  X509_set_pubkey(x, key) == 1);
	if (issuer == NULL)
		issuer = x;
	add_ext(x, issuer, NID_basic_constraints,
		is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_ext(x, issuer, NID_key_usage, is_ca
		? "critical,keyCertSign,cRLSign"
		: "critical,digitalSignature");
	if (!is_ca)
		add_ext(x, issuer, NID_ext_key_usage,
			"clientAuth,msSmartcardLogin");
	add_ext(x, issuer, NID_subject_key_identifier, "hash");
	add_ext(x, issuer, NID_authority_key_identifier, "keyid:always");
	gw_assert(X509_sign(x, signer, EVP_sha256()) > 0);
	return x;
}

struct login {
	struct gw_trust *trust;
	struct gw_verified *known;
	struct gw_der chain[2]; /* card, its CA */
};

/* As gwd-auth does: decode, verify, accept the profile. */
static void
judge_cold(const struct login *l)
{
	static const struct gw_demands demands;
	const struct gw_presented p = gw_presented_of(l->chain, 2, 1);
	STACK_OF(X509) *given = NULL;
	struct gw_path path;
	struct gw_error err;

	gw_assert(gw_certs_parse(l->chain, 2, &given, &err) == GW_ERR_OK &&
		  gw_demands_verify(l->trust, &demands, given, time(NULL),
				    &path, &err) == GW_ERR_OK &&
		  gw_demands_profile(&demands, &path, &err) == GW_ERR_OK);
	gw_verified_put(l->known, &p, given, &path);
	gw_path_clear(&path);
	gw_certs_free(given);
}

static void
judge_cached(const struct login *l)
{
	static const struct gw_demands demands;
	const struct gw_presented p = gw_presented_of(l->chain, 2, 1);
	STACK_OF(X509) *given = NULL;
	struct gw_path path;
	struct gw_error err;

	gw_assert(gw_verified_find(l->known, &p, time(NULL), &given, &path) &&
		  gw_demands_profile(&demands, &path, &err) == GW_ERR_OK);
	gw_path_clear(&path);
	gw_certs_free(given);
}

static void
time_judging(const char *what, void (*fn)(const struct login *l),
	     const struct login *l)
{
	double from = cpu_us();

	for (int i = 0; i < ROUNDS; i++)
		fn(l);
	say(what, (cpu_us() - from) / ROUNDS, "us CPU");
}

static struct gw_der
encode(const X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);

	gw_assert(len > 0);
	return (struct gw_der){ der, (size_t)len };
}

static void
bench_path(X509 *root, X509 *issuing, X509 *card)
{
	static struct gw_conf_ca section = { .title = (char *)"bench",
					     .max_depth = 8,
					     .require_smartcard_eku = true };
	struct login l = { .trust = gw_trust_new(),
			   .known = gw_verified_new(),
			   .chain = { encode(card), encode(issuing) } };
	struct gw_error err;

	gw_assert(gw_trust_add_cert(l.trust, root, &section, &err) ==
		  GW_ERR_OK);
	time_judging("path of three, P-256, and profile, cold", judge_cold,
		     &l);
	time_judging("the same, cached", judge_cached, &l);
	for (size_t i = 0; i < 2; i++)
		OPENSSL_free((void *)(uintptr_t)l.chain[i].p);
	gw_verified_free(l.known);
	gw_trust_free(l.trust);
}

/* ---- an OCSP answer */

static void
bench_ocsp(X509 *card, X509 *issuing, EVP_PKEY *key)
{
	static const struct gw_ocsp_rules rules = { .skew_s = 300,
						    .max_age_s = 86400 };
	static const struct gw_ocsp_question plain = { .nonce_len = 0 };
	OCSP_BASICRESP *b = OCSP_BASICRESP_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60);
	ASN1_TIME *next = X509_gmtime_adj(NULL, 3600);
	OCSP_RESPONSE *r;
	unsigned char *der = NULL;
	struct gw_ocsp_status s;
	struct gw_error err;
	double from;
	int len;

	gw_assert(OCSP_basic_add1_status(
			  b, OCSP_cert_to_id(EVP_sha1(), card, issuing),
			  V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, next) != NULL &&
		  OCSP_basic_sign(b, issuing, key, EVP_sha256(), NULL, 0) ==
			  1);
	r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, b);
	len = i2d_OCSP_RESPONSE(r, &der);
	gw_assert(len > 0);
	from = cpu_us();
	for (int i = 0; i < ROUNDS; i++)
		gw_assert(gw_ocsp_judge(card, issuing, der, (size_t)len,
					&plain, &rules, time(NULL), &s,
					&err) == GW_ERR_OK);
	say("OCSP answer judged", (cpu_us() - from) / ROUNDS, "us CPU");
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(b);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
}

/* ---- a list */

struct der {
	uint8_t *p;
	size_t len, cap;
};

static void
put(struct der *d, const void *p, size_t len)
{
	gw_assert(d->len + len <= d->cap);
	memcpy(d->p + d->len, p, len);
	d->len += len;
}

static void
put_head(struct der *d, int tag, size_t len)
{
	uint8_t buf[16];
	unsigned char *p = buf;

	ASN1_put_object(&p, tag == V_ASN1_SEQUENCE, (int)len, tag,
			V_ASN1_UNIVERSAL);
	put(d, buf, (size_t)(p - buf));
}

/* Serial numbers that look random and differ. */
static void
serial_of(uint32_t i, uint8_t out[SERIAL_BYTES])
{
	uint64_t a = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	memcpy(out, &a, 8);
	memcpy(out + 8, &i, 4);
	memset(out + 12, 0x5a, 4);
	out[0] = (uint8_t)((out[0] & 0x3f) | 0x40);
}

static void
put_entries(struct der *d, size_t n)
{
	uint8_t serial[SERIAL_BYTES];

	put_head(d, V_ASN1_SEQUENCE, n * (ENTRY_BYTES + 2));
	for (size_t i = 0; i < n; i++) {
		serial_of((uint32_t)i, serial);
		put_head(d, V_ASN1_SEQUENCE, ENTRY_BYTES);
		put_head(d, V_ASN1_INTEGER, SERIAL_BYTES);
		put(d, serial, sizeof(serial));
		put_head(d, V_ASN1_UTCTIME, 13);
		put(d, "260101000000Z", 13);
	}
}

/* All of a list but its entries, by libcrypto. */
static X509_CRL *
make_frame(X509 *issuing, EVP_PKEY *key)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60);
	ASN1_TIME *next = X509_gmtime_adj(NULL, 86400);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_EXTENSION *akid;
	X509V3_CTX v3;

	X509V3_set_ctx(&v3, issuing, NULL, NULL, crl, 0);
	akid = X509V3_EXT_conf_nid(NULL, &v3, NID_authority_key_identifier,
				   "keyid");
	gw_assert(ASN1_INTEGER_set(number, 1) == 1 && akid != NULL &&
		  X509_CRL_set_version(crl, 1) == 1 &&
		  X509_CRL_add_ext(crl, akid, -1) == 1 &&
		  X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) ==
			  1 &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(
						   issuing)) == 1 &&
		  X509_CRL_set1_lastUpdate(crl, now) == 1 &&
		  X509_CRL_set1_nextUpdate(crl, next) == 1 &&
		  X509_CRL_sign(crl, key, EVP_sha256()) > 0);
	X509_EXTENSION_free(akid);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	return crl;
}

/* Takes `der`, as i2d_ functions give it. */
static void
put_made(struct der *d, unsigned char *der, int len)
{
	gw_assert(len > 0);
	put(d, der, (size_t)len);
	OPENSSL_free(der);
}

#define PUT(d, type, object) do { \
	unsigned char *made = NULL; \
	int made_len = i2d_##type(object, &made); \
	put_made(d, made, made_len); \
} while (0)

/* The signed part (RFC 5280, 5.1.2): the frame's fields with `n` entries. */
static struct der
make_tbs(const X509_CRL *frame, const X509_ALGOR *alg, size_t n)
{
	const X509_EXTENSIONS *exts = X509_CRL_get0_extensions(frame);
	struct der body = { .cap = n * (ENTRY_BYTES + 2) + 4096 };
	struct der tbs = { .cap = body.cap + 16 };
	int len = i2d_X509_EXTENSIONS(exts, NULL);

	body.p = gw_xcalloc(body.cap, 1);
	tbs.p = gw_xcalloc(tbs.cap, 1);
	put(&body, "\x02\x01\x01", 3); /* version 2 */
	PUT(&body, X509_ALGOR, alg);
	PUT(&body, X509_NAME, X509_CRL_get_issuer(frame));
	PUT(&body, ASN1_TIME, X509_CRL_get0_lastUpdate(frame));
	PUT(&body, ASN1_TIME, X509_CRL_get0_nextUpdate(frame));
	put_entries(&body, n);
	gw_assert(len > 0 && len < 120);
	put(&body, (uint8_t[]){ 0xa0, (uint8_t)len }, 2);
	PUT(&body, X509_EXTENSIONS, exts);
	put_head(&tbs, V_ASN1_SEQUENCE, body.len);
	put(&tbs, body.p, body.len);
	free(body.p);
	return tbs;
}

static struct der
sign(const struct der *tbs, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct der sig = { .cap = 256 };

	sig.p = gw_xcalloc(sig.cap, 1);
	sig.len = sig.cap;
	gw_assert(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) ==
			  1 &&
		  EVP_DigestSign(ctx, sig.p, &sig.len, tbs->p, tbs->len) ==
			  1);
	EVP_MD_CTX_free(ctx);
	return sig;
}

/* Only the frame is libcrypto's: each entry would be objects of its own. */
static struct der
make_list(X509 *issuing, EVP_PKEY *key, size_t n)
{
	X509_CRL *frame = make_frame(issuing, key);
	const X509_ALGOR *alg;
	struct der tbs, sig, out;

	X509_CRL_get0_signature(frame, NULL, &alg);
	tbs = make_tbs(frame, alg, n);
	sig = sign(&tbs, key);
	out = (struct der){ .cap = tbs.cap + 4096 };
	out.p = gw_xcalloc(out.cap, 1);
	put_head(&out, V_ASN1_SEQUENCE, tbs.len + sig.len + 3 +
		 (size_t)i2d_X509_ALGOR(alg, NULL));
	put(&out, tbs.p, tbs.len);
	PUT(&out, X509_ALGOR, alg);
	put_head(&out, V_ASN1_BIT_STRING, sig.len + 1);
	put(&out, "", 1); /* no unused bits */
	put(&out, sig.p, sig.len);
	free(tbs.p);
	free(sig.p);
	X509_CRL_free(frame);
	return out;
}

static void
bench_look_ups(struct gw_crl *c, size_t n)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_REVOKED *entry;
	uint8_t serial[SERIAL_BYTES];
	double from = cpu_us();

	for (uint32_t i = 0; i < 1000000; i++) {
		serial_of(i % (uint32_t)n, serial);
		ASN1_STRING_set(number, serial, sizeof(serial));
		gw_assert(X509_CRL_get0_by_serial(gw_crl_get0_x509(c), &entry,
						  number) == 1);
	}
	say("look-up by serial number", (cpu_us() - from) / 1e6, "us CPU");
	ASN1_INTEGER_free(number);
}

static void
bench_list(X509 *root, X509 *issuing, X509 *card, EVP_PKEY *key, size_t n)
{
	static const struct gw_conf_ca section = { .title = (char *)"bench" };
	const struct gw_chain_rules rules = { .max_depth = GW_CHAIN_DEPTH };
	struct der der = make_list(issuing, key, n);
	struct gw_path path = { .certs = sk_X509_new_null(),
				.ca = &section };
	struct gw_crl_list list;
	struct gw_error err = { .code = GW_ERR_OK };
	struct gw_crls *lists = gw_crls_new();
	double from = cpu_us();

	if (gw_crl_list_parse(der.p, der.len, &list, &err) != GW_ERR_OK) {
		fprintf(stderr, "list: %s\n", err.detail);
		exit(1);
	}
	say("list parsed", (cpu_us() - from) / 1e3, "ms CPU");
	from = cpu_us();
	gw_assert(gw_crl_list_prove(&list, issuing));
	say("list's signature verified", (cpu_us() - from) / 1e3, "ms CPU");
	say("list's entries", (double)n, "");
	say("list's bytes (mapped)", (double)der.len / 1e6, "MB");
	say("memory besides", (double)gw_crl_memory(list.crl) / 1e6, "MB");
	bench_look_ups(list.crl, n);
	sk_X509_push(path.certs, card);
	sk_X509_push(path.certs, issuing);
	sk_X509_push(path.certs, root);
	gw_crls_borrow(lists, &list);
	from = cpu_us();
	for (int i = 0; i < ROUNDS / 4; i++)
		gw_assert(gw_crls_check_at(lists, &path, 0, NULL, &rules,
					   time(NULL), &err) == GW_ERR_OK);
	say("certificate judged by the list", (cpu_us() - from) / (ROUNDS / 4),
	    "us CPU");
	gw_crls_free(lists);
	gw_crl_list_clear(&list);
	sk_X509_free(path.certs);
	free(der.p);
}

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	EVP_PKEY *keys[3];
	X509 *root, *issuing, *card;

	if (n == 0 || n > 5000000) {
		fputs("usage: bench_cert [ENTRIES]  (1 to 5000000)\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < 3; i++)
		gw_assert((keys[i] = EVP_EC_gen("P-256")) != NULL);
	root = make("Root CA", NULL, keys[0], keys[0]);
	issuing = make("Issuing CA", root, keys[1], keys[0]);
	card = make("card", issuing, keys[2], keys[1]);
	bench_path(root, issuing, card);
	bench_ocsp(card, issuing, keys[1]);
	bench_list(root, issuing, card, keys[1], n);
	for (size_t i = 0; i < 3; i++)
		EVP_PKEY_free(keys[i]);
	X509_free(root);
	X509_free(issuing);
	X509_free(card);
	return 0;
}

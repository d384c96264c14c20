/* OCSP answers: each rule of RFC 6960, 3.2 and 4.2.2.2, broken once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "gw/util.h"
#include "ocsp.h"
#include "gw/url.h"

#define GOOD    V_OCSP_CERTSTATUS_GOOD
#define REVOKED V_OCSP_CERTSTATUS_REVOKED
#define UNKNOWN V_OCSP_CERTSTATUS_UNKNOWN
#define HOUR    3600
#define DAY     86400

static const struct gw_ocsp_rules rules = { .skew_s = 300,
					    .max_age_s = 7 * DAY };

static const struct gw_ocsp_question plain = { .nonce_len = 0 };

#define MALFORMED GW_ERR_REVOCATION_MALFORMED
#define SIGNER    GW_ERR_REVOCATION_SIGNER
#define STALE     GW_ERR_REVOCATION_STALE
#define AWAY      GW_ERR_REVOCATION_UNAVAILABLE

static const struct ocsp_case {
	const char *what;
	struct answer a;
	enum gw_err want;
	const char *detail; /* part of it */
} refusals[] = {
	/* status of the response */
	{ "malformedRequest", { .response_status = 1 }, AWAY, "malformed" },
	{ "internalError", { .response_status = 2 }, AWAY, "internal" },
	{ "tryLater", { .response_status = 3 }, AWAY, "trylater" },
	{ "sigRequired", { .response_status = 5 }, AWAY, "sigrequired" },
	{ "unauthorized", { .response_status = 6 }, AWAY, "unauthorized" },

	/* who signed */
	{ "no OCSPSigning", { .signer = "ocsp-no-eku" }, SIGNER,
	  "not for OCSP" },
	{ "anyExtendedKeyUsage", { .signer = "ocsp-any" }, SIGNER,
	  "not for OCSP" },
	{ "a card", { .signer = "good" }, SIGNER, "not for OCSP" },
	{ "key usage", { .signer = "ocsp-encipher" }, SIGNER, "key usage" },
	{ "critical extension", { .signer = "ocsp-critical" }, SIGNER,
	  "critical" },
	{ "signer expired", { .signer = "ocsp-expired" }, SIGNER,
	  "not valid now" },
	{ "signer not yet valid", { .signer = "ocsp-not-yet" }, SIGNER,
	  "not valid now" },
	{ "signer weak", { .signer = "ocsp-weak" }, SIGNER,
	  "does not verify" },
	{ "signer's certificate signed with SHA-1", { .signer = "ocsp-sha1" },
	  SIGNER, "not issued" },
	{ "delegated by the root above", { .signer = "ocsp-by-root" }, SIGNER,
	  "not issued" },
	{ "delegated by another CA of the root",
	  { .signer = "ocsp-by-rsa-ca" }, SIGNER, "not issued" },
	{ "delegated by a namesake of the CA",
	  { .signer = "ocsp-by-other" }, SIGNER, "not issued" },
	{ "the namesake itself", { .signer = "other-issuing" }, SIGNER,
	  "not issued" },
	{ "the root", { .signer = "root" }, SIGNER, "not issued" },
	{ "the root, by key", { .signer = "root", .by_key = true }, SIGNER,
	  "not issued" },
	{ "certificate left out", { .has_no_certs = true }, SIGNER,
	  "neither" },
	{ "signed with SHA-1", { .md = "SHA1" }, SIGNER, "weak" },
	{ "signed with SHA-1, PSS",
	  { .signer = "ocsp-rsa", .md = "SHA1", .is_pss = true }, SIGNER,
	  "weak" },
	/* another's key under a good responder's name */
	{ "wrong key", { .signer = "ocsp-no-eku", .has_no_certs = true,
			 .also = "ocsp" }, SIGNER, "does not verify" },

	{ "behind too many others", { .also = "ocsp-no-eku", .more = 15 },
	  SIGNER, "not for OCSP" },

	/* about whom */
	{ "another certificate",
	  { .n = 1, .v = { { .leaf = "second", .this = -HOUR,
			     .next = HOUR } } }, MALFORMED, "not about" },
	{ "by MD5",
	  { .n = 1, .v = { { .md = "MD5", .this = -HOUR, .next = HOUR } } },
	  MALFORMED, "not about" },
	{ "same serial, another issuer",
	  { .n = 1, .v = { { .issuer = "other-issuing", .this = -HOUR,
			     .next = HOUR } } }, MALFORMED, "not about" },
	{ "issuer's issuer",
	  { .n = 1, .v = { { .issuer = "root", .this = -HOUR,
			     .next = HOUR } } }, MALFORMED, "not about" },

	/* how new */
	{ "produced in the future", { .produced = 301 }, STALE, "produced" },
	{ "produced before the CA began",
	  { .signer = "issuing", .n = 1, .produced = -11 * 365 * DAY,
	    .v = { { .this = -HOUR, .next = HOUR } } }, SIGNER,
	  "outside the life" },
	{ "thisUpdate in the future",
	  { .n = 1, .v = { { .this = 301, .next = HOUR } } }, STALE,
	  "thisUpdate" },
	{ "nextUpdate over",
	  { .n = 1, .v = { { .this = -HOUR, .next = -301 } } }, STALE,
	  "nextUpdate" },
	{ "older than we accept", { .n = 1, .produced = -8 * DAY,
	    .v = { { .this = -8 * DAY, .next = DAY } } }, STALE,
	  "thisUpdate" },
	{ "older than we accept, no nextUpdate",
	  { .n = 1, .v = { { .this = -8 * DAY, .has_no_next = true } } },
	  STALE, "thisUpdate" },
	{ "nextUpdate before thisUpdate",
	  { .n = 1, .v = { { .this = -10, .next = -20 } } }, MALFORMED,
	  "before" },
	{ "thisUpdate after producedAt", { .n = 1, .produced = -2 * HOUR,
	    .v = { { .this = -HOUR, .next = HOUR } } }, MALFORMED, "after" },
	{ "revoked, but long ago",
	  { .n = 1, .v = { { .status = REVOKED, .reason = -1, .this = -DAY,
			     .next = -HOUR } } }, STALE, "nextUpdate" },

	/* what it says */
	{ "unknown",
	  { .n = 1, .v = { { .status = UNKNOWN, .this = -HOUR,
			     .next = HOUR } } },
	  GW_ERR_REVOCATION_UNKNOWN, "does not know" },
	{ "revoked",
	  { .n = 1, .v = { { .status = REVOKED, .reason = -1, .this = -HOUR,
			     .next = HOUR } } },
	  GW_ERR_CERT_REVOKED, "2029-12-31T00:00:00Z" },
	{ "revoked with reason",
	  { .n = 1, .v = { { .status = REVOKED, .reason = 1, .this = -HOUR,
			     .next = HOUR } } },
	  GW_ERR_CERT_REVOKED, "keyCompromise" },
	{ "on hold",
	  { .n = 1, .v = { { .status = REVOKED, .reason = 6, .this = -HOUR,
			     .next = HOUR } } },
	  GW_ERR_CERT_REVOKED, "certificateHold" },
	{ "good, then revoked",
	  { .n = 2, .v = { { .this = -HOUR, .next = HOUR },
			   { .status = REVOKED, .reason = -1, .this = -HOUR,
			     .next = HOUR } } }, GW_ERR_CERT_REVOKED, "" },
	{ "revoked, then good, by another hash",
	  { .n = 2, .v = { { .status = REVOKED, .reason = -1, .this = -HOUR,
			     .next = HOUR, .md = "SHA256" },
			   { .this = -HOUR, .next = HOUR } } },
	  GW_ERR_CERT_REVOKED, "" },
	{ "good and unknown",
	  { .n = 2, .v = { { .this = -HOUR, .next = HOUR },
			   { .status = UNKNOWN, .this = -HOUR,
			     .next = HOUR } } }, MALFORMED,
	  "contradictory" },
	{ "good and stale",
	  { .n = 2, .v = { { .this = -DAY, .next = -HOUR },
			   { .this = -HOUR, .next = HOUR } } }, MALFORMED,
	  "contradictory" },

	/* extensions */
	{ "critical extension of the answer", { .critical = "1.2.3.4" },
	  MALFORMED, "critical" },
	{ "critical nonce nobody asked for",
	  { .critical = "1.3.6.1.5.5.7.48.1.2" }, MALFORMED, "critical" },
	{ "critical extension of a single answer",
	  { .n = 1, .v = { { .this = -HOUR, .next = HOUR,
			     .critical = "1.2.3.4" } } }, MALFORMED,
	  "critical" },
	{ "critical extension of an answer about another",
	  { .n = 2, .v = { { .this = -HOUR, .next = HOUR },
			   { .leaf = "second", .this = -HOUR, .next = HOUR,
			     .critical = "1.2.3.4" } } }, MALFORMED,
	  "critical" },
};

static enum gw_err
judge(const struct answer *a, time_t now, struct gw_ocsp_status *s,
      struct gw_error *err)
{
	size_t len;
	uint8_t *der = answer_make(a, &len);
	enum gw_err rc = gw_ocsp_judge(vec("good"), vec("issuing"), der, len,
				       &plain, &rules, now, s, err);

	OPENSSL_free(der);
	return rc;
}

Test(ocsp, refusals)
{
	for (size_t i = 0; i < GW_COUNT(refusals); i++) {
		const struct ocsp_case *c = &refusals[i];
		struct gw_error err = { .code = GW_ERR_OK };
		struct gw_ocsp_status s = { .this_update = 77 };
		enum gw_err rc = judge(&c->a, NOW, &s, &err);

		cr_expect_eq(rc, c->want, "%s: %s: %s", c->what,
			     gw_err_name(rc), err.detail);
		cr_expect_not_null(strstr(err.detail, c->detail), "%s: %s",
				   c->what, err.detail);
		cr_expect_eq(s.this_update != 77, rc == GW_ERR_CERT_REVOKED,
			     "%s: whether status was set", c->what);
	}
}

static const struct {
	const char *what;
	struct answer a;
} passes[] = {
	{ "delegated", { .n = 0 } },
	{ "delegated, by key", { .by_key = true } },
	{ "the CA itself", { .signer = "issuing" } },
	{ "the CA itself, by key, without certificate",
	  { .signer = "issuing", .by_key = true, .has_no_certs = true } },
	{ "RSA", { .signer = "ocsp-rsa" } },
	{ "RSA-PSS", { .signer = "ocsp-rsa", .is_pss = true } },
	{ "SHA-384", { .md = "SHA384" } },
	{ "CertID by SHA-256",
	  { .n = 1, .v = { { .md = "SHA256", .this = -HOUR,
			     .next = HOUR } } } },
	{ "both CertIDs",
	  { .n = 2, .v = { { .md = "SHA256", .this = -HOUR, .next = HOUR },
			   { .this = -HOUR, .next = HOUR } } } },
	{ "among others",
	  { .n = 3, .v = { { .leaf = "second", .status = REVOKED,
			     .reason = -1, .this = -HOUR, .next = HOUR },
			   { .leaf = "second", .issuer = "other-issuing",
			     .this = -HOUR, .next = HOUR },
			   { .this = -HOUR, .next = HOUR } } } },
	{ "no nextUpdate",
	  { .n = 1, .v = { { .this = 0, .has_no_next = true } } } },
	{ "just within the skew", { .n = 1, .produced = 300,
	    .v = { { .this = 300, .next = 400 } } } },
	{ "just not over",
	  { .n = 1, .v = { { .this = -HOUR, .next = -300 } } } },
	{ "Ed25519", { .signer = "ocsp-ed25519" } },
	{ "no key usage", { .signer = "ocsp-no-ku" } },
	{ "behind as many as are looked at", { .also = "ocsp-no-eku",
					       .more = 14 } },
	/* an expired certificate of the same responder stands first */
	{ "after a renewal", { .also = "ocsp-expired" } },
};

Test(ocsp, passes)
{
	for (size_t i = 0; i < GW_COUNT(passes); i++) {
		struct gw_error err = { .code = GW_ERR_OK };
		struct gw_ocsp_status s;

		cr_expect_eq(judge(&passes[i].a, NOW, &s, &err), GW_ERR_OK,
			     "%s: %s: %s", passes[i].what,
			     gw_err_name(err.code), err.detail);
	}
}

/* 4.2.2.2.1: who is to be asked about in turn. */
Test(ocsp, responders_to_check)
{
	static const struct { const char *signer; bool want; } cases[] = {
		{ "ocsp", false }, { "ocsp-unmarked", false },
		{ "ocsp-checked", true }, { "ocsp-checked-aia", true },
		{ "issuing", false },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		const struct answer a = { .signer = cases[i].signer };
		struct gw_ocsp_status s = { .responder = NULL };
		struct gw_error err;

		cr_expect_eq(judge(&a, NOW, &s, &err), GW_ERR_OK, "%s: %s",
			     cases[i].signer, err.detail);
		cr_expect_eq(s.responder != NULL, cases[i].want, "%s",
			     cases[i].signer);
		cr_expect(s.responder == NULL ||
			  X509_cmp(s.responder, vec(cases[i].signer)) == 0);
		X509_free(s.responder);
	}
}

/* It is for OCSP signing, and asked about is itself. */
Test(ocsp, nobody_vouches_for_himself)
{
	const struct answer a = { .n = 1, .v = { { .leaf = "ocsp",
				.this = -HOUR, .next = HOUR } } };
	struct gw_ocsp_status s;
	struct gw_error err;
	size_t len;
	uint8_t *der = answer_make(&a, &len);

	cr_expect_eq(gw_ocsp_judge(vec("ocsp"), vec("issuing"), der, len,
				   &plain, &rules, NOW, &s, &err), SIGNER);
	cr_expect_not_null(strstr(err.detail, "itself"), "%s", err.detail);
	OPENSSL_free(der);
}

Test(ocsp, what_it_tells)
{
	const struct answer a = { .produced = -60, .n = 1,
		.v = { { .this = -HOUR, .next = 2 * HOUR } } };
	const struct answer open = { .n = 1,
		.v = { { .this = -HOUR, .has_no_next = true } } };
	struct gw_ocsp_status s;
	struct gw_error err;

	cr_assert_eq(judge(&a, NOW, &s, &err), GW_ERR_OK);
	cr_expect_eq(s.this_update, NOW - HOUR);
	cr_expect_eq(s.next_update, NOW + 2 * HOUR);
	cr_expect_eq(s.produced_at, NOW - 60);
	cr_assert_eq(judge(&open, NOW, &s, &err), GW_ERR_OK);
	cr_expect_eq(s.next_update, 0);
}

/* Made while the responder's certificate was not valid yet, read later. */
Test(ocsp, produced_before_the_signer_began)
{
	const struct answer a = { .signer = "ocsp-not-yet" };
	struct gw_ocsp_rules lax = { .skew_s = 300,
				     .max_age_s = INT64_C(50) * 365 * DAY };
	struct answer open = a;
	struct gw_ocsp_status s;
	struct gw_error err;
	size_t len;
	uint8_t *der;

	open.n = 1;
	open.v[0] = (struct single_answer){ .has_no_next = true };
	der = answer_make(&open, &len);
	cr_expect_eq(gw_ocsp_judge(vec("good"), vec("issuing"), der, len,
				   &plain, &lax, 2400000000, &s, &err), SIGNER);
	cr_expect_not_null(strstr(err.detail, "outside the life"), "%s",
			   err.detail);
	OPENSSL_free(der);
}

/* No byte of an answer can be changed unnoticed, nor taken away or added. */
Test(ocsp, damaged)
{
	size_t len;
	uint8_t *der = answer_make(&(struct answer){ .n = 0 }, &len);
	uint8_t *copy = gw_xcalloc(len + 1, 1);
	struct gw_ocsp_status s;
	struct gw_error err;
	size_t unnoticed = 0;

	for (size_t i = 0; i < len; i++) {
		memcpy(copy, der, len);
		copy[i] ^= 0x01;
		unnoticed += gw_ocsp_judge(vec("good"), vec("issuing"), copy,
					   len, &plain, &rules, NOW, &s, &err) ==
			     GW_ERR_OK;
		cr_expect_eq(gw_ocsp_judge(vec("good"), vec("issuing"), der,
					   i, &plain, &rules, NOW, &s, &err),
			     MALFORMED, "cut at %zu", i);
	}
	/* all that may change: nothing the signature covers (at most the
	 * unsigned wrapping, and there no bit that means anything) */
	cr_expect_eq(unnoticed, 0, "%zu bytes", unnoticed);
	memcpy(copy, der, len);
	cr_expect_eq(gw_ocsp_judge(vec("good"), vec("issuing"), copy, len + 1,
				   &plain, &rules, NOW, &s, &err), MALFORMED);
	free(copy);
	OPENSSL_free(der);
}

/* ---- what libcrypto does not write */

static enum gw_err
judge_der(const uint8_t *der, size_t len, struct gw_error *err)
{
	struct gw_ocsp_status s = { .responder = NULL };

	*err = (struct gw_error){ .code = GW_ERR_OK };
	return gw_ocsp_judge(vec("good"), vec("issuing"), der, len, &plain,
			     &rules, NOW, &s, err);
}

Test(ocsp, odd_frames)
{
	static const struct {
		const char *what;
		uint8_t der[16];
		size_t len;
		enum gw_err want;
	} cases[] = {
		{ "successful, and nothing in it", "\x30\x03\x0a\x01\x00", 5,
		  MALFORMED },
		{ "status 4", "\x30\x03\x0a\x01\x04", 5, AWAY },
		{ "status 7", "\x30\x03\x0a\x01\x07", 5, AWAY },
		{ "no status", "\x30\x00", 2, MALFORMED },
		{ "empty response bytes",
		  "\x30\x07\x0a\x01\x00\xa0\x02\x30\x00", 9, MALFORMED },
		{ "no bytes", "", 0, MALFORMED },
	};
	struct gw_error err;

	for (size_t i = 0; i < GW_COUNT(cases); i++)
		cr_expect_eq(judge_der(cases[i].der, cases[i].len, &err),
			     cases[i].want, "%s: %s", cases[i].what,
			     err.detail);
}

Test(ocsp, another_type_of_response)
{
	static const uint8_t basic[] = { 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1 };
	size_t len;
	uint8_t *der = answer_make(&(struct answer){ .n = 0 }, &len);
	uint8_t *at = memmem(der, len, basic, sizeof(basic));
	struct gw_error err;

	cr_assert_not_null(at);
	cr_expect_eq(judge_der(der, len, &err), GW_ERR_OK);
	at[8] = 2; /* the nonce's OID */
	cr_expect_eq(judge_der(der, len, &err), MALFORMED);
	cr_expect_not_null(strstr(err.detail, "basic"), "%s", err.detail);
	OPENSSL_free(der);
}

Test(ocsp, too_large)
{
	uint8_t *big = gw_xcalloc(GW_OCSP_BYTES_MAX + 1, 1);
	struct gw_error err;

	cr_expect_eq(judge_der(big, GW_OCSP_BYTES_MAX + 1, &err), MALFORMED);
	cr_expect_not_null(strstr(err.detail, "65537 bytes"), "%s",
			   err.detail);
	free(big);
}

static size_t
put_head(uint8_t *p, uint8_t tag, size_t len)
{
	const uint8_t head[] = { tag, 0x82, (uint8_t)(len >> 8),
				 (uint8_t)len };

	memcpy(p, head, sizeof(head));
	return sizeof(head);
}

/* The signed part with a version before it, signed anew by the CA. */
static size_t
with_version(uint8_t version, uint8_t out[4096])
{
	static const uint8_t alg[] = { 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce,
				       0x3d, 4, 3, 2 };
	const uint8_t v[] = { 0xa0, 3, 2, 1, version };
	const struct answer a = { .signer = "issuing", .has_no_certs = true };
	size_t len, n, sig_len = 128;
	uint8_t *der = answer_make(&a, &len), body[2048], sig[128];
	const uint8_t *p = der;
	OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &p, (long)len);
	OCSP_BASICRESP *b = OCSP_response_get1_basic(r);
	uint8_t *tbs = NULL, *q = body;
	int tbs_len = i2d_OCSP_RESPDATA(
		(OCSP_RESPDATA *)(uintptr_t)OCSP_resp_get0_respdata(b), &tbs);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	n = (size_t)tbs_len - 3; /* 30 81 xx */
	cr_assert(tbs[1] == 0x81 && n + sizeof(v) < 256);
	*q++ = 0x30;
	*q++ = 0x81;
	*q++ = (uint8_t)(n + sizeof(v));
	memcpy(q, v, sizeof(v));
	memcpy(q + sizeof(v), tbs + 3, n);
	q += sizeof(v) + n;
	cr_assert(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL,
				     vec_key("issuing")) == 1 &&
		  EVP_DigestSign(ctx, sig, &sig_len, body,
				 (size_t)(q - body)) == 1);
	memcpy(q, alg, sizeof(alg));
	q += sizeof(alg);
	q += put_head(q, 0x03, sig_len + 1);
	*q++ = 0;
	memcpy(q, sig, sig_len);
	n = (size_t)(q - body) + sig_len;
	q = out;
	q += put_head(q, 0x30, n + 4 + 4 + 11 + 4 + 4 + 3);
	memcpy(q, "\x0a\x01\x00", 3);
	q += 3;
	q += put_head(q, 0xa0, n + 4 + 4 + 11 + 4);
	q += put_head(q, 0x30, n + 4 + 4 + 11);
	memcpy(q, "\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01", 11);
	q += 11;
	q += put_head(q, 0x04, n + 4);
	q += put_head(q, 0x30, n);
	memcpy(q, body, n);
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(tbs);
	OPENSSL_free(der);
	OCSP_BASICRESP_free(b);
	OCSP_RESPONSE_free(r);
	return (size_t)(q - out) + n;
}

Test(ocsp, version)
{
	uint8_t der[4096];
	struct gw_error err;

	cr_expect_eq(judge_der(der, with_version(0, der), &err), GW_ERR_OK,
		     "v1 spelt out: %s", err.detail);
	cr_expect_eq(judge_der(der, with_version(1, der), &err), MALFORMED);
	cr_expect_not_null(strstr(err.detail, "version"), "%s", err.detail);
}

/* What a real responder answers to each way of asking, through files. */
static void
ask_openssl(const char *name, const struct gw_ocsp_question *q,
	    enum gw_err want)
{
	X509 *leaf = vec(name);
	size_t len = 0;
	uint8_t *req = gw_ocsp_request(leaf, vec("issuing"), q, &len);
	char in[64], out[64], cmd[2048];
	uint8_t der[16384];
	struct gw_ocsp_status s;
	struct gw_error err = { .code = GW_ERR_OK };
	FILE *f;

	snprintf(in, sizeof(in), "/tmp/gwd-test-%d.req", (int)getpid());
	snprintf(out, sizeof(out), "/tmp/gwd-test-%d.resp", (int)getpid());
	f = fopen(in, "w");
	fwrite(req, 1, len, f);
	fclose(f);
	free(req);
	snprintf(cmd, sizeof(cmd),
		 "cd %s && openssl ocsp -index index.txt "
		 "-CA issuing.pem -rsigner ocsp.pem -rkey ocsp.key "
		 "-reqin %s -respout %s -ndays 1 >/dev/null 2>&1",
		 VECTORS, in, out);
	cr_assert_eq(system(cmd), 0);
	f = fopen(out, "r");
	len = fread(der, 1, sizeof(der), f);
	fclose(f);
	remove(in);
	remove(out);
	cr_expect_eq(gw_ocsp_judge(leaf, vec("issuing"), der, len, q, &rules,
				   time(NULL), &s, &err),
		     want, "%s: %s", name, err.detail);
}

Test(ocsp, openssl_responder)
{
	struct gw_ocsp_question ways[] = {
		{ .hash = GW_OCSP_SHA1 }, { .hash = GW_OCSP_SHA256 },
		{ .hash = GW_OCSP_SHA1, .nonce_len = GW_OCSP_NONCE },
	};

	gw_random(ways[2].nonce, GW_OCSP_NONCE);
	for (size_t i = 0; i < GW_COUNT(ways); i++) {
		ask_openssl("good", &ways[i], GW_ERR_OK);
		ask_openssl("revoked", &ways[i], GW_ERR_CERT_REVOKED);
	}
}

/* ---- how it is asked */

static const uint8_t ours[GW_OCSP_NONCE] = "a nonce of thirty-two bytes, yes";
static const uint8_t other[GW_OCSP_NONCE] = "a nonce of thirty-two bytes, no!";

Test(ocsp, nonce)
{
	static const struct {
		const char *what;
		const uint8_t *sent, *back;
		size_t back_len;
		enum gw_err want;
	} cases[] = {
		{ "none at all", NULL, NULL, 0, GW_ERR_OK },
		{ "one nobody asked for", NULL, ours, 32, GW_ERR_OK },
		{ "left out", ours, NULL, 0, STALE },
		{ "another", ours, other, 32, STALE },
		{ "its beginning", ours, ours, 16, STALE },
		{ "the one sent", ours, ours, 32, GW_ERR_OK },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct answer a = { .nonce = cases[i].back,
				    .nonce_len = cases[i].back_len };
		struct gw_ocsp_question q = { .nonce_len = 0 };
		struct gw_ocsp_status s;
		struct gw_error err = { .code = GW_ERR_OK };
		size_t len;
		uint8_t *der = answer_make(&a, &len);

		if (cases[i].sent != NULL) {
			memcpy(q.nonce, cases[i].sent, GW_OCSP_NONCE);
			q.nonce_len = GW_OCSP_NONCE;
		}
		cr_expect_eq(gw_ocsp_judge(vec("good"), vec("issuing"), der,
					   len, &q, &rules, NOW, &s, &err),
			     cases[i].want, "%s: %s", cases[i].what,
			     err.detail);
		OPENSSL_free(der);
	}
}

Test(ocsp, refuses)
{
	static const struct { int status; bool want; } cases[] = {
		{ 0, false }, { OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, true },
		{ OCSP_RESPONSE_STATUS_INTERNALERROR, false },
		{ OCSP_RESPONSE_STATUS_TRYLATER, false },
		{ OCSP_RESPONSE_STATUS_UNAUTHORIZED, true },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct answer a = { .response_status = cases[i].status };
		size_t len;
		uint8_t *der = answer_make(&a, &len);

		cr_expect_eq(gw_ocsp_refuses(der, len), cases[i].want, "%d",
			     cases[i].status);
		OPENSSL_free(der);
	}
	cr_expect_not(gw_ocsp_refuses((const uint8_t *)"x", 1));
	cr_expect_not(gw_ocsp_refuses(NULL, 0));
}

Test(ocsp, get_url)
{
	static const uint8_t der[] = { 0xfb, 0xef, 0xff, 0x00 };
	static const struct { const char *url, *want; } cases[] = {
		{ "http://r", "http://r/%2B%2B%2F%2FAA%3D%3D" },
		{ "http://r/", "http://r/%2B%2B%2F%2FAA%3D%3D" },
		{ "http://r/ocsp", "http://r/ocsp/%2B%2B%2F%2FAA%3D%3D" },
		{ "http://r/?q", NULL }, { "", NULL },
	};
	uint8_t big[160] = { 0 };
	char out[GW_OCSP_GET_MAX];

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		bool ok = gw_ocsp_get_url(cases[i].url, der, sizeof(der), out);

		cr_expect_eq(ok, cases[i].want != NULL, "%s", cases[i].url);
		if (ok && cases[i].want != NULL)
			cr_expect_str_eq(out, cases[i].want);
	}
	cr_expect(gw_ocsp_get_url("http://r/", big, sizeof(big), out));
	cr_expect_leq(strlen(out), 255);
	cr_expect_not(gw_ocsp_get_url(
		"http://responder.with.a.long.name.example/and/path", big,
		sizeof(big), out), "more than 255 bytes");
}

/* ---- where to ask */

Test(urls, of_a_certificate)
{
	static const struct {
		const char *leaf, *registered;
		enum gw_ocsp_mode mode;
		const char *want;
	} cases[] = {
		{ "good", "", GW_OCSP_FAILOVER, "" },
		{ "good", "", GW_OCSP_OVERRIDE, "" },
		{ "good", "http://r/", GW_OCSP_FAILOVER, "http://r/ " },
		{ "aia", "", GW_OCSP_FAILOVER,
		  "http://one.example/a http://two.example:81/b?c " },
		{ "aia", "", GW_OCSP_OVERRIDE,
		  "http://one.example/a http://two.example:81/b?c " },
		{ "aia", "http://r/", GW_OCSP_FAILOVER,
		  "http://one.example/a http://two.example:81/b?c "
		  "http://r/ " },
		{ "aia", "http://r/", GW_OCSP_OVERRIDE, "http://r/ " },
		{ "aia", "http://one.example/a", GW_OCSP_FAILOVER,
		  "http://one.example/a http://two.example:81/b?c " },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct gw_ocsp_urls u;
		char got[1024] = "";

		gw_ocsp_urls(vec(cases[i].leaf), cases[i].registered,
			     cases[i].mode, &u);
		for (size_t j = 0; j < u.n; j++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
				 "%s ", u.v[j]);
		cr_expect_str_eq(got, cases[i].want, "case %zu", i);
	}
}

Test(urls, refusals)
{
	static const char *const bad[] = {
		"", "http://", "http:///x", "https://a/", "ldap://a/", "a",
		"file:///etc/passwd", "http://u@a/", "http://u:p@a/x",
		"http://a:0/", "http://a:65536/", "http://a:123456/",
		"http://a:/", "http://a:8x/", "http://a/ b", "http://a/\r\nX:",
		"http://a/\x7f", "http://a/\xc3\xa9", "http://[::1/",
		"http://[::1]x/", "http://[]/", "http://:80/", "http://a#f",
	};
	struct gw_url u;

	for (size_t i = 0; i < GW_COUNT(bad); i++)
		cr_expect_not(gw_url_parse(bad[i], &u), "%s", bad[i]);
}

Test(urls, parts)
{
	static const struct {
		const char *url, *host, *port, *path, *authority;
	} good[] = {
		{ "http://a", "a", "80", "/", "a" },
		{ "HTTP://a/", "a", "80", "/", "a" },
		{ "http://a:81/x/y?z=1", "a", "81", "/x/y?z=1", "a:81" },
		{ "http://a?q", "a", "80", "/?q", "a" },
		{ "http://[::1]/", "::1", "80", "/", "[::1]" },
		{ "http://[::1]:81/", "::1", "81", "/", "[::1]:81" },
		{ "http://10.0.0.1:065/", "10.0.0.1", "65", "/",
		  "10.0.0.1:065" },
	};
	struct gw_url u;

	for (size_t i = 0; i < GW_COUNT(good); i++) {
		cr_assert(gw_url_parse(good[i].url, &u), "%s", good[i].url);
		cr_expect_str_eq(u.host, good[i].host);
		cr_expect_str_eq(u.port, good[i].port);
		cr_expect_str_eq(u.path, good[i].path);
		cr_expect_str_eq(u.authority, good[i].authority);
	}
}

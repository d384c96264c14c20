/* OCSP answers: each rule of RFC 6960, 3.2 and 4.2.2.2, broken once. */
#include <criterion/criterion.h>
#include <string.h>

#include "answers.h"
#include "gw/util.h"
#include "ocsp.h"

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
					   len, &plain, &rules, NOW, &s,
					   &err) == GW_ERR_OK;
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

/* OCSP answers that libcrypto does not write, made by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "answers.h"
#include "gw/util.h"
#include "ocsp.h"

#define MALFORMED GW_ERR_REVOCATION_MALFORMED
#define AWAY      GW_ERR_REVOCATION_UNAVAILABLE

static const struct gw_ocsp_rules rules = { .skew_s = 300,
					    .max_age_s = 7 * 86400 };
static const struct gw_ocsp_question plain = { .nonce_len = 0 };

static enum gw_err
judge_der(const uint8_t *der, size_t len, struct gw_error *err)
{
	struct gw_ocsp_status s = { .responder = NULL };

	*err = (struct gw_error){ .code = GW_ERR_OK };
	return gw_ocsp_judge(vec("good"), vec("issuing"), der, len, &plain,
			     &rules, NOW, &s, err);
}

Test(frames, odd_frames)
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

Test(frames, another_type_of_response)
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

Test(frames, too_large)
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

Test(frames, version)
{
	uint8_t der[4096];
	struct gw_error err;

	cr_expect_eq(judge_der(der, with_version(0, der), &err), GW_ERR_OK,
		     "v1 spelt out: %s", err.detail);
	cr_expect_eq(judge_der(der, with_version(1, der), &err), MALFORMED);
	cr_expect_not_null(strstr(err.detail, "version"), "%s", err.detail);
}

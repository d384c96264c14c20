/* answers.c — see answers.h. */
#include "answers.h"

#include <criterion/criterion.h>
#include <openssl/rsa.h>
#include <string.h>

static const char *
or(const char *s, const char *otherwise)
{
	return s != NULL ? s : otherwise;
}

static X509_EXTENSION *
critical_ext(const char *oid)
{
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(s, (const uint8_t *)"\x05\x00", 2);
	e = X509_EXTENSION_create_by_OBJ(NULL, o, 1, s);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(o);
	cr_assert_not_null(e);
	return e;
}

static void
add_single(OCSP_BASICRESP *b, const struct single_answer *s)
{
	X509 *leaf = vec(or(s->leaf, "good"));
	X509 *issuer = vec(or(s->issuer, "issuing"));
	OCSP_CERTID *id = OCSP_cert_to_id(
		EVP_get_digestbyname(or(s->md, "SHA1")), leaf, issuer);
	ASN1_TIME *this = ASN1_GENERALIZEDTIME_set(NULL, NOW + s->this);
	ASN1_TIME *next = s->has_no_next
		? NULL : ASN1_GENERALIZEDTIME_set(NULL, NOW + s->next);
	ASN1_TIME *revoked = ASN1_GENERALIZEDTIME_set(NULL, NOW - 86400);
	OCSP_SINGLERESP *one = OCSP_basic_add1_status(
		b, id, s->status, s->reason,
		s->status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL, this,
		next);

	cr_assert_not_null(one);
	if (s->critical != NULL) {
		X509_EXTENSION *e = critical_ext(s->critical);

		cr_assert_eq(OCSP_SINGLERESP_add_ext(one, e, -1), 1);
		X509_EXTENSION_free(e);
	}
	OCSP_CERTID_free(id);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	ASN1_TIME_free(revoked);
}

/* Signs, then puts producedAt right and signs again: libcrypto writes the
 * time of day. */
static void
sign(OCSP_BASICRESP *b, const struct answer *a)
{
	const char *signer = or(a->signer, "ocsp");
	EVP_PKEY *key = vec_key(signer);
	const EVP_MD *md = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519
		? NULL : EVP_get_digestbyname(or(a->md, "SHA256"));
	unsigned long flags = OCSP_NOTIME |
			      (a->by_key ? OCSP_RESPID_KEY : 0) |
			      (a->has_no_certs ? OCSP_NOCERTS : 0);
	STACK_OF(X509) *others = sk_X509_new_null();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	ASN1_GENERALIZEDTIME *at =
		(ASN1_GENERALIZEDTIME *)OCSP_resp_get0_produced_at(b);

	cr_assert_not_null(ASN1_GENERALIZEDTIME_set(at, NOW + a->produced));
	for (int i = 0; a->also != NULL && i <= a->more; i++)
		cr_assert_eq(OCSP_basic_add1_cert(b, vec(a->also)), 1);
	cr_assert_eq(EVP_DigestSignInit(ctx, &pctx, md, NULL, key), 1);
	if (a->is_pss)
		cr_assert_eq(EVP_PKEY_CTX_set_rsa_padding(
				     pctx, RSA_PKCS1_PSS_PADDING), 1);
	cr_assert_eq(OCSP_basic_sign_ctx(b, vec(signer), ctx, others, flags),
		     1);
	EVP_MD_CTX_free(ctx);
	sk_X509_free(others);
}

uint8_t *
answer_make(const struct answer *a, size_t *out_len)
{
	static const struct single_answer fine = {
		.status = V_OCSP_CERTSTATUS_GOOD, .this = -3600,
		.next = 3600,
	};
	OCSP_BASICRESP *b = OCSP_BASICRESP_new();
	OCSP_RESPONSE *r;
	uint8_t *der = NULL;
	int len;

	for (size_t i = 0; i < a->n; i++)
		add_single(b, &a->v[i]);
	if (a->n == 0)
		add_single(b, &fine);
	if (a->critical != NULL) {
		X509_EXTENSION *e = critical_ext(a->critical);

		cr_assert_eq(OCSP_BASICRESP_add_ext(b, e, -1), 1);
		X509_EXTENSION_free(e);
	}
	if (a->nonce_len > 0)
		cr_assert_eq(OCSP_basic_add1_nonce(
				     b, (unsigned char *)(uintptr_t)a->nonce,
				     (int)a->nonce_len), 1);
	sign(b, a);
	r = OCSP_response_create(a->response_status,
				 a->response_status == 0 ? b : NULL);
	len = i2d_OCSP_RESPONSE(r, &der);
	cr_assert_gt(len, 0);
	*out_len = (size_t)len;
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(b);
	return der;
}

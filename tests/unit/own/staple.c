/* staple.c — see staple.h. */
#include "staple.h"
#include "gw/util.h"

size_t
staple_make(const struct staple *s, uint8_t *out, size_t cap)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, s->from);
	ASN1_TIME *until = s->until != 0 ? X509_gmtime_adj(NULL, s->until)
					 : NULL;
	ASN1_TIME *when = s->status == V_OCSP_CERTSTATUS_REVOKED
				  ? X509_gmtime_adj(NULL, -60) : NULL;
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, s->about, s->issuer);
	OCSP_RESPONSE *resp;
	int len;

	gw_assert(OCSP_basic_add1_status(basic, id, s->status, 0, when, from,
					 until) != NULL);
	gw_assert(OCSP_basic_sign(basic, s->signer, s->key, EVP_sha256(), NULL,
				  0) == 1);
	resp = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	len = i2d_OCSP_RESPONSE(resp, NULL);
	gw_assert(len > 0 && (size_t)len <= cap);
	(void)i2d_OCSP_RESPONSE(resp, &out);
	OCSP_CERTID_free(id);
	OCSP_RESPONSE_free(resp);
	OCSP_BASICRESP_free(basic);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	ASN1_TIME_free(when);
	return (size_t)len;
}

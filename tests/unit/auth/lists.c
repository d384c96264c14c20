/* lists.c — see lists.h. */
#include "lists.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>

static const char *
or(const char *s, const char *other)
{
	return s != NULL ? s : other;
}

static ASN1_TIME *
at(long offset)
{
	return ASN1_TIME_set(NULL, NOW + offset);
}

static void
add_revoked(X509_CRL *crl, const char *name, int reason, long this)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_ENUMERATED *e = ASN1_ENUMERATED_new();
	ASN1_TIME *when = at(this - 60);

	cr_assert(ASN1_ENUMERATED_set(e, reason) == 1 &&
		  X509_REVOKED_set_serialNumber(
			  r, X509_get_serialNumber(vec(name))) == 1 &&
		  X509_REVOKED_set_revocationDate(r, when) == 1 &&
		  X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, e, 0, 0) ==
			  1 &&
		  X509_CRL_add0_revoked(crl, r) == 1);
	ASN1_ENUMERATED_free(e);
	ASN1_TIME_free(when);
}

static void
add_number(X509_CRL *crl, int nid, long n, int critical)
{
	ASN1_INTEGER *i = ASN1_INTEGER_new();

	cr_assert(ASN1_INTEGER_set(i, n) == 1 &&
		  X509_CRL_add1_ext_i2d(crl, nid, i, critical, 0) == 1);
	ASN1_INTEGER_free(i);
}

static void
add_text(X509_CRL *crl, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	cr_assert(x != NULL && X509_CRL_add_ext(crl, x, -1) == 1);
	X509_EXTENSION_free(x);
}

uint8_t *
list_make(const struct list *l, size_t *out_len)
{
	X509 *issuer = vec(or(l->issuer, "issuing"));
	EVP_PKEY *key = vec_key(or(l->key, or(l->issuer, "issuing")));
	bool has_times = l->this != 0 || l->next != 0;
	long this = has_times ? l->this : -3600;
	ASN1_TIME *from = at(this), *to = at(has_times ? l->next : 3600);
	X509_CRL *crl = X509_CRL_new();
	char url[600];
	uint8_t *der = NULL;
	int len;

	cr_assert(X509_CRL_set_version(crl, 1) == 1 &&
		  X509_CRL_set_issuer_name(crl,
					   X509_get_subject_name(issuer)) ==
			  1 &&
		  X509_CRL_set1_lastUpdate(crl, from) == 1 &&
		  X509_CRL_set1_nextUpdate(crl, to) == 1);
	for (size_t i = 0; i < GW_COUNT(l->revoked); i++)
		if (l->revoked[i] != NULL)
			add_revoked(crl, l->revoked[i], 1, this);
	if (l->removed != NULL)
		add_revoked(crl, l->removed, 8, this);
	add_text(crl, issuer, NID_authority_key_identifier, "keyid");
	add_number(crl, NID_crl_number, l->number != 0 ? l->number : 1, 0);
	if (l->base != 0)
		add_number(crl, NID_delta_crl, l->base, 1);
	if (l->deltas_at != NULL) {
		snprintf(url, sizeof(url), "URI:%s", l->deltas_at);
		add_text(crl, issuer, NID_freshest_crl, url);
	}
	if (l->scope != NULL)
		add_text(crl, issuer, NID_issuing_distribution_point,
			 l->scope);
	X509_CRL_sort(crl);
	cr_assert_gt(X509_CRL_sign(crl, key, EVP_sha256()), 0);
	len = i2d_X509_CRL(crl, &der);
	cr_assert_gt(len, 0);
	*out_len = (size_t)len;
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
	return der;
}

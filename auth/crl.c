/* crl.c — see crl.h. A list's frame and its extensions. */
#include "crl_priv.h"
#include "distribution.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "gw/util.h"

#define EXTENSIONS_MAX 64
#define TIME_LEN       20 /* more than any form that is allowed */

GW_DEFINE_CLEANUP(ISSUING_DIST_POINT *, ISSUING_DIST_POINT_free)
GW_DEFINE_CLEANUP(struct gw_crl *, gw_crl_free)

enum gw_err
gw_crl_malformed(struct gw_error *err, const char *what)
{
	ERR_clear_error();
	return gw_fail(err, GW_ERR_REVOCATION_MALFORMED, "CRL: %s", what);
}

/* A UTCTime or GeneralizedTime off the front. */
static bool
take_time(struct gw_der *s, time_t *out)
{
	ASN1_STRING t = { .type = V_ASN1_UTCTIME };
	struct gw_der body;

	if (!gw_der_expect(s, GW_DER_UTC_TIME, &body)) {
		t.type = V_ASN1_GENERALIZEDTIME;
		if (!gw_der_expect(s, GW_DER_GENERALIZED_TIME, &body))
			return false;
	}
	t.length = (int)body.len;
	t.data = (unsigned char *)(uintptr_t)body.p;
	return body.len <= TIME_LEN && gw_asn1_time(&t, out);
}

/* NULL: they are broken, or something follows them. */
static X509_EXTENSIONS *
parse_extensions(struct gw_der s)
{
	const unsigned char *p = s.p;
	X509_EXTENSIONS *exts = d2i_X509_EXTENSIONS(NULL, &p, (long)s.len);

	if (exts == NULL || p == s.p + s.len)
		return exts;
	gw_extensions_free(exts);
	return NULL;
}

/* ---- extensions of the list */

/* What is critical and not understood forbids use (RFC 5280, 5.2). */
static bool
is_known(int nid)
{
	static const int known[] = { NID_crl_number, NID_delta_crl,
				     NID_issuing_distribution_point,
				     NID_authority_key_identifier,
				     NID_freshest_crl };

	for (size_t i = 0; i < GW_COUNT(known); i++)
		if (known[i] == nid)
			return true;
	return false;
}

static enum gw_err
check_scope(X509_EXTENSION *x, struct gw_error *err)
{
	gw_auto(ISSUING_DIST_POINT_free) ISSUING_DIST_POINT *i =
		X509V3_EXT_d2i(x);

	if (i == NULL)
		return gw_crl_malformed(err, "issuing distribution point is "
					     "broken");
	if (!gw_distribution_is_place(i->distpoint))
		return gw_crl_malformed(err, "neither a URI nor a directory's "
					     "entry for its place");
	if (i->indirectCRL > 0)
		return gw_crl_malformed(err, "indirect lists are not "
					     "supported");
	if (i->onlyattr > 0)
		return gw_crl_malformed(err, "for attribute certificates only");
	if (i->onlyuser > 0 && i->onlyCA > 0)
		return gw_crl_malformed(err, "scope contradicts itself");
	return GW_ERR_OK;
}

static bool
is_repeated(const X509_EXTENSIONS *exts, int at)
{
	const ASN1_OBJECT *oid = X509_EXTENSION_get_object(
		sk_X509_EXTENSION_value(exts, at));

	return X509v3_get_ext_by_OBJ(exts, oid, at) >= 0;
}

static enum gw_err
check_extensions(struct gw_der s, struct gw_error *err)
{
	gw_auto(gw_extensions_free) X509_EXTENSIONS *exts =
		parse_extensions(s);
	enum gw_err rc = GW_ERR_OK;

	if (exts == NULL || sk_X509_EXTENSION_num(exts) > EXTENSIONS_MAX)
		return gw_crl_malformed(err, "extensions are broken");
	for (int i = 0; i < sk_X509_EXTENSION_num(exts) && rc == GW_ERR_OK;
	     i++) {
		X509_EXTENSION *x = sk_X509_EXTENSION_value(exts, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(x));

		if (is_repeated(exts, i))
			rc = gw_crl_malformed(err, "an extension twice");
		else if (X509_EXTENSION_get_critical(x) && !is_known(nid))
			rc = gw_crl_malformed(err, "unknown critical "
						   "extension");
		else if (nid == NID_issuing_distribution_point)
			rc = check_scope(x, err);
	}
	return rc;
}

/* ---- the frame */

static enum gw_err
parse_tbs(struct gw_crl *c, struct gw_der s, struct gw_der outer_alg,
	  struct gw_error *err)
{
	struct gw_der t, whole;

	if (!gw_der_expect(&s, GW_DER_INTEGER, &t) || t.len != 1 ||
	    t.p[0] != 1)
		return gw_crl_malformed(err, "not version 2");
	if (!gw_der_whole(&s, GW_DER_SEQUENCE, &whole, &t) ||
	    !gw_der_equals(whole, outer_alg.p, outer_alg.len))
		return gw_crl_malformed(err, "inner and outer algorithm "
					     "differ");
	if (!gw_der_expect(&s, GW_DER_SEQUENCE, &t) || t.len == 0)
		return gw_crl_malformed(err, "no issuer");
	if (!take_time(&s, &c->this_update) ||
	    !take_time(&s, &c->next_update))
		return gw_crl_malformed(err, "no thisUpdate or no nextUpdate");
	c->cut = (struct gw_der){ s.p, 0 };
	if (gw_der_whole(&s, GW_DER_SEQUENCE, &whole, &t)) {
		c->cut = whole;
		c->entries_der = t;
	}
	if (s.len == 0)
		return GW_ERR_OK;
	if (!gw_der_only(s, GW_DER_CONTEXT_C + 0, &t))
		return gw_crl_malformed(err, "trailing bytes");
	return check_extensions(t, err);
}

static enum gw_err
parse_frame(struct gw_crl *c, struct gw_der s, struct gw_error *err)
{
	struct gw_der list, alg, sig, body;
	const unsigned char *p;

	if (!gw_der_only(s, GW_DER_SEQUENCE, &list))
		return gw_crl_malformed(err, "not a DER SEQUENCE, or bytes "
					     "after it");
	if (!gw_der_whole(&list, GW_DER_SEQUENCE, &c->tbs, &c->tbs_body) ||
	    !gw_der_whole(&list, GW_DER_SEQUENCE, &alg, &body) ||
	    !gw_der_whole(&list, GW_DER_BITS, &sig, &body) || list.len != 0)
		return gw_crl_malformed(err, "not a CertificateList");
	p = alg.p;
	c->alg = d2i_X509_ALGOR(NULL, &p, (long)alg.len);
	p = sig.p;
	c->signature = d2i_ASN1_BIT_STRING(NULL, &p, (long)sig.len);
	if (c->alg == NULL || c->signature == NULL)
		return gw_crl_malformed(err, "signature is broken");
	return parse_tbs(c, c->tbs_body, alg, err);
}

enum gw_err
gw_crl_parse(const uint8_t *der, size_t len, struct gw_crl **out,
	     struct gw_error *err)
{
	gw_auto(gw_crl_free) struct gw_crl *c = gw_xcalloc(1, sizeof(*c));
	enum gw_err rc;

	if (len > GW_CRL_BYTES_MAX)
		return gw_crl_malformed(err, "too large");
	c->der = der;
	c->len = len;
	rc = parse_frame(c, (struct gw_der){ der, len }, err);
	if (rc == GW_ERR_OK)
		rc = gw_crl_entries_index(c, err);
	if (rc == GW_ERR_OK)
		rc = gw_crl_view_make(c, err);
	if (rc == GW_ERR_OK)
		*out = gw_steal(&c);
	return rc;
}

void
gw_crl_free(struct gw_crl *c)
{
	if (c == NULL)
		return;
	X509_ALGOR_free(c->alg);
	ASN1_BIT_STRING_free(c->signature);
	X509_CRL_free(c->view);
	X509_REVOKED_free(c->found);
	EVP_PKEY_free(c->verified_by);
	free(c->slots);
	free(c);
}

time_t
gw_crl_this_update(const struct gw_crl *c)
{
	return c->this_update;
}

time_t
gw_crl_next_update(const struct gw_crl *c)
{
	return c->next_update;
}

/* profile.c — see profile.h. */
#include "profile.h"

static bool
has_purpose(const EXTENDED_KEY_USAGE *eku, const ASN1_OBJECT *oid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
		if (OBJ_cmp(sk_ASN1_OBJECT_value(eku, i), oid) == 0)
			return true;
	return false;
}

/* NULL with GW_ERR_OK: there is no such extension. */
static enum gw_err
read_purposes(const X509 *x, EXTENDED_KEY_USAGE **out, struct gw_error *err)
{
	int critical;

	*out = X509_get_ext_d2i(x, NID_ext_key_usage, &critical, NULL);
	if ((*out == NULL && critical != -1) ||
	    (*out != NULL && sk_ASN1_OBJECT_num(*out) == 0))
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "extended key usage cannot be decoded");
	return GW_ERR_OK;
}

static enum gw_err
lacks(const ASN1_OBJECT *oid, const char *whose, struct gw_error *err)
{
	char text[64];

	OBJ_obj2txt(text, sizeof(text), oid, 1);
	return gw_fail(err, GW_ERR_CERT_EKU,
		       "%s extended key usage lacks %s (%s)", whose,
		       OBJ_nid2ln(OBJ_obj2nid(oid)), text);
}

struct gw_purposes
gw_profile_purposes(bool wants_smartcard)
{
	return (struct gw_purposes){
		.v = { OBJ_nid2obj(NID_client_auth),
		       OBJ_nid2obj(NID_ms_smartcard_login) },
		.n = wants_smartcard ? 2 : 1,
	};
}

/* RFC 5280, 4.2.1.12: who proves a key by TLS signs with it. What other
 * purposes need is theirs to say. */
static enum gw_err
check_usage(X509 *x, const struct gw_purposes *p, struct gw_error *err)
{
	static const int signing[] = { NID_client_auth,
				       NID_ms_smartcard_login };

	/* No key usage extension: every bit is set. */
	if ((X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE) != 0)
		return GW_ERR_OK;
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < GW_COUNT(signing); k++)
			if (OBJ_obj2nid(p->v[i]) == signing[k])
				return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
					       "key usage lacks "
					       "digitalSignature");
	return GW_ERR_OK;
}

/* The purposes must be named: neither the absence of the extension nor
 * anyExtendedKeyUsage says that this certificate is for logging on. What else
 * is named, and whether the extension is critical, RFC 5280 leaves to the CA;
 * the Web PKI's rules about it are for servers. */
enum gw_err
gw_profile_check(const X509 *leaf, const struct gw_purposes *p,
		 struct gw_error *err)
{
	gw_auto(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *eku = NULL;
	X509 *x = (X509 *)(uintptr_t)leaf;
	enum gw_err rc = read_purposes(leaf, &eku, err);

	if (rc != GW_ERR_OK)
		return rc;
	if (eku == NULL && p->n > 0)
		return gw_fail(err, GW_ERR_CERT_EKU, "no extended key usage");
	for (size_t i = 0; i < p->n; i++)
		if (!has_purpose(eku, p->v[i]) &&
		    !(p->any_will_do &&
		      has_purpose(eku, OBJ_nid2obj(NID_anyExtendedKeyUsage))))
			return lacks(p->v[i], "the", err);
	if ((X509_get_extension_flags(x) & EXFLAG_CA) != 0)
		return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
			       "a CA's certificate is nobody's card");
	return check_usage(x, p, err);
}

enum gw_err
gw_profile_check_ca(const X509 *ca, const struct gw_purposes *p,
		    struct gw_error *err)
{
	gw_auto(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *eku = NULL;
	enum gw_err rc = read_purposes(ca, &eku, err);

	if (rc != GW_ERR_OK || eku == NULL ||
	    has_purpose(eku, OBJ_nid2obj(NID_anyExtendedKeyUsage)))
		return rc;
	for (size_t i = 0; i < p->n; i++)
		if (!has_purpose(eku, p->v[i]))
			return lacks(p->v[i], "the CA's", err);
	return GW_ERR_OK;
}

/* ---- any purpose */

static bool
allows(const X509 *x, const ASN1_OBJECT *oid)
{
	gw_auto(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *eku = NULL;
	struct gw_error why;

	return read_purposes(x, &eku, &why) == GW_ERR_OK &&
	       (eku == NULL || has_purpose(eku, oid) ||
		has_purpose(eku, OBJ_nid2obj(NID_anyExtendedKeyUsage)));
}

static bool
is_common(const STACK_OF(X509) *certs, const ASN1_OBJECT *oid)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		if (!allows(sk_X509_value(certs, i), oid))
			return false;
	return true;
}

/* The first list that is a limit; what is common to all is in it. */
static enum gw_err
first_limit(const STACK_OF(X509) *certs, EXTENDED_KEY_USAGE **out,
	    struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;

	*out = NULL;
	for (int i = 0; i < sk_X509_num(certs) && *out == NULL &&
	     rc == GW_ERR_OK; i++) {
		rc = read_purposes(sk_X509_value(certs, i), out, err);
		if (rc == GW_ERR_OK && *out != NULL &&
		    has_purpose(*out, OBJ_nid2obj(NID_anyExtendedKeyUsage))) {
			EXTENDED_KEY_USAGE_free(*out);
			*out = NULL;
		}
	}
	return rc;
}

enum gw_err
gw_profile_check_common(const STACK_OF(X509) *certs, struct gw_error *err)
{
	gw_auto(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *eku = NULL;
	enum gw_err rc = first_limit(certs, &eku, err);

	if (rc != GW_ERR_OK || eku == NULL)
		return rc;
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
		if (is_common(certs, sk_ASN1_OBJECT_value(eku, i)))
			return GW_ERR_OK;
	return gw_fail(err, GW_ERR_CERT_EKU,
		       "the CAs allow none of the certificate's purposes");
}

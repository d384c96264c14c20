/* profile.c — see profile.h. */
#include "profile.h"

GW_DEFINE_CLEANUP(EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free)

static bool
has_purpose(const EXTENDED_KEY_USAGE *eku, int nid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i)) == nid)
			return true;
	return false;
}

/* The purposes must be named: neither the absence of the extension nor
 * anyExtendedKeyUsage says that this certificate is for logging on. */
enum gw_err
gw_profile_check(const X509 *leaf, const struct gw_profile *p,
		 struct gw_error *err)
{
	gw_auto(EXTENDED_KEY_USAGE_free) EXTENDED_KEY_USAGE *eku = NULL;
	uint32_t usage = X509_get_key_usage((X509 *)(uintptr_t)leaf);
	int critical;

	eku = X509_get_ext_d2i(leaf, NID_ext_key_usage, &critical, NULL);
	if (eku == NULL && critical != -1)
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "extended key usage cannot be decoded");
	if (!has_purpose(eku, NID_client_auth))
		return gw_fail(err, GW_ERR_CERT_EKU, "%s",
			       eku == NULL ? "no extended key usage"
					   : "client authentication missing");
	if (p->wants_smartcard && !has_purpose(eku, NID_ms_smartcard_login))
		return gw_fail(err, GW_ERR_CERT_EKU,
			       "smart-card logon (1.3.6.1.4.1.311.20.2.2) "
			       "missing");
	/* UINT32_MAX: no key usage extension, no restriction. */
	if ((usage & KU_DIGITAL_SIGNATURE) == 0)
		return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
			       "key usage lacks digitalSignature");
	return GW_ERR_OK;
}

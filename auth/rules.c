/* rules.c — see rules.h. */
#include "rules.h"
#include "constraints.h"

#include <openssl/core_names.h>

#define SERIAL_MAX 20 /* octets; RFC 5280, 4.1.2.2 */

static enum gw_err
constraint(struct gw_error *err, const char *what)
{
	return gw_fail(err, GW_ERR_CERT_CONSTRAINT, "%s", what);
}

/* 4.1.2.2. A registered CA's own number is the operator's affair. */
static enum gw_err
check_serial(X509 *x, bool is_anchor, struct gw_error *err)
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(x);
	const uint8_t *p = ASN1_STRING_get0_data(n);
	int len = ASN1_STRING_length(n);

	if (is_anchor)
		return GW_ERR_OK;
	if (ASN1_STRING_type(n) == V_ASN1_NEG_INTEGER)
		return constraint(err, "negative serial number");
	if (len == 0 || (len == 1 && p[0] == 0))
		return constraint(err, "serial number 0");
	/* A first bit of 1 costs one octet more in DER. */
	if (len + (p[0] >= 0x80) > SERIAL_MAX)
		return constraint(err, "serial number of more than 20 octets");
	return GW_ERR_OK;
}

/* 4.1.2.1, 4.1.2.8 */
static enum gw_err
check_version(X509 *x, bool is_anchor, struct gw_error *err)
{
	long v = X509_get_version(x);

	(void)is_anchor;
	if (v < X509_VERSION_1 || v > X509_VERSION_3)
		return constraint(err, "unknown version");
	return GW_ERR_OK;
}

/* An even exponent or 1 is no key; libcrypto would just compute with it. */
static enum gw_err
check_exponent(X509 *x, bool is_anchor, struct gw_error *err)
{
	gw_auto(BN_free) BIGNUM *e = NULL;
	EVP_PKEY *key = X509_get0_pubkey(x);

	(void)is_anchor;
	if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "RSA-PSS"))
		return GW_ERR_OK;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
	    !BN_is_odd(e) || BN_is_one(e))
		return gw_fail(err, GW_ERR_CERT_WEAK_KEY,
			       "RSA exponent is even or 1");
	return GW_ERR_OK;
}

/* Extensions that must be critical wherever they stand. Policy constraints,
 * too, "MUST be marked critical" by CAs (4.2.1.11), but RFC 3280 left that
 * open, and processing them is the same. */
static enum gw_err
check_criticality(X509 *x, bool is_anchor, struct gw_error *err)
{
	static const struct {
		int nid;
		const char *what;
	} musts[] = {
		{ NID_name_constraints, /* 4.2.1.10 */
		  "name constraints are not critical" },
		{ NID_inhibit_any_policy, /* 4.2.1.14 */
		  "inhibitAnyPolicy is not critical" },
	};

	(void)is_anchor;
	for (size_t i = 0; i < GW_COUNT(musts); i++) {
		int at = X509_get_ext_by_NID(x, musts[i].nid, -1);

		if (at >= 0 &&
		    X509_EXTENSION_get_critical(X509_get_ext(x, at)) == 0)
			return constraint(err, musts[i].what);
	}
	return GW_ERR_OK;
}

/* What is a hole even where conformity is not insisted on comes first. */
static const struct {
	bool is_always;
	enum gw_err (*fn)(X509 *x, bool is_anchor, struct gw_error *err);
} checks[] = {
	{ true, check_version },
	{ true, check_exponent },
	{ true, gw_constraints_check },
	{ false, check_serial },
	{ false, check_criticality },
};

static enum gw_err
check_one(X509 *x, bool is_anchor, bool is_lenient, struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;

	for (size_t i = 0; i < GW_COUNT(checks) && rc == GW_ERR_OK; i++)
		if (checks[i].is_always || !is_lenient)
			rc = checks[i].fn(x, is_anchor, err);
	return rc;
}

/* The CA with name constraints that stands highest; 0: none. */
static int
highest_constrained(const STACK_OF(X509) *certs)
{
	int i = sk_X509_num(certs) - 1;

	while (i > 0 && X509_get_ext_by_NID(sk_X509_value(certs, i),
					    NID_name_constraints, -1) < 0)
		i--;
	return i;
}

enum gw_err
gw_rules_check(const STACK_OF(X509) *certs,
	       const struct gw_chain_rules *rules, struct gw_error *err)
{
	const struct gw_purposes client = {
		.v = { OBJ_nid2obj(NID_client_auth) }, .n = 1,
	};
	const struct gw_purposes *purposes =
		rules->purposes != NULL ? rules->purposes : &client;
	struct gw_error why = { .code = GW_ERR_OK };
	int n = sk_X509_num(certs), constrained = highest_constrained(certs);

	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(certs, i);
		enum gw_err rc = check_one(x, i == n - 1, rules->is_lenient,
					   &why);
		char subject[96];

		if (rc == GW_ERR_OK && i < constrained)
			rc = gw_constraints_check_names(x, &why);
		if (rc == GW_ERR_OK && i > 0)
			rc = gw_profile_check_ca(x, purposes, &why);
		if (rc == GW_ERR_OK)
			continue;
		gw_cert_subject(x, subject, sizeof(subject));
		return gw_fail(err, rc, "depth %d, %s: %s", i, subject,
			       why.detail);
	}
	return GW_ERR_OK;
}

/* rules.c — see rules.h. */
#include "rules.h"
#include "constraints.h"
#include "distribution.h"
#include "names.h"
#include "gw/util.h"

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

/* Without extensions there is no authority key identifier either, which
 * libcrypto asks of version 3 alone. */
static enum gw_err
check_extensions(X509 *x, bool is_anchor, struct gw_error *err)
{
	(void)is_anchor;
	return X509_get_version(x) == X509_VERSION_3
		       ? GW_ERR_OK
		       : constraint(err, "not a version 3 certificate");
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

/* A modulus that does not fill its last octet comes from no sound generator:
 * FIPS 186-5, 5.1, knows none, and neither does the Web PKI. */
static enum gw_err
check_modulus(X509 *x, bool is_anchor, struct gw_error *err)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	(void)is_anchor;
	if ((EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
	    EVP_PKEY_get_bits(key) % 8 != 0)
		return gw_fail(err, GW_ERR_CERT_WEAK_KEY,
			       "RSA key of %d bits, not whole octets",
			       EVP_PKEY_get_bits(key));
	return GW_ERR_OK;
}

/* 4.2.1.3 and 4.2.1.9: a CA whose key usage is given signs certificates. Even
 * where it is nobody's issuer, one that says both yes and no is none. */
static enum gw_err
check_usage(X509 *x, bool is_anchor, struct gw_error *err)
{
	(void)is_anchor;
	/* No key usage extension: every bit is set. */
	if ((X509_get_extension_flags(x) & EXFLAG_CA) != 0 &&
	    (X509_get_key_usage(x) & KU_KEY_CERT_SIGN) == 0)
		return constraint(err, "a CA that may not sign certificates");
	return GW_ERR_OK;
}

/* 4.2.1.6 */
static enum gw_err
check_names(X509 *x, bool is_anchor, struct gw_error *err)
{
	GENERAL_NAMES *names;
	bool is_good = true;

	if (is_anchor)
		return GW_ERR_OK;
	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && is_good; i++)
		is_good = gw_name_is_preferred(
			sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return is_good ? GW_ERR_OK
		       : constraint(err, "a DNS name or URI is badly "
					 "written");
}

/* What a self-signed certificate says about its issuer it says about itself;
 * in a rollover's, which is only self-issued, it may be about the old key. */
static enum gw_err
check_self_identifier(X509 *x, struct gw_error *err)
{
	gw_auto(AUTHORITY_KEYID_free) AUTHORITY_KEYID *akid = X509_get_ext_d2i(
		x, NID_authority_key_identifier, NULL, NULL);
	int rc = akid != NULL ? X509_check_akid(x, akid) : X509_V_OK;

	if (rc != X509_V_OK && X509_verify(x, X509_get0_pubkey(x)) == 1)
		return constraint(err, "self-signed, but its authority key "
				       "identifier names another");
	return GW_ERR_OK;
}

/* 4.2.1.1, for registered CAs: libcrypto looks at those below. */
static enum gw_err
check_identifier(X509 *x, bool is_anchor, struct gw_error *err)
{
	bool is_self = (X509_get_extension_flags(x) & EXFLAG_SI) != 0;

	if (!is_anchor)
		return GW_ERR_OK;
	if (X509_get_ext_by_NID(x, NID_authority_key_identifier, -1) < 0)
		return is_self ? GW_ERR_OK
			       : constraint(err, "no authority key "
						 "identifier");
	if (X509_get0_authority_key_id(x) == NULL)
		return constraint(err, "an authority key identifier without "
				       "the key's");
	return is_self ? check_self_identifier(x, err) : GW_ERR_OK;
}

/* 4.2.1.13 */
static enum gw_err
check_distribution(X509 *x, bool is_anchor, struct gw_error *err)
{
	CRL_DIST_POINTS *points;
	bool is_good = true;

	if (is_anchor)
		return GW_ERR_OK;
	points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	for (int i = 0; i < sk_DIST_POINT_num(points) && is_good; i++)
		is_good = gw_distribution_is_place(
			sk_DIST_POINT_value(points, i)->distpoint);
	CRL_DIST_POINTS_free(points);
	return is_good ? GW_ERR_OK
		       : constraint(err, "a CRL distribution point is neither "
					 "a URI nor a directory's entry");
}

/* Extensions that must be critical wherever they stand. Policy constraints,
 * too, "MUST be marked critical" by CAs (4.2.1.11), but RFC 3280 left that
 * open, NIST's PKITS wants them processed either way, and so they are. */
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
	{ false, check_extensions },
	{ false, check_serial },
	{ false, check_modulus },
	{ false, check_usage },
	{ false, check_names },
	{ false, check_identifier },
	{ false, check_distribution },
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

/* 4.2.1.10, where the words of names alone do not tell. */
static enum gw_err
check_constrained(const STACK_OF(X509) *certs, int at, int constrained,
		  struct gw_error *err)
{
	X509 *x = sk_X509_value(certs, at);
	bool is_exempt = at > 0 &&
			 (X509_get_extension_flags(x) & EXFLAG_SI) != 0;
	enum gw_err rc = GW_ERR_OK;

	if (at < constrained)
		rc = gw_constraints_check_names(x, err);
	for (int i = at + 1; i <= constrained && rc == GW_ERR_OK && !is_exempt;
	     i++)
		rc = gw_constraints_check_wildcards(
			x, sk_X509_value(certs, i), err);
	return rc;
}

static const struct gw_purposes *
purposes_of(const struct gw_chain_rules *rules, struct gw_purposes *client)
{
	*client = (struct gw_purposes){
		.v = { OBJ_nid2obj(NID_client_auth) }, .n = 1,
	};
	return rules->purposes != NULL ? rules->purposes : client;
}

int
gw_rules_depth(const STACK_OF(X509) *certs)
{
	int depth = 0;

	for (int i = 1; i < sk_X509_num(certs) - 1; i++)
		if ((X509_get_extension_flags(sk_X509_value(certs, i)) &
		     EXFLAG_SI) == 0)
			depth++;
	return depth;
}

static enum gw_err
check_path(const STACK_OF(X509) *certs, const struct gw_chain_rules *rules,
	   struct gw_error *err)
{
	int depth = gw_rules_depth(certs);

	if (depth > rules->max_depth)
		return gw_fail(err, GW_ERR_CERT_CONSTRAINT,
			       "%d CAs between the certificate and the end of "
			       "its path, %d allowed", depth,
			       rules->max_depth);
	return rules->needs_common_purpose
		       ? gw_profile_check_common(certs, err)
		       : GW_ERR_OK;
}

/* As far as these two decide it. */
static bool
have_common_purpose(X509 *leaf, X509 *ca)
{
	STACK_OF(X509) *both = sk_X509_new_reserve(NULL, 2);
	struct gw_error why;
	bool is_good;

	gw_assert(both != NULL && sk_X509_push(both, leaf) > 0 &&
		  sk_X509_push(both, ca) > 0);
	is_good = gw_profile_check_common(both, &why) == GW_ERR_OK;
	sk_X509_free(both);
	return is_good;
}

bool
gw_rules_may_issue(X509 *x, X509 *leaf, const struct gw_chain_rules *rules)
{
	struct gw_purposes client;
	struct gw_error why;

	return X509_check_ca(x) == 1 &&
	       check_one(x, false, rules->is_lenient, &why) == GW_ERR_OK &&
	       gw_profile_check_ca(x, purposes_of(rules, &client), &why) ==
		       GW_ERR_OK &&
	       gw_constraints_admit(leaf, x) &&
	       (!rules->needs_common_purpose || have_common_purpose(leaf, x));
}

enum gw_err
gw_rules_check(const STACK_OF(X509) *certs,
	       const struct gw_chain_rules *rules, struct gw_error *err)
{
	struct gw_purposes client;
	const struct gw_purposes *purposes = purposes_of(rules, &client);
	struct gw_error why = { .code = GW_ERR_OK };
	int n = sk_X509_num(certs), constrained = highest_constrained(certs);

	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(certs, i);
		enum gw_err rc = check_one(x, i == n - 1, rules->is_lenient,
					   &why);
		char subject[96];

		if (rc == GW_ERR_OK)
			rc = check_constrained(certs, i, constrained, &why);
		if (rc == GW_ERR_OK && i > 0)
			rc = gw_profile_check_ca(x, purposes, &why);
		if (rc == GW_ERR_OK)
			continue;
		gw_cert_subject(x, subject, sizeof(subject));
		return gw_fail(err, rc, "depth %d, %s: %s", i, subject,
			       why.detail);
	}
	return check_path(certs, rules, err);
}

/* cert.c — see cert.h. Limits come before anything that costs: a certificate
 * of 16 KiB can hold thousands of names or one enormous key. */
#include "cert.h"
#include "der.h"
#include "gw/util.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <string.h>

#define NESTING_MAX    16 /* of elements; directory names in names need 9 */
#define EXACT_TIME_LEN 15 /* YYYYMMDDHHMMSSZ */

/* ---- limits */

/* Of those that libcrypto decodes, and would from BER. Adds its elements to
 * `sum`. */
static bool
is_der(X509_EXTENSION *e, size_t *sum)
{
	const ASN1_OCTET_STRING *s = X509_EXTENSION_get_data(e);
	const struct gw_der value = { ASN1_STRING_get0_data(s),
				      (size_t)ASN1_STRING_length(s) };

	if (X509V3_EXT_get(e) == NULL)
		return true;
	if (!gw_der_is_strict(value, NESTING_MAX))
		return false;
	*sum += gw_der_elements(value);
	return true;
}

static enum gw_err
check_extensions(const X509 *x, struct gw_error *err)
{
	int n = X509_get_ext_count(x);
	size_t elements = 0;

	if (n > GW_CERT_EXTENSIONS_MAX)
		return gw_fail(err, GW_ERR_CERT_MALFORMED, "%d extensions", n);
	for (int i = 0; i < n; i++) {
		X509_EXTENSION *e = X509_get_ext(x, i);
		const ASN1_OBJECT *oid = X509_EXTENSION_get_object(e);
		bool is_twice = X509_get_ext_by_OBJ(x, oid, i) >= 0;
		char text[64];

		if (!is_twice && is_der(e, &elements))
			continue;
		OBJ_obj2txt(text, sizeof(text), oid, 0);
		return gw_fail(err, GW_ERR_CERT_MALFORMED, "extension %s %s",
			       text, is_twice ? "twice" : "is not DER");
	}
	return elements <= GW_CERT_ELEMENTS_MAX
		       ? GW_ERR_OK
		       : gw_fail(err, GW_ERR_CERT_MALFORMED,
				 "extensions of %zu elements", elements);
}

static struct gw_der
extension_by_nid(const X509 *x, int nid)
{
	struct gw_der out = { .p = NULL };
	bool is_twice;

	if (!gw_cert_extension(x, OBJ_nid2obj(nid), &out, &is_twice))
		out.len = 0;
	return out;
}

/* Names times constraints is what path validation compares. */
static enum gw_err
check_counts(const X509 *x, struct gw_error *err)
{
	struct gw_der san = extension_by_nid(x, NID_subject_alt_name);
	struct gw_der nc = extension_by_nid(x, NID_name_constraints);
	int parts = X509_NAME_entry_count(X509_get_subject_name(x));
	int above = X509_NAME_entry_count(X509_get_issuer_name(x));
	struct gw_der seq, part;
	size_t n, total = 0;
	uint8_t tag;

	if (parts > GW_CERT_SUBJECT_MAX)
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "subject of %d parts", parts);
	/* nobody's that is accepted */
	if (above > GW_CERT_SUBJECT_MAX)
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "issuer of %d parts", above);
	if (san.len > 0 && (!gw_der_only(san, GW_DER_SEQUENCE, &seq) ||
			    !gw_der_count(seq, &n)))
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "subject alternative name is not DER");
	if (san.len > 0 && n > GW_CERT_NAMES_MAX)
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "%zu alternative names", n);
	if (nc.len == 0)
		return GW_ERR_OK;
	if (!gw_der_only(nc, GW_DER_SEQUENCE, &seq))
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "name constraints are not DER");
	for (; seq.len > 0; total += n)
		if (!gw_der_take(&seq, &tag, &part) ||
		    !gw_der_count(part, &n))
			return gw_fail(err, GW_ERR_CERT_MALFORMED,
				       "name constraints are not DER");
	if (total > GW_CERT_CONSTRAINTS_MAX)
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "%zu name constraints", total);
	return GW_ERR_OK;
}

/* Lists that libcrypto takes for good when they are empty or, as long as
 * nobody asks, no lists at all: SIZE (1..MAX) in RFC 5280. */
static enum gw_err
check_lists(const X509 *x, struct gw_error *err)
{
	static const int lists[] = { NID_ext_key_usage, NID_info_access };
	AUTHORITY_INFO_ACCESS *access;
	int critical;

	for (size_t i = 0; i < GW_COUNT(lists); i++) {
		struct gw_der list = extension_by_nid(x, lists[i]), seq;

		if (X509_get_ext_by_NID(x, lists[i], -1) >= 0 &&
		    (!gw_der_only(list, GW_DER_SEQUENCE, &seq) ||
		     seq.len == 0))
			return gw_fail(err, GW_ERR_CERT_MALFORMED,
				       "%s: empty or no list",
				       OBJ_nid2ln(lists[i]));
	}
	access = X509_get_ext_d2i(x, NID_info_access, &critical, NULL);
	AUTHORITY_INFO_ACCESS_free(access);
	return access != NULL || critical == -1
		       ? GW_ERR_OK
		       : gw_fail(err, GW_ERR_CERT_MALFORMED,
				 "authority information access cannot be "
				 "decoded");
}

/* A key that libcrypto cannot read may be of a kind it does not know, such as
 * ML-DSA (RFC 9881) before its version 3.5; TLS could not use it either. */
static enum gw_err
unreadable_key(const X509 *x, struct gw_error *err)
{
	static const int known[] = { NID_rsaEncryption, NID_rsassaPss,
				     NID_X9_62_id_ecPublicKey, NID_ED25519,
				     NID_ED448 };
	ASN1_OBJECT *oid = NULL;
	char text[64];

	X509_PUBKEY_get0_param(&oid, NULL, NULL, NULL,
			       X509_get_X509_PUBKEY(x));
	for (size_t i = 0; i < GW_COUNT(known); i++)
		if (OBJ_obj2nid(oid) == known[i])
			return gw_fail(err, GW_ERR_CERT_MALFORMED,
				       "the public key cannot be read");
	OBJ_obj2txt(text, sizeof(text), oid, 0);
	return gw_fail(err, GW_ERR_CERT_WEAK_KEY,
		       "key of type %s, which is not supported", text);
}

static enum gw_err
check_key(const X509 *x, struct gw_error *err)
{
	static const int accepted[] = { EVP_PKEY_RSA, EVP_PKEY_RSA_PSS,
					EVP_PKEY_EC, EVP_PKEY_ED25519,
					EVP_PKEY_ED448 };
	EVP_PKEY *key = X509_get0_pubkey(x);
	gw_auto(BN_free) BIGNUM *e = NULL;
	int explicit_curve = 0;
	size_t i = 0;

	if (key == NULL)
		return unreadable_key(x, err);
	while (i < GW_COUNT(accepted) &&
	       EVP_PKEY_get_base_id(key) != accepted[i])
		i++;
	if (i == GW_COUNT(accepted))
		return gw_fail(err, GW_ERR_CERT_WEAK_KEY, "key of type %.30s",
			       EVP_PKEY_get0_type_name(key));
	if (EVP_PKEY_get_bits(key) > GW_CERT_KEY_BITS_MAX)
		return gw_fail(err, GW_ERR_CERT_WEAK_KEY, "key of %d bits",
			       EVP_PKEY_get_bits(key));
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	    BN_num_bits(e) > GW_CERT_EXPONENT_BITS_MAX)
		return gw_fail(err, GW_ERR_CERT_WEAK_KEY,
			       "RSA exponent of %d bits", BN_num_bits(e));
	/* RFC 5480, 2.1.1: named curves only. */
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	    (EVP_PKEY_get_int_param(key,
			OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
			&explicit_curve) != 1 || explicit_curve != 0))
		return gw_fail(err, GW_ERR_CERT_WEAK_KEY,
			       "curve given by explicit parameters");
	return GW_ERR_OK;
}

/* ---- parsing */

static enum gw_err
check_limits(X509 *x, struct gw_error *err)
{
	enum gw_err rc = check_extensions(x, err);

	if (rc == GW_ERR_OK)
		rc = check_counts(x, err);
	if (rc == GW_ERR_OK)
		rc = check_lists(x, err);
	if (rc == GW_ERR_OK)
		rc = check_key(x, err);
	if (rc == GW_ERR_OK &&
	    (X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
		rc = gw_fail(err, GW_ERR_CERT_MALFORMED,
			     "an extension cannot be decoded");
	return rc;
}

enum gw_err
gw_cert_parse(struct gw_der der, X509 **out, struct gw_error *err)
{
	gw_auto(X509_free) X509 *x = NULL;
	const uint8_t *p = der.p;
	enum gw_err rc;

	if (der.len == 0 || der.len > GW_CERT_MAX)
		return gw_fail(err, GW_ERR_CERT_MALFORMED, "%zu bytes",
			       der.len);
	x = d2i_X509(NULL, &p, (long)der.len);
	ERR_clear_error();
	if (x == NULL)
		return gw_fail(err, GW_ERR_CERT_MALFORMED, "not a certificate");
	if (p != der.p + der.len)
		return gw_fail(err, GW_ERR_CERT_MALFORMED,
			       "bytes after the certificate");
	/* libcrypto reads BER, where one certificate has many forms. */
	if (!gw_der_is_strict(der, NESTING_MAX))
		return gw_fail(err, GW_ERR_CERT_MALFORMED, "not DER");
	rc = check_limits(x, err);
	ERR_clear_error();
	if (rc == GW_ERR_OK)
		*out = gw_steal(&x);
	return rc;
}

enum gw_err
gw_certs_parse(const struct gw_der *chain, size_t n, STACK_OF(X509) **out,
	       struct gw_error *err)
{
	gw_auto(gw_certs_free) STACK_OF(X509) *certs = sk_X509_new_null();
	struct gw_error why = { .code = GW_ERR_OK };

	if (n == 0 || n > GW_CHAIN_MAX)
		return gw_fail(err, GW_ERR_CERT_MALFORMED, "%zu certificates",
			       n);
	for (size_t i = 0; i < n; i++) {
		X509 *x = NULL;

		if (gw_cert_parse(chain[i], &x, &why) != GW_ERR_OK)
			return gw_fail(err, why.code, "certificate %zu: %s", i,
				       why.detail);
		if (sk_X509_push(certs, x) <= 0) {
			X509_free(x);
			return gw_fail(err, GW_ERR_INTERNAL, "no memory");
		}
	}
	*out = gw_steal(&certs);
	return GW_ERR_OK;
}

/* ---- words */

void
gw_name_text(const X509_NAME *name, char *out, size_t cap)
{
	gw_auto(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());
	char *p = NULL;
	long len;

	out[0] = '\0';
	if (b == NULL || X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) < 0)
		return;
	len = BIO_get_mem_data(b, &p);
	if (len > 0) {
		size_t n = GW_MIN((size_t)len, cap - 1);

		memcpy(out, p, n);
		out[n] = '\0';
	}
}

void
gw_cert_subject(const X509 *x, char *out, size_t cap)
{
	gw_name_text(X509_get_subject_name(x), out, cap);
}

void
gw_cert_serial(const X509 *x, char out[GW_SERIAL_MAX])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	size_t len = (size_t)ASN1_STRING_length(serial);

	out[0] = '\0';
	if (2 * len + 1 <= GW_SERIAL_MAX)
		gw_hex(ASN1_STRING_get0_data(serial), len, out);
}

void
gw_cert_sha256(const X509 *x, uint8_t out[GW_HASH])
{
	unsigned len = 0;

	gw_assert(X509_digest(x, EVP_sha256(), out, &len) == 1 &&
		  len == GW_HASH);
}

bool
gw_asn1_time(const ASN1_TIME *t, time_t *out)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

bool
gw_asn1_exact_time(const ASN1_GENERALIZEDTIME *t, time_t *out)
{
	const char *s;

	if (t == NULL || ASN1_STRING_type(t) != V_ASN1_GENERALIZEDTIME ||
	    ASN1_STRING_length(t) != EXACT_TIME_LEN)
		return false;
	/* libcrypto ends every string with a zero byte. */
	s = (const char *)ASN1_STRING_get0_data(t);
	return strspn(s, "0123456789") == EXACT_TIME_LEN - 1 &&
	       s[EXACT_TIME_LEN - 1] == 'Z' && gw_asn1_time(t, out);
}

time_t
gw_cert_not_after(const X509 *x)
{
	time_t t;

	return gw_asn1_time(X509_get0_notAfter(x), &t) ? t : 0;
}

time_t
gw_cert_not_before(const X509 *x)
{
	time_t t;

	return gw_asn1_time(X509_get0_notBefore(x), &t) ? t : INT64_MAX / 2;
}

bool
gw_cert_extension(const X509 *x, const ASN1_OBJECT *oid, struct gw_der *out,
		  bool *is_twice)
{
	int at = X509_get_ext_by_OBJ(x, oid, -1);
	const ASN1_OCTET_STRING *s;

	*is_twice = at >= 0 && X509_get_ext_by_OBJ(x, oid, at) >= 0;
	if (at < 0 || *is_twice)
		return false;
	s = X509_EXTENSION_get_data(X509_get_ext(x, at));
	out->p = ASN1_STRING_get0_data(s);
	out->len = (size_t)ASN1_STRING_length(s);
	return true;
}

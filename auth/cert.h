/* auth/cert.h — one certificate: parsed within limits, and said in words.
 * Linked into gwd-auth (gwcert). Judges neither trust nor use; pure. */
#ifndef GW_CERT_H
#define GW_CERT_H

#include "gw/error.h"
#include "gw/proto.h"
#include "ossl.h"

#define GW_SUBJECT_MAX 256
#define GW_SERIAL_MAX  72  /* hex of more octets than RFC 5280 allows */
#define GW_HASH        32  /* SHA-256 */

#define GW_CERT_KEY_BITS_MAX    16384 /* RSA; a check of more costs too much */
#define GW_CERT_EXPONENT_BITS_MAX 64  /* RSA; as many as libcrypto takes with
					 a modulus of more than 3072 bits */
#define GW_CERT_EXTENSIONS_MAX  64
#define GW_CERT_ELEMENTS_MAX    1024  /* of DER in extensions: decoded, each
					 may take a hundred bytes and more */
#define GW_CERT_SUBJECT_MAX     64    /* parts of the subject, and of the
					 issuer: decoded, each takes twelve
					 times its bytes */
#define GW_CERT_NAMES_MAX       256   /* subject alternative names */
#define GW_CERT_CONSTRAINTS_MAX 256   /* name constraints, both kinds */

/* What a peer presented, leaf first, each within the limits above and without
 * an extension twice (RFC 5280, 4.2). GW_ERR_CERT_MALFORMED, _WEAK_KEY; the
 * detail says which one. The caller frees `*out` with gw_certs_free(). */
GW_MUST_CHECK enum gw_err gw_certs_parse(const struct gw_der *chain, size_t n,
					 STACK_OF(X509) **out,
					 struct gw_error *err);

/* One DER certificate, within the limits; the caller's to free. The same
 * errors. */
GW_MUST_CHECK enum gw_err gw_cert_parse(struct gw_der der, X509 **out,
					struct gw_error *err);

/* RFC 2253 form, ASCII only; cut when it does not fit. */
void gw_cert_subject(const X509 *x, char *out, size_t cap);
void gw_name_text(const X509_NAME *name, char *out, size_t cap);
/* Lower-case hex; "" when it is longer than GW_SERIAL_MAX allows. */
void gw_cert_serial(const X509 *x, char out[GW_SERIAL_MAX]);
void gw_cert_sha256(const X509 *x, uint8_t out[GW_HASH]);

/* UTCTime or GeneralizedTime; false when it cannot be read. */
GW_MUST_CHECK bool gw_asn1_time(const ASN1_TIME *t, time_t *out);
/* The one form of GeneralizedTime that RFC 5280, 4.1.2.5.2 allows: to the
 * second, in UTC. False: another, or it cannot be read. */
GW_MUST_CHECK bool gw_asn1_exact_time(const ASN1_GENERALIZEDTIME *t,
				      time_t *out);
/* The ends of its validity; one that cannot be read is no time at all: the
 * certificate is over, or not valid yet. */
time_t gw_cert_not_after(const X509 *x);
time_t gw_cert_not_before(const X509 *x);

/* The one extension with this OID. False: none, or (*is_twice) more. */
GW_MUST_CHECK bool gw_cert_extension(const X509 *x, const ASN1_OBJECT *oid,
				     struct gw_der *out, bool *is_twice);

#endif

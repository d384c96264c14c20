/* auth/crls.h — is a verified path revoked, as far as these CRLs tell?
 * Linked into gwd-auth (gwcert). No I/O; the time is the caller's.
 *
 * RFC 5280, 6.3, by libcrypto: scopes, distribution points, reasons, deltas,
 * CRL issuers with a certificate of their own. Full lists are indexed
 * (crl.h); deltas, which are small, are libcrypto's own. Indirect lists are
 * refused. Single-threaded. */
#ifndef GW_CRLS_H
#define GW_CRLS_H

#include "chain.h"

struct gw_crls;

struct gw_crls *gw_crls_new(void);
void gw_crls_free(struct gw_crls *c); /* NULL is fine */

/* Adds one DER list; `der` is borrowed for the life of `c`. A list that may
 * not be used is left out and remembered for gw_crls_check()'s words:
 * GW_ERR_REVOCATION_MALFORMED, _SIGNER (weak signature). */
GW_MUST_CHECK enum gw_err gw_crls_add(struct gw_crls *c, const uint8_t *der,
				      size_t len, struct gw_error *err);
size_t gw_crls_count(const struct gw_crls *c);

/* One list taken apart for keeping, whole or delta. Everything costly happens
 * here, off the path of logins: parsing, and with gw_crl_list_prove() the
 * signature. Only one thread may do so at a time (crl.h). */
struct gw_crl_list {
	struct gw_crl *crl;
	X509_CRL *delta; /* libcrypto's own view of a delta, else NULL */
};
/* As gw_crls_add(), with the same errors; `der` must outlive the list, which
 * gw_crl_list_clear() frees. */
GW_MUST_CHECK enum gw_err gw_crl_list_parse(const uint8_t *der, size_t len,
					    struct gw_crl_list *out,
					    struct gw_error *err);
void gw_crl_list_clear(struct gw_crl_list *l);
X509_CRL *gw_crl_list_get0_x509(const struct gw_crl_list *l);
/* Whether `issuer` bears the list's name and its key signed it. */
bool gw_crl_list_prove(const struct gw_crl_list *l, X509 *issuer);
/* By issuer, key, scope and numbers (RFC 5280, 5.2.4) `delta` is one to
 * `full`. Says nothing about signatures. */
bool gw_crl_list_completes(const struct gw_crl_list *delta,
			   const struct gw_crl_list *full);
/* Both have a number and `l`'s is the lower: it was made before. */
bool gw_crl_list_precedes(const struct gw_crl_list *l,
			  const struct gw_crl_list *other);
/* `l` is borrowed for the life of `c`. */
void gw_crls_borrow(struct gw_crls *c, const struct gw_crl_list *l);

/* As gw_crls_check(), about the certificate at `depth` of the path alone. */
GW_MUST_CHECK enum gw_err gw_crls_check_at(struct gw_crls *c,
					   const struct gw_path *path,
					   int depth, STACK_OF(X509) *given,
					   const struct gw_chain_rules *rules,
					   time_t now, struct gw_error *err);

/* The leaf of `path` and each CA in it but the registered one. `given`: more
 * certificates that CRL issuers may be among. Fail closed: without a usable
 * list for any of them the path is refused. One that cannot be read, is over
 * or (unless the rules are lenient) has no number clears nobody, while other
 * validators would go on as if there were none. GW_ERR_CERT_REVOKED,
 * REVOCATION_*. */
GW_MUST_CHECK enum gw_err gw_crls_check(struct gw_crls *c,
					const struct gw_path *path,
					STACK_OF(X509) *given,
					const struct gw_chain_rules *rules,
					time_t now, struct gw_error *err);

#endif

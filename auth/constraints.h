/* auth/constraints.h — name constraints (RFC 5280, 4.2.1.10): what libcrypto
 * leaves open. Linked into gwd-auth (gwcert). Pure. The number of names and
 * constraints is limited by cert.h.
 *
 * libcrypto applies constraints on directory, DNS, mail, URI and IP names. It
 * gives up on otherName; user principal names are an otherName, and a CA may
 * be limited to those of one forest. The forms are those for mail:
 * "alice@corp.example", "corp.example" or "@corp.example" (this suffix),
 * ".corp.example" (any suffix below), "" (all). */
#ifndef GW_CONSTRAINTS_H
#define GW_CONSTRAINTS_H

#include "gw/error.h"
#include "ossl.h"

/* A libcrypto verify callback: when the only thing wrong is that libcrypto
 * knows no constraints on UPNs, applies them. */
int gw_constraints_callback(int ok, X509_STORE_CTX *ctx);

/* Whether the constraints of `ca`, if it has any, leave room for `x`; without
 * the last word on badly written ones. */
bool gw_constraints_admit(X509 *x, X509 *ca);

/* Does `upn` lie in the subtree `base`? Neither need end in NUL. */
bool gw_constraints_upn_is_in(const char *upn, size_t len, const char *base,
			      size_t base_len);

/* The extension itself, if there is one: in a CA's certificate only, not
 * empty, and each subtree written as the RFC wants. GW_ERR_CERT_CONSTRAINT,
 * _MALFORMED. `is_anchor` makes no difference. */
GW_MUST_CHECK enum gw_err gw_constraints_check(X509 *x, bool is_anchor,
					       struct gw_error *err);

/* Below a CA with constraints: is each DNS, mail and IP name one, and not
 * something that only ends like one? GW_ERR_CERT_CONSTRAINT. */
GW_MUST_CHECK enum gw_err gw_constraints_check_names(X509 *x,
						     struct gw_error *err);

/* `x` below `ca`, both well written: a DNS name with a wildcard must not stand
 * for a name that `ca` excludes, though it is none itself (CVE-2025-61727).
 * GW_ERR_CERT_CONSTRAINT. */
GW_MUST_CHECK enum gw_err gw_constraints_check_wildcards(X509 *x, X509 *ca,
							 struct gw_error *err);

#endif

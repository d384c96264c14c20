/* own.h — the gateway's own certificates: by which names they go, and whether
 * an OCSP answer may be stapled to them. Linked into gwd, which refuses a
 * configuration by it, and gwd-proxy, which chooses by it. No I/O, no clock.
 * Judges no client's certificate. */
#ifndef GW_OWN_H
#define GW_OWN_H

#include <openssl/x509.h>
#include "gw/compiler.h"
#include "gw/conf.h"

#define GW_OWN_MAX       16  /* certificates of one listener */
#define GW_OWN_NAMES_MAX 100 /* names of one certificate that count */

/* The DNS names of its subjectAltName in small letters; without any, the
 * commonName, as RFC 6125 has it. Names that no client could ask for are left
 * out. `out` is freed with gw_strlist_clear(). */
void gw_own_names(X509 *leaf, struct gw_strlist *out);
/* The form in which names are compared (RFC 4343). In place. */
void gw_own_lower(char *name);
/* A name both have, or NULL. Borrowed from `a`. */
const char *gw_own_shared_name(const struct gw_strlist *a,
			       const struct gw_strlist *b);

/* What one of two certificates side by side must differ in: EVP_PKEY_RSA,
 * EVP_PKEY_EC, … */
int gw_own_key_type(X509 *leaf);

enum gw_staple {
	GW_STAPLE_OK,
	GW_STAPLE_MALFORMED, /* or no successful answer */
	GW_STAPLE_NO_ISSUER, /* its certificate does not follow the leaf */
	GW_STAPLE_FOREIGN,   /* about another certificate */
	GW_STAPLE_SIGNER,    /* not signed by the issuer or for it */
	GW_STAPLE_NOT_GOOD,  /* revoked, or unknown */
	GW_STAPLE_EARLY,
	GW_STAPLE_OVER,      /* or without a time at which it ends */
};

/* Judges an OCSP response in DER about `leaf`, which `chain` (its issuer
 * somewhere among them) leads on from. `*out_until` is set when the answer
 * is about the leaf and says when it ends, else it is 0. */
enum gw_staple gw_own_judge_staple(const uint8_t *der, size_t len, X509 *leaf,
				   STACK_OF(X509) *chain, time_t now,
				   time_t *out_until);
/* In words that follow the file's name. */
const char *gw_staple_text(enum gw_staple s);

#endif

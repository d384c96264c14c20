/* auth/altsec.h — the altSecurityIdentities values that a certificate would
 * match (MS-PKCA 3.1.5.2.1, KB5014754). Linked into gwd-auth (gwcert). Pure.
 * Values that cannot be written in one undisputed way are left out. */
#ifndef GW_ALTSEC_H
#define GW_ALTSEC_H

#include "gw/identity.h"
#include "cert.h"

/* Adds to `c->altsec`, strong forms first. `email`: the rfc822Name, or
 * empty. */
void gw_altsec_add_all(const X509 *leaf, struct gw_der email,
		       struct gw_claims *c);

/* A name as the values have it: root first, comma without space, Windows'
 * attribute names and quoting. Heap; NULL when it holds what has no such
 * form. */
char *gw_altsec_dn(const X509_NAME *name) GW_MUST_CHECK;

#endif

/* lists.h — revocation lists made on the spot. Linked into the unit tests of
 * auth. */
#ifndef LISTS_H
#define LISTS_H

#include "vectors.h"

struct list {
	const char *issuer;     /* NULL: "issuing" */
	const char *key;        /* NULL: the issuer's */
	const char *revoked[4]; /* by name */
	const char *removed;    /* delta: removeFromCRL */
	long this, next;        /* seconds from NOW; both 0: -3600, 3600 */
	long number;            /* cRLNumber */
	long base;              /* delta to this number; 0: a full list */
	const char *deltas_at;  /* freshestCRL, a URL */
	const char *scope;      /* issuing distribution point */
};

/* DER; the caller frees it with OPENSSL_free(). */
uint8_t *list_make(const struct list *l, size_t *out_len);

#endif

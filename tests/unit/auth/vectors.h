/* vectors.h — the certificates made by tests/vectors/make, by name. Linked
 * into the unit tests of auth. Everything lives until the test ends. */
#ifndef VECTORS_H
#define VECTORS_H

#include "chain.h"

#define NOW 1893456000 /* 2030-01-01, within the life of most */

X509 *vec(const char *name);         /* borrowed */
EVP_PKEY *vec_key(const char *name); /* borrowed */
struct gw_der vec_der(const char *name);
const char *vec_path(const char *name, const char *suffix);

/* A certificate that signs itself, with raw extensions: for encodings that no
 * CA writes. `san`, `sid`: NULL for none. The caller frees it. */
struct raw_ext {
	const char *oid;
	const void *p;
	size_t len;
};
X509 *vec_raw(const struct raw_ext *exts, size_t n);

#endif

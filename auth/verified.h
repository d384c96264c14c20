/* auth/verified.h — paths verified before, by what was presented. Linked into
 * gwd-auth. Pure bookkeeping: no I/O and no clock.
 *
 * A path that was verified and whose profile was accepted is so again when the
 * very same certificates are presented in the same order, under the same
 * trust, settings and NTAuth (one generation), at a time within the validity
 * of all its certificates. Nothing else is remembered: no refusal, nothing
 * about revocation or the account, which are asked about each time. */
#ifndef GW_VERIFIED_H
#define GW_VERIFIED_H

#include "chain.h"

#define GW_VERIFIED_MAX   4096 /* chains; those used least recently go */
#define GW_VERIFIED_BYTES ((size_t)8 << 20) /* of DER together; decoded, they
					       take a few times as much */

struct gw_verified;

struct gw_verified *gw_verified_new(void);
void gw_verified_free(struct gw_verified *v); /* NULL is fine */

/* All that was presented, under one generation. */
struct gw_presented {
	uint8_t digest[GW_HASH];
	size_t bytes;
	uint64_t generation;
};
struct gw_presented gw_presented_of(const struct gw_der *chain, size_t n,
				    uint64_t generation);

/* Both are the caller's, to be freed as from gw_certs_parse() and
 * gw_demands_verify(). False: not known, or not for this time. */
GW_MUST_CHECK bool gw_verified_find(struct gw_verified *v,
				    const struct gw_presented *p, time_t now,
				    STACK_OF(X509) **out_given,
				    struct gw_path *out);
/* Takes references. Nothing when it is too large. */
void gw_verified_put(struct gw_verified *v, const struct gw_presented *p,
		     STACK_OF(X509) *given, const struct gw_path *path);

/* Trust, settings or NTAuth have changed: memory is not held for what can
 * never be found again. */
void gw_verified_flush(struct gw_verified *v);

size_t gw_verified_count(const struct gw_verified *v);

#endif

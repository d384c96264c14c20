/* auth/paths.h — every way up from a certificate. Linked into gwd-auth
 * (gwcert). Pure; judges nothing but names, key identifiers, path lengths and
 * signatures.
 *
 * libcrypto follows one path. Where CAs have namesakes or cross-certificates
 * (RFC 4158), the one it happens to choose may be the one that fails. What a
 * stranger sends may be a thicket: what is looked at, verified, walked and
 * handed out is bounded, so that it ends within milliseconds. */
#ifndef GW_PATHS_H
#define GW_PATHS_H

#include "ossl.h"

#define GW_PATHS_CERTS      256  /* that names lead to from the leaf */
#define GW_PATHS_SIGNATURES 64   /* verified; fewer by long keys */
#define GW_PATHS_STEPS      2048 /* certificates put on a way */
#define GW_PATHS_TRIES      24   /* ways handed out */

struct gw_ways {
	STACK_OF(X509) *given;   /* leaf first; borrowed, as all of this */
	STACK_OF(X509) *anchors;
	int longest; /* CAs between the ends, self-issued ones too */
	/* Whether a way may lead through `x`, which is given; anchors are
	 * never passed over, so that what is wrong with them counts. */
	bool (*may_issue)(void *arg, X509 *x);
	/* Takes a way, leaf first, or turns it down. */
	bool (*fn)(void *arg, STACK_OF(X509) *way);
	void *arg;
};

/* Hands each way from the leaf to an anchor to `fn`, short ways first, until
 * it takes one or a limit is reached. No CA (a name and a key) stands on a
 * way twice. A way ends at an anchor above which no other anchor stands. Ways
 * are borrowed for the call. True: one was taken. */
bool gw_paths_any(const struct gw_ways *ways);

#endif

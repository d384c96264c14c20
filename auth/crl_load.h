/* auth/crl_load.h — one revocation list from a descriptor into a private file
 * of ours, mapped, taken apart and its signature checked. Linked into
 * gwd-auth. Blocks and takes its time: for the thread of offload.h. */
#ifndef GW_CRL_LOAD_H
#define GW_CRL_LOAD_H

#include "crl.h"
#include "crls.h"

/* A list with its bytes. Zeroed: none. */
struct gw_crl_held {
	void *map;
	size_t len;
	struct gw_crl_list list;
	bool is_proven; /* signed by one of those it was expected from */
};
void gw_crl_held_clear(struct gw_crl_held *h);

struct gw_crl_load {
	int from; /* plain file or memfd, DER or PEM, read from its start */
	int to;   /* our file, open for both, which is cut and filled; -1:
		     `from` is our file and holds DER */
	STACK_OF(X509) *issuers; /* whose list it may be; borrowed */
};

/* GW_ERR_REVOCATION_UNAVAILABLE when it cannot be read or kept,
 * _MALFORMED, _SIGNER. `*out` is set on GW_ERR_OK only. */
GW_MUST_CHECK enum gw_err gw_crl_load(const struct gw_crl_load *l,
				      struct gw_crl_held *out,
				      struct gw_error *err);

#endif

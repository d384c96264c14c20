/* bucket.h — how many logins per second this process is willing to ask for.
 * Linked into gwd-kdc only. Pure: the time is a parameter.
 *
 * Whoever takes over gwd-auth can have anybody logged on: this bounds how
 * many before somebody notices. */
#ifndef KDC_BUCKET_H
#define KDC_BUCKET_H

#include "gw/compiler.h"

struct gw_bucket {
	uint64_t rate, burst; /* per second, at once */
	uint64_t milli;       /* thousandths of tokens left */
	uint64_t at_ms;
};

struct gw_bucket gw_bucket_init(uint64_t rate, uint64_t burst,
				uint64_t now_ms);
GW_MUST_CHECK bool gw_bucket_take(struct gw_bucket *b, uint64_t now_ms);

#endif

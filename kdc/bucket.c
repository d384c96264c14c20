/* bucket.c — see bucket.h. */
#include "bucket.h"

struct gw_bucket
gw_bucket_init(uint64_t rate, uint64_t burst, uint64_t now_ms)
{
	return (struct gw_bucket){ .rate = rate, .burst = burst,
				   .milli = burst * 1000, .at_ms = now_ms };
}

bool
gw_bucket_take(struct gw_bucket *b, uint64_t now_ms)
{
	b->milli += (now_ms - b->at_ms) * b->rate;
	b->milli = GW_MIN(b->milli, b->burst * 1000);
	b->at_ms = now_ms;
	if (b->milli < 1000)
		return false;
	b->milli -= 1000;
	return true;
}

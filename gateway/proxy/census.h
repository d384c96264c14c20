/* census.h — status questions on their way through the workers: each counts
 * for itself, and the last one's answer completes the sum. gwd-proxy only;
 * control thread. */
#ifndef GW_PROXY_CENSUS_H
#define GW_PROXY_CENSUS_H

#include "crew.h"

#define GW_CENSUS_MAX 8 /* under way at once */

struct gw_census {
	struct gw_tally {
		uint64_t ask;
		size_t waiting; /* for so many workers; 0: free */
		struct gw_counters *sum;
	} tallies[GW_CENSUS_MAX];
};

/* False: asked faster than answered. */
GW_MUST_CHECK bool gw_census_ask(struct gw_census *s, uint64_t ask,
				 struct gw_crew *crew,
				 const struct gw_site *site);
/* Takes a worker's GW_MAIL_COUNTED. The sum, when that was the last one: the
 * caller's, gw_counters_free(). Else NULL. */
GW_MUST_CHECK struct gw_counters *gw_census_add(struct gw_census *s,
						const struct gw_mail *m,
						const struct gw_site *site);
void gw_census_clear(struct gw_census *s);

#endif

/* status.h — what the proxy tells the status page: rows made of the workers'
 * counters, summed up. gwd-proxy only; control thread. */
#ifndef GW_PROXY_STATUS_H
#define GW_PROXY_STATUS_H

#include "counters.h"
#include "gw/child.h"

/* Answers `ask`: all rows, then the end. Sorts sum->left, and adds up in it. */
void gw_status_rows(struct gw_child *child, uint64_t ask,
		    const struct gw_site *s, struct gw_counters *sum,
		    size_t workers);

#endif

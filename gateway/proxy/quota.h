/* quota.h — how much one client address may hold of a listener at once, and
 * all of them together. gwd-proxy only.
 *
 * All workers count in one place: which of them the kernel gives a connection
 * to (SO_REUSEPORT) makes no difference. Addresses are not stored. Each falls
 * on one counter in each of two rows, by a hash with a secret; the smaller of
 * the two is taken for its own. So memory is fixed, nothing can overflow, and
 * an address is never taken for less than it holds; it is taken for more only
 * where it meets others in both rows. No locks. */
#ifndef GW_PROXY_QUOTA_H
#define GW_PROXY_QUOTA_H

#include <stdatomic.h>
#include <sys/socket.h>
#include "gw/conf.h"

enum gw_limit {
	GW_LIMIT_CONNECTIONS,
	GW_LIMIT_HANDSHAKES, /* under way, the verdict included */
	GW_LIMIT_HEADS,      /* requests whose head is not complete */
	GW_LIMIT_COUNT
};

/* Of one listener, all workers. */
struct gw_quota_counts {
	_Atomic int64_t n[GW_LIMIT_COUNT];
};

/* By what holds them all together, or its own address. */
enum gw_limited {
	GW_LIMITED_NOT,
	GW_LIMITED_ALL,
	GW_LIMITED_SOURCE,
	GW_LIMITED_COUNT
};

/* Once, before the workers start. */
void gw_quota_init(void);

/* Whom `peer` counts as at the listener of that number: its address, of IPv6
 * the /64, which is what one site has. */
uint32_t gw_quota_source(size_t listener,
			  const struct sockaddr_storage *peer);

/* Takes one if there is one left. Who got GW_LIMITED_NOT gives it back. */
GW_MUST_CHECK enum gw_limited
gw_quota_take(struct gw_quota_counts *all, const struct gw_conf_listener *conf,
	       uint32_t source, enum gw_limit kind);
void gw_quota_give(struct gw_quota_counts *all, uint32_t source,
		    enum gw_limit kind);

#endif

/* auth/hostnames.h — how this machine finds addresses: resolv.conf(5) and
 * hosts(5) as text. Linked into gwd-auth, which opens neither: the supervisor
 * gives it both, and again when they change. Pure. */
#ifndef GW_HOSTNAMES_H
#define GW_HOSTNAMES_H

#include <sys/socket.h>

#include "gw/compiler.h"

#define GW_ADDRS_MAX      8
#define GW_NAMESERVERS    3 /* as glibc's MAXNS */
#define GW_SEARCH_MAX     6 /* as glibc's MAXDNSRCH */

struct gw_addrs {
	struct sockaddr_storage v[GW_ADDRS_MAX];
	socklen_t len[GW_ADDRS_MAX];
	size_t n;
};

/* An address as it is written, IPv4 or IPv6; false: it is a name, or there is
 * no more room. */
bool gw_addrs_add_text(struct gw_addrs *a, const char *text, uint16_t port);

/* All addresses that `text`, a hosts file of `len` bytes, gives the name. */
void gw_hosts_find(const char *text, size_t len, const char *name,
		   uint16_t port, struct gw_addrs *out);

/* What of resolv.conf counts; anything else in it is passed over. */
struct gw_resolv {
	char servers[1024]; /* ADDRESS:PORT, with commas */
	char search[GW_SEARCH_MAX][256];
	size_t search_count;
	int ndots, timeout_s, attempts;
};
void gw_resolv_read(const char *text, size_t len, struct gw_resolv *out);

#endif

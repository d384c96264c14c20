/* auth/resolve.h — names of OCSP responders to addresses, by c-ares on the
 * loop. Linked into gwd-auth. Addresses given as such need no DNS. Never
 * blocks but for reading /etc/hosts; resolv.conf is read once, at the start. */
#ifndef GW_RESOLVE_H
#define GW_RESOLVE_H

#include <sys/socket.h>

#include "gw/loop.h"

#define GW_ADDRS_MAX 8

struct gw_addrs {
	struct sockaddr_storage v[GW_ADDRS_MAX];
	socklen_t len[GW_ADDRS_MAX];
	size_t n;
};

/* `why`: NULL when there is at least one address. May run inside
 * gw_resolve(). */
typedef void gw_resolve_fn(void *arg, const struct gw_addrs *addrs,
			   const char *why);

struct gw_resolver;
struct gw_query;

struct gw_resolver *gw_resolver_new(struct gw_loop *l);
void gw_resolver_free(struct gw_resolver *r); /* unanswered: never called */

/* NULL when `fn` has run already. */
struct gw_query *gw_resolve(struct gw_resolver *r, const char *host,
			    const char *port, gw_resolve_fn *fn, void *arg);
void gw_query_cancel(struct gw_query *q); /* NULL is fine */

#endif

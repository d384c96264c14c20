/* auth/resolve.h — names of OCSP responders and servers of lists to addresses:
 * by the hosts file, then by c-ares on the loop. Linked into gwd-auth. Opens no
 * file and never blocks: what resolv.conf and the hosts file say is given to
 * it, and may be given anew at any time. Addresses given as such need no
 * DNS. */
#ifndef GW_RESOLVE_H
#define GW_RESOLVE_H

#include "gw/loop.h"
#include "hostnames.h"

/* `why`: NULL when there is at least one address. May run inside
 * gw_resolve(). */
typedef void gw_resolve_fn(void *arg, const struct gw_addrs *addrs,
			   const char *why);

struct gw_resolver;
struct gw_query;

struct gw_resolver *gw_resolver_new(struct gw_loop *l);
void gw_resolver_free(struct gw_resolver *r); /* unanswered: never called */

/* From now on; questions under way are asked anew. Until then, and where there
 * is no name server, only the hosts file tells. Copied. */
void gw_resolver_use(struct gw_resolver *r, const char *resolv_conf,
		     size_t resolv_len, const char *hosts, size_t hosts_len);

/* NULL when `fn` has run already. */
struct gw_query *gw_resolve(struct gw_resolver *r, const char *host,
			    const char *port, gw_resolve_fn *fn, void *arg);
void gw_query_cancel(struct gw_query *q); /* NULL is fine */

#endif

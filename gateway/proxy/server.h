/* server.h — one server of an upstream, as one worker sees it: how it fares,
 * and whose turn it is. gwd-proxy only.
 *
 * One that refused is left alone for a while, which doubles with each refusal,
 * unless there is no other. `tried` is the set of servers that have refused a
 * request already (by number, modulo 64). */
#ifndef GW_PROXY_SERVER_H
#define GW_PROXY_SERVER_H

#include <sys/queue.h>
#include "counters.h"
#include "site.h"

struct gw_upconn;
struct gw_upstream;

struct gw_server {
	const struct gw_site_server *site;
	struct gw_upstream *upstream;
	LIST_HEAD(, gw_upconn) idle; /* newest first */
	uint64_t retry_at_ms;    /* not before, unless there is no other */
	unsigned failures;       /* in a row */
	struct gw_server_counters count;
};

/* In turn, those that are down last. NULL: all were tried. */
struct gw_server *gw_server_choose(struct gw_upstream *u, uint64_t tried);

/* It took no connection, or did not answer. */
void gw_server_refused(struct gw_server *s, enum gw_err why, uint64_t *tried);
/* It took one. */
void gw_server_answered(struct gw_server *s);
/* Only counted. */
void gw_server_erred(struct gw_server *s, enum gw_err why);

bool gw_server_is_down(const struct gw_server *s);

#endif

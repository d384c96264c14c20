/* roster.h — which connections of a worker belong to which session of
 * gwd-auth. gwd-proxy only.
 *
 * A session outlives the gwd-auth that opened it: the next one knows nothing
 * of it, and an operator must still see it and be able to end it. */
#ifndef GW_PROXY_ROSTER_H
#define GW_PROXY_ROSTER_H

#include <sys/queue.h>
#include "gw/error.h"
#include "gw/proto.h"

#define GW_ROSTER_BUCKETS 4096

struct gw_conn;
struct gw_counters;
struct gw_worker;

/* Zeroed: empty. */
struct gw_roster {
	LIST_HEAD(gw_roster_bucket, gw_conn) buckets[GW_ROSTER_BUCKETS];
};

/* c->session is known: from now on its end is this one's. */
void gw_roster_join(struct gw_conn *c);
/* Tells gwd-auth, exactly once for each that has joined; else nothing. */
void gw_roster_leave(struct gw_conn *c);

/* Dismisses all of the session's connections. */
void gw_roster_end(struct gw_roster *r, const uint8_t session[GW_SESSION_ID],
		   enum gw_err why);

/* Connections whose gwd-auth is gone, as out->left (heap): one row each,
 * GW_LEFT_MAX at most. */
void gw_roster_left(const struct gw_worker *w, struct gw_counters *out);

#endif

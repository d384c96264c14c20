/* kdc.h — the daemon as a whole: what main.c and links.c share. Linked into
 * gwd-kdc only; touched by the loop's thread alone. */
#ifndef KDC_KDC_H
#define KDC_KDC_H

#include "bucket.h"
#include "gw/child.h"
#include "keeper.h"
#include "pool.h"

#define GW_KDC_LINKS_MAX 64

/* One to gwd-auth; one that has just been restarted may have two. */
struct gw_kdc_link {
	struct gw_kdc *app;
	struct gw_chan *chan; /* NULL: free slot */
	uint64_t generation;  /* never used twice */
	uint64_t ntauth;      /* serial of what it was told */
};

struct gw_kdc {
	struct gw_child *child;
	struct gw_loop *loop;
	struct gw_shared shared;
	struct gw_pool *pool;     /* logins */
	struct gw_pool *fetchers; /* revocation lists */
	struct gw_keeper *keeper;
	struct gw_task starter;
	struct gw_bucket bucket;
	struct gw_kdc_link links[GW_KDC_LINKS_MAX];
	uint64_t generations;
	uint64_t logons, refused, lists, lists_refused;
};

/* ---- links.c: what gwd-auth asks and is told */

void gw_links_add(void *ctx, const struct gw_link_msg *m, int fd);
/* Tells what the threads have done: gw_loop_wake()'s other end. */
void gw_links_wake(void *ctx);
void gw_links_clear(struct gw_kdc *app);

#endif

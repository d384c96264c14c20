/* crew.h — the workers, all together: made, started, spoken to, ended.
 * gwd-proxy only; control thread. What they say comes by `inbox`. */
#ifndef GW_PROXY_CREW_H
#define GW_PROXY_CREW_H

#include "worker.h"

struct gw_crew {
	struct gw_worker *workers;
	size_t count, running;
	struct gw_mailbox inbox;
	struct gw_loop *loop; /* the control thread's, which is woken */
};

/* `asked_for` threads, or 0: one for each processor. Each still needs
 * gw_crew_make(). */
void gw_crew_init(struct gw_crew *c, struct gw_loop *loop, int64_t asked_for);
/* Everything of one worker but its thread; `ctxs` as gw_worker_init().
 * GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_crew_make(struct gw_crew *c, size_t worker,
				       const struct gw_site *site,
				       SSL_CTX **ctxs);
/* The threads: what the process has given up by now, they have not either. */
GW_MUST_CHECK bool gw_crew_start(struct gw_crew *c);

/* To one worker, or a copy to each; the second only of what owns nothing. */
void gw_crew_post(struct gw_crew *c, size_t worker, const struct gw_mail *m);
void gw_crew_post_all(struct gw_crew *c, const struct gw_mail *m);

/* Ends those that still run, and waits for them: they borrow the site. */
void gw_crew_clear(struct gw_crew *c);

#endif

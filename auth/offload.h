/* auth/offload.h — one thread beside the loop, for work that would hold up
 * logins: parsing a revocation list of fifty megabytes. Linked into gwd-auth.
 * Jobs run one after the other; what a job touches is its own until `done`
 * has run in the loop's thread. */
#ifndef GW_OFFLOAD_H
#define GW_OFFLOAD_H

#include <sys/queue.h>

#include "gw/loop.h"

struct gw_offload;

struct gw_job {
	void (*work)(struct gw_job *j); /* in the thread */
	void (*done)(struct gw_job *j); /* in the loop; may free the job */
	STAILQ_ENTRY(gw_job) entry;
};

/* Takes the loop's wake-up for itself. The thread begins with the first job,
 * from the running loop; dies when there is no thread to be had. */
struct gw_offload *gw_offload_new(struct gw_loop *l);
/* Waits for the job that runs; of all that were not done, `done` runs here,
 * so that each can free what it holds. */
void gw_offload_free(struct gw_offload *o); /* NULL is fine */
void gw_offload_do(struct gw_offload *o, struct gw_job *j);

#endif

/* pool.h — a fixed number of threads behind a bounded queue. Linked into
 * gwd-kdc only. The loop's thread submits and collects; it never waits. Jobs
 * are named by link and id, never by a pointer the other side could have
 * freed. */
#ifndef KDC_POOL_H
#define KDC_POOL_H

#include "gw/loop.h"
#include "worker.h"

struct gw_job;
struct gw_job_ops {
	void (*run)(struct gw_worker *w, struct gw_job *j); /* sets rc, err */
	void (*free)(struct gw_job *j);
};

/* The beginning of each kind of job. */
struct gw_job {
	struct gw_job *next;
	const struct gw_job_ops *ops;
	uint64_t link, id;     /* generation of the link, id of the message */
	uint64_t deadline_ms;
	uint64_t came_ms;
	/* after it was worked on; BUSY: nobody had time for it */
	enum gw_err rc;
	struct gw_error err;
	uint32_t waited_us;
};
void gw_job_free(struct gw_job *j); /* NULL is fine */

struct gw_pool;

struct gw_pool *gw_pool_new(const struct gw_shared *shared,
			    struct gw_loop *loop, size_t threads,
			    size_t queue_max);
/* Starts the threads: after the process has locked itself in, for what they
 * do to themselves binds only threads made later. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_pool_start(struct gw_pool *p,
					struct gw_error *err);
/* Waits for jobs under way; drops those waiting. */
void gw_pool_free(struct gw_pool *p);

/* Takes the job, or false when the queue is full. */
GW_MUST_CHECK bool gw_pool_submit(struct gw_pool *p, struct gw_job *j);
/* One that is done, or NULL; the caller owns it. After gw_loop_wake(). */
struct gw_job *gw_pool_collect(struct gw_pool *p);

struct gw_pool_status {
	size_t queue, queue_max, threads, busy;
};
void gw_pool_status(struct gw_pool *p, struct gw_pool_status *out);

#endif

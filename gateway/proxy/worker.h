/* worker.h — one thread: its loop and everything that lives on it.
 * gwd-proxy only. The control thread speaks to it through a mailbox alone;
 * a connection never changes thread. */
#ifndef GW_PROXY_WORKER_H
#define GW_PROXY_WORKER_H

#include <pthread.h>
#include <sys/queue.h>
#include "admit.h"
#include "buf.h"
#include "counters.h"
#include "http.h"
#include "listener.h"
#include "mail.h"
#include "roster.h"
#include "site.h"
#include "upstream.h"

struct gw_conn;
struct gw_exchange;

struct gw_worker {
	unsigned index;
	pthread_t thread;
	bool is_running;           /* the thread was started */
	struct gw_loop *loop;
	const struct gw_site *site;
	struct gw_mailbox inbox;
	struct gw_mailbox *control; /* of the control thread */
	struct gw_loop *control_loop;

	struct gw_admitter admitter;
	struct gw_listener *listeners; /* as site->listeners */
	struct gw_upstream *upstreams; /* as site->upstreams */
	LIST_HEAD(, gw_conn) conns;
	struct gw_roster roster;
	bool is_stopping;
	struct gw_timer stop_timer;
	uint64_t stop_at_ms;       /* … at the latest */
	uint64_t shake_turn;       /* the loop's, for which … */
	unsigned shakes_left;      /* … so many steps are left */

	/* kept for the next, so that a request allocates nothing */
	struct gw_buf_pool bufs;
	struct gw_exchange *free_exchanges;
	size_t free_exchange_count;

	/* used within one call only */
	struct gw_http_msg msg;
	char *scratch;             /* GW_SCRATCH bytes */
	uint64_t log_second;       /* … of the last rate-limited line */
	unsigned log_lines;
	time_t date_second;        /* … that `date` is of */
	char date[GW_HTTP_DATE_SIZE];

	struct gw_worker_counters count;
};

/* Room for one connection's identity block and more. */
#define GW_SCRATCH 262144

/* Everything but the thread; `ctxs` are the worker's own, as
 * site->listeners, and become the worker's. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_worker_init(struct gw_worker *w, unsigned index,
					 const struct gw_site *site,
					 SSL_CTX **ctxs);
GW_MUST_CHECK bool gw_worker_start(struct gw_worker *w);
/* After the thread has ended. */
void gw_worker_clear(struct gw_worker *w);

/* Called on the worker's own thread. */
/* The time as a Date field says it. */
const char *gw_worker_date(struct gw_worker *w);
/* Whether one more line may be written about what any stranger can cause. */
bool gw_worker_may_log(struct gw_worker *w);

#endif

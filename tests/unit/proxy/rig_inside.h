/* rig_inside.h — what the parts of the rig that play gwd-proxy's peers share:
 * rig.c, rig_auth.c, rig_conf.c, rig_supervisor.c. One thread with a loop of
 * its own plays them; the test gives it orders under a lock and waits for what
 * they bring about. */
#ifndef GW_TEST_RIG_INSIDE_H
#define GW_TEST_RIG_INSIDE_H

#include <pthread.h>
#include <sys/queue.h>
#include "rig.h"
#include "gw/child.h"

#define WORKERS 2

enum { ST_ANY = 1 };

struct waiting;

struct auth { /* the far end of one worker's link */
	struct rig *r;
	struct gw_chan *chan;
};

struct rig {
	struct rig_pki pki;
	struct rig_upstream upstream;
	struct gw_conf conf;
	pid_t pid;
	int port, other_port;
	pthread_t thread;
	struct gw_loop *loop;
	struct gw_chan *control;
	struct auth auth[WORKERS];

	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*order)(struct rig *r); /* to be run on the thread */
	struct rig_answer answer;
	LIST_HEAD(, waiting) held; /* verdicts */
	bool is_stopping;
	bool is_ready, is_gone, has_status, has_renewed;
	enum gw_err renewed;
	uint64_t next_ask;
	unsigned admits, leaves, resumed;
	size_t chain_count;
	uint8_t session[GW_SESSION_ID];
	char *status;
};

/* ---- waiting (rig.c) */

void rig_lock(struct rig *r);
void rig_unlock(struct rig *r);
void rig_announce(struct rig *r);
/* With the lock held. */
void rig_await(struct rig *r, const bool *flag, const char *what);
/* The same; in vain it is for the caller to see. */
void rig_await_count(struct rig *r, const unsigned *count, unsigned want);
/* Runs it on the thread; back when that is done. */
void rig_order(struct rig *r, void (*order)(struct rig *r));

/* ---- gwd-auth (rig_auth.c): orders, but for the first link */

void rig_link_all(struct rig *r);
void rig_unlink_all(struct rig *r);

/* ---- configuration (rig_conf.c) */

void rig_configure(struct rig *r, const struct rig_key *keys);

/* ---- supervisor (rig_supervisor.c) */

/* Over its end of the control channel: tells gwd-proxy all, and to start. */
void rig_supervise(struct rig *r, int fd);

#endif

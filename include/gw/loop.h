/* gw/loop.h — one epoll loop with timers, for one thread. Linked into every
 * process. Knows nothing of TLS, HTTP or messages. A turn has its events
 * first, then the timers that are due, then the tasks queued by then.
 *
 * Objects are embedded in the caller's and borrowed while registered. It is
 * safe to delete and free any object from within any callback: the loop
 * forgets pending events of a deleted object. Nothing here is thread safe but
 * gw_loop_wake(). */
#ifndef GW_LOOP_H
#define GW_LOOP_H

#include <sys/epoll.h>
#include "gw/compiler.h"
#include "gw/error.h"

struct gw_loop;

/* `events` is a set of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP. */
struct gw_io {
	int fd;
	uint32_t pending; /* of this turn, not told yet */
	void (*fn)(struct gw_io *io, uint32_t events);
};

struct gw_timer {
	void (*fn)(struct gw_timer *t);
	uint64_t deadline_ms; /* monotonic */
	size_t slot;          /* place in the heap + 1; 0 when not armed */
};

/* Runs once at the end of a turn; then it may be freed. */
struct gw_task {
	void (*fn)(struct gw_task *t);
	struct gw_task *next;
	bool is_queued;
};

/* GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_loop_new(struct gw_loop **out);
void gw_loop_free(struct gw_loop *l);

/* EPOLLET is the caller's choice, as part of `events`. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_loop_add(struct gw_loop *l, struct gw_io *io,
				      uint32_t events);
/* Replaces the events of one that is registered. */
void gw_loop_mod(struct gw_loop *l, struct gw_io *io, uint32_t events);
/* Before the descriptor is closed. Unregistered objects are ignored. */
void gw_loop_del(struct gw_loop *l, struct gw_io *io);

/* Arms or moves. Times are gw_loop_now_ms() based. */
void gw_timer_at(struct gw_loop *l, struct gw_timer *t, uint64_t deadline_ms);
void gw_timer_after(struct gw_loop *l, struct gw_timer *t, uint64_t ms);
/* One that is not armed may be stopped, too. */
void gw_timer_stop(struct gw_loop *l, struct gw_timer *t);

/* At the end of this turn, or of the next when called by a task; behind those
 * that are queued already. Of a queued one nothing changes. */
void gw_loop_defer(struct gw_loop *l, struct gw_task *t);

/* Monotonic milliseconds, read once per turn. */
uint64_t gw_loop_now_ms(const struct gw_loop *l);
/* Another number in each turn. */
uint64_t gw_loop_turn(const struct gw_loop *l);

/* Whether the turn has only just begun: what happened more than a millisecond
 * ago has been told, or is pending. Never in a turn with as many events as
 * one can hold: there may be older ones that it does not know of. */
bool gw_loop_is_fresh(const struct gw_loop *l);

/* Returns after gw_loop_stop(). */
void gw_loop_run(struct gw_loop *l);
void gw_loop_stop(struct gw_loop *l);

/* From any thread: `fn(ctx)` set by gw_loop_on_wake runs in the loop's
 * thread soon; several wakes may fold into one. */
void gw_loop_on_wake(struct gw_loop *l, void (*fn)(void *ctx), void *ctx);
void gw_loop_wake(struct gw_loop *l);

#endif

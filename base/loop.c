/* loop.c — see gw/loop.h. Timers lie in a binary heap ordered by deadline;
 * each timer knows its slot, so that moving and stopping need no search. */
#include "gw/loop.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH       256 /* events told of in one turn */
#define FRESH_US    1000 /* for so long a turn has only just begun */
#define HEAP_MIN    64
#define WAIT_MAX_MS 60000 /* epoll counts in int */

struct gw_loop {
	int epfd;
	struct gw_io wake;
	void (*wake_fn)(void *ctx);
	void *wake_ctx;
	struct gw_timer **heap;
	size_t heap_len, heap_cap;
	struct gw_task *tasks, **tasks_end;
	uint64_t now_ms, turn_us, turn;
	bool is_stopping;
	bool has_all; /* the batch holds what there was to tell */
	struct epoll_event batch[BATCH];
	int batch_len, batch_at;
};

static void
on_wake(struct gw_io *io, uint32_t events)
{
	struct gw_loop *l = GW_CONTAINER(io, struct gw_loop, wake);
	uint64_t n;
	ssize_t got = read(io->fd, &n, sizeof(n));

	(void)events;
	(void)got; /* level triggered: nothing lost if it is not there */
	if (l->wake_fn != NULL)
		l->wake_fn(l->wake_ctx);
}

enum gw_err
gw_loop_new(struct gw_loop **out)
{
	struct gw_loop *l = gw_xcalloc(1, sizeof(*l));

	l->tasks_end = &l->tasks;
	l->now_ms = gw_mono_ms();
	l->wake.fn = on_wake;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	l->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epfd < 0 || l->wake.fd < 0 ||
	    gw_loop_add(l, &l->wake, EPOLLIN) != GW_ERR_OK) {
		gw_loop_free(l);
		return GW_ERR_SYSTEM;
	}
	*out = l;
	return GW_ERR_OK;
}

void
gw_loop_free(struct gw_loop *l)
{
	if (l == NULL)
		return;
	gw_close(&l->wake.fd);
	gw_close(&l->epfd);
	free(l->heap);
	free(l);
}

enum gw_err
gw_loop_add(struct gw_loop *l, struct gw_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, io->fd, &ev) != 0)
		return GW_ERR_SYSTEM;
	return GW_ERR_OK;
}

void
gw_loop_mod(struct gw_loop *l, struct gw_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	(void)epoll_ctl(l->epfd, EPOLL_CTL_MOD, io->fd, &ev);
}

void
gw_loop_del(struct gw_loop *l, struct gw_io *io)
{
	if (io->fd >= 0)
		(void)epoll_ctl(l->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	for (int i = l->batch_at; i < l->batch_len; i++)
		if (l->batch[i].data.ptr == io)
			l->batch[i].data.ptr = NULL;
}

/* ---- timers */

static void
place(struct gw_loop *l, size_t i, struct gw_timer *t)
{
	l->heap[i] = t;
	t->slot = i + 1;
}

/* Whether what is above slot `i` fires after `t`. */
static bool
is_before_parent(const struct gw_loop *l, size_t i, const struct gw_timer *t)
{
	return i > 0 && l->heap[(i - 1) / 2]->deadline_ms > t->deadline_ms;
}

static void
sift_up(struct gw_loop *l, size_t i, struct gw_timer *t)
{
	for (; is_before_parent(l, i, t); i = (i - 1) / 2)
		place(l, i, l->heap[(i - 1) / 2]);
	place(l, i, t);
}

/* The one of the two below slot `i` that fires first; heap_len or more: there
 * is none. */
static size_t
first_child(const struct gw_loop *l, size_t i)
{
	size_t n = 2 * i + 1;

	return n + 1 < l->heap_len &&
	       l->heap[n + 1]->deadline_ms < l->heap[n]->deadline_ms ? n + 1
								     : n;
}

static void
sift_down(struct gw_loop *l, size_t i, struct gw_timer *t)
{
	size_t child;

	while ((child = first_child(l, i)) < l->heap_len &&
	       l->heap[child]->deadline_ms < t->deadline_ms) {
		place(l, i, l->heap[child]);
		i = child;
	}
	place(l, i, t);
}

static void
settle(struct gw_loop *l, size_t i, struct gw_timer *t)
{
	if (is_before_parent(l, i, t))
		sift_up(l, i, t);
	else
		sift_down(l, i, t);
}

void
gw_timer_at(struct gw_loop *l, struct gw_timer *t, uint64_t deadline_ms)
{
	t->deadline_ms = deadline_ms;
	if (t->slot != 0) {
		settle(l, t->slot - 1, t);
		return;
	}
	if (l->heap_len == l->heap_cap) {
		l->heap_cap = l->heap_cap != 0 ? l->heap_cap * 2 : HEAP_MIN;
		l->heap = gw_xrealloc(l->heap, l->heap_cap, sizeof(*l->heap));
	}
	sift_up(l, l->heap_len++, t);
}

void
gw_timer_after(struct gw_loop *l, struct gw_timer *t, uint64_t ms)
{
	gw_timer_at(l, t, l->now_ms + ms);
}

void
gw_timer_stop(struct gw_loop *l, struct gw_timer *t)
{
	size_t i = t->slot;
	struct gw_timer *last;

	if (i-- == 0)
		return;
	t->slot = 0;
	last = l->heap[--l->heap_len];
	if (last != t)
		settle(l, i, last);
}

static void
run_timers(struct gw_loop *l)
{
	while (l->heap_len > 0 && l->heap[0]->deadline_ms <= l->now_ms) {
		struct gw_timer *t = l->heap[0];

		gw_timer_stop(l, t);
		t->fn(t);
	}
}

static int
next_timeout(const struct gw_loop *l)
{
	uint64_t wait;

	if (l->tasks != NULL)
		return 0;
	if (l->heap_len == 0)
		return -1;
	if (l->heap[0]->deadline_ms <= l->now_ms)
		return 0;
	wait = l->heap[0]->deadline_ms - l->now_ms;
	return (int)GW_MIN(wait, (uint64_t)WAIT_MAX_MS);
}

/* ---- tasks and the turn */

void
gw_loop_defer(struct gw_loop *l, struct gw_task *t)
{
	if (t->is_queued)
		return;
	t->is_queued = true;
	t->next = NULL;
	*l->tasks_end = t;
	l->tasks_end = &t->next;
}

/* Only what was there when the turn ended: a task may queue another. */
static void
run_tasks(struct gw_loop *l)
{
	struct gw_task *t = l->tasks, *next;

	l->tasks = NULL;
	l->tasks_end = &l->tasks;
	for (; t != NULL; t = next) {
		next = t->next;
		t->is_queued = false;
		t->fn(t);
	}
}

uint64_t
gw_loop_now_ms(const struct gw_loop *l)
{
	return l->now_ms;
}

uint64_t
gw_loop_turn(const struct gw_loop *l)
{
	return l->turn;
}

bool
gw_loop_is_fresh(const struct gw_loop *l)
{
	return l->has_all && gw_mono_us() - l->turn_us < FRESH_US;
}

/* All are noted before any is told. */
static void
tell(struct gw_loop *l)
{
	for (int i = 0; i < l->batch_len; i++) {
		struct gw_io *io = l->batch[i].data.ptr;

		io->pending = l->batch[i].events;
	}
	for (l->batch_at = 0; l->batch_at < l->batch_len;) {
		struct epoll_event *ev = &l->batch[l->batch_at++];
		struct gw_io *io = ev->data.ptr;

		if (io == NULL)
			continue;
		io->pending = 0;
		io->fn(io, ev->events);
	}
	l->batch_len = 0;
}

void
gw_loop_run(struct gw_loop *l)
{
	l->is_stopping = false;
	l->now_ms = gw_mono_ms();
	while (!l->is_stopping) {
		l->batch_len = epoll_wait(l->epfd, l->batch, BATCH,
					  next_timeout(l));
		gw_assert(l->batch_len >= 0 || errno == EINTR);
		l->has_all = l->batch_len >= 0 && l->batch_len < BATCH;
		l->turn_us = gw_mono_us();
		l->now_ms = l->turn_us / 1000;
		l->turn++;
		tell(l);
		run_timers(l);
		run_tasks(l);
	}
}

void
gw_loop_stop(struct gw_loop *l)
{
	l->is_stopping = true;
	gw_loop_wake(l);
}

void
gw_loop_on_wake(struct gw_loop *l, void (*fn)(void *ctx), void *ctx)
{
	l->wake_fn = fn;
	l->wake_ctx = ctx;
}

void
gw_loop_wake(struct gw_loop *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->wake.fd, &one, sizeof(one));

	(void)n; /* full means: already awake */
}

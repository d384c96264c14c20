/* The loop: order of timers, and that deleted objects stay quiet. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "gw/loop.h"
#include "gw/util.h"

static struct gw_loop *loop;
static char trace[64];

static void
setup(void)
{
	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	trace[0] = '\0';
}

static void
teardown(void)
{
	gw_loop_free(loop);
}

TestSuite(loop, .init = setup, .fini = teardown, .timeout = 300);

struct named_timer {
	struct gw_timer t;
	char name;
	bool is_last;
};

static void
on_named(struct gw_timer *t)
{
	struct named_timer *n = GW_CONTAINER(t, struct named_timer, t);
	size_t len = strlen(trace);

	trace[len] = n->name;
	trace[len + 1] = '\0';
	if (n->is_last)
		gw_loop_stop(loop);
}

Test(loop, timers_fire_in_order_of_deadline)
{
	struct named_timer t[] = {
		{ { .fn = on_named }, 'c', false },
		{ { .fn = on_named }, 'a', false },
		{ { .fn = on_named }, 'd', true },
		{ { .fn = on_named }, 'b', false },
		{ { .fn = on_named }, 'x', false },
	};

	gw_timer_after(loop, &t[0].t, 3);
	gw_timer_after(loop, &t[1].t, 100000);
	gw_timer_after(loop, &t[2].t, 5);
	gw_timer_after(loop, &t[3].t, 2);
	gw_timer_after(loop, &t[4].t, 1);
	gw_timer_stop(loop, &t[4].t);
	gw_timer_after(loop, &t[1].t, 1); /* moved to the front */
	gw_loop_run(loop);
	cr_expect_str_eq(trace, "abcd");
}

Test(loop, many_timers_keep_their_order)
{
	enum { N = 1000 };
	struct named_timer *t = gw_xcalloc(N + 1, sizeof(*t));
	uint64_t base = gw_loop_now_ms(loop), last = 0;
	size_t armed = 0;

	for (size_t i = 0; i < N; i++) {
		t[i].t.fn = on_named;
		gw_timer_at(loop, &t[i].t, base + 100000 + (i * 7919) % 997);
	}
	for (size_t i = 0; i < N; i += 3)
		gw_timer_stop(loop, &t[i].t);
	for (size_t i = 0; i < N; i++)
		if (t[i].t.slot == 1) {
			last = t[i].t.deadline_ms;
			armed++;
		}
	cr_expect_eq(armed, 1, "one timer is the heap's first");
	for (size_t i = 0; i < N; i++)
		if (t[i].t.slot != 0)
			cr_expect_geq(t[i].t.deadline_ms, last);
	for (size_t i = 0; i < N; i++)
		gw_timer_stop(loop, &t[i].t);
	free(t);
}

static struct gw_io one, two;

/* Whichever runs first deletes the other: the other must not run. */
static void
on_first(struct gw_io *io, uint32_t events)
{
	struct gw_io *other = io == &one ? &two : &one;
	size_t len = strlen(trace);

	(void)events;
	trace[len] = '!';
	trace[len + 1] = '\0';
	gw_loop_del(loop, other);
	gw_loop_del(loop, io);
	gw_loop_stop(loop);
}

Test(loop, deleted_object_gets_no_event_of_the_same_turn)
{
	int a[2], b[2];

	cr_assert(pipe(a) == 0 && pipe(b) == 0);
	cr_assert(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
	one = (struct gw_io){ .fd = a[0], .fn = on_first };
	two = (struct gw_io){ .fd = b[0], .fn = on_first };
	cr_assert_eq(gw_loop_add(loop, &one, EPOLLIN), GW_ERR_OK);
	cr_assert_eq(gw_loop_add(loop, &two, EPOLLIN), GW_ERR_OK);
	gw_loop_run(loop);
	cr_expect_str_eq(trace, "!");
}

static void
on_task(struct gw_task *t)
{
	(void)t;
	trace[0] = 'T';
	trace[1] = '\0';
	gw_loop_stop(loop);
}

struct watcher {
	struct gw_io io;
	struct watcher *other;
	uint32_t own, others;
};

static void
on_watched(struct gw_io *io, uint32_t events)
{
	struct watcher *w = GW_CONTAINER(io, struct watcher, io);
	bool is_first = w->other->own == 0;

	cr_expect(events & EPOLLIN);
	w->own = events;
	w->others = w->other->io.pending;
	cr_expect_eq(io->pending, 0, "told already");
	cr_expect_eq(w->others != 0, is_first);
	if (!is_first)
		gw_loop_stop(loop);
}

/* Whoever is told first knows what the turn holds for the other. */
Test(loop, events_are_noted_before_any_is_told)
{
	struct watcher w[2] = { { .other = &w[1] }, { .other = &w[0] } };
	int fd[2][2];

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pipe(fd[i]), 0);
		cr_assert_eq(write(fd[i][1], "x", 1), 1);
		w[i].io.fd = fd[i][0];
		w[i].io.fn = on_watched;
		cr_assert_eq(gw_loop_add(loop, &w[i].io, EPOLLIN | EPOLLET),
			     GW_ERR_OK);
	}
	gw_loop_run(loop);
	usleep(2000);
	cr_expect(!gw_loop_is_fresh(loop));
	for (int i = 0; i < 2; i++) {
		close(fd[i][0]);
		close(fd[i][1]);
	}
}

static bool was_fresh;
static int rounds;

/* The machine may hold us up for a millisecond now and then. */
static void
on_crowd(struct gw_io *io, uint32_t events)
{
	(void)io;
	(void)events;
	was_fresh = was_fresh || gw_loop_is_fresh(loop);
	if (++rounds >= 20000)
		gw_loop_stop(loop);
}

/* With more to tell than one turn can hold, nobody knows what is pending. */
Test(loop, is_not_fresh_before_all_is_noted)
{
	static const size_t sizes[] = { 255, 257 };
	static struct gw_io io[257];
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	cr_assert_eq(write(fd[1], "x", 1), 1);
	for (size_t k = 0, i = 0; k < GW_COUNT(sizes); k++) {
		for (; i < sizes[k]; i++) {
			io[i] = (struct gw_io){ .fd = dup(fd[0]),
						.fn = on_crowd };
			cr_assert_eq(gw_loop_add(loop, &io[i], EPOLLIN),
				     GW_ERR_OK);
		}
		rounds = 0;
		was_fresh = false;
		gw_loop_run(loop);
		cr_expect_eq(was_fresh, k == 0, "%zu", sizes[k]);
	}
	for (size_t i = 0; i < GW_COUNT(io); i++)
		close(io[i].fd);
	close(fd[0]);
	close(fd[1]);
}

Test(loop, deferred_task_runs_once)
{
	struct gw_task task = { .fn = on_task };

	gw_loop_defer(loop, &task);
	gw_loop_defer(loop, &task);
	gw_loop_run(loop);
	cr_expect_str_eq(trace, "T");
	cr_expect_not(task.is_queued);
}

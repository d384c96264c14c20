/* offload.c — see offload.h. */
#include "offload.h"
#include "gw/util.h"

#include <pthread.h>

STAILQ_HEAD(jobs, gw_job);

struct gw_offload {
	struct gw_loop *loop;
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t wanted;
	struct jobs to_do, done;
	bool is_over;
	struct gw_task starter;
	bool has_thread;
};

static struct gw_job *
pop(struct jobs *q)
{
	struct gw_job *j = STAILQ_FIRST(q);

	if (j != NULL)
		STAILQ_REMOVE_HEAD(q, entry);
	return j;
}

/* With the lock held, which it gives away while the job runs. */
static void
work_one(struct gw_offload *o, struct gw_job *j)
{
	pthread_mutex_unlock(&o->lock);
	j->work(j);
	pthread_mutex_lock(&o->lock);
	STAILQ_INSERT_TAIL(&o->done, j, entry);
	gw_loop_wake(o->loop);
}

static void *
run(void *arg)
{
	struct gw_offload *o = arg;
	struct gw_job *j;

	pthread_mutex_lock(&o->lock);
	while (!o->is_over) {
		j = pop(&o->to_do);
		if (j != NULL)
			work_one(o, j);
		else
			pthread_cond_wait(&o->wanted, &o->lock);
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

static void
on_wake(void *ctx)
{
	struct gw_offload *o = ctx;
	struct gw_job *j;

	for (;;) {
		pthread_mutex_lock(&o->lock);
		j = pop(&o->done);
		pthread_mutex_unlock(&o->lock);
		if (j == NULL)
			return;
		j->done(j);
	}
}

/* From the loop, which runs only once this process is locked in: a thread
 * from before would not be. */
static void
start(struct gw_task *t)
{
	struct gw_offload *o = GW_CONTAINER(t, struct gw_offload, starter);

	gw_assert(pthread_create(&o->thread, NULL, run, o) == 0);
	o->has_thread = true;
}

struct gw_offload *
gw_offload_new(struct gw_loop *l)
{
	struct gw_offload *o = gw_xcalloc(1, sizeof(*o));

	o->loop = l;
	STAILQ_INIT(&o->to_do);
	STAILQ_INIT(&o->done);
	o->starter.fn = start;
	gw_loop_on_wake(l, on_wake, o);
	gw_assert(pthread_mutex_init(&o->lock, NULL) == 0 &&
		  pthread_cond_init(&o->wanted, NULL) == 0);
	return o;
}

void
gw_offload_free(struct gw_offload *o)
{
	if (o == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	o->is_over = true;
	pthread_cond_signal(&o->wanted);
	pthread_mutex_unlock(&o->lock);
	if (o->has_thread)
		pthread_join(o->thread, NULL);
	STAILQ_CONCAT(&o->done, &o->to_do);
	on_wake(o);
	gw_loop_on_wake(o->loop, NULL, NULL);
	pthread_cond_destroy(&o->wanted);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void
gw_offload_do(struct gw_offload *o, struct gw_job *j)
{
	pthread_mutex_lock(&o->lock);
	STAILQ_INSERT_TAIL(&o->to_do, j, entry);
	pthread_cond_signal(&o->wanted);
	pthread_mutex_unlock(&o->lock);
	if (!o->has_thread && !o->starter.is_queued)
		gw_loop_defer(o->loop, &o->starter);
}

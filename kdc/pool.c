/* pool.c — see pool.h. */
#include "pool.h"
#include "gw/util.h"

#include <pthread.h>
#include <string.h>

struct list {
	struct gw_job *head, **tail;
	size_t len;
};

struct gw_pool {
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	const struct gw_shared *shared;
	struct gw_loop *loop;
	pthread_t *threads;
	struct gw_worker **workers;
	size_t thread_max, thread_count, queue_max, busy;
	struct list todo, done;
	bool stop;
};

struct start {
	struct gw_pool *pool;
	struct gw_worker *worker;
};

static void
push(struct list *l, struct gw_job *j)
{
	j->next = NULL;
	*l->tail = j;
	l->tail = &j->next;
	l->len++;
}

static struct gw_job *
pop(struct list *l)
{
	struct gw_job *j = l->head;

	if (j == NULL)
		return NULL;
	l->head = j->next;
	if (l->head == NULL)
		l->tail = &l->head;
	l->len--;
	return j;
}

void
gw_job_free(struct gw_job *j)
{
	if (j != NULL)
		j->ops->free(j);
}

struct gw_pool *
gw_pool_new(const struct gw_shared *shared, struct gw_loop *loop,
	    size_t threads, size_t queue_max)
{
	struct gw_pool *p = gw_xcalloc(1, sizeof(*p));

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wanted, NULL);
	p->shared = shared;
	p->loop = loop;
	p->thread_max = threads;
	p->queue_max = queue_max;
	p->threads = gw_xcalloc(threads, sizeof(*p->threads));
	p->workers = gw_xcalloc(threads, sizeof(*p->workers));
	p->todo.tail = &p->todo.head;
	p->done.tail = &p->done.head;
	return p;
}

/* Who waited too long in the queue is not worth a DC's work any more. */
static void
work(struct gw_worker *w, struct gw_job *j)
{
	uint64_t now = gw_mono_ms();

	j->waited_us = (uint32_t)((now - j->came_ms) * 1000);
	if (now >= j->deadline_ms) {
		j->rc = gw_fail(&j->err, GW_ERR_BUSY,
				"waited too long in the queue");
		return;
	}
	j->ops->run(w, j);
}

static void *
worker_thread(void *arg)
{
	struct start *s = arg;
	struct gw_pool *p = s->pool;
	struct gw_worker *w = s->worker;
	struct gw_job *j;

	free(s);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while ((j = pop(&p->todo)) == NULL && !p->stop)
			pthread_cond_wait(&p->wanted, &p->lock);
		if (j == NULL)
			break;
		p->busy++;
		pthread_mutex_unlock(&p->lock);
		work(w, j);
		pthread_mutex_lock(&p->lock);
		p->busy--;
		push(&p->done, j);
		gw_loop_wake(p->loop);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static enum gw_err
start_one(struct gw_pool *p, struct gw_error *err)
{
	struct start *s = gw_xcalloc(1, sizeof(*s));
	size_t i = p->thread_count;
	int e;
	enum gw_err rc = gw_worker_new(p->shared, &p->workers[i], err);

	s->pool = p;
	s->worker = p->workers[i];
	if (rc == GW_ERR_OK) {
		e = pthread_create(&p->threads[i], NULL, worker_thread, s);
		if (e != 0)
			rc = gw_fail(err, GW_ERR_SYSTEM, "thread: %s",
				     strerror(e));
	}
	if (rc != GW_ERR_OK) {
		gw_worker_free(p->workers[i]);
		p->workers[i] = NULL;
		free(s);
		return rc;
	}
	p->thread_count++;
	return GW_ERR_OK;
}

enum gw_err
gw_pool_start(struct gw_pool *p, struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;

	while (p->thread_count < p->thread_max && rc == GW_ERR_OK)
		rc = start_one(p, err);
	return rc;
}

void
gw_pool_free(struct gw_pool *p)
{
	struct gw_job *j;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	while ((j = pop(&p->todo)) != NULL)
		gw_job_free(j);
	pthread_cond_broadcast(&p->wanted);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->thread_count; i++) {
		pthread_join(p->threads[i], NULL);
		gw_worker_free(p->workers[i]);
	}
	while ((j = pop(&p->done)) != NULL)
		gw_job_free(j);
	pthread_cond_destroy(&p->wanted);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p->threads);
	free(p);
}

bool
gw_pool_submit(struct gw_pool *p, struct gw_job *j)
{
	bool fits;

	pthread_mutex_lock(&p->lock);
	fits = p->todo.len < p->queue_max && p->thread_count > 0;
	if (fits) {
		push(&p->todo, j);
		pthread_cond_signal(&p->wanted);
	}
	pthread_mutex_unlock(&p->lock);
	return fits;
}

struct gw_job *
gw_pool_collect(struct gw_pool *p)
{
	struct gw_job *j;

	pthread_mutex_lock(&p->lock);
	j = pop(&p->done);
	pthread_mutex_unlock(&p->lock);
	return j;
}

void
gw_pool_status(struct gw_pool *p, struct gw_pool_status *out)
{
	pthread_mutex_lock(&p->lock);
	*out = (struct gw_pool_status){ .queue = p->todo.len,
					.queue_max = p->queue_max,
					.threads = p->thread_count,
					.busy = p->busy };
	pthread_mutex_unlock(&p->lock);
}

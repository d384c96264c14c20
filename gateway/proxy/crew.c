/* crew.c — see crew.h. */
#include "crew.h"
#include "gw/util.h"

#include <unistd.h>

#define WORKERS_MAX 256

static size_t
count_for(int64_t asked_for)
{
	int64_t n = asked_for > 0 ? asked_for : sysconf(_SC_NPROCESSORS_ONLN);

	return (size_t)GW_MIN(GW_MAX(n, 1), WORKERS_MAX);
}

void
gw_crew_init(struct gw_crew *c, struct gw_loop *loop, int64_t asked_for)
{
	*c = (struct gw_crew){ .loop = loop, .count = count_for(asked_for) };
	c->workers = gw_xcalloc(c->count, sizeof(*c->workers));
	gw_mailbox_init(&c->inbox);
}

enum gw_err
gw_crew_make(struct gw_crew *c, size_t worker, const struct gw_site *site,
	     SSL_CTX **ctxs)
{
	struct gw_worker *w = &c->workers[worker];

	w->control = &c->inbox;
	w->control_loop = c->loop;
	return gw_worker_init(w, (unsigned)worker, site, ctxs);
}

bool
gw_crew_start(struct gw_crew *c)
{
	for (size_t i = 0; i < c->count; i++) {
		if (!gw_worker_start(&c->workers[i]))
			return false;
		c->running++;
	}
	return true;
}

void
gw_crew_post(struct gw_crew *c, size_t worker, const struct gw_mail *m)
{
	struct gw_worker *w = &c->workers[worker];

	gw_mailbox_post(&w->inbox, w->loop, m);
}

void
gw_crew_post_all(struct gw_crew *c, const struct gw_mail *m)
{
	for (size_t i = 0; i < c->count; i++)
		gw_crew_post(c, i, m);
}

static void
end_worker(struct gw_crew *c, size_t i)
{
	struct gw_worker *w = &c->workers[i];

	if (w->is_running) {
		gw_crew_post(c, i, &(struct gw_mail){ .kind = GW_MAIL_STOP,
						      .fd = -1 });
		pthread_join(w->thread, NULL);
	}
	if (w->loop != NULL)
		gw_worker_clear(w);
}

void
gw_crew_clear(struct gw_crew *c)
{
	for (size_t i = 0; i < c->count; i++)
		end_worker(c, i);
	free(c->workers);
	gw_mailbox_clear(&c->inbox);
}

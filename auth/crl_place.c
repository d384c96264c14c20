/* crl_place.c — one place of lists: what of it takes the place of what was
 * there, and when it is fetched next. */
#include "crl_store_priv.h"
#include "gw/log.h"
#include "gw/util.h"

#define RETRY_MIN_MS 5000u
#define FETCH_MIN_MS 30000u             /* between two good ones */
#define RETRY_MAX_MS (300 * 1000)
#define WANTED_S     86400              /* renewed so long after the last use */
#define FILE_S       10                 /* an operator's file is looked at */
#define TIMER_MAX_MS (3600u * 1000)     /* the wall clock may be moved */

/* Outlives its place when that is dropped. */
struct load {
	struct gw_job job;
	struct place *place; /* NULL: dropped */
	struct gw_crl_load what;
	STACK_OF(X509) *issuers;
	struct gw_crl_held held;
	struct gw_error err;
	enum gw_err rc;
};

bool
gw_crl_place_is_current(const struct place *p, time_t now)
{
	const struct gw_crl *c = p->held.list.crl;

	return c != NULL && now < gw_crl_next_update(c);
}

/* ---- the next fetch */

static bool
is_wanted(const struct place *p, time_t now)
{
	return p->is_announced || now - p->used < WANTED_S;
}

static uint64_t
retry_ms(const struct place *p)
{
	unsigned n = GW_MIN(p->failures, 8u);

	return GW_MIN((uint64_t)RETRY_MIN_MS << n, (uint64_t)RETRY_MAX_MS);
}

/* In good time before the list ends, and never later than crl_refresh. */
static time_t
renew_at(const struct place *p, time_t now)
{
	const struct gw_crl *c = p->held.list.crl;
	time_t at = (p->fetched != 0 ? p->fetched : now) +
		    (time_t)(p->store->c.conf->crl_refresh_ms / 1000);
	time_t life;

	if (gw_place_is_file(p->name))
		at = now + FILE_S;
	if (c == NULL)
		return at;
	life = gw_crl_next_update(c) - gw_crl_this_update(c);
	return GW_MIN(at, gw_crl_next_update(c) - GW_MIN(life / 10, 600));
}

void
gw_crl_place_plan(struct place *p)
{
	struct gw_crl_store *s = p->store;
	time_t now = gw_crl_now(s), at;
	uint64_t ms;

	p->next_fetch = 0;
	if (!is_wanted(p, now) || p->doing != NOTHING)
		return;
	at = renew_at(p, now);
	ms = at > now ? (uint64_t)(at - now) * 1000 : 0;
	ms = GW_MAX(ms, gw_place_is_file(p->name) ? 1000u : FETCH_MIN_MS);
	if (p->failures > 0)
		ms = GW_MAX(GW_MIN(ms, retry_ms(p)), (uint64_t)RETRY_MIN_MS);
	p->next_fetch = now + (time_t)(ms / 1000);
	gw_timer_after(s->c.loop, &p->timer, GW_MIN(ms, TIMER_MAX_MS));
}

/* ---- the outcome */

static void
tell_all(struct place *p)
{
	struct waits list = LIST_HEAD_INITIALIZER(list);
	struct gw_crl_wait *w;

	while ((w = LIST_FIRST(&p->waits)) != NULL) {
		LIST_REMOVE(w, entry);
		LIST_INSERT_HEAD(&list, w, entry);
	}
	/* `p` may be gone from here on */
	while ((w = LIST_FIRST(&list)) != NULL) {
		LIST_REMOVE(w, entry);
		w->is_waiting = false;
		w->fn(w);
	}
}

void
gw_crl_place_settle(struct place *p)
{
	p->doing = NOTHING;
	gw_close(&p->new_fd);
	gw_crl_place_plan(p);
	tell_all(p);
}

void
gw_crl_place_fail(struct place *p, const char *why)
{
	gw_crl_file_remove_new(p);
	p->failed_ms = gw_loop_now_ms(p->store->c.loop);
	p->failures++;
	gw_format(p->why, sizeof(p->why), "%.180s", why);
	gw_event(GW_LOG_WARN, "crl-not-fetched", "place", p->name, "why",
		 p->why, NULL);
	gw_crl_place_settle(p);
}

/* NULL: it takes the place of what is here. */
static const char *
unfit(const struct place *p, const struct gw_crl_held *next)
{
	const struct gw_crl *old = p->held.list.crl;
	time_t latest = gw_crl_now(p->store) +
			(time_t)(p->store->c.conf->skew_ms / 1000);

	if (gw_crl_this_update(next->list.crl) > latest)
		return "a list of the future";
	if (old == NULL || !p->held.is_proven)
		return NULL;
	if (!next->is_proven)
		return "not signed by the CA whose list was here";
	if (gw_crl_this_update(next->list.crl) < gw_crl_this_update(old))
		return "older than the list that is here";
	/* a CA put back to an earlier state has forgotten who was revoked */
	if (gw_crl_place_is_current(p, gw_crl_now(p->store)) &&
	    gw_crl_list_precedes(&next->list, &p->held.list))
		return "its CRL number is lower than that of the list that "
		       "is here, which has not ended";
	return NULL;
}

static void
take(struct place *p, struct gw_crl_held *next)
{
	gw_crl_held_clear(&p->held);
	p->held = *next;
	*next = (struct gw_crl_held){ .map = NULL };
	p->store->generation++;
	p->failed_ms = 0;
	p->why[0] = '\0';
}

static bool
is_news(const struct place *p, const struct gw_crl_held *next)
{
	const struct gw_crl *old = p->held.list.crl;

	return old == NULL || gw_crl_this_update(next->list.crl) >
				      gw_crl_this_update(old);
}

static void
log_list(const struct place *p)
{
	const struct gw_crl *c = p->held.list.crl;

	gw_event(GW_LOG_INFO, "crl", "place", p->name, "entries",
		 GW_NUM(gw_crl_entries(c)), "this_update",
		 GW_NUM(gw_crl_this_update(c)), "next_update",
		 GW_NUM(gw_crl_next_update(c)), "signature",
		 p->held.is_proven ? "verified" : "at-use", NULL);
}

/* The file first: what memory has must be there after a restart. */
static void
publish(struct place *p, struct gw_crl_held *next)
{
	const char *why = unfit(p, next);
	bool news = is_news(p, next);

	if (why != NULL) {
		gw_crl_place_fail(p, why);
		return;
	}
	gw_crl_file_publish(p);
	p->fetched = gw_crl_now(p->store);
	take(p, next);
	/* a server late with the next list is asked less and less often */
	if (news || renew_at(p, p->fetched) > p->fetched)
		p->failures = 0;
	else
		p->failures++;
	if (news)
		log_list(p);
	if (news && p->held.is_proven && p->store->c.changed != NULL)
		p->store->c.changed(p->store->c.transport.ctx);
	gw_crl_place_settle(p);
}

/* ---- taking apart, beside the loop */

static void
work(struct gw_job *j)
{
	struct load *l = GW_CONTAINER(j, struct load, job);

	l->rc = gw_crl_load(&l->what, &l->held, &l->err);
}

static void
release(struct load *l)
{
	gw_crl_held_clear(&l->held);
	sk_X509_pop_free(l->issuers, X509_free);
	if (l->what.to != l->what.from)
		gw_close(&l->what.to);
	gw_close(&l->what.from);
	free(l);
}

static void
on_parsed(struct place *p, struct load *l)
{
	if (l->rc != GW_ERR_OK)
		gw_crl_place_fail(p, l->err.detail);
	else
		publish(p, &l->held);
}

/* What was kept serves at once when it is current; else it is the measure of
 * what comes. */
static void
on_read(struct place *p, struct load *l)
{
	p->doing = NOTHING;
	if (l->rc == GW_ERR_OK)
		take(p, &l->held);
	if (gw_crl_place_is_current(p, gw_crl_now(p->store)))
		gw_crl_place_settle(p);
	else
		gw_crl_fetch(p);
}

static void
done(struct gw_job *j)
{
	struct load *l = GW_CONTAINER(j, struct load, job);
	struct place *p = l->place;

	if (p != NULL) {
		p->load = NULL;
		if (p->doing == READING)
			on_read(p, l);
		else
			on_parsed(p, l);
	}
	release(l);
}

void
gw_crl_place_load(struct place *p, enum doing doing, int from, int to)
{
	struct load *l = gw_xcalloc(1, sizeof(*l));

	l->job.work = work;
	l->job.done = done;
	l->place = p;
	l->issuers = sk_X509_deep_copy(p->issuers, X509_dup, X509_free);
	gw_assert(l->issuers != NULL);
	l->what = (struct gw_crl_load){ .from = from, .to = to,
					.issuers = l->issuers };
	p->load = l;
	p->doing = doing;
	gw_offload_do(p->store->c.offload, &l->job);
}

void
gw_crl_place_unload(struct place *p)
{
	if (p->load != NULL)
		p->load->place = NULL;
	p->load = NULL;
}

/* ---- its time has come */

void
gw_crl_place_on_timer(struct gw_timer *t)
{
	struct place *p = GW_CONTAINER(t, struct place, timer);

	if (p->doing == FETCHING) {
		p->ask_id = 0;
		gw_crl_place_fail(p, "the directory did not answer in time");
	} else if (p->doing == NOTHING) {
		time_t now = gw_crl_now(p->store);

		if (p->next_fetch > now)
			gw_crl_place_plan(p);
		else if (is_wanted(p, now))
			gw_crl_fetch(p);
	}
}

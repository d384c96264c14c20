/* dcs_choice.c — one login's walk over the domain controllers; see dcs.h. */
#include "dcs_priv.h"
#include "gw/util.h"

#define WAIT_FOR_ONE_MS 800 /* a login when all are down */
#define EWMA_SHIFT      3

/* Smaller is better, digit by digit: may it be delegated to, is it up, the
 * administrator's order, how fast it is. */
static uint64_t
cost(const struct gw_dcs_entry *e)
{
	static const uint64_t by_state[] = {
		[GW_DC_UP] = 0, [GW_DC_NEW] = 1, [GW_DC_SUSPECT] = 2,
		[GW_DC_DOWN] = 3,
	};
	uint64_t load = e->latency_us * (1 + e->in_flight);

	return (uint64_t)(e->delegated == 0) << 62 |
	       by_state[e->state] << 60 |
	       (uint64_t)GW_MIN(e->priority, 0xfffu) << 48 |
	       GW_MIN(load, 0xffffffffffffULL);
}

static bool
is_choice(const struct gw_dcs_entry *e, const struct gw_dc_walk *w)
{
	return !e->is_gone && e->state != GW_DC_DOWN &&
	       (w->tried & 1ULL << e->dc.id) == 0;
}

static struct gw_dcs_entry *
best(struct gw_dcs *d, const struct gw_dc_walk *w, size_t *out_others)
{
	struct gw_dcs_entry *b = NULL;

	*out_others = 0;
	for (size_t i = 0; i < d->count; i++) {
		struct gw_dcs_entry *e = d->entries[i];

		if (!is_choice(e, w))
			continue;
		*out_others += b != NULL;
		if (b == NULL || cost(e) < cost(b))
			b = e;
	}
	return b;
}

static void
want_probes(struct gw_dcs *d)
{
	for (size_t i = 0; i < d->count; i++)
		d->entries[i]->probe_now = true;
	pthread_cond_broadcast(&d->changed);
}

/* Whether every DC has been probed since `since`. */
static bool
all_probed(const struct gw_dcs *d, const uint64_t since[GW_DCS_MAX], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!d->entries[i]->is_gone &&
		    d->entries[i]->probes == since[i])
			return false;
	return true;
}

/* A probe of all DCs, until one is a choice or all have answered. At the
 * start, when discovery has brought none yet, it waits for that too. */
static struct gw_dcs_entry *
wait_for_one(struct gw_dcs *d, const struct gw_dc_walk *w, uint64_t until_ms,
	     size_t *out_others)
{
	uint64_t since[GW_DCS_MAX];
	size_t n = d->count;
	struct gw_dcs_entry *e;

	for (size_t i = 0; i < n; i++)
		since[i] = d->entries[i]->probes;
	want_probes(d);
	do
		e = best(d, w, out_others);
	while (e == NULL && !d->stop &&
	       (n == 0 || !all_probed(d, since, n)) &&
	       gw_dcs_wait(d, until_ms));
	return e;
}

bool
gw_dcs_next(struct gw_dcs *d, struct gw_dc_walk *w, uint64_t deadline_ms,
	    struct gw_dc *out, bool *out_is_last)
{
	uint64_t until = gw_mono_ms() + WAIT_FOR_ONE_MS;
	struct gw_dcs_entry *e;
	size_t others;

	pthread_mutex_lock(&d->lock);
	e = best(d, w, &others);
	if (e == NULL && w->tried == 0 && !w->has_waited) {
		w->has_waited = true;
		e = wait_for_one(d, w, GW_MIN(until, deadline_ms), &others);
	}
	if (e != NULL) {
		e->in_flight++;
		w->tried |= 1ULL << e->dc.id;
		*out = e->dc;
		*out_is_last = others == 0;
	}
	pthread_mutex_unlock(&d->lock);
	return e != NULL;
}

static void
note_latency(struct gw_dcs_entry *e, uint64_t us)
{
	if (e->latency_us == 0)
		e->latency_us = us;
	else
		e->latency_us += (us >> EWMA_SHIFT) -
				 (e->latency_us >> EWMA_SHIFT);
}

void
gw_dcs_done(struct gw_dcs *d, uint32_t id, enum gw_dc_result result,
	    uint64_t took_us, const char *detail)
{
	struct gw_dcs_entry *e;

	pthread_mutex_lock(&d->lock);
	e = d->entries[id];
	e->in_flight--;
	e->logins += result == GW_DC_GOOD;
	e->failures += result != GW_DC_GOOD && result != GW_DC_CHECKED;
	if (result == GW_DC_GOOD)
		note_latency(e, took_us);
	if (result == GW_DC_UNREACHABLE || result == GW_DC_UNDELEGATED)
		gw_dc_set_error(e, detail);
	if (result == GW_DC_UNDELEGATED)
		e->delegated = 0;
	if (result == GW_DC_UNREACHABLE) {
		if (e->state != GW_DC_DOWN)
			gw_dc_set_state(e, GW_DC_SUSPECT);
		e->probe_now = true;
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
}

static bool
any_kdc(const struct gw_dcs *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (!d->entries[i]->is_gone && d->entries[i]->kdc_answers)
			return true;
	return false;
}

static void
ask_all(struct gw_dcs *d, uint64_t until_ms)
{
	uint64_t since[GW_DCS_MAX];
	size_t n = d->count;

	for (size_t i = 0; i < n; i++) {
		since[i] = d->entries[i]->probes;
		d->entries[i]->kdc_answers = false;
	}
	want_probes(d);
	while (!all_probed(d, since, n) && !d->stop &&
	       gw_dcs_wait(d, until_ms))
		;
}

bool
gw_dcs_has_kdc(struct gw_dcs *d, int ms)
{
	bool yes;

	pthread_mutex_lock(&d->lock);
	if (ms > 0)
		ask_all(d, gw_mono_ms() + (uint64_t)ms);
	yes = any_kdc(d);
	pthread_mutex_unlock(&d->lock);
	return yes;
}

/* dcs.c — see dcs.h. */
#include "dcs.h"
#include "gw/log.h"
#include "gw/util.h"
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#define PROBE_SOON_MS   500  /* while it is not up */
#define WAIT_FOR_ONE_MS 800  /* a login when all are down */
#define KDC_EVERY       6    /* probes of a DC that is up */
#define EWMA_SHIFT      3
#define STACK_SIZE      (256 * 1024)

struct entry {
	struct gw_dcs *dcs;
	pthread_t thread;
	bool has_thread;
	struct gw_dc dc;
	unsigned priority;
	bool is_gone;
	enum gw_dc_state state;
	bool kdc_answers;
	unsigned in_flight;
	uint64_t latency_us;  /* moving average */
	uint64_t logins, failures;
	uint64_t probes;      /* finished */
	bool probe_now;
	int delegated;        /* -1: unknown */
	bool has_skew;
	int64_t skew_ms;
	char last_error[GW_DETAIL_MAX];
};

struct gw_dcs {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a probe ended, or one is wanted */
	const struct gw_conf_directory *conf;
	const struct gw_krbconf *krb;
	struct entry *entries[GW_DCS_MAX]; /* id is the index */
	size_t count;
	bool stop;
};

static const char *const state_names[] = { "new", "up", "suspect", "down" };

/* ---- state; all with the lock held */

static void
set_error(struct entry *e, const char *detail)
{
	(void)gw_format(e->last_error, sizeof(e->last_error), "%.190s",
			detail);
}

static void
set_state(struct entry *e, enum gw_dc_state state)
{
	if (e->state == state)
		return;
	gw_event(state == GW_DC_UP ? GW_LOG_INFO : GW_LOG_WARN, "dc-state",
		 "dc", e->dc.name, "state", state_names[state], "was",
		 state_names[e->state], "detail",
		 state == GW_DC_UP ? NULL : e->last_error, NULL);
	e->state = state;
}

static void
note_latency(struct entry *e, uint64_t us)
{
	if (e->latency_us == 0)
		e->latency_us = us;
	else
		e->latency_us += (us >> EWMA_SHIFT) -
				 (e->latency_us >> EWMA_SHIFT);
}

static void
note_probe(struct entry *e, const struct gw_probe *p, enum gw_err rc,
	   const struct gw_error *err)
{
	e->probes++;
	if (p->has_skew) {
		e->has_skew = true;
		e->skew_ms = p->skew_ms;
	}
	if (p->asked_kdc)
		e->kdc_answers = p->kdc_answers;
	if (rc == GW_ERR_OK) {
		e->last_error[0] = '\0';
		if (e->logins == 0)
			e->latency_us = p->took_us;
		set_state(e, GW_DC_UP);
		return;
	}
	set_error(e, err->detail);
	set_state(e, GW_DC_DOWN);
}

/* ---- the probing thread of one DC */

static void
wait_until(struct gw_dcs *d, struct entry *e, uint64_t until_ms)
{
	struct timespec ts = { .tv_sec = (time_t)(until_ms / 1000),
			       .tv_nsec = (long)(until_ms % 1000) * 1000000 };
	int rc = 0;

	while (!d->stop && !e->probe_now && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&d->changed, &d->lock, &ts);
}

static uint64_t
next_probe_ms(const struct gw_dcs *d, const struct entry *e)
{
	int64_t ms = d->conf->probe_interval_ms;

	if (e->state != GW_DC_UP)
		ms = GW_MIN(ms, PROBE_SOON_MS);
	return gw_mono_ms() + (uint64_t)ms;
}

static void *
probe_thread(void *arg)
{
	struct entry *e = arg;
	struct gw_dcs *d = e->dcs;
	struct gw_prober *prober = gw_prober_new(d->krb, d->conf);
	struct gw_probe p;
	struct gw_error err;
	enum gw_err rc;

	pthread_mutex_lock(&d->lock);
	while (!d->stop) {
		struct gw_dc dc = e->dc;
		bool with_kdc = e->state != GW_DC_UP || e->probe_now ||
				e->probes % KDC_EVERY == 0;

		if (!e->is_gone) {
			e->probe_now = false;
			pthread_mutex_unlock(&d->lock);
			rc = gw_prober_run(prober, &dc, with_kdc, &p, &err);
			pthread_mutex_lock(&d->lock);
			note_probe(e, &p, rc, &err);
			pthread_cond_broadcast(&d->changed);
		}
		e->probe_now = e->probe_now && !e->is_gone;
		wait_until(d, e, next_probe_ms(d, e));
	}
	pthread_mutex_unlock(&d->lock);
	gw_prober_free(prober);
	return NULL;
}

static void
start_thread(struct entry *e)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	e->has_thread = pthread_create(&e->thread, &attr, probe_thread, e) ==
			0;
	pthread_attr_destroy(&attr);
	/* fail closed: never probed, never up, never preferred. */
	if (!e->has_thread)
		gw_event(GW_LOG_ERR, "dc-no-probe", "dc", e->dc.name, NULL);
}

/* ---- the table */

enum gw_err
gw_dcs_new(const struct gw_conf_directory *conf, const struct gw_krbconf *krb,
	   struct gw_dcs **out, struct gw_error *err)
{
	const struct gw_strlist *l = &conf->domain_controllers;
	struct gw_found_dc unused;
	pthread_condattr_t attr;
	struct gw_dcs *d;
	enum gw_err rc;

	for (size_t i = 0; i < l->n; i++)
		if ((rc = gw_dc_parse(l->v[i], &unused, err)) != GW_ERR_OK)
			return rc;
	if (l->n > GW_DCS_MAX)
		return gw_fail(err, GW_ERR_CONF,
			       "domain_controllers: more than %d",
			       GW_DCS_MAX);
	d = gw_xcalloc(1, sizeof(*d));
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->changed, &attr);
	pthread_condattr_destroy(&attr);
	d->conf = conf;
	d->krb = krb;
	*out = d;
	return GW_ERR_OK;
}

void
gw_dcs_free(struct gw_dcs *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	for (size_t i = 0; i < d->count; i++) {
		if (d->entries[i]->has_thread)
			pthread_join(d->entries[i]->thread, NULL);
		free(d->entries[i]);
	}
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static struct entry *
find(struct gw_dcs *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->entries[i]->dc.name, name) == 0)
			return d->entries[i];
	return NULL;
}

static struct entry *
add(struct gw_dcs *d, const struct gw_found_dc *f)
{
	struct entry *e;

	if (d->count == GW_DCS_MAX)
		return NULL;
	e = gw_xcalloc(1, sizeof(*e));
	e->dcs = d;
	e->dc.id = (uint32_t)d->count;
	e->dc.addr = f->addr;
	memcpy(e->dc.name, f->name, sizeof(e->dc.name));
	e->delegated = -1;
	d->entries[d->count++] = e;
	start_thread(e);
	return e;
}

void
gw_dcs_update(struct gw_dcs *d, const struct gw_found_dc *found, size_t count)
{
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->count; i++)
		d->entries[i]->is_gone = true;
	for (size_t i = 0; i < count; i++) {
		struct entry *e = find(d, found[i].name);

		if (e == NULL && (e = add(d, &found[i])) == NULL)
			continue;
		if (memcmp(&e->dc.addr, &found[i].addr,
			   sizeof(e->dc.addr)) != 0)
			e->probe_now = true;
		e->dc.addr = found[i].addr;
		e->priority = found[i].priority;
		e->is_gone = false;
	}
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

/* ---- choice */

/* Smaller is better, digit by digit: may it be delegated to, is it up, the
 * administrator's order, how fast it is. */
static uint64_t
cost(const struct entry *e)
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
is_choice(const struct entry *e, const struct gw_dc_walk *w)
{
	return !e->is_gone && e->state != GW_DC_DOWN &&
	       (w->tried & 1ULL << e->dc.id) == 0;
}

static struct entry *
best(struct gw_dcs *d, const struct gw_dc_walk *w, size_t *out_others)
{
	struct entry *b = NULL;

	*out_others = 0;
	for (size_t i = 0; i < d->count; i++) {
		struct entry *e = d->entries[i];

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

/* True when something changed before the time was over. */
static bool
wait_change(struct gw_dcs *d, uint64_t until_ms)
{
	struct timespec ts = { .tv_sec = (time_t)(until_ms / 1000),
			       .tv_nsec = (long)(until_ms % 1000) * 1000000 };

	return pthread_cond_timedwait(&d->changed, &d->lock, &ts) == 0;
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
static struct entry *
wait_for_one(struct gw_dcs *d, const struct gw_dc_walk *w, uint64_t until_ms,
	     size_t *out_others)
{
	uint64_t since[GW_DCS_MAX];
	size_t n = d->count;
	struct entry *e;

	for (size_t i = 0; i < n; i++)
		since[i] = d->entries[i]->probes;
	want_probes(d);
	do
		e = best(d, w, out_others);
	while (e == NULL && !d->stop &&
	       (n == 0 || !all_probed(d, since, n)) &&
	       wait_change(d, until_ms));
	return e;
}

bool
gw_dcs_next(struct gw_dcs *d, struct gw_dc_walk *w, uint64_t deadline_ms,
	    struct gw_dc *out, bool *out_is_last)
{
	uint64_t until = gw_mono_ms() + WAIT_FOR_ONE_MS;
	struct entry *e;
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

void
gw_dcs_done(struct gw_dcs *d, uint32_t id, enum gw_dc_result result,
	    uint64_t took_us, const char *detail)
{
	struct entry *e;

	pthread_mutex_lock(&d->lock);
	e = d->entries[id];
	e->in_flight--;
	e->logins += result == GW_DC_GOOD;
	e->failures += result != GW_DC_GOOD && result != GW_DC_CHECKED;
	if (result == GW_DC_GOOD)
		note_latency(e, took_us);
	if (result == GW_DC_UNREACHABLE || result == GW_DC_UNDELEGATED)
		set_error(e, detail);
	if (result == GW_DC_UNDELEGATED)
		e->delegated = 0;
	if (result == GW_DC_UNREACHABLE) {
		if (e->state != GW_DC_DOWN)
			set_state(e, GW_DC_SUSPECT);
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
	       wait_change(d, until_ms))
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

/* ---- delegation */

bool
gw_spns_have_ldap(char **spns, const char *host)
{
	for (size_t i = 0; spns != NULL && spns[i] != NULL; i++)
		if (strncasecmp(spns[i], "ldap/", 5) == 0 &&
		    strcasecmp(spns[i] + 5, host) == 0)
			return true;
	return false;
}

static void
set_delegated(struct entry *e, bool is_delegated)
{
	static const char cure[] =
		"ldap/%s is not in msDS-AllowedToDelegateTo: add it";

	if (!is_delegated && e->delegated != 0) {
		(void)gw_format(e->last_error, sizeof(e->last_error), cure,
				e->dc.name);
		gw_event(GW_LOG_WARN, "dc-not-delegated", "dc", e->dc.name,
			 "detail", e->last_error, NULL);
	}
	e->delegated = is_delegated;
}

void
gw_dcs_set_delegation(struct gw_dcs *d, char **spns)
{
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->count; i++)
		set_delegated(d->entries[i],
			      gw_spns_have_ldap(spns, d->entries[i]->dc.name));
	pthread_mutex_unlock(&d->lock);
}

bool
gw_dcs_has_undelegated(struct gw_dcs *d)
{
	bool yes = false;

	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->count; i++)
		yes |= !d->entries[i]->is_gone && d->entries[i]->delegated == 0;
	pthread_mutex_unlock(&d->lock);
	return yes;
}

/* ---- status */

static json_t *
row_of(const struct entry *e)
{
	char addr[INET6_ADDRSTRLEN];
	json_t *row;

	gw_addr_format(&e->dc.addr, addr);
	row = json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:I}",
			"name", e->dc.name, "address", addr,
			"state", state_names[e->state],
			"latency_us", (json_int_t)e->latency_us,
			"last_error", e->last_error,
			"logins", (json_int_t)e->logins,
			"failures", (json_int_t)e->failures);
	json_object_set_new(row, "delegated",
			    e->delegated < 0 ? json_null()
					     : json_boolean(e->delegated));
	json_object_set_new(row, "skew_ms",
			    e->has_skew ? json_integer(e->skew_ms)
					: json_null());
	return row;
}

json_t *
gw_dcs_row(struct gw_dcs *d, size_t i)
{
	json_t *row = NULL;

	pthread_mutex_lock(&d->lock);
	if (i < d->count)
		row = d->entries[i]->is_gone ? json_object()
					     : row_of(d->entries[i]);
	pthread_mutex_unlock(&d->lock);
	return row;
}

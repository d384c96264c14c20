/* dcs_probe.c — how each domain controller is, by a thread for each; see
 * dcs_priv.h. */
#include "dcs_priv.h"
#include "gw/log.h"
#include "gw/util.h"
#include "probe.h"

#define PROBE_SOON_MS 500 /* while it is not up */
#define KDC_EVERY     6   /* probes of a DC that is up */
#define STACK_SIZE    (256 * 1024)

const char *const gw_dc_state_names[] = { "new", "up", "suspect", "down" };

void
gw_dc_set_error(struct gw_dcs_entry *e, const char *detail)
{
	(void)gw_format(e->last_error, sizeof(e->last_error), "%.190s",
			detail);
}

void
gw_dc_set_state(struct gw_dcs_entry *e, enum gw_dc_state state)
{
	if (e->state == state)
		return;
	gw_event(state == GW_DC_UP ? GW_LOG_INFO : GW_LOG_WARN, "dc-state",
		 "dc", e->dc.name, "state", gw_dc_state_names[state], "was",
		 gw_dc_state_names[e->state], "detail",
		 state == GW_DC_UP ? NULL : e->last_error, NULL);
	e->state = state;
}

static void
note_probe(struct gw_dcs_entry *e, const struct gw_probe *p, enum gw_err rc,
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
		gw_dc_set_state(e, GW_DC_UP);
		return;
	}
	gw_dc_set_error(e, err->detail);
	gw_dc_set_state(e, GW_DC_DOWN);
}

bool
gw_dcs_wait(struct gw_dcs *d, uint64_t until_ms)
{
	struct timespec ts = { .tv_sec = (time_t)(until_ms / 1000),
			       .tv_nsec = (long)(until_ms % 1000) * 1000000 };

	return pthread_cond_timedwait(&d->changed, &d->lock, &ts) == 0;
}

static void
wait_until(struct gw_dcs *d, struct gw_dcs_entry *e, uint64_t until_ms)
{
	while (!d->stop && !e->probe_now && gw_dcs_wait(d, until_ms))
		;
}

static uint64_t
next_probe_ms(const struct gw_dcs *d, const struct gw_dcs_entry *e)
{
	int64_t ms = d->conf->probe_interval_ms;

	if (e->state != GW_DC_UP)
		ms = GW_MIN(ms, PROBE_SOON_MS);
	return gw_mono_ms() + (uint64_t)ms;
}

static void *
probe_thread(void *arg)
{
	struct gw_dcs_entry *e = arg;
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

void
gw_dc_start_probing(struct gw_dcs_entry *e)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	e->has_thread = pthread_create(&e->thread, &attr, probe_thread, e) ==
			0;
	pthread_attr_destroy(&attr);
	if (!e->has_thread)
		gw_event(GW_LOG_ERR, "dc-no-probe", "dc", e->dc.name, NULL);
}

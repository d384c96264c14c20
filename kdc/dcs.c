/* dcs.c — see dcs.h. */
#include "dcs_priv.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>

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

static struct gw_dcs_entry *
find(struct gw_dcs *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->entries[i]->dc.name, name) == 0)
			return d->entries[i];
	return NULL;
}

static struct gw_dcs_entry *
add(struct gw_dcs *d, const struct gw_found_dc *f)
{
	struct gw_dcs_entry *e;

	if (d->count == GW_DCS_MAX)
		return NULL;
	e = gw_xcalloc(1, sizeof(*e));
	e->dcs = d;
	e->dc.id = (uint32_t)d->count;
	e->dc.addr = f->addr;
	memcpy(e->dc.name, f->name, sizeof(e->dc.name));
	e->delegated = -1;
	d->entries[d->count++] = e;
	gw_dc_start_probing(e);
	return e;
}

void
gw_dcs_update(struct gw_dcs *d, const struct gw_found_dc *found, size_t count)
{
	pthread_mutex_lock(&d->lock);
	for (size_t i = 0; i < d->count; i++)
		d->entries[i]->is_gone = true;
	for (size_t i = 0; i < count; i++) {
		struct gw_dcs_entry *e = find(d, found[i].name);

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
set_delegated(struct gw_dcs_entry *e, bool is_delegated)
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
row_of(const struct gw_dcs_entry *e)
{
	char addr[INET6_ADDRSTRLEN];
	json_t *row;

	gw_addr_format(&e->dc.addr, addr);
	row = json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:I}",
			"name", e->dc.name, "address", addr,
			"state", gw_dc_state_names[e->state],
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

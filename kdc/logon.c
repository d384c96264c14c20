/* logon.c — see logon.h. */
#include "logon.h"
#include "gw/util.h"

#include <string.h>

#define LAST_PROBE_MS 700

/* ---- which failures another DC may mend, and which reason is told in the
 * end: the one with the highest rank */

static const struct failover {
	enum gw_err code;
	enum gw_dc_result result;
	unsigned rank;
	bool is_once; /* a second opinion, not a third */
} failovers[] = {
	{ GW_ERR_LDAP_UNREACHABLE,   GW_DC_UNREACHABLE, 1, false },
	{ GW_ERR_KDC_UNREACHABLE,    GW_DC_UNREACHABLE, 2, false },
	{ GW_ERR_KDC_CLOCK_SKEW,     GW_DC_ODD,         3, true },
	{ GW_ERR_MAP_NO_ACCOUNT,     GW_DC_ODD,         4, true },
	{ GW_ERR_ACCOUNT_UNKNOWN,    GW_DC_ODD,         5, true },
	{ GW_ERR_SERVICE_UNKNOWN,    GW_DC_UNDELEGATED, 6, false },
	{ GW_ERR_DELEGATION_MISSING, GW_DC_UNDELEGATED, 7, false },
};

static const struct failover *
find_failover(enum gw_err code)
{
	for (size_t i = 0; i < GW_COUNT(failovers); i++)
		if (failovers[i].code == code)
			return &failovers[i];
	return NULL;
}

/* What the attempt says about the DC. One that was cut short because the
 * login's own time was up says nothing. */
static enum gw_dc_result
blame(enum gw_err rc, uint64_t took_us, uint64_t deadline_ms)
{
	const struct failover *x = find_failover(rc);

	if (x == NULL)
		return GW_DC_GOOD;
	if (x->result == GW_DC_UNREACHABLE && gw_ms_left(deadline_ms) == 0 &&
	    took_us < GW_SILENT_MS * 1000 / 2)
		return GW_DC_CHECKED;
	return x->result;
}

static enum gw_err
attempt(struct gw_worker *w, const struct gw_logon *logon,
	const struct gw_dc *dc, const struct gw_limits *l,
	struct gw_facts *out, struct gw_logon_trace *trace,
	struct gw_error *err)
{
	uint64_t start = gw_mono_us(), took;
	enum gw_err rc;

	*err = (struct gw_error){ .code = GW_ERR_INTERNAL };
	trace->attempts++;
	memcpy(trace->dc, dc->name, sizeof(trace->dc));
	rc = gw_stages_run(w, logon, dc, l, out, trace, err);
	err->code = rc;
	took = gw_mono_us() - start;
	gw_dcs_done(gw_worker_shared(w)->dcs, dc->id,
		    blame(rc, took, l->deadline_ms), took, err->detail);
	return rc;
}

/* Silence of every LDAP service alone is another matter than silence of the
 * whole directory. */
static enum gw_err
name_silence(struct gw_dcs *dcs, enum gw_err rc, bool was_known,
	     struct gw_error *err)
{
	if (rc == GW_ERR_LDAP_UNREACHABLE &&
	    !gw_dcs_has_kdc(dcs, was_known ? 0 : LAST_PROBE_MS))
		err->code = rc = GW_ERR_KDC_UNREACHABLE;
	return rc;
}

/* All on one domain controller; when that one cannot, all again on the
 * next. */
enum gw_err
gw_logon_run(struct gw_worker *w, const struct gw_logon *logon,
	     uint64_t deadline_ms, struct gw_facts *out,
	     struct gw_logon_trace *trace, struct gw_error *err)
{
	const struct gw_shared *s = gw_worker_shared(w);
	struct gw_dc_walk walk = { .tried = 0 };
	struct gw_error e;
	const struct failover *x;
	unsigned rank = 0, once = 0;
	struct gw_dc dc;
	bool is_last;
	enum gw_err rc;

	*trace = (struct gw_logon_trace){ .stage = "dc" };
	(void)gw_fail(err, GW_ERR_LDAP_UNREACHABLE,
		      "no domain controller is known to be up");
	while (gw_ms_left(deadline_ms) > 0 &&
	       gw_dcs_next(s->dcs, &walk, deadline_ms, &dc, &is_last)) {
		struct gw_limits l = gw_limits_for(&s->conf->directory,
						   deadline_ms, is_last);

		rc = attempt(w, logon, &dc, &l, out, trace, &e);
		if (rc == GW_ERR_OK)
			return rc;
		x = find_failover(rc);
		if (x == NULL || x->rank > rank) {
			*err = e;
			rank = x != NULL ? x->rank : 0;
		}
		if (x == NULL || (x->is_once && once++ > 0))
			break;
	}
	return name_silence(s->dcs, err->code,
			    walk.tried == 0 || gw_ms_left(deadline_ms) == 0,
			    err);
}

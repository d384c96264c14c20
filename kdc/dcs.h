/* dcs.h — the domain controllers and how they are. Linked into gwd-kdc only.
 * Each has a thread that probes it from time to time, so that no login has
 * to find out the hard way. Thread safe.
 *
 * A DC is up, or suspect after something failed there, or down when a probe
 * failed too. Suspect and down ones are probed twice a second. */
#ifndef KDC_DCS_H
#define KDC_DCS_H

#include <jansson.h>

#include "discover.h"
#include "krbconf.h"

struct gw_dcs;

enum gw_dc_state { GW_DC_NEW, GW_DC_UP, GW_DC_SUSPECT, GW_DC_DOWN };

/* Both are borrowed. GW_ERR_CONF: a configured one is badly written. */
GW_MUST_CHECK enum gw_err gw_dcs_new(const struct gw_conf_directory *conf,
				     const struct gw_krbconf *krb,
				     struct gw_dcs **out,
				     struct gw_error *err);
/* Ends the probing threads. */
void gw_dcs_free(struct gw_dcs *d);

/* The DCs there are now: new ones get an entry and a probe, those gone are
 * not chosen any more. */
void gw_dcs_update(struct gw_dcs *d, const struct gw_found_dc *found,
		   size_t count);

/* ---- one login's walk over the DCs */

struct gw_dc_walk {
	uint64_t tried;   /* bits: ids */
	bool has_waited;  /* for a probe, when all were down */
};

/* The best DC not tried yet: up before suspect, one that may be delegated to
 * before one that may not, then by preference and by latency under the load
 * it has. When all are down it waits, once, up to a second for a probe to say
 * otherwise. False when there is none left.
 * *out_is_last: there is no other good one to go on with. */
bool gw_dcs_next(struct gw_dcs *d, struct gw_dc_walk *w, uint64_t deadline_ms,
		 struct gw_dc *out, bool *out_is_last);

enum gw_dc_result {
	GW_DC_GOOD,        /* did its part, whatever it said */
	GW_DC_UNREACHABLE,
	GW_DC_UNDELEGATED, /* its SPN is not in the delegation list */
	GW_DC_ODD,         /* answered, but another DC may know better */
	GW_DC_CHECKED,     /* no login: housekeeping went well, or is not to
			      blame this DC for */
};
/* Once for each DC a login was given by gw_dcs_next(). */
void gw_dcs_done(struct gw_dcs *d, uint32_t id, enum gw_dc_result result,
		 uint64_t took_us, const char *detail);

/* Whether a KDC answered: by what is known (ms 0), or by a fresh probe of
 * every DC, for up to `ms`. */
bool gw_dcs_has_kdc(struct gw_dcs *d, int ms);

/* ---- what the directory says: whether ldap/<name> is among these SPNs */
void gw_dcs_set_delegation(struct gw_dcs *d, char **spns);
/* Whether some DC is marked as not delegated to. */
bool gw_dcs_has_undelegated(struct gw_dcs *d);

/* One JSON object per DC, in order; NULL past the end. The caller owns it. */
json_t *gw_dcs_row(struct gw_dcs *d, size_t i);

/* Whether an SPN list holds ldap/<host> (MS-SFU 3.2.5.2.3: the text without
 * regard to case). Pure. */
bool gw_spns_have_ldap(char **spns, const char *host);

#endif

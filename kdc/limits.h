/* limits.h — how long the exchanges with one domain controller may take: each
 * step its own time, and never longer than what the login has left. Linked
 * into gwd-kdc only. */
#ifndef KDC_LIMITS_H
#define KDC_LIMITS_H

#include "gw/conf.h"

/* A DC that stays silent this long is left for another one, when there is
 * another: hanging ones are the rule in a fail-over, dead ones the
 * exception. The last one is given the configured times. */
#define GW_SILENT_MS 1000

struct gw_limits {
	int64_t connect_ms, kdc_ms, ldap_ms;
	uint64_t deadline_ms; /* monotonic: of the login */
};

struct gw_limits gw_limits_for(const struct gw_conf_directory *c,
			       uint64_t deadline_ms, bool is_last);
/* The earlier of now + step_ms and the deadline; may already have passed. */
uint64_t gw_limits_until(const struct gw_limits *l, int64_t step_ms);
/* Milliseconds until a deadline, 0 when it has passed; a minute at most. */
int gw_ms_left(uint64_t deadline_ms);

#endif

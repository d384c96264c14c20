/* limits.c — see limits.h. */
#include "limits.h"
#include "gw/util.h"

struct gw_limits
gw_limits_for(const struct gw_conf_directory *c, uint64_t deadline_ms,
	      bool is_last)
{
	struct gw_limits l = { .connect_ms = c->connect_timeout_ms,
			       .kdc_ms = c->kdc_timeout_ms,
			       .ldap_ms = c->ldap_timeout_ms,
			       .deadline_ms = deadline_ms };

	if (!is_last) {
		l.connect_ms = GW_MIN(l.connect_ms, GW_SILENT_MS);
		l.kdc_ms = GW_MIN(l.kdc_ms, GW_SILENT_MS);
		l.ldap_ms = GW_MIN(l.ldap_ms, GW_SILENT_MS);
	}
	return l;
}

uint64_t
gw_limits_until(const struct gw_limits *l, int64_t step_ms)
{
	uint64_t until = gw_mono_ms() + (uint64_t)step_ms;

	return GW_MIN(until, l->deadline_ms);
}

int
gw_ms_left(uint64_t deadline_ms)
{
	uint64_t now = gw_mono_ms();

	if (deadline_ms <= now)
		return 0;
	return (int)GW_MIN(deadline_ms - now, (uint64_t)60000);
}

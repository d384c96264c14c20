/* gateway/supervisor/reload.h — the configuration file read again while the
 * gateway runs. Linked into gwd only. The gateway's own certificates, keys and
 * staples are taken over, by a running gwd-proxy too; what else has changed
 * is told, for it needs a restart. Any fault, and all stays as it was. */
#ifndef GW_RELOAD_H
#define GW_RELOAD_H

#include "sup.h"

struct gw_reload {
	struct gw_strlist renewed;  /* listeners with new certificates */
	struct gw_strlist restart;  /* what a restart is needed for */
	struct gw_strlist warnings; /* as "line 12: …" */
};

/* Reads the file the gateway was started with. False: refused, `c` says why.
 * `out` is cleared by the caller in either case. */
GW_MUST_CHECK bool gw_reload_run(struct gw_sup *s, struct gw_reload *out,
				 struct gw_complaint *c);
void gw_reload_clear(struct gw_reload *r);

/* What differs between the two beyond certificates, in words. */
void gw_reload_compare(const struct gw_setup *now,
		       const struct gw_setup *fresh, struct gw_strlist *out);

#endif

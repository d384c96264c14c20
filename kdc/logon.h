/* logon.h — one login over as many domain controllers as it takes. Linked into
 * gwd-kdc only; runs in the pool's threads, each with a worker of its own. */
#ifndef KDC_LOGON_H
#define KDC_LOGON_H

#include "gw/proto.h"
#include "stages.h"

/* GW_ERR_OK with `out` (gw_facts_clear), or the reason. `trace` in any
 * case. */
GW_MUST_CHECK enum gw_err
gw_logon_run(struct gw_worker *w, const struct gw_logon *logon,
	     uint64_t deadline_ms, struct gw_facts *out,
	     struct gw_logon_trace *trace, struct gw_error *err);

#endif

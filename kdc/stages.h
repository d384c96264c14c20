/* stages.h — one login on one domain controller, stage by stage: map, self,
 * proxy, bind. Linked into gwd-kdc only. */
#ifndef KDC_STAGES_H
#define KDC_STAGES_H

#include "gw/proto.h"
#include "worker.h"

/* What there is to say about one login, for the log. */
struct gw_logon_trace {
	const char *stage; /* where it ended: "map", "self", … */
	char sam[GW_SAM_MAX], sid[GW_SID_MAX];
	enum gw_mapping mapping;
	char dc[GW_HOST_MAX];
	unsigned attempts; /* domain controllers asked */
	uint32_t map_us, self_us, proxy_us, bind_us;
	bool is_s4u;       /* the token holds S-1-18-2 */
};

/* GW_ERR_OK with `out` (gw_facts_clear), or the reason of the stage that
 * ended it. `trace` in any case. */
GW_MUST_CHECK enum gw_err
gw_stages_run(struct gw_worker *w, const struct gw_logon *logon,
	      const struct gw_dc *dc, const struct gw_limits *l,
	      struct gw_facts *out, struct gw_logon_trace *trace,
	      struct gw_error *err);

#endif

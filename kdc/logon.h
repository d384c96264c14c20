/* logon.h — one login, stage by stage. Linked into gwd-kdc only; runs in the
 * pool's threads, each with a worker of its own. */
#ifndef KDC_LOGON_H
#define KDC_LOGON_H

#include "dcs.h"
#include "gw/conf.h"
#include "gw/proto.h"
#include "service.h"

/* What all workers share; borrowed. */
struct gw_shared {
	const struct gw_conf *conf;
	struct gw_krbconf *krbconf;
	struct gw_service *service;
	struct gw_dcs *dcs;
};

/* One thread's own: Kerberos context, connections, cached names. */
struct gw_worker;
GW_MUST_CHECK enum gw_err gw_worker_new(const struct gw_shared *shared,
					struct gw_worker **out,
					struct gw_error *err);
void gw_worker_free(struct gw_worker *w);
struct gw_krb *gw_worker_krb(struct gw_worker *w);

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

/* GW_ERR_OK with `out` (gw_facts_clear), or the reason. `trace` in any
 * case. */
GW_MUST_CHECK enum gw_err
gw_logon_run(struct gw_worker *w, const struct gw_logon *logon,
	     uint64_t deadline_ms, struct gw_facts *out,
	     struct gw_logon_trace *trace, struct gw_error *err);

/* Reads what the directory says of the service account and tells `service`
 * and `dcs`. For the housekeeping thread. */
GW_MUST_CHECK enum gw_err gw_worker_check_service(struct gw_worker *w,
						  uint64_t deadline_ms,
						  struct gw_error *err);

#endif

/* auth/policy.h — who may come in. Linked into gwd-auth. Pure: no clock, no
 * I/O, no globals. gw_policy_decide() is the only function of the program
 * that returns GW_VERDICT_ALLOW. */
#ifndef GW_POLICY_H
#define GW_POLICY_H

#include "gw/conf.h"
#include "gw/error.h"
#include "gw/identity.h"
#include "gw/proto.h"

/* One door: a listener, or a route behind one. */
struct gw_policy {
	bool needs_account;      /* a directory must have named somebody */
	bool refuses_privileged;
	/* NULL or empty: none needed. From each list one group. */
	const struct gw_strlist *listener_groups, *route_groups;
};

void gw_policy_of(const struct gw_conf *c, const struct gw_conf_listener *l,
		  const struct gw_conf_route *route, struct gw_policy *out);

/* `facts`: NULL when nobody was looked up. On a denial `err` says why:
 * GW_ERR_POLICY_GROUP, GW_ERR_POLICY_DENIED, GW_ERR_INTERNAL. */
GW_MUST_CHECK enum gw_verdict gw_policy_decide(const struct gw_policy *p,
					       const struct gw_facts *facts,
					       struct gw_error *err);

/* Administrators and their like, by the account's own SID or its token. */
bool gw_facts_are_privileged(const struct gw_facts *f, const char **out_why);

#endif

/* policy.c — see policy.h. */
#include "policy.h"

#include <string.h>
#include <strings.h>

#define DOMAIN_PREFIX "S-1-5-21-"

void
gw_policy_of(const struct gw_conf *c, const struct gw_conf_listener *l,
	     const struct gw_conf_route *route, struct gw_policy *out)
{
	*out = (struct gw_policy){
		.needs_account = l->admission != GW_ADMIT_CERTIFICATE,
		.refuses_privileged =
			c->policy.privileged != GW_PRIVILEGED_ALLOW,
		.listener_groups = &l->require_group,
		.route_groups = route != NULL ? &route->require_group : NULL,
	};
}

/* ---- privileged accounts */

static bool
has_rid(uint32_t rid, const uint32_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == rid)
			return true;
	return false;
}

/* RIDs below 1000 mean the same in every domain, and Enterprise and Schema
 * Admins belong to the forest's root domain: so any domain counts, not only
 * the account's own (MS-DTYP 2.4.2.4). */
static bool
is_privileged_group(const char *sid)
{
	static const uint32_t rids[] = { 512, 516, 518, 519, 498, 521 };
	static const char *const builtin[] = {
		"S-1-5-32-544", "S-1-5-32-548", "S-1-5-32-549",
		"S-1-5-32-550", "S-1-5-32-551",
	};

	for (size_t i = 0; i < GW_COUNT(builtin); i++)
		if (strcmp(sid, builtin[i]) == 0)
			return true;
	return strncmp(sid, DOMAIN_PREFIX, sizeof(DOMAIN_PREFIX) - 1) == 0 &&
	       has_rid(gw_sid_rid(sid), rids, GW_COUNT(rids));
}

bool
gw_facts_are_privileged(const struct gw_facts *f, const char **out_why)
{
	static const uint32_t users[] = { 500, 502 };

	if (f->is_privileged) {
		*out_why = "marked so by the directory";
		return true;
	}
	if (has_rid(gw_sid_rid(f->sid), users, GW_COUNT(users))) {
		*out_why = f->sid;
		return true;
	}
	for (size_t i = 0; i < f->group_count; i++)
		if (is_privileged_group(f->groups[i].sid)) {
			*out_why = f->groups[i].sid;
			return true;
		}
	return false;
}

/* ---- groups */

/* By SID when it is one, else by name. An unresolved name ("") is nobody's. */
static bool
is_member(const struct gw_facts *f, const char *wanted)
{
	if (wanted[0] == '\0')
		return false;
	for (size_t i = 0; i < f->group_count; i++)
		if (strcasecmp(f->groups[i].sid, wanted) == 0 ||
		    (strncasecmp(wanted, "S-1-", 4) != 0 &&
		     strcasecmp(f->groups[i].name, wanted) == 0))
			return true;
	return false;
}

static bool
has_one_of(const struct gw_facts *f, const struct gw_strlist *groups,
	   struct gw_error *err)
{
	if (groups == NULL || groups->n == 0)
		return true;
	for (size_t i = 0; f != NULL && i < groups->n; i++)
		if (is_member(f, groups->v[i]))
			return true;
	gw_fail(err, GW_ERR_POLICY_GROUP, "needs %.100s%s", groups->v[0],
		groups->n > 1 ? " or another of the list" : "");
	return false;
}

enum gw_verdict
gw_policy_decide(const struct gw_policy *p, const struct gw_facts *facts,
		 struct gw_error *err)
{
	const char *why = "";

	/* fail closed: this door wants an account and has none. */
	if (p->needs_account && facts == NULL) {
		gw_fail(err, GW_ERR_INTERNAL, "no facts about the account");
		return GW_VERDICT_DENY;
	}
	if (p->refuses_privileged && facts != NULL &&
	    gw_facts_are_privileged(facts, &why)) {
		gw_fail(err, GW_ERR_POLICY_DENIED, "privileged: %.100s", why);
		return GW_VERDICT_DENY;
	}
	if (!has_one_of(facts, p->listener_groups, err) ||
	    !has_one_of(facts, p->route_groups, err))
		return GW_VERDICT_DENY;
	return GW_VERDICT_ALLOW;
}

/* verdict.c — see verdict.h. */
#include "verdict.h"
#include "policy.h"
#include "gw/util.h"

#include <string.h>

static bool
is_plain(const char *name)
{
	if (name[0] == '\0' || name[0] == ' ')
		return false;
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f ||
		    *name == ',' || *name == '"')
			return false;
	return true;
}

char *
gw_verdict_groups(const struct gw_facts *f)
{
	char *out = gw_xcalloc(GW_GROUPS_TEXT_MAX, 1), *fit;
	size_t len = 0;

	for (size_t i = 0; i < f->group_count; i++) {
		const struct gw_group *g = &f->groups[i];
		const char *s = is_plain(g->name) ? g->name : g->sid;
		size_t n = strlen(s);

		if (len + n + 2 > GW_GROUPS_TEXT_MAX)
			break;
		if (len > 0)
			out[len++] = ',';
		memcpy(out + len, s, n);
		len += n;
	}
	fit = gw_xstrndup(out, len);
	free(out);
	return fit;
}

/* Ours and the proxy's count of routes come from the same configuration. */
static void
decide_routes(const struct gw_conf *c, const struct gw_conf_listener *l,
	      const struct gw_facts *facts, struct gw_verdict_msg *out)
{
	for (size_t i = 0; i < c->route_count; i++) {
		struct gw_policy p;
		struct gw_error why;

		if (strcmp(c->routes[i].listener, l->title) != 0 ||
		    out->route_count >= GW_ROUTES_MAX)
			continue;
		gw_policy_of(c, l, &c->routes[i], &p);
		out->routes[out->route_count++] =
			(uint8_t)gw_policy_decide(&p, facts, &why);
	}
}

enum gw_err
gw_verdict_make(const struct gw_conf *c, const struct gw_conf_listener *l,
		const struct gw_facts *facts, struct gw_verdict_msg *out,
		struct gw_error *err)
{
	struct gw_verdict_msg v = { .verdict = GW_VERDICT_DENY };
	struct gw_policy p;

	gw_policy_of(c, l, NULL, &p);
	err->code = GW_ERR_INTERNAL; /* fail closed: denied without a reason */
	v.verdict = gw_policy_decide(&p, facts, err);
	if (v.verdict != GW_VERDICT_ALLOW)
		return err->code;
	err->code = GW_ERR_OK;
	v.reason = GW_ERR_OK;
	decide_routes(c, l, facts, &v);
	if (facts != NULL) {
		v.has_account = true;
		memcpy(v.sam, facts->sam, sizeof(v.sam));
		memcpy(v.upn, facts->upn, sizeof(v.upn));
		memcpy(v.sid, facts->sid, sizeof(v.sid));
		v.mapping = facts->mapping;
		v.groups = gw_verdict_groups(facts);
	}
	*out = v;
	return GW_ERR_OK;
}

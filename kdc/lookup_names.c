/* lookup_names.c — the names of groups; see lookup.h. */
#include "filter.h"
#include "lookup.h"
#include "gw/util.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_AT_ONCE 128

/* Only these have an object with a name in the domain. */
static bool
may_have_name(const char *sid)
{
	return strncmp(sid, "S-1-5-21-", 9) == 0 ||
	       strncmp(sid, "S-1-5-32-", 9) == 0;
}

static void
learn_names(LDAP *ld, LDAPMessage *res, struct gw_names *cache, uint64_t now)
{
	char sid[GW_SID_MAX], name[GW_NAME_MAX];

	for (LDAPMessage *e = ldap_first_entry(ld, res); e != NULL;
	     e = ldap_next_entry(ld, e))
		if (gw_ldap_sid(ld, e, "objectSid", sid) &&
		    gw_ldap_text(ld, e, "sAMAccountName", name, sizeof(name)))
			gw_names_put(cache, sid, name, now);
}

static bool
is_wanted(const struct gw_names *cache, const char *sid, uint64_t now)
{
	return may_have_name(sid) && gw_names_get(cache, sid, now) == NULL;
}

/* A filter for up to NAMES_AT_ONCE unknown names from `*i` on; how many. */
static size_t
names_filter(struct gw_filter *f, const struct gw_names *cache,
	     const struct gw_token *t, size_t *i, uint64_t now)
{
	size_t n = 0;

	gw_filter_raw(f, "(|");
	for (; *i < t->count && n < NAMES_AT_ONCE; ++*i) {
		if (!is_wanted(cache, t->sids[*i].sid, now))
			continue;
		gw_filter_equal_str(f, "objectSid", t->sids[*i].sid);
		n++;
	}
	gw_filter_raw(f, ")");
	return n;
}

static enum gw_err
fetch_names(const struct gw_lookup *q, struct gw_names *cache,
	    const struct gw_token *t, size_t *i, struct gw_error *err)
{
	static const char *const attrs[] = { "objectSid", "sAMAccountName",
					     NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	struct gw_filter f = { .text = NULL };
	struct gw_search s = { .base = q->conn->tree.domain_dn,
			       .scope = LDAP_SCOPE_SUBTREE, .attrs = attrs };
	uint64_t now = gw_mono_ms();
	enum gw_err rc = GW_ERR_OK;
	size_t first = *i;

	if (names_filter(&f, cache, t, i, now) > 0) {
		s.filter = gw_filter_text(&f);
		rc = gw_ldap_search(q->conn->ld, &s, q->limits, &res, err);
	}
	gw_filter_clear(&f);
	if (rc != GW_ERR_OK || res == NULL)
		return rc;
	for (size_t k = first; k < *i; k++) /* no answer: no name */
		if (is_wanted(cache, t->sids[k].sid, now))
			gw_names_put(cache, t->sids[k].sid, "", now);
	learn_names(q->conn->ld, res, cache, now);
	return GW_ERR_OK;
}

enum gw_err
gw_lookup_names(const struct gw_lookup *q, struct gw_names *cache,
		struct gw_token *t, struct gw_error *err)
{
	for (size_t i = 0; i < t->count; ) {
		enum gw_err rc = fetch_names(q, cache, t, &i, err);

		if (rc != GW_ERR_OK)
			return rc;
	}
	for (size_t i = 0; i < t->count; i++) {
		const char *name = gw_names_get(cache, t->sids[i].sid,
						gw_mono_ms());

		if (name == NULL)
			continue;
		free(t->sids[i].name);
		t->sids[i].name = gw_xstrdup(name);
	}
	return GW_ERR_OK;
}

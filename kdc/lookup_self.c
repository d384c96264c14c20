/* lookup_self.c — who is bound; see lookup.h. */
#include "entry.h"
#include "lookup.h"
#include "gw/util.h"

#include <stdlib.h>

void
gw_token_clear(struct gw_token *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->sids[i].sid);
		free(t->sids[i].name);
	}
	free(t->sids);
	*t = (struct gw_token){ .sids = NULL };
}

/* fail closed: a SID that cannot be read makes the whole token unreadable. */
static bool
read_token(LDAP *ld, LDAPMessage *res, struct gw_token *out)
{
	LDAPMessage *e = ldap_first_entry(ld, res);
	struct berval **v = e != NULL ? gw_ldap_values(ld, e, "tokenGroups")
				      : NULL;
	char sid[GW_SID_MAX];
	bool ok = v != NULL;
	size_t n = 0;

	while (ok && v[n] != NULL)
		n++;
	ok = ok && n <= GW_GROUPS_MAX + 1;
	if (ok)
		out->sids = gw_xcalloc(n, sizeof(*out->sids));
	for (size_t i = 0; ok && i < n; i++) {
		ok = gw_sid_from_binary((const uint8_t *)v[i]->bv_val,
					v[i]->bv_len, sid);
		if (!ok)
			break;
		out->sids[out->count].sid = gw_xstrdup(sid);
		out->sids[out->count++].name = gw_xstrdup("");
	}
	ldap_value_free_len(v);
	return ok && n > 0;
}

static enum gw_err
ask_self(LDAP *ld, const char *dn, const struct gw_limits *l, int *out_token,
	 int *out_entry, struct gw_error *err)
{
	static const char *const token_attrs[] = { "tokenGroups", NULL };
	const struct gw_search token = { .base = "", .scope = LDAP_SCOPE_BASE,
					 .filter = "(objectClass=*)",
					 .attrs = token_attrs };
	const struct gw_search entry = { .base = dn, .scope = LDAP_SCOPE_BASE,
					 .filter = "(objectClass=*)",
					 .attrs = gw_entry_account_attrs };
	enum gw_err rc = gw_ldap_ask(ld, &token, l, out_token, err);

	return rc != GW_ERR_OK ? rc : gw_ldap_ask(ld, &entry, l, out_entry,
						  err);
}

enum gw_err
gw_lookup_self(LDAP *ld, const char *dn, const struct gw_limits *l,
	       struct gw_token *out, struct gw_account *out_account,
	       struct gw_error *err)
{
	gw_auto(ldap_msgfree) LDAPMessage *token = NULL, *entry = NULL;
	int token_id = 0, entry_id = 0;
	enum gw_err rc = ask_self(ld, dn, l, &token_id, &entry_id, err);
	LDAPMessage *e;

	if (rc == GW_ERR_OK)
		rc = gw_ldap_answer(ld, token_id, l, &token, err);
	if (rc == GW_ERR_OK)
		rc = gw_ldap_answer(ld, entry_id, l, &entry, err);
	if (rc != GW_ERR_OK)
		return rc;
	if (!read_token(ld, token, out))
		return gw_fail(err, GW_ERR_LDAP_IDENTITY_MISMATCH,
			       "rootDSE tells no usable tokenGroups");
	e = ldap_first_entry(ld, entry);
	if (e == NULL || !gw_entry_account(ld, e, out_account))
		return gw_fail(err, GW_ERR_ACCOUNT_UNKNOWN,
			       "the user cannot read their own entry");
	return GW_ERR_OK;
}

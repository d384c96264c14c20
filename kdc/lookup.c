/* lookup.c — where things are in the directory, and the service account; see
 * lookup.h. */
#include "lookup.h"
#include "entry.h"
#include "filter.h"

#include <string.h>
#include <time.h>

enum gw_err
gw_lookup_tree(LDAP *ld, const struct gw_limits *l, struct gw_tree *out,
	       struct gw_error *err)
{
	static const char *const attrs[] = { "defaultNamingContext",
					     "configurationNamingContext",
					     NULL };
	const struct gw_search s = { .base = "", .scope = LDAP_SCOPE_BASE,
				     .filter = "(objectClass=*)",
				     .attrs = attrs };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	enum gw_err rc = gw_ldap_search(ld, &s, l, &res, err);
	LDAPMessage *e;

	if (rc != GW_ERR_OK)
		return rc;
	e = ldap_first_entry(ld, res);
	if (e == NULL ||
	    !gw_ldap_text(ld, e, attrs[0], out->domain_dn, GW_DN_MAX) ||
	    !gw_ldap_text(ld, e, attrs[1], out->config_dn, GW_DN_MAX))
		return gw_fail(err, GW_ERR_LDAP_UNREACHABLE,
			       "rootDSE without naming contexts");
	return GW_ERR_OK;
}

static size_t
count_strings(char **list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static void
read_service(LDAP *ld, LDAPMessage *e, struct gw_service_view *v,
	     char ***out_spns)
{
	struct berval **spn = gw_ldap_values(ld, e, "servicePrincipalName");
	uint32_t uac = 0;

	v->is_known = gw_entry_uint(ld, e, "userAccountControl", &uac);
	v->any_protocol = (uac & GW_UAC_TRUSTED_TO_AUTH) != 0;
	v->is_sensitive = (uac & GW_UAC_NOT_DELEGATED) != 0;
	v->has_spn = spn != NULL;
	v->enctypes = -1;
	(void)gw_ldap_int(ld, e, "msDS-SupportedEncryptionTypes",
			  &v->enctypes);
	*out_spns = gw_entry_strings(ld, e, "msDS-AllowedToDelegateTo");
	v->delegation_count = count_strings(*out_spns);
	v->checked_at = time(NULL);
	ldap_value_free_len(spn);
}

enum gw_err
gw_lookup_service(const struct gw_lookup *q, struct gw_service_view *out,
		  char ***out_spns, struct gw_error *err)
{
	static const char *const attrs[] = {
		"userAccountControl", "servicePrincipalName",
		"msDS-SupportedEncryptionTypes", "msDS-AllowedToDelegateTo",
		NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	struct gw_filter f = { .text = NULL };
	struct gw_search s = { .base = q->conn->tree.domain_dn,
			       .scope = LDAP_SCOPE_SUBTREE, .attrs = attrs,
			       .size_limit = 2 };
	LDAP *ld = q->conn->ld;
	LDAPMessage *e;
	enum gw_err rc;

	gw_filter_raw(&f, "(&(objectClass=user)");
	gw_filter_equal_str(&f, "sAMAccountName",
			    q->conf->directory.service_account);
	gw_filter_raw(&f, ")");
	s.filter = gw_filter_text(&f);
	rc = gw_ldap_search(ld, &s, q->limits, &res, err);
	gw_filter_clear(&f);
	if (rc != GW_ERR_OK)
		return rc;
	e = ldap_first_entry(ld, res);
	if (e == NULL)
		return gw_fail(err, GW_ERR_SERVICE_ACCOUNT,
			       "%.100s is not found in the directory",
			       q->conf->directory.service_account);
	memset(out, 0, sizeof(*out));
	read_service(ld, e, out, out_spns);
	return GW_ERR_OK;
}

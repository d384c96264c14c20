/* entry.c — see entry.h. */
#include "entry.h"
#include "gw/util.h"

#include <stdlib.h>
#include <string.h>

const char *const gw_entry_account_attrs[] = {
	"objectSid", "sAMAccountName", "userPrincipalName", "displayName",
	"mail", "objectClass", "userAccountControl",
	"msDS-User-Account-Control-Computed", "accountExpires", "lockoutTime",
	"logonHours", "pwdLastSet", "adminCount", "altSecurityIdentities",
	"whenCreated", NULL,
};

bool
gw_entry_uint(LDAP *ld, LDAPMessage *e, const char *attr, uint32_t *out)
{
	int64_t n;

	if (!gw_ldap_int(ld, e, attr, &n))
		return false;
	*out = (uint32_t)n; /* signed 32 bit in the directory */
	return true;
}

static bool
read_hours(LDAP *ld, LDAPMessage *e, uint8_t out[GW_LOGON_HOURS])
{
	struct berval **v = gw_ldap_values(ld, e, "logonHours");
	bool has = v != NULL && v[0] != NULL;

	/* fail closed: hours of another length allow none. */
	if (has && v[0]->bv_len == GW_LOGON_HOURS)
		memcpy(out, v[0]->bv_val, GW_LOGON_HOURS);
	ldap_value_free_len(v);
	return has;
}

static int64_t
read_created(LDAP *ld, LDAPMessage *e)
{
	char when[32];

	return gw_ldap_text(ld, e, "whenCreated", when, sizeof(when))
		       ? gw_account_time(when) : 0;
}

bool
gw_entry_account(LDAP *ld, LDAPMessage *e, struct gw_account *a)
{
	char *dn = ldap_get_dn(ld, e);
	bool ok = dn != NULL && gw_copy(a->dn, sizeof(a->dn), dn);

	ldap_memfree(dn);
	if (!ok || !gw_ldap_sid(ld, e, "objectSid", a->sid) ||
	    !gw_ldap_text(ld, e, "sAMAccountName", a->sam, GW_SAM_MAX) ||
	    a->sam[0] == '\0')
		return false;
	(void)gw_ldap_text(ld, e, "userPrincipalName", a->upn, GW_UPN_MAX);
	(void)gw_ldap_text(ld, e, "displayName", a->display_name,
			   GW_NAME_MAX);
	(void)gw_ldap_text(ld, e, "mail", a->mail, GW_NAME_MAX);
	a->is_computer = gw_ldap_has_value(ld, e, "objectClass", "computer");
	a->has_uac = gw_entry_uint(ld, e, "userAccountControl", &a->uac);
	a->has_computed = gw_entry_uint(ld, e,
					"msDS-User-Account-Control-Computed",
					&a->computed);
	(void)gw_ldap_int(ld, e, "accountExpires", &a->expires);
	(void)gw_ldap_int(ld, e, "lockoutTime", &a->lockout_time);
	(void)gw_ldap_int(ld, e, "adminCount", &a->admin_count);
	a->has_pwd_last_set = gw_ldap_int(ld, e, "pwdLastSet",
					  &a->pwd_last_set);
	a->has_hours = read_hours(ld, e, a->hours);
	a->created = read_created(ld, e);
	return true;
}

static char **
copy_values(struct berval **v)
{
	size_t n = 0, k = 0;
	char **list;

	while (v != NULL && v[n] != NULL)
		n++;
	list = gw_xcalloc(n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		if (memchr(v[i]->bv_val, '\0', v[i]->bv_len) == NULL)
			list[k++] = gw_xstrndup(v[i]->bv_val, v[i]->bv_len);
	return list;
}

void
gw_strings_free(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

char **
gw_entry_strings(LDAP *ld, LDAPMessage *e, const char *attr)
{
	struct berval **v = e != NULL ? gw_ldap_values(ld, e, attr) : NULL;
	char **list = copy_values(v);

	ldap_value_free_len(v);
	return list;
}

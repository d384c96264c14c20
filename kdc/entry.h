/* entry.h — what an entry of the directory says: an account, lists of strings.
 * Linked into gwd-kdc only. */
#ifndef KDC_ENTRY_H
#define KDC_ENTRY_H

#include "account.h"
#include "ldapx.h"

/* What gw_entry_account() reads; ended by NULL. */
extern const char *const gw_entry_account_attrs[];

/* False: no account, for it lacks name, SID or sAMAccountName. `out` begins
 * zeroed. */
GW_MUST_CHECK bool gw_entry_account(LDAP *ld, LDAPMessage *e,
				    struct gw_account *out);
/* False when absent or no number: then `*out` is untouched. */
bool gw_entry_uint(LDAP *ld, LDAPMessage *e, const char *attr, uint32_t *out);
/* All values but those with a NUL in them; ended by NULL, freed with
 * gw_strings_free(). `e` may be NULL: none. */
char **gw_entry_strings(LDAP *ld, LDAPMessage *e, const char *attr);
void gw_strings_free(char **list);

#endif

/* ldapurl.h — the URL of a revocation list in Active Directory (RFC 4516).
 * Linked into gwd-kdc only. Pure.
 *
 * It comes out of a certificate, so it gets to name little: one object by its
 * DN, one of the attributes that hold revocation lists, and no host: the
 * domain controller in use answers. */
#ifndef KDC_LDAPURL_H
#define KDC_LDAPURL_H

#include "gw/error.h"
#include "gw/identity.h"
#include "gw/proto.h"

struct gw_ldap_url {
	char dn[GW_DN_MAX];           /* decoded, not empty, no NUL */
	const char *attr;             /* one of three; without ";binary" */
	char filter[GW_LDAP_URL_MAX]; /* as text; never empty */
};

/* ldap:///DN?attribute[;binary][?base[?filter]], visible ASCII.
 * REVOCATION_UNAVAILABLE with what is wrong with it. */
GW_MUST_CHECK enum gw_err gw_ldap_url_parse(const char *s,
					    struct gw_ldap_url *out,
					    struct gw_error *err);

#endif

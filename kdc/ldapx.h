/* ldapx.h — LDAP with deadlines, over a connection we made ourselves, to the
 * one DC we meant. Linked into gwd-kdc only. Sealed by SASL GSSAPI on port
 * 389: satisfies LDAPServerIntegrity, and channel binding is TLS's concern.
 * Never follows a referral, never resolves a name. */
#ifndef KDC_LDAPX_H
#define KDC_LDAPX_H

#include <ldap.h>

#include "krb.h"

#define GW_LDAP_MESSAGE_MAX (16u << 20) /* bytes of one entry, and more */
#define GW_SSF_MIN 128 /* AES; what DES and RC4 give is refused */

/* Once, in main, while there is one thread. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_ldap_global_init(struct gw_error *err);

void gw_ldap_close(LDAP *ld); /* NULL is fine */
GW_DEFINE_CLEANUP(LDAP *, gw_ldap_close)
GW_DEFINE_CLEANUP(LDAPMessage *, ldap_msgfree)

/* Connected, anonymous; `ahead` as for gw_dial(). GW_ERR_LDAP_UNREACHABLE. */
GW_MUST_CHECK enum gw_err gw_ldap_open(const struct gw_dc *dc,
				       const struct gw_limits *l, int ahead,
				       LDAP **out, struct gw_error *err);

/* Binds with this credential and no other, sealed. LDAP_UNREACHABLE,
 * LDAP_BIND_REFUSED. */
GW_MUST_CHECK enum gw_err gw_ldap_bind(LDAP *ld, const struct gw_cred *cred,
				       const struct gw_limits *l,
				       struct gw_error *err);

/* Starts a search; more than one may be under way. LDAP_UNREACHABLE,
 * LDAP_BIND_REFUSED. */
struct gw_search {
	const char *base;
	int scope;
	const char *filter;
	const char *const *attrs; /* ended by NULL */
	int size_limit;           /* 0: the server's */
};
GW_MUST_CHECK enum gw_err gw_ldap_ask(LDAP *ld, const struct gw_search *s,
				      const struct gw_limits *l, int *out_id,
				      struct gw_error *err);
/* All of its entries. LDAP_UNREACHABLE: no answer in time or connection
 * lost; MAP_AMBIGUOUS: over the size limit; LDAP_BIND_REFUSED: the server
 * refuses the search. *out is freed with ldap_msgfree(). */
GW_MUST_CHECK enum gw_err gw_ldap_answer(LDAP *ld, int id,
					 const struct gw_limits *l,
					 LDAPMessage **out,
					 struct gw_error *err);
/* Both in one, with the errors of both. */
GW_MUST_CHECK enum gw_err gw_ldap_search(LDAP *ld, const struct gw_search *s,
					 const struct gw_limits *l,
					 LDAPMessage **out,
					 struct gw_error *err);

/* ---- values of an entry; false when absent, malformed or too long */
bool gw_ldap_text(LDAP *ld, LDAPMessage *entry, const char *attr, char *out,
		  size_t cap);
bool gw_ldap_int(LDAP *ld, LDAPMessage *entry, const char *attr,
		 int64_t *out);
bool gw_ldap_sid(LDAP *ld, LDAPMessage *entry, const char *attr,
		 char out[GW_SID_MAX]);
/* Whether one of the values equals `s`, ASCII letters without case. */
bool gw_ldap_has_value(LDAP *ld, LDAPMessage *entry, const char *attr,
		       const char *s);
/* All values; freed with ldap_value_free_len(). NULL when there are none. */
struct berval **gw_ldap_values(LDAP *ld, LDAPMessage *entry,
			       const char *attr);

#endif

/* lookup.h — questions to the directory. Linked into gwd-kdc only. Filters
 * are built by filter.h, nothing is found by text put together. */
#ifndef KDC_LOOKUP_H
#define KDC_LOOKUP_H

#include "ldapx.h"
#include "mapping.h"
#include "names.h"
#include "service.h"

/* Where things are in this DC's directory. */
struct gw_tree {
	char domain_dn[GW_DN_MAX];
	char config_dn[GW_DN_MAX];
};

/* A connection bound as the service account. */
struct gw_service_conn {
	LDAP *ld;
	struct gw_tree tree;
};
/* LDAP_UNREACHABLE: also when the DC does not say. */
GW_MUST_CHECK enum gw_err gw_lookup_tree(LDAP *ld, const struct gw_limits *l,
					 struct gw_tree *out,
					 struct gw_error *err);

/* The one account the claims name, or that the KDC named by its SID
 * (`kdc_sid`, else NULL) if the claims do not speak against it; the UPN's
 * suffix must be the domain's, configured, or on the forest's list. MAP_*,
 * LDAP_UNREACHABLE. */
struct gw_lookup {
	const struct gw_conf *conf;
	struct gw_service *service;
	const struct gw_service_conn *conn;
	const struct gw_limits *limits;
};
GW_MUST_CHECK enum gw_err gw_lookup_account(const struct gw_lookup *q,
					    const struct gw_claims *claims,
					    const char *kdc_sid,
					    struct gw_account *out,
					    enum gw_mapping *out_how,
					    struct gw_error *err);

/* What the directory says of the service account and of the SPNs it may
 * delegate to: strings ended by NULL, freed with gw_strings_free().
 * SERVICE_ACCOUNT: it is not there; those of gw_ldap_search(). */
GW_MUST_CHECK enum gw_err gw_lookup_service(const struct gw_lookup *q,
					    struct gw_service_view *out,
					    char ***out_spns,
					    struct gw_error *err);

/* Who is bound here, by the DC's own account of the token: its SIDs, the
 * user's own first. *out is heap, names empty. At most GW_GROUPS_MAX + 1. */
struct gw_token {
	struct gw_group *sids;
	size_t count;
};
void gw_token_clear(struct gw_token *t);

/* The token and the bound user's own entry, asked for at once.
 * ACCOUNT_UNKNOWN, LDAP_IDENTITY_MISMATCH; those of gw_ldap_search(). */
GW_MUST_CHECK enum gw_err gw_lookup_self(LDAP *ld, const char *dn,
					 const struct gw_limits *l,
					 struct gw_token *out,
					 struct gw_account *out_account,
					 struct gw_error *err);

/* Fills in the names of the token's SIDs that have one. Those of
 * gw_ldap_search(). */
GW_MUST_CHECK enum gw_err gw_lookup_names(const struct gw_lookup *q,
					  struct gw_names *cache,
					  struct gw_token *t,
					  struct gw_error *err);

#endif

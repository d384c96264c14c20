/* mapping.h — which account a certificate's claims name (KB5014754). Linked
 * into gwd-kdc only. Pure: it judges what the search brought. */
#ifndef KDC_MAPPING_H
#define KDC_MAPPING_H

#include "account.h"
#include "gw/conf.h"

#define GW_CANDIDATES_MAX 16

/* An account one of the claims matches, and which ones; by_kdc: the one the
 * KDC has named. */
struct gw_candidate {
	struct gw_account account;
	bool by_sid, by_upn, by_strong, by_weak, by_kdc;
};

/* Claims must be well formed and name something: MAP_MALFORMED, MAP_NO_UPN.
 * auth has looked already; this process keeps the keytab and looks again. */
GW_MUST_CHECK enum gw_err gw_claims_check(const struct gw_claims *c,
					  struct gw_error *err);

/* The part after the '@' of a valid UPN. Borrowed. */
const char *gw_upn_suffix(const char *upn);

/* The one account, its place in *out and how it was found. GW_ERR_OK, or
 * MAP_NO_ACCOUNT, MAP_AMBIGUOUS, MAP_SID_MISMATCH, MAP_WEAK. */
GW_MUST_CHECK enum gw_err
gw_mapping_decide(const struct gw_claims *claims, enum gw_strong strong,
		  const struct gw_candidate *c, size_t n, size_t *out,
		  enum gw_mapping *out_how, struct gw_error *err);

/* The same when the KDC has mapped the certificate to the account whose SID is
 * `kdc_sid`: that account, unless anything the certificate says speaks
 * against it, or nothing but a weak mapping for it where a strong one is
 * wanted. The KDC's word alone is weak: why it gave it is not known. The same
 * errors. */
GW_MUST_CHECK enum gw_err
gw_mapping_confirm(const struct gw_claims *claims, enum gw_strong strong,
		   const char *kdc_sid, const struct gw_candidate *c,
		   size_t n, size_t *out, enum gw_mapping *out_how,
		   struct gw_error *err);

#endif

/* auth/crl_priv.h — one revocation list from the inside, for its parts alone:
 * crl.c reads the frame, crl_entries.c the entries, and crl_view.c shows the
 * list to libcrypto. */
#ifndef GW_CRL_PRIV_H
#define GW_CRL_PRIV_H

#include "cert.h"
#include "crl.h"
#include "der.h"

struct gw_crl {
	const uint8_t *der; /* borrowed, as all that points into it */
	size_t len;
	struct gw_der tbs, tbs_body; /* the signed bytes, their contents */
	struct gw_der cut;           /* the SEQUENCE of entries as a whole,
					empty when there is none */
	struct gw_der entries_der;   /* its contents */
	X509_ALGOR *alg;
	ASN1_BIT_STRING *signature;
	X509_CRL *view;
	X509_REVOKED *found;   /* of the last look-up by libcrypto */
	EVP_PKEY *verified_by; /* a key its signature has passed with */
	time_t this_update, next_update;
	uint32_t *slots; /* offset into der + 1, or 0 */
	size_t slot_mask, entries;
	uint64_t seed;
};

/* GW_ERR_REVOCATION_MALFORMED, always. */
enum gw_err gw_crl_malformed(struct gw_error *err, const char *what);

/* Makes the table. GW_ERR_REVOCATION_MALFORMED. */
GW_MUST_CHECK enum gw_err gw_crl_entries_index(struct gw_crl *c,
					       struct gw_error *err);
/* The entry with this serial number, the octets of its INTEGER; false: it is
 * not listed. `out_whole` is empty when it cannot be read. */
GW_MUST_CHECK bool gw_crl_entry_find(const struct gw_crl *c,
				     struct gw_der serial,
				     struct gw_der *out_whole);

/* Makes `c->view`. GW_ERR_REVOCATION_MALFORMED. */
GW_MUST_CHECK enum gw_err gw_crl_view_make(struct gw_crl *c,
					   struct gw_error *err);

#endif

/* auth/ntauth.h — the CAs that the directory allows to issue cards for logon:
 * NTAuthCertificates, as gwd-kdc last read it. Linked into gwd-auth (gwcert).
 * Pure. */
#ifndef GW_NTAUTH_H
#define GW_NTAUTH_H

#include "cert.h"
#include "gw/proto.h"

/* All zero: not known yet, which is not the same as empty; both admit
 * nobody. */
struct gw_ntauth {
	bool is_known;
	uint8_t (*v)[GW_SHA256]; /* heap */
	size_t n;
};

/* Replaces what was known. */
void gw_ntauth_set(struct gw_ntauth *t, const struct gw_ntauth_msg *m);
/* Whether that is what is known already. */
bool gw_ntauth_is(const struct gw_ntauth *t, const struct gw_ntauth_msg *m);
void gw_ntauth_clear(struct gw_ntauth *t);

/* Whether the certificate with this SHA-256 is in it; false while it is not
 * known. */
bool gw_ntauth_has(const struct gw_ntauth *t,
		   const uint8_t sha256[GW_SHA256]);

/* Whether this CA may issue cards: CERT_NTAUTH, or KDC_UNAVAILABLE while it is
 * not known who may. */
GW_MUST_CHECK enum gw_err gw_ntauth_check(const struct gw_ntauth *t,
					  const X509 *ca,
					  struct gw_error *err);

#endif

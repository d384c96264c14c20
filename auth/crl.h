/* crl.h — certificate revocation lists (RFC 5280, 5) of any size. Part of
 * gwcert: linked into gwd-auth and gwctl. No I/O, no clock of its own.
 *
 * A list is parsed once, off the path of any login. Its DER is kept (it may
 * be a mapped file) with a table of 4-byte offsets beside it, half full at
 * most: memory is the DER plus 8 to 16 bytes an entry, and a look-up touches
 * a constant number of entries. A parsed list never changes; a newer one
 * takes its place. */
#ifndef GW_CRL_H
#define GW_CRL_H

#include <openssl/x509.h>

#include "gw/error.h"

#define GW_CRL_BYTES_MAX   (256u << 20)
#define GW_CRL_ENTRIES_MAX 8000000u

struct gw_crl;

/* Parses `der`, which stays the caller's and must outlive the list.
 * Refused as GW_ERR_REVOCATION_MALFORMED: what is not DER, version other
 * than 2, inner and outer algorithms that differ, an unknown critical
 * extension, an indirect list or entry (certificateIssuer), a list limited
 * to attribute certificates, contradictory scopes, an entry twice with
 * different fates, more than the limits above. */
GW_MUST_CHECK enum gw_err gw_crl_parse(const uint8_t *der, size_t len,
				       struct gw_crl **out,
				       struct gw_error *err);
void gw_crl_free(struct gw_crl *c);

/* Whether `issuer`, taken from a verified chain, signed it: names equal, key
 * usage cRLSign, signature good. GW_ERR_REVOCATION_SIGNER. */
GW_MUST_CHECK enum gw_err gw_crl_verify(const struct gw_crl *c, X509 *issuer,
					struct gw_error *err);

/* Whether it may be used at `now`: thisUpdate not in the future beyond
 * `skew_s`, nextUpdate there and not past by more than `skew_s`.
 * GW_ERR_REVOCATION_STALE. */
GW_MUST_CHECK enum gw_err gw_crl_is_current(const struct gw_crl *c, time_t now,
					    int64_t skew_s,
					    struct gw_error *err);

/* Whether the list speaks about `cert` at all: its issuer, the kind of
 * certificate its scope names, and a distribution point they share
 * (RFC 5280, 6.3.3 b). GW_ERR_REVOCATION_UNAVAILABLE when not. */
GW_MUST_CHECK enum gw_err gw_crl_covers(const struct gw_crl *c, X509 *cert,
					struct gw_error *err);

struct gw_crl_entry {
	bool is_listed;
	bool is_removed; /* delta: removeFromCRL */
	int reason;      /* CRLReason, RFC 5280 5.3.1; 0 unspecified */
	time_t when;
};

/* One serial number, as the content octets of its INTEGER. GW_ERR_OK, or
 * _MALFORMED when the entry found cannot be read (then it is revoked for all
 * we know, and `out` says so). */
GW_MUST_CHECK enum gw_err gw_crl_look_up(const struct gw_crl *c,
					 const uint8_t *serial, size_t len,
					 struct gw_crl_entry *out,
					 struct gw_error *err);

/* A complete list and, if there is one, its delta (RFC 5280, 5.2.4): both
 * verified and current already. GW_ERR_CERT_REVOKED with reason and time, or
 * GW_ERR_OK. */
GW_MUST_CHECK enum gw_err gw_crl_judge(const struct gw_crl *base,
				       const struct gw_crl *delta, X509 *cert,
				       struct gw_error *err);

/* Whether `delta` may be combined with `base`: same issuer and scope, and
 * its base number not above the complete list's own. */
bool gw_crl_fits(const struct gw_crl *base, const struct gw_crl *delta);

time_t gw_crl_this_update(const struct gw_crl *c);
time_t gw_crl_next_update(const struct gw_crl *c); /* 0: none given */
bool   gw_crl_is_delta(const struct gw_crl *c);
size_t gw_crl_entries(const struct gw_crl *c);
size_t gw_crl_memory(const struct gw_crl *c); /* bytes besides the DER */

#endif

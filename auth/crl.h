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
 * than 2, no nextUpdate, inner and outer algorithms that differ, an extension
 * twice or critical and unknown, be it of any entry, an indirect list, a list
 * limited to attribute certificates, contradictory scopes, a serial number
 * twice, more than the limits above. */
GW_MUST_CHECK enum gw_err gw_crl_parse(const uint8_t *der, size_t len,
				       struct gw_crl **out,
				       struct gw_error *err);
void gw_crl_free(struct gw_crl *c);

/* The list as libcrypto sees it: the same frame without its entries, whose
 * signature check and look-up by serial number lead back to `c`. So path
 * validation, scopes, deltas and CRL issuers' own paths are libcrypto's
 * (RFC 5280, 6.3), and the memory is ours. Owned by `c`. Single-threaded, as
 * libcrypto's default method for new lists is process-wide. */
X509_CRL *gw_crl_get0_x509(struct gw_crl *c);

time_t gw_crl_this_update(const struct gw_crl *c);
time_t gw_crl_next_update(const struct gw_crl *c); /* 0: none given */
size_t gw_crl_entries(const struct gw_crl *c);
size_t gw_crl_memory(const struct gw_crl *c); /* bytes besides the DER */

#endif

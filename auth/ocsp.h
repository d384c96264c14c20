/* auth/ocsp.h — revocation by OCSP (RFC 6960). Linked into gwd-auth (gwcert).
 * Does no I/O and reads no clock: the caller moves the bytes and says what
 * time it is; this module builds requests and judges answers. The issuer is
 * always the one of the verified path, never one found by name. */
#ifndef GW_OCSP_H
#define GW_OCSP_H

#include "cert.h"
#include "gw/conf.h"

#define GW_OCSP_BYTES_MAX 65536 /* of one answer */
#define GW_OCSP_URLS_MAX  8
#define GW_URL_MAX        512

struct gw_ocsp_urls {
	char v[GW_OCSP_URLS_MAX][GW_URL_MAX];
	size_t n;
};

/* Where to ask about `leaf`, in order, each once: http URLs of its authority
 * information access, then the registered one; with GW_OCSP_OVERRIDE the
 * registered one alone. `registered` may be "". */
void gw_ocsp_urls(const X509 *leaf, const char *registered,
		  enum gw_ocsp_mode mode, struct gw_ocsp_urls *out);

/* A request about one certificate: SHA-1 CertID, which is what responders
 * know, and no nonce. Heap, free(); NULL when it cannot be built. */
uint8_t *gw_ocsp_request(X509 *leaf, X509 *issuer, size_t *out_len)
	GW_MUST_CHECK;

struct gw_ocsp_rules {
	int64_t skew_s;    /* how far the responder's clock may be off */
	int64_t max_age_s; /* oldest thisUpdate */
};

struct gw_ocsp_status {
	time_t produced_at, this_update;
	time_t next_update; /* 0: none, newer answers are always available */
};

/* Judges one DER answer about `leaf`, whose issuer in the verified path is
 * `issuer`, at time `now`. GW_ERR_OK means good; `*out` is set only then.
 * GW_ERR_CERT_REVOKED, REVOCATION_UNKNOWN, _STALE, _SIGNER, _MALFORMED, or
 * _UNAVAILABLE when the responder says it cannot answer. */
GW_MUST_CHECK enum gw_err gw_ocsp_judge(X509 *leaf, X509 *issuer,
					const uint8_t *der, size_t len,
					const struct gw_ocsp_rules *rules,
					time_t now, struct gw_ocsp_status *out,
					struct gw_error *err);

#endif

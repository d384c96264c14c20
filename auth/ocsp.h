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

/* How a question is put. The nonce (RFC 8954) is the caller's randomness;
 * with nonce_len 0 there is none. */
#define GW_OCSP_NONCE 32
struct gw_ocsp_question {
	enum gw_ocsp_hash hash; /* of the CertID; SHA-1 is what most know */
	uint8_t nonce[GW_OCSP_NONCE];
	size_t nonce_len;
};

/* A request about one certificate. Heap, free(); NULL when it cannot be
 * built. */
uint8_t *gw_ocsp_request(X509 *leaf, X509 *issuer,
			 const struct gw_ocsp_question *q, size_t *out_len)
	GW_MUST_CHECK;

/* The request as a URL to GET (RFC 6960, A.1). False when it would be longer
 * than the 255 bytes allowed there. */
#define GW_OCSP_GET_MAX 256
GW_MUST_CHECK bool gw_ocsp_get_url(const char *url, const uint8_t *der,
				   size_t len, char out[GW_OCSP_GET_MAX]);

/* The responder says that it does not take such a request (malformedRequest,
 * unauthorized), as Microsoft's does of a nonce: put otherwise, it may. */
bool gw_ocsp_refuses(const uint8_t *der, size_t len);

struct gw_ocsp_rules {
	int64_t skew_s;    /* how far the responder's clock may be off */
	int64_t max_age_s; /* oldest thisUpdate */
};

struct gw_ocsp_status {
	time_t produced_at, this_update;
	time_t next_update; /* 0: none, newer answers are always available */
	/* Good only if this certificate, the responder's, is not revoked
	 * itself (4.2.2.2.1); NULL: nothing is left to check. */
	X509 *responder; /* the caller's, X509_free() */
};

/* Judges one DER answer to `q` about `leaf`, whose issuer in the verified
 * path is `issuer`, at time `now`. The nonce that was sent must come back.
 * GW_ERR_OK means good; `*out` is set then and with GW_ERR_CERT_REVOKED, else
 * REVOCATION_UNKNOWN, _STALE, _SIGNER, _MALFORMED, or
 * _UNAVAILABLE when the responder says it cannot answer. */
GW_MUST_CHECK enum gw_err gw_ocsp_judge(X509 *leaf, X509 *issuer,
					const uint8_t *der, size_t len,
					const struct gw_ocsp_question *q,
					const struct gw_ocsp_rules *rules,
					time_t now, struct gw_ocsp_status *out,
					struct gw_error *err);

#endif

/* auth/revocation.h — does this certificate still stand? Responders in turn,
 * answers kept, one question at a time per certificate. Linked into gwd-auth.
 * Bytes are moved by a transport and judged by ocsp.h. Hard fail: no answer is
 * no admission.
 *
 * An entry is named by the digest of the CA's name and key and the serial
 * number, which is all that OCSP speaks about. */
#ifndef GW_REVOCATION_H
#define GW_REVOCATION_H

#include <sys/queue.h>

#include "cert.h"
#include "fetch.h"
#include "gw/conf.h"
#include "gw/loop.h"
#include "ocsp.h"

#define GW_REVOCATION_ENTRIES 65536 /* answers kept; the oldest go first */
#define GW_REVOCATION_FLIGHTS 512   /* questions under way at once */
#define GW_RESPONDERS_MAX     256   /* of which statistics are kept */

struct gw_revocation;

/* How questions travel; the tests have their own. */
struct gw_transport {
	void *ctx;
	struct gw_fetch *(*start)(void *ctx, const char *url,
				  struct gw_der body, uint64_t timeout_ms,
				  gw_fetch_fn *fn, void *arg);
	void (*cancel)(struct gw_fetch *f);
	time_t (*clock)(void *ctx);
};

struct gw_revocation *gw_revocation_new(struct gw_loop *l,
					const struct gw_conf_revocation *conf,
					const struct gw_transport *t);
void gw_revocation_free(struct gw_revocation *r); /* waiters: never told */

struct gw_revocation_result {
	enum gw_err code;             /* GW_ERR_OK: good */
	char detail[GW_DETAIL_MAX];   /* each URL and why, on failure */
	char source[GW_URL_MAX];      /* "cached" or the URL that answered */
};

/* Embedded by whoever waits. */
struct gw_revocation_wait {
	void (*fn)(struct gw_revocation_wait *w,
		   const struct gw_revocation_result *r);
	LIST_ENTRY(gw_revocation_wait) entry;
	bool is_waiting;
};

void gw_revocation_key(const X509 *leaf, const X509 *issuer,
		       uint8_t out[GW_HASH]);

/* A good answer that may still be used. */
bool gw_revocation_is_fresh(struct gw_revocation *r,
			    const uint8_t key[GW_HASH]);

/* True: `*out` is the result, now. False: `w->fn` will be told, never inside
 * this call. `leaf` and `issuer` are borrowed for the call. */
bool gw_revocation_ask(struct gw_revocation *r, X509 *leaf, X509 *issuer,
		       const struct gw_conf_ca *ca,
		       struct gw_revocation_wait *w,
		       struct gw_revocation_result *out);
void gw_revocation_forget(struct gw_revocation_wait *w); /* not waiting: fine */

struct gw_responder {
	char url[GW_URL_MAX];
	uint64_t asked, failed;
	uint64_t latency_us; /* of the last answer */
	time_t last_ok;      /* 0: never */
	bool is_failing;     /* the last question failed */
	char last_error[GW_DETAIL_MAX];
};
/* Registered responders are listed before they are asked. */
void gw_revocation_announce(struct gw_revocation *r, const char *url);
const struct gw_responder *gw_revocation_responder(
	const struct gw_revocation *r, size_t i); /* NULL past the last */

struct gw_revocation_counts {
	size_t answers, flights;
};
struct gw_revocation_counts gw_revocation_count(const struct gw_revocation *r);

#endif

/* auth/revocation.h — does this certificate still stand? OCSP responders and
 * revocation lists in turn, answers kept, one question at a time per
 * certificate. Linked into gwd-auth. Bytes are moved by a transport and
 * judged by ocsp.h and crls.h.
 *
 * The ladder: what the CA's section names, in its order, each source until
 * one has an answer. `Good` and `revoked` are answers and `revoked` is final;
 * nothing else is. Without an answer nobody is admitted, unless the CA's
 * section grants grace, which prolongs the last good answer for a while. Once
 * an authority has said `revoked`, only a newer answer takes it back
 * (revoked.h).
 *
 * An answer is named by the digest of the CA's name and key and the serial
 * number, which is all that OCSP and CRLs speak about, and of the section it
 * was asked under. */
#ifndef GW_REVOCATION_H
#define GW_REVOCATION_H

#include <sys/queue.h>

#include "chain.h"
#include "crl_store.h"
#include "fetch.h"
#include "gw/conf.h"
#include "gw/loop.h"
#include "kept.h"
#include "ocsp.h"

#define GW_REVOCATION_ENTRIES 65536 /* answers kept; the oldest go first */
#define GW_REVOCATION_FLIGHTS 4096  /* questions under way at once; of which
				       one server's: share.h */
#define GW_REVOCATION_WAITERS 2048  /* for the answer to one of them */
#define GW_RESPONDERS_MAX     256   /* of which statistics are kept */

struct gw_revocation;

/* How questions travel; the tests have their own. */
struct gw_transport {
	void *ctx;
	struct gw_fetch *(*start)(void *ctx, const struct gw_fetch_ask *ask,
				  gw_fetch_fn *fn, void *arg);
	void (*cancel)(struct gw_fetch *f);
	time_t (*clock)(void *ctx);
};

/* `lists` and `kept` are borrowed; `kept` may be NULL: nothing outlives the
 * process. */
struct gw_revocation *gw_revocation_new(struct gw_loop *l,
					const struct gw_conf_revocation *conf,
					const struct gw_transport *t,
					struct gw_crl_store *lists,
					struct gw_kept *kept);
void gw_revocation_free(struct gw_revocation *r); /* waiters: never told */

/* Takes up what was answered before the restart, from `kept`. Once, before
 * anybody asks. */
void gw_revocation_recall(struct gw_revocation *r);

struct gw_revocation_result {
	enum gw_err code;             /* GW_ERR_OK: good */
	char detail[GW_DETAIL_MAX];   /* each source and why, on failure */
	char source[GW_URL_MAX];      /* "cached" or what answered */
	time_t fresh_until;           /* good answers; 0: not kept */
};

/* Embedded by whoever waits. */
struct gw_revocation_wait {
	void (*fn)(struct gw_revocation_wait *w,
		   const struct gw_revocation_result *r);
	LIST_ENTRY(gw_revocation_wait) entry;
	bool is_waiting;
};

/* One certificate of a verified path, never its end. Borrowed for the call;
 * path->ca for as long as the process lives. */
struct gw_revocation_about {
	const struct gw_path *path;
	int depth;              /* 0: the leaf */
	STACK_OF(X509) *given;  /* what the client sent: CRL issuers, maybe */
	bool is_anew;           /* ask, whatever is kept */
	bool is_dry;            /* keep no answer: only tried out */
	bool is_responder;      /* of an answer: who speaks about it must not
				   need to be asked about in turn */
};

/* Answers are the section's: what one was content with is not enough for
 * another. */
void gw_revocation_key(const X509 *leaf, const X509 *issuer,
		       const struct gw_conf_ca *ca, uint8_t out[GW_HASH]);

/* A good answer that may still be used. */
bool gw_revocation_is_fresh(struct gw_revocation *r,
			    const uint8_t key[GW_HASH]);

/* True: `*out` is the result, now. False: `w->fn` will be told, never inside
 * this call. */
bool gw_revocation_ask(struct gw_revocation *r,
		       const struct gw_revocation_about *about,
		       struct gw_revocation_wait *w,
		       struct gw_revocation_result *out);
void gw_revocation_forget(struct gw_revocation_wait *w); /* not waiting: fine */

/* Settings have changed: what was answered under others does not count. */
void gw_revocation_flush(struct gw_revocation *r);

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

/* The answers kept, oldest first, `max` at most; `serial` is "" for one that
 * was read from disk. */
struct gw_revocation_kept {
	const char *serial; /* borrowed */
	time_t good_until;
	bool is_fresh, is_from_list, is_asked; /* is_asked: under way */
};
void gw_revocation_each(const struct gw_revocation *r, size_t max,
			void (*fn)(void *arg,
				   const struct gw_revocation_kept *k),
			void *arg);

struct gw_revocation_counts {
	size_t answers, flights, revoked; /* revoked: remembered */
	uint64_t asked, from_cache, by_grace; /* since the start */
	time_t first_end; /* of the fresh answers kept; 0: none */
};
struct gw_revocation_counts gw_revocation_count(const struct gw_revocation *r);

#endif

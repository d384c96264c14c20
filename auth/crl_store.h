/* auth/crl_store.h — revocation lists at hand: fetched from http URLs, the
 * directory or files, kept on disk, renewed in the background. Linked into
 * gwd-auth. Decides nothing: crls.h judges what is here.
 *
 * One list per place (URL or file name). A new list takes the old one's place
 * at once and as a whole; it must be no older, and once a list was shown to
 * be signed by the CA it is expected from, only such a list replaces it. So
 * whoever sits on the way to a server can withhold lists but neither swap nor
 * rewind them. Memory: the lists' bytes are mapped files, 8 to 16 bytes an
 * entry are not (crl.h); conf->crl_max lists at most. */
#ifndef GW_CRL_STORE_H
#define GW_CRL_STORE_H

#include <sys/queue.h>

#include "crl_load.h"
#include "distribution.h"
#include "fetch.h"
#include "offload.h"

struct gw_crl_store;

/* How lists travel; the tests have their own. */
struct gw_crl_transport {
	void *ctx;
	/* As gw_fetch_start(), by GET. */
	struct gw_fetch *(*http)(void *ctx, const char *url, int fd,
				 size_t max, uint64_t timeout_ms,
				 gw_fetch_fn *fn, void *arg);
	void (*cancel)(struct gw_fetch *f);
	/* Asks the directory; gw_crl_store_arrived() answers, later. False:
	 * not now. */
	bool (*ldap)(void *ctx, uint64_t id, const char *url,
		     uint64_t timeout_ms);
	time_t (*clock)(void *ctx);
};

struct gw_crl_store_conf {
	struct gw_loop *loop;
	struct gw_offload *offload;
	const struct gw_conf_revocation *conf;
	const char *dir;     /* of ours alone; exists */
	const char *crl_dir; /* the operators'; "": files are refused */
	struct gw_crl_transport transport;
	/* A newer list is here; never inside a call. */
	void (*changed)(void *ctx); /* transport.ctx; or NULL */
};

struct gw_crl_store *gw_crl_store_new(const struct gw_crl_store_conf *c);
void gw_crl_store_free(struct gw_crl_store *s); /* waiters: never told */

/* Embedded by whoever waits. */
struct gw_crl_wait {
	void (*fn)(struct gw_crl_wait *w);
	LIST_ENTRY(gw_crl_wait) entry;
	bool is_waiting;
};

/* True: there is nothing to wait for, gw_crl_store_get() tells what is here.
 * False: `w->fn` will be told when that has changed. `issuer`: whose list is
 * expected there. */
bool gw_crl_store_ask(struct gw_crl_store *s, const char *place, X509 *issuer,
		      struct gw_crl_wait *w);
void gw_crl_store_forget(struct gw_crl_wait *w); /* not waiting: fine */

/* Current or not; NULL: none. Borrowed until the loop's next turn. */
const struct gw_crl_list *gw_crl_store_get(const struct gw_crl_store *s,
					   const char *place);
/* Why there is none, or no newer one; "" when all is well. */
const char *gw_crl_store_why(const struct gw_crl_store *s, const char *place);

/* To be had before somebody asks, and kept new from now on. */
void gw_crl_store_announce(struct gw_crl_store *s, const char *place,
			   X509 *issuer);

/* What the directory answered to question `id`. Takes `fd`, which is there
 * when `why` is NULL. */
void gw_crl_store_arrived(struct gw_crl_store *s, uint64_t id,
			  const char *why, int fd);

/* Changes whenever any list does: what was concluded from lists is to be
 * concluded anew. */
uint64_t gw_crl_store_generation(const struct gw_crl_store *s);

struct gw_crl_info {
	const char *place; /* borrowed */
	bool is_here, is_proven, is_delta;
	size_t entries, bytes, memory;
	time_t this_update, next_update, fetched; /* 0: none */
	time_t next_fetch;                        /* 0: none planned */
	const char *why;
};
/* False past the last. */
bool gw_crl_store_info(const struct gw_crl_store *s, size_t i,
		       struct gw_crl_info *out);

#endif

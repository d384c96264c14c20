/* auth/fetch.h — one question over HTTP: name, connection, exchange, within
 * one deadline. Linked into gwd-auth. Never blocks, but for writing to a
 * plain file. Connections that may be used again are kept for a while; a
 * question that finds a kept one dead is asked once more on a new one. One
 * redirect is followed, on the same host and to http only: an answer is
 * signed, but where it is fetched from must not be chosen by whoever sits on
 * the way. */
#ifndef GW_FETCH_H
#define GW_FETCH_H

#include "gw/loop.h"
#include "gw/proto.h"
#include "gw/url.h"
#include "resolve.h"

#define GW_FETCH_IDLE_MAX 64 /* kept connections */

struct gw_fetcher; /* the kept connections */
struct gw_fetch;

struct gw_fetcher *gw_fetcher_new(struct gw_loop *l, struct gw_resolver *r);
void gw_fetcher_free(struct gw_fetcher *x); /* no fetch may be under way */

struct gw_fetch_ask {
	const char *url;      /* http */
	const char *type;     /* media type of `body` */
	struct gw_der body;   /* copied; empty: GET */
	const char *expected; /* media type of the answer; NULL: any */
	size_t max;           /* bytes of the answer */
	int fd;               /* where the answer is written; -1: memory */
	uint64_t timeout_ms;
};

struct gw_fetched {
	struct gw_der body; /* borrowed for the call; empty on failure */
	uint64_t len;       /* bytes of the answer, wherever it went */
	const char *why;    /* NULL: answered */
	int status;         /* HTTP status of a refusal, or 0 */
	uint64_t took_us;
};
/* Never runs inside gw_fetch_start(). */
typedef void gw_fetch_fn(void *arg, const struct gw_fetched *r);

/* The fetch frees itself after `fn` has run. `ask->fd` stays the caller's. */
struct gw_fetch *gw_fetch_start(struct gw_fetcher *x,
				const struct gw_fetch_ask *ask,
				gw_fetch_fn *fn, void *arg);
/* `fn` will not run; the fetch frees itself. */
void gw_fetch_cancel(struct gw_fetch *f);

#endif

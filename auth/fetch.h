/* auth/fetch.h — one OCSP question to one responder: name, connection, HTTP,
 * within one deadline. Linked into gwd-auth. Never blocks. */
#ifndef GW_FETCH_H
#define GW_FETCH_H

#include "gw/loop.h"
#include "gw/proto.h"
#include "resolve.h"
#include "url.h"

struct gw_fetch;

struct gw_fetched {
	struct gw_der body;   /* borrowed for the call; empty on failure */
	const char *why;      /* NULL: answered */
	uint64_t took_us;
};
/* Never runs inside gw_fetch_start(). */
typedef void gw_fetch_fn(void *arg, const struct gw_fetched *r);

/* `body` is copied. The fetch frees itself after `fn` has run. */
struct gw_fetch *gw_fetch_start(struct gw_loop *l, struct gw_resolver *r,
				const char *url, struct gw_der body,
				uint64_t timeout_ms, gw_fetch_fn *fn,
				void *arg);
/* `fn` will not run; the fetch frees itself. */
void gw_fetch_cancel(struct gw_fetch *f);

#endif

/* admit.h — asking gwd-auth: a certificate goes out, a verdict comes back.
 * gwd-proxy only. One link per worker. Who waits is named by slot and
 * generation, never by pointer: an answer that comes too late finds nobody.
 *
 * fail closed: without a link, without an answer, or with a link that breaks
 * meanwhile the answer is GW_ERR_AUTH_UNAVAILABLE. */
#ifndef GW_PROXY_ADMIT_H
#define GW_PROXY_ADMIT_H

#include "gw/chan.h"
#include "gw/loop.h"
#include "gw/proto.h"

struct gw_conn;
struct gw_worker;

/* Logins one worker may have under way. Each holds a paused handshake with a
 * stack of 32 KiB, so this bounds memory, too. */
#define GW_PENDING_MAX 2048

struct gw_pending {
	struct gw_conn *conn;  /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct gw_admitter {
	struct gw_worker *worker;
	struct gw_chan *chan;  /* NULL: gwd-auth is away */
	uint32_t link;         /* counts links; sessions die with theirs */
	struct gw_pending *slots; /* GW_PENDING_MAX */
	uint32_t first_free;
	size_t pending_count;
	/* of the present link, not yet said */
	uint8_t gone[GW_GONE_MAX][GW_SESSION_ID];
	size_t gone_count;
	struct gw_timer gone_timer;
};

void gw_admitter_init(struct gw_admitter *a, struct gw_worker *w);
void gw_admitter_clear(struct gw_admitter *a);

/* A new link; takes `fd`. Whoever waits on the old one is told it is gone. */
void gw_admitter_link(struct gw_admitter *a, int fd);

/* The answer comes by gw_handshake_judged(), later and not from within.
 * GW_ERR_AUTH_UNAVAILABLE, GW_ERR_BUSY, GW_ERR_CERT_MALFORMED. */
GW_MUST_CHECK enum gw_err gw_admitter_ask(struct gw_admitter *a,
					  struct gw_conn *conn,
					  const struct gw_admit *m,
					  uint32_t *out_slot);
/* `conn` no longer waits. */
void gw_admitter_forget(struct gw_admitter *a, uint32_t slot);

/* Whether the gwd-auth behind the present link knows what came by `link`. */
bool gw_admitter_knows(const struct gw_admitter *a, uint32_t link);

/* A connection of the session is over. Says so, with the next question or a
 * moment later, to the gwd-auth that opened it: another knows nothing of it. */
void gw_admitter_leave(struct gw_admitter *a, uint32_t link,
		       const uint8_t session[GW_SESSION_ID]);

#endif

/* auth/share.h — each server's share of the questions under way. Linked into
 * gwd-auth. A responder or a server of lists that stalls may hold up those who
 * need it: so many of them, so many connections at once, and nobody else. Who
 * is past the connections waits for a turn. Moves no bytes. */
#ifndef GW_SHARE_H
#define GW_SHARE_H

#include <sys/queue.h>

#include "gw/loop.h"

#define GW_SHARE_SEATS  1024 /* questions that wait for one server */
#define GW_SHARE_ASKING 128  /* of which are put to it at once */

struct gw_shares;
struct gw_share;

/* Embedded by whoever waits. */
struct gw_seat {
	void (*turn)(struct gw_seat *s); /* may ask now; may leave */
	struct gw_share *share;          /* NULL: waits for nobody */
	TAILQ_ENTRY(gw_seat) entry;
	bool is_queued, is_asking;
};

struct gw_shares *gw_shares_new(struct gw_loop *l);
void gw_shares_free(struct gw_shares *s); /* all have left; NULL is fine */

/* Whether two places are of one server: the same host and port of http URLs;
 * whatever else they are, each kind (the directory, files) counts as one. */
bool gw_share_is_one(const char *place, const char *other);

/* Takes a seat at the server of `place`. False: it has enough. A seat that was
 * taken before is left. */
GW_MUST_CHECK bool gw_share_sit(struct gw_shares *s, const char *place,
				struct gw_seat *seat);
/* Whether to ask now. False: `seat->turn` will be told, never inside a call
 * of this module. */
GW_MUST_CHECK bool gw_share_ask(struct gw_seat *seat);
void gw_share_leave(struct gw_seat *seat); /* not seated: fine */

#endif

/* listener.h — accepting clients, within limits. gwd-proxy only. One per
 * worker and listener, on a socket of its own (SO_REUSEPORT). */
#ifndef GW_PROXY_LISTENER_H
#define GW_PROXY_LISTENER_H

#include <openssl/ssl.h>
#include "counters.h"
#include "gw/loop.h"
#include "site.h"

struct gw_worker;

/* Why one was turned away. */
enum gw_refusal {
	GW_REFUSAL_DESCRIPTORS,
	GW_REFUSAL_CONNECTIONS,
	GW_REFUSAL_HANDSHAKES,
	GW_REFUSAL_HEADS,
	GW_REFUSAL_COUNT
};

/* One line a second at most, with how many it stands for. */
struct gw_quiet {
	uint64_t second;
	int64_t count;
};

struct gw_listener {
	struct gw_io io;     /* level triggered: what is left comes again */
	struct gw_timer pause; /* none to accept with, none to refuse with */
	uint64_t turn;       /* of the loop, in which it last took any */
	struct gw_worker *worker;
	struct gw_site_listener *site;
	SSL_CTX *tls;        /* this worker's own */
	struct gw_quiet quiet[GW_REFUSAL_COUNT];
	struct gw_listener_counters count;
};

/* Takes `fd`; an earlier socket is closed. */
void gw_listener_open(struct gw_listener *l, int fd);
void gw_listener_close(struct gw_listener *l);

/* Counts and, not too often, tells. */
void gw_listener_refused(struct gw_listener *l, enum gw_refusal why,
			 enum gw_limited by);

#endif

/* listener.h — accepting clients, within limits. gwd-proxy only. One per
 * worker and listener, on a socket of its own (SO_REUSEPORT). */
#ifndef GW_PROXY_LISTENER_H
#define GW_PROXY_LISTENER_H

#include <openssl/ssl.h>
#include "counters.h"
#include "gw/loop.h"
#include "site.h"

struct gw_worker;

struct gw_listener {
	struct gw_io io;     /* level triggered: what is left comes again */
	struct gw_timer pause; /* none to accept with, none to refuse with */
	struct gw_worker *worker;
	struct gw_site_listener *site;
	SSL_CTX *tls;        /* this worker's own */
	struct gw_listener_counters count;
};

/* Takes `fd`; an earlier socket is closed. */
void gw_listener_open(struct gw_listener *l, int fd);
void gw_listener_close(struct gw_listener *l);

/* A connection is over. */
void gw_listener_left(struct gw_listener *l);

#endif

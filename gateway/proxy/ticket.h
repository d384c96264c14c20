/* ticket.h — the keys of TLS session tickets. gwd-proxy only. One set for the
 * process, as a client may come back to another worker; random, in memory
 * alone, replaced as time passes. Knows no connection and no verdict.
 *
 * A key seals for seal_s. The one before it opens for as long as the last
 * ticket sealed with it may be used, but never for longer than it takes for
 * yet another to be made; after that it is wiped when next any ticket is made
 * or shown. */
#ifndef GW_PROXY_TICKET_H
#define GW_PROXY_TICKET_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <openssl/evp.h>

#define GW_TICKET_LIFE_S 3600   /* longest use of a ticket */
#define GW_TICKET_NAME   16

struct gw_ticket_key {
	uint8_t name[GW_TICKET_NAME];
	uint8_t aes[32], mac[32];
	time_t made_at; /* 0: none */
};

struct gw_tickets {
	pthread_mutex_t lock;
	time_t seal_s;
	struct gw_ticket_key now, before;
	EVP_CIPHER *cipher; /* what k.aes is for: found once, not each time */
};

/* Not after gw_algs_none(). */
void gw_tickets_init(struct gw_tickets *t, time_t seal_s);
void gw_tickets_clear(struct gw_tickets *t);

/* The key to seal with, as a copy: wipe it. */
void gw_tickets_seal(struct gw_tickets *t, time_t now,
		     struct gw_ticket_key *out);
/* The one a ticket names; false when it is not, or no longer, ours. */
bool gw_tickets_open(struct gw_tickets *t, time_t now,
		     const uint8_t name[GW_TICKET_NAME],
		     struct gw_ticket_key *out);

#endif

/* stash.h — TLS 1.3 sessions that may be taken up again, and the certificates
 * they were proven with. gwd-proxy only. One for the process, as a client may
 * come back to another worker; in memory alone. Knows no connection, no
 * verdict and no TLS.
 *
 * A ticket is the name of an entry here and nothing else: it costs neither
 * sealing and opening nor the decoding of a certificate, which together are a
 * quarter of a resumed handshake. The certificates are kept once per card.
 *
 * Bounded in bytes: the card that was not used for the longest goes first, and
 * of one card the ticket that was not. And in what one owner has of that: who
 * logs in again and again, or with one certificate after the other, pushes out
 * no tickets but his own. Who finds nothing here does a full handshake. */
#ifndef GW_PROXY_STASH_H
#define GW_PROXY_STASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include "gw/compiler.h"
#include "gw/proto.h"
#include "ticket.h"

#define GW_STASH_BYTES     (16u << 20)
#define GW_STASH_TICKETS   8    /* of one card */
#define GW_STASH_CARDS     8    /* of one owner: 80 KiB at most */
#define GW_STASH_CHAIN_MAX 8192 /* each certificate takes 2 bytes more */
#define GW_STASH_ID        32
#define GW_STASH_CONTEXT   32
#define GW_STASH_SECRET    48

struct gw_stash;

struct gw_stashed {
	uint8_t id[GW_STASH_ID];           /* the ticket; random */
	uint8_t context[GW_STASH_CONTEXT]; /* where it may be used */
	uint8_t key[GW_TICKET_NAME];       /* as long as this one opens */
	uint8_t secret[GW_STASH_SECRET];
	uint8_t secret_len;
	uint16_t cipher;
	time_t made_at;
	time_t end; /* the card must prove itself anew from then on */
};

struct gw_stash *gw_stash_new(void);
/* Wipes the secrets, as does all that forgets one. */
void gw_stash_free(struct gw_stash *s);

/* What tickets of this card are to bring back: exactly these certificates.
 * Whose they are `account` says; NULL: its leaf, as nothing else is known.
 * Returns the card's number; 0 when they are too large: no tickets then. */
GW_MUST_CHECK uint64_t gw_stash_keep(struct gw_stash *s, const char *account,
				     const struct gw_der *chain, size_t count,
				     time_t now);

/* A ticket of a card that is kept; otherwise nothing. */
void gw_stash_put(struct gw_stash *s, uint64_t card,
		  const struct gw_stashed *t, time_t now);

/* The ticket and its card's certificates, each behind two bytes of length, in
 * `chain` (GW_STASH_CHAIN_MAX). Returns their bytes together; 0: there is no
 * such ticket, or no longer. Wipe *out. */
GW_MUST_CHECK size_t gw_stash_find(struct gw_stash *s,
				   const uint8_t id[GW_STASH_ID], time_t now,
				   struct gw_stashed *out, uint8_t *chain);

#endif

/* resume.h — TLS sessions that are taken up again. gwd-proxy only.
 *
 * A ticket brings back the keys and the certificates of an earlier full
 * handshake, never its verdict: OpenSSL does not call the verify callback for
 * it, so handshake.c asks gwd-auth about the same certificates as soon as the
 * handshake is over, and until the answer is there no byte is read. That
 * place, and not the ticket callback inside the handshake: only at the end is
 * it sure that the session is used at all (listener, cipher and version fit)
 * and that the client knows its secret, and so there is one thing to judge
 * and one place to leave from.
 *
 * A ticket goes only to a connection that is admitted. It brings back the
 * certificates that were sent and the time at which the card must prove itself
 * again, which no later ticket of the same session puts off. In TLS 1.3 it is
 * the name of an entry in stash.h, good as long as the key of its time; in 1.2,
 * which knows no fitting names, it holds all that, sealed with a key of
 * ticket.h. Certificates that are too large for it: no ticket, full
 * handshakes. */
#ifndef GW_PROXY_RESUME_H
#define GW_PROXY_RESUME_H

#include <openssl/ssl.h>
#include "gw/compiler.h"
#include "gw/proto.h"
#include "stash.h"
#include "ticket.h"

struct gw_conn;

struct gw_chain { /* leaf first */
	struct gw_der der[GW_CHAIN_MAX];
	size_t count;
};

/* What all workers share of it. */
struct gw_resumption {
	struct gw_tickets tickets;
	struct gw_stash *stash;
};

/* Not after gw_algs_none(). */
void gw_resumption_init(struct gw_resumption *r, time_t seal_s);
void gw_resumption_clear(struct gw_resumption *r);

/* Turns it on for a context, whose connections' owner is a gw_conn. `r` must
 * outlive the context; `title` is the listener's: its tickets are no other's.
 * False when OpenSSL will not have it. */
GW_MUST_CHECK bool gw_resume_allow(SSL_CTX *ctx, struct gw_resumption *r,
				   const char *title);

/* The certificates of a resumed session, in `room` (GW_CHAIN_BYTES_MAX). */
GW_MUST_CHECK bool gw_resume_chain(SSL *ssl, uint8_t *room,
				   struct gw_chain *out);

/* The connection with these certificates is admitted: in TLS 1.3 a ticket goes
 * out before the next byte; in 1.2 its handshake has given one. */
void gw_resume_offer(struct gw_conn *c, const struct gw_chain *chain);

#endif

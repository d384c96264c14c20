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
 * A ticket goes only to a connection that is admitted; it holds the
 * certificates that were sent (the chain in the ticket's application data,
 * the leaf as OpenSSL keeps it) and the time at which the card must prove
 * itself again, which no later ticket of the same session puts off. A chain
 * that is too long for it: no ticket, full handshakes. */
#ifndef GW_PROXY_RESUME_H
#define GW_PROXY_RESUME_H

#include <openssl/ssl.h>
#include "gw/compiler.h"
#include "gw/proto.h"
#include "ticket.h"

struct gw_conn;

struct gw_chain { /* leaf first */
	struct gw_der der[GW_CHAIN_MAX];
	size_t count;
};

/* Turns it on for a context, whose connections' owner is a gw_conn. `t` must
 * outlive the context; `title` is the listener's: its tickets are no other's.
 * False when OpenSSL will not have it. */
GW_MUST_CHECK bool gw_resume_allow(SSL_CTX *ctx, struct gw_tickets *t,
				   const char *title);

/* The certificates of a resumed session, in `room` (GW_CHAIN_BYTES_MAX). */
GW_MUST_CHECK bool gw_resume_chain(SSL *ssl, uint8_t *room,
				   struct gw_chain *out);

/* The connection is admitted: in TLS 1.3 a ticket goes out before the next
 * byte; in 1.2 its handshake has given one. */
void gw_resume_offer(struct gw_conn *c);

#endif

/* handshake.h — the TLS handshake of a client, and the question that follows
 * it. gwd-proxy only. Nothing here judges a certificate.
 *
 * gwd-auth is asked only about a certificate whose key the client has proven
 * to hold: certificates are public, and a login is work, talk with the KDC in
 * somebody's name, and a line in the audit log.
 * In TLS 1.3, and for a session that is resumed (resume.h), that is when the
 * handshake is over; nothing is read until the verdict is there. In TLS 1.2
 * our last flight carries the ticket, which only the admitted get: there the
 * handshake, an ASYNC job, pauses when the client's Finished has come, whose
 * CertificateVerify OpenSSL has checked by then. */
#ifndef GW_PROXY_HANDSHAKE_H
#define GW_PROXY_HANDSHAKE_H

#include <openssl/ssl.h>
#include "gw/proto.h"
#include "tls.h"

struct gw_conn;

extern const struct gw_tls_hooks gw_handshake_hooks;

void gw_handshake_run(struct gw_conn *c);
void gw_handshake_timeout(struct gw_conn *c);

/* The verdict `c` waits for; takes `v`. */
void gw_handshake_judged(struct gw_conn *c, struct gw_verdict_msg *v);
/* There will be none. */
void gw_handshake_unjudged(struct gw_conn *c, enum gw_err why);

#endif

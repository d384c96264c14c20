/* alert.h — the TLS alert that tells a client why it is refused, after it has
 * proven its key. gwd-proxy only. Knows no connection and no verdict.
 *
 * OpenSSL sends alerts of its own choosing only. Two ways lead around that:
 * in TLS 1.3 the callback that may add an extension to a session ticket may
 * also name the alert to send in the ticket's place; in TLS 1.2 the server's
 * records are still plain when the client's Finished arrives. A TLS 1.2
 * session that was resumed has no such moment: resume.c gives no ticket for
 * it where alerts are to tell. */
#ifndef GW_PROXY_ALERT_H
#define GW_PROXY_ALERT_H

#include <openssl/ssl.h>
#include "gw/error.h"
#include "sock.h"

/* Once, before the first context. */
void gw_alert_init(void);
/* False when OpenSSL will not have it. */
GW_MUST_CHECK bool gw_alert_allow(SSL_CTX *ctx);

/* The alert's number (RFC 8446, 6.2). */
int gw_alert_of(enum gw_err reason);

/* TLS 1.3, the handshake is over. After it nothing more is sent; of a 1.2
 * connection nothing happens. */
void gw_alert_send(SSL *ssl, enum gw_err reason);
/* TLS 1.2, no ChangeCipherSpec of ours has been sent. After it the socket
 * takes nothing more. */
void gw_alert_send_plain(struct gw_sock *s, enum gw_err reason);

#endif

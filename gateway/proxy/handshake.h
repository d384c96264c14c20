/* handshake.h — the TLS handshake of a client, paused where its certificate
 * is judged. gwd-proxy only.
 *
 * OpenSSL calls gw_handshake_verify() inside an ASYNC job; it sends the
 * certificates to gwd-auth and pauses the job until the verdict is there, so
 * that the handshake itself ends with the verdict known. A resumed session,
 * for which OpenSSL calls nobody, waits right after its handshake (resume.h).
 * Nothing here judges a certificate. */
#ifndef GW_PROXY_HANDSHAKE_H
#define GW_PROXY_HANDSHAKE_H

#include <openssl/ssl.h>
#include "gw/proto.h"

struct gw_conn;

/* For SSL_CTX_set_cert_verify_callback(). */
int gw_handshake_verify(X509_STORE_CTX *ctx, void *arg);

void gw_handshake_run(struct gw_conn *c);
void gw_handshake_timeout(struct gw_conn *c);

/* The verdict `c` waits for; takes `v`. */
void gw_handshake_judged(struct gw_conn *c, struct gw_verdict_msg *v);
/* There will be none. */
void gw_handshake_unjudged(struct gw_conn *c, enum gw_err why);

#endif

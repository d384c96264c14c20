/* tls.h — one connection's TLS: a BIO over gw_sock, the handshake, reading and
 * writing. gwd-proxy only. Knows no connection and no verdict. Contexts are
 * made by context.h. */
#ifndef GW_PROXY_TLS_H
#define GW_PROXY_TLS_H

#include <openssl/ssl.h>
#include "sock.h"

/* Once, before the first thread. */
void gw_tls_init(void);
void gw_tls_clear(void);

/* What OpenSSL calls in a handshake; the SSL's owner is known by then. */
struct gw_tls_hooks {
	int (*verify)(X509_STORE_CTX *, void *);
	/* A handshake message of the client, before it is acted upon. */
	void (*message)(SSL *ssl, int type);
};

/* Both, of all connections that a context makes; `hooks` outlive it. */
void gw_tls_hook(SSL_CTX *ctx, const struct gw_tls_hooks *hooks);

/* A server's side over `s`, which must outlive it. `owner` comes back from
 * gw_tls_owner(). NULL when OpenSSL has no memory. */
SSL *gw_tls_new(SSL_CTX *ctx, struct gw_sock *s, void *owner);
void *gw_tls_owner(const SSL *ssl);

enum gw_handshake {
	GW_HS_DONE,
	GW_HS_AGAIN,          /* an event will tell */
	GW_HS_PAUSED,         /* inside a hook */
	GW_HS_NO_CERTIFICATE, /* failed for the lack of it */
	GW_HS_FAILED,
};
/* One step. On failure `why` (may be NULL) gets OpenSSL's words. */
enum gw_handshake gw_tls_handshake(SSL *ssl, char *why, size_t why_len);

/* A write makes one record, of this much at most. */
#define GW_TLS_RECORD SSL3_RT_MAX_PLAIN_LENGTH

enum gw_xfer gw_tls_read(SSL *ssl, void *buf, size_t len, size_t *out_n);
/* After EOF: whether it was said within TLS, by close_notify. A FIN alone can
 * be anybody's on the way (RFC 8446 6.1); yet many clients say no more than
 * that, and where length or framing tells what is whole it will do (RFC 9112
 * 9.8). */
bool gw_tls_was_told(const SSL *ssl);
enum gw_xfer gw_tls_write(SSL *ssl, const void *buf, size_t len,
			  size_t *out_n);
/* Says close_notify; never again once that was OK. AGAIN: it has not gone out
 * whole, call again. */
enum gw_xfer gw_tls_close(SSL *ssl);

#endif

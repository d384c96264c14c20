/* tls.h — what gwd-proxy needs of OpenSSL: contexts, a BIO over gw_sock, and
 * reading and writing. gwd-proxy only. Knows no connection and no verdict.
 *
 * TLS 1.2 and 1.3; no renegotiation, compression or early data. As made here
 * no session is ever resumed, as that skips the judgement of the certificate;
 * resume.h turns it on for who judges again. */
#ifndef GW_PROXY_TLS_H
#define GW_PROXY_TLS_H

#include <openssl/ssl.h>
#include "gw/conf.h"
#include "gw/proto.h"
#include "certs.h"
#include "sock.h"

struct gw_resumption;

/* Once, before the first thread. */
void gw_tls_init(void);
void gw_tls_clear(void);

/* What OpenSSL calls in a handshake; the SSL's owner is known by then. */
struct gw_tls_hooks {
	int (*verify)(X509_STORE_CTX *, void *);
	/* A handshake message of the client, before it is acted upon. */
	void (*message)(SSL *ssl, int type);
};

struct gw_tls_setup {
	const struct gw_conf_listener *listener;
	const struct gw_cert_files *files;    /* the default first */
	size_t file_count;
	struct gw_resumption *resumption;     /* for `prepare` */
	/* What is done to each context besides; NULL: nothing. */
	bool (*prepare)(SSL_CTX *ctx, const struct gw_tls_setup *s);
	const STACK_OF(X509_NAME) *ca_names;  /* offered; NULL: none */
	const struct gw_tls_hooks *hooks;     /* outlive the context */
};

/* One per listener and thread: contexts are never shared between threads,
 * their locks are the top of a handshake's profile. The default one, which
 * hands over to others by the name a client asks for. GW_ERR_FILE. */
GW_MUST_CHECK enum gw_err gw_tls_ctx_new(const struct gw_tls_setup *s,
					 SSL_CTX **out, struct gw_error *err);

/* Adds the subject of a CA certificate in PEM. GW_ERR_FILE. */
GW_MUST_CHECK enum gw_err gw_tls_add_ca(STACK_OF(X509_NAME) *names,
					const struct gw_file *f,
					struct gw_error *err);

/* Subjects in DER, one after the other; none: clients offer what they have.
 * Without a context they are only checked. The context's list is replaced as a whole;
 * false, and it stays, when one cannot be read. */
GW_MUST_CHECK bool gw_tls_offer_cas(SSL_CTX *ctx, const uint8_t *der,
				    size_t len);

/* Names as `as` has them. False when there is no memory. */
GW_MUST_CHECK bool gw_tls_offer_same_cas(SSL_CTX *ctx, const SSL_CTX *as);

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
enum gw_xfer gw_tls_write(SSL *ssl, const void *buf, size_t len,
			  size_t *out_n);
/* Says close_notify; never again once that was OK. AGAIN: it has not gone out
 * whole, call again. */
enum gw_xfer gw_tls_close(SSL *ssl);

#endif

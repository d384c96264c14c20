/* tls.c — see tls.h. */
#include "tls.h"
#include "alert.h"
#include "algs.h"
#include "certs.h"
#include "heap.h"
#include "gw/util.h"

#include <openssl/err.h>

/* Records without data that one connection may send. In the handshake a
 * message may come in records of one byte each (RFC 8446, 5.1): what is bounded
 * there is the message. Afterwards who rekeys does so every some million
 * records; each costs 10 to 25 us, and what has been read of them when they
 * are too many (16 KiB, 600) is still worked off. */
#define SHAKE_RECORDS_MAX 20000
#define IDLE_RECORDS_MAX  128

/* ---- the BIO: OpenSSL's own would ask the kernel where we know better */

static BIO_METHOD *method;

static int
bio_result(BIO *b, enum gw_xfer x, size_t n, int retry)
{
	if (x == GW_XFER_OK)
		return (int)n;
	if (x == GW_XFER_AGAIN)
		BIO_set_flags(b, retry | BIO_FLAGS_SHOULD_RETRY);
	else if (x == GW_XFER_EOF)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return x == GW_XFER_EOF ? 0 : -1;
}

static int
bio_read(BIO *b, char *buf, int len)
{
	struct gw_sock *s = BIO_get_data(b);
	size_t n = 0, max = (size_t)len;
	enum gw_xfer x = GW_XFER_AGAIN;

	if (s->bytes_left != GW_SOCK_ANY)
		max = GW_MIN(max, (size_t)s->bytes_left);
	if (s->records_left == 0)
		x = GW_XFER_BROKEN;
	else if (max > 0)
		x = gw_sock_read(s, buf, max, &n);
	if (s->bytes_left != GW_SOCK_ANY)
		s->bytes_left -= (uint16_t)n;
	BIO_clear_retry_flags(b);
	return bio_result(b, x, n, BIO_FLAGS_READ);
}

static int
bio_write(BIO *b, const char *buf, int len)
{
	size_t n = 0;
	enum gw_xfer x = gw_sock_write(BIO_get_data(b), buf, (size_t)len, &n);

	BIO_clear_retry_flags(b);
	return bio_result(b, x, n, BIO_FLAGS_WRITE);
}

static long
bio_ctrl(BIO *b, int cmd, long larg, void *parg)
{
	(void)larg;
	(void)parg;
	if (cmd == BIO_CTRL_EOF)
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	return cmd == BIO_CTRL_FLUSH;
}

void
gw_tls_init(void)
{
	gw_assert(gw_heap_init());
	/* no configuration file: what it may load is not ours to know */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
			 OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
	gw_algs_init();
	gw_alert_init();
	gw_certs_init();
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
			      "gw_sock");
	gw_assert(method != NULL && BIO_meth_set_read(method, bio_read) == 1 &&
		  BIO_meth_set_write(method, bio_write) == 1 &&
		  BIO_meth_set_ctrl(method, bio_ctrl) == 1);
}

void
gw_tls_clear(void)
{
	BIO_meth_free(method);
	method = NULL;
	gw_algs_clear();
}

SSL *
gw_tls_new(SSL_CTX *ctx, struct gw_sock *s, void *owner)
{
	SSL *ssl = SSL_new(ctx);
	BIO *b = ssl != NULL ? BIO_new(method) : NULL;

	if (b == NULL) {
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	s->records_left = SHAKE_RECORDS_MAX;
	BIO_set_data(b, s);
	BIO_set_init(b, 1);
	SSL_set_bio(ssl, b, b);
	SSL_set_app_data(ssl, owner);
	SSL_set_accept_state(ssl);
	return ssl;
}

void *
gw_tls_owner(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

static struct gw_sock *
sock_of(const SSL *ssl)
{
	return BIO_get_data(SSL_get_rbio(ssl));
}

/* ---- what comes */

/* A record without data (KeyUpdate, a ClientHello to renegotiate …) costs us
 * as much as its sender, and OpenSSL reads on to the next one without coming
 * back: a stream of them would hold the worker for as long as it lasts. */
static void
count_record(SSL *ssl)
{
	struct gw_sock *s = sock_of(ssl);

	s->records_left -= s->records_left > 0;
	/* what it has read already, this record among it, is thrown away */
	if (s->records_left == 0)
		SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) |
				      SSL_RECEIVED_SHUTDOWN);
}

/* Messages come before OpenSSL acts on them: what came earlier has been
 * checked by then. Of records in 1.3 the type within counts, the outer one
 * says "data" of all. Called several times for every one that moves. */
static void
on_record(int is_ours, int version, int type, const void *buf, size_t len,
	  SSL *ssl, void *arg)
{
	const struct gw_tls_hooks *hooks = arg;
	const uint8_t *first = buf;

	(void)version;
	if (is_ours || len == 0)
		return;
	if (type == SSL3_RT_HANDSHAKE)
		hooks->message(ssl, *first);
	else if ((type == SSL3_RT_HEADER ||
		  type == SSL3_RT_INNER_CONTENT_TYPE) &&
		 *first != SSL3_RT_APPLICATION_DATA)
		count_record(ssl);
}

void
gw_tls_hook(SSL_CTX *ctx, const struct gw_tls_hooks *hooks)
{
	SSL_CTX_set_cert_verify_callback(ctx, hooks->verify, NULL);
	SSL_CTX_set_msg_callback(ctx, on_record);
	SSL_CTX_set_msg_callback_arg(ctx, (void *)hooks);
}

/* ---- moving on */

static void
explain(char *why, size_t why_len)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE
				     ? "too many large messages at once"
				     : ERR_reason_error_string(e);

	if (why != NULL)
		gw_format(why, why_len, "%s",
			  reason != NULL ? reason : "closed");
	ERR_clear_error();
}

static enum gw_handshake
done(struct gw_sock *s)
{
	s->must_ask = true;
	s->records_left = GW_MIN(s->records_left, IDLE_RECORDS_MAX);
	return GW_HS_DONE;
}

static enum gw_handshake
failed(char *why, size_t why_len)
{
	bool is_missing = ERR_GET_REASON(ERR_peek_error()) ==
			  SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;

	explain(why, why_len);
	return is_missing ? GW_HS_NO_CERTIFICATE : GW_HS_FAILED;
}

/* The error queue is empty whenever OpenSSL is called: what fails clears it.
 * SSL_get_error() would otherwise report somebody else's failure. */
enum gw_handshake
gw_tls_handshake(SSL *ssl, char *why, size_t why_len)
{
	int rc = SSL_do_handshake(ssl);

	if (rc == 1)
		return done(sock_of(ssl));
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return GW_HS_AGAIN;
	case SSL_ERROR_WANT_ASYNC:
		return GW_HS_PAUSED;
	default:
		return failed(why, why_len);
	}
}

static enum gw_xfer
outcome(SSL *ssl, int rc)
{
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return GW_XFER_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return GW_XFER_EOF;
	default:
		ERR_clear_error();
		return GW_XFER_BROKEN;
	}
}

enum gw_xfer
gw_tls_read(SSL *ssl, void *buf, size_t len, size_t *out_n)
{
	struct gw_sock *s = sock_of(ssl);
	int rc;

	/* OpenSSL would fetch a buffer for a record before it asked us. After
	 * a handshake it has one, which it gives back when it has asked; and a
	 * ticket that waits to go out goes now, or no goodbye could be said. */
	if (!s->can_read && !s->must_ask && !SSL_has_pending(ssl) &&
	    !SSL_in_init(ssl))
		return GW_XFER_AGAIN;
	s->must_ask = false;
	rc = SSL_read_ex(ssl, buf, len, out_n);
	return rc == 1 ? GW_XFER_OK : outcome(ssl, rc);
}

/* OpenSSL asks for no more once close_notify has come; nor when there were too
 * many records, which is no goodbye. */
bool
gw_tls_was_told(const SSL *ssl)
{
	return BIO_test_flags(SSL_get_rbio(ssl), BIO_FLAGS_IN_EOF) == 0 &&
	       sock_of(ssl)->records_left > 0;
}

enum gw_xfer
gw_tls_write(SSL *ssl, const void *buf, size_t len, size_t *out_n)
{
	int rc = SSL_write_ex(ssl, buf, len, out_n);

	return rc == 1 ? GW_XFER_OK : outcome(ssl, rc);
}

/* 0: it is out, the client's has not come yet. */
enum gw_xfer
gw_tls_close(SSL *ssl)
{
	int rc = SSL_shutdown(ssl);

	return rc >= 0 ? GW_XFER_OK : outcome(ssl, rc);
}

/* tls.c — see tls.h. */
#include "tls.h"
#include "alert.h"
#include "algs.h"
#include "heap.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20"
/* P-521 last: in 1.2 the list also says which keys cards may have */
#define GROUPS     "X25519:P-256:P-384:P-521"
/* No SHA-1, SHA-224 or DSA, whatever the library was built to allow. */
#define SIGNATURES "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:" \
		   "rsa_pss_pss_sha256:rsa_pss_pss_sha384:" \
		   "rsa_pss_pss_sha512:RSA-PSS+SHA256:RSA-PSS+SHA384:" \
		   "RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
#define SECURITY_LEVEL 2
/* Of a client's Certificate message; what comes through is judged by
 * GW_CHAIN_MAX and its like. */
#define CERTIFICATES_MAX 65536
/* Records without data that one connection may send. In the handshake a
 * message may come in records of one byte each (RFC 8446, 5.1): what is bounded
 * there is the message. Afterwards who rekeys does so every some million
 * records; each costs 10 to 25 us, and what has been read of them when they
 * are too many (16 KiB, 600) is still worked off. */
#define SHAKE_RECORDS_MAX 20000
#define IDLE_RECORDS_MAX  128

GW_DEFINE_CLEANUP(BIO *, BIO_free)
GW_DEFINE_CLEANUP(X509 *, X509_free)
GW_DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

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

/* ---- contexts */

static enum gw_err
tls_fail(struct gw_error *err, const char *whose, const char *what)
{
	char text[120];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return gw_fail(err, GW_ERR_FILE, "%s: %s: %s", whose, what, text);
}

static int
no_passphrase(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

/* Who offers protocols and none of ours is told so (RFC 7301, 3.2). */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void
forbid_resumption(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
}

/* A record without data (KeyUpdate, a ClientHello to renegotiate …) costs us
 * as much as its sender, and OpenSSL reads on to the next one without coming
 * back: a stream of them would hold the worker for as long as it lasts. */
static void
count_record(SSL *ssl)
{
	struct gw_sock *s = BIO_get_data(SSL_get_rbio(ssl));

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

static void
set_modes(SSL_CTX *ctx)
{
	SSL_CTX_set_msg_callback(ctx, on_record);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_NO_COMPRESSION |
				 SSL_OP_CIPHER_SERVER_PREFERENCE |
				 SSL_OP_PRIORITIZE_CHACHA |
				 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC | SSL_MODE_RELEASE_BUFFERS |
			      SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* header and body of a record in one read */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	forbid_resumption(ctx);
}

static bool
set_versions(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, CIPHERS_12) == 1 &&
	       SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 &&
	       SSL_CTX_set1_sigalgs_list(ctx, SIGNATURES) == 1 &&
	       SSL_CTX_set1_client_sigalgs_list(ctx, SIGNATURES) == 1;
}

static bool
offer(SSL_CTX *ctx, const STACK_OF(X509_NAME) *names)
{
	STACK_OF(X509_NAME) *copy =
		names == NULL ? sk_X509_NAME_new_null()
			      : sk_X509_NAME_deep_copy(names, X509_NAME_dup,
						       X509_NAME_free);

	if (copy == NULL)
		return false;
	SSL_CTX_set_client_CA_list(ctx, copy); /* takes them */
	return true;
}

static bool
set_verify(SSL_CTX *ctx, const struct gw_tls_setup *s)
{
	int mode = SSL_VERIFY_PEER;

	if (s->listener->denied == GW_DENIED_ALERT)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	SSL_CTX_set_max_cert_list(ctx, CERTIFICATES_MAX);
	SSL_CTX_set_cert_verify_callback(ctx, s->hooks->verify, NULL);
	SSL_CTX_set_msg_callback_arg(ctx, (void *)s->hooks);
	return offer(ctx, s->ca_names);
}

static enum gw_err
make_context(const struct gw_tls_setup *s, struct gw_certs *certs,
	     size_t group, SSL_CTX **out, struct gw_error *err)
{
	const char *title = s->listener->title;
	gw_auto(SSL_CTX_free) SSL_CTX *ctx =
		SSL_CTX_new_ex(gw_algs_tls(), NULL, TLS_server_method());

	if (ctx == NULL || !set_versions(ctx) || !set_verify(ctx, s) ||
	    !gw_alert_allow(ctx))
		return tls_fail(err, title, "TLS");
	set_modes(ctx);
	if (s->prepare != NULL && !s->prepare(ctx, s))
		return tls_fail(err, title, "tickets");
	if (!gw_certs_use(certs, group, ctx))
		return tls_fail(err, title, "certificate");
	*out = gw_steal(&ctx);
	return GW_ERR_OK;
}

enum gw_err
gw_tls_ctx_new(const struct gw_tls_setup *s, SSL_CTX **out,
	       struct gw_error *err)
{
	struct gw_certs *certs = NULL;
	SSL_CTX *dflt = NULL, *other;
	enum gw_err rc = gw_certs_new(s->listener->title, s->files,
				      s->file_count, &certs, err);

	if (rc == GW_ERR_OK)
		rc = make_context(s, certs, 0, &dflt, err);
	for (size_t i = 1; rc == GW_ERR_OK && i < gw_certs_groups(certs); i++)
		rc = make_context(s, certs, i, &other, err);
	if (rc == GW_ERR_OK &&
	    !gw_certs_attach(certs, s->listener->strict_sni))
		rc = tls_fail(err, s->listener->title, "TLS");
	if (rc != GW_ERR_OK) {
		SSL_CTX_free(dflt);
		gw_certs_free(certs);
		return rc;
	}
	*out = dflt;
	return GW_ERR_OK;
}

enum gw_err
gw_tls_add_ca(STACK_OF(X509_NAME) *names, const struct gw_file *f,
	      struct gw_error *err)
{
	gw_auto(BIO_free) BIO *in = BIO_new_mem_buf(f->data, (int)f->len);
	gw_auto(X509_free) X509 *ca = NULL;
	X509_NAME *name;

	if (in != NULL)
		ca = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
	if (ca == NULL)
		return tls_fail(err, f->name, "CA certificate");
	name = X509_NAME_dup(X509_get_subject_name(ca));
	if (name == NULL || sk_X509_NAME_push(names, name) == 0) {
		X509_NAME_free(name);
		return tls_fail(err, f->name, "CA certificate");
	}
	return GW_ERR_OK;
}

static bool
read_names(const uint8_t *der, size_t len, STACK_OF(X509_NAME) *out)
{
	const uint8_t *p = der;

	while (p < der + len) {
		X509_NAME *name = d2i_X509_NAME(NULL, &p,
						(long)(der + len - p));

		if (name == NULL || sk_X509_NAME_push(out, name) == 0) {
			X509_NAME_free(name);
			ERR_clear_error();
			return false;
		}
	}
	return true;
}

static bool
offer_everywhere(SSL_CTX *dflt, const STACK_OF(X509_NAME) *names)
{
	SSL_CTX *ctx;
	bool ok = true;

	for (size_t i = 0; (ctx = gw_certs_context(dflt, i)) != NULL; i++)
		ok = offer(ctx, names) && ok;
	return ok;
}

bool
gw_tls_offer_cas(SSL_CTX *ctx, const uint8_t *der, size_t len)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	bool ok = names != NULL && read_names(der, len, names) &&
		  (ctx == NULL || offer_everywhere(ctx, names));

	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return ok;
}

bool
gw_tls_offer_same_cas(SSL_CTX *ctx, const SSL_CTX *as)
{
	return offer_everywhere(ctx, SSL_CTX_get_client_CA_list(as));
}

/* ---- moving on */

static void
explain(char *why, size_t why_len)
{
	unsigned long e = ERR_peek_error();
	const char *reason = ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE
				     ? "too many large messages at once"
				     : ERR_reason_error_string(e);

	if (why != NULL &&
	    !gw_copy(why, why_len, reason != NULL ? reason : "closed"))
		why[0] = '\0';
	ERR_clear_error();
}

/* The error queue is empty whenever OpenSSL is called: what fails clears it.
 * SSL_get_error() would otherwise report somebody else's failure. */
enum gw_handshake
gw_tls_handshake(SSL *ssl, char *why, size_t why_len)
{
	int rc = SSL_do_handshake(ssl);
	bool is_missing;

	if (rc == 1) {
		struct gw_sock *s = BIO_get_data(SSL_get_rbio(ssl));

		s->must_ask = true;
		s->records_left = GW_MIN(s->records_left, IDLE_RECORDS_MAX);
		return GW_HS_DONE;
	}
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return GW_HS_AGAIN;
	case SSL_ERROR_WANT_ASYNC:
		return GW_HS_PAUSED;
	default:
		is_missing = ERR_GET_REASON(ERR_peek_error()) ==
			     SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
		explain(why, why_len);
		return is_missing ? GW_HS_NO_CERTIFICATE : GW_HS_FAILED;
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
	struct gw_sock *s = BIO_get_data(SSL_get_rbio(ssl));
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

/* wire.c — see wire.h. Non-blocking sockets and poll: every wait ends. */
#include "wire.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHAKE_MS 60000

struct wire {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	bool is_up;
	int alert;
};

/* ---- opening */

static int
port_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *colon = host != NULL ? strrchr(host + 3, ':') : NULL;

	return colon != NULL ? (int)strtol(colon + 1, NULL, 10) : 443;
}

static struct sockaddr_in
address(const char *ip, int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
	};

	gw_assert(inet_pton(AF_INET, ip, &sin.sin_addr) == 1);
	return sin;
}

static bool
comes_from(int fd, const char *ip)
{
	struct sockaddr_in sin = address(ip, 0);

	return bind(fd, (void *)&sin, sizeof(sin)) == 0;
}

int
wire_dial(struct wire_ask a)
{
	const char *base = a.base != NULL ? a.base : lab("GATEWAY_URL");
	struct sockaddr_in sin = address(lab("GATEWAY_ADDR"), port_of(base));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	signal(SIGPIPE, SIG_IGN); /* a broken connection is no crash */
	if (a.rcvbuf != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &a.rcvbuf,
				 sizeof(a.rcvbuf));
	if (fd < 0 || (a.from != NULL && !comes_from(fd, a.from)) ||
	    connect(fd, (void *)&sin, sizeof(sin)) != 0)
		cr_assert_fail("%s: %s", base, strerror(errno));
	gw_set_nonblock(fd);
	return fd;
}

static void
on_info(const SSL *ssl, int where, int ret)
{
	struct wire *w = SSL_get_app_data(ssl);

	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT &&
	    ret >> 8 == SSL3_AL_FATAL)
		w->alert = ret & 0xff;
}

/* What the library itself thinks too weak must be offered, too, so that it is
 * the gateway that refuses it. */
static void
set_offer(SSL_CTX *ctx, const struct wire_ask *a)
{
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION,
					TLS1_2_VERSION, TLS1_3_VERSION };

	if ((a->tls != 0 && a->tls < 12) || a->ciphers != NULL)
		SSL_CTX_set_security_level(ctx, 0);
	if (a->tls != 0)
		gw_assert(SSL_CTX_set_min_proto_version(
				  ctx, versions[a->tls - 10]) == 1 &&
			  SSL_CTX_set_max_proto_version(
				  ctx, versions[a->tls - 10]) == 1);
	gw_assert(a->ciphers == NULL ||
		  SSL_CTX_set_cipher_list(ctx, a->ciphers) == 1);
	gw_assert(a->suites == NULL ||
		  SSL_CTX_set_ciphersuites(ctx, a->suites) == 1);
	gw_assert(a->sigalgs == NULL ||
		  SSL_CTX_set1_sigalgs_list(ctx, a->sigalgs) == 1);
	gw_assert(a->alpn == NULL ||
		  SSL_CTX_set_alpn_protos(ctx, (const uint8_t *)a->alpn,
					  (unsigned)strlen(a->alpn)) == 0);
	if (a->wants_staple)
		gw_assert(SSL_CTX_set_tlsext_status_type(
				  ctx, TLSEXT_STATUSTYPE_ocsp) == 1);
}

static SSL_CTX *
context(const struct wire_ask *a)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	gw_assert(ctx != NULL);
	set_offer(ctx, a);
	gw_assert(SSL_CTX_load_verify_file(ctx, lab("CA_FILE")) == 1);
	SSL_CTX_set_verify(ctx, a->any_server ? SSL_VERIFY_NONE
					      : SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_info_callback(ctx, on_info);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (a->card != NULL)
		gw_assert(SSL_CTX_use_certificate_chain_file(
				  ctx, lab_cert(a->card)) == 1 &&
			  SSL_CTX_use_PrivateKey_file(ctx, lab_key(a->card),
						      SSL_FILETYPE_PEM) == 1);
	return ctx;
}

char *
wire_hello(size_t *out_len)
{
	SSL_CTX *ctx = context(&(struct wire_ask){ .tls = 13 });
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	char *p, *hello;
	long len;

	gw_assert(ssl != NULL && out != NULL);
	SSL_set_app_data(ssl, gw_xcalloc(1, sizeof(struct wire)));
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	gw_assert(SSL_connect(ssl) < 0);
	len = BIO_get_mem_data(out, &p);
	gw_assert(len > 0);
	hello = gw_xcalloc(1, (size_t)len);
	memcpy(hello, p, (size_t)len);
	*out_len = (size_t)len;
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	return hello;
}

/* Waits for what the last call of SSL wants; false: an end or the deadline. */
static bool
wait_for_ssl(struct wire *w, int ret, uint64_t deadline, bool *is_late)
{
	struct pollfd p = { .fd = w->fd };
	uint64_t now = now_ms();

	switch (SSL_get_error(w->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		p.events = POLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		p.events = POLLOUT;
		break;
	default:
		return false;
	}
	*is_late = now >= deadline || poll(&p, 1, (int)(deadline - now)) == 0;
	return !*is_late;
}

/* A copy: OpenSSL spoils the session of a connection that breaks. Early data
 * goes whether or not the server has said that it may. */
static void
take_up(SSL *ssl, void *session, bool is_early)
{
	SSL_SESSION *copy = SSL_SESSION_dup(session);

	gw_assert(copy != NULL);
	if (is_early)
		gw_assert(SSL_SESSION_set_max_early_data(copy, 16384) == 1);
	gw_assert(SSL_set_session(ssl, copy) == 1);
	SSL_SESSION_free(copy);
}

/* The ClientHello and these fit into the socket's buffer. */
static void
say_early(struct wire *w, const char *s)
{
	size_t n = 0;

	gw_assert(SSL_write_early_data(w->ssl, s, strlen(s), &n) == 1 &&
		  n == strlen(s));
}

struct wire *
wire_open(struct wire_ask a)
{
	uint64_t deadline = now_ms() + SHAKE_MS;
	struct wire *w = gw_xcalloc(1, sizeof(*w));
	bool is_late = false;
	int n;

	w->fd = wire_dial(a);
	w->ctx = context(&a);
	w->ssl = SSL_new(w->ctx);
	gw_assert(w->ssl != NULL && SSL_set_fd(w->ssl, w->fd) == 1);
	SSL_set_app_data(w->ssl, w);
	if (a.session != NULL)
		take_up(w->ssl, a.session, a.early != NULL);
	if (a.name == NULL)
		a.name = "gateway.corp.example.com";
	if (*a.name != '\0')
		(void)SSL_set_tlsext_host_name(w->ssl, a.name);
	ERR_clear_error();
	if (a.early != NULL)
		say_early(w, a.early);
	while ((n = SSL_connect(w->ssl)) != 1)
		if (!wait_for_ssl(w, n, deadline, &is_late))
			break;
	w->is_up = n == 1;
	return w;
}

void
wire_close(struct wire *w)
{
	if (w == NULL)
		return;
	/* or OpenSSL would take its session for a broken one */
	SSL_set_shutdown(w->ssl, SSL_SENT_SHUTDOWN);
	SSL_free(w->ssl);
	SSL_CTX_free(w->ctx);
	close(w->fd);
	free(w);
}

void *
wire_session(struct wire *w)
{
	return SSL_get1_session(w->ssl);
}

bool
wire_is_resumed(const struct wire *w)
{
	return SSL_session_reused(w->ssl) == 1;
}

char *
wire_server(const struct wire *w)
{
	X509 *x = SSL_get0_peer_certificate(w->ssl);
	char line[256] = "";

	if (x != NULL)
		X509_NAME_oneline(X509_get_subject_name(x), line,
				  sizeof(line));
	return text("%s", line);
}

char *
wire_protocol(const struct wire *w)
{
	const unsigned char *p = NULL;
	unsigned len = 0;

	SSL_get0_alpn_selected(w->ssl, &p, &len);
	return text("%.*s", (int)len, len > 0 ? (const char *)p : "");
}

const char *
wire_cipher(const struct wire *w)
{
	return SSL_get_cipher_name(w->ssl);
}

const unsigned char *
wire_staple(struct wire *w, size_t *out_len)
{
	const unsigned char *p = NULL;
	long len = SSL_get_tlsext_status_ocsp_resp(w->ssl, &p);

	*out_len = len > 0 ? (size_t)len : 0;
	return len > 0 ? p : NULL;
}

bool
wire_early_was_taken(const struct wire *w)
{
	return SSL_get_early_data_status(w->ssl) == SSL_EARLY_DATA_ACCEPTED;
}

bool
wire_is_up(const struct wire *w)
{
	return w->is_up;
}

int
wire_alert(const struct wire *w)
{
	return w->alert;
}

const char *
wire_alert_name(int alert)
{
	return alert != 0 ? SSL_alert_desc_string_long(alert) : "none";
}

/* ---- bytes */

size_t
wire_push(struct wire *w, const void *p, size_t len, int timeout_ms)
{
	uint64_t deadline = now_ms() + (uint64_t)timeout_ms;
	const char *from = p;
	bool is_late = false;
	size_t sent = 0;

	while (sent < len) {
		int n = SSL_write(w->ssl, from + sent,
				  (int)GW_MIN(len - sent, 1u << 20));

		if (n > 0)
			sent += (size_t)n;
		else if (!wait_for_ssl(w, n, deadline, &is_late))
			break;
	}
	return sent;
}

bool
wire_send(struct wire *w, const void *p, size_t len)
{
	return wire_push(w, p, len, SHAKE_MS) == len;
}

bool
wire_renegotiates(struct wire *w)
{
	uint64_t deadline = now_ms() + 3000;
	bool is_late = false;
	int n;

	ERR_clear_error();
	gw_assert(SSL_renegotiate(w->ssl) == 1);
	while ((n = SSL_do_handshake(w->ssl)) != 1)
		if (!wait_for_ssl(w, n, deadline, &is_late))
			return false;
	return true;
}

void
wire_shut(struct wire *w)
{
	(void)SSL_shutdown(w->ssl);
	ERR_clear_error();
}

void
wire_fin(struct wire *w)
{
	(void)shutdown(w->fd, SHUT_WR);
}

bool
wire_say(struct wire *w, const char *s)
{
	return wire_send(w, s, strlen(s));
}

int
wire_read(struct wire *w, void *p, size_t cap, int timeout_ms)
{
	uint64_t deadline = now_ms() + (uint64_t)timeout_ms;
	bool is_late = false;
	int n;

	ERR_clear_error();
	while ((n = SSL_read(w->ssl, p, (int)cap)) <= 0)
		if (!wait_for_ssl(w, n, deadline, &is_late))
			break;
	if (n > 0)
		return n;
	if (is_late)
		return -2;
	return SSL_get_error(w->ssl, n) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

char *
wire_read_until(struct wire *w, const char *word, int timeout_ms)
{
	uint64_t deadline = now_ms() + (uint64_t)timeout_ms, now;
	char *s = gw_xcalloc(1, 16385);
	size_t len = 0;
	int n;

	while ((now = now_ms()) < deadline &&
	       (word == NULL || strstr(s, word) == NULL)) {
		n = wire_read(w, s + len, 16384, (int)(deadline - now));
		if (n <= 0)
			break;
		len += (size_t)n;
		s = gw_xrealloc(s, len + 16385, 1);
		s[len] = '\0';
	}
	return s;
}

bool
wire_is_over(struct wire *w, int timeout_ms)
{
	uint64_t deadline = now_ms() + (uint64_t)timeout_ms, now;
	char drop[4096];
	int n;

	while ((now = now_ms()) < deadline) {
		n = wire_read(w, drop, sizeof(drop), (int)(deadline - now));
		if (n == 0 || n == -1)
			return true;
	}
	return false;
}

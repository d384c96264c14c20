/* rig_client.c — see rig.h. Blocking clients with a time limit on each read. */
#include "rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <linux/sockios.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define READ_SECONDS 60

static void
note_alert(struct rig_client *c)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);

	if (text != NULL && !gw_copy(c->alert, sizeof(c->alert), text))
		c->alert[0] = '\0';
	ERR_clear_error();
}

static int
dial(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };
	struct timeval tv = { .tv_sec = READ_SECONDS };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert(connect(fd, (void *)&sa, sizeof(sa)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Looks like the card's and signs like another: what somebody has who has
 * seen the certificate. */
static EVP_PKEY *
wrong_key(EVP_PKEY *card)
{
	EVP_PKEY *other = EVP_EC_gen("P-256"), *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	BIGNUM *priv = NULL;
	uint8_t pub[128];
	size_t len;

	cr_assert(EVP_PKEY_get_bn_param(other, OSSL_PKEY_PARAM_PRIV_KEY,
					&priv) == 1 &&
		  EVP_PKEY_get_octet_string_param(card,
						  OSSL_PKEY_PARAM_PUB_KEY, pub,
						  sizeof(pub), &len) == 1);
	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "P-256",
					0);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, pub, len);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, priv);
	params = OSSL_PARAM_BLD_to_param(b);
	cr_assert(EVP_PKEY_fromdata_init(ctx) == 1 &&
		  EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	BN_free(priv);
	return key;
}

static void
use_card(SSL_CTX *ctx, const struct rig_pki *p, int flags)
{
	EVP_PKEY *key = p->card_key;

	if ((flags & RIG_WRONG_KEY) != 0)
		key = wrong_key(p->card_key);
	else
		EVP_PKEY_up_ref(key);
	cr_assert(SSL_CTX_use_certificate(ctx, p->card) == 1 &&
		  SSL_CTX_use_PrivateKey(ctx, key) == 1);
	EVP_PKEY_free(key);
}

static SSL_CTX *
new_ctx(struct rig *r, int flags)
{
	const struct rig_pki *p = rig_pki(r);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), p->ca);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if ((flags & RIG_TLS12) != 0)
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	if ((flags & RIG_NO_CARD) == 0)
		use_card(ctx, p, flags);
	return ctx;
}

void
rig_dial(struct rig *r, struct rig_client *c, int flags)
{
	int port = (flags & RIG_OTHER) != 0 ? rig_other_port(r) : rig_port(r);

	*c = (struct rig_client){ .fd = dial(port),
				  .ctx = new_ctx(r, flags) };
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
}

/* The gateway's end of it, in /proc/net/tcp: "SL: LOCAL REMOTE ST TX:RX". */
static bool
has_unread(int port, int peer)
{
	char line[256];
	unsigned local, remote, unread, left = 0;
	FILE *f = fopen("/proc/net/tcp", "r");

	cr_assert(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*u: %*x:%x %*x:%x %*x %*x:%x", &local,
			   &remote, &unread) == 3 &&
		    local == (unsigned)port && remote == (unsigned)peer)
			left += unread;
	fclose(f);
	return left > 0;
}

static bool
has_unsent(int fd)
{
	int n = 0;

	cr_assert(ioctl(fd, SIOCOUTQ, &n) == 0);
	return n > 0;
}

void
rig_await_taken(struct rig *r, struct rig_client *c)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	cr_assert(getsockname(c->fd, (void *)&sa, &len) == 0);
	for (int i = 0; has_unsent(c->fd) ||
			has_unread(rig_port(r), ntohs(sa.sin_port)); i++) {
		cr_assert_lt(i, 6000);
		usleep(10000);
	}
	usleep(50000);
}

void
rig_set_timeout(struct rig_client *c, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
			      .tv_usec = ms % 1000 * 1000 };

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

bool
rig_resume(struct rig *r, struct rig_client *c, int flags,
	   SSL_SESSION *session)
{
	rig_dial(r, c, flags);
	if (session != NULL)
		cr_assert(SSL_set_session(c->ssl, session) == 1);
	return rig_shake(c);
}

bool
rig_shake(struct rig_client *c)
{
	if (SSL_connect(c->ssl) == 1)
		return true;
	note_alert(c);
	return false;
}

bool
rig_connect(struct rig *r, struct rig_client *c, int flags)
{
	return rig_resume(r, c, flags, NULL);
}

void
rig_close(struct rig_client *c)
{
	/* or OpenSSL would take its session for a broken one */
	SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN);
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
	c->ssl = NULL;
}

void
rig_send_bytes(struct rig_client *c, const void *p, size_t len)
{
	const char *at = p;

	while (len > 0) {
		int n = SSL_write(c->ssl, at, (int)GW_MIN(len, (size_t)65536));

		if (n <= 0) { /* the gateway may stop listening: that is
				 for the test to see in what it reads */
			ERR_clear_error();
			return;
		}
		at += n;
		len -= (size_t)n;
	}
}

void
rig_send(struct rig_client *c, const char *text)
{
	rig_send_bytes(c, text, strlen(text));
}

int
rig_recv(struct rig_client *c, void *buf, size_t len)
{
	int n = SSL_read(c->ssl, buf, (int)len);

	if (n > 0)
		return n;
	if (SSL_get_error(c->ssl, n) == SSL_ERROR_ZERO_RETURN)
		return 0;
	note_alert(c);
	return -1;
}

/* ---- responses */

static char *
read_head(struct rig_client *c)
{
	size_t len = 0, cap = 65536;
	char *head = calloc(1, cap);

	/* byte by byte: what follows belongs to the body */
	while (len + 1 < cap && rig_recv(c, head + len, 1) == 1)
		if (++len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
			return head;
	free(head);
	return NULL;
}

struct body {
	char *p;
	size_t len, cap;
};

static bool
read_exactly(struct rig_client *c, struct body *b, size_t n)
{
	if (b->len + n + 1 > b->cap) {
		b->cap = (b->len + n + 1) * 2;
		b->p = realloc(b->p, b->cap);
	}
	while (n > 0) {
		int got = rig_recv(c, b->p + b->len, n);

		if (got <= 0)
			return false;
		b->len += (size_t)got;
		n -= (size_t)got;
	}
	b->p[b->len] = '\0';
	return true;
}

static bool
read_chunks(struct rig_client *c, struct body *b)
{
	char line[32];
	struct body rest = { .p = NULL };
	bool ok = true;

	for (;;) {
		size_t len = 0, n;

		while (len < sizeof(line) - 1 &&
		       rig_recv(c, line + len, 1) == 1)
			if (line[len++] == '\n')
				break;
		line[len] = '\0';
		n = strtoul(line, NULL, 16);
		ok = len >= 3 && read_exactly(c, b, n) &&
		     read_exactly(c, &rest, 2);
		if (!ok || n == 0)
			break;
	}
	free(rest.p);
	return ok;
}

static bool
read_body(struct rig_client *c, const char *head, struct body *b)
{
	const char *len = strcasestr(head, "\r\ncontent-length: ");

	if (len != NULL)
		return read_exactly(c, b, strtoul(len + 18, NULL, 10));
	if (strcasestr(head, "\r\ntransfer-encoding: chunked") != NULL)
		return read_chunks(c, b);
	while (read_exactly(c, b, 1))
		;
	return true;
}

int
rig_response(struct rig_client *c, char **out_head, char **out_body,
	     size_t *out_len)
{
	char *head = read_head(c);
	struct body b = { .p = calloc(1, 1), .cap = 1 };
	int status = head != NULL ? (int)strtol(head + 9, NULL, 10) : -1;

	if (head != NULL && status >= 200 && status != 204 &&
	    !read_body(c, head, &b))
		status = -1;
	if (out_head != NULL)
		*out_head = head;
	else
		free(head);
	if (out_body != NULL)
		*out_body = b.p;
	else
		free(b.p);
	if (out_len != NULL)
		*out_len = b.len;
	return status;
}

int
rig_get(struct rig_client *c, const char *path, char **out_body,
	size_t *out_len)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n"
		 "Host: vdi.example.com\r\n\r\n", path);
	rig_send(c, text);
	return rig_response(c, NULL, out_body, out_len);
}

bool
rig_is_closed(struct rig_client *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char buf[256];

	while (poll(&p, 1, READ_SECONDS * 1000) == 1)
		if (rig_recv(c, buf, sizeof(buf)) <= 0)
			return true;
	return false;
}

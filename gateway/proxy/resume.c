/* resume.c — see resume.h. */
#include "resume.h"
#include "conn.h"
#include "tls.h"
#include "worker.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

/* A ClientHello of 7 KB is the largest that comes of it; most chains have one
 * or two intermediates of 1 to 2 KB. */
#define DATA_MAX 4096
#define TIME_LEN 8

/* ---- what a ticket says besides: the time to prove anew, the chain */

static void
put_time(uint8_t *p, uint64_t t)
{
	for (int i = 0; i < TIME_LEN; i++)
		p[i] = (uint8_t)(t >> (56 - 8 * i));
}

static uint64_t
get_time(const uint8_t *p)
{
	uint64_t t = 0;

	for (int i = 0; i < TIME_LEN; i++)
		t = t << 8 | p[i];
	return t;
}

/* The length and the DER of each certificate after the leaf; 0 when they do
 * not fit. */
static size_t
put_chain(STACK_OF(X509) *certs, uint8_t *p, size_t cap)
{
	uint8_t *at = p;

	for (int i = 0; i < sk_X509_num(certs); i++) {
		int len = i2d_X509(sk_X509_value(certs, i), NULL);

		if (len <= 0 || (size_t)(at - p) + 2 + (size_t)len > cap)
			return 0;
		*at++ = (uint8_t)(len >> 8);
		*at++ = (uint8_t)len;
		if (i2d_X509(sk_X509_value(certs, i), &at) != len)
			return 0;
	}
	return (size_t)(at - p);
}

/* Seconds until the card must prove itself again: the session's end, too. */
static uint64_t
life_of(const struct gw_conn *c)
{
	uint64_t now = gw_loop_now_ms(c->worker->loop);

	if (c->until_ms <= now)
		return 0;
	return GW_MIN((c->until_ms - now) / 1000, (uint64_t)GW_TICKET_LIFE_S);
}

/* A resumed TLS 1.2 session could not be refused by an alert that says why,
 * see alert.h: where alerts are to tell, it is a full handshake each time. */
static bool
may_be_resumed(const struct gw_conn *c)
{
	return SSL_version(c->ssl) == TLS1_3_VERSION ||
	       gw_conn_conf(c)->denied != GW_DENIED_ALERT;
}

static bool
may_have_ticket(const struct gw_conn *c)
{
	return c->verdict == GW_VERDICT_ALLOW && c->state != GW_CONN_DEAD &&
	       may_be_resumed(c) &&
	       SSL_get0_peer_certificate(c->ssl) != NULL;
}

static size_t
data_of(SSL_SESSION *s, const uint8_t **out)
{
	void *p = NULL;
	size_t len = 0;

	if (s == NULL || SSL_SESSION_get0_ticket_appdata(s, &p, &len) != 1 ||
	    p == NULL || len < TIME_LEN)
		return 0;
	*out = p;
	return len;
}

/* Gives the session what its tickets are to say. A resumed one has it: from
 * the full handshake, whose time stays. */
static bool
prepare(struct gw_conn *c)
{
	SSL_SESSION *s = SSL_get_session(c->ssl);
	STACK_OF(X509) *certs = SSL_get_peer_cert_chain(c->ssl);
	uint8_t data[DATA_MAX];
	const uint8_t *old;
	size_t len = 0;

	if (!may_have_ticket(c))
		return false;
	if (SSL_session_reused(c->ssl))
		return data_of(s, &old) > 0;
	if (sk_X509_num(certs) > 0 &&
	    (len = put_chain(certs, data + TIME_LEN,
			     sizeof(data) - TIME_LEN)) == 0)
		return false;
	put_time(data, (uint64_t)time(NULL) + life_of(c));
	return SSL_SESSION_set1_ticket_appdata(s, data, TIME_LEN + len) == 1;
}

/* What is left of it, in seconds; 0: over. */
static uint64_t
left_of(SSL_SESSION *s)
{
	const uint8_t *p;
	uint64_t now = (uint64_t)time(NULL), end;

	if (data_of(s, &p) == 0)
		return 0;
	end = get_time(p);
	/* fail closed: a clock set back makes no ticket last longer */
	return end > now && end - now <= GW_TICKET_LIFE_S ? end - now : 0;
}

/* ---- OpenSSL's callbacks */

static int
on_make(SSL *ssl, void *arg)
{
	struct gw_conn *c = gw_tls_owner(ssl);

	(void)arg;
	if (prepare(c))
		SSL_SESSION_set_timeout(SSL_get_session(ssl),
					(long)left_of(SSL_get_session(ssl)));
	ERR_clear_error();
	return 1; /* 0 would end the connection; on_key() refuses */
}

static SSL_TICKET_RETURN
on_show(SSL *ssl, SSL_SESSION *s, const unsigned char *name, size_t name_len,
	SSL_TICKET_STATUS status, void *arg)
{
	(void)ssl;
	(void)name;
	(void)name_len;
	(void)arg;
	/* fail closed: what is not whole and in time is no ticket */
	if ((status != SSL_TICKET_SUCCESS &&
	     status != SSL_TICKET_SUCCESS_RENEW) || left_of(s) == 0)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	/* never renewed here: nobody has judged it yet */
	return SSL_TICKET_RETURN_USE;
}

static bool
set_mac(EVP_MAC_CTX *mac, const struct gw_ticket_key *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
						  (void *)k->mac,
						  sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int
seal(SSL *ssl, struct gw_tickets *t, unsigned char *name, unsigned char *iv,
     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct gw_ticket_key k;
	bool ok;

	/* an empty ticket, which is none: after ServerHello has promised one
	 * TLS 1.2 knows no other way. 1.3 is not asked for one then. */
	if (!may_have_ticket(gw_tls_owner(ssl)) ||
	    left_of(SSL_get_session(ssl)) == 0)
		return 0;
	gw_tickets_seal(t, time(NULL), &k);
	memcpy(name, k.name, sizeof(k.name));
	gw_random(iv, 16);
	ok = set_mac(mac, &k) &&
	     EVP_EncryptInit_ex(cipher, t->cipher, NULL, k.aes, iv) == 1;
	OPENSSL_cleanse(&k, sizeof(k));
	return ok ? 1 : -1;
}

static int
unseal(struct gw_tickets *t, const unsigned char *name,
       const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct gw_ticket_key k;
	bool ok;

	if (!gw_tickets_open(t, time(NULL), name, &k))
		return 0; /* a full handshake */
	ok = set_mac(mac, &k) &&
	     EVP_DecryptInit_ex(cipher, t->cipher, NULL, k.aes, iv) == 1;
	OPENSSL_cleanse(&k, sizeof(k));
	return ok ? 1 : -1;
}

static int
on_key(SSL *ssl, unsigned char *name, unsigned char *iv,
       EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_sealing)
{
	struct gw_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	return is_sealing ? seal(ssl, t, name, iv, cipher, mac)
			  : unseal(t, name, iv, cipher, mac);
}

/* ---- */

bool
gw_resume_allow(SSL_CTX *ctx, struct gw_tickets *t, const char *title)
{
	uint8_t id[SHA256_DIGEST_LENGTH];

	_Static_assert(sizeof(id) <= SSL_MAX_SID_CTX_LENGTH, "fits");
	SHA256((const uint8_t *)title, strlen(title), id);
	SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_timeout(ctx, GW_TICKET_LIFE_S);
	/* of itself 1.3 gives none: gw_resume_offer() does */
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_app_data(ctx, t) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, id, sizeof(id)) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_key) == 1 &&
	       SSL_CTX_set_session_ticket_cb(ctx, on_make, on_show, NULL) == 1;
}

/* Borrows from the session, which outlives the call and the next. */
static bool
read_chain(SSL_SESSION *s, struct gw_chain *out)
{
	const uint8_t *p = NULL;
	size_t len = data_of(s, &p), at = TIME_LEN, n;

	if (len == 0)
		return false;
	for (; at < len; at += n) {
		if (len - at < 2 || out->count == GW_CHAIN_MAX)
			return false;
		n = (size_t)p[at] << 8 | p[at + 1];
		at += 2;
		if (n == 0 || n > len - at)
			return false;
		out->der[out->count++] = (struct gw_der){ p + at, n };
	}
	return true;
}

bool
gw_resume_chain(SSL *ssl, uint8_t *room, struct gw_chain *out)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	int len = leaf != NULL ? i2d_X509(leaf, NULL) : -1;
	uint8_t *p = room;

	*out = (struct gw_chain){ .count = 0 };
	if (len <= 0 || len > GW_CERT_MAX || i2d_X509(leaf, &p) != len)
		return false;
	out->der[out->count++] = (struct gw_der){ room, (size_t)len };
	return read_chain(SSL_get_session(ssl), out);
}

void
gw_resume_offer(struct gw_conn *c)
{
	if ((SSL_get_options(c->ssl) & SSL_OP_NO_TICKET) != 0 ||
	    SSL_version(c->ssl) != TLS1_3_VERSION || !prepare(c) ||
	    left_of(SSL_get_session(c->ssl)) == 0)
		return;
	/* without one it goes on as well */
	(void)SSL_new_session_ticket(c->ssl);
	ERR_clear_error();
}

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

/* In 1.2 a ClientHello of 7 KB is the largest that comes of it; most chains
 * have one or two intermediates of 1 to 2 KB. */
#define DATA_MAX 4096
#define TIME_LEN 8

_Static_assert(TIME_LEN + GW_STASH_CHAIN_MAX <= GW_SCRATCH, "fits");
_Static_assert(SHA256_DIGEST_LENGTH == GW_STASH_CONTEXT &&
	       GW_STASH_CONTEXT <= SSL_MAX_SID_CTX_LENGTH &&
	       GW_STASH_ID == SSL_MAX_SSL_SESSION_ID_LENGTH, "as OpenSSL's");

/* ---- what a session says besides: the time to prove anew, and certificates:
 * in 1.2 those after the leaf, which OpenSSL keeps; in 1.3, of a resumed one,
 * all. */

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

/* Seconds until the card must prove itself again: the session's end, too. It
 * has done so when the connection began, however late a ticket is given. */
static uint64_t
life_of(const struct gw_conn *c)
{
	uint64_t now = gw_loop_now_ms(c->worker->loop);
	uint64_t end = GW_MIN(c->until_ms,
			      c->started_ms + GW_TICKET_LIFE_S * 1000);

	return end > now ? (end - now) / 1000 : 0;
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
	       may_be_resumed(c);
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

/* fail closed: a clock set back makes no ticket last longer. */
static uint64_t
left_until(uint64_t end)
{
	uint64_t now = (uint64_t)time(NULL);

	return end > now && end - now <= GW_TICKET_LIFE_S ? end - now : 0;
}

/* What is left of it, in seconds; 0: over. */
static uint64_t
left_of(SSL_SESSION *s)
{
	const uint8_t *p;

	return data_of(s, &p) > 0 ? left_until(get_time(p)) : 0;
}

/* When the card must prove itself anew; 0: at once. A resumed session has the
 * time of the full handshake, which stays. */
static uint64_t
end_of(const struct gw_conn *c)
{
	const uint8_t *p;

	if (!SSL_session_reused(c->ssl))
		return (uint64_t)time(NULL) + life_of(c);
	return data_of(SSL_get_session(c->ssl), &p) > 0 ? get_time(p) : 0;
}

/* ---- TLS 1.3: the ticket is a name */

/* Nothing is sealed with it: that the keys are replaced bounds how long a
 * ticket is good, of either version. */
static void
note_key(struct gw_tickets *t, uint8_t out[GW_TICKET_NAME])
{
	struct gw_ticket_key k;

	gw_tickets_seal(t, time(NULL), &k);
	memcpy(out, k.name, GW_TICKET_NAME);
	OPENSSL_cleanse(&k, sizeof(k));
}

static bool
has_key(struct gw_tickets *t, const uint8_t name[GW_TICKET_NAME])
{
	struct gw_ticket_key k;
	bool is = gw_tickets_open(t, time(NULL), name, &k);

	OPENSSL_cleanse(&k, sizeof(k));
	return is;
}

/* The secret is that of the ticket which goes out now. */
static bool
describe(const struct gw_conn *c, SSL_SESSION *s, struct gw_stashed *out)
{
	unsigned len = 0;
	const unsigned char *id = SSL_SESSION_get_id(s, &len);
	const unsigned char *context;
	size_t n = SSL_SESSION_get_master_key(s, NULL, 0);

	*out = (struct gw_stashed){ .end = (time_t)end_of(c) };
	if (len != GW_STASH_ID || n == 0 || n > GW_STASH_SECRET)
		return false;
	memcpy(out->id, id, GW_STASH_ID);
	context = SSL_SESSION_get0_id_context(s, &len);
	if (len != GW_STASH_CONTEXT)
		return false;
	memcpy(out->context, context, GW_STASH_CONTEXT);
	out->secret_len = (uint8_t)SSL_SESSION_get_master_key(
		s, out->secret, sizeof(out->secret));
	out->cipher = SSL_CIPHER_get_protocol_id(SSL_SESSION_get0_cipher(s));
	out->made_at = (time_t)SSL_SESSION_get_time(s);
	return true;
}

static struct gw_resumption *
resumption_of(SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static int
on_new(SSL *ssl, SSL_SESSION *s)
{
	struct gw_conn *c = gw_tls_owner(ssl);
	struct gw_resumption *r = resumption_of(ssl);
	struct gw_stashed t;

	if (SSL_version(ssl) == TLS1_3_VERSION && may_have_ticket(c) &&
	    describe(c, s, &t)) {
		note_key(&r->tickets, t.key);
		gw_stash_put(r->stash, c->card, &t, time(NULL));
		OPENSSL_cleanse(&t, sizeof(t));
	}
	return 0; /* no reference was kept */
}

static bool
rebuild(SSL *ssl, const struct gw_stashed *t, uint8_t *data, size_t len,
	SSL_SESSION *s)
{
	const uint8_t id[] = { (uint8_t)(t->cipher >> 8), (uint8_t)t->cipher };
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, id);

	put_time(data, (uint64_t)t->end);
	return cipher != NULL && SSL_SESSION_set_cipher(s, cipher) == 1 &&
	       SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1 &&
	       SSL_SESSION_set1_master_key(s, t->secret, t->secret_len) == 1 &&
	       SSL_SESSION_set1_id_context(s, t->context, GW_STASH_CONTEXT) ==
		       1 &&
	       SSL_SESSION_set_time(s, (long)t->made_at) > 0 &&
	       SSL_SESSION_set_timeout(s, (long)(t->end - t->made_at)) == 1 &&
	       SSL_SESSION_set1_ticket_appdata(s, data, TIME_LEN + len) == 1;
}

/* OpenSSL checks the listener, the cipher and the time, and that the client
 * knows the secret. */
static SSL_SESSION *
on_find(SSL *ssl, const unsigned char *id, int id_len, int *out_is_shared)
{
	struct gw_conn *c = gw_tls_owner(ssl);
	struct gw_resumption *r = resumption_of(ssl);
	uint8_t *data = (uint8_t *)c->worker->scratch;
	SSL_SESSION *s = NULL;
	struct gw_stashed t;
	size_t len;

	*out_is_shared = 0;
	if (SSL_version(ssl) != TLS1_3_VERSION || id_len != GW_STASH_ID)
		return NULL;
	len = gw_stash_find(r->stash, id, time(NULL), &t, data + TIME_LEN);
	if (len > 0 && has_key(&r->tickets, t.key))
		s = SSL_SESSION_new();
	if (s != NULL && !rebuild(ssl, &t, data, len, s)) {
		SSL_SESSION_free(s);
		s = NULL;
	}
	OPENSSL_cleanse(&t, sizeof(t));
	return s;
}

/* Which of the two kinds it can be: names, unless no more than 1.2 is
 * offered. */
static bool
offers_13(SSL *ssl)
{
	const unsigned char *p;
	size_t len;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &p,
				      &len) != 1)
		return false;
	for (size_t i = 1; i + 1 < len; i += 2)
		if (p[i] == 0x03 && p[i + 1] == 0x04)
			return true;
	return false;
}

static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	(void)arg;
	if (!offers_13(ssl))
		SSL_clear_options(ssl, SSL_OP_NO_TICKET);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* ---- TLS 1.2: the ticket holds everything, sealed */

/* Gives the session what its tickets are to say. A resumed one has it. */
static bool
prepare(struct gw_conn *c)
{
	SSL_SESSION *s = SSL_get_session(c->ssl);
	STACK_OF(X509) *certs = SSL_get_peer_cert_chain(c->ssl);
	uint8_t data[DATA_MAX];
	const uint8_t *old;
	size_t len = 0;

	if (!may_have_ticket(c) || SSL_get0_peer_certificate(c->ssl) == NULL)
		return false;
	if (SSL_session_reused(c->ssl))
		return data_of(s, &old) > 0;
	if (sk_X509_num(certs) > 0 &&
	    (len = put_chain(certs, data + TIME_LEN,
			     sizeof(data) - TIME_LEN)) == 0)
		return false;
	put_time(data, end_of(c));
	return SSL_SESSION_set1_ticket_appdata(s, data, TIME_LEN + len) == 1;
}

static int
on_make(SSL *ssl, void *arg)
{
	struct gw_conn *c = gw_tls_owner(ssl);
	SSL_SESSION *s = SSL_get_session(ssl);

	(void)arg;
	if (SSL_version(ssl) == TLS1_3_VERSION)
		SSL_SESSION_set_timeout(s, (long)left_until(end_of(c)));
	else if (prepare(c))
		SSL_SESSION_set_timeout(s, (long)left_of(s));
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
	 * TLS 1.2 knows no other way */
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
	struct gw_tickets *t = &resumption_of(ssl)->tickets;

	return is_sealing ? seal(ssl, t, name, iv, cipher, mac)
			  : unseal(t, name, iv, cipher, mac);
}

/* ---- */

void
gw_resumption_init(struct gw_resumption *r, time_t seal_s)
{
	gw_tickets_init(&r->tickets, seal_s);
	r->stash = gw_stash_new();
}

void
gw_resumption_clear(struct gw_resumption *r)
{
	gw_tickets_clear(&r->tickets);
	gw_stash_free(r->stash);
	r->stash = NULL;
}

/* OpenSSL's own store is not used: one of its entries dies with any connection
 * that breaks off, and holds the certificate decoded. */
static void
use_stash(SSL_CTX *ctx)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER |
					    SSL_SESS_CACHE_NO_INTERNAL |
					    SSL_SESS_CACHE_NO_AUTO_CLEAR);
	SSL_CTX_sess_set_new_cb(ctx, on_new);
	SSL_CTX_sess_set_get_cb(ctx, on_find);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
}

bool
gw_resume_allow(SSL_CTX *ctx, struct gw_resumption *r, const char *title)
{
	uint8_t id[SHA256_DIGEST_LENGTH];

	SHA256((const uint8_t *)title, strlen(title), id);
	use_stash(ctx);
	SSL_CTX_set_timeout(ctx, GW_TICKET_LIFE_S);
	/* of itself 1.3 gives none: gw_resume_offer() does */
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_app_data(ctx, r) == 1 &&
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

static bool
add_leaf(X509 *leaf, uint8_t *room, struct gw_chain *out)
{
	int len = i2d_X509(leaf, NULL);
	uint8_t *p = room;

	if (len <= 0 || len > GW_CERT_MAX || i2d_X509(leaf, &p) != len)
		return false;
	out->der[out->count++] = (struct gw_der){ room, (size_t)len };
	return true;
}

bool
gw_resume_chain(SSL *ssl, uint8_t *room, struct gw_chain *out)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);

	*out = (struct gw_chain){ .count = 0 };
	return (leaf == NULL || add_leaf(leaf, room, out)) &&
	       read_chain(SSL_get_session(ssl), out) && out->count > 0;
}

void
gw_resume_offer(struct gw_conn *c, const struct gw_chain *chain)
{
	struct gw_resumption *r = resumption_of(c->ssl);

	if (r == NULL || SSL_version(c->ssl) != TLS1_3_VERSION ||
	    !may_have_ticket(c) || left_until(end_of(c)) == 0)
		return;
	c->card = gw_stash_keep(r->stash, c->account, chain->der, chain->count,
				time(NULL));
	if (c->card == 0)
		return;
	/* without one it goes on as well */
	(void)SSL_new_session_ticket(c->ssl);
	ERR_clear_error();
}

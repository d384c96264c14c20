/* resume_name.c — TLS 1.3: the ticket is the name of an entry in stash.h. See
 * resume.h. */
#include "resume_priv.h"
#include "conn.h"
#include "tls.h"
#include "worker.h"

#include <string.h>
#include <openssl/crypto.h>

_Static_assert(GW_RESUME_TIME + GW_STASH_CHAIN_MAX <= GW_SCRATCH, "fits");

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

	*out = (struct gw_stashed){ .end = (time_t)gw_resume_end(c) };
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

static int
on_new(SSL *ssl, SSL_SESSION *s)
{
	struct gw_conn *c = gw_tls_owner(ssl);
	struct gw_resumption *r = gw_resumption_of(ssl);
	struct gw_stashed t;

	if (SSL_version(ssl) == TLS1_3_VERSION && gw_resume_may(c) &&
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

	gw_resume_put_time(data, (uint64_t)t->end);
	return cipher != NULL && SSL_SESSION_set_cipher(s, cipher) == 1 &&
	       SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1 &&
	       SSL_SESSION_set1_master_key(s, t->secret, t->secret_len) == 1 &&
	       SSL_SESSION_set1_id_context(s, t->context, GW_STASH_CONTEXT) ==
		       1 &&
	       SSL_SESSION_set_time(s, (long)t->made_at) > 0 &&
	       SSL_SESSION_set_timeout(s, (long)(t->end - t->made_at)) == 1 &&
	       SSL_SESSION_set1_ticket_appdata(s, data, GW_RESUME_TIME + len) == 1;
}

/* OpenSSL checks the listener, the cipher and the time, and that the client
 * knows the secret. */
static SSL_SESSION *
on_find(SSL *ssl, const unsigned char *id, int id_len, int *out_is_shared)
{
	struct gw_conn *c = gw_tls_owner(ssl);
	struct gw_resumption *r = gw_resumption_of(ssl);
	uint8_t *data = (uint8_t *)c->worker->scratch;
	SSL_SESSION *s = NULL;
	struct gw_stashed t;
	size_t len;

	*out_is_shared = 0;
	if (SSL_version(ssl) != TLS1_3_VERSION || id_len != GW_STASH_ID)
		return NULL;
	len = gw_stash_find(r->stash, id, time(NULL), &t, data + GW_RESUME_TIME);
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

/* OpenSSL's own store is not used: one of its entries dies with any connection
 * that breaks off, and holds the certificate decoded. */
void
gw_resume_by_name(SSL_CTX *ctx)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER |
					    SSL_SESS_CACHE_NO_INTERNAL |
					    SSL_SESS_CACHE_NO_AUTO_CLEAR);
	SSL_CTX_sess_set_new_cb(ctx, on_new);
	SSL_CTX_sess_set_get_cb(ctx, on_find);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
}

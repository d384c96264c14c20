/* resume_seal.c — TLS 1.2: the ticket holds everything, sealed with a key of
 * ticket.h. See resume.h. */
#include "resume_priv.h"
#include "conn.h"
#include "tls.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/* A ClientHello of 7 KB is the largest that comes of it; most chains have one
 * or two intermediates of 1 to 2 KB. */
#define DATA_MAX 4096

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

/* Gives the session what its tickets are to say. A resumed one has it. */
static bool
prepare(struct gw_conn *c)
{
	SSL_SESSION *s = SSL_get_session(c->ssl);
	STACK_OF(X509) *certs = SSL_get_peer_cert_chain(c->ssl);
	uint8_t data[DATA_MAX];
	const uint8_t *old;
	size_t len = 0;

	if (!gw_resume_may(c) || SSL_get0_peer_certificate(c->ssl) == NULL)
		return false;
	if (SSL_session_reused(c->ssl))
		return gw_resume_data(s, &old) > 0;
	if (sk_X509_num(certs) > 0 &&
	    (len = put_chain(certs, data + GW_RESUME_TIME,
			     sizeof(data) - GW_RESUME_TIME)) == 0)
		return false;
	gw_resume_put_time(data, gw_resume_end(c));
	return SSL_SESSION_set1_ticket_appdata(s, data, GW_RESUME_TIME + len) == 1;
}

static int
on_make(SSL *ssl, void *arg)
{
	struct gw_conn *c = gw_tls_owner(ssl);
	SSL_SESSION *s = SSL_get_session(ssl);

	(void)arg;
	if (SSL_version(ssl) == TLS1_3_VERSION)
		SSL_SESSION_set_timeout(s, (long)gw_resume_left_until(gw_resume_end(c)));
	else if (prepare(c))
		SSL_SESSION_set_timeout(s, (long)gw_resume_left(s));
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
	     status != SSL_TICKET_SUCCESS_RENEW) || gw_resume_left(s) == 0)
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
	if (!gw_resume_may(gw_tls_owner(ssl)) ||
	    gw_resume_left(SSL_get_session(ssl)) == 0)
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
	struct gw_tickets *t = &gw_resumption_of(ssl)->tickets;

	return is_sealing ? seal(ssl, t, name, iv, cipher, mac)
			  : unseal(t, name, iv, cipher, mac);
}

bool
gw_resume_by_seal(SSL_CTX *ctx)
{
	return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_key) == 1 &&
	       SSL_CTX_set_session_ticket_cb(ctx, on_make, on_show, NULL) == 1;
}

/* context.c — see context.h. */
#include "context.h"
#include "alert.h"
#include "algs.h"
#include "canames.h"
#include "handshake.h"
#include "ossl.h"
#include "tls.h"

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

GW_DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)

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
set_verify(SSL_CTX *ctx, const struct gw_context_setup *s)
{
	int mode = SSL_VERIFY_PEER;

	if (s->listener->denied == GW_DENIED_ALERT)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	SSL_CTX_set_max_cert_list(ctx, CERTIFICATES_MAX);
	gw_tls_hook(ctx, &gw_handshake_hooks);
	return gw_canames_set(ctx, s->ca_names);
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

/* It would skip the judgement of the certificate. */
static void
forbid_resumption(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
}

static void
set_modes(SSL_CTX *ctx)
{
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

static enum gw_err
make(const struct gw_context_setup *s, struct gw_certs *certs, size_t group,
     SSL_CTX **out, struct gw_error *err)
{
	const char *title = s->listener->title;
	gw_auto(SSL_CTX_free) SSL_CTX *ctx =
		SSL_CTX_new_ex(gw_algs_tls(), NULL, TLS_server_method());

	if (ctx == NULL || !set_versions(ctx) || !set_verify(ctx, s) ||
	    !gw_alert_allow(ctx))
		return gw_ossl_fail(err, title, "TLS");
	set_modes(ctx);
	if (s->listener->resumption &&
	    !gw_resume_allow(ctx, s->resumption, title))
		return gw_ossl_fail(err, title, "tickets");
	if (!gw_certs_use(certs, group, ctx))
		return gw_ossl_fail(err, title, "certificate");
	*out = gw_steal(&ctx);
	return GW_ERR_OK;
}

enum gw_err
gw_context_new(const struct gw_context_setup *s, SSL_CTX **out,
	       struct gw_error *err)
{
	struct gw_certs *certs = NULL;
	SSL_CTX *dflt = NULL, *other;
	enum gw_err rc = gw_certs_new(s->listener, s->files, s->file_count,
				      &certs, err);

	if (rc == GW_ERR_OK)
		rc = make(s, certs, 0, &dflt, err);
	for (size_t i = 1; rc == GW_ERR_OK && i < gw_certs_groups(certs); i++)
		rc = make(s, certs, i, &other, err);
	if (rc == GW_ERR_OK && !gw_certs_attach(certs))
		rc = gw_ossl_fail(err, s->listener->title, "TLS");
	if (rc != GW_ERR_OK) {
		SSL_CTX_free(dflt);
		gw_certs_free(certs);
		return rc;
	}
	*out = dflt;
	return GW_ERR_OK;
}

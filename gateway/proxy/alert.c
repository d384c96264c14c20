/* alert.c — see alert.h. */
#include "alert.h"
#include "gw/util.h"

#include <sys/socket.h>
#include <openssl/err.h>

/* From the range for private use; no ticket ever carries it. */
#define EXTENSION 0xff47

static int slot = -1; /* of the alert in an SSL's ex_data; none: no alert */

void
gw_alert_init(void)
{
	if (slot < 0)
		slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	gw_assert(slot >= 0);
}

int
gw_alert_of(enum gw_err reason)
{
	static const struct { enum gw_err reason; int alert; } table[] = {
		{ GW_ERR_CERT_REVOKED, SSL_AD_CERTIFICATE_REVOKED },
		{ GW_ERR_CERT_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED },
		{ GW_ERR_CERT_UNTRUSTED, SSL_AD_UNKNOWN_CA },
		/* RFC 8446 6.2: "or is not currently valid" */
		{ GW_ERR_CERT_NOT_YET_VALID, SSL_AD_CERTIFICATE_EXPIRED },
		{ GW_ERR_CERT_MALFORMED, SSL_AD_BAD_CERTIFICATE },
		{ GW_ERR_CERT_CONSTRAINT, SSL_AD_BAD_CERTIFICATE },
		{ GW_ERR_CERT_POLICY, SSL_AD_BAD_CERTIFICATE },
		{ GW_ERR_CERT_WEAK_KEY, SSL_AD_BAD_CERTIFICATE },
		{ GW_ERR_REVOCATION_UNKNOWN, SSL_AD_BAD_CERTIFICATE },
		/* decrypt_error is for the handshake's own signatures */
		{ GW_ERR_CERT_BAD_SIGNATURE, SSL_AD_BAD_CERTIFICATE },
		{ GW_ERR_CERT_EKU, SSL_AD_UNSUPPORTED_CERTIFICATE },
	};

	for (size_t i = 0; i < GW_COUNT(table); i++)
		if (table[i].reason == reason)
			return table[i].alert;
	/* ours to mend: the card is not at fault */
	if (gw_err_http_status(reason) >= 500)
		return SSL_AD_INTERNAL_ERROR;
	/* the certificate is good, its owner may not come in */
	return SSL_AD_ACCESS_DENIED;
}

/* ---- TLS 1.3 */

/* 0: the ticket goes out without it; -1: the alert does, and no ticket. */
static int
on_ticket(SSL *ssl, unsigned type, unsigned context,
	  const unsigned char **out, size_t *out_len, X509 *x, size_t index,
	  int *al, void *arg)
{
	const int *alert = SSL_get_ex_data(ssl, slot);

	(void)type;
	(void)context;
	(void)out;
	(void)out_len;
	(void)x;
	(void)index;
	(void)arg;
	if (alert == NULL)
		return 0;
	*al = *alert;
	return -1;
}

bool
gw_alert_allow(SSL_CTX *ctx)
{
	return SSL_CTX_add_custom_ext(ctx, EXTENSION,
				      SSL_EXT_TLS1_3_NEW_SESSION_TICKET,
				      on_ticket, NULL, NULL, NULL, NULL) == 1;
}

void
gw_alert_send(SSL *ssl, enum gw_err reason)
{
	int alert = gw_alert_of(reason);

	if (SSL_version(ssl) != TLS1_3_VERSION ||
	    SSL_set_ex_data(ssl, slot, &alert) != 1)
		return;
	/* a ticket that says nothing asks no key for it */
	SSL_set_options(ssl, SSL_OP_NO_TICKET);
	if (SSL_new_session_ticket(ssl) == 1)
		(void)SSL_do_handshake(ssl);
	(void)SSL_set_ex_data(ssl, slot, NULL);
	ERR_clear_error();
}

/* ---- TLS 1.2 */

void
gw_alert_send_plain(struct gw_sock *s, enum gw_err reason)
{
	const uint8_t record[] = { SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL,
				   (uint8_t)gw_alert_of(reason) };
	size_t n;

	/* when it does not fit, the end must tell */
	(void)gw_sock_write(s, record, sizeof(record), &n);
	/* fail closed: no Finished follows, whatever OpenSSL goes on to do */
	(void)shutdown(s->io.fd, SHUT_WR);
}

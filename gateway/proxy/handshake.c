/* handshake.c — see handshake.h. */
#include "handshake.h"
#include "alert.h"
#include "conn.h"
#include "resume.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/async.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/* Of a client's key. PIV has no more than 3072 bits (SP 800-78-5), tokens
 * have 4096; the exponent as gwd-auth has it. */
#define RSA_BITS_MAX          4096
#define RSA_EXPONENT_BITS_MAX 64

GW_DEFINE_CLEANUP(BIGNUM *, BN_free)

/* ---- the question */

static bool
add(X509 *cert, uint8_t **p, size_t *total, struct gw_chain *out)
{
	int len = i2d_X509(cert, NULL);
	uint8_t *start = *p;

	if (len <= 0 || len > GW_CERT_MAX || out->count == GW_CHAIN_MAX ||
	    (*total += (size_t)len) > GW_CHAIN_BYTES_MAX)
		return false;
	out->der[out->count++] = (struct gw_der){ start, (size_t)len };
	return i2d_X509(cert, p) == len; /* moves p */
}

/* The certificates as they were sent, leaf first, one after the other in the
 * worker's scratch. False when they are too many or too large. */
static bool
collect(struct gw_conn *c, struct gw_chain *out)
{
	uint8_t *p = (uint8_t *)c->worker->scratch;
	X509 *leaf = SSL_get0_peer_certificate(c->ssl);
	STACK_OF(X509) *rest = SSL_get_peer_cert_chain(c->ssl);
	size_t total = 0;

	if (SSL_session_reused(c->ssl))
		return gw_resume_chain(c->ssl, p, out);
	out->count = 0;
	if (leaf == NULL || !add(leaf, &p, &total, out))
		return false;
	for (int i = 0; i < sk_X509_num(rest); i++)
		if (!add(sk_X509_value(rest, i), &p, &total, out))
			return false;
	return true;
}

static enum gw_err
put(struct gw_conn *c, const struct gw_chain *chain)
{
	struct gw_worker *w = c->worker;
	struct gw_admit m = { .is_resumed = SSL_session_reused(c->ssl) };

	memcpy(m.login, c->login, sizeof(m.login));
	if (!gw_copy(m.listener, sizeof(m.listener),
		     gw_conn_conf(c)->title))
		return GW_ERR_INTERNAL;
	gw_conn_peer(c, m.peer);
	memcpy(m.chain, chain->der, sizeof(m.chain));
	m.chain_count = chain->count;
	return gw_admitter_ask(&w->admitter, c, &m, &c->slot);
}

static void
ask(struct gw_conn *c)
{
	struct gw_chain chain;
	enum gw_err rc = GW_ERR_CERT_MALFORMED;

	c->is_asked = true;
	/* fail closed: whatever a ticket was given for */
	c->verdict = GW_VERDICT_DENY;
	/* fail closed: no key proven, no question */
	if (!c->has_signed && !SSL_session_reused(c->ssl))
		rc = GW_ERR_INTERNAL;
	else if (collect(c, &chain))
		rc = put(c, &chain);
	c->is_waiting = rc == GW_ERR_OK;
	if (!c->is_waiting)
		c->reason = rc;
}

/* The session is ours to leave from here on, whatever comes. */
static void
take_session(struct gw_conn *c, const struct gw_verdict_msg *v)
{
	uint64_t now = gw_loop_now_ms(c->worker->loop);
	int64_t left = (int64_t)v->until - (int64_t)time(NULL);

	c->link = c->worker->admitter.link;
	memcpy(c->session, v->session, sizeof(c->session));
	c->until_ms = left > 0 ? now + (uint64_t)left * 1000 : 0;
	gw_roster_join(c);
}

_Static_assert(GW_CHAIN_BYTES_MAX + GW_IDENT_SCRATCH <= GW_SCRATCH,
	       "certificates and block fit into a worker's scratch");

/* fail closed: the one place where a connection becomes allowed. The scratch
 * is filled once more: others have used it meanwhile. */
static void
allow(struct gw_conn *c, const struct gw_verdict_msg *v)
{
	struct gw_worker *w = c->worker;
	struct gw_chain chain;

	c->reason = GW_ERR_INTERNAL;
	if (!collect(c, &chain))
		return;
	c->ident = gw_ident_new(&w->site->conf->headers, v, chain.der,
				chain.count, c->ip,
				w->scratch + GW_CHAIN_BYTES_MAX);
	if (c->ident == NULL)
		return;
	c->account = v->has_account ? gw_xstrdup(v->sam) : NULL;
	c->reason = GW_ERR_OK;
	c->verdict = GW_VERDICT_ALLOW;
	gw_resume_offer(c, &chain);
}

/* What gwd-auth said, if it did. */
static void
apply(struct gw_conn *c)
{
	struct gw_verdict_msg *v = c->answer;

	if (v == NULL)
		return;
	if (v->verdict == GW_VERDICT_ALLOW && c->until_ms != 0)
		allow(c, v);
	gw_verdict_clear(v);
	free(v);
	c->answer = NULL;
}

/* ---- TLS 1.2: inside the job, with 32 KiB of stack */

static void
await(struct gw_conn *c)
{
	while (c->is_waiting)
		/* fail closed: outside a job nothing could wait */
		if (ASYNC_get_current_job() == NULL ||
		    ASYNC_pause_job() != 1) {
			gw_handshake_unjudged(c, GW_ERR_INTERNAL);
			return;
		}
}

static void
judge_within(struct gw_conn *c)
{
	ask(c);
	await(c);
	if (c->state == GW_CONN_DEAD)
		return; /* only its end is awaited */
	apply(c);
	if (c->verdict == GW_VERDICT_ALLOW ||
	    gw_conn_conf(c)->denied != GW_DENIED_ALERT)
		return;
	c->is_refused = true;
	gw_alert_send_plain(&c->sock, c->reason);
}

static void
on_message(SSL *ssl, int type)
{
	struct gw_conn *c = gw_tls_owner(ssl);

	if (type == SSL3_MT_CERTIFICATE_VERIFY)
		c->has_signed = true;
	else if (type == SSL3_MT_FINISHED && !c->is_asked &&
		 SSL_version(ssl) == TLS1_2_VERSION &&
		 !SSL_session_reused(ssl) &&
		 SSL_get0_peer_certificate(ssl) != NULL)
		judge_within(c);
}

/* Whether its signature may be looked at: with the keys that no card has that
 * alone takes milliseconds, and any stranger can show one. Other kinds of key
 * are bounded by the groups of context.c. */
static bool
is_too_costly(const EVP_PKEY *key)
{
	gw_auto(BN_free) BIGNUM *e = NULL;

	if (key == NULL || (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA &&
			    EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA_PSS))
		return false;
	/* fail closed: no exponent, no key */
	return EVP_PKEY_get_bits(key) > RSA_BITS_MAX ||
	       EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
	       BN_num_bits(e) > RSA_EXPONENT_BITS_MAX;
}

/* Any certificate will do for now: first its key, then its worth. */
static int
take_any(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
		ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct gw_conn *c = gw_tls_owner(ssl);

	(void)arg;
	c->is_refused = is_too_costly(
		X509_get0_pubkey(X509_STORE_CTX_get0_cert(ctx)));
	if (c->is_refused)
		c->reason = GW_ERR_CERT_WEAK_KEY;
	/* OpenSSL makes of it the alert that alert.c has for the reason */
	X509_STORE_CTX_set_error(ctx, c->is_refused
					      ? X509_V_ERR_EE_KEY_TOO_SMALL
					      : X509_V_OK);
	return !c->is_refused;
}

const struct gw_tls_hooks gw_handshake_hooks = {
	.verify = take_any, .message = on_message,
};

/* ---- outside of it */

static void
log_failure(const struct gw_conn *c, const char *event, const char *why)
{
	char peer[GW_PEER_MAX];

	if (!gw_worker_may_log(c->worker))
		return;
	gw_conn_peer(c, peer);
	gw_event(GW_LOG_INFO, event, "req", c->login, "listener",
		 gw_conn_conf(c)->title, "peer", peer, "reason",
		 gw_err_name(c->reason), "detail", why, NULL);
}

/* Nobody is refused here but who sent no certificate: the handshake itself
 * came to nothing. */
static void
note_failure(struct gw_conn *c, enum gw_err reason, const char *why)
{
	c->reason = reason;
	if (reason == GW_ERR_TLS_NO_CERTIFICATE)
		c->listener->count.denied++;
	else
		c->listener->count.handshakes_failed++;
	log_failure(c, "handshake-failed", why);
}

/* An alert may be on its way to a client that is already talking: see
 * linger.h. */
static void
fail(struct gw_conn *c, enum gw_err reason, const char *why)
{
	note_failure(c, reason, why);
	gw_conn_cut(c, why);
}

void
gw_handshake_unjudged(struct gw_conn *c, enum gw_err why)
{
	gw_assert(c->is_waiting);
	gw_admitter_forget(&c->worker->admitter, c->slot);
	c->is_waiting = false;
	c->reason = why;
	if (c->state == GW_CONN_HANDSHAKE && ASYNC_get_current_job() == NULL)
		gw_conn_run(c);
}

void
gw_handshake_judged(struct gw_conn *c, struct gw_verdict_msg *v)
{
	gw_assert(c->is_waiting && c->answer == NULL);
	gw_admitter_forget(&c->worker->admitter, c->slot);
	c->is_waiting = false;
	c->answer = v;
	c->reason = v->reason;
	if (v->verdict == GW_VERDICT_ALLOW)
		take_session(c, v);
	if (c->until_ms == 0) /* fail closed: over before it began */
		c->reason = GW_ERR_SESSION_ENDED;
	gw_conn_run(c);
}

void
gw_handshake_timeout(struct gw_conn *c)
{
	if (!c->is_waiting) {
		note_failure(c, GW_ERR_TLS_HANDSHAKE, "timeout");
		gw_conn_end(c, "timeout");
		return;
	}
	/* the client gets the time to learn of it */
	gw_conn_deadline(c, gw_conn_conf(c)->header_timeout_ms);
	gw_handshake_unjudged(c, GW_ERR_AUTH_UNAVAILABLE);
}

/* By an alert, where TLS knows how. */
static void
refuse(struct gw_conn *c)
{
	c->listener->count.denied++;
	log_failure(c, "connection-denied", "by alert");
	if (!c->is_refused)
		gw_alert_send(c->ssl, c->reason);
	gw_conn_finish(c, gw_err_name(c->reason));
}

static void
settle(struct gw_conn *c)
{
	if (!c->is_asked) {
		c->verdict = GW_VERDICT_DENY;
		c->reason = GW_ERR_TLS_NO_CERTIFICATE;
	}
	if (c->verdict == GW_VERDICT_ALLOW && c->ident != NULL) {
		gw_conn_serve(c);
	} else if (gw_conn_conf(c)->denied == GW_DENIED_ALERT) {
		refuse(c);
	} else {
		gw_conn_deny(c);
	}
}

/* A resumed session has what it was proven with. */
static bool
has_certificate(const struct gw_conn *c)
{
	return SSL_session_reused(c->ssl) ||
	       SSL_get0_peer_certificate(c->ssl) != NULL;
}

/* Comes twice when the question is still to be asked: to ask, and with the
 * answer. */
static void
done(struct gw_conn *c)
{
	if (!c->is_done) {
		c->is_done = true;
		c->listener->count.handshakes++;
		/* reads and writes from now on need no job */
		SSL_clear_mode(c->ssl, SSL_MODE_ASYNC);
		if (!c->is_asked && has_certificate(c))
			ask(c);
	}
	if (c->is_waiting)
		return;
	apply(c);
	settle(c);
}

static void
failed(struct gw_conn *c, const char *why)
{
	if (c->is_refused)
		refuse(c);
	else
		fail(c, GW_ERR_TLS_HANDSHAKE, why);
}

void
gw_handshake_run(struct gw_conn *c)
{
	char why[96];

	if (c->is_waiting)
		return;
	switch (gw_tls_handshake(c->ssl, why, sizeof(why))) {
	case GW_HS_DONE:
		done(c);
		break;
	case GW_HS_AGAIN:
	case GW_HS_PAUSED:
		break;
	case GW_HS_NO_CERTIFICATE:
		fail(c, GW_ERR_TLS_NO_CERTIFICATE, why);
		break;
	case GW_HS_FAILED:
		failed(c, why);
		break;
	}
}

/* handshake.c — see handshake.h. */
#include "handshake.h"
#include "conn.h"
#include "resume.h"
#include "tls.h"
#include "worker.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/async.h>
#include <openssl/err.h>
#include <openssl/x509.h>

/* ---- inside the job: 32 KiB of stack */

/* The certificates as they were sent, leaf first, one after the other in the
 * worker's scratch. False when they are too many or too large. */
static bool
collect(STACK_OF(X509) *certs, char *scratch, struct gw_chain *out)
{
	int n = sk_X509_num(certs);
	uint8_t *p = (uint8_t *)scratch;
	size_t total = 0;

	out->count = 0;
	if (n < 1 || n > GW_CHAIN_MAX)
		return false;
	for (int i = 0; i < n; i++) {
		X509 *cert = sk_X509_value(certs, i);
		int len = i2d_X509(cert, NULL);

		if (len <= 0 || len > GW_CERT_MAX ||
		    (total += (size_t)len) > GW_CHAIN_BYTES_MAX)
			return false;
		out->der[out->count++] = (struct gw_der){ p, (size_t)len };
		if (i2d_X509(cert, &p) != len) /* moves p */
			return false;
	}
	return true;
}

static enum gw_err
ask(struct gw_conn *c, const struct gw_chain *chain, bool is_resumed)
{
	struct gw_worker *w = c->worker;
	struct gw_admit m = { .is_resumed = is_resumed };

	memcpy(m.login, c->login, sizeof(m.login));
	if (!gw_copy(m.listener, sizeof(m.listener),
		     gw_conn_conf(c)->title))
		return GW_ERR_INTERNAL;
	gw_conn_peer(c, m.peer);
	memcpy(m.chain, chain->der, sizeof(m.chain));
	m.chain_count = chain->count;
	return gw_admitter_ask(&w->admitter, c, &m, &c->slot);
}

/* The session is ours to leave from here on, whatever comes. */
static void
take_session(struct gw_conn *c, const struct gw_verdict_msg *v)
{
	uint64_t now = gw_loop_now_ms(c->worker->loop);
	int64_t left = (int64_t)v->until - (int64_t)time(NULL);

	c->is_admitted = true;
	c->link = c->worker->admitter.link;
	memcpy(c->session, v->session, sizeof(c->session));
	c->until_ms = left > 0 ? now + (uint64_t)left * 1000 : 0;
	gw_conn_join_session(c);
}

/* fail closed: the one place where a connection becomes allowed. */
static void
apply(struct gw_conn *c, const struct gw_chain *chain)
{
	struct gw_worker *w = c->worker;
	const struct gw_verdict_msg *v = c->answer;

	if (v == NULL || c->until_ms == 0)
		return;
	c->reason = v->reason;
	if (v->verdict != GW_VERDICT_ALLOW)
		return;
	c->reason = GW_ERR_INTERNAL;
	c->ident = gw_ident_new(&w->site->conf->headers, v, chain->der,
				chain->count, c->ip,
				w->scratch + GW_CHAIN_BYTES_MAX);
	if (c->ident == NULL)
		return;
	c->reason = GW_ERR_OK;
	c->verdict = GW_VERDICT_ALLOW;
}

_Static_assert(GW_CHAIN_BYTES_MAX + GW_IDENT_SCRATCH <= GW_SCRATCH,
	       "certificates and block fit into a worker's scratch");

static void
drop_answer(struct gw_conn *c)
{
	if (c->answer == NULL)
		return;
	gw_verdict_clear(c->answer);
	free(c->answer);
	c->answer = NULL;
}

static void
await(struct gw_conn *c)
{
	/* fail closed: outside a job nothing could wait */
	if (ASYNC_get_current_job() == NULL) {
		gw_handshake_unjudged(c, GW_ERR_INTERNAL);
		return;
	}
	while (c->is_waiting)
		if (ASYNC_pause_job() != 1) {
			gw_handshake_unjudged(c, GW_ERR_INTERNAL);
			return;
		}
}

int
gw_handshake_verify(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx,
				SSL_get_ex_data_X509_STORE_CTX_idx());
	struct gw_conn *c = gw_tls_owner(ssl);
	STACK_OF(X509) *certs = X509_STORE_CTX_get0_untrusted(ctx);
	char *scratch = c->worker->scratch;
	struct gw_chain chain;
	enum gw_err rc = GW_ERR_CERT_MALFORMED;

	(void)arg;
	if (collect(certs, scratch, &chain))
		rc = ask(c, &chain, false);
	if (rc == GW_ERR_OK) {
		c->is_waiting = true;
		await(c);
	} else {
		c->reason = rc;
	}
	if (c->state == GW_CONN_DEAD)
		return 0; /* only its end is awaited */
	/* once more: others have used the scratch meanwhile */
	if (collect(certs, scratch, &chain))
		apply(c, &chain);
	drop_answer(c);
	if (c->verdict == GW_VERDICT_ALLOW) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	X509_STORE_CTX_set_error(ctx, gw_tls_verify_error(c->reason));
	return gw_conn_conf(c)->denied != GW_DENIED_ALERT;
}

/* ---- outside of it */

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
		c->listener->count.handshakes_failed++;
		gw_conn_end(c, "handshake timeout");
		return;
	}
	/* the client gets the time to learn of it */
	gw_conn_deadline(c, gw_conn_conf(c)->header_timeout_ms);
	gw_handshake_unjudged(c, GW_ERR_AUTH_UNAVAILABLE);
}

static void
log_failure(const struct gw_conn *c, const char *why)
{
	char peer[GW_PEER_MAX];

	if (!gw_worker_may_log(c->worker))
		return;
	gw_conn_peer(c, peer);
	gw_event(GW_LOG_INFO, "handshake-failed", "req", c->login, "listener",
		 gw_conn_conf(c)->title, "peer", peer, "reason",
		 c->reason == GW_ERR_AUTH_UNAVAILABLE ? why
						      : gw_err_name(c->reason),
		 "detail", why, NULL);
}

static void
fail(struct gw_conn *c, const char *why)
{
	/* refused by an alert: that is a denial, not an accident */
	if (SSL_get_verify_result(c->ssl) != X509_V_OK ||
	    c->reason == GW_ERR_TLS_NO_CERTIFICATE)
		c->listener->count.denied++;
	else
		c->listener->count.handshakes_failed++;
	log_failure(c, why);
	gw_conn_end(c, why);
}

/* Too late for an alert that says why; OpenSSL sends none on request. */
static void
refuse(struct gw_conn *c)
{
	c->listener->count.denied++;
	log_failure(c, "resumed session denied");
	gw_conn_finish(c, gw_err_name(c->reason));
}

static void
settle(struct gw_conn *c)
{
	if (SSL_get0_peer_certificate(c->ssl) == NULL) {
		c->verdict = GW_VERDICT_DENY;
		c->reason = GW_ERR_TLS_NO_CERTIFICATE;
	}
	if (c->verdict == GW_VERDICT_ALLOW && c->ident != NULL) {
		gw_resume_offer(c);
		gw_conn_serve(c);
	} else if (c->is_resumed &&
		   gw_conn_conf(c)->denied == GW_DENIED_ALERT) {
		refuse(c);
	} else {
		gw_conn_deny(c);
	}
}

/* ---- a resumed session: no verify callback was called for it */

static void
ask_again(struct gw_conn *c)
{
	struct gw_chain chain;
	enum gw_err rc = GW_ERR_CERT_MALFORMED;

	c->is_resumed = true;
	/* fail closed: whatever the ticket was given for */
	c->verdict = GW_VERDICT_DENY;
	if (gw_resume_chain(c->ssl, (uint8_t *)c->worker->scratch, &chain))
		rc = ask(c, &chain, true);
	if (rc == GW_ERR_OK)
		c->is_waiting = true;
	else
		c->reason = rc;
}

static void
apply_again(struct gw_conn *c)
{
	struct gw_chain chain;

	if (gw_resume_chain(c->ssl, (uint8_t *)c->worker->scratch, &chain))
		apply(c, &chain);
	drop_answer(c);
}

/* Comes twice for a resumed session: to ask, and with the answer. */
static void
done(struct gw_conn *c)
{
	if (!c->is_resumed) {
		c->listener->count.handshakes++;
		/* reads and writes from now on need no job */
		SSL_clear_mode(c->ssl, SSL_MODE_ASYNC);
		if (SSL_session_reused(c->ssl))
			ask_again(c);
	}
	if (c->is_waiting)
		return;
	if (c->is_resumed)
		apply_again(c);
	settle(c);
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
		c->reason = GW_ERR_TLS_NO_CERTIFICATE;
		fail(c, why);
		break;
	case GW_HS_FAILED:
		fail(c, why);
		break;
	}
}

/* resume.c — which sessions may be taken up again, and what they bring back.
 * How tickets do that is in resume_name.c and resume_seal.c. See resume.h. */
#include "resume_priv.h"
#include "conn.h"
#include "worker.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

_Static_assert(SHA256_DIGEST_LENGTH == GW_STASH_CONTEXT &&
	       GW_STASH_CONTEXT <= SSL_MAX_SID_CTX_LENGTH &&
	       GW_STASH_ID == SSL_MAX_SSL_SESSION_ID_LENGTH, "as OpenSSL's");

/* ---- the time to prove anew */

void
gw_resume_put_time(uint8_t *p, uint64_t t)
{
	for (int i = 0; i < GW_RESUME_TIME; i++)
		p[i] = (uint8_t)(t >> (56 - 8 * i));
}

static uint64_t
get_time(const uint8_t *p)
{
	uint64_t t = 0;

	for (int i = 0; i < GW_RESUME_TIME; i++)
		t = t << 8 | p[i];
	return t;
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

bool
gw_resume_may(const struct gw_conn *c)
{
	return c->verdict == GW_VERDICT_ALLOW && c->state != GW_CONN_DEAD &&
	       may_be_resumed(c);
}

size_t
gw_resume_data(SSL_SESSION *s, const uint8_t **out)
{
	void *p = NULL;
	size_t len = 0;

	if (s == NULL || SSL_SESSION_get0_ticket_appdata(s, &p, &len) != 1 ||
	    p == NULL || len < GW_RESUME_TIME)
		return 0;
	*out = p;
	return len;
}

/* fail closed: a clock set back makes no ticket last longer. */
uint64_t
gw_resume_left_until(uint64_t end)
{
	uint64_t now = (uint64_t)time(NULL);

	return end > now && end - now <= GW_TICKET_LIFE_S ? end - now : 0;
}

/* What the session says; 0: nothing. */
static uint64_t
time_of(SSL_SESSION *s)
{
	const uint8_t *p;

	return gw_resume_data(s, &p) > 0 ? get_time(p) : 0;
}

uint64_t
gw_resume_left(SSL_SESSION *s)
{
	return gw_resume_left_until(time_of(s));
}

/* A resumed session has the time of the full handshake, which stays. */
uint64_t
gw_resume_end(const struct gw_conn *c)
{
	return SSL_session_reused(c->ssl)
		       ? time_of(SSL_get_session(c->ssl))
		       : (uint64_t)time(NULL) + life_of(c);
}

struct gw_resumption *
gw_resumption_of(SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* ---- the whole */

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

bool
gw_resume_allow(SSL_CTX *ctx, struct gw_resumption *r, const char *title)
{
	uint8_t id[SHA256_DIGEST_LENGTH];

	SHA256((const uint8_t *)title, strlen(title), id);
	SSL_CTX_set_timeout(ctx, GW_TICKET_LIFE_S);
	gw_resume_by_name(ctx);
	/* of itself 1.3 gives none: gw_resume_offer() does */
	return SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_app_data(ctx, r) == 1 &&
	       SSL_CTX_set_session_id_context(ctx, id, sizeof(id)) == 1 &&
	       gw_resume_by_seal(ctx);
}

/* ---- the certificates */

/* Borrows from the session, which outlives the call and the next. */
static bool
read_chain(SSL_SESSION *s, struct gw_chain *out)
{
	const uint8_t *p = NULL;
	size_t len = gw_resume_data(s, &p), at = GW_RESUME_TIME, n;

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
	struct gw_resumption *r = gw_resumption_of(c->ssl);

	if (r == NULL || SSL_version(c->ssl) != TLS1_3_VERSION ||
	    !gw_resume_may(c) || gw_resume_left_until(gw_resume_end(c)) == 0)
		return;
	c->card = gw_stash_keep(r->stash, c->account, chain->der, chain->count,
				time(NULL));
	if (c->card == 0)
		return;
	/* without one it goes on as well */
	(void)SSL_new_session_ticket(c->ssl);
	ERR_clear_error();
}

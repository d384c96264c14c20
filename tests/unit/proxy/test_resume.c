/* test_resume.c — TLS sessions taken up again, and judged again. What is
 * refused comes first. */
#include "rig.h"
#include "stash.h"
#include "talk.h"
#include "ticket.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(resume, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };
static const int versions[] = { 0, RIG_TLS12 };

/* A session of an admitted connection, ticket and all. */
static SSL_SESSION *
admitted(struct rig *r, int flags)
{
	struct rig_client c;
	SSL_SESSION *s;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, flags));
	cr_assert_eq(rig_get(&c, "/bytes/5", NULL, NULL), 200);
	s = SSL_get1_session(c.ssl);
	cr_assert(SSL_SESSION_has_ticket(s), "flags %d", flags);
	cr_assert_leq(SSL_SESSION_get_ticket_lifetime_hint(s), 3600);
	rig_close(&c);
	return s;
}

static void
check(struct rig *r, SSL_SESSION *s, int flags, bool is_resumed, int status,
       const char *holds)
{
	struct rig_client c;
	char *body;

	cr_assert(rig_resume(r, &c, flags, s), "flags %d: %s", flags, c.alert);
	cr_assert_eq(SSL_session_reused(c.ssl), is_resumed, "flags %d", flags);
	cr_assert_eq(rig_get(&c, "/head", &body, NULL), status, "flags %d",
		     flags);
	cr_assert(strstr(body, holds) != NULL, "%s", body);
	free(body);
	rig_close(&c);
}

Test(resume, denied_page)
{
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		SSL_SESSION *s = admitted(r, versions[i]);

		rig_answer(r, &(struct rig_answer){
			.reason = GW_ERR_CERT_REVOKED });
		check(r, s, versions[i], true, 403, "cert-revoked");
		cr_assert_eq(rig_resumed(r), i + 1);
		SSL_SESSION_free(s);
	}
	cr_assert_eq(rig_leaves(r, 2), 2);
	rig_stop(r);
}

static const struct rig_key alert_mode[] = {
	{ "listener", "denied", "alert" }, { NULL, NULL, NULL },
};

Test(resume, denied_alert)
{
	struct rig *r = rig_start(alert_mode);
	struct rig_client c;
	char byte;
	SSL_SESSION *s = admitted(r, 0);

	rig_answer(r, &(struct rig_answer){
		.reason = GW_ERR_ACCOUNT_DISABLED });
	cr_assert(rig_resume(r, &c, 0, s));
	cr_assert(SSL_session_reused(c.ssl));
	rig_send(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	cr_assert_leq(rig_recv(&c, &byte, 1), 0);
	cr_assert(strstr(c.alert, "access denied") != NULL, "%s", c.alert);
	rig_close(&c);
	SSL_SESSION_free(s);
	rig_stop(r);
}

/* A resumed TLS 1.2 session could not be told why it is refused: there is
 * none, and the full handshake tells. */
Test(resume, denied_alert_12)
{
	struct rig *r = rig_start(alert_mode);
	struct rig_client c;
	SSL_SESSION *s;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, RIG_TLS12));
	cr_assert_eq(rig_get(&c, "/bytes/5", NULL, NULL), 200);
	s = SSL_get1_session(c.ssl);
	cr_assert(!SSL_SESSION_has_ticket(s));
	rig_close(&c);
	rig_answer(r, &(struct rig_answer){
		.reason = GW_ERR_ACCOUNT_DISABLED });
	cr_assert(!rig_resume(r, &c, RIG_TLS12, s));
	cr_assert(strstr(c.alert, "access denied") != NULL, "%s", c.alert);
	cr_assert_eq(rig_resumed(r), 0);
	rig_close(&c);
	SSL_SESSION_free(s);
	rig_stop(r);
}

/* Neither on the page, nor for a session that is over before it began. */
Test(resume, denied_gets_no_ticket)
{
	static const struct rig_answer answers[] = {
		{ .reason = GW_ERR_POLICY_DENIED }, { .lifetime = -10 },
	};
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	for (size_t i = 0; i < 4; i++) {
		rig_answer(r, &answers[i / 2]);
		cr_assert(rig_connect(r, &c, versions[i % 2]));
		cr_assert_eq(rig_get(&c, "/", NULL, NULL), 403);
		cr_assert(!SSL_SESSION_has_ticket(SSL_get0_session(c.ssl)),
			  "%zu", i);
		rig_close(&c);
	}
	rig_stop(r);
}

Test(resume, no_verdict_no_entry)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "1500ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		SSL_SESSION *s = admitted(r, versions[i]);
		SSL_SESSION *t = admitted(r, versions[i]);

		rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
		check(r, s, versions[i], true, 503, "auth-unavailable");
		rig_unlink(r);
		check(r, t, versions[i], true, 503, "auth-unavailable");
		rig_link(r);
		SSL_SESSION_free(s);
		SSL_SESSION_free(t);
	}
	rig_stop(r);
}

/* The client goes while its verdict is awaited, which is seen when its time is
 * up: left, and nothing crashes. */
Test(resume, leaves_while_judged)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "4s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	unsigned asked = 0;

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		SSL_SESSION *s = admitted(r, versions[i]);

		rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
		cr_assert(rig_resume(r, &c, versions[i], s));
		rig_send(&c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
		asked += 2; /* with that of the ticket */
		rig_await_admits(r, asked);
		rig_close(&c);
		await_status(r, "proxy {\"workers\":2,\"connections\":0,");
		rig_judge(r);
		SSL_SESSION_free(s);
	}
	cr_assert_eq(rig_leaves(r, asked), asked);
	rig_stop(r);
}

Test(resume, other_listener_refuses)
{
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		SSL_SESSION *s = admitted(r, versions[i]);

		check(r, s, versions[i] | RIG_OTHER, false, 200, "alice");
		SSL_SESSION_free(s);
	}
	cr_assert_eq(rig_resumed(r), 0);
	rig_stop(r);
}

/* The ticket stands in the session's DER as it was sent. */
static SSL_SESSION *
spoil(SSL_SESSION *s, size_t at)
{
	const unsigned char *ticket, *p;
	size_t len, ticket_len;
	int n = i2d_SSL_SESSION(s, NULL);
	unsigned char *der = gw_xcalloc((size_t)n, 1), *end = der, *found;
	SSL_SESSION *out;

	len = (size_t)i2d_SSL_SESSION(s, &end);
	SSL_SESSION_get0_ticket(s, &ticket, &ticket_len);
	found = memmem(der, len, ticket, ticket_len);
	cr_assert(found != NULL && at < ticket_len);
	found[at == 1 ? ticket_len - 1 : at] ^= 1;
	p = der;
	out = d2i_SSL_SESSION(NULL, &p, (long)len);
	free(der);
	return out;
}

Test(resume, garbage_is_a_full_handshake)
{
	/* in 1.3 a name alone, of 32 bytes */
	static const size_t spots[][2] = {
		{ 0, 0 /* name */ }, { 9, 16 /* IV */ },
		{ 30, 60 /* within */ }, { 1 /* last */, 1 /* MAC */ },
	};
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < 2 * GW_COUNT(spots); i++) {
		SSL_SESSION *s = admitted(r, versions[i % 2]);
		SSL_SESSION *bad = spoil(s, spots[i / 2][i % 2]);

		check(r, bad, versions[i % 2], false, 200, "alice");
		SSL_SESSION_free(s);
		SSL_SESSION_free(bad);
	}
	cr_assert_eq(rig_resumed(r), 0);
	rig_stop(r);
}

/* Who takes no tickets gets no other way: OpenSSL gives its session a name,
 * which nothing here answers to. */
Test(resume, without_tickets_12)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	SSL_SESSION *s = NULL;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 2; i++) {
		rig_dial(r, &c, RIG_TLS12);
		SSL_set_options(c.ssl, SSL_OP_NO_TICKET);
		if (s != NULL)
			cr_assert(SSL_set_session(c.ssl, s) == 1);
		cr_assert(rig_shake(&c));
		cr_assert(!SSL_session_reused(c.ssl));
		cr_assert_eq(rig_get(&c, "/bytes/5", NULL, NULL), 200);
		SSL_SESSION_free(s);
		s = SSL_get1_session(c.ssl);
		cr_assert(!SSL_SESSION_has_ticket(s));
		rig_close(&c);
	}
	cr_assert_eq(rig_resumed(r), 0);
	SSL_SESSION_free(s);
	rig_stop(r);
}

Test(resume, turned_off)
{
	static const struct rig_key keys[] = {
		{ "listener", "resumption", "no" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		cr_assert(rig_connect(r, &c, versions[i]));
		cr_assert_eq(rig_get(&c, "/bytes/5", NULL, NULL), 200);
		cr_assert(!SSL_SESSION_has_ticket(SSL_get0_session(c.ssl)));
		rig_close(&c);
	}
	rig_stop(r);
}

/* ---- admitted */

static char *
head_seen(struct rig *r, SSL_SESSION *s, int flags, bool is_resumed)
{
	struct rig_client c;
	char *body;

	cr_assert(rig_resume(r, &c, flags, s));
	cr_assert_eq(SSL_session_reused(c.ssl), is_resumed);
	cr_assert_eq(rig_get(&c, "/head", &body, NULL), 200);
	rig_close(&c);
	return body;
}

/* Enough of them that both workers see tickets of the other; what the
 * upstream is told of the certificate is the same. */
Test(resume, admitted)
{
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < 20; i++) {
		int flags = versions[i % 2];
		SSL_SESSION *s = admitted(r, flags);
		char *full = head_seen(r, NULL, flags, false);
		size_t count = rig_chain_count(r);
		char *again = head_seen(r, s, flags, true);
		char *a = strstr(full, "Client-Cert: ");
		char *b = strstr(again, "Client-Cert: ");

		cr_assert(a != NULL && b != NULL, "%s", again);
		cr_assert(strncmp(a, b, strcspn(a, "\r")) == 0);
		cr_assert_eq(rig_resumed(r), i + 1);
		cr_assert_eq(rig_chain_count(r), count);
		free(full);
		free(again);
		SSL_SESSION_free(s);
	}
	cr_assert_eq(rig_leaves(r, 3 * 20), 3 * 20);
	rig_stop(r);
}

/* In 1.3 who resumed gets the next ticket, which puts nothing off. */
Test(resume, again_and_again)
{
	struct rig *r = rig_start(NULL);
	SSL_SESSION *s = admitted(r, 0);
	struct rig_client c;

	for (size_t i = 0; i < 5; i++) {
		cr_assert(rig_resume(r, &c, 0, s));
		cr_assert(SSL_session_reused(c.ssl), "%zu", i);
		cr_assert_eq(rig_get(&c, "/bytes/5", NULL, NULL), 200);
		SSL_SESSION_free(s);
		s = SSL_get1_session(c.ssl);
		rig_close(&c);
	}
	SSL_SESSION_free(s);
	rig_stop(r);
}

/* Tickets are bounded by the card, not by the session: where each login is a
 * session of its own (session.reuse = 0), too. */
Test(resume, sessions_of_one_card)
{
	struct rig *r = rig_start(NULL);
	SSL_SESSION *first = admitted(r, 0), *s = NULL;

	for (size_t i = 0; i < GW_STASH_TICKETS; i++) {
		SSL_SESSION_free(s);
		s = admitted(r, 0);
	}
	check(r, first, 0, false, 200, "alice");
	check(r, s, 0, true, 200, "alice");
	SSL_SESSION_free(first);
	SSL_SESSION_free(s);
	rig_stop(r);
}

/* A connection that breaks off ends neither its ticket nor the one it came
 * with, and one ticket serves as often as it is shown. */
Test(resume, after_a_break)
{
	struct rig *r = rig_start(NULL);
	SSL_SESSION *s = admitted(r, 0), *next = NULL;
	const struct linger hard = { .l_onoff = 1 };
	struct rig_client c;

	for (size_t i = 0; i < 12; i++) {
		SSL_SESSION_free(next);
		cr_assert(rig_resume(r, &c, 0, s));
		cr_assert(SSL_session_reused(c.ssl), "%zu", i);
		cr_assert_eq(rig_get(&c, "/bytes/5", NULL, NULL), 200);
		next = SSL_get1_session(c.ssl);
		cr_assert(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard,
				     sizeof(hard)) == 0);
		rig_close(&c);
	}
	check(r, next, 0, true, 200, "alice");
	SSL_SESSION_free(next);
	SSL_SESSION_free(s);
	rig_stop(r);
}

/* The ticket ends with the session it was given in, renewed or not. */
Test(resume, ends_with_the_session)
{
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		struct rig_client c;
		SSL_SESSION *s;

		rig_answer(r, &(struct rig_answer){ .lifetime = 3 });
		cr_assert(rig_connect(r, &c, versions[i]));
		cr_assert_eq(rig_get(&c, "/bytes/5", NULL, NULL), 200);
		s = SSL_get1_session(c.ssl);
		cr_assert_leq(SSL_SESSION_get_ticket_lifetime_hint(s), 3);
		rig_close(&c);
		rig_answer(r, &allow);
		sleep(4);
		SSL_SESSION_set_timeout(s, 3600); /* the client's own view */
		check(r, s, versions[i], false, 200, "alice");
		SSL_SESSION_free(s);
	}
	rig_stop(r);
}

/* Keys turn when a ticket is made or shown: twice, and it is good no more. */
Test(resume, keys_are_rotated)
{
	static const struct rig_key keys[] = {
		{ "", "ticket_rotation", "2s" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		SSL_SESSION *s = admitted(r, versions[i]);

		sleep(3);
		SSL_SESSION_free(admitted(r, versions[i]));
		check(r, s, versions[i], true, 200, "alice");
		sleep(3);
		check(r, s, versions[i], false, 200, "alice");
		SSL_SESSION_free(s);
	}
	rig_stop(r);
}

/* ---- keys */

Test(tickets, rotation)
{
	struct gw_tickets t;
	struct gw_ticket_key a, b, out;
	const time_t seal = 12 * 3600, t0 = 1000000, turn = t0 + seal;

	gw_tickets_init(&t, seal);
	gw_tickets_seal(&t, t0, &a);
	cr_assert(!gw_tickets_open(&t, t0, (const uint8_t *)"nobody's at all!",
				   &out));
	gw_tickets_seal(&t, turn - 1, &b);
	cr_assert(memcmp(&a, &b, sizeof(a)) == 0);
	gw_tickets_seal(&t, turn, &b);
	cr_assert(memcmp(a.name, b.name, sizeof(a.name)) != 0);
	cr_assert(memcmp(a.aes, b.aes, sizeof(a.aes)) != 0);
	cr_assert(gw_tickets_open(&t, turn + GW_TICKET_LIFE_S - 1, a.name,
				  &out));
	cr_assert(memcmp(&a, &out, sizeof(a)) == 0);
	cr_assert(!gw_tickets_open(&t, turn + GW_TICKET_LIFE_S, a.name, &out));
	cr_assert_eq(t.before.made_at, 0);
	cr_assert(gw_tickets_open(&t, turn + GW_TICKET_LIFE_S, b.name, &out));
	gw_tickets_clear(&t);
	/* shorter than a ticket's life: two keys, not more, open */
	gw_tickets_init(&t, 60);
	gw_tickets_seal(&t, t0, &a);
	gw_tickets_seal(&t, t0 + 60, &b);
	cr_assert(gw_tickets_open(&t, t0 + 119, a.name, &out));
	cr_assert(!gw_tickets_open(&t, t0 + 120, a.name, &out));
	cr_assert(gw_tickets_open(&t, t0 + 120, b.name, &out));
	gw_tickets_clear(&t);
}

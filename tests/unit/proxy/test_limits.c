/* test_limits.c — how much clients of gwd-proxy as a whole (rig.h) may hold at
 * once: connections, handshakes, requests not complete, questions. */
#include "talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(limits, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

static void
expect_status(struct rig *r, const char *text)
{
	char *status = rig_status(r);

	cr_assert(strstr(status, text) != NULL, "%s in %s", text, status);
	free(status);
}

/* ---- what one address holds */

static void
one_too_many(const char *key, const char *counted)
{
	const struct rig_key keys[] = {
		{ "listener", key, "2" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client in[2], over;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(in); i++) {
		cr_assert(rig_connect(r, &in[i], 0));
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
	}
	for (int i = 0; i < 3; i++) {
		cr_assert_not(rig_connect(r, &over, 0));
		rig_close(&over);
	}
	expect_status(r, counted);
	/* the other listener counts for itself */
	cr_assert(rig_connect(r, &over, RIG_OTHER));
	rig_close(&over);
	for (size_t i = 0; i < GW_COUNT(in); i++) {
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
		rig_close(&in[i]);
	}
	expect_welcome(r);
	rig_stop(r);
}

Test(limits, source_connections)
{
	one_too_many("source_connections",
		     "\"refused\":3,\"heads_refused\":0,\"source_refused\":3,");
}

Test(limits, max_connections)
{
	one_too_many("max_connections",
		     "\"refused\":3,\"heads_refused\":0,\"source_refused\":0,");
}

/* Who says nothing holds a handshake; who is through holds none. */
static void
handshakes(const char *key)
{
	const struct rig_key keys[] = {
		{ "listener", key, "2" },
		{ "listener", "handshake_timeout", "3s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client in[4], silent[2], over;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(in); i++) {
		cr_assert(rig_connect(r, &in[i], 0));
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
	}
	for (size_t i = 0; i < GW_COUNT(silent); i++)
		rig_dial(r, &silent[i], 0);
	await_status(r, "proxy {\"workers\":2,\"connections\":6,");
	cr_assert_not(rig_connect(r, &over, 0));
	rig_close(&over);
	for (size_t i = 0; i < GW_COUNT(in); i++)
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
	for (size_t i = 0; i < GW_COUNT(silent); i++) { /* time is up */
		char byte;

		cr_assert_leq(recv(silent[i].fd, &byte, 1, 0), 0);
		rig_close(&silent[i]);
	}
	expect_welcome(r);
	for (size_t i = 0; i < GW_COUNT(in); i++)
		rig_close(&in[i]);
	rig_stop(r);
}

Test(limits, source_handshakes)
{
	handshakes("source_handshakes");
}

Test(limits, max_handshakes)
{
	handshakes("max_handshakes");
}

/* A verdict that is awaited is part of the handshake; a denial ends it. */
Test(limits, handshakes_judged)
{
	static const struct rig_key keys[] = {
		{ "listener", "max_handshakes", "1" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c, over;

	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_CERT_REVOKED,
					    .delay_ms = -1 });
	cr_assert(rig_connect(r, &c, 0));
	rig_await_admits(r, 1);
	cr_assert_not(rig_connect(r, &over, 0));
	rig_close(&over);
	rig_judge(r);
	await_status(r, "\"denied\":1");
	cr_assert(rig_connect(r, &over, 0)); /* c reads its page at leisure */
	rig_close(&over);
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 403);
	rig_close(&c);
	rig_stop(r);
}

static void
heads(const char *key, const char *counted)
{
	const struct rig_key keys[] = {
		{ "listener", key, "1" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client slow, over, whole;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &slow, 0));
	cr_assert(rig_connect(r, &over, 0));
	cr_assert(rig_connect(r, &whole, 0));
	rig_send(&slow, "GET /bytes/5 HTTP/1.1\r\nHo");
	rig_await_taken(r, &slow);
	rig_send(&over, "GET /");
	cr_assert_eq(rig_response(&over, NULL, &body, NULL), 503);
	cr_assert(strstr(body, "gateway-busy") != NULL, "%s", body);
	free(body);
	cr_assert(rig_is_closed(&over));
	rig_close(&over);
	/* a head that comes whole is none under way */
	cr_assert_eq(rig_get(&whole, "/bytes/1", NULL, NULL), 200);
	rig_send(&slow, "st: h\r\n\r\n");
	cr_assert_eq(rig_response(&slow, NULL, NULL, NULL), 200);
	rig_send(&whole, "GET /bytes/1 HTTP/1.1\r\n");
	usleep(100000);
	rig_send(&whole, "Host: h\r\n\r\n");
	cr_assert_eq(rig_response(&whole, NULL, NULL, NULL), 200);
	expect_status(r, counted);
	rig_close(&slow);
	rig_close(&whole);
	rig_stop(r);
}

Test(limits, source_heads)
{
	heads("source_heads", "\"heads_refused\":1,\"source_refused\":1,");
}

Test(limits, max_heads)
{
	heads("max_heads", "\"heads_refused\":1,\"source_refused\":0,");
}

/* ---- a gwd-auth that does not listen */

/* Of 15 KB: three of them and the card fit into what may be asked. */
static X509 *
thick(const struct rig_pki *pki)
{
	static unsigned char text[15000];
	X509 *x = rig_issue(pki, "thick", NULL, pki->card_key);
	ASN1_OCTET_STRING *o = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	memset(text, 'x', sizeof(text));
	ASN1_OCTET_STRING_set(o, text, sizeof(text));
	e = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, o);
	cr_assert(X509_add_ext(x, e, -1) == 1 &&
		  X509_sign(x, pki->ca_key, EVP_sha256()) > 0);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(o);
	return x;
}

/* What it is asked is bounded in bytes; who is not asked about is told at
 * once. When it listens again, the others come in, and none of those who went
 * is forgotten. */
Test(limits, questions_that_wait)
{
	static const struct rig_key keys[] = {
		{ "", "workers", "1" },
		{ "listener", "max_handshakes", "1000" },
		{ "listener", "source_handshakes", "1000" },
		{ "listener", "handshake_timeout", "60s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c[120];
	X509 *x = thick(rig_pki(r));
	unsigned in = 0;

	rig_answer(r, &allow);
	rig_deafen(r);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		rig_dial(r, &c[i], 0);
		for (int k = 0; k < 3; k++)
			SSL_add1_chain_cert(c[i].ssl, x);
		cr_assert(rig_shake(&c[i]));
	}
	cr_assert_eq(rig_get(&c[GW_COUNT(c) - 1], "/bytes/1", NULL, NULL),
		     503);
	rig_hearken(r);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		in += rig_get(&c[i], "/bytes/1", NULL, NULL) == 200;
		rig_close(&c[i]);
	}
	cr_assert(in > 60 && in < GW_COUNT(c), "%u", in);
	cr_assert_eq(rig_admits(r), in);
	cr_assert_eq(rig_leaves(r, in), in);
	X509_free(x);
	rig_stop(r);
}

/* test_tls.c — what gwd-proxy holds to in TLS before anybody is asked who the
 * client is. What is refused comes first. */
#include "talk.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

TestSuite(tls, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };
static const int versions[] = { 0, RIG_TLS12 };
static const struct rig_key alert_mode[] = {
	{ "listener", "denied", "alert" }, { NULL, NULL, NULL },
};
static const struct rig_key *const modes[] = { NULL, alert_mode };

/* ---- the key must be proven before anybody is asked */

/* The certificate is public: alone it must not even start a login. */
Test(tls, wrong_key_asks_nobody)
{
	for (size_t m = 0; m < GW_COUNT(modes); m++) {
		struct rig *r = rig_start(modes[m]);
		struct rig_client c;
		char byte;

		rig_answer(r, &allow);
		for (size_t i = 0; i < GW_COUNT(versions); i++) {
			if (rig_connect(r, &c, versions[i] | RIG_WRONG_KEY))
				cr_assert(rig_recv(&c, &byte, 1) < 0);
			cr_assert(strstr(c.alert, "alert") != NULL, "%s",
				  c.alert);
			rig_close(&c);
		}
		await_status(r, "\"handshakes_failed\":2");
		cr_assert_eq(rig_admits(r), 0);
		/* and the right one does */
		cr_assert(rig_connect(r, &c, 0));
		cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
		cr_assert_eq(rig_admits(r), 1);
		rig_close(&c);
		rig_stop(r);
	}
}

/* What `ssl` wrote, but for the plain handshake message `without`; records
 * after the first `keep` are kept back (0: none is). */
static bool
forward(BIO *from, int fd, int without, int keep)
{
	uint8_t r[5 + 16384 + 256];

	for (int n = 1; BIO_read(from, r, 5) == 5; n++) {
		int len = r[3] << 8 | r[4];

		cr_assert(BIO_read(from, r + 5, len) == len);
		if (r[0] == SSL3_RT_HANDSHAKE && r[5] == without)
			continue;
		if (keep != 0 && n > keep)
			return false;
		if (send(fd, r, (size_t)len + 5, MSG_NOSIGNAL) != len + 5)
			return false;
	}
	return true;
}

/* A handshake through our hands. True when it came to its end. */
static bool
shake(struct rig *r, int flags, int without, int keep)
{
	struct rig_client c;
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	uint8_t buf[16384];
	bool is_first = true, is_done = false;
	ssize_t n = 1;

	rig_dial(r, &c, flags);
	BIO_up_ref(in);
	BIO_up_ref(out);
	SSL_set_bio(c.ssl, in, out);
	while (n > 0) {
		is_done = SSL_connect(c.ssl) == 1;
		if (!forward(out, c.fd, without, is_first ? 0 : keep))
			break;
		if (is_done)
			break;
		is_first = false;
		n = recv(c.fd, buf, sizeof(buf), 0);
		if (n > 0)
			BIO_write(in, buf, (int)n);
	}
	ERR_clear_error();
	BIO_free(in);
	BIO_free(out);
	rig_close(&c);
	return is_done;
}

Test(tls, missing_proof_asks_nobody)
{
	struct rig *r = rig_start(NULL);

	rig_answer(r, &allow);
	/* our own hands do no harm */
	cr_assert(shake(r, RIG_TLS12, -1, 0));
	cr_assert_eq(rig_admits(r), 1);
	cr_assert(!shake(r, RIG_TLS12, SSL3_MT_CERTIFICATE_VERIFY, 0));
	await_status(r, "\"handshakes_failed\":1");
	/* stops after its certificate; in 1.3 its flight begins with a
	 * ChangeCipherSpec for middleboxes */
	(void)shake(r, RIG_TLS12, -1, 1);
	(void)shake(r, 0, -1, 2);
	await_status(r, "\"handshakes_failed\":3");
	cr_assert_eq(rig_admits(r), 1);
	rig_stop(r);
}

/* Allowed in the middle of a TLS 1.2 handshake that then ends: the session is
 * left, as any other. */
Test(tls, allowed_but_gone_is_left)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	rig_dial(r, &c, RIG_TLS12);
	rig_set_timeout(&c, 100);
	while (rig_admits(r) == 0)
		cr_assert(SSL_connect(c.ssl) != 1);
	ERR_clear_error();
	rig_close(&c);
	rig_judge(r);
	cr_assert_eq(rig_leaves(r, 1), 1);
	rig_stop(r);
}

/* ---- what a card may be and sign with */

/* As the client is told: no SHA-1 (2), no SHA-224 (3), no DSA (2). */
Test(tls, signatures_asked_for)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	const uint8_t *types;
	int nid;
	uint8_t sig, hash;

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		rig_answer(r, &allow);
		cr_assert(rig_connect(r, &c, versions[i]));
		for (int n = SSL_get_sigalgs(c.ssl, 0, NULL, NULL, NULL, NULL,
					     NULL); n-- > 0;) {
			cr_assert_gt(SSL_get_sigalgs(c.ssl, n, NULL, NULL, &nid,
						     &sig, &hash), 0);
			cr_expect(hash >= 4 && (hash == 8 || sig != 2),
				  "%u, %u", hash, sig);
		}
		for (size_t n = SSL_get0_certificate_types(c.ssl, &types);
		     n-- > 0;)
			cr_expect_neq(types[n], TLS_CT_DSS_SIGN);
		rig_close(&c);
	}
	rig_stop(r);
}

Test(tls, curves_of_cards)
{
	static const char *const curves[] = { "P-256", "P-384", "P-521" };
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 2 * GW_COUNT(curves); i++) {
		EVP_PKEY *key = EVP_EC_gen(curves[i / 2]);
		X509 *card = rig_issue(rig_pki(r), "card", NULL, key);

		rig_dial(r, &c, versions[i % 2]);
		cr_assert(SSL_use_certificate(c.ssl, card) == 1 &&
			  SSL_use_PrivateKey(c.ssl, key) == 1);
		cr_expect(rig_shake(&c), "%s, %zu: %s", curves[i / 2],
			  i % 2, c.alert);
		cr_expect_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
		rig_close(&c);
		X509_free(card);
		EVP_PKEY_free(key);
	}
	rig_stop(r);
}

/* ---- more certificates than a chain has */

Test(tls, chains_too_long)
{
	static const struct {
		int count;
		bool is_judged; /* else: no handshake */
	} cases[] = { { 8, true }, { 60, true }, { 400, false } };
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	int status;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 2 * GW_COUNT(cases); i++) {
		rig_dial(r, &c, versions[i % 2]);
		SSL_set_mode(c.ssl, SSL_MODE_NO_AUTO_CHAIN);
		for (int n = 0; n < cases[i / 2].count; n++)
			cr_assert(SSL_add1_chain_cert(c.ssl, rig_pki(r)->ca)
				  == 1);
		(void)rig_shake(&c);
		status = rig_get(&c, "/bytes/1", NULL, NULL);
		cr_expect_eq(status, i / 2 == 0 ? 200 : cases[i / 2].is_judged
			     ? 403 : -1, "%zu: %d %s", i, status, c.alert);
		rig_close(&c);
	}
	cr_assert_eq(rig_admits(r), 2, "only those of the first");
	rig_stop(r);
}

/* ---- what is spoken */

static const struct protocols {
	const char *offered;
	unsigned len;
	const char *chosen; /* NULL: refused; "": none */
} protocols[] = {
	{ "\x02h2", 3, NULL },
	{ "\x02h2\x08http/1.0", 12, NULL },
	{ "\x02h2\x08http/1.1", 12, "http/1.1" },
	{ "\x08http/1.1", 9, "http/1.1" },
	{ NULL, 0, "" },
};

Test(tls, protocols)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	for (size_t i = 0; i < 2 * GW_COUNT(protocols); i++) {
		const struct protocols *x = &protocols[i / 2];
		const uint8_t *got = NULL;
		unsigned len = 0;
		bool is_up;

		rig_dial(r, &c, versions[i % 2] | RIG_NO_CARD);
		if (x->offered != NULL)
			SSL_set_alpn_protos(c.ssl, (const uint8_t *)x->offered,
					    x->len);
		is_up = rig_shake(&c);
		cr_assert_eq(is_up, x->chosen != NULL, "%zu: %s", i, c.alert);
		if (!is_up)
			cr_assert(strstr(c.alert, "no application protocol"),
				  "%s", c.alert);
		SSL_get0_alpn_selected(c.ssl, &got, &len);
		if (is_up)
			cr_assert(len == strlen(x->chosen) &&
				  (len == 0 ||
				   memcmp(got, x->chosen, len) == 0));
		rig_close(&c);
	}
	rig_stop(r);
}

/* No renegotiation: in TLS 1.2 it is answered by a warning, and the client's
 * own attempt ends. */
Test(tls, no_renegotiation)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char byte;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, RIG_TLS12));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	cr_assert(SSL_renegotiate(c.ssl) == 1);
	(void)SSL_do_handshake(c.ssl);
	ERR_clear_error();
	cr_assert(rig_recv(&c, &byte, 1) <= 0);
	cr_assert_eq(rig_admits(r), 1);
	rig_close(&c);
	rig_stop(r);
}

/* No early data: no ticket allows any. */
Test(tls, no_early_data)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	cr_assert(SSL_SESSION_has_ticket(SSL_get0_session(c.ssl)));
	cr_assert_eq(SSL_SESSION_get_max_early_data(SSL_get0_session(c.ssl)),
		     0);
	rig_close(&c);
	rig_stop(r);
}

/* test_tls.c — what gwd-proxy holds to in TLS before anybody is asked who the
 * client is. What is refused comes first. */
#include "rig.h"
#include "staple.h"
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

/* ---- several certificates */

enum { OF_EC, OF_RSA, OF_OTHER, OF_STAR, OWN_COUNT };
static struct rig_own own[OWN_COUNT];
static uint8_t staple[OWN_COUNT][4096];
static const struct rig_pki *pki;
static long staple_until = 3600;
static time_t stapled_at;

static void
make_own(const struct rig_pki *p)
{
	static const struct {
		const char *cn, *san;
		bool is_rsa;
	} certs[OWN_COUNT] = {
		{ "ec", "DNS:gw.example.com,DNS:Alt.Example.com", false },
		{ "rsa", "DNS:gw.example.com", true },
		{ "other.example.com", NULL, false },
		{ "star", "DNS:*.vdi.example.com,DNS:x.vdi.example.com", false },
	};

	pki = p;
	for (size_t i = 0; i < OWN_COUNT; i++) {
		EVP_PKEY *key = certs[i].is_rsa ? EVP_RSA_gen(2048)
						: EVP_EC_gen("P-256");

		own[i] = (struct rig_own){ .key = key, .cert = rig_issue(
				p, certs[i].cn, certs[i].san, key) };
	}
	stapled_at = time(NULL);
	for (size_t i = 0; i < OWN_COUNT; i++) {
		if (i == OF_OTHER)
			continue;
		own[i].staple = staple[i];
		own[i].staple_len = staple_make(&(struct staple){
			.about = own[i].cert, .issuer = p->ca,
			.signer = p->ca, .key = p->ca_key, .from = -60,
			.until = staple_until }, staple[i],
			sizeof(staple[i]));
	}
	rig_own = own;
	rig_own_count = OWN_COUNT;
}

static void
free_own(void)
{
	for (size_t i = 0; i < OWN_COUNT; i++) {
		X509_free(own[i].cert);
		EVP_PKEY_free(own[i].key);
	}
}

static struct rig *
start_with_own(const struct rig_key *keys)
{
	rig_on_pki = make_own;
	return rig_start(keys);
}

struct hello {
	const char *sni, *sigalgs, *alpn; /* NULL: none; default; none */
	size_t alpn_len;
	int flags;
	bool wants_staple;
};

/* Shakes hands; false with c->alert. */
static bool
say_hello(struct rig *r, struct rig_client *c, const struct hello *h)
{
	rig_dial(r, c, h->flags | RIG_NO_CARD);
	if (h->sni != NULL)
		SSL_set_tlsext_host_name(c->ssl, h->sni);
	if (h->sigalgs != NULL)
		cr_assert(SSL_set1_sigalgs_list(c->ssl, h->sigalgs) == 1);
	if (h->alpn != NULL)
		cr_assert(SSL_set_alpn_protos(c->ssl,
				(const uint8_t *)h->alpn,
				(unsigned)h->alpn_len) == 0);
	if (h->wants_staple)
		SSL_set_tlsext_status_type(c->ssl, TLSEXT_STATUSTYPE_ocsp);
	return rig_shake(c);
}

/* Which certificate is shown; -1: none of ours, or no handshake. */
static int
shown(struct rig *r, const struct hello *h)
{
	struct rig_client c;
	int which = -1;

	if (say_hello(r, &c, h)) {
		X509 *peer = SSL_get0_peer_certificate(c.ssl);

		for (int i = 0; i < OWN_COUNT; i++)
			if (X509_cmp(peer, own[i].cert) == 0)
				which = i;
	}
	rig_close(&c);
	return which;
}

#define ONLY_RSA "RSA-PSS+SHA256:RSA+SHA256"
#define ONLY_EC  "ECDSA+SHA256"

static const struct choice {
	const char *sni, *sigalgs;
	int shown;
} choices[] = {
	{ NULL, NULL, OF_EC },
	{ NULL, ONLY_RSA, OF_RSA },
	{ NULL, ONLY_EC, OF_EC },
	{ "gw.example.com", ONLY_RSA, OF_RSA },
	{ "gw.example.com", ONLY_EC, OF_EC },
	{ "GW.EXAMPLE.COM", ONLY_RSA, OF_RSA },
	{ "alt.example.com", NULL, OF_EC },
	{ "alt.example.com", ONLY_RSA, -1 }, /* has no such one */
	{ "other.example.com", NULL, OF_OTHER },
	{ "other.example.com", ONLY_RSA, -1 },
	{ "a.vdi.example.com", NULL, OF_STAR },
	{ "x.vdi.example.com", NULL, OF_STAR },
	/* a star is one label: these are unknown, and get the default */
	{ "a.b.vdi.example.com", NULL, OF_EC },
	{ "vdi.example.com", NULL, OF_EC },
	{ "unknown.example.com", NULL, OF_EC },
	{ "unknown.example.com", ONLY_RSA, OF_RSA },
};

Test(tls, name_and_algorithm_choose)
{
	struct rig *r = start_with_own(NULL);

	for (size_t i = 0; i < 2 * GW_COUNT(choices); i++) {
		const struct choice *x = &choices[i / 2];
		int got = shown(r, &(struct hello){
			.sni = x->sni, .sigalgs = x->sigalgs,
			.flags = versions[i % 2] });

		cr_expect_eq(got, x->shown, "%s, %s, flags %d: %d",
			     x->sni != NULL ? x->sni : "no name",
			     x->sigalgs != NULL ? x->sigalgs : "any",
			     versions[i % 2], got);
	}
	rig_stop(r);
	free_own();
}

Test(tls, strict_sni)
{
	static const struct rig_key keys[] = {
		{ "listener", "strict_sni", "yes" }, { NULL, NULL, NULL },
	};
	static const char *const unknown[] = {
		"unknown.example.com", "a.b.vdi.example.com", "*.vdi.example.com",
	};
	struct rig *r = start_with_own(keys);
	struct rig_client c;

	for (size_t i = 0; i < 2 * GW_COUNT(unknown); i++) {
		cr_expect(!say_hello(r, &c, &(struct hello){
			.sni = unknown[i / 2], .flags = versions[i % 2] }));
		cr_expect(strstr(c.alert, "unrecognized name") != NULL, "%s",
			  c.alert);
		rig_close(&c);
	}
	cr_expect_eq(shown(r, &(struct hello){ .sni = "x.vdi.example.com" }),
		     OF_STAR);
	cr_expect_eq(shown(r, &(struct hello){ .sni = NULL }), OF_EC);
	rig_stop(r);
	free_own();
}

/* A context chosen by name must be as strict as the first: a card is judged,
 * a wrong key refused, a ticket given and taken. */
Test(tls, chosen_by_name_is_no_less)
{
	struct rig *r = start_with_own(NULL);
	struct rig_client c;
	SSL_SESSION *s;

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		rig_answer(r, &(struct rig_answer){
			.reason = GW_ERR_CERT_REVOKED });
		rig_dial(r, &c, versions[i]);
		SSL_set_tlsext_host_name(c.ssl, "a.vdi.example.com");
		cr_assert(rig_shake(&c), "%s", c.alert);
		cr_assert_eq(rig_get(&c, "/", NULL, NULL), 403);
		rig_close(&c);
		rig_answer(r, &allow);
		rig_dial(r, &c, versions[i] | RIG_WRONG_KEY);
		SSL_set_tlsext_host_name(c.ssl, "a.vdi.example.com");
		(void)rig_shake(&c);
		cr_assert_eq(rig_get(&c, "/", NULL, NULL), -1);
		rig_close(&c);
		rig_dial(r, &c, versions[i]);
		SSL_set_tlsext_host_name(c.ssl, "a.vdi.example.com");
		cr_assert(rig_shake(&c), "%s", c.alert);
		cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
		s = SSL_get1_session(c.ssl);
		rig_close(&c);
		rig_dial(r, &c, versions[i]);
		SSL_set_tlsext_host_name(c.ssl, "a.vdi.example.com");
		SSL_set_session(c.ssl, s);
		cr_assert(rig_shake(&c), "%s", c.alert);
		cr_assert(SSL_session_reused(c.ssl));
		cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
		rig_close(&c);
		SSL_SESSION_free(s);
	}
	rig_stop(r);
	free_own();
}

/* ---- stapling */

static size_t
stapled(struct rig *r, const struct hello *h, const uint8_t **out)
{
	static uint8_t copy[4096];
	struct rig_client c;
	const uint8_t *p = NULL;
	long n;

	cr_assert(say_hello(r, &c, h), "%s", c.alert);
	n = SSL_get_tlsext_status_ocsp_resp(c.ssl, &p);
	if (n > 0)
		memcpy(copy, p, (size_t)n);
	*out = copy;
	rig_close(&c);
	return n > 0 ? (size_t)n : 0;
}

Test(tls, staples)
{
	static const struct { const char *sni, *sigalgs; int shown; } who[] = {
		{ NULL, NULL, OF_EC }, { NULL, ONLY_RSA, OF_RSA },
		{ "a.vdi.example.com", NULL, OF_STAR },
		{ "other.example.com", NULL, OF_OTHER }, /* has none */
	};
	struct rig *r = start_with_own(NULL);
	const uint8_t *p;

	for (size_t i = 0; i < 2 * GW_COUNT(who); i++) {
		const struct rig_own *o = &own[who[i / 2].shown];
		struct hello h = { .sni = who[i / 2].sni,
				   .sigalgs = who[i / 2].sigalgs,
				   .flags = versions[i % 2] };

		cr_expect_eq(stapled(r, &h, &p), 0, "nobody asked");
		h.wants_staple = true;
		cr_expect_eq(stapled(r, &h, &p), o->staple_len, "%zu", i);
		if (o->staple_len > 0)
			cr_expect(memcmp(p, o->staple, o->staple_len) == 0);
	}
	rig_stop(r);
	free_own();
}

Test(tls, staple_ends)
{
	const struct hello h = { .wants_staple = true };
	struct rig *r;
	const uint8_t *p;

	staple_until = 5;
	r = start_with_own(NULL);
	cr_expect_gt(stapled(r, &h, &p), 0);
	while (time(NULL) <= stapled_at + staple_until + 1)
		usleep(50000);
	cr_expect_eq(stapled(r, &h, &p), 0, "an answer that has ended");
	/* nor is one taken that has */
	cr_assert_eq(rig_renew(r), GW_ERR_OK);
	cr_expect_eq(stapled(r, &h, &p), 0);
	rig_stop(r);
	free_own();
}

/* ---- protocols */

static const struct protocols {
	const char *offered;
	size_t len;
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
		bool is_up = say_hello(r, &c, &(struct hello){
			.alpn = x->offered, .alpn_len = x->len,
			.flags = versions[i % 2] });
		const uint8_t *got = NULL;
		unsigned len = 0;

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

/* ---- new certificates while it runs */

Test(tls, renewed)
{
	struct rig *r = start_with_own(NULL);
	struct rig_client c, fresh;
	struct rig_own before = own[OF_EC];
	SSL_SESSION *s;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	s = SSL_get1_session(c.ssl);
	own[OF_EC].key = EVP_EC_gen("P-256");
	/* one that does not fit is refused as a whole */
	cr_assert_eq(rig_renew(r), GW_ERR_FILE);
	own[OF_EC].cert = rig_issue(pki, "new", "DNS:gw.example.com",
				 own[OF_EC].key);
	own[OF_EC].staple_len = 0;
	cr_assert_eq(shown(r, &(struct hello){ .sni = NULL }), -1, "too soon");
	cr_assert_eq(rig_renew(r), GW_ERR_OK);
	for (int i = 0; i < 20; i++) /* both workers */
		cr_assert_eq(shown(r, &(struct hello){ .sni = NULL }), OF_EC,
			     "%d", i);
	/* who is in stays in; tickets go on; cards are still asked for */
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	cr_assert(rig_resume(r, &c, 0, s), "%s", c.alert);
	cr_assert(SSL_session_reused(c.ssl));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	cr_assert(rig_connect(r, &fresh, 0));
	cr_assert_eq(sk_X509_NAME_num(SSL_get_client_CA_list(fresh.ssl)), 1);
	cr_assert_eq(rig_get(&fresh, "/bytes/1", NULL, NULL), 200);
	rig_close(&fresh);
	SSL_SESSION_free(s);
	rig_stop(r);
	X509_free(before.cert);
	EVP_PKEY_free(before.key);
	free_own();
}

/* test_own.c — the certificates of its own that gwd-proxy shows: which of them
 * to whom, with which staple, and new ones while it runs. */
#include "staple.h"
#include "talk.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

TestSuite(own, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };
static const int versions[] = { 0, RIG_TLS12 };

/* ---- which of them to whom */

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
		{ "star", "DNS:*.vdi.example.com,DNS:x.vdi.example.com",
		  false },
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
	const char *sni, *sigalgs; /* NULL: none; default */
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

Test(own, name_and_algorithm_choose)
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

Test(own, strict_sni)
{
	static const struct rig_key keys[] = {
		{ "listener", "strict_sni", "yes" }, { NULL, NULL, NULL },
	};
	static const char *const unknown[] = {
		"unknown.example.com", "a.b.vdi.example.com",
		"*.vdi.example.com",
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
Test(own, chosen_by_name_is_no_less)
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

Test(own, staples)
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

Test(own, staple_ends)
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

/* ---- new certificates while it runs */

Test(own, renewed)
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

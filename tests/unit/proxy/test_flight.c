/* test_flight.c — what a TLS 1.3 client may answer the request for a
 * certificate with, most of it wrong: each ends in the alert that RFC 8446
 * names, and nobody is asked about a certificate whose key was not proven.
 * What is refused comes first. */
#include "rig.h"
#include "raw.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

TestSuite(flight, .timeout = 60);

enum {
	UNEXPECTED = 10, BAD_CERTIFICATE = 42, ILLEGAL = 47, DECODE = 50,
	DECRYPT = 51, REQUIRED = 116,
	ECDSA_SHA1 = 0x0203, ECDSA_P256 = 0x0403, ECDSA_P384 = 0x0503,
	RSA_PKCS1 = 0x0401, PSS_256 = 0x0804, PSS_384 = 0x0805,
	PSS_PSS_256 = 0x0809,
};

/* The client of one case. */
struct who {
	struct raw *t;
	const struct rig_pki *pki;
	EVP_PKEY *other, *rsa;
	X509 *rsa_card;
};

static void
card(struct who *w)
{
	raw_certificate(w->t, &w->pki->card, 1);
}

static void
rsa_card(struct who *w)
{
	raw_certificate(w->t, &w->rsa_card, 1);
}

static void
sign(struct who *w, uint16_t scheme, EVP_PKEY *key, const EVP_MD *md)
{
	uint8_t text[130];
	size_t n = raw_to_sign(w->t, "client", text);

	raw_verify(w->t, scheme, key, md, key == w->rsa, text, n);
}

static void
prove(struct who *w)
{
	sign(w, ECDSA_P256, w->pki->card_key, EVP_sha256());
}

/* ---- proofs that are none */

static void
right(struct who *w)
{
	card(w);
	prove(w);
}

static void
other_key(struct who *w)
{
	card(w);
	sign(w, ECDSA_P256, w->other, EVP_sha256());
}

static void
before_certificate(struct who *w)
{
	uint8_t text[130];
	size_t n = raw_to_sign(w->t, "client", text);

	card(w);
	raw_verify(w->t, ECDSA_P256, w->pki->card_key, EVP_sha256(), false,
		   text, n);
}

static void
as_server(struct who *w)
{
	uint8_t text[130];
	size_t n;

	card(w);
	n = raw_to_sign(w->t, "server", text);
	raw_verify(w->t, ECDSA_P256, w->pki->card_key, EVP_sha256(), false,
		   text, n);
}

static void
bare_hash(struct who *w)
{
	uint8_t text[130];
	size_t n;

	card(w);
	n = raw_to_sign(w->t, "client", text);
	raw_verify(w->t, ECDSA_P256, w->pki->card_key, EVP_sha256(), false,
		   text + n - RAW_HASH, RAW_HASH);
}

static void
called_pss(struct who *w)
{
	card(w);
	sign(w, PSS_256, w->pki->card_key, EVP_sha256());
}

static void
by_sha1(struct who *w)
{
	card(w);
	sign(w, ECDSA_SHA1, w->pki->card_key, EVP_sha1());
}

static void
of_another_curve(struct who *w)
{
	card(w);
	sign(w, ECDSA_P384, w->pki->card_key, EVP_sha384());
}

static void
of_no_scheme(struct who *w)
{
	card(w);
	sign(w, 0x4242, w->pki->card_key, EVP_sha256());
}

static void
pkcs1(struct who *w)
{
	rsa_card(w);
	sign(w, RSA_PKCS1, w->rsa, EVP_sha256());
}

static void
pss_of_pss_keys(struct who *w)
{
	rsa_card(w);
	sign(w, PSS_PSS_256, w->rsa, EVP_sha256());
}

static void
pss_of_another_hash(struct who *w)
{
	rsa_card(w);
	sign(w, PSS_256, w->rsa, EVP_sha384());
}

static void
pss(struct who *w)
{
	rsa_card(w);
	sign(w, PSS_384, w->rsa, EVP_sha384());
}

/* A certificate of an RSA key that nobody has, and a signature that nobody
 * made: the alert tells whether it has been looked at. */
static void
big_key(struct who *w, int bits, int exponent_bits)
{
	static uint8_t verify[4 + 2048] = { PSS_256 >> 8, PSS_256 & 0xff };
	uint16_t len = (uint16_t)(bits / 8);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	X509 *x;

	BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	BN_rand(e, exponent_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(b);
	cr_assert(EVP_PKEY_fromdata_init(ctx) == 1 &&
		  EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) ==
			  1);
	x = rig_issue(w->pki, "big", NULL, key);
	raw_certificate(w->t, &x, 1);
	verify[2] = (uint8_t)(len >> 8);
	verify[3] = (uint8_t)len;
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, verify, 4 + (size_t)len);
	X509_free(x);
	EVP_PKEY_free(key);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
}

static void
rsa_16384(struct who *w)
{
	big_key(w, 16384, 17);
}

static void
rsa_4104(struct who *w)
{
	big_key(w, 4104, 17);
}

static void
rsa_exponent_of_3072(struct who *w)
{
	big_key(w, 3072, 3072);
}

static void
rsa_exponent_of_65(struct who *w)
{
	big_key(w, 2048, 65);
}

static void
rsa_4096_64(struct who *w)
{
	big_key(w, 4096, 64);
}

static void
no_signature(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "\4\3\0\0", 4);
}

static void
zeroes(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY,
		"\4\3\0\x08\x30\6\2\1\0\2\1\0", 12);
}

static void
nothing_verified(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "", 0);
}

static void
cut(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "\4\3\0\x46\x30", 5);
}

static void
with_more(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_CERTIFICATE_VERIFY, "\4\3\0\1\x30\0", 6);
}

/* ---- messages out of order */

static void
unproven(struct who *w)
{
	card(w);
}

static void
proven_twice(struct who *w)
{
	card(w);
	prove(w);
	prove(w);
}

static void
proof_first(struct who *w)
{
	prove(w);
	card(w);
}

static void
finished_first(struct who *w)
{
	uint8_t finished[RAW_HASH];

	card(w);
	raw_say(w->t, SSL3_MT_FINISHED, finished,
		raw_finished_of(w->t, finished));
	prove(w);
}

static void
nothing(struct who *w)
{
	(void)w;
}

static void
proof_of_nothing(struct who *w)
{
	raw_certificate(w->t, NULL, 0);
	prove(w);
}

static void
card_twice(struct who *w)
{
	card(w);
	card(w);
	prove(w);
}

static void
none_then_card(struct who *w)
{
	raw_certificate(w->t, NULL, 0);
	card(w);
	prove(w);
}

static void
key_update(struct who *w)
{
	card(w);
	raw_say(w->t, SSL3_MT_KEY_UPDATE, "\0", 1);
}

static void
data(struct who *w)
{
	card(w);
	raw_record(w->t, SSL3_RT_APPLICATION_DATA, "GET", 3);
}

static void
second_hello(struct who *w)
{
	raw_say(w->t, SSL3_MT_CLIENT_HELLO, w->t->transcript + 4, 150);
}

/* ---- Certificate messages */

static void
say_list(struct who *w, const void *body, size_t len)
{
	raw_say(w->t, SSL3_MT_CERTIFICATE, body, len);
}

static void
no_list(struct who *w)
{
	say_list(w, "", 0);
}

static void
list_cut(struct who *w)
{
	say_list(w, "\0\0\1\0\0\0\4abcd", 11);
}

static void
list_too_short(struct who *w)
{
	say_list(w, "\0\0\0\3\0\0\4abcd\0\0", 13);
}

static void
entry_cut(struct who *w)
{
	say_list(w, "\0\0\0\x09\0\1\0abcd\0\0", 13);
}

static void
no_extensions(struct who *w)
{
	say_list(w, "\0\0\0\7\0\0\4abcd", 11);
}

static void
empty_entry(struct who *w)
{
	say_list(w, "\0\0\0\5\0\0\0\0\0", 9);
}

static void
garbage(struct who *w)
{
	say_list(w, "\0\0\0\x09\0\0\4abcd\0\0", 13);
}

static void
a_context(struct who *w)
{
	say_list(w, "\1x\0\0\0", 5);
}

static void
after_the_list(struct who *w)
{
	say_list(w, "\0\0\0\0x", 5);
}

static void
announced_huge(struct who *w)
{
	raw_record(w->t, SSL3_RT_HANDSHAKE, "\x0b\xff\xff\xff\0", 5);
}

static void
more_than_64_kib(struct who *w)
{
	raw_record(w->t, SSL3_RT_HANDSHAKE, "\x0b\1\0\1\0", 5);
}

static const struct flight {
	const char *what;
	void (*say)(struct who *w);
	int alert;
	int where_alerts_tell; /* 0: the same */
} flights[] = {
	{ "another key", other_key, DECRYPT, 0 },
	{ "signed before the certificate", before_certificate, DECRYPT, 0 },
	{ "signed as a server", as_server, DECRYPT, 0 },
	{ "only the hash signed", bare_hash, DECRYPT, 0 },
	{ "ECDSA that is called RSA", called_pss, ILLEGAL, 0 },
	{ "ECDSA with SHA-1", by_sha1, ILLEGAL, 0 },
	{ "P-256 with the scheme of P-384", of_another_curve, ILLEGAL, 0 },
	{ "a scheme nobody knows", of_no_scheme, ILLEGAL, 0 },
	{ "PKCS #1", pkcs1, ILLEGAL, 0 },
	{ "the scheme of PSS keys", pss_of_pss_keys, ILLEGAL, 0 },
	{ "PSS with another hash", pss_of_another_hash, DECRYPT, 0 },
	{ "RSA of 16384 bits", rsa_16384, BAD_CERTIFICATE, 0 },
	{ "RSA of 4104 bits", rsa_4104, BAD_CERTIFICATE, 0 },
	{ "an exponent of 3072 bits", rsa_exponent_of_3072, BAD_CERTIFICATE,
	  0 },
	{ "an exponent of 65 bits", rsa_exponent_of_65, BAD_CERTIFICATE, 0 },
	{ "the largest key looked at", rsa_4096_64, DECRYPT, 0 },
	{ "no signature", no_signature, DECRYPT, 0 },
	{ "a signature of zeroes", zeroes, DECRYPT, 0 },
	{ "CertificateVerify empty", nothing_verified, DECODE, 0 },
	{ "CertificateVerify cut", cut, DECODE, 0 },
	{ "CertificateVerify and more", with_more, DECODE, 0 },
	{ "no CertificateVerify", unproven, UNEXPECTED, 0 },
	{ "CertificateVerify twice", proven_twice, UNEXPECTED, 0 },
	{ "CertificateVerify first", proof_first, UNEXPECTED, 0 },
	{ "Finished before CertificateVerify", finished_first, UNEXPECTED, 0 },
	{ "no Certificate", nothing, UNEXPECTED, 0 },
	{ "CertificateVerify of no certificate", proof_of_nothing,
	  UNEXPECTED, REQUIRED },
	{ "Certificate twice", card_twice, UNEXPECTED, 0 },
	{ "Certificate after an empty one", none_then_card, UNEXPECTED,
	  REQUIRED },
	{ "KeyUpdate", key_update, UNEXPECTED, 0 },
	{ "data", data, UNEXPECTED, 0 },
	{ "ClientHello", second_hello, UNEXPECTED, 0 },
	{ "Certificate: nothing", no_list, DECODE, 0 },
	{ "Certificate: list cut", list_cut, DECODE, 0 },
	{ "Certificate: list too short", list_too_short, DECODE, 0 },
	{ "Certificate: entry cut", entry_cut, DECODE, 0 },
	{ "Certificate: no extensions", no_extensions, DECODE, 0 },
	{ "Certificate: empty entry", empty_entry, DECODE, 0 },
	{ "Certificate: garbage", garbage, DECODE, 0 },
	{ "Certificate: a context", a_context, DECODE, 0 },
	{ "Certificate: bytes after", after_the_list, DECODE, 0 },
	{ "Certificate: of 16 MiB", announced_huge, ILLEGAL, 0 },
	{ "Certificate: of 64 KiB", more_than_64_kib, ILLEGAL, 0 },
	{ "the right key", right, RAW_DATA, 0 },
	{ "RSA-PSS", pss, RAW_DATA, 0 },
};

static int
fly(struct rig *r, struct who *w, const struct flight *f)
{
	static const char get[] = "GET /bytes/1 HTTP/1.1\r\nHost: h\r\n\r\n";
	struct rig_client c;
	int got;

	rig_dial(r, &c, RIG_NO_CARD);
	rig_set_timeout(&c, 5000);
	w->t = raw_new(c.fd);
	cr_assert(raw_server_part(w->t));
	f->say(w);
	raw_finish(w->t);
	raw_record(w->t, SSL3_RT_APPLICATION_DATA, get, sizeof(get) - 1);
	got = raw_answer(w->t);
	if (got == RAW_DATA)
		cr_expect(memcmp(w->t->text, "HTTP/1.1 200", 12) == 0);
	raw_free(w->t);
	rig_close(&c);
	return got;
}

static void
each_flight(const struct rig_key *keys)
{
	struct rig *r = rig_start(keys);
	struct who w = { .pki = rig_pki(r), .other = EVP_EC_gen("P-256"),
			 .rsa = EVP_RSA_gen(2048) };
	unsigned in = 0;

	w.rsa_card = rig_issue(w.pki, "rsa", NULL, w.rsa);
	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_OK });
	for (size_t i = 0; i < GW_COUNT(flights); i++) {
		const struct flight *f = &flights[i];
		int got = fly(r, &w, f);
		int want = keys != NULL && f->where_alerts_tell != 0
				   ? f->where_alerts_tell : f->alert;

		cr_expect_eq(got, want, "%s: %d, not %d", f->what, got, want);
		in += want == RAW_DATA;
		cr_expect_eq(rig_admits(r), in, "%s: asked about", f->what);
	}
	X509_free(w.rsa_card);
	EVP_PKEY_free(w.rsa);
	EVP_PKEY_free(w.other);
	rig_stop(r);
}

Test(flight, answers)
{
	each_flight(NULL);
}

/* No other way in where alerts tell why. */
Test(flight, answers_alert_mode)
{
	static const struct rig_key keys[] = {
		{ "listener", "denied", "alert" }, { NULL, NULL, NULL },
	};

	each_flight(keys);
}

/* A client is ahead of the refusal in 1.3, and has sent its request. What it
 * says then must not meet a reset: some systems throw the alert away with it
 * (RFC 9112, 9.6). */
Test(flight, refused_while_talking)
{
	static const struct rig_key keys[] = {
		{ "listener", "denied", "alert" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct who w = { .pki = rig_pki(r), .other = EVP_EC_gen("P-256") };
	static const char junk[16000];
	struct rig_client c;
	ssize_t n;

	for (int with_card = 0; with_card < 2; with_card++) {
		rig_dial(r, &c, RIG_NO_CARD);
		rig_set_timeout(&c, 5000);
		w.t = raw_new(c.fd);
		cr_assert(raw_server_part(w.t));
		if (with_card)
			other_key(&w);
		else
			raw_certificate(w.t, NULL, 0);
		raw_finish(w.t);
		cr_expect_eq(raw_answer(w.t), with_card ? DECRYPT : REQUIRED);
		cr_expect_eq(send(c.fd, junk, sizeof(junk), MSG_NOSIGNAL),
			     sizeof(junk), "reset, with_card %d", with_card);
		usleep(50000); /* a second one would hide the reset */
		while ((n = recv(c.fd, w.t->text, sizeof(w.t->text), 0)) > 0)
			;
		cr_expect_eq(n, 0, "reset, with_card %d", with_card);
		raw_free(w.t);
		rig_close(&c);
	}
	EVP_PKEY_free(w.other);
	rig_stop(r);
}

/* ---- Finished */

static const struct {
	const char *what;
	size_t len;   /* of the 32 */
	uint8_t flip;
	int alert;
} ends[] = {
	{ "wrong in the first bit", 32, 0x80, DECRYPT },
	{ "wrong in the last bit of the first byte", 32, 1, DECRYPT },
	{ "cut", 31, 0, DECODE },
	{ "empty", 0, 0, DECODE },
	{ "and more", 33, 0, DECODE },
	{ "right", 32, 0, RAW_DATA },
};

Test(flight, finished)
{
	struct rig *r = rig_start(NULL);
	struct who w = { .pki = rig_pki(r) };
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_OK });
	for (size_t i = 0; i < GW_COUNT(ends); i++) {
		uint8_t finished[RAW_HASH + 1] = { 0 };
		int got;

		rig_dial(r, &c, RIG_NO_CARD);
		w.t = raw_new(c.fd);
		cr_assert(raw_server_part(w.t));
		right(&w);
		(void)raw_finished_of(w.t, finished);
		finished[0] ^= ends[i].flip;
		raw_say(w.t, SSL3_MT_FINISHED, finished, ends[i].len);
		w.t->out = w.t->next_out;
		raw_record(w.t, SSL3_RT_APPLICATION_DATA,
			   "GET /bytes/1 HTTP/1.1\r\nHost: h\r\n\r\n", 35);
		got = raw_answer(w.t);
		cr_expect_eq(got, ends[i].alert, "%s: %d", ends[i].what, got);
		cr_expect_eq(rig_admits(r), ends[i].alert == RAW_DATA);
		raw_free(w.t);
		rig_close(&c);
	}
	rig_stop(r);
}

/* ---- and then nothing more */

static const struct {
	const char *what;
	int steps; /* 0: connected; 1: ClientHello; 2: Certificate; … */
} stalls[] = {
	{ "nothing said", 0 }, { "after ServerHello", 1 },
	{ "after Certificate", 2 }, { "after CertificateVerify", 3 },
	{ "within Finished", 4 },
};

/* At the handshake's end at the latest, and gwd-auth hears nothing. */
Test(flight, stalled)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "300ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct who w = { .pki = rig_pki(r) };
	struct rig_client c;

	for (size_t i = 0; i < GW_COUNT(stalls); i++) {
		uint64_t start = gw_mono_ms();
		char byte;

		rig_dial(r, &c, RIG_NO_CARD);
		w.t = stalls[i].steps > 0 ? raw_new(c.fd) : NULL;
		if (w.t != NULL)
			cr_assert(raw_server_part(w.t));
		if (stalls[i].steps > 1)
			card(&w);
		if (stalls[i].steps > 2)
			prove(&w);
		if (stalls[i].steps > 3)
			raw_record(w.t, SSL3_RT_HANDSHAKE, "\x14\0\0\x20half", 8);
		cr_expect_leq(recv(c.fd, &byte, 1, 0), 0, "%s",
			      stalls[i].what);
		cr_expect(gw_mono_ms() - start >= 250 &&
			  gw_mono_ms() - start < 5000, "%s: %u ms",
			  stalls[i].what, (unsigned)(gw_mono_ms() - start));
		if (w.t != NULL)
			raw_free(w.t);
		rig_close(&c);
	}
	cr_expect_eq(rig_admits(r), 0);
	rig_stop(r);
}

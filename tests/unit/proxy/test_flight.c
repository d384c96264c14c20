/* test_flight.c — what a TLS 1.3 client may answer the request for a
 * certificate with, most of it wrong: each ends in the alert that RFC 8446
 * names, and nobody is asked about a certificate whose key was not proven.
 * What is refused comes first. */
#include "flight.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(flight, .timeout = 300);

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

static const struct flight orders[] = {
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
};

static int
fly(struct rig *r, struct who *w, const struct flight *f)
{
	static const char get[] = "GET /bytes/1 HTTP/1.1\r\nHost: h\r\n\r\n";
	struct rig_client c;
	int got;

	rig_dial(r, &c, RIG_NO_CARD);
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
fly_all(struct rig *r, struct who *w, const struct flight *all, size_t n,
	bool alerts_tell)
{
	for (size_t i = 0; i < n; i++) {
		const struct flight *f = &all[i];
		int got = fly(r, w, f);
		int want = alerts_tell && f->where_alerts_tell != 0
				   ? f->where_alerts_tell : f->alert;

		cr_expect_eq(got, want, "%s: %d, not %d", f->what, got, want);
		w->in += want == RAW_DATA;
		cr_expect_eq(rig_admits(r), w->in, "%s: asked about", f->what);
	}
}

static void
each_flight(const struct rig_key *keys)
{
	struct rig *r = rig_start(keys);
	struct who w = { .pki = rig_pki(r), .other = EVP_EC_gen("P-256"),
			 .rsa = EVP_RSA_gen(2048) };

	w.rsa_card = rig_issue(w.pki, "rsa", NULL, w.rsa);
	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_OK });
	fly_all(r, &w, orders, GW_COUNT(orders), keys != NULL);
	fly_all(r, &w, flight_proofs, flight_proof_count, keys != NULL);
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

/* test_flight_end.c — the end of a TLS 1.3 client's part of the handshake:
 * Finished, none, and what it says after a refusal. */
#include "flight.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(flight_end, .timeout = 300);

/* A client is ahead of the refusal in 1.3, and has sent its request. What it
 * says then must not meet a reset: some systems throw the alert away with it
 * (RFC 9112, 9.6). */
Test(flight_end, refused_while_talking)
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

Test(flight_end, finished)
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
Test(flight_end, stalled)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "1s" },
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
			raw_record(w.t, SSL3_RT_HANDSHAKE,
				   "\x14\0\0\x20half", 8);
		cr_expect_leq(recv(c.fd, &byte, 1, 0), 0, "%s",
			      stalls[i].what);
		cr_expect_geq(gw_mono_ms() - start, 950, "%s: %u ms",
			      stalls[i].what,
			      (unsigned)(gw_mono_ms() - start));
		if (w.t != NULL)
			raw_free(w.t);
		rig_close(&c);
	}
	cr_expect_eq(rig_admits(r), 0);
	rig_stop(r);
}

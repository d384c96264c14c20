/* test_tls.c — what gwd-proxy holds to in TLS before anybody is asked who the
 * client is. What is refused comes first. */
#include "rig.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

TestSuite(tls, .timeout = 60);

static const struct rig_answer allow = { .reason = GW_ERR_OK };
static const int versions[] = { 0, RIG_TLS12 };
static const struct rig_key alert_mode[] = {
	{ "listener", "denied", "alert" }, { NULL, NULL, NULL },
};
static const struct rig_key *const modes[] = { NULL, alert_mode };

/* As text; waits for it, as the gateway counts when it gets to it. */
static void
expect_status(struct rig *r, const char *holds)
{
	for (int i = 0;; i++) {
		char *status = rig_status(r);
		bool is_there = strstr(status, holds) != NULL;

		cr_assert(is_there || i < 100, "%s in %s", holds, status);
		free(status);
		if (is_there)
			return;
		usleep(20000);
	}
}

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
		expect_status(r, "\"handshakes_failed\":2");
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
	expect_status(r, "\"handshakes_failed\":1");
	/* stops after its certificate; in 1.3 its flight begins with a
	 * ChangeCipherSpec for middleboxes */
	(void)shake(r, RIG_TLS12, -1, 1);
	(void)shake(r, 0, -1, 2);
	expect_status(r, "\"handshakes_failed\":3");
	cr_assert_eq(rig_admits(r), 1);
	rig_stop(r);
}

/* Allowed in the middle of a TLS 1.2 handshake that then ends: the session is
 * left, as any other. */
Test(tls, allowed_but_gone_is_left)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = 200 });
	rig_dial(r, &c, RIG_TLS12);
	rig_set_timeout(&c, 100);
	cr_assert(SSL_connect(c.ssl) != 1);
	cr_assert_eq(rig_admits(r), 1);
	ERR_clear_error();
	rig_close(&c);
	usleep(300000);
	cr_assert_eq(rig_leaves(r), 1);
	rig_stop(r);
}

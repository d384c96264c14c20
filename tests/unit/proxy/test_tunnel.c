/* test_tunnel.c — how tunnels end in good order: what was said before is heard,
 * each way. */
#include "talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>

TestSuite(tunnel, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* No more than a window that nobody reads takes: what the server's kernel
 * still has, it throws away when the client's words meet a closed socket. */
static const size_t lasts[] = { 1, 20000, 60000 };

/* The server says its last and hangs up while the client is talking: our
 * writing fails before all it said has been read. */
Test(tunnel, last_words_of_the_server)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char path[32];
	size_t len;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(lasts); i++) {
		snprintf(path, sizeof(path), "/last/%zu", lasts[i]);
		open_path(r, &c, path);
		rig_send(&c, "go");
		cr_assert_eq(rig_heard(2), 2);
		rig_pause(r);
		rig_let();
		cr_assert_eq(rig_heard(lasts[i]), lasts[i]);
		send_pattern(&c, 60000);
		rig_go_on(r);
		cr_assert(read_pattern(&c, &len), "%s", path);
		cr_assert_eq(len, lasts[i], "%s: %zu", path, len);
		rig_close(&c);
	}
	cr_assert_eq(rig_leaves(r, GW_COUNT(lasts)), GW_COUNT(lasts));
	rig_stop(r);
}

/* The client says its last and goes, with or without a goodbye. */
Test(tunnel, last_words_of_the_client)
{
	static const size_t lens[] = { 1, 1000, 16384, 200000 };
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(lens) * 2; i++) {
		size_t len = lens[i / 2];

		open_path(r, &c, "/hear");
		send_pattern(&c, len);
		if (i % 2 == 0)
			SSL_shutdown(c.ssl);
		rig_close(&c);
		cr_assert_eq(rig_heard(len), len, "%zu", len);
	}
	rig_stop(r);
}

/* A client that says no more goes on listening, as long as it takes. */
Test(tunnel, half_closed_by_the_client)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	open_path(r, &c, "/hear-then/3000000");
	rig_send(&c, "done");
	SSL_shutdown(c.ssl);
	cr_assert(read_pattern(&c, &len));
	cr_assert_eq(len, 3000000);
	rig_close(&c);
	rig_stop(r);
}

/* And so does a server. */
Test(tunnel, half_closed_by_the_server)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	open_path(r, &c, "/hush/5");
	cr_assert(read_pattern(&c, &len));
	cr_assert_eq(len, 5);
	send_pattern(&c, 300000);
	SSL_shutdown(c.ssl);
	cr_assert_eq(rig_heard(300000), 300000);
	rig_close(&c);
	rig_stop(r);
}

/* A goodbye finds no room where all before it just had: as it is with a
 * client that acknowledges late. Some of these lengths hit it. */
static const size_t tight[] = { 6000, 11000, 21000, 26000, 31000, 106000 };

Test(tunnel, goodbye_that_does_not_fit)
{
	struct rig_client c;
	struct rig *r;
	char path[48];
	size_t len;

	rig_send_buffer = 1;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(tight); i++) {
		snprintf(path, sizeof(path), "/hush/%zu", tight[i]);
		open_path(r, &c, path);
		usleep(5000);
		cr_assert(read_pattern(&c, &len), "%s: %zu", path, len);
		cr_assert_eq(len, tight[i]);
		rig_close(&c);
	}
	rig_stop(r);
}

/* And at the end of a response that lasts until then. */
Test(tunnel, goodbye_that_does_not_fit_behind_an_answer)
{
	struct rig_client c;
	struct rig *r;
	char text[80], buf[4096];
	int n;

	rig_send_buffer = 1;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(tight); i++) {
		snprintf(text, sizeof(text), "GET /close/%zu HTTP/1.0\r\n"
			 "Host: h\r\n\r\n", tight[i]);
		cr_assert(rig_connect(r, &c, 0));
		rig_send(&c, text);
		usleep(5000);
		while ((n = rig_recv(&c, buf, sizeof(buf))) > 0)
			;
		cr_assert_eq(n, 0, "%zu", tight[i]);
		rig_close(&c);
	}
	rig_stop(r);
}

/* Nor to a client that has said all before. */
Test(tunnel, goodbye_that_does_not_fit_after_the_clients)
{
	struct rig_client c;
	struct rig *r;
	char path[48];
	size_t len;

	rig_send_buffer = 1;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(tight); i++) {
		snprintf(path, sizeof(path), "/hear-then/%zu", tight[i]);
		open_path(r, &c, path);
		rig_send(&c, "done");
		SSL_shutdown(c.ssl);
		shutdown(c.fd, SHUT_WR);
		usleep(5000);
		cr_assert(read_pattern(&c, &len), "%s: %zu", path, len);
		cr_assert_eq(len, tight[i]);
		rig_close(&c);
	}
	rig_stop(r);
}

/* Half an end does not keep a tunnel for ever. */
Test(tunnel, half_closed_and_forgotten)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "300ms" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	open_path(r, &c, "/hush/5");
	(void)read_pattern(&c, &len);
	await_status(r, "\"tunnels\":0,");
	rig_close(&c);
	rig_stop(r);
}

/* Its own kernel would throw away what the gateway's does not have. */
static void
await_sent(const struct rig_client *c)
{
	int n = 1;

	for (int i = 0; i < 6000 && n > 0; i++) {
		usleep(10000);
		cr_assert_eq(ioctl(c->fd, SIOCOUTQ, &n), 0);
	}
	cr_assert_eq(n, 0);
}

/* Nor does it lose any for what the server has said to nobody: to close on that
 * is a reset. */
Test(tunnel, goodbye_to_a_server_that_talks)
{
	static const size_t len = 150000;
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	open_path(r, &c, "/babble");
	cr_assert_eq(rig_heard(1), 1);
	send_pattern(&c, len);
	SSL_shutdown(c.ssl);
	await_sent(&c);
	rig_close(&c); /* its kernel resets, as it was not read */
	usleep(100000); /* for the gateway to see that */
	rig_let();
	cr_expect_eq(rig_heard(len), len);
	rig_stop(r);
}

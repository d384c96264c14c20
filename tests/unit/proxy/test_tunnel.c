/* test_tunnel.c — how tunnels end: what was said before is heard, each way. */
#include "rig.h"
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

static void
switch_over(struct rig_client *c, const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n"
		 "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", path);
	rig_send(c, text);
	cr_assert_eq(rig_response(c, NULL, NULL, NULL), 101, "%s", path);
}

static void
open_path(struct rig *r, struct rig_client *c, const char *path)
{
	cr_assert(rig_connect(r, c, 0));
	switch_over(c, path);
}

static void
send_pattern(struct rig_client *c, size_t len)
{
	uint8_t *p = malloc(len);

	for (size_t i = 0; i < len; i++)
		p[i] = rig_byte(i);
	rig_send_bytes(c, p, len);
	free(p);
}

static void
echo(struct rig_client *c, size_t len)
{
	static uint8_t buf[16384];
	size_t got = 0;

	send_pattern(c, len);
	while (got < len) {
		int n = rig_recv(c, buf, GW_MIN(len - got, sizeof(buf)));

		cr_assert(n > 0);
		for (int i = 0; i < n; i++)
			cr_assert_eq(buf[i], rig_byte(got + (size_t)i));
		got += (size_t)n;
	}
}

static void
skip_greeting(struct rig_client *c)
{
	char hello[6];
	size_t got = 0;

	while (got < sizeof(hello)) {
		int n = rig_recv(c, hello + got, sizeof(hello) - got);

		cr_assert(n > 0);
		got += (size_t)n;
	}
}

static void
open_echo(struct rig *r, struct rig_client *c)
{
	open_path(r, c, "/ws");
	skip_greeting(c);
}

/* All that comes; true when the end was an orderly one. */
static bool
read_pattern(struct rig_client *c, size_t *out_len)
{
	static uint8_t buf[16384];
	size_t len = 0;
	int n;

	while ((n = rig_recv(c, buf, sizeof(buf))) > 0) {
		for (int i = 0; i < n; i++)
			cr_assert_eq(buf[i], rig_byte(len + (size_t)i),
				     "byte %zu", len + (size_t)i);
		len += (size_t)n;
	}
	*out_len = len;
	return n == 0;
}

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

/* What breaks off must not look finished. */
Test(tunnel, broken_off_by_the_server)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 8; i++) {
		open_path(r, &c, "/torn/4");
		cr_assert_not(read_pattern(&c, &len));
		cr_assert_leq(len, 4);
		rig_close(&c);
	}
	rig_stop(r);
}

/* Nor if it is our writing that hears of it first. */
Test(tunnel, broken_off_while_the_client_talks)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char path[32];
	size_t len;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(lasts); i++) {
		snprintf(path, sizeof(path), "/torn-late/%zu", lasts[i]);
		open_path(r, &c, path);
		rig_send(&c, "go");
		cr_assert_eq(rig_heard(2), 2);
		rig_pause(r);
		send_pattern(&c, 60000);
		rig_let();
		cr_assert_eq(rig_heard(lasts[i]), lasts[i]);
		rig_go_on(r);
		cr_assert_not(read_pattern(&c, &len), "%s", path);
		rig_close(&c);
	}
	rig_stop(r);
}

/* An answer that lasts as long as the connection is not whole when that has
 * been broken off, and must not be made to look so by a last chunk; but what
 * there is of it may say why. */
Test(tunnel, answer_broken_off_during_an_upload)
{
	static const size_t sent[] = { 60000, 0 };
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(sent); i++) {
		cr_assert(rig_connect(r, &c, 0));
		rig_send(&c, "POST /torn-close/100 HTTP/1.1\r\nHost: h\r\n"
			     "Content-Length: 100000\r\n\r\n");
		cr_assert_eq(rig_heard(1), 1);
		rig_pause(r);
		send_pattern(&c, sent[i]);
		rig_let();
		cr_assert_eq(rig_heard(100), 100);
		rig_go_on(r);
		cr_assert_eq(rig_response(&c, &head, NULL, NULL), -1);
		cr_assert(head != NULL &&
			  strncmp(head, "HTTP/1.1 200 ", 13) == 0, "%zu", i);
		free(head);
		rig_close(&c);
	}
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

static void
reset(struct rig_client *c)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	rig_close(c);
}

static void
take_leave(struct rig_client *c)
{
	SSL_shutdown(c->ssl);
	rig_close(c);
}

/* Its words end and the connection does, but it goes on listening. */
static void
half_close(struct rig_client *c)
{
	char byte;

	shutdown(c->fd, SHUT_WR);
	cr_expect_leq(rig_recv(c, &byte, 1), 0);
	rig_close(c);
}

/* It is cut off for that, and with it what it had yet to say. */
static void
rekey(struct rig_client *c)
{
	for (int i = 0; i < 1000; i++)
		if (SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(c->ssl) != 1)
			break;
	rig_close(c);
}

/* How the client went is how the server hears of it. A FIN alone may have been
 * sent by somebody else, to cut off what it would have said. */
Test(tunnel, broken_off_by_the_client)
{
	static const struct {
		const char *what;
		void (*go)(struct rig_client *c);
		size_t end; /* see /hear-end */
	} ways[] = {
		{ "FIN", rig_close, 2 },
		{ "FIN, listening", half_close, 2 },
		{ "reset", reset, 2 },
		{ "too many KeyUpdates", rekey, 2 },
		{ "close_notify", take_leave, 1 },
	};
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 2 * GW_COUNT(ways); i++) {
		if (i % 2 == 1 && ways[i / 2].go == rekey)
			continue; /* TLS 1.2 has none */
		cr_assert(rig_connect(r, &c, i % 2 == 0 ? 0 : RIG_TLS12));
		switch_over(&c, "/hear-end");
		send_pattern(&c, 1000);
		ways[i / 2].go(&c);
		cr_expect_eq(rig_heard(ways[i / 2].end), ways[i / 2].end,
			     "%s", ways[i / 2].what);
	}
	rig_stop(r);
}

/* All it had said arrives before the reset, which would throw away what the
 * kernel has of it. */
Test(tunnel, lost_and_heard_late)
{
	static const size_t lens[] = { 150000, 250000 };
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(lens); i++) {
		open_path(r, &c, "/hear-late");
		send_pattern(&c, lens[i]);
		rig_close(&c);
		usleep(100000); /* for the gateway to have it all, or most */
		rig_let();
		cr_expect_eq(rig_heard(lens[i]), lens[i], "%zu", lens[i]);
	}
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

/* A server that does not listen keeps a lost client's tunnel no longer than a
 * body may take. */
Test(tunnel, lost_and_not_heard)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "300ms" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	open_path(r, &c, "/last/1");
	rig_send(&c, "go");
	cr_assert_eq(rig_heard(2), 2);
	send_pattern(&c, 300000);
	rig_close(&c);
	await_status(r, "\"tunnels\":0,");
	rig_let();
	rig_stop(r);
}

/* A client that hangs up while there is something for it is reset by its own
 * kernel; what it had said before that is heard, and its end is an end. */
Test(tunnel, goodbye_and_reset_at_once)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	open_path(r, &c, "/hear");
	rig_pause(r);
	send_pattern(&c, 5000);
	SSL_shutdown(c.ssl);
	reset(&c);
	rig_go_on(r);
	cr_assert_eq(rig_heard(5000), 5000);
	rig_stop(r);
}

/* The server's end is seen first, and then there is no client any more to
 * linger for: one tunnel less, not two. */
Test(tunnel, client_is_gone_at_the_end)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c, other;
	char *status;

	rig_answer(r, &allow);
	open_path(r, &other, "/hear");
	open_path(r, &c, "/hear-bye");
	send_pattern(&c, 4);
	SSL_shutdown(c.ssl);
	cr_assert_eq(rig_heard(4), 4);
	rig_pause(r);
	rig_let();
	cr_assert_eq(rig_heard(1), 1);
	reset(&c);
	rig_go_on(r);
	cr_assert_eq(rig_leaves(r, 1), 1);
	status = rig_status(r);
	cr_assert(strstr(status, "\"tunnels\":1,") != NULL, "%s", status);
	free(status);
	rig_close(&other);
	rig_stop(r);
}

/* ---- many */

/* AddressSanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define EACH_KIB 1000
#define ALL_KIB  300000
#else
#define EACH_KIB 36   /* nearly all OpenSSL's */
#define ALL_KIB  1024 /* two buffers each would be 3200 */
#endif

Test(tunnel, idle_ones_hold_no_buffers)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c[110];
	long before, idle, after;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 10; i++) {
		open_echo(r, &c[i]);
		echo(&c[i], 65536);
	}
	before = rig_resident_kib(r);
	for (size_t i = 10; i < GW_COUNT(c); i++)
		open_echo(r, &c[i]);
	idle = rig_resident_kib(r);
	cr_assert(idle - before < 100 * EACH_KIB, "%ld KiB for a hundred",
		  idle - before);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		echo(&c[i], 65536);
	after = rig_resident_kib(r);
	cr_assert(after - idle < ALL_KIB, "%ld KiB more", after - idle);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	rig_stop(r);
}

/* Tunnels until no more can be had: how many. The last one tried is closed. */
static size_t
open_all(struct rig *r, struct rig_client *c, size_t max)
{
	int status = 101;
	size_t n = 0;

	while (rig_connect(r, &c[n], 0)) {
		rig_send(&c[n], "GET /ws HTTP/1.1\r\nHost: h\r\n"
				"Connection: Upgrade\r\n"
				"Upgrade: websocket\r\n\r\n");
		status = rig_response(&c[n], NULL, NULL, NULL);
		if (status != 101)
			break;
		skip_greeting(&c[n]);
		cr_assert_lt(++n, max);
	}
	cr_assert(status == 101 || status == 503 || status == -1, "%d",
		  status);
	rig_close(&c[n]);
	return n;
}

/* At the door, or with a page when it got in. */
static void
expect_refused(struct rig *r)
{
	struct rig_client c;
	int status;

	if (rig_connect(r, &c, 0)) {
		status = rig_get(&c, "/bytes/1", NULL, NULL);
		cr_assert(status == 503 || status == -1, "%d", status);
	}
	rig_close(&c);
}

/* Descriptors are used up: who is in stays, who comes is refused, and is
 * welcome again as soon as there is room. */
Test(tunnel, at_the_limit_of_descriptors)
{
	struct rig_client c[80];
	struct rig *r;
	size_t n;

	rig_files_max = 100;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	n = open_all(r, c, GW_COUNT(c));
	cr_assert(n >= 20, "%zu", n);
	for (int k = 0; k < 3; k++) {
		expect_refused(r);
		for (size_t i = 0; i < n; i++)
			echo(&c[i], 1000);
	}
	for (size_t i = 0; i < n; i++)
		rig_close(&c[i]);
	expect_welcome(r);
	rig_stop(r);
}

/* test_slow.c — clients of gwd-proxy as a whole (rig.h) who are slow, in every
 * phase of a connection. */
#include "talk.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(slow, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* A byte of `text` each 50 ms, as long as the gateway listens. */
static uint64_t
trickle(int fd, SSL *ssl, const char *text, size_t len)
{
	uint64_t start = gw_mono_ms();

	for (size_t i = 0; i < len; i++) {
		char c;

		if ((ssl != NULL ? SSL_write(ssl, text + i, 1)
				 : send(fd, text + i, 1, MSG_NOSIGNAL)) <= 0)
			break;
		usleep(50000);
		if (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
			break;
	}
	return gw_mono_ms() - start;
}

Test(slow, handshake)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "500ms" },
		{ NULL, NULL, NULL },
	};
	static const char hello[889] = { 0x16, 3, 1, 3, 0x74, 1, 0, 3, 0x70 };
	struct rig *r = rig_start(keys);
	struct rig_client c;
	uint64_t ms;

	rig_dial(r, &c, 0);
	ms = trickle(c.fd, NULL, hello, sizeof(hello));
	cr_assert(ms >= 450 && ms < 40000, "%u ms", (unsigned)ms);
	rig_close(&c);
	rig_stop(r);
}

/* A goodbye, and nothing broken, also before any request. */
Test(slow, rest)
{
	static const struct rig_key keys[] = {
		{ "listener", "idle_timeout", "300ms" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char byte;

	rig_answer(r, &allow);
	for (int i = 0; i < 2; i++) {
		cr_assert(rig_connect(r, &c, 0));
		if (i > 0)
			cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
		cr_assert_eq(rig_recv(&c, &byte, 1), 0, "case %d", i);
		rig_close(&c);
	}
	rig_stop(r);
}

/* One connection at its time, with these settings: how long it lasted, and
 * the status it got. */
static int
slow_client(const struct rig_key *keys, const char *head, const char *drops,
	    size_t len, uint64_t *out_ms)
{
	struct rig *r = rig_start(keys);
	struct rig_client c;
	int status;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_send(&c, head);
	*out_ms = trickle(c.fd, c.ssl, drops, len);
	status = rig_response(&c, NULL, NULL, NULL);
	rig_close(&c);
	rig_stop(r);
	return status;
}

Test(slow, head)
{
	static const struct rig_key keys[] = {
		{ "listener", "header_timeout", "500ms" },
		{ NULL, NULL, NULL },
	};
	char drops[100];
	uint64_t ms;

	memset(drops, 'a', sizeof(drops));
	cr_assert_eq(slow_client(keys, "GET / HTTP/1.1\r\nX: ", drops,
				 sizeof(drops), &ms), 408);
	cr_assert(ms >= 450, "%u ms", (unsigned)ms);
}

#define POST "POST /upload HTTP/1.1\r\nHost: h\r\n"
#define POST_100 POST "Content-Length: 100\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
/* Which the upstream does not answer: the client does not wait for it. */
#define EXPECT "Expect: 100-continue\r\n"

/* Twenty bytes a second, never resting as long as body_timeout. */
Test(slow, body)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "500ms" },
		{ "listener", "body_min_rate", "100" },
		{ NULL, NULL, NULL },
	};
	static const char *const heads[] = {
		POST_100, POST EXPECT "Content-Length: 100\r\n\r\n",
	};
	char drops[100] = { 0 };
	uint64_t ms;

	for (size_t i = 0; i < GW_COUNT(heads); i++) {
		cr_assert_eq(slow_client(keys, heads[i], drops, sizeof(drops),
					 &ms), 408, "%s", heads[i]);
		cr_assert(ms >= 450, "%u ms", (unsigned)ms);
	}
}

Test(slow, body_in_chunks)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "500ms" },
		{ "listener", "body_min_rate", "100" },
		{ NULL, NULL, NULL },
	};
	static const char *const heads[] = {
		POST CHUNKED "\r\n", POST EXPECT CHUNKED "\r\n",
	};
	char drops[120];
	uint64_t ms;

	for (size_t i = 0; i < sizeof(drops); i++)
		drops[i] = "1\r\nx\r\n"[i % 6];
	for (size_t i = 0; i < GW_COUNT(heads); i++) {
		cr_assert_eq(slow_client(keys, heads[i], drops, sizeof(drops),
					 &ms), 408, "%s", heads[i]);
		cr_assert(ms >= 450, "%u ms", (unsigned)ms);
	}
}

/* How long it was listened to, at a rate that is kept; then it was not. */
static uint64_t
slow_enough(const char *rate)
{
	const struct rig_key keys[] = {
		{ "listener", "body_timeout", "800ms" },
		{ "listener", "body_min_rate", rate },
		{ NULL, NULL, NULL },
	};
	char drops[100];
	uint64_t ms;

	for (size_t i = 0; i < sizeof(drops); i++)
		drops[i] = (char)rig_byte(i);
	cr_assert_eq(slow_client(keys, POST_100, drops, 30, &ms), 408, "%s",
		     rate);
	return ms;
}

#define TRIES 5 /* a busy machine may be slower than anybody is meant to be */

/* The same without a rate, and at a rate that is kept: both may go on. */
Test(slow, but_fast_enough)
{
	static const char *const rates[] = { "0", "10" };

	for (size_t i = 0; i < GW_COUNT(rates); i++) {
		uint64_t ms = 0;

		for (int k = 0; k < TRIES && ms < 1400; k++)
			ms = slow_enough(rates[i]);
		cr_assert(ms >= 1400, "%s: %u ms", rates[i], (unsigned)ms);
	}
}

/* Reads `step` bytes each 50 ms for `ms`, then the rest: all that came. */
static size_t
read_slowly(struct rig_client *c, size_t step, uint64_t ms)
{
	static char block[65536];
	uint64_t start = gw_mono_ms();
	size_t got = 0;
	int n;

	for (;;) {
		bool is_slow = gw_mono_ms() - start < ms;

		n = rig_recv(c, block, is_slow ? step : sizeof(block));
		if (n <= 0)
			return got;
		got += (size_t)n;
		if (is_slow)
			usleep(50000);
	}
}

#define LARGE 30000000

/* What comes of so much by such a client; without a step it reads nothing
 * until the gateway has given it up. */
static size_t
slow_reader(size_t step)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "700ms" },
		{ "listener", "idle_timeout", "2s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	size_t got;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /bytes/30000000 HTTP/1.1\r\nHost: h\r\n\r\n");
	if (step == 0) {
		cr_assert_eq(poll(&(struct pollfd){ c.fd, POLLIN, 0 }, 1, -1),
			     1);
		await_status(r, "proxy {\"workers\":2,\"connections\":0,");
	}
	got = read_slowly(&c, step, step > 0 ? 4000 : 0);
	rig_close(&c);
	rig_stop(r);
	return got;
}

Test(slow, reader_that_stopped)
{
	cr_assert_lt(slow_reader(0), LARGE);
}

/* The kernel's buffers are larger than what it reads in body_timeout. */
Test(slow, reader_that_is_slow)
{
	size_t got = 0;

	for (int i = 0; i < TRIES && got <= LARGE; i++)
		got = slow_reader(16384);
	cr_assert_gt(got, LARGE);
}

/* Sends into a tunnel that echoes, and takes nothing back: as soon as every
 * buffer on the way is full, nothing moves any more. */
Test(slow, tunnel_that_is_not_read)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "700ms" }, { NULL, NULL, NULL },
	};
	static const char block[65536];
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
		     "Upgrade: websocket\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 101);
	for (int i = 0; i < 2000; i++) /* returns once it is closed */
		rig_send_bytes(&c, block, sizeof(block));
	await_status(r, "\"tunnels\":0,");
	rig_close(&c);
	rig_stop(r);
}

/* test_limits.c — limits and fairness of gwd-proxy as a whole (rig.h): who
 * holds too much, who is too slow, what servers say unasked. */
#include "rig.h"
#include "talk.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(limits, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

static void
expect_status(struct rig *r, const char *text)
{
	char *status = rig_status(r);

	cr_assert(strstr(status, text) != NULL, "%s in %s", text, status);
	free(status);
}

/* ---- what one address holds */

static void
one_too_many(const char *key, const char *counted)
{
	const struct rig_key keys[] = {
		{ "listener", key, "2" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client in[2], over;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(in); i++) {
		cr_assert(rig_connect(r, &in[i], 0));
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
	}
	for (int i = 0; i < 3; i++) {
		cr_assert_not(rig_connect(r, &over, 0));
		rig_close(&over);
	}
	expect_status(r, counted);
	/* the other listener counts for itself */
	cr_assert(rig_connect(r, &over, RIG_OTHER));
	rig_close(&over);
	for (size_t i = 0; i < GW_COUNT(in); i++) {
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
		rig_close(&in[i]);
	}
	expect_welcome(r);
	rig_stop(r);
}

Test(limits, source_connections)
{
	one_too_many("source_connections",
		     "\"refused\":3,\"heads_refused\":0,\"source_refused\":3,");
}

Test(limits, max_connections)
{
	one_too_many("max_connections",
		     "\"refused\":3,\"heads_refused\":0,\"source_refused\":0,");
}

/* Who says nothing holds a handshake; who is through holds none. */
static void
handshakes(const char *key)
{
	const struct rig_key keys[] = {
		{ "listener", key, "2" },
		{ "listener", "handshake_timeout", "3s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client in[4], silent[2], over;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(in); i++) {
		cr_assert(rig_connect(r, &in[i], 0));
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
	}
	for (size_t i = 0; i < GW_COUNT(silent); i++)
		rig_dial(r, &silent[i], 0);
	await_status(r, "proxy {\"workers\":2,\"connections\":6,");
	cr_assert_not(rig_connect(r, &over, 0));
	rig_close(&over);
	for (size_t i = 0; i < GW_COUNT(in); i++)
		cr_assert_eq(rig_get(&in[i], "/bytes/1", NULL, NULL), 200);
	for (size_t i = 0; i < GW_COUNT(silent); i++) { /* time is up */
		char byte;

		cr_assert_leq(recv(silent[i].fd, &byte, 1, 0), 0);
		rig_close(&silent[i]);
	}
	expect_welcome(r);
	for (size_t i = 0; i < GW_COUNT(in); i++)
		rig_close(&in[i]);
	rig_stop(r);
}

Test(limits, source_handshakes)
{
	handshakes("source_handshakes");
}

Test(limits, max_handshakes)
{
	handshakes("max_handshakes");
}

/* A verdict that is awaited is part of the handshake; a denial ends it. */
Test(limits, handshakes_judged)
{
	static const struct rig_key keys[] = {
		{ "listener", "max_handshakes", "1" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c, over;

	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_CERT_REVOKED,
					    .delay_ms = -1 });
	cr_assert(rig_connect(r, &c, 0));
	rig_await_admits(r, 1);
	cr_assert_not(rig_connect(r, &over, 0));
	rig_close(&over);
	rig_judge(r);
	await_status(r, "\"denied\":1");
	cr_assert(rig_connect(r, &over, 0)); /* c reads its page at leisure */
	rig_close(&over);
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 403);
	rig_close(&c);
	rig_stop(r);
}

static void
heads(const char *key, const char *counted)
{
	const struct rig_key keys[] = {
		{ "listener", key, "1" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client slow, over, whole;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &slow, 0));
	cr_assert(rig_connect(r, &over, 0));
	cr_assert(rig_connect(r, &whole, 0));
	rig_send(&slow, "GET /bytes/5 HTTP/1.1\r\nHo");
	rig_await_taken(r, &slow);
	rig_send(&over, "GET /");
	cr_assert_eq(rig_response(&over, NULL, &body, NULL), 503);
	cr_assert(strstr(body, "gateway-busy") != NULL, "%s", body);
	free(body);
	cr_assert(rig_is_closed(&over));
	rig_close(&over);
	/* a head that comes whole is none under way */
	cr_assert_eq(rig_get(&whole, "/bytes/1", NULL, NULL), 200);
	rig_send(&slow, "st: h\r\n\r\n");
	cr_assert_eq(rig_response(&slow, NULL, NULL, NULL), 200);
	rig_send(&whole, "GET /bytes/1 HTTP/1.1\r\n");
	usleep(100000);
	rig_send(&whole, "Host: h\r\n\r\n");
	cr_assert_eq(rig_response(&whole, NULL, NULL, NULL), 200);
	expect_status(r, counted);
	rig_close(&slow);
	rig_close(&whole);
	rig_stop(r);
}

Test(limits, source_heads)
{
	heads("source_heads", "\"heads_refused\":1,\"source_refused\":1,");
}

Test(limits, max_heads)
{
	heads("max_heads", "\"heads_refused\":1,\"source_refused\":0,");
}

/* ---- who is slow, in every phase */

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

Test(limits, slow_handshake)
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
Test(limits, rest)
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

Test(limits, slow_head)
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
Test(limits, slow_body)
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

Test(limits, slow_body_in_chunks)
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
Test(limits, slow_enough_body)
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

Test(limits, reader_that_stopped)
{
	cr_assert_lt(slow_reader(0), LARGE);
}

/* The kernel's buffers are larger than what it reads in body_timeout. */
Test(limits, reader_that_is_slow)
{
	size_t got = 0;

	for (int i = 0; i < TRIES && got <= LARGE; i++)
		got = slow_reader(16384);
	cr_assert_gt(got, LARGE);
}

/* Sends into a tunnel that echoes, and takes nothing back: as soon as every
 * buffer on the way is full, nothing moves any more. */
Test(limits, tunnel_that_is_not_read)
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

/* ---- what servers say */

/* What nobody asked for is nobody's answer. */
Test(limits, unasked_answer)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(rig_get(&c, "/unasked", NULL, NULL), 200);
		rig_let();
		cr_assert_eq(rig_heard(1), 1);
		cr_assert_eq(rig_get(&c, "/head", &body, NULL), 200);
		cr_assert(strstr(body, "GET /head") != NULL, "%s", body);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

static void
stop(struct rig *r)
{
	int status;

	kill(rig_pid(r), SIGSTOP);
	/* all its threads have stopped, not only been told to */
	cr_assert_eq(waitpid(rig_pid(r), &status, WUNTRACED), rig_pid(r));
	cr_assert(WIFSTOPPED(status));
}

static void
dial_all(struct rig *r, int *fd, size_t n)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)rig_port(r)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	for (size_t i = 0; i < n; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert_eq(connect(fd[i], (void *)&sa, sizeof(sa)), 0);
	}
}

/* The same when the client's request is seen first: both come while the
 * gateway is stopped, and between them a byte from each of a crowd. */
static void
answer_out_of_sight(size_t crowd)
{
	static const struct rig_key keys[] = {
		{ "", "workers", "1" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	int fd[300];
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	dial_all(r, fd, crowd);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(rig_get(&c, "/unasked", NULL, NULL), 200);
		stop(r);
		rig_send(&c, GET("/head"));
		for (size_t k = 0; k < crowd; k++)
			cr_assert_eq(send(fd[k], "\x16", 1, MSG_NOSIGNAL), 1);
		rig_let();
		cr_assert_eq(rig_heard(1), 1);
		kill(rig_pid(r), SIGCONT);
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		cr_assert(strstr(body, "GET /head") != NULL, "%s", body);
		free(body);
	}
	for (size_t k = 0; k < crowd; k++)
		close(fd[k]);
	rig_close(&c);
	rig_stop(r);
}

Test(limits, unasked_answer_in_time)
{
	answer_out_of_sight(0);
}

/* More events than the gateway looks at in one turn: the server's is not
 * among them. */
Test(limits, unasked_answer_behind_a_crowd)
{
	answer_out_of_sight(300);
}

Test(limits, interim_flood)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head = NULL;
	int status, count = 0;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int n = 16; n <= 1000; n += 984) {
		char path[64];

		snprintf(path, sizeof(path), "GET /interims/%d HTTP/1.1\r\n"
			 "Host: h\r\n\r\n", n);
		rig_send(&c, path);
		for (count = 0; (status = rig_response(&c, &head, NULL, NULL))
				== 103; count++)
			free(head);
		cr_assert_eq(status, n == 16 ? 200 : 502, "%d", status);
		cr_assert_eq(count, 16);
		free(head);
	}
	rig_close(&c);
	rig_stop(r);
}

/* 101 to who did not ask. */
Test(limits, unasked_upgrade)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/frames/whole", NULL, NULL), 502);
	rig_close(&c);
	rig_stop(r);
}

/* ---- servers that are not there */

/* However many they are, a request has an end. */
Test(limits, many_dead_servers)
{
	struct rig_client c;
	struct rig *r;

	rig_dead_servers = 70;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 3; i++)
		cr_assert_eq(rig_get(&c, "/dead", NULL, NULL), 502);
	rig_close(&c);
	rig_stop(r);
}

/* ---- a gwd-auth that does not listen */

/* Of 15 KB: three of them and the card fit into what may be asked. */
static X509 *
thick(const struct rig_pki *pki)
{
	static unsigned char text[15000];
	X509 *x = rig_issue(pki, "thick", NULL, pki->card_key);
	ASN1_OCTET_STRING *o = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	memset(text, 'x', sizeof(text));
	ASN1_OCTET_STRING_set(o, text, sizeof(text));
	e = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, o);
	cr_assert(X509_add_ext(x, e, -1) == 1 &&
		  X509_sign(x, pki->ca_key, EVP_sha256()) > 0);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(o);
	return x;
}

/* What it is asked is bounded in bytes; who is not asked about is told at
 * once. When it listens again, the others come in, and none of those who went
 * is forgotten. */
Test(limits, questions_that_wait)
{
	static const struct rig_key keys[] = {
		{ "", "workers", "1" },
		{ "listener", "max_handshakes", "1000" },
		{ "listener", "source_handshakes", "1000" },
		{ "listener", "handshake_timeout", "60s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c[120];
	X509 *x = thick(rig_pki(r));
	unsigned in = 0;

	rig_answer(r, &allow);
	rig_deafen(r);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		rig_dial(r, &c[i], 0);
		for (int k = 0; k < 3; k++)
			SSL_add1_chain_cert(c[i].ssl, x);
		cr_assert(rig_shake(&c[i]));
	}
	cr_assert_eq(rig_get(&c[GW_COUNT(c) - 1], "/bytes/1", NULL, NULL),
		     503);
	rig_hearken(r);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		in += rig_get(&c[i], "/bytes/1", NULL, NULL) == 200;
		rig_close(&c[i]);
	}
	cr_assert(in > 60 && in < GW_COUNT(c), "%u", in);
	cr_assert_eq(rig_admits(r), in);
	cr_assert_eq(rig_leaves(r, in), in);
	X509_free(x);
	rig_stop(r);
}

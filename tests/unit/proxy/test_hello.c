/* test_hello.c — ClientHellos made by hand, most of them wrong: each is
 * answered by the alert that its RFC names, or by a ServerHello. What is
 * refused comes first. */
#include "rig.h"
#include "heap.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(hello, .timeout = 300);

#define S(bytes) bytes, sizeof(bytes) - 1
#define GROUPS   "\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17"
#define SIGS     "\x00\x0d\x00\x06\x00\x04\x04\x03\x08\x04"
#define V13      "\x00\x2b\x00\x03\x02\x03\x04"
#define SHARE    "\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20" POINT
#define POINT    "\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
		 "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
		 "\x00\x00\x00\x00"
#define SCSV     "\x00\xff" /* renegotiation is safe */
#define NAME     "\x00\x00\x00\x0b\x00\x09\x00\x00\x06gw.lab"

/* Both versions offer as much as makes a handshake; `more` comes before. */
struct hello {
	const char *what;
	const char *more;        /* extensions */
	size_t more_len;
	int alert;               /* -1: a ServerHello instead */
	/* 0 or NULL: as usual */
	uint16_t version;        /* legacy_version; 1.2 only */
	const char *suites;      /* 1.2 only */
	size_t suites_len;
	const char *compression;
	size_t compression_len;
	size_t session_len, padding, fragment, trailing, cut;
	bool only12, only13;
	bool no_sigs;
};

#define MORE(bytes) .more = bytes, .more_len = sizeof(bytes) - 1

enum { SERVER_HELLO = -1, CLOSED = -2, SILENCE = -3 };

struct bytes {
	uint8_t p[400000];
	size_t n;
};

static void
put(struct bytes *b, const void *p, size_t n)
{
	cr_assert_leq(b->n + n, sizeof(b->p));
	if (n > 0) /* or there may be nothing to point to */
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void
put_number(struct bytes *b, size_t n, int width)
{
	while (width-- > 0)
		put(b, &(uint8_t){ (uint8_t)(n >> 8 * width) }, 1);
}

/* Room for a length, which set_length() fills in. */
static size_t
leave(struct bytes *b, int width)
{
	put_number(b, 0, width);
	return b->n;
}

static void
set_length(struct bytes *b, size_t at, int width)
{
	size_t n = b->n - at;

	for (int i = 1; i <= width; i++, n >>= 8)
		b->p[at - (size_t)i] = (uint8_t)n;
}

static void
put_some(struct bytes *b, const char *p, size_t n, int width)
{
	put_number(b, n, width);
	put(b, p, n);
}

static void
put_extensions(struct bytes *b, const struct hello *h, bool is_13)
{
	size_t at = leave(b, 2);

	if (h->padding > 0) {
		put_number(b, 21, 2);
		put_number(b, h->padding, 2);
		memset(b->p + b->n, 0, h->padding);
		b->n += h->padding;
	}
	put(b, h->more, h->more_len);
	put(b, S(GROUPS));
	if (!h->no_sigs)
		put(b, S(SIGS));
	if (is_13) {
		put(b, S(V13));
		put(b, S(SHARE));
	}
	set_length(b, at, 2);
}

static void
put_hello(struct bytes *b, const struct hello *h, bool is_13)
{
	size_t at;

	put_number(b, 1, 1);
	at = leave(b, 3);
	put_number(b, h->version != 0 ? h->version : 0x0303, 2);
	for (int i = 0; i < 32; i++)
		put_number(b, (size_t)i, 1);
	put_number(b, h->session_len, 1);
	for (size_t i = 0; i < h->session_len; i++)
		put_number(b, i, 1);
	if (is_13)
		put_some(b, S("\x13\x01"), 2);
	else if (h->suites != NULL)
		put_some(b, h->suites, h->suites_len, 2);
	else
		put_some(b, S("\xc0\x2b" SCSV), 2);
	if (h->compression != NULL)
		put_some(b, h->compression, h->compression_len, 1);
	else
		put_some(b, S("\0"), 1);
	put_extensions(b, h, is_13);
	for (size_t i = 0; i < h->trailing; i++)
		put_number(b, i, 1);
	b->n -= h->cut;
	set_length(b, at, 3);
}

/* The message in records, as one piece for the socket. */
static void
in_records(const struct bytes *m, size_t size, struct bytes *out)
{
	for (size_t at = 0; at < m->n; at += size) {
		size_t n = GW_MIN(size, m->n - at);

		put(out, S("\x16\x03\x01"));
		put_some(out, (const char *)m->p + at, n, 2);
	}
}

static void
send_all(struct rig_client *c, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t m = send(c->fd, p, n, MSG_NOSIGNAL);

		if (m <= 0)
			return; /* what it has answered shows */
		p += m;
		n -= (size_t)m;
	}
}

/* The first record that comes: the alert's number, or SERVER_HELLO. */
static int
first_answer(struct rig_client *c)
{
	uint8_t p[7];
	ssize_t n = recv(c->fd, p, sizeof(p), MSG_WAITALL);

	if (n <= 0)
		return n == 0 ? CLOSED : SILENCE;
	cr_assert_eq(n, (ssize_t)sizeof(p));
	if (p[0] == SSL3_RT_HANDSHAKE && p[5] == SSL3_MT_SERVER_HELLO)
		return SERVER_HELLO;
	cr_assert_eq(p[0], SSL3_RT_ALERT, "a record of type %u", p[0]);
	cr_assert_eq(p[5], SSL3_AL_FATAL);
	return p[6];
}

static int
say(struct rig *r, const uint8_t *p, size_t n)
{
	struct rig_client c;
	int got;

	rig_dial(r, &c, RIG_NO_CARD);
	send_all(&c, p, n);
	got = first_answer(&c);
	if (got >= 0) { /* and after an alert nothing */
		char byte;

		cr_expect_leq(recv(c.fd, &byte, 1, 0), 0);
	}
	rig_close(&c);
	return got;
}

static int
greet(struct rig *r, const struct hello *h, bool is_13)
{
	struct bytes *m = calloc(1, sizeof(*m)), *all = calloc(1, sizeof(*m));
	int got;

	cr_assert(m != NULL && all != NULL);
	put_hello(m, h, is_13);
	in_records(m, h->fragment != 0 ? h->fragment : 16384, all);
	got = say(r, all->p, all->n);
	free(all);
	free(m);
	return got;
}

static const struct hello hellos[] = {
	/* server_name: RFC 6066, 3 */
	{ "SNI: nothing", MORE("\x00\x00\x00\x00"), .alert = 50 },
	{ "SNI: empty list", MORE("\x00\x00\x00\x02\x00\x00"), .alert = 50 },
	{ "SNI: empty name", MORE("\x00\x00\x00\x05\x00\x03\x00\x00\x00"),
	  .alert = 50 },
	{ "SNI: with a NUL",
	  MORE("\x00\x00\x00\x08\x00\x06\x00\x00\x03g\0w"), .alert = 112 },
	{ "SNI: two names",
	  MORE("\x00\x00\x00\x0a\x00\x08\x00\x00\x01x\x00\x00\x01y"),
	  .alert = 50 },
	{ "SNI: bytes after",
	  MORE("\x00\x00\x00\x07\x00\x04\x00\x00\x01xy"), .alert = 50 },
	{ "SNI: twice", MORE(NAME NAME), .alert = 47 },
	{ "SNI", MORE(NAME), .alert = SERVER_HELLO },
	/* ALPN: RFC 7301, 3 */
	{ "ALPN: nothing", MORE("\x00\x10\x00\x00"), .alert = 50 },
	{ "ALPN: empty list", MORE("\x00\x10\x00\x02\x00\x00"), .alert = 50 },
	{ "ALPN: empty name", MORE("\x00\x10\x00\x03\x00\x01\x00"),
	  .alert = 50 },
	{ "ALPN: name too long", MORE("\x00\x10\x00\x04\x00\x02\x05h"),
	  .alert = 50 },
	{ "ALPN: bytes after",
	  MORE("\x00\x10\x00\x0c\x00\x09\x08http/1.1x"), .alert = 50 },
	{ "ALPN: h2 alone", MORE("\x00\x10\x00\x05\x00\x03\x02h2"),
	  .alert = 120 },
	{ "ALPN: in capitals", MORE("\x00\x10\x00\x0b\x00\x09\x08HTTP/1.1"),
	  .alert = 120 },
	{ "ALPN", MORE("\x00\x10\x00\x0b\x00\x09\x08http/1.1"),
	  .alert = SERVER_HELLO },
	/* versions */
	{ "TLS 1.1", .version = 0x0302, .only12 = true, .alert = 70 },
	{ "TLS 1.0", .version = 0x0301, .only12 = true, .alert = 70 },
	/* SSL 3.0 knows no better one */
	{ "SSL 3.0", .version = 0x0300, .only12 = true, .alert = 40 },
	{ "1.2 for want of more", .suites = "\xc0\x2b\x56\x00",
	  .suites_len = 4, .only12 = true, .alert = 86 },
	/* suites that are not ours */
#define ONLY(name, suite) { name, .suites = suite SCSV, .suites_len = 4, \
			    .only12 = true, .alert = 40 }
	ONLY("static RSA, CBC", "\x00\x2f"),
	ONLY("static RSA, GCM", "\x00\x9c"),
	ONLY("DHE, GCM", "\x00\x9e"), ONLY("ECDSA, CBC", "\xc0\x09"),
	ONLY("RSA, CBC", "\xc0\x13"), ONLY("CBC, SHA-384", "\xc0\x24"),
	ONLY("RC4", "\xc0\x07"), ONLY("3DES", "\xc0\x08"),
	ONLY("NULL", "\xc0\x06"), ONLY("anonymous", "\xc0\x18"),
	ONLY("PSK", "\x00\xa8"), ONLY("CCM", "\xc0\xac"),
	ONLY("AES-256-GCM, static ECDH", "\xc0\x2e"),
	{ "no suite", .suites = "", .suites_len = 0, .only12 = true,
	  .alert = 47 },
	{ "ECDSA, GCM", .suites = "\xc0\x2c" SCSV, .suites_len = 4,
	  .only12 = true, .alert = SERVER_HELLO },
	{ "ECDSA, ChaCha20", .suites = "\xcc\xa9" SCSV, .suites_len = 4,
	  .only12 = true, .alert = SERVER_HELLO },
	/* signatures: SHA-1 is what 1.2 means without a word */
	{ "SHA-1 by default", .no_sigs = true, .only12 = true, .alert = 40 },
	{ "no signatures", .no_sigs = true, .only13 = true, .alert = 109 },
	{ "SHA-1 alone", MORE("\x00\x0d\x00\x06\x00\x04\x02\x01\x02\x03"),
	  .alert = 40, .no_sigs = true },
	{ "SHA-224 alone", MORE("\x00\x0d\x00\x06\x00\x04\x03\x01\x03\x03"),
	  .alert = 40, .no_sigs = true },
	/* the rest of the message */
	/* RFC 8446, 4.1.2 has 47 for it; OpenSSL finds no valid message */
	{ "deflate alone", .compression = "\1", .compression_len = 1,
	  .alert = 50 },
	{ "no compression", .compression = "", .compression_len = 0,
	  .alert = 50 },
	{ "session of 33", .session_len = 33, .alert = 50 },
	{ "bytes after", .trailing = 3, .alert = 50 },
	{ "cut", .cut = 5, .alert = 50 },
	{ "unknown extensions", MORE("\x55\x55\x00\x00\x55\x56\x00\x01x"),
	  .alert = SERVER_HELLO },
	/* sizes, and pieces: RFC 8446, 5.1 */
	{ "16 KiB", .padding = 16384, .alert = SERVER_HELLO },
	{ "60 KiB", .padding = 61440, .alert = SERVER_HELLO },
	{ "byte by byte", .fragment = 1, .alert = SERVER_HELLO },
	{ "1 KiB byte by byte", .padding = 1024, .fragment = 1,
	  .alert = SERVER_HELLO },
	{ "16 KiB in twos", .padding = 16000, .fragment = 2,
	  .alert = SERVER_HELLO },
	{ "60 KiB byte by byte: too many records", .padding = 61440,
	  .fragment = 1, .alert = CLOSED },
};

/* A reset is as good as an end. */
static bool
is_as_wanted(int got, int want)
{
	return got == want || (want == CLOSED && got == SILENCE);
}

Test(hello, answers)
{
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < 2 * GW_COUNT(hellos); i++) {
		const struct hello *h = &hellos[i / 2];
		bool is_13 = i % 2 != 0;
		int got;

		if (is_13 ? h->only12 : h->only13)
			continue;
		got = greet(r, h, is_13);
		cr_expect(is_as_wanted(got, h->alert), "%s, 1.%d: %d, not %d",
			  h->what, is_13 ? 3 : 2, got, h->alert);
	}
	cr_expect_eq(rig_admits(r), 0);
	rig_stop(r);
}

/* No ClientHello at all. */
Test(hello, none)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
		int alert;
	} cases[] = {
		{ "HTTP", S("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), CLOSED },
		{ "a record of 64 KiB", S("\x16\x03\x01\xff\xff\x01\0\0"), 22 },
		{ "a message of 16 MiB",
		  S("\x16\x03\x01\x00\x06\x01\xff\xff\xff\3\3"), 47 },
		{ "data", S("\x17\x03\x03\x00\x05hello"), 10 },
		{ "ChangeCipherSpec", S("\x14\x03\x03\x00\x01\x01"), 10 },
		{ "an alert", S("\x15\x03\x03\x00\x02\x01\x00"), 10 },
		{ "Finished", S("\x16\x03\x03\x00\x04\x14\0\0\0"), 10 },
		{ "Certificate",
		  S("\x16\x03\x03\x00\x07\x0b\0\0\3\0\0\0"), 10 },
		{ "type 99", S("\x63\x03\x03\x00\x01x"), 10 },
	};
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		int got = say(r, (const uint8_t *)cases[i].bytes,
			      cases[i].len);

		cr_expect(is_as_wanted(got, cases[i].alert),
			  "%s: %d, not %d", cases[i].what, got,
			  cases[i].alert);
	}
	rig_stop(r);
}

/* ---- announced, and never sent */

#define CROWD (GW_HEAP_LARGE_MAX + 40)

static size_t
refused(const struct rig_client *crowd)
{
	size_t n = 0;
	char byte;

	for (size_t i = 0; i < CROWD; i++)
		n += recv(crowd[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
	return n;
}

/* Ten bytes each that announce 128 KiB: so many are believed, the others
 * fail. */
Test(hello, announced)
{
	static struct rig_client crowd[CROWD];
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "60s" },
		{ NULL, NULL, NULL },
	};
	const struct hello big = { .padding = 61440 };
	struct rig *r = rig_start(keys);

	for (size_t i = 0; i < CROWD; i++) {
		rig_dial(r, &crowd[i], RIG_NO_CARD);
		send_all(&crowd[i], (const uint8_t *)"\x16\x03\x01\0\x05"
			 "\x01\x01\xff\xc0\x03", 10);
	}
	for (int i = 0; refused(crowd) < CROWD - GW_HEAP_LARGE_MAX; i++) {
		cr_assert_lt(i, 3000, "%zu", refused(crowd));
		usleep(10000);
	}
	cr_expect_eq(refused(crowd), CROWD - GW_HEAP_LARGE_MAX);
	cr_expect_eq(greet(r, &big, false), 80);
	cr_expect_eq(greet(r, &(struct hello){ .padding = 16384 }, false),
		     SERVER_HELLO);
	for (size_t i = 0; i < CROWD; i++)
		rig_close(&crowd[i]);
	for (int i = 0; greet(r, &big, false) != SERVER_HELLO; i++) {
		cr_assert_lt(i, 3000, "not given back");
		usleep(10000);
	}
	rig_stop(r);
}

/* e2e_timeouts.c — who is slow, in every phase of a connection: ended in its
 * time and not before, told why where there is a way, while others go on. A
 * gateway of the test's own, with short limits.
 *
 * The gateway counts from what it has seen of us, so nothing may end earlier
 * than its limit after our doing; later it may, on a busy machine. */
#include "door.h"
#include "insider.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIMIT_MS  1000
#define SHAKE_MS  4000
#define HEAD_MS   600
#define LATE_MS   30000
#define CRUMB_MS  20 /* between one byte and the next */
#define WELL_MS   20000

TestSuite(timeouts, .fini = door_shut, .timeout = 300);

static void
expect_time(const char *what, uint64_t from, int limit_ms)
{
	int ms = (int)(now_ms() - from);

	cr_expect(ms >= limit_ms && ms < limit_ms + LATE_MS,
		  "%s: ends after %d ms, the limit is %d", what, ms, limit_ms);
}

static struct wire *
enter(const char *card)
{
	struct wire *w = WIRE(.base = door.url, .card = card);

	cr_assert(wire_is_up(w), "%s does not come in",
		  card != NULL ? card : "no card");
	return w;
}

static int
status_of(const char *response)
{
	return strncmp(response, "HTTP/1.1 ", 9) == 0
		       ? (int)strtol(response + 9, NULL, 10) : 0;
}

/* ---- the handshake */

static const struct shake_case {
	const char *what;
	size_t at_once; /* bytes of the ClientHello; then one by one */
	bool is_silent; /* … or none */
} shakes[] = {
	{ "says nothing", 0, true },
	{ "a ClientHello in crumbs", 0, false },
	{ "silent within its ClientHello", 100, true },
	{ "silent after its ClientHello", SIZE_MAX, true },
};

struct shaker {
	const struct shake_case *t;
	int fd;
	size_t at;   /* of the ClientHello */
	uint64_t from;
	bool is_over;
};

static struct shaker
shaker_new(const struct shake_case *t, const char *hello, size_t len)
{
	struct shaker s = { .t = t, .from = now_ms(),
			    .at = GW_MIN(t->at_once, len) };

	s.fd = DIAL(.base = door.url);
	gw_assert(send(s.fd, hello, s.at, MSG_NOSIGNAL) == (ssize_t)s.at);
	return s;
}

/* One crumb, unless the gateway has ended it. */
static void
shaker_step(struct shaker *s, const char *hello, size_t len)
{
	char drop[4096];
	ssize_t n;

	while ((n = recv(s->fd, drop, sizeof(drop), 0)) > 0)
		;
	if (n == 0 || errno != EAGAIN) {
		expect_time(s->t->what, s->from, SHAKE_MS);
		s->is_over = true;
	} else if (!s->t->is_silent && s->at < len) {
		(void)send(s->fd, hello + s->at++, 1, MSG_NOSIGNAL);
	}
}

/* Long enough for the insider's own handshake, login included. */
Test(timeouts, handshake)
{
	struct shaker s[GW_COUNT(shakes)];
	size_t len, left = GW_COUNT(shakes);
	char *hello = wire_hello(&len);
	struct insider in;

	door_open("\thandshake_timeout = \"4s\"\n", "");
	in = insider_new(door.url);
	for (size_t i = 0; i < GW_COUNT(s); i++)
		s[i] = shaker_new(&shakes[i], hello, len);
	while (left > 0 && now_ms() - s[0].from < SHAKE_MS + LATE_MS) {
		usleep(CRUMB_MS * 1000);
		for (size_t i = 0; i < GW_COUNT(s); i++)
			if (!s[i].is_over) {
				shaker_step(&s[i], hello, len);
				left -= s[i].is_over;
			}
	}
	for (size_t i = 0; i < GW_COUNT(s); i++) {
		cr_expect(s[i].is_over, "%s: stays", s[i].t->what);
		close(s[i].fd);
	}
	expect_counted("handshakes_failed", (int64_t)GW_COUNT(s));
	expect_logged("handshake-failed", "reason=tls-handshake",
		      "detail=timeout");
	expect_undisturbed("slow handshakes", &in, WELL_MS);
	insider_free(&in);
}

/* ---- heads and bodies */

/* A crumb each CRUMB_MS until the gateway answers: all that it says up to the
 * connection's end. */
static char *
trickle(struct wire *w, const char *crumb)
{
	uint64_t until = now_ms() + LIMIT_MS + LATE_MS;
	char first;
	int n;

	while (now_ms() < until) {
		n = wire_read(w, &first, 1, CRUMB_MS);
		if (n == 1)
			return text("%c%s", first,
				    wire_read_until(w, NULL, 3000));
		if (n != -2)
			return text("%s", "");
		(void)wire_say(w, crumb);
	}
	return text("%s", "");
}

static void
expect_refusal(const char *what, struct wire *w, const char *got, int status,
	       const char *reason)
{
	cr_expect_eq(status_of(got), status, "%s: got %.400s", what, got);
	cr_expect(contains(got, reason), "%s: no %s: %s", what, reason, got);
	cr_expect(wire_is_over(w, 30000), "%s: stays open", what);
}

static const struct head_case {
	const char *what, *card;
	const char *crumb;
	bool is_second; /* of its connection */
	int status;
	const char *reason;
} heads[] = {
	{ "crumbs", "alice", "a", false, 408, "http-timeout" },
	{ "crumbs, second", "alice", "a", true, 408, "http-timeout" },
	{ "crumbs of lines", "alice", "a\r\nX: ", false, 408, "http-timeout" },
	{ "silence", "alice", "", false, 408, "http-timeout" },
	{ "no card", NULL, "a", false, 403, "tls-no-certificate" },
};

Test(timeouts, head)
{
	struct insider in;

	door_open("\theader_timeout = \"600ms\"\n", "");
	in = insider_new(door.url);
	for (size_t i = 0; i < GW_COUNT(heads); i++) {
		const struct head_case *t = &heads[i];
		uint64_t from = now_ms(); /* of the denied: the handshake's */
		struct wire *w = enter(t->card);

		if (t->is_second)
			cr_assert(is_served(w));
		if (t->card != NULL)
			from = now_ms();
		(void)wire_say(w, "GET /echo/ HTTP/1.1\r\nX: ");
		expect_refusal(t->what, w, trickle(w, t->crumb), t->status,
			       t->reason);
		expect_time(t->what, from, HEAD_MS);
		wire_close(w);
	}
	expect_undisturbed("slow heads", &in, WELL_MS);
	insider_free(&in);
}

#define POST   "POST /echo/ HTTP/1.1\r\n" HOST
#define LENGTH POST "Content-Length: 6000\r\n\r\n"

static const struct body_case {
	const char *what, *head, *crumb;
} bodies[] = {
	{ "silence", LENGTH "x", "" },
	{ "no byte of it", LENGTH, "" },
	{ "crumbs", LENGTH, "x" },
	{ "crumbs of chunks", POST "Transfer-Encoding: chunked\r\n\r\n",
	  "1\r\nx\r\n" },
};

#define RATE "\tbody_timeout = \"1s\"\n\tbody_min_rate = 1000\n"

Test(timeouts, body)
{
	struct insider in;

	door_open(RATE, "");
	in = insider_new(door.url);
	for (size_t i = 0; i < GW_COUNT(bodies); i++) {
		const struct body_case *t = &bodies[i];
		struct wire *w = enter("alice");
		uint64_t from = now_ms();

		(void)wire_say(w, t->head);
		expect_refusal(t->what, w, trickle(w, t->crumb), 408,
			       "http-timeout");
		expect_time(t->what, from, LIMIT_MS);
		wire_close(w);
	}
	expect_logged("request-failed", "reason=http-timeout", "detail=body");
	expect_undisturbed("slow bodies", &in, WELL_MS);
	insider_free(&in);
}

/* All of a body at several times the rate, for longer than body_timeout; false
 * when it breaks. */
static bool
keeps_up(struct wire *w)
{
	char piece[101] = "", drop;

	memset(piece, 'x', 100);
	(void)wire_say(w, LENGTH);
	for (int i = 0; i < 60; i++)
		if (wire_read(w, &drop, 1, CRUMB_MS) != -2 ||
		    !wire_say(w, piece))
			return false;
	return true;
}

/* It arrives. Some tries, as a busy machine may hold us up for longer. */
Test(timeouts, body_that_keeps_up)
{
	struct wire *w = NULL;
	bool has_kept_up = false;
	uint64_t from = 0;
	char *got;

	door_open(RATE, "");
	for (int i = 0; i < 4 && !has_kept_up; i++) {
		wire_close(w);
		w = enter("alice");
		from = now_ms();
		has_kept_up = keeps_up(w);
	}
	cr_assert(has_kept_up, "it breaks");
	got = wire_read_until(w, "\"}", 60000);
	cr_expect_eq(status_of(got), 200, "%s", got);
	cr_expect(contains(got, "\"length\": 6000"), "%s", got);
	cr_expect_geq((int)(now_ms() - from), LIMIT_MS);
	wire_close(w);
}

/* ---- responses that are not read */

enum { READERS = 20 };
#define LARGE   "30000000"
/* What all of them may hold of it: OpenSSL's state, both buffers, and what
 * malloc cannot fill. AddressSanitizer keeps up to 256 MiB of what was
 * freed. */
#ifdef __SANITIZE_ADDRESS__
#define MAY_KIB (512 * 1024)
#else
#define MAY_KIB (READERS * (22 + 2 * 68) * 5 / 4 + 256)
#endif

/* All of them take nothing but the first, which takes 64 KiB each CRUMB_MS, a
 * sixth of what it must: the kernel has room for more several times before
 * its time is up. The most that gwd-proxy held until they were gone. */
static long
watch(struct wire *slow, int64_t others)
{
	uint64_t until = now_ms() + LIMIT_MS + LATE_MS;
	pid_t pid = gate_pid(door.socket, "gwd-proxy");
	char drop[16384];
	long most = 0;

	while (door_count("connections") > others) {
		cr_assert(now_ms() < until, "%lld of them are there still",
			  (long long)(door_count("connections") - others));
		most = GW_MAX(most, resident_kib(pid));
		usleep(CRUMB_MS * 1000);
		for (int i = 0; i < 4; i++)
			(void)wire_read(slow, drop, sizeof(drop), 0);
	}
	return most;
}

/* Without the end of what was announced. */
static bool
is_cut(struct wire *w)
{
	uint64_t got = 0;
	char drop[65536];
	int n;

	while ((n = wire_read(w, drop, sizeof(drop), 5000)) > 0)
		got += (uint64_t)n;
	return n != -2 && got < strtoull(LARGE, NULL, 10);
}

Test(timeouts, response)
{
	struct wire *w[READERS];
	struct insider in;
	uint64_t from;
	long before, most;

	door_open("\tbody_timeout = \"1s\"\n\tbody_min_rate = 20000000\n", "");
	in = insider_new(door.url);
	for (int i = 0; i < READERS; i++)
		w[i] = WIRE(.base = door.url, .card = "alice", .rcvbuf = 4096);
	before = resident_kib(gate_pid(door.socket, "gwd-proxy"));
	from = now_ms();
	for (int i = 0; i < READERS; i++)
		(void)wire_say(w[i], GET("/echo/stream?length=known&bytes="
					 LARGE));
	expect_undisturbed("slow readers", &in, WELL_MS);
	most = watch(w[0], 2);
	expect_time("readers", from, LIMIT_MS);
	cr_expect_lt(most - before, MAY_KIB,
		     "gwd-proxy grew from %ld to %ld KiB", before, most);
	expect_logged("connection-end", "why=", "client does not read");
	for (int i = 0; i < READERS; i++) {
		cr_expect(is_cut(w[i]), "reader %d has it all", i);
		wire_close(w[i]);
	}
	expect_undisturbed("after them", &in, WELL_MS);
	insider_free(&in);
}

/* ---- rest */

/* Said goodbye to: nothing was said before it. */
static void
expect_goodbye(const char *what, struct wire *w, uint64_t from)
{
	char got;
	int n = wire_read(w, &got, 1, LIMIT_MS + LATE_MS);

	cr_expect_eq(n, 0, "%s: %s", what, n == 1 ? "something is said" :
		     n == -1 ? "it breaks" : "it stays");
	expect_time(what, from, LIMIT_MS);
	wire_close(w);
}

/* Whether it lasts for twice its limit when it never rests for so long; when it
 * was busy last. */
static bool
lasts(struct wire *w, bool (*is_well)(struct wire *w), uint64_t *out_busy_at)
{
	uint64_t began = now_ms();

	do {
		*out_busy_at = now_ms();
		if (!is_well(w))
			return false;
		usleep(100000);
	} while (now_ms() - began < 2 * LIMIT_MS);
	return true;
}

#define TRIES 4 /* a busy machine may have us rest longer than was meant */

Test(timeouts, rest_between_requests)
{
	bool has_lasted = false;
	struct wire *w = NULL;
	uint64_t from;

	door_open("\tidle_timeout = \"1s\"\n", "");
	from = now_ms();
	expect_goodbye("no request at all", enter("alice"), from);
	for (int i = 0; i < TRIES && !has_lasted; i++) {
		wire_close(w);
		w = enter("alice");
		has_lasted = lasts(w, is_served, &from);
	}
	cr_assert(has_lasted);
	expect_goodbye("after several", w, from);
	/* no rest: the server takes its time */
	w = enter("alice");
	cr_expect(is_answered(w, GET("/echo/slow?seconds=1.5"), 200, "\"}"),
		  "a slow server takes its time");
	wire_close(w);
}

static struct wire *
dig(const char *card)
{
	struct wire *w = enter(card);
	int status = ws_begin(w, "/echo/ws");

	cr_assert_eq(status, 101, "%s: got %d", card, status);
	return w;
}

static bool
is_heard(struct wire *w)
{
	return ws_echoes(w, "busy", WELL_MS);
}

Test(timeouts, rest_of_a_tunnel)
{
	struct wire *still = NULL, *busy = NULL;
	bool has_lasted = false;
	uint64_t from = 0;

	door_open("\ttunnel_timeout = \"1s\"\n", "");
	for (int i = 0; i < TRIES && !has_lasted; i++) {
		wire_close(busy);
		wire_close(still);
		busy = dig("alice-rsa");
		still = dig("alice");
		cr_expect(ws_echoes(still, "once", WELL_MS), "no tunnel");
		has_lasted = lasts(busy, is_heard, &from);
	}
	cr_assert(has_lasted);
	/* RFC 6455 7.4.1: going away */
	cr_expect(ws_closes(still, 1001, "tunnel idle or stalled", 30000),
		  "the idle one is not told");
	cr_expect(wire_is_over(still, 30000), "the idle one stays");
	cr_expect(ws_closes(busy, 1001, "tunnel idle or stalled",
			    LIMIT_MS + LATE_MS), "not told once idle");
	expect_time("once idle", from, LIMIT_MS);
	cr_expect(wire_is_over(busy, 30000), "it stays once idle");
	wire_close(still);
	wire_close(busy);
}

/* ---- a session's end, whatever goes on in it */

#define LIFE_MS 3000

/* Its end stands in whole seconds. */
Test(timeouts, session)
{
	uint64_t from = now_ms();
	struct wire *tunnel, *idle, *w;
	char *got, *end = NULL;
	size_t len;

	door_open("", "session { lifetime = \"3s\" }\n");
	from = now_ms();
	tunnel = dig("alice");
	idle = enter("alice");
	do {
		cr_assert(now_ms() - from < LIFE_MS + LATE_MS, "no end");
		usleep(50000);
		ws_send(tunnel, "busy");
	} while (ws_recv_frame(tunnel, &end, &len, WELL_MS) == 0x81);
	expect_time("tunnel", from, LIFE_MS - 1000);
	/* RFC 6455 7.4.1: policy */
	cr_expect(end != NULL && len == 15 &&
		  memcmp(end, "\x03\xf0session-ended", 15) == 0,
		  "not told: %zu bytes", len);
	cr_expect(wire_is_over(tunnel, 30000), "the tunnel stays");
	got = wire_read_until(idle, NULL, 3000);
	cr_expect_str_eq(got, "");
	cr_expect(wire_is_over(idle, 100), "her connection stays");
	w = enter("alice"); /* into another session */
	cr_assert(is_served(w));
	wire_close(w);
	wire_close(idle);
	wire_close(tunnel);
}

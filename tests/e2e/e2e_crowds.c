/* e2e_crowds.c — many at once: at the door, until no descriptor is left, and
 * slow in every state. Who is in is answered meanwhile, nobody is left waiting
 * where there is no room, the next get in when there is, and memory is
 * bounded. */
#include "door.h"
#include "insider.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(crowds, .fini = door_shut, .timeout = 300);

#define WELL_MS 30000 /* of who is in, on a busy machine */
#define HALF    "GET /echo/ HTTP/1.1\r\nX: "
#define ONE     "127.0.0.101"
#define TWO     "127.0.0.102"

/* ---- a crowd at the door */

/* Descriptors of clients that say no more than they have. */
struct crowd {
	int fd[1000];
	size_t count;
};

static void
crowd_join(struct crowd *c, size_t n)
{
	gw_assert(c->count + n <= GW_COUNT(c->fd));
	for (size_t i = 0; i < n; i++)
		c->fd[c->count++] = DIAL(.base = door.url);
}

static void
crowd_say(struct crowd *c, const char *said, size_t len)
{
	for (size_t i = 0; i < c->count; i++)
		gw_assert(send(c->fd[i], said, len, MSG_NOSIGNAL) ==
			  (ssize_t)len);
}

static void
crowd_leave(struct crowd *c)
{
	while (c->count > 0)
		close(c->fd[--c->count]);
}

/* How many the gateway has said something to, or has closed. */
static size_t
crowd_heard(const struct crowd *c, bool is_closed)
{
	size_t n = 0;
	char byte;

	for (size_t i = 0; i < c->count; i++) {
		ssize_t got = recv(c->fd[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT);

		if (got > 0)
			n += !is_closed;
		else if (got == 0 || errno != EAGAIN)
			n += is_closed;
	}
	return n;
}

static bool
all_are_answered(void *arg)
{
	const struct crowd *c = arg;

	return crowd_heard(c, false) == c->count;
}

enum { INSIDE = 500, OUTSIDE = 300, HALF_OF_ALL = (INSIDE + OUTSIDE) / 2 };

/* Some have been accepted and others knock when all of them begin to shake
 * hands, before the gateway looks, and those who are in speak last: they are
 * answered while most of the others still wait, so neither accepting nor
 * shaking hands comes first. Counted, not timed: how many were before them. */
static size_t
outlast(struct insider *in, struct crowd *c, const char *hello, size_t len)
{
	pid_t pid = gate_pid(door.socket, "gwd-proxy");
	size_t heard;
	char *got;

	crowd_join(c, INSIDE);
	expect_undisturbed("a silent crowd", in, WELL_MS);
	pause_all(pid);
	crowd_join(c, OUTSIDE);
	crowd_say(c, hello, len);
	ws_send(in->tunnel, "last");
	cr_assert_eq(kill(pid, SIGCONT), 0);
	got = ws_recv(in->tunnel, WELL_MS);
	heard = crowd_heard(c, false);
	cr_expect(got != NULL && strcmp(got, "last") == 0, "no answer");
	expect_undisturbed("a crowd", in, WELL_MS);
	return heard;
}

Test(crowds, at_the_door)
{
	struct crowd c = { .count = 0 };
	size_t len, best = INSIDE + OUTSIDE;
	struct insider in;
	char *hello = wire_hello(&len);

	door_open("\tsource_handshakes = 0\n"
		  "\thandshake_timeout = \"1min\"\n", "");
	in = insider_new(door.url);
	/* more often when we were late to hear of our answer */
	for (int i = 0; i < 2 || (best >= HALF_OF_ALL && i < 8); i++) {
		size_t heard = outlast(&in, &c, hello, len);

		best = GW_MIN(best, heard);
		cr_expect(await(60000, all_are_answered, &c),
			  "%zu of %zu are never answered",
			  c.count - crowd_heard(&c, false), c.count);
		crowd_leave(&c);
	}
	cr_expect_lt(best, HALF_OF_ALL, "the tunnel is answered after %zu of "
		     "%d handshakes", best, INSIDE + OUTSIDE);
	expect_counted("refused", 0);
	cr_expect(await(WELL_MS, gets_in, (void *)(uintptr_t)ONE),
		  "nobody gets in after the crowd");
	insider_free(&in);
}

/* ---- descriptors */

static int
highest_descriptor(pid_t pid)
{
	DIR *d = opendir(text("/proc/%d/fd", (int)pid));
	struct dirent *e;
	int max = -1;

	cr_assert(d != NULL, "%s", strerror(errno));
	while ((e = readdir(d)) != NULL)
		max = GW_MAX(max, (int)strtol(e->d_name, NULL, 10));
	closedir(d);
	return max;
}

struct full {
	struct crowd crowd;
	int64_t inside, refused; /* before */
};

/* None waits in the queue: each is counted as held or as refused. */
static bool
all_are_told(void *arg)
{
	const struct full *f = arg;
	size_t closed = crowd_heard(&f->crowd, true);

	return door_count("refused") - f->refused == (int64_t)closed &&
	       door_count("connections") - f->inside ==
		       (int64_t)(f->crowd.count - closed);
}

/* More than there is room for. */
static void
fill_up(struct full *f, struct insider *in)
{
	size_t closed;

	f->refused = door_count("refused");
	f->inside = door_count("connections");
	crowd_join(&f->crowd, 200);
	cr_expect(await(WELL_MS, all_are_told, f), "some are left waiting");
	closed = crowd_heard(&f->crowd, true);
	cr_expect(closed > 0 && closed < f->crowd.count,
		  "%zu of %zu are refused", closed, f->crowd.count);
	expect_logged("connection-refused", "why=\"no descriptor left\"",
		      "limit=all");
	for (int i = 0; i < 3; i++)
		expect_refused("no descriptor", ONE);
	expect_undisturbed("no descriptor", in, WELL_MS);
}

/* They have gone: others get in. */
static void
make_room(struct full *f, struct insider *in)
{
	crowd_leave(&f->crowd);
	cr_expect(await(WELL_MS, gets_in, (void *)(uintptr_t)ONE),
		  "nobody gets in when there is room again");
	expect_undisturbed("room again", in, WELL_MS);
}

/* The last ones are for the upstreams of who is in. */
Test(crowds, descriptors)
{
	struct full f = { .inside = 0 };
	struct insider in;
	struct wire *w;
	int status;

	door_open_by((const char *const[]){ "prlimit", "--nofile=160:160",
					    NULL }, "", "");
	in = insider_new(door.url);
	cr_assert(is_served(w = enter_from(TWO)));
	fill_up(&f, &in);
	status = ws_begin(w, "/echo/ws");
	cr_expect_eq(status, 101, "no upstream for who is in: %d", status);
	cr_expect(ws_echoes(w, "in", WELL_MS), "its tunnel does not answer");
	make_room(&f, &in);
	wire_close(w);
	insider_free(&in);
}

/* As the user whose process it is: root of a container may not. */
static void
limit_descriptors(pid_t pid, int n)
{
	char *user = conf_value("proxy_user"), *group = strchr(user, ':');
	struct output o;

	gw_assert(group != NULL);
	*group++ = '\0';
	o = RUN(60000, "setpriv", "--reuid", user, "--regid", group,
		"--clear-groups", "prlimit", "--pid", text("%d", (int)pid),
		text("--nofile=%d:%d", n, n));
	cr_assert_eq(o.status, 0, "%s", o.err);
}

/* The same without a reserve: the limit sinks while it runs. */
Test(crowds, descriptors_taken_away)
{
	struct full f = { .inside = 0 };
	struct insider in;
	struct wire *w;
	pid_t pid;

	door_open("", "");
	in = insider_new(door.url);
	cr_assert(is_served(w = enter_from(TWO)));
	pid = gate_pid(door.socket, "gwd-proxy");
	limit_descriptors(pid, highest_descriptor(pid) + 9);
	fill_up(&f, &in);
	cr_expect(is_served(w), "who is in does not go on");
	make_room(&f, &in);
	wire_close(w);
	insider_free(&in);
}

/* ---- memory of many slow ones */

/* What a connection holds at most in each of its states, as README's "Limits"
 * has it: at rest OpenSSL's state, which is larger during the handshake; a
 * buffer for what has come of a head, two large ones for each way on which
 * something is under way. */
#define AT_REST 22
#define SHAKING 43
#define HEAD    16
#define FLOW    68
enum { SLOW = 60 }; /* in each state */

/* For so many: what malloc cannot fill is a quarter at most. AddressSanitizer
 * keeps up to 256 MiB of what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define MAY_KIB(each) (512L * 1024)
#else
#define MAY_KIB(each) ((long)SLOW * (each) * 5 / 4 + 256)
#endif

static const struct slow {
	const char *what, *said, *answer;
	long kib; /* each */
} slow[] = {
	{ "at rest after a request", GET("/echo/"), "\"}", AT_REST },
	{ "half a head", HALF, NULL, AT_REST + HEAD },
	{ "half a body", "POST /echo/ HTTP/1.1\r\n" HOST
	  "Content-Length: 100000\r\n\r\nx", NULL, AT_REST + 2 * FLOW },
	{ "unread response", "GET /echo/stream?length=known&bytes=8000000 "
	  "HTTP/1.1\r\n" HOST "\r\n", NULL, AT_REST + 2 * FLOW },
	{ "tunnel at rest", NULL, NULL, AT_REST },
};

static struct wire *
slow_one(const struct slow *s)
{
	struct wire *w = WIRE(.base = door.url, .card = "alice",
			      .rcvbuf = s->answer == NULL ? 4096 : 0);

	cr_assert(wire_is_up(w), "%s", s->what);
	if (s->said == NULL)
		cr_assert_eq(ws_begin(w, "/echo/ws"), 101, "%s", s->what);
	else if (s->answer != NULL)
		cr_assert(is_answered(w, s->said, 200, s->answer), "%s",
			  s->what);
	else
		cr_assert(wire_say(w, s->said), "%s", s->what);
	return w;
}

/* Since `*before`, which is then. */
static void
expect_grown(const char *what, long *before, long may)
{
	long now = resident_kib(gate_pid(door.socket, "gwd-proxy"));

	cr_expect_leq(now - *before, may, "%s: gwd-proxy grew by %ld KiB for "
		      "%d, %ld are stated", what, now - *before, SLOW, may);
	*before = now;
}

Test(crowds, memory)
{
	struct wire *w[GW_COUNT(slow)][SLOW];
	struct crowd c = { .count = 0 };
	struct insider in;
	size_t len;
	char *hello = wire_hello(&len);
	long before;

	door_open("\thandshake_timeout = \"2min\"\n"
		  "\theader_timeout = \"2min\"\n"
		  "\tbody_timeout = \"2min\"\n", "");
	in = insider_new(door.url);
	before = resident_kib(gate_pid(door.socket, "gwd-proxy"));
	for (size_t i = 0; i < GW_COUNT(slow); i++) {
		for (size_t k = 0; k < SLOW; k++)
			w[i][k] = slow_one(&slow[i]);
		/* all that they said has been seen */
		expect_undisturbed(slow[i].what, &in, WELL_MS);
		expect_grown(slow[i].what, &before, MAY_KIB(slow[i].kib));
	}
	crowd_join(&c, SLOW);
	crowd_say(&c, hello, len);
	cr_assert(await(WELL_MS, all_are_answered, &c));
	expect_grown("half a handshake", &before, MAY_KIB(SHAKING));
	expect_counted("connections", SLOW * ((int64_t)GW_COUNT(slow) + 1) + 2);
	expect_undisturbed("all of them", &in, WELL_MS);
	crowd_leave(&c);
	for (size_t i = 0; i < GW_COUNT(slow); i++)
		for (size_t k = 0; k < SLOW; k++)
			wire_close(w[i][k]);
	insider_free(&in);
}

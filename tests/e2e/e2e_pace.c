/* e2e_pace.c — who is slow is waited for, in bounded memory, and keeps nobody
 * else waiting: a client that says its request bit by bit, a server that does
 * not read. Clients that do not read are e2e_stream.c's; those who are too
 * slow, e2e_timeouts.c's. */
#include "back.h"
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

TestSuite(pace, .timeout = 300);

#define HOST "Host: gateway.corp.example.com\r\n"

/* Somebody else's request, meanwhile. */
static void
expect_served(const char *base, const char *path)
{
	struct answer a = FETCH(.base = base, .card = "alice-rsa",
				.path = path);

	cr_expect_eq(a.status, 200, "another one: %ld %s", a.status, a.error);
	cr_expect_lt(a.took_ms, 20000, "another one waits: %d ms", a.took_ms);
}

/* A chunk at a time, and each in three parts. */
Test(pace, slow_writer)
{
	enum { CHUNKS = 40 };
	struct wire *w = WIRE(.card = "alice");
	char *got;

	(void)wire_say(w, "POST /echo/slowly HTTP/1.1\r\n" HOST
			  "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < CHUNKS; i++) {
		cr_assert(wire_say(w, "0005") && wire_say(w, "\r\nhel"));
		if (i % 8 == 0)
			expect_served(NULL, "/echo/");
		usleep(20000);
		cr_assert(wire_say(w, "lo\r\n"));
	}
	(void)wire_say(w, "0\r\nConnection: close\r\n\r\n");
	got = wire_read_until(w, "}", 60000);
	cr_expect(contains(got, text("\"length\": %d", 5 * CHUNKS)), "%s",
		  got);
	wire_close(w);
}

#define LEN ((size_t)64 * 1024 * 1024)
/* What the kernel holds for four sockets at most, and the gateway besides. */
#define HELD_MAX ((size_t)40 * 1024 * 1024)
#ifdef __SANITIZE_ADDRESS__
#define GROWS_KIB (64 * 1024)
#else
#define GROWS_KIB 2048
#endif

/* It does not read: the client cannot go on writing. Once it does, all of it
 * arrives. */
Test(pace, deaf_server)
{
	static const struct back_part parts[] = {
		{ "/deaf", { { BACK_WAIT, NULL, 0 },
			     { BACK_HEAR_BYTES, NULL, LEN },
			     { BACK_SAY, "HTTP/1.1 200 OK\r\n"
			       "Content-Length: 4\r\n\r\ndone", 0 } } },
	};
	struct back *back = back_player(parts, GW_COUNT(parts));
	char *dir = scratch_dir(), *body = gw_xcalloc(1, LEN), *got;
	struct gate g = gate_start(dir, conf_text(dir, back_address(back)));
	struct wire *w = WIRE(.base = g.url, .card = "alice");
	pid_t proxy = gate_pid(g.socket, "gwd-proxy");
	long before = resident_kib(proxy), after;
	size_t sent;

	expect_served(g.url, "/mark");
	(void)wire_say(w, text("POST /deaf HTTP/1.1\r\n" HOST
			       "Content-Length: %zu\r\n\r\n", LEN));
	sent = wire_push(w, body, LEN, 1500);
	cr_expect_lt(sent, HELD_MAX, "%zu bytes went", sent);
	expect_served(g.url, "/mark");
	after = resident_kib(proxy);
	cr_expect_lt(after - before, GROWS_KIB, "gwd-proxy grew from %ld to "
		     "%ld KiB", before, after);
	back_let(back);
	cr_expect(wire_send(w, body + sent, LEN - sent));
	got = wire_read_until(w, "done", 60000);
	cr_expect(strncmp(got, "HTTP/1.1 200 ", 13) == 0, "%s", got);
	wire_close(w);
	gate_stop(&g);
	free(body);
}

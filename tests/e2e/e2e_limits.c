/* e2e_limits.c — who is too many: one address's and everybody's connections,
 * handshakes and half-arrived heads. They are refused as the manual says and
 * counted, who is in goes on, and the next get in when there is room again. */
#include "door.h"
#include "insider.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <unistd.h>

TestSuite(limits, .fini = door_shut, .timeout = 300);

#define WELL_MS 30000 /* of who is in, on a busy machine */
#define HALF    "GET /echo/ HTTP/1.1\r\nX: "

/* Loopback addresses to come from; the insider's is another one. */
#define ONE   "127.0.0.101"
#define TWO   "127.0.0.102"
#define THREE "127.0.0.103"

/* ---- connections */

Test(limits, connections)
{
	struct insider in;
	struct wire *one[2], *two;

	door_open("\tsource_connections = 2\n\tmax_connections = 5\n", "");
	in = insider_new(door.url);
	for (size_t i = 0; i < GW_COUNT(one); i++)
		cr_assert(is_served(one[i] = enter_from(ONE)), "%zu", i);
	for (int i = 0; i < 3; i++)
		expect_refused("a third of one", ONE);
	expect_counted("refused", 3);
	expect_counted("source_refused", 3);
	expect_logged("connection-refused", "why=connections", "limit=source");
	cr_assert(is_served(two = enter_from(TWO)), "nobody else gets in");
	expect_refused("one more than all may be", TWO);
	expect_refused("one more than all may be", THREE);
	expect_counted("refused", 5);
	expect_counted("source_refused", 3);
	expect_counted("connections", 5);
	for (size_t i = 0; i < GW_COUNT(one); i++)
		cr_expect(is_served(one[i]), "%zu does not go on", i);
	expect_undisturbed("connections", &in, WELL_MS);
	wire_close(one[0]);
	cr_expect(await(WELL_MS, gets_in, (void *)(uintptr_t)ONE),
		  "no room when one has gone");
	cr_expect(await(WELL_MS, gets_in, (void *)(uintptr_t)THREE),
		  "no room for others when one has gone");
	wire_close(one[1]);
	wire_close(two);
	insider_free(&in);
}

/* ---- handshakes under way */

Test(limits, handshakes)
{
	struct insider in;
	struct wire *w;
	int silent[3];

	door_open("\tsource_handshakes = 2\n\tmax_handshakes = 3\n"
		  "\thandshake_timeout = \"1min\"\n", "");
	in = insider_new(door.url);
	/* who is through holds none */
	cr_assert(is_served(w = enter_from(ONE)));
	silent[0] = DIAL(.base = door.url, .from = ONE);
	silent[1] = DIAL(.base = door.url, .from = ONE);
	expect_refused("a third of one", ONE);
	expect_counted("source_refused", 1);
	expect_logged("connection-refused", "why=handshakes", "limit=source");
	cr_expect(gets_in((void *)(uintptr_t)TWO), "nobody else gets in");
	silent[2] = DIAL(.base = door.url, .from = TWO);
	expect_refused("one more than all may be", TWO);
	expect_refused("one more than all may be", THREE);
	expect_counted("refused", 3);
	expect_counted("source_refused", 1);
	cr_expect(is_served(w), "who is through does not go on");
	expect_undisturbed("handshakes", &in, WELL_MS);
	for (size_t i = 0; i < GW_COUNT(silent); i++)
		close(silent[i]);
	cr_expect(await(WELL_MS, gets_in, (void *)(uintptr_t)ONE),
		  "no room when they have gone");
	cr_expect(await(WELL_MS, gets_in, (void *)(uintptr_t)THREE),
		  "no room for others when they have gone");
	wire_close(w);
	insider_free(&in);
}

/* ---- requests whose head has come in part */

static void
expect_busy(const char *what, const char *from)
{
	struct wire *w = enter_from(from);

	cr_assert(wire_is_up(w), "%s", what);
	cr_expect(is_answered(w, HALF, 503, "gateway-busy"),
		  "%s: %s is not told", what, from);
	cr_expect(wire_is_over(w, 30000), "%s: %s stays", what, from);
	wire_close(w);
}

Test(limits, heads)
{
	struct wire *one, *two, *whole;
	struct insider in;

	door_open("\tsource_heads = 1\n\tmax_heads = 2\n"
		  "\theader_timeout = \"1min\"\n", "");
	in = insider_new(door.url);
	/* in TLS 1.3 who is through may have to wait for its verdict yet */
	cr_assert(is_served(one = enter_from(ONE)));
	cr_assert(is_served(whole = enter_from(ONE)));
	cr_assert(is_served(two = enter_from(TWO)));
	cr_assert(wire_say(one, HALF));
	expect_busy("a second of one", ONE);
	expect_counted("heads_refused", 1);
	expect_counted("source_refused", 1);
	expect_logged("connection-refused", "why=heads", "limit=source");
	cr_assert(wire_say(two, HALF));
	expect_busy("one more than all may be", THREE);
	expect_counted("heads_refused", 2);
	expect_counted("source_refused", 1);
	expect_counted("refused", 0);
	/* a head that comes whole is none under way */
	cr_expect(is_served(whole), "a whole head of the same address");
	expect_undisturbed("heads", &in, WELL_MS);
	cr_expect(is_answered(one, "a\r\n" HOST "\r\n", 200, "\"}"),
		  "the first one's is not taken up");
	cr_assert(wire_say(whole, HALF));
	cr_expect(is_answered(whole, "a\r\n" HOST "\r\n", 200, "\"}"),
		  "no room when one has become whole");
	cr_expect(is_answered(two, "a\r\n" HOST "\r\n", 200, "\"}"),
		  "the other's is not taken up");
	wire_close(one);
	wire_close(two);
	wire_close(whole);
	insider_free(&in);
}

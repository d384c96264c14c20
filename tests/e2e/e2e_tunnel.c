/* e2e_tunnel.c — what an upgrade leads to: protocols of any kind, or none
 * where a route allows none; halves that end by themselves; many that rest.
 * WebSocket with the lab's server is e2e_stream.c's, its end by an operator
 * e2e_operator.c's. */
#include "back.h"
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(tunnel, .timeout = 300);

#define HOST "Host: gateway.corp.example.com\r\n"
#define SWITCH(to) "HTTP/1.1 101 Switching Protocols\r\n" \
		   "Connection: Upgrade\r\nUpgrade: " to "\r\n\r\n"

static struct gate gate;
static struct back *back;

static const struct back_part parts[] = {
	{ "/chat", { { BACK_SAY, SWITCH("chat/2") "hello", 0 },
		     { BACK_ECHO, NULL, 0 }, { BACK_CLOSE, NULL, 0 } } },
	{ "/last-words", { { BACK_SAY, SWITCH("chat/2"), 0 },
			   { BACK_HEAR_END, NULL, 0 },
			   { BACK_SAY_LONG, NULL, 300000 },
			   { BACK_SAY, "last words", 0 },
			   { BACK_CLOSE, NULL, 0 } } },
	{ "/hush", { { BACK_SAY, SWITCH("chat/2") "bye", 0 },
		     { BACK_SHUT, NULL, 0 }, { BACK_HEAR_END, NULL, 0 },
		     { BACK_CLOSE, NULL, 0 } } },
	{ "/other", { { BACK_SAY, SWITCH("telnet") "hello", 0 } } },
	{ "/no", { { BACK_SAY, "HTTP/1.1 403 Forbidden\r\n"
		     "Content-Length: 2\r\n\r\nno", 0 } } },
};

/* The player behind "/", the lab's server behind "/echo", and behind
 * "/still" the same without upgrades. */
static void
start_gate(void)
{
	const char *echo = lab("ECHO_URL") + strlen("http://");
	char *dir = scratch_dir(), *conf;

	back = back_player(parts, GW_COUNT(parts));
	conf = text_with(conf_text(dir, back_address(back)),
			 "\tupstream = \"behind\"\n",
			 "\tupstream = \"behind\"\n"
			 "\troute \"/echo\" { upstream = \"echo\" }\n"
			 "\troute \"/echo/still\" { upstream = \"still\" }\n");
	gate = gate_start(dir, text(
		"upstream \"echo\" { servers = { \"%s\" } }\n"
		"upstream \"still\" { servers = { \"%s\" } websocket = no }\n"
		"%s", echo, echo, conf));
}

static struct wire *
enter(int tls)
{
	return WIRE(.base = gate.url, .card = "alice", .tls = tls);
}

static char *
ask(struct wire *w, const char *path, const char *protocol, const char *word)
{
	(void)wire_say(w, text("GET %s HTTP/1.1\r\n" HOST
			       "Connection: Upgrade\r\nUpgrade: %s\r\n\r\n",
			       path, protocol));
	return wire_read_until(w, word, 60000);
}

/* Into a tunnel of the player's. */
static struct wire *
enter_tunnel(int tls, const char *path, const char *word)
{
	struct wire *w = enter(tls);
	char *got = ask(w, path, "chat/2", word);

	cr_assert(strncmp(got, "HTTP/1.1 101 ", 13) == 0, "%s: %s", path, got);
	return w;
}

/* ---- any protocol */

Test(tunnel, any_protocol)
{
	start_gate();
	for (int tls = 12; tls <= 13; tls++) {
		struct wire *w = enter(tls);
		char *got = ask(w, "/chat", "chat/2", "hello");

		cr_expect(contains(got, "\r\nUpgrade: chat/2\r\n") &&
			  strcasestr(got, "\r\nConnection: upgrade\r\n"), "%s",
			  got);
		/* not a request, whatever it looks like */
		(void)wire_say(w, "GET /mark HTTP/1.1\r\n\r\n");
		got = wire_read_until(w, "\r\n\r\n", 60000);
		cr_expect_str_eq(got, "GET /mark HTTP/1.1\r\n\r\n");
		wire_close(w);
	}
	cr_expect_not_null(back_heard_with(back, "\r\nUpgrade: chat/2\r\n"));
	gate_stop(&gate);
}

/* ---- none: the connection goes on in HTTP, whatever was asked for */

static const struct none {
	const char *what, *path, *protocol;
	int status;
	const char *word; /* the answer's last */
	const char *not;  /* in it */
	const char *next; /* asked on the same connection */
} nones[] = {
	{ "route without upgrades", "/echo/still/ws", "websocket", 200, "}",
	  "websocket", "/echo/still/a" },
	{ "server that goes on", "/echo/a", "websocket", 200, "}",
	  "\r\nUpgrade:", "/echo/b" },
	{ "server that refuses", "/no", "chat/2", 403, "\r\n\r\nno",
	  "\r\nUpgrade:", "/mark" },
	{ "HTTP/2, though the server would", "/chat", "h2c", 502, "</html>",
	  "hello", "/mark" },
	{ "another protocol than asked", "/other", "websocket", 502,
	  "</html>", "hello", "/mark" },
};

Test(tunnel, none)
{
	start_gate();
	for (size_t i = 0; i < GW_COUNT(nones); i++) {
		const struct none *n = &nones[i];
		struct wire *w = enter(13);
		char *got = ask(w, n->path, n->protocol, n->word);

		cr_expect(strncmp(got, text("HTTP/1.1 %d ", n->status), 13) ==
			  0, "%s: %s", n->what, got);
		cr_expect(!contains(got, n->not), "%s: %s", n->what, got);
		(void)wire_say(w, text("GET %s HTTP/1.1\r\n" HOST "\r\n",
				       n->next));
		got = wire_read_until(w, n->next, 60000);
		cr_expect(strncmp(got, "HTTP/1.1 200 ", 13) == 0 &&
			  contains(got, n->next), "%s: %s", n->what, got);
		wire_close(w);
	}
	gate_stop(&gate);
}

/* ---- halves */

/* By close_notify, with a FIN behind it or without. */
Test(tunnel, client_says_no_more)
{
	start_gate();
	for (int tls = 12; tls <= 13; tls++) {
		struct wire *w = enter_tunnel(tls, "/last-words", "\r\n\r\n");
		char *got;

		(void)wire_say(w, text("that was all 1.%d", tls - 10));
		wire_shut(w);
		if (tls == 13)
			wire_fin(w);
		got = wire_read_until(w, NULL, 5000);
		cr_expect(strlen(got) == 300010 &&
			  contains(got, "xlast words"), "1.%d: %zu bytes",
			  tls - 10, strlen(got));
		cr_expect(wire_is_over(w, 30000), "1.%d: stays open", tls - 10);
		cr_expect_not_null(back_heard_with(
			back, text("that was all 1.%d", tls - 10)));
		wire_close(w);
	}
	gate_stop(&gate);
}

/* A FIN alone is nobody's word: the server hears what had come, and that it
 * may not be all. */
Test(tunnel, client_is_cut_off)
{
	size_t i = 0;

	start_gate();
	for (int tls = 12; tls <= 13; tls++, i++) {
		struct wire *w = enter_tunnel(tls, "/last-words", "\r\n\r\n");

		(void)wire_say(w, text("pay 10 of 1.%d", tls - 10));
		wire_fin(w);
		cr_expect(wire_is_over(w, 30000), "1.%d: stays open", tls - 10);
		cr_expect(back_is_torn(back, i), "1.%d: looks whole",
			  tls - 10);
		cr_expect_not_null(back_heard_with(
			back, text("pay 10 of 1.%d", tls - 10)));
		wire_close(w);
	}
	gate_stop(&gate);
}

Test(tunnel, server_says_no_more)
{
	enum { LEN = 300000 };
	char *more = gw_xcalloc(1, LEN), c;
	size_t i = 0;

	start_gate();
	memset(more, 'y', LEN);
	for (int tls = 12; tls <= 13; tls++, i++) {
		struct wire *w = enter_tunnel(tls, "/hush", "bye");

		cr_expect_eq(wire_read(w, &c, 1, 3000), 0, "1.%d: not told",
			     tls - 10);
		cr_expect(wire_send(w, more, LEN), "1.%d: it broke", tls - 10);
		cr_expect(back_hears(back, i, LEN), "1.%d: not heard",
			  tls - 10);
		wire_shut(w);
		cr_expect(back_is_over(back, i), "1.%d: stays open", tls - 10);
		wire_close(w);
	}
	gate_stop(&gate);
	free(more);
}

/* ---- their end: of one that is no WebSocket there is nothing to say */

/* Right after the start a second login need not join the first one's. */
static void
kill_all(void)
{
	struct output o = GWCTL(gate.socket, "sessions", "--json");
	json_t *list = json_loads(o.out, 0, NULL), *row;
	size_t i;

	cr_assert_gt(json_array_size(list), 0, "%s", o.out);
	json_array_foreach(list, i, row)
		cr_assert_eq(GWCTL(gate.socket, "kill",
				   json_text(row, "id")).status, 0);
}

Test(tunnel, killed)
{
	struct wire *w, *ws;
	uint64_t from;

	start_gate();
	w = enter_tunnel(13, "/chat", "hello");
	ws = enter(12);
	cr_assert_eq(ws_begin(ws, "/echo/ws"), 101);
	from = now_ms();
	kill_all();
	cr_expect(ws_closes(ws, 1008, "session-ended", 30000), "no word");
	cr_expect(wire_is_over(ws, 30000) && wire_is_over(w, 30000));
	cr_expect(back_is_over(back, 0), "the server's half stays");
	cr_expect(now_ms() - from < 60000, "%d ms", (int)(now_ms() - from));
	wire_close(w);
	wire_close(ws);
	gate_stop(&gate);
}

/* ---- many that rest */

#define COUNT 300
/* KiB. AddressSanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define EACH  1000
#define AFTER 300000
#else
#define EACH  40   /* nearly all OpenSSL's */
#define AFTER 2048 /* two buffers each would be 9600 */
#endif

static void
all_echo(struct wire **w, size_t count, const char *message)
{
	for (size_t i = 0; i < count; i++)
		cr_assert(ws_echoes(w[i], message, 5000), "tunnel %zu", i);
}

Test(tunnel, idle_ones_hold_no_buffers)
{
	static struct wire *w[COUNT];
	char *big = gw_xcalloc(1, 16001);
	long before = 0, idle, after;
	pid_t proxy;

	start_gate();
	proxy = gate_pid(gate.socket, "gwd-proxy");
	memset(big, 'm', 16000);
	for (size_t i = 0; i < COUNT; i++) {
		w[i] = enter(12 + (int)(i % 2));
		cr_assert_eq(ws_begin(w[i], "/echo/ws"), 101, "tunnel %zu", i);
		if (i == 9) /* what is used by few is not of each */
			all_echo(w, 10, big);
		if (i == 9)
			before = resident_kib(proxy);
	}
	idle = resident_kib(proxy);
	cr_expect(idle - before < (COUNT - 10) * EACH, "%ld KiB for %d",
		  idle - before, COUNT - 10);
	all_echo(w, COUNT, big);
	after = resident_kib(proxy);
	cr_expect(after - idle < AFTER, "%ld KiB more", after - idle);
	all_echo(w, COUNT, "still here");
	for (size_t i = 0; i < COUNT; i++)
		wire_close(w[i]);
	gate_stop(&gate);
	free(big);
}

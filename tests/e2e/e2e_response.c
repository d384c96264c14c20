/* e2e_response.c — what servers answer is read as strictly as what clients
 * ask: what is whole goes on, what is ambiguous becomes 502, and whatever a
 * server says too much is never taken for the answer to another request. The
 * server is played: the lab's say none of this. */
#include "back.h"
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

TestSuite(response, .timeout = 300);

#define HOST "Host: gateway.corp.example.com\r\n"
#define OK   "HTTP/1.1 200 OK\r\n"
#define CL   "Content-Length: "
#define TE   "Transfer-Encoding: "
/* Complete in itself: whoever takes the answer before it for shorter than the
 * gateway does gets this for the next request. */
#define POISON OK CL "6\r\n\r\npoison"

static struct gate gate;
static struct back *back;

static void
start_gate(const struct back_part *part, size_t count)
{
	char *dir = scratch_dir();

	back = back_player(part, count);
	gate = gate_start(dir, conf_text(dir, back_address(back)));
}

static struct wire *
enter(void)
{
	return WIRE(.base = gate.url, .card = "alice");
}

/* One request; its head and body, which end with `word`. */
static char *
ask(struct wire *w, const char *request, const char *word)
{
	(void)wire_say(w, request);
	return wire_read_until(w, word, 60000);
}

static char *
get(const char *path)
{
	return text("GET %s HTTP/1.1\r\n" HOST "\r\n", path);
}

/* A connection of its own gets its own answer. */
static void
expect_own_answer(struct wire *w, const char *what, int i)
{
	char *mark = text("/mark-%d-", i);
	char *got = ask(w, get(mark), mark);

	cr_expect(strncmp(got, OK, strlen(OK)) == 0 && contains(got, mark),
		  "%s: the next request gets: %s", what, got);
	cr_expect(!contains(got, "poison"), "%s: %s", what, got);
}

/* ---- good answers */

static const struct back_part good_parts[] = {
	{ "/interim", { { BACK_SAY, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"
			  "\r\nHTTP/1.1 102 Processing\r\n\r\n"
			  OK CL "4\r\n\r\ndone", 0 } } },
	{ "/continue", { { BACK_SAY, "HTTP/1.1 100 Continue\r\n\r\n"
			   OK CL "4\r\n\r\ndone", 0 } } },
	{ "/204", { { BACK_SAY, "HTTP/1.1 204 No Content\r\nX-A: done\r\n\r\n",
		      0 } } },
	{ "/304", { { BACK_SAY, "HTTP/1.1 304 Not Modified\r\n" CL "500\r\n"
		      "X-A: done\r\n\r\n", 0 } } },
	{ "/head", { { BACK_SAY, OK CL "500\r\nX-A: done\r\n\r\n", 0 } } },
	{ "/head-chunked", { { BACK_SAY, OK TE "chunked\r\nX-A: done\r\n\r\n",
			       0 } } },
	{ "/close", { { BACK_SAY, OK "\r\nuntil the end is done", 0 },
		      { BACK_CLOSE, NULL, 0 } } },
	{ "/1.0", { { BACK_SAY, "HTTP/1.0 200 OK\r\n" CL "4\r\n\r\ndone", 0 },
		    { BACK_CLOSE, NULL, 0 } } },
	{ "/chunks", { { BACK_SAY, OK TE "chunked\r\nTrailer: X-Gone\r\n\r\n"
			 "1;gone=gone\r\nd\r\n3\r\none\r\n0\r\n"
			 "X-Gone: gone\r\nSet-Cookie: gone\r\n\r\n", 0 } } },
	{ "/slowly", { { BACK_SAY_SLOWLY, "HTTP/1.1 103 Early Hints\r\n\r\n" OK
			 TE "chunked\r\n\r\n2\r\nab\r\n4\r\ndone\r\n0\r\n"
			 "\r\n", 0 } } },
	{ "/hop", { { BACK_SAY, OK CL "4\r\nConnection: X-Gone, keep-alive\r\n"
		      "X-Gone: gone\r\nKeep-Alive: gone\r\n"
		      "Proxy-Authenticate: gone\r\nTrailer: gone\r\n"
		      "Upgrade: gone\r\nX-Stays: here\r\n\r\ndone", 0 } } },
	{ "/no-reason", { { BACK_SAY, "HTTP/1.1 200\r\n" CL "4\r\n\r\ndone",
			    0 } } },
	{ "/expect", { { BACK_SAY, "HTTP/1.1 401 Unauthorized\r\n" CL "4\r\n"
			 "\r\ndone", 0 } } },
	{ "/expect-continue", { { BACK_SAY, "HTTP/1.1 100 Continue\r\n\r\n",
				  0 },
				{ BACK_HEAR, "hello", 0 },
				{ BACK_SAY, OK CL "4\r\n\r\ndone", 0 } } },
};

static const struct good {
	const char *path, *method;
	const char *begins; /* what the client gets */
	const char *holds, *ends;
	const char *not;    /* "poison" in any case */
} goods[] = {
	{ "/interim", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"
	  "\r\nHTTP/1.1 102 Processing\r\n\r\n" OK, CL "4\r\n", "\r\n\r\ndone",
	  NULL },
	{ "/continue", "GET", OK, CL "4\r\n", "\r\n\r\ndone", " 100 " },
	{ "/204", "GET", "HTTP/1.1 204 No Content\r\n", "X-A: done\r\n",
	  "\r\n\r\n", CL },
	{ "/304", "GET", "HTTP/1.1 304 Not Modified\r\n", CL "500\r\n",
	  "\r\n\r\n", "chunked" },
	{ "/head", "HEAD", OK, CL "500\r\n", "\r\n\r\n", "chunked" },
	{ "/head-chunked", "HEAD", OK, "X-A: done\r\n", "\r\n\r\n",
	  "\r\n0\r\n" },
	{ "/close", "GET", OK, "until the end is done",
	  "\r\n0\r\n\r\n", "Connection: close" },
	{ "/1.0", "GET", OK, CL "4\r\n", "\r\n\r\ndone",
	  "Connection: close" },
	{ "/chunks", "GET", OK, TE "chunked\r\n", "\r\n0\r\n\r\n",
	  "gone" },
	{ "/slowly", "GET", "HTTP/1.1 103 Early Hints\r\n\r\n" OK,
	  TE "chunked\r\n", "\r\n0\r\n\r\n", NULL },
	{ "/hop", "GET", OK, "X-Stays: here\r\n", "\r\n\r\ndone",
	  "gone" },
	{ "/no-reason", "GET", "HTTP/1.1 200 \r\n", CL "4\r\n",
	  "\r\n\r\ndone", NULL },
};

static bool
ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && strcmp(s + len - n, end) == 0;
}

/* Several over one connection of the client: each ends where it should. */
Test(response, good)
{
	struct wire *w;

	start_gate(good_parts, GW_COUNT(good_parts));
	w = enter();
	for (size_t i = 0; i < GW_COUNT(goods); i++) {
		const struct good *g = &goods[i];
		char *got = ask(w, text("%s %s HTTP/1.1\r\n" HOST "\r\n",
					g->method, g->path), g->ends);

		cr_expect(strncmp(got, g->begins, strlen(g->begins)) == 0,
			  "%s: %s", g->path, got);
		cr_expect(contains(got, g->holds), "%s: %s", g->path, got);
		cr_expect(ends_with(got, g->ends), "%s: %s", g->path, got);
		cr_expect(g->not == NULL || strstr(got, g->not) == NULL,
			  "%s: %s", g->path, got);
		expect_own_answer(w, g->path, (int)i);
	}
	wire_close(w);
	gate_stop(&gate);
}

/* The server decides: the client is told to go on when the server says so,
 * and not by the gateway. */
Test(response, expectation)
{
	struct wire *w;
	char *got;

	start_gate(good_parts, GW_COUNT(good_parts));
	w = enter();
	got = ask(w, "POST /expect-continue HTTP/1.1\r\n" HOST
		     "Expect: 100-continue\r\n" CL "5\r\n\r\n", "\r\n\r\n");
	cr_expect_str_eq(got, "HTTP/1.1 100 Continue\r\n\r\n");
	got = ask(w, "hello", "done");
	cr_expect(strncmp(got, OK, strlen(OK)) == 0, "%s", got);
	expect_own_answer(w, "expectation", 1);
	/* who is told no does not send; nobody could know whether what comes
	 * next is the body */
	got = ask(w, "POST /expect HTTP/1.1\r\n" HOST
		     "Expect: 100-continue\r\n" CL "5\r\n\r\n", NULL);
	cr_expect(strncmp(got, "HTTP/1.1 401 ", 13) == 0, "%s", got);
	cr_expect(!contains(got, " 100 "), "%s", got);
	cr_expect(contains(got, "Connection: close\r\n"), "%s", got);
	cr_expect(ends_with(got, "done"), "%s", got);
	wire_close(w);
	gate_stop(&gate);
}

/* ---- bad ones: 502, nothing of it, and the connection to the server goes */

struct bad {
	const char *what;
	const char *text;
	size_t len;
};

#define BAD(what, text) { what, text, sizeof(text) - 1 }
#define BODY "\r\n\r\nxyz"

static const struct bad bad[] = {
	BAD("length and coding", OK CL "3\r\n" TE "chunked\r\n\r\n"
	    "3\r\nxyz\r\n0\r\n\r\n"),
	BAD("coding in an alias", OK CL "3\r\nTransfer_Encoding: chunked"
	    BODY),
	BAD("two lengths", OK CL "3\r\n" CL "4" BODY),
	BAD("two equal lengths", OK CL "3\r\n" CL "3" BODY),
	BAD("list of lengths", OK CL "3, 3" BODY),
	BAD("length with a sign", OK CL "+3" BODY),
	BAD("length in hex", OK CL "0x3" BODY),
	BAD("empty length", OK CL BODY),
	BAD("2^64 and 3", OK CL "18446744073709551619" BODY),
	BAD("gzip", OK TE "gzip" BODY),
	BAD("chunked not last", OK TE "chunked, identity\r\n\r\n"
	    "3\r\nxyz\r\n0\r\n\r\n"),
	BAD("chunked twice", OK TE "chunked\r\n" TE "chunked\r\n\r\n"
	    "3\r\nxyz\r\n0\r\n\r\n"),
	BAD("disguised coding", OK TE "\vchunked\r\n\r\n"
	    "3\r\nxyz\r\n0\r\n\r\n"),
	BAD("coding in HTTP/1.0", "HTTP/1.0 200 OK\r\n" TE "chunked\r\n\r\n"
	    "3\r\nxyz\r\n0\r\n\r\n"),
	BAD("length named in Connection", OK "Connection: Content-Length\r\n"
	    CL "3" BODY),
	BAD("folded line", OK CL "3\r\nX-A: b\r\n c" BODY),
	BAD("folded length", OK CL "3\r\n 4" BODY),
	BAD("blank before the colon", OK "Content-Length : 3" BODY),
	BAD("no colon", OK CL "3\r\nX-A" BODY),
	BAD("no name", OK CL "3\r\n: b" BODY),
	BAD("LF after a field", OK CL "3\nX-A: b" BODY),
	BAD("LF after the status", "HTTP/1.1 200 OK\n" CL "3" BODY),
	BAD("LF for the empty line", OK CL "3\r\n\nxyz"),
	BAD("CR in a value", OK "X-A: b\rX-B: c\r\n" CL "3" BODY),
	BAD("NUL in a value", OK "X-A: a\0b\r\n" CL "3" BODY),
	BAD("control in the reason", "HTTP/1.1 200 O\x01K\r\n" CL "3" BODY),
	BAD("four digits", "HTTP/1.1 2000 OK\r\n" CL "3" BODY),
	BAD("two digits", "HTTP/1.1 20 OK\r\n" CL "3" BODY),
	BAD("status 600", "HTTP/1.1 600 OK\r\n" CL "3" BODY),
	BAD("status 099", "HTTP/1.1 099 OK\r\n" CL "3" BODY),
	BAD("no status", "HTTP/1.1 OK\r\n" CL "3" BODY),
	BAD("HTTP/2", "HTTP/2.0 200 OK\r\n" CL "3" BODY),
	BAD("version in small letters", "http/1.1 200 OK\r\n" CL "3" BODY),
	BAD("blank first", " " OK CL "3" BODY),
	BAD("empty line first", "\r\n" OK CL "3" BODY),
	BAD("another protocol", "SSH-2.0-OpenSSH_9.2\r\n"),
	BAD("HTTP/0.9", "<html>xyz</html>"),
	BAD("switch nobody asked for", "HTTP/1.1 101 Switching Protocols\r\n"
	    "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
	BAD("204 with a length", "HTTP/1.1 204 No Content\r\n" CL "3" BODY),
	BAD("204 with chunks", "HTTP/1.1 204 No Content\r\n" TE
	    "chunked\r\n\r\n0\r\n\r\n"),
	BAD("interim with a length", "HTTP/1.1 103 Early Hints\r\n" CL "3"
	    BODY OK CL "3" BODY),
};

/* Each is a path of its own, with poison behind it. */
static struct back_part bad_parts[GW_COUNT(bad)];

static void
make_bad_parts(void)
{
	for (size_t i = 0; i < GW_COUNT(bad); i++)
		bad_parts[i] = (struct back_part){ text("/bad-%zu", i), {
			{ BACK_SAY, bad[i].text, bad[i].len },
			{ BACK_SAY, POISON, 0 } } };
}

static void
expect_502(const char *what, const char *path, int i)
{
	struct wire *w = enter(), *other;
	char *got = ask(w, text("GET %s HTTP/1.1\r\n" HOST
				"Accept: application/json\r\n\r\n", path),
			"}");

	cr_expect(strncmp(got, "HTTP/1.1 502 ", 13) == 0 &&
		  contains(got, "\"upstream-protocol\""), "%s: %.500s", what,
		  got);
	cr_expect(!contains(got, "poison") && !contains(got, "xyz"), "%s: %s",
		  what, got);
	cr_expect(back_is_over(back, back_count(back) - 1),
		  "%s: its connection is kept", what);
	expect_own_answer(w, what, i);
	other = enter();
	expect_own_answer(other, what, i);
	wire_close(other);
	wire_close(w);
}

Test(response, ambiguity_becomes_502)
{
	make_bad_parts();
	start_gate(bad_parts, GW_COUNT(bad));
	for (size_t i = 0; i < GW_COUNT(bad); i++)
		expect_502(bad[i].what, bad_parts[i].path, (int)i);
	gate_stop(&gate);
}

/* Without limit, each of a kind that is allowed in itself. */
Test(response, endless_becomes_502)
{
	char *interims = text_repeat("HTTP/1.1 102 P\r\n\r\n", 17);
	char *fields = text_repeat("A: b\r\n", 129);
	const struct back_part parts[] = {
		{ "/interims", { { BACK_SAY, interims, 0 },
				 { BACK_SAY, POISON, 0 } } },
		{ "/fields", { { BACK_SAY, OK, 0 }, { BACK_SAY, fields, 0 },
			       { BACK_SAY, "\r\n", 0 } } },
		{ "/value", { { BACK_SAY, OK "X-A: ", 0 },
			      { BACK_SAY_LONG, NULL, 70000 } } },
		{ "/nothing", { { BACK_CLOSE, NULL, 0 } } },
		{ "/half", { { BACK_SAY, OK "Content-Le", 0 },
			     { BACK_CLOSE, NULL, 0 } } },
	};

	start_gate(parts, GW_COUNT(parts));
	for (size_t i = 0; i < GW_COUNT(parts); i++) {
		struct wire *w = enter();
		char *got = ask(w, get(parts[i].path), "</html>");

		cr_expect(contains(got, "HTTP/1.1 502 ") &&
			  !contains(got, "poison"), "%s: %.300s",
			  parts[i].path, got);
		expect_own_answer(w, parts[i].path, (int)i);
		wire_close(w);
	}
	gate_stop(&gate);
}

/* ---- broken off: the client must not take the beginning for all of it */

static const struct back_part cut_parts[] = {
	{ "/length", { { BACK_SAY, OK CL "10\r\n\r\nxyz", 0 },
		       { BACK_CLOSE, NULL, 0 } } },
	{ "/chunks", { { BACK_SAY, OK TE "chunked\r\n\r\n3\r\nxyz\r\n", 0 },
		       { BACK_CLOSE, NULL, 0 } } },
	{ "/chunk", { { BACK_SAY, OK TE "chunked\r\n\r\nfff\r\nxyz", 0 },
		      { BACK_CLOSE, NULL, 0 } } },
	{ "/size", { { BACK_SAY, OK TE "chunked\r\n\r\n3\r\nxyz\r\n-1\r\n"
		       POISON, 0 } } },
	{ "/lf", { { BACK_SAY, OK TE "chunked\r\n\r\n3\r\nxyz\n0\n\n" POISON,
		     0 } } },
	{ "/more", { { BACK_SAY, OK TE "chunked\r\n\r\n3\r\nxyzd\r\n0\r\n\r\n"
		       POISON, 0 } } },
	{ "/trailer", { { BACK_SAY, OK TE "chunked\r\n\r\n3\r\nxyz\r\n0\r\n"
			  POISON, 0 } } },
};

Test(response, cut_is_not_whole)
{
	start_gate(cut_parts, GW_COUNT(cut_parts));
	for (size_t i = 0; i < GW_COUNT(cut_parts); i++) {
		const char *path = cut_parts[i].path;
		struct answer a = FETCH(.base = gate.url, .card = "alice",
					.path = path);
		struct wire *w = enter();

		cr_expect(a.code != CURLE_OK, "%s: %ld %s", path, a.status,
			  a.body);
		cr_expect(!contains(a.body, "poison"), "%s: %s", path, a.body);
		cr_expect(back_is_over(back, i), "%s: its connection is kept",
			  path);
		expect_own_answer(w, path, (int)i);
		wire_close(w);
	}
	gate_stop(&gate);
}

/* ---- too much: good answers, and something behind them */

static const struct back_part more_parts[] = {
	{ "/length", { { BACK_SAY, OK CL "4\r\n\r\ndone" POISON, 0 } } },
	{ "/chunks", { { BACK_SAY, OK TE "chunked\r\n\r\n4\r\ndone\r\n"
			 "0\r\n\r\n" POISON, 0 } } },
	{ "/204", { { BACK_SAY, "HTTP/1.1 204 No Content\r\n\r\n" POISON,
		      0 } } },
	{ "/304", { { BACK_SAY, "HTTP/1.1 304 Not Modified\r\n" CL "4\r\n"
		      "\r\ndone" POISON, 0 } } },
	{ "/close", { { BACK_SAY, OK CL "4\r\nConnection: close\r\n\r\n"
			"done" POISON, 0 } } },
	/* kept, and gone when it is to be used again */
	{ "/bye", { { BACK_SAY, OK CL "4\r\n\r\ndone", 0 },
		    { BACK_CLOSE, NULL, 0 } } },
};

static const char *const more_ends[GW_COUNT(more_parts)] = {
	"\r\n\r\ndone", "\r\n0\r\n\r\n", "\r\n\r\n", "\r\n\r\n",
	"\r\n\r\ndone", "\r\n\r\ndone",
};

Test(response, what_follows_is_nobodys)
{
	start_gate(more_parts, GW_COUNT(more_parts));
	for (size_t i = 0; i < 3 * GW_COUNT(more_parts); i++) {
		const char *path = more_parts[i / 3].path;
		struct wire *w = enter(), *other = enter();
		char *got = ask(w, get(path), more_ends[i / 3]);

		cr_expect(ends_with(got, more_ends[i / 3]), "%s: %s", path,
			  got);
		expect_own_answer(other, path, (int)i);
		expect_own_answer(w, path, (int)i + 1000);
		wire_close(other);
		wire_close(w);
	}
	gate_stop(&gate);
}

/* ---- too late: an answer, and another one when nothing is asked any more */

static const struct back_part late_parts[] = {
	{ "/idle", { { BACK_SAY, OK CL "4\r\n\r\ndone", 0 },
		     { BACK_WAIT, NULL, 0 }, { BACK_SAY, POISON, 0 },
		     { BACK_HEAR_END, NULL, 0 } } },
	{ "/bye", { { BACK_SAY, OK CL "4\r\n\r\ndone", 0 },
		    { BACK_WAIT, NULL, 0 }, { BACK_SAY, POISON, 0 },
		    { BACK_CLOSE, NULL, 0 } } },
};

/* The connection, which was kept, is so no more. */
Test(response, late_is_nobodys)
{
	for (int i = 0; i < 3; i++) {
		struct wire *w, *other;
		char *got;

		start_gate(late_parts, GW_COUNT(late_parts));
		w = enter();
		other = enter();
		got = ask(w, get("/idle"), "\r\n\r\ndone");
		cr_expect(ends_with(got, "\r\n\r\ndone"), "%s", got);
		cr_expect_eq(back_count(back), 1);
		back_let(back);
		cr_expect(back_is_over(back, 0), "it is kept");
		expect_own_answer(i == 0 ? w : other, "late", i);
		expect_own_answer(i == 0 ? other : w, "late", i + 10);
		wire_close(other);
		wire_close(w);
		gate_stop(&gate);
	}
}

/* And when the next question is there before it has been seen. */
Test(response, late_and_not_seen_yet)
{
	for (int i = 0; i < 2; i++) {
		char *mark = text("/mark-%d-", i), *got;
		struct wire *w;
		pid_t proxy;

		start_gate(late_parts, GW_COUNT(late_parts));
		w = enter();
		(void)ask(w, get("/bye"), "\r\n\r\ndone");
		proxy = gate_pid(gate.socket, "gwd-proxy");
		cr_assert(proxy > 0);
		pause_all(proxy);
		if (i == 0) /* first to come, first to be told of */
			(void)wire_say(w, get(mark));
		back_let(back);
		cr_expect(back_is_over(back, 0));
		if (i == 1)
			(void)wire_say(w, get(mark));
		cr_assert(kill(proxy, SIGCONT) == 0);
		got = wire_read_until(w, mark, 60000);
		cr_expect(contains(got, mark) && !contains(got, "poison"),
			  "%d: %s", i, got);
		wire_close(w);
		gate_stop(&gate);
	}
}

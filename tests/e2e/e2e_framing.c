/* e2e_framing.c — requests that two parties could read differently are
 * refused, the connection is closed, and the server behind hears nothing of
 * them nor of what follows them. The server is the lab's, heard on its way. */
#include "back.h"
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(framing, .timeout = 300);

#define NAME "gateway.corp.example.com"
#define HOST "Host: " NAME "\r\n"
/* What would be smuggled: complete in itself, so that whoever takes the one
 * before for shorter than it is reads this. */
#define NEXT "GET /echo/smuggled HTTP/1.1\r\n" HOST "\r\n"

static struct gate gate;
static struct back *back;

static void
start_gate(void)
{
	char *dir = scratch_dir();

	back = back_relay(lab("ECHO_URL") + strlen("http://"));
	gate = gate_start(dir, conf_text(dir, back_address(back)));
}

/* ---- one refusal */

static bool
is_one_answer(const char *got, int status)
{
	const char *head = "HTTP/1.1 ";

	return strncmp(got, text("%s%d ", head, status), 13) == 0 &&
	       strstr(got + 1, head) == NULL &&
	       contains(got, "\r\nConnection: close\r\n");
}

static struct wire *
enter(int tls)
{
	return WIRE(.base = gate.url, .card = "alice", .tls = tls);
}

/* Says this in one piece, and what would be smuggled behind it. */
static void
expect_refused(struct wire *w, const char *what, const char *p, size_t len,
	       int status)
{
	char *all = gw_xcalloc(1, len + sizeof(NEXT));
	char *got;

	memcpy(all, p, len);
	memcpy(all + len, NEXT, sizeof(NEXT));
	(void)wire_send(w, all, len + strlen(NEXT));
	got = wire_read_until(w, NULL, 4000);
	cr_expect(is_one_answer(got, status), "%s: wanted %d alone, got: "
		  "%.600s", what, status, got);
	cr_expect(wire_is_over(w, 200), "%s: stays open", what);
	wire_close(w);
	free(all);
}

/* The next one is served, and by then the server has heard what it would. */
static void
expect_nothing_smuggled(void)
{
	struct answer a = FETCH(.base = gate.url, .card = "alice",
				.path = "/echo/last");

	cr_expect_eq(a.status, 200, "%ld %s", a.status, a.error);
	cr_expect_str_eq(json_text(json_of(&a), "path"), "/echo/last");
	cr_expect_not_null(back_heard_with(back, "/echo/last"));
	cr_expect_null(back_heard_with(back, "smuggled"));
}

/* ---- heads: not a byte reaches the server */

struct bad {
	const char *what;
	const char *text;
	size_t len;
	int status;
};

#define BAD(what, status, text) { what, text, sizeof(text) - 1, status }
#define LINE   "POST /echo/ HTTP/1.1\r\n"
#define GET(x) "GET /echo/ HTTP/1.1\r\n" HOST x "\r\n\r\n"
/* A request with these fields, and a body that most readings take. */
#define POST(x) LINE HOST x "\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
#define CL "Content-Length: "
#define TE "Transfer-Encoding: "

static const struct bad heads[] = {
	/* two answers to "how long?" */
	BAD("length and coding", 400, POST(CL "3\r\n" TE "chunked")),
	BAD("coding and length", 400, POST(TE "chunked\r\n" CL "3")),
	BAD("coding and no length", 400, POST(TE "chunked\r\n" CL "0")),
	BAD("coding in an alias", 400, POST("Transfer_Encoding: chunked")),
	BAD("length in an alias", 400, POST("Content_Length: 3")),
	BAD("coding named in Connection", 400,
	    POST("Connection: transfer-encoding\r\n" TE "chunked")),
	BAD("length named in Connection", 400,
	    POST("Connection: Content-Length\r\n" CL "3")),
	/* Content-Length */
	BAD("twice, other", 400, POST(CL "3\r\n" CL "4")),
	BAD("twice, the same", 400, POST(CL "3\r\n" CL "3")),
	BAD("twice, other case", 400, POST(CL "3\r\ncontent-length: 3")),
	BAD("list", 400, POST(CL "3, 3")),
	BAD("plus", 400, POST(CL "+3")),
	BAD("minus", 400, POST(CL "-3")),
	BAD("hexadecimal", 400, POST(CL "0x3")),
	BAD("fraction", 400, POST(CL "3.0")),
	BAD("blank within", 400, POST(CL "1 3")),
	BAD("letter", 400, POST(CL "3a")),
	BAD("empty", 400, POST(CL)),
	BAD("2^63", 400, POST(CL "9223372036854775808")),
	BAD("2^64 and 3", 400, POST(CL "18446744073709551619")),
	BAD("vertical tab", 400, POST(CL "\v3")),
	/* Transfer-Encoding other than exactly chunked */
	BAD("gzip", 400, POST(TE "gzip")),
	BAD("identity", 400, POST(TE "identity")),
	BAD("gzip and chunked", 400, POST(TE "gzip, chunked")),
	BAD("chunked not last", 400, POST(TE "chunked, gzip")),
	BAD("chunked twice", 400, POST(TE "chunked, chunked")),
	BAD("coding twice", 400, POST(TE "chunked\r\n" TE "chunked")),
	BAD("coding and identity", 400, POST(TE "chunked\r\n" TE "identity")),
	BAD("xchunked", 400, POST(TE "xchunked")),
	BAD("parameter", 400, POST(TE "chunked;q=1")),
	BAD("comma behind", 400, POST(TE "chunked,")),
	BAD("quoted", 400, POST(TE "\"chunked\"")),
	BAD("no coding", 400, POST(TE)),
	BAD("tab before", 400, POST(TE "\vchunked")),
	BAD("HTTP/1.0 with coding", 400, "POST /echo/ HTTP/1.0\r\n" HOST
	    TE "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
	/* line ends */
	BAD("LF after the request line", 400, "GET /echo/ HTTP/1.1\n" HOST
	    "\r\n"),
	BAD("LF after a field", 400, GET("X-A: b\nX-B: c")),
	BAD("LF for the empty line", 400, "GET /echo/ HTTP/1.1\r\n" HOST "\n"),
	BAD("CR in a value", 400, GET("X-A: b\rX-B: c")),
	BAD("CR in a name", 400, GET("X-A\r: b")),
	BAD("CR in the target", 400, "GET /echo/\r HTTP/1.1\r\n" HOST "\r\n"),
	BAD("CR CR LF", 400, GET("X-A: b\r")),
	BAD("three empty lines before", 400, "\r\n\r\n\r\n" GET("X-A: b")),
	/* lines folded */
	BAD("folded by a blank", 400, GET("X-A: b\r\n c")),
	BAD("folded by a tab", 400, GET("X-A: b\r\n\tc")),
	BAD("folded first", 400, "GET /echo/ HTTP/1.1\r\n " HOST "\r\n"),
	BAD("folded length", 400, POST(CL "3\r\n 4")),
	BAD("folded empty", 400, GET("X-A: b\r\n ")),
	/* names */
	BAD("blank before the colon", 400, GET("X-A : b")),
	BAD("tab before the colon", 400, GET("X-A\t: b")),
	BAD("blank in Host", 400, "GET /echo/ HTTP/1.1\r\nHost : " NAME
	    "\r\n\r\n"),
	BAD("blank in the length's name", 400, POST("Content-Length : 3")),
	BAD("blank in the coding's name", 400,
	    POST("Transfer-Encoding : chunked")),
	BAD("no name", 400, GET(": b")),
	BAD("no colon", 400, GET("X-A")),
	BAD("name with brackets", 400, GET("X(A): b")),
	BAD("name beyond ASCII", 400, GET("X-\xc3\xa4: b")),
	/* NUL and other controls */
	BAD("NUL in a value", 400, GET("X-A: a\0b")),
	BAD("NUL in a name", 400, GET("X\0A: b")),
	BAD("NUL in the target", 400, "GET /echo/\0 HTTP/1.1\r\n" HOST "\r\n"),
	BAD("NUL in the method", 400, "GE\0T /echo/ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("NUL in Host", 400, "GET /echo/ HTTP/1.1\r\nHost: " NAME
	    "\0.example\r\n\r\n"),
	BAD("control in a value", 400, GET("X-A: a\x01")),
	BAD("DEL in a value", 400, GET("X-A: a\x7f")),
	/* methods */
	BAD("method with a bracket", 400, "GE(T /echo/ HTTP/1.1\r\n" HOST
	    "\r\n"),
	BAD("no method", 400, " /echo/ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("method in small letters", 400, "get /echo/ HTTP/1.1\r\n" HOST
	    "\r\n"),
	BAD("two blanks after it", 400, "GET  /echo/ HTTP/1.1\r\n" HOST
	    "\r\n"),
	BAD("tab after it", 400, "GET\t/echo/ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("method of 33 bytes", 501, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG "
	    "/echo/ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("CONNECT", 405, "CONNECT " NAME ":443 HTTP/1.1\r\nHost: " NAME
	    ":443\r\n\r\n"),
	BAD("CONNECT by a path", 405, "CONNECT /echo/ HTTP/1.1\r\n" HOST
	    "\r\n"),
	BAD("TRACE", 405, "TRACE /echo/ HTTP/1.1\r\n" HOST "\r\n"),
	/* targets */
	BAD("another authority", 400, "GET http://other.example/echo/ "
	    "HTTP/1.1\r\n" HOST "\r\n"),
	BAD("another port", 400, "GET http://" NAME ":8080/echo/ HTTP/1.1\r\n"
	    HOST "\r\n"),
	BAD("authority with a user", 400, "GET http://a@" NAME "/echo/ "
	    "HTTP/1.1\r\n" HOST "\r\n"),
	BAD("empty authority", 400, "GET http:///echo/ HTTP/1.1\r\n" HOST
	    "\r\n"),
	BAD("another scheme", 400, "GET file://" NAME "/echo/ HTTP/1.1\r\n"
	    HOST "\r\n"),
	BAD("authority alone", 400, "GET " NAME ":443 HTTP/1.1\r\n" HOST
	    "\r\n"),
	BAD("asterisk", 400, "GET * HTTP/1.1\r\n" HOST "\r\n"),
	BAD("no slash", 400, "GET echo HTTP/1.1\r\n" HOST "\r\n"),
	BAD("fragment", 400, "GET /echo/#a HTTP/1.1\r\n" HOST "\r\n"),
	BAD("blank in it", 400, "GET /echo/ a HTTP/1.1\r\n" HOST "\r\n"),
	BAD("path goes up", 400, "GET /echo/../x HTTP/1.1\r\n" HOST "\r\n"),
	BAD("path goes up, encoded", 400, "GET /echo/%2e%2e/x HTTP/1.1\r\n"
	    HOST "\r\n"),
	BAD("path goes up, with parameters", 400, "GET /echo/..;a/x "
	    "HTTP/1.1\r\n" HOST "\r\n"),
	BAD("slash encoded", 400, "GET /echo/a%2fb HTTP/1.1\r\n" HOST "\r\n"),
	BAD("empty segment", 400, "GET //echo/ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("NUL encoded", 400, "GET /echo/%00 HTTP/1.1\r\n" HOST "\r\n"),
	/* versions */
	BAD("no version", 400, "GET /echo/\r\n" HOST "\r\n"),
	BAD("HTTP/2.0", 505, "GET /echo/ HTTP/2.0\r\n" HOST "\r\n"),
	BAD("HTTP/0.9", 505, "GET /echo/ HTTP/0.9\r\n" HOST "\r\n"),
	BAD("HTTP/1", 400, "GET /echo/ HTTP/1\r\n" HOST "\r\n"),
	BAD("HTTP/01.01", 400, "GET /echo/ HTTP/01.01\r\n" HOST "\r\n"),
	BAD("HTTP/1.10", 400, "GET /echo/ HTTP/1.10\r\n" HOST "\r\n"),
	BAD("version in small letters", 400, "GET /echo/ http/1.1\r\n" HOST
	    "\r\n"),
	/* Host */
	BAD("no Host", 400, "GET /echo/ HTTP/1.1\r\n\r\n"),
	BAD("two Hosts", 400, GET("Host: other.example")),
	BAD("two equal Hosts", 400, GET("Host: " NAME)),
	BAD("empty Host", 400, "GET /echo/ HTTP/1.1\r\nHost: \r\n\r\n"),
	BAD("Host with a blank", 400, "GET /echo/ HTTP/1.1\r\nHost: " NAME
	    " other\r\n\r\n"),
	BAD("Host with a path", 400, "GET /echo/ HTTP/1.1\r\nHost: " NAME
	    "/a\r\n\r\n"),
	BAD("Host with a user", 400, "GET /echo/ HTTP/1.1\r\nHost: a@" NAME
	    "\r\n\r\n"),
	BAD("list of Hosts", 400, "GET /echo/ HTTP/1.1\r\nHost: " NAME
	    ",other\r\n\r\n"),
	BAD("Host without its port", 400, "GET /echo/ HTTP/1.1\r\nHost: " NAME
	    ":\r\n\r\n"),
	BAD("port of a name", 400, "GET /echo/ HTTP/1.1\r\nHost: " NAME
	    ":https\r\n\r\n"),
	BAD("port too high", 400, "GET /echo/ HTTP/1.1\r\nHost: " NAME
	    ":65536\r\n\r\n"),
	BAD("empty label", 400, "GET /echo/ HTTP/1.1\r\nHost: a..b\r\n\r\n"),
	BAD("bracket not closed", 400, "GET /echo/ HTTP/1.1\r\nHost: [::1"
	    "\r\n\r\n"),
	BAD("Host named in Connection", 400, GET("Connection: Host")),
	/* upgrades that would hide what follows */
	BAD("upgrade with a body", 400, LINE HOST "Connection: Upgrade\r\n"
	    "Upgrade: websocket\r\n" CL "3\r\n\r\nabc"),
	BAD("upgrade with chunks", 400,
	    POST("Connection: Upgrade\r\nUpgrade: websocket\r\n" TE
		 "chunked")),
	BAD("two upgrades", 400, GET("Connection: Upgrade\r\n"
				     "Upgrade: websocket\r\nUpgrade: h2c")),
	BAD("upgrade to nothing", 400,
	    GET("Connection: Upgrade\r\nUpgrade: a b")),
	/* others */
	BAD("Connection is no list", 400, GET("Connection: a b")),
	BAD("other expectation", 417, GET("Expect: coffee")),
	BAD("forwards without number", 400, "OPTIONS * HTTP/1.1\r\n" HOST
	    "Max-Forwards: many\r\n\r\n"),
};

/* Every second one in TLS 1.2: the codec is the same, what feeds it not. */
Test(framing, heads)
{
	start_gate();
	for (size_t i = 0; i < GW_COUNT(heads); i++)
		expect_refused(enter(12 + (int)(i % 2)), heads[i].what,
			       heads[i].text, heads[i].len, heads[i].status);
	cr_expect_eq(back_count(back), 0, "%zu of them reached the server",
		     back_count(back));
	expect_nothing_smuggled();
	gate_stop(&gate);
}

/* ---- too large */

struct large {
	const char *what, *before, *again;
	size_t count;
	const char *after;
	int status;
};

static char *
text_of(const struct large *l)
{
	return text("%s%s%s", l->before, text_repeat(l->again, l->count),
		    l->after);
}

static const struct large larges[] = {
	{ "target", "GET /echo/", "a", 8192, " HTTP/1.1\r\n" HOST "\r\n",
	  414 },
	{ "target without end", "GET /echo/", "a", 70000, "", 414 },
	{ "value", "GET /echo/ HTTP/1.1\r\n" HOST "X-A: ", "b", 17000,
	  "\r\n\r\n", 431 },
	{ "value without end", "GET /echo/ HTTP/1.1\r\n" HOST "X-A: ", "b",
	  70000, "", 431 },
	{ "name", "GET /echo/ HTTP/1.1\r\n" HOST, "n", 17000, ": a\r\n\r\n",
	  431 },
	{ "method", "", "M", 17000, " / HTTP/1.1\r\n" HOST "\r\n", 400 },
	{ "128 fields more", "GET /echo/ HTTP/1.1\r\n" HOST, "A: b\r\n", 128,
	  "\r\n", 431 },
	{ "fields without end", "GET /echo/ HTTP/1.1\r\n" HOST, "A: b\r\n",
	  4000, "", 431 },
	{ "33 options", "GET /echo/ HTTP/1.1\r\n" HOST "Connection: a",
	  ", a", 32, "\r\n\r\n", 400 },
};

Test(framing, too_large)
{
	start_gate();
	for (size_t i = 0; i < GW_COUNT(larges); i++) {
		char *s = text_of(&larges[i]);

		expect_refused(enter(13), larges[i].what, s, strlen(s),
			       larges[i].status);
	}
	cr_expect_eq(back_count(back), 0, "%zu of them reached the server",
		     back_count(back));
	expect_nothing_smuggled();
	gate_stop(&gate);
}

/* ---- bodies: the server has the head by then, and never a whole request */

#define LAST "\r\n0\r\n\r\n"

static const struct bad bodies[] = {
	BAD("size is no number", 400, "x\r\nabc" LAST),
	BAD("no size", 400, "\r\nabc" LAST),
	BAD("size with a sign", 400, "+3\r\nabc" LAST),
	BAD("negative size", 400, "-3\r\nabc" LAST),
	BAD("size with 0x", 400, "0x3\r\nabc" LAST),
	BAD("blank before the size", 400, " 3\r\nabc" LAST),
	BAD("blank after the size", 400, "3 \r\nabc" LAST),
	BAD("size of 17 digits", 400, "00000000000000003\r\nabc" LAST),
	BAD("2^64 and 3", 400, "10000000000000003\r\nabc" LAST),
	BAD("2^63", 400, "8000000000000000\r\nabc" LAST),
	BAD("LF after the size", 400, "3\nabc" LAST),
	BAD("CR after the size", 400, "3\rabc" LAST),
	BAD("NUL after the size", 400, "3\0\r\nabc" LAST),
	BAD("LF after the data", 400, "3\r\nabc\n0\r\n\r\n"),
	BAD("nothing after the data", 400, "3\r\nabc0\r\n\r\n"),
	BAD("more data than the size", 400, "3\r\nabcd" LAST),
	BAD("LF in an extension", 400, "3;a\nabc" LAST),
	BAD("CR in an extension", 400, "3;a\rb\r\nabc" LAST),
	BAD("control in an extension", 400, "3;a=\x01\r\nabc" LAST),
	BAD("extension without name", 400, "3;\r\nabc" LAST),
	BAD("LF for the end", 400, "3\r\nabc\r\n0\r\n\n"),
	BAD("LF after the last size", 400, "3\r\nabc\r\n0\n\r\n"),
	BAD("folded trailer", 400, "0\r\nA: b\r\n c\r\n\r\n"),
	BAD("extension's name", 400, "3;a[=b\r\nabc" LAST),
	BAD("extension's open quotes", 400, "3;a=\"b\r\nabc" LAST),
	BAD("blank before a trailer's colon", 400, "0\r\nA : b\r\n\r\n"),
	BAD("LF after a trailer", 400, "0\r\nA: b\n\r\n"),
	BAD("NUL in a trailer", 400, "0\r\nA: \0\r\n\r\n"),
	BAD("trailer without colon", 400, "0\r\nA\r\n\r\n"),
	BAD("request for a trailer", 400, "0\r\n" NEXT),
};

/* Beyond the limits, each of the kind that is allowed in itself. */
static const struct large long_bodies[] = {
	{ "chunk extension", "3;a=", "b", 300, "\r\nabc" LAST, 400 },
	{ "extensions", "", "1;abcdefghijklmnopqrstuvwxyz=1\r\nx\r\n",
	  1000, "0\r\n\r\n", 400 },
	{ "zeros before the size", "", "0", 300, "3\r\nabc" LAST, 400 },
	{ "trailers", "3\r\nabc\r\n0\r\n", "A: b\r\n", 2000, "\r\n", 400 },
};

/* The server has heard the head when the body comes, and its connection, the
 * i-th, goes down with the request: it can only take it for unfinished. */
static void
expect_broken(size_t i, const char *what, const char *p, size_t len)
{
	struct wire *w = enter(12 + (int)(i % 2));
	char *heard;
	size_t n;

	(void)wire_say(w, LINE HOST TE "chunked\r\n\r\n");
	cr_assert(back_hears(back, i, sizeof(LINE HOST)), "%s: no head", what);
	expect_refused(w, what, p, len, 400);
	cr_expect(back_is_over(back, i), "%s: its connection is kept", what);
	heard = back_heard(back, i, &n);
	cr_expect(contains(heard, "\r\n" TE "chunked\r\n"), "%s: %s", what,
		  heard);
	cr_expect(!contains(heard, LAST), "%s: the server takes it for whole: "
		  "%s", what, heard);
	cr_expect_eq(n, strlen(heard), "%s: NUL", what);
}

Test(framing, bodies)
{
	size_t n = 0;

	start_gate();
	for (size_t i = 0; i < GW_COUNT(bodies); i++)
		expect_broken(n++, bodies[i].what, bodies[i].text,
			      bodies[i].len);
	for (size_t i = 0; i < GW_COUNT(long_bodies); i++) {
		char *s = text_of(&long_bodies[i]);

		expect_broken(n++, long_bodies[i].what, s, strlen(s));
	}
	cr_expect_eq(back_count(back), n, "%zu connections for %zu requests",
		     back_count(back), n);
	expect_nothing_smuggled();
	gate_stop(&gate);
}

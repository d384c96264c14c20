/* Heads written anew: nothing of ours is injected into, nothing that is the
 * gateway's comes from outside. */
#include <criterion/criterion.h>

#include "cases.h"

static const char *const owned[] = {
	"X-Remote-User", "X-Remote-Groups", "X-Request-Id", NULL,
};

static const struct owned_case {
	const char *name;
	bool want;
} owned_cases[] = {
	{ "X-Remote-User", true },
	{ "x-remote-user", true },
	{ "X_Remote_User", true },
	{ "X_Remote-User", true },
	{ "X.Remote.User", true },
	{ "X-REMOTE-GROUPS", true },
	{ "x_request_id", true },
	{ "X-Remote-Use", false },
	{ "X-Remote-User2", false },
	{ "XRemoteUser", false },
	{ "X", false },
};

Test(write, owned_names)
{
	for (size_t i = 0; i < GW_COUNT(owned_cases); i++) {
		const struct owned_case *c = &owned_cases[i];
		struct gw_str name = { c->name, strlen(c->name) };

		cr_expect_eq(gw_http_is_owned(name, owned), c->want, "%s",
			     c->name);
		cr_expect_not(gw_http_is_owned(name, NULL));
	}
}

static const struct field_case {
	const char *name, *value, *want; /* NULL: the writer turns bad */
} field_cases[] = {
	{ "", "a", NULL },
	{ "X Y", "a", NULL },
	{ "X:", "a", NULL },
	{ "X\r\nY", "a", NULL },
	{ "X", "a\r\nY: b", NULL },
	{ "X", "a\nb", NULL },
	{ "X", "a\rb", NULL },
	{ "X", "\x7f", NULL },
	{ "X", "\x01", NULL },
	{ "X", "", "X: \r\n" },
	{ "X-Y", "a\tb \xc3\xa4", "X-Y: a\tb \xc3\xa4\r\n" },
};

Test(write, fields)
{
	for (size_t i = 0; i < GW_COUNT(field_cases); i++) {
		const struct field_case *c = &field_cases[i];
		char buf[64];
		struct gw_out o = { .p = buf, .cap = sizeof(buf) };

		gw_out_field(&o, c->name, c->value);
		cr_expect_eq(o.bad, c->want == NULL, "%zu", i);
		cr_expect(c->want == NULL ? o.len == 0
			: str_is((struct gw_str){ buf, o.len }, c->want));
	}
}

Test(write, base64_field)
{
	static const struct {
		const char *in, *want;
	} cases[] = { /* RFC 4648 10 */
		{ "", "N: ::\r\n" },
		{ "f", "N: :Zg==:\r\n" },
		{ "fo", "N: :Zm8=:\r\n" },
		{ "foo", "N: :Zm9v:\r\n" },
		{ "foobar", "N: :Zm9vYmFy:\r\n" },
		{ "\xfb\xff\xfe", "N: :+//+:\r\n" },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		char buf[32];
		struct gw_out o = { .p = buf, .cap = sizeof(buf) };

		gw_out_bytes_field(&o, "N", (const uint8_t *)cases[i].in,
				   strlen(cases[i].in));
		cr_expect_not(o.bad);
		cr_expect(str_is((struct gw_str){ buf, o.len },
				 cases[i].want), "%s", cases[i].want);
	}
}

Test(write, no_room)
{
	char buf[8] = "1234567";
	struct gw_out o = { .p = buf, .cap = 4 };

	gw_out_str(&o, "abcd");
	cr_expect_not(o.bad);
	gw_out_str(&o, "e");
	cr_expect(o.bad);
	gw_out_str(&o, "");
	cr_expect_eq(o.len, 4);
	cr_expect_str_eq(buf, "abcd567");
	o = (struct gw_out){ .p = buf, .cap = 4 };
	gw_out_bytes_field(&o, "N", (const uint8_t *)"", 0);
	cr_expect(o.bad && o.len <= 4);
	gw_out_bytes_field(&o, "N", NULL, SIZE_MAX);
	cr_expect(o.bad);
}

/* ---- whole heads */

#define GET(fields) "GET /p?q HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define GOT(fields) "GET /p?q HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

static const struct request_case {
	const char *what, *in, *want;
	bool upgrade;
} requests[] = {
	{ "plain", GET("A: b\r\n"), GOT("A: b\r\n"), false },
	{ "Host is first", "GET / HTTP/1.1\r\nA: b\r\nhOst:x:1\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: x:1\r\nA: b\r\n\r\n", false },
	{ "absolute form", "GET http://A/x HTTP/1.1\r\nHost: a\r\n\r\n",
	  "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", false },
	{ "asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	  "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", false },
	{ "one forward less",
	  "OPTIONS / HTTP/1.1\r\nHost: a\r\nmax-forwards: 07\r\nA: b\r\n\r\n",
	  "OPTIONS / HTTP/1.1\r\nHost: a\r\nA: b\r\nMax-Forwards: 6\r\n\r\n",
	  false },
	{ "the last forward",
	  "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n",
	  "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", false },
	{ "more forwards than are counted",
	  "OPTIONS / HTTP/1.1\r\nHost: a\r\n"
	  "Max-Forwards: 18446744073709551616\r\n\r\n",
	  "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 255\r\n\r\n", false },
	{ "forwards are counted, hop by hop or not",
	  "OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: Max-Forwards\r\n"
	  "Max-Forwards: 256\r\n\r\n",
	  "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 255\r\n\r\n", false },
	{ "forwards of others are not ours", GET("Max-Forwards: 0, x\r\n"),
	  GOT("Max-Forwards: 0, x\r\n"), false },
	{ "a later HTTP/1", "GET / HTTP/1.9\r\nHost: a\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
	  false },
	{ "HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n",
	  "GET / HTTP/1.1\r\nHost: \r\n\r\n", false },
	{ "identity", GET("X-Remote-User: eve\r\nx_remote_USER: eve\r\n"
			  "A: b\r\nX-Request-ID: 1\r\nX.Remote.Groups: g\r\n"),
	  GOT("A: b\r\n"), false },
	{ "forwarding",
	  GET("Forwarded: for=x\r\nX-Forwarded-For: x\r\n"
	      "X_FORWARDED_PROTO: x\r\nX-Forwarded-Host: x\r\n"
	      "X-Forwarded-Prefix: x\r\nClient-Cert: :eA==:\r\n"
	      "Client_Cert: x\r\nClient-Cert-Chain: x\r\n"
	      "X-Forwarded: x\r\nX-Forward: kept\r\n"),
	  GOT("X-Forward: kept\r\n"), false },
	{ "hop by hop",
	  GET("Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\n"
	      "X-Hop: 1\r\nTE: trailers\r\nTrailer: X\r\nProxy: x\r\n"
	      "Proxy-Authorization: Basic x\r\nProxy-Connection: close\r\n"
	      "Proxy_Connection: close\r\nUpgrade: websocket\r\nA: b\r\n"),
	  GOT("A: b\r\n"), true },
	{ "Connection before and after",
	  GET("X-1: a\r\nConnection: x-1\r\nConnection: x-2\r\nX-2: b\r\n"
	      "x-1: c\r\n"),
	  GOT(""), false },
	{ "length", GET("Content-Length: 007\r\nA: b\r\n"),
	  GOT("A: b\r\nContent-Length: 7\r\n"), false },
	{ "no length is not made up", GET(""), GOT(""), false },
	{ "length of zero is kept", GET("Content-Length: 0\r\n"),
	  GOT("Content-Length: 0\r\n"), false },
	{ "chunked", GET("Transfer-Encoding: CHUNKED\r\n"),
	  GOT("Transfer-Encoding: chunked\r\n"), false },
	{ "Expect", GET("Expect: 100-continue\r\nContent-Length: 1\r\n"),
	  GOT("Content-Length: 1\r\n"), false },
	{ "upgrade", GET("Upgrade: websocket\r\nConnection: Upgrade\r\n"
			 "Sec-WebSocket-Key: x\r\n"),
	  GOT("Sec-WebSocket-Key: x\r\nConnection: upgrade\r\n"
	      "Upgrade: websocket\r\n"),
	  true },
	{ "upgrade not let through",
	  GET("Upgrade: websocket\r\nConnection: Upgrade\r\n"), GOT(""),
	  false },
	{ "white space is made regular", GET("A:  b\t\r\nC:\r\n"),
	  GOT("A: b\r\nC: \r\n"), false },
};

Test(write, requests)
{
	static struct gw_http_msg m;

	for (size_t i = 0; i < GW_COUNT(requests); i++) {
		const struct request_case *c = &requests[i];
		struct gw_http_forward f = {
			.owned = owned, .upgrade = c->upgrade,
		};
		char buf[1024];
		struct gw_out o = { .p = buf, .cap = sizeof(buf) };

		cr_assert_eq(gw_http_parse_request(c->in, strlen(c->in),
						   &test_limits, &m, NULL),
			     GW_ERR_OK, "%s", c->what);
		gw_http_write_request(&o, &m, &f);
		cr_expect_not(o.bad);
		cr_expect(str_is((struct gw_str){ buf, o.len }, c->want),
			  "%s: %.*s", c->what, (int)o.len, buf);
	}
}

/* Whoever calls it for such a one has forgotten to look. */
Test(write, no_forward_left)
{
	static const char in[] = "OPTIONS / HTTP/1.1\r\nHost: a\r\n"
				 "Max-Forwards: 0\r\n\r\n";
	static struct gw_http_msg m;
	struct gw_http_forward f = { .owned = owned };
	char buf[256];
	struct gw_out o = { .p = buf, .cap = sizeof(buf) };

	cr_assert_eq(gw_http_parse_request(in, sizeof(in) - 1, &test_limits,
					   &m, NULL), GW_ERR_OK);
	gw_http_write_request(&o, &m, &f);
	cr_expect(o.bad);
}

Test(write, our_fields_come_last)
{
	static const char in[] = GET("X-Remote-User: eve\r\nA: b\r\n");
	static const char want[] = GOT("A: b\r\nX-Remote-User: alice\r\n");
	static struct gw_http_msg m;
	struct gw_http_forward f = {
		.owned = owned,
		.extra = "X-Remote-User: alice\r\n",
		.extra_len = 22,
	};
	char buf[256];
	struct gw_out o = { .p = buf, .cap = sizeof(buf) };

	cr_assert_eq(gw_http_parse_request(in, sizeof(in) - 1, &test_limits,
					   &m, NULL), GW_ERR_OK);
	gw_http_write_request(&o, &m, &f);
	cr_expect(str_is((struct gw_str){ buf, o.len }, want));
	f.extra_len = 21; /* would swallow the next line */
	o = (struct gw_out){ .p = buf, .cap = sizeof(buf) };
	gw_http_write_request(&o, &m, &f);
	cr_expect(o.bad);
}

Test(write, request_into_every_size)
{
	static const char in[] = GET("A: b\r\nContent-Length: 1\r\n");
	static struct gw_http_msg m;
	struct gw_http_forward f = { .owned = owned };
	char buf[128];

	cr_assert_eq(gw_http_parse_request(in, sizeof(in) - 1, &test_limits,
					   &m, NULL), GW_ERR_OK);
	for (size_t cap = 0; cap <= sizeof(buf); cap++) {
		struct gw_out o = { .p = buf, .cap = cap };

		memset(buf, '#', sizeof(buf));
		gw_http_write_request(&o, &m, &f);
		cr_expect_eq(o.bad, cap < sizeof(in) - 1, "%zu", cap);
		cr_expect(o.len <= cap);
		for (size_t i = cap; i < sizeof(buf); i++)
			cr_assert_eq(buf[i], '#', "%zu", cap);
	}
}

#define OK(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

static const struct response_case {
	const char *what, *in;
	bool to_head, to_upgrade;
	int client_minor;
	bool keep_alive, upgrade;
	const char *want;
} responses[] = {
	{ "length", OK("Content-Length: 5\r\nA: b\r\n"), false, false, 1, true,
	  false, OK("A: b\r\nContent-Length: 5\r\n") },
	{ "chunked", OK("Transfer-Encoding: chunked\r\n"), false, false, 1,
	  true, false, OK("Transfer-Encoding: chunked\r\n") },
	{ "chunked to HTTP/1.0", OK("Transfer-Encoding: chunked\r\n"), false,
	  false, 0, true, false, OK("Connection: close\r\n") },
	{ "until close", OK(""), false, false, 1, true, false,
	  OK("Transfer-Encoding: chunked\r\n") },
	{ "until close to HTTP/1.0", OK(""), false, false, 0, false, false,
	  OK("Connection: close\r\n") },
	{ "from HTTP/1.0",
	  "HTTP/1.0 404 Not Found\r\nContent-Length: 1\r\n\r\n",
	  false, false, 1, true, false,
	  "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n" },
	{ "no reason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n", false,
	  false, 1, true, false,
	  "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n" },
	{ "we close", OK("Content-Length: 5\r\n"), false, false, 1, false,
	  false, OK("Content-Length: 5\r\nConnection: close\r\n") },
	{ "HTTP/1.0 goes on", OK("Content-Length: 5\r\n"), false, false, 0,
	  true, false, OK("Content-Length: 5\r\nConnection: keep-alive\r\n") },
	{ "upstream's close is not ours",
	  OK("Connection: close\r\nContent-Length: 5\r\n"), false, false, 1,
	  true, false, OK("Content-Length: 5\r\n") },
	{ "HEAD with a length", OK("Content-Length: 5\r\n"), true, false, 1,
	  true, false, OK("Content-Length: 5\r\n") },
	{ "HEAD without", OK("Transfer-Encoding: chunked\r\n"), true, false, 1,
	  true, false, OK("") },
	{ "304", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", false,
	  false, 1, true, false,
	  "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n" },
	{ "204 loses its zero",
	  "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false, false,
	  1, true, false, "HTTP/1.1 204 No Content\r\n\r\n" },
	{ "interim", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", false,
	  false, 1, false, false,
	  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" },
	{ "hop by hop",
	  OK("Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
	     "Proxy-Authenticate: Basic\r\nTrailer: X\r\nUpgrade: h2c\r\n"
	     "Content-Length: 1\r\n"),
	  false, false, 1, true, false, OK("Content-Length: 1\r\n") },
	{ "a field named like an option",
	  OK("Connection: close\r\nClose: 1\r\nContent-Length: 1\r\n"),
	  false, false, 1, true, false, OK("Content-Length: 1\r\n") },
	{ "an upgrade is required",
	  "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\n"
	  "Upgrade: websocket\r\nContent-Length: 0\r\n\r\n",
	  false, false, 1, false, false,
	  "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\n"
	  "Upgrade: websocket\r\nContent-Length: 0\r\n"
	  "Connection: close\r\n\r\n" },
	{ "an offer without its option, and of what we decline",
	  "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n"
	  "Upgrade: h2c, websocket\r\nContent-Length: 0\r\n\r\n",
	  false, false, 1, true, false,
	  "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\n"
	  "Upgrade: h2c, websocket\r\nContent-Length: 0\r\n\r\n" },
	{ "switching",
	  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	  "Upgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
	  false, true, 1, true, true,
	  "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n"
	  "Connection: upgrade\r\nUpgrade: WebSocket\r\n\r\n" },
};

Test(write, responses)
{
	static struct gw_http_msg m;

	for (size_t i = 0; i < GW_COUNT(responses); i++) {
		const struct response_case *c = &responses[i];
		char buf[1024];
		struct gw_out o = { .p = buf, .cap = sizeof(buf) };
		struct gw_error err = { 0 };

		cr_assert_eq(gw_http_parse_response(c->in, strlen(c->in),
						    c->to_head, c->to_upgrade,
						    &m, &err),
			     GW_ERR_OK, "%s: %s", c->what, err.detail);
		gw_http_write_response(&o, &m, &(struct gw_http_reply){
			.client_minor = c->client_minor,
			.keep_alive = c->keep_alive, .upgrade = c->upgrade });
		cr_expect_not(o.bad);
		cr_expect(str_is((struct gw_str){ buf, o.len }, c->want),
			  "%s: %.*s", c->what, (int)o.len, buf);
	}
}

#define NOW "Tue, 29 Feb 2028 23:59:58 GMT"

/* RFC 9110 6.6.1: what is final gets one, unless it has one. */
static const struct { const char *what, *in, *want; } dated[] = {
	{ "none", OK("Content-Length: 1\r\n"),
	  OK("Date: " NOW "\r\nContent-Length: 1\r\n") },
	{ "one", OK("Date: yesterday\r\nContent-Length: 1\r\n"),
	  OK("Date: yesterday\r\nContent-Length: 1\r\n") },
	{ "for this connection only", OK("Date: x\r\nConnection: date\r\n"
					 "Content-Length: 1\r\n"),
	  OK("Date: " NOW "\r\nContent-Length: 1\r\n") },
	{ "304", "HTTP/1.1 304 Not Modified\r\n\r\n",
	  "HTTP/1.1 304 Not Modified\r\nDate: " NOW "\r\n\r\n" },
	{ "interim", "HTTP/1.1 103 Early Hints\r\n\r\n",
	  "HTTP/1.1 103 Early Hints\r\n\r\n" },
};

Test(write, dates)
{
	static struct gw_http_msg m;
	char date[GW_HTTP_DATE_SIZE];

	gw_http_date(date, 0);
	cr_assert_str_eq(date, "Thu, 01 Jan 1970 00:00:00 GMT");
	gw_http_date(date, 1835481598);
	cr_assert_str_eq(date, NOW);
	for (size_t i = 0; i < GW_COUNT(dated); i++) {
		const char *in = dated[i].in;
		char buf[256];
		struct gw_out o = { .p = buf, .cap = sizeof(buf) };

		cr_assert_eq(gw_http_parse_response(in, strlen(in), false,
						    false, &m, NULL),
			     GW_ERR_OK, "%s", dated[i].what);
		gw_http_write_response(&o, &m, &(struct gw_http_reply){
			.client_minor = 1, .keep_alive = true, .date = date });
		cr_expect(str_is((struct gw_str){ buf, o.len }, dated[i].want),
			  "%s: %.*s", dated[i].what, (int)o.len, buf);
	}
}

/* The HTTP exchange: answers in pieces of any size, and what is no answer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gw/util.h"
#include "answer.h"

#define TYPE "application/ocsp-response"
#define HEAD "HTTP/1.0 200 OK\r\nContent-Type: " TYPE "\r\n"

static struct gw_answer *
begin(void)
{
	static const uint8_t question[] = { 0x30, 0x03, 0x02, 0x01, 0x07 };
	struct gw_url u;

	cr_assert(gw_url_parse("http://ocsp.example:8080/a/b?c", &u));
	return gw_answer_new(&(struct gw_question){
		.url = &u, .type = "application/ocsp-request",
		.body = { question, sizeof(question) }, .expected = TYPE,
		.max = 1000, .fd = -1 });
}

static enum gw_answer_state
feed(struct gw_answer *h, const char *p, size_t len, size_t step)
{
	enum gw_answer_state s = GW_ANSWER_MORE;

	for (size_t i = 0; i < len && s == GW_ANSWER_MORE; i += step)
		s = gw_answer_feed(h, p + i, GW_MIN(step, len - i), false);
	return s == GW_ANSWER_MORE ? gw_answer_feed(h, "", 0, true) : s;
}

Test(answer, request)
{
	static const char want[] =
		"POST /a/b?c HTTP/1.1\r\nHost: ocsp.example:8080\r\n"
		"Accept: application/ocsp-response\r\n"
		"Content-Type: application/ocsp-request\r\n"
		"Content-Length: 5\r\n\r\n\x30\x03\x02\x01\x07";
	struct gw_answer *h = begin();
	struct gw_der r = gw_answer_request(h);

	cr_expect_eq(r.len, sizeof(want) - 1);
	cr_expect_eq(memcmp(r.p, want, GW_MIN(r.len, sizeof(want) - 1)), 0,
		     "%.*s", (int)r.len, (const char *)r.p);
	gw_answer_free(h);
}

static const struct {
	const char *what, *text;
	size_t len;
} good[] = {
#define CASE(what, s) { what, s, sizeof(s) - 1 }
	CASE("plain", HEAD "\r\n\x30\x03\x02\x01\x05"),
	CASE("length", HEAD "Content-Length: 5\r\n\r\n\x30\x03\x02\x01\x05"),
	CASE("HTTP/1.1", "HTTP/1.1 200 OK\r\ncontent-type: " TYPE "\r\n\r\n"
	     "\x30\x03\x02\x01\x05"),
	CASE("chunked", "HTTP/1.1 200 OK\r\nContent-Type: " TYPE "\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n2\r\n\x30\x03\r\n3;x=y\r\n"
	     "\x02\x01\x05\r\n0\r\n\r\n"),
	CASE("interim ones", "HTTP/1.1 103 Early\r\nA: b\r\n\r\n"
	     "HTTP/1.1 100 Continue\r\n\r\n" "HTTP/1.1 200 OK\r\n"
	     "Content-Type: " TYPE "\r\nContent-Length: 5\r\n\r\n"
	     "\x30\x03\x02\x01\x05"),
	CASE("type with a parameter", "HTTP/1.1 200 OK\r\n"
	     "Content-Type: " TYPE "; q=1\r\nContent-Length: 5\r\n\r\n"
	     "\x30\x03\x02\x01\x05"),
	CASE("other fields", HEAD "Server: x\r\nDate: y\r\nX: a:b\r\n\r\n"
	     "\x30\x03\x02\x01\x05"),
};

Test(answer, good_answers_in_pieces)
{
	for (size_t i = 0; i < GW_COUNT(good); i++)
		for (size_t step = 1; step < 40; step++) {
			struct gw_answer *h = begin();
			enum gw_answer_state s = feed(h, good[i].text,
						    good[i].len, step);

			cr_expect_eq(s, GW_ANSWER_DONE, "%s by %zu: %s",
				     good[i].what, step, gw_answer_error(h));
			if (s == GW_ANSWER_DONE) {
				cr_expect_eq(gw_answer_body(h).len, 5);
				cr_expect_eq(gw_answer_body(h).p[4], 5);
			}
			gw_answer_free(h);
		}
}

static const struct {
	const char *what, *text;
	size_t len;
	const char *error;
} bad[] = {
#define I "HTTP/1.1 100 Continue\r\n\r\n"
#define BAD(what, s, e) { what, s, sizeof(s) - 1, e }
	BAD("nothing", "", "no answer"),
	BAD("not HTTP", "SSH-2.0-x\r\n\r\n", "not HTTP/1.1"),
	BAD("bare newlines", "HTTP/1.0 200 OK\nContent-Type: " TYPE "\n\n"
	    "\x30\x03\x02\x01\x05", "not HTTP/1.1"),
	BAD("404", "HTTP/1.0 404 Not Found\r\nContent-Type: text/html\r\n\r\n"
	    "<html>", "404 Not Found"),
	BAD("500", "HTTP/1.0 500 Oops\r\nContent-Type: " TYPE "\r\n\r\n"
	    "\x30\x03\x02\x01\x05", "500 Oops"),
	BAD("redirect", "HTTP/1.0 302 Found\r\nLocation: http://evil/\r\n"
	    "\r\n", "302 Found to http://evil/"),
	BAD("partial", "HTTP/1.1 206 Some\r\nContent-Type: " TYPE "\r\n"
	    "Content-Length: 1\r\n\r\n\x30", "206 Some"),
	BAD("no content", "HTTP/1.1 204 None\r\n\r\n", "204"),
	BAD("empty", HEAD "Content-Length: 0\r\n\r\n", "empty"),
	BAD("no type", "HTTP/1.0 200 OK\r\n\r\n\x30\x03\x02\x01\x05",
	    "Content-Type"),
	BAD("another type", "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
	    "\r\n\x30\x03\x02\x01\x05", "text/html"),
	BAD("a type that begins alike", "HTTP/1.0 200 OK\r\n"
	    "Content-Type: " TYPE "-not\r\n\r\n\x30", "Content-Type"),
	BAD("compressed", HEAD "Content-Encoding: gzip\r\n\r\n\x1f\x8b",
	    "gzip"),
	BAD("cut off", HEAD "Content-Length: 5\r\n\r\n\x30\x03\x02\x01",
	    "cut off"),
	BAD("chunks cut off", "HTTP/1.1 200 OK\r\nContent-Type: " TYPE "\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "cut off"),
	BAD("both framings", "HTTP/1.1 200 OK\r\nContent-Type: " TYPE "\r\n"
	    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "0\r\n\r\n", "not HTTP/1.1"),
	BAD("head cut off", HEAD, "cut off"),
	BAD("length not a number", HEAD "Content-Length: x\r\n\r\n"
	    "\x30\x03\x02\x01\x05", "not HTTP/1.1"),
	BAD("too large by its length", HEAD "Content-Length: 1001\r\n\r\n"
	    "\x30\x82\x03\xe5", "1001 bytes"),
	BAD("interim ones without end", I I I I I HEAD "\r\n\x30",
	    "interim"),
};
#undef I

Test(answer, bad_answers)
{
	for (size_t i = 0; i < GW_COUNT(bad); i++)
		for (size_t step = 1; step < 100; step += 7) {
			struct gw_answer *h = begin();

			cr_expect_eq(feed(h, bad[i].text, bad[i].len, step),
				     GW_ANSWER_FAILED, "%s", bad[i].what);
			cr_expect_not_null(strstr(gw_answer_error(h),
						  bad[i].error), "%s: %s",
					   bad[i].what, gw_answer_error(h));
			gw_answer_free(h);
		}
}

Test(answer, endless_head)
{
	static const char line[] = "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaa\r\n";
	struct gw_answer *h = begin();
	enum gw_answer_state s = gw_answer_feed(h, HEAD, sizeof(HEAD) - 1,
						false);
	size_t n = 0;

	for (; s == GW_ANSWER_MORE && n < 10000; n++)
		s = gw_answer_feed(h, line, sizeof(line) - 1, false);
	cr_expect_eq(s, GW_ANSWER_FAILED);
	cr_expect_lt(n, 1000);
	gw_answer_free(h);
}

Test(answer, endless_line)
{
	struct gw_answer *h = begin();
	enum gw_answer_state s = GW_ANSWER_MORE;

	for (size_t n = 0; s == GW_ANSWER_MORE && n < 100000; n++)
		s = gw_answer_feed(h, "a", 1, false);
	cr_expect_eq(s, GW_ANSWER_FAILED);
	gw_answer_free(h);
}

Test(answer, endless_body)
{
	static const char some[100] = { 'x' };
	struct gw_answer *h = begin();
	enum gw_answer_state s = gw_answer_feed(h, HEAD "\r\n",
						sizeof(HEAD) + 1, false);
	size_t n = 0;

	for (; s == GW_ANSWER_MORE && n < 100; n++)
		s = gw_answer_feed(h, some, sizeof(some), false);
	cr_expect_eq(s, GW_ANSWER_FAILED);
	cr_expect_eq(n, 11);
	gw_answer_free(h);
}

Test(answer, connection_kept)
{
	static const struct { const char *text; bool want; } cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Type: " TYPE "\r\n"
		  "Content-Length: 1\r\n\r\nx", true },
		{ "HTTP/1.1 200 OK\r\nContent-Type: " TYPE "\r\n"
		  "Content-Length: 1\r\n\r\nxy", false },
		{ "HTTP/1.1 200 OK\r\nContent-Type: " TYPE "\r\n"
		  "Connection: close\r\nContent-Length: 1\r\n\r\nx", false },
		{ "HTTP/1.0 200 OK\r\nContent-Type: " TYPE "\r\n"
		  "Content-Length: 1\r\n\r\nx", false },
		{ "HTTP/1.1 200 OK\r\nContent-Type: " TYPE "\r\n\r\nx",
		  false },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct gw_answer *h = begin();

		cr_expect_eq(feed(h, cases[i].text, strlen(cases[i].text),
				  1000), GW_ANSWER_DONE, "%zu", i);
		cr_expect_eq(gw_answer_may_reuse(h), cases[i].want, "%zu", i);
		gw_answer_free(h);
	}
}

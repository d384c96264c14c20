/* The HTTP exchange: answers in pieces of any size, and what is no answer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gw/util.h"
#include "http.h"

#define TYPE "application/ocsp-response"
#define HEAD "HTTP/1.0 200 OK\r\nContent-Type: " TYPE "\r\n"

static struct gw_http *
begin(void)
{
	static const uint8_t question[] = { 0x30, 0x03, 0x02, 0x01, 0x07 };
	struct gw_url u;

	cr_assert(gw_url_parse("http://ocsp.example:8080/a/b?c", &u));
	return gw_http_new(&u, "application/ocsp-request",
			   (struct gw_der){ question, sizeof(question) },
			   TYPE, 1000);
}

static enum gw_http_state
feed(struct gw_http *h, const char *p, size_t len, size_t step)
{
	enum gw_http_state s = GW_HTTP_MORE;

	for (size_t i = 0; i < len && s == GW_HTTP_MORE; i += step)
		s = gw_http_feed(h, p + i, GW_MIN(step, len - i), false);
	return s == GW_HTTP_MORE ? gw_http_feed(h, "", 0, true) : s;
}

Test(http, request)
{
	static const char want[] =
		"POST /a/b?c HTTP/1.0\r\nHost: ocsp.example:8080\r\n"
		"Connection: close\r\n"
		"Content-Type: application/ocsp-request\r\n"
		"Content-Length: 5\r\n\r\n\x30\x03\x02\x01\x07";
	struct gw_http *h = begin();
	struct gw_der r = gw_http_request(h);

	cr_expect_eq(r.len, sizeof(want) - 1);
	cr_expect_eq(memcmp(r.p, want, GW_MIN(r.len, sizeof(want) - 1)), 0,
		     "%.*s", (int)r.len, (const char *)r.p);
	gw_http_free(h);
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
	CASE("bare newlines", "HTTP/1.0 200 OK\nContent-Type: " TYPE "\n\n"
	     "\x30\x03\x02\x01\x05"),
	CASE("other fields", HEAD "Server: x\r\nDate: y\r\nX: a:b\r\n\r\n"
	     "\x30\x03\x02\x01\x05"),
};

Test(http, good_answers_in_pieces)
{
	for (size_t i = 0; i < GW_COUNT(good); i++)
		for (size_t step = 1; step < 40; step++) {
			struct gw_http *h = begin();
			enum gw_http_state s = feed(h, good[i].text,
						    good[i].len, step);

			cr_expect_eq(s, GW_HTTP_DONE, "%s by %zu: %s",
				     good[i].what, step, gw_http_error(h));
			if (s == GW_HTTP_DONE) {
				cr_expect_eq(gw_http_body(h).len, 5);
				cr_expect_eq(gw_http_body(h).p[4], 5);
			}
			gw_http_free(h);
		}
}

static const struct {
	const char *what, *text;
	size_t len;
	const char *error;
} bad[] = {
#define BAD(what, s, e) { what, s, sizeof(s) - 1, e }
	BAD("nothing", "", ""),
	BAD("not HTTP", "SSH-2.0-x\r\n\r\n", "SSH-2.0-x"),
	BAD("404", "HTTP/1.0 404 Not Found\r\nContent-Type: text/html\r\n\r\n"
	    "<html>", "404 Not Found"),
	BAD("500", "HTTP/1.0 500 Oops\r\nContent-Type: " TYPE "\r\n\r\n"
	    "\x30\x03\x02\x01\x05", "500 Oops"),
	BAD("redirect", "HTTP/1.0 302 Found\r\nLocation: http://evil/\r\n"
	    "\r\n", "302 Found"),
	BAD("no type", "HTTP/1.0 200 OK\r\n\r\n\x30\x03\x02\x01\x05", "200"),
	BAD("another type", "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n"
	    "\r\n\x30\x03\x02\x01\x05", "200"),
	BAD("not ASN.1", HEAD "\r\n<html>", "200"),
	BAD("cut off", HEAD "\r\n\x30\x03\x02\x01", "200"),
	BAD("head cut off", HEAD, "200"),
	BAD("length too small", HEAD "Content-Length: 4\r\n\r\n"
	    "\x30\x03\x02\x01\x05", "200"),
	BAD("length not a number", HEAD "Content-Length: x\r\n\r\n"
	    "\x30\x03\x02\x01\x05", "200"),
	BAD("too large by its length", HEAD "Content-Length: 1001\r\n\r\n"
	    "\x30\x82\x03\xe5", "200"),
	BAD("too large by its DER", HEAD "\r\n\x30\x82\x03\xe9zz", "200"),
	BAD("indefinite length", HEAD "\r\n\x30\x80\x02\x01\x05", "200"),
};

Test(http, bad_answers)
{
	for (size_t i = 0; i < GW_COUNT(bad); i++)
		for (size_t step = 1; step < 100; step += 7) {
			struct gw_http *h = begin();

			cr_expect_eq(feed(h, bad[i].text, bad[i].len, step),
				     GW_HTTP_FAILED, "%s", bad[i].what);
			cr_expect_not_null(strstr(gw_http_error(h),
						  bad[i].error), "%s: %s",
					   bad[i].what, gw_http_error(h));
			gw_http_free(h);
		}
}

Test(http, endless_head)
{
	static const char line[] = "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaa\r\n";
	struct gw_http *h = begin();
	enum gw_http_state s = gw_http_feed(h, HEAD, sizeof(HEAD) - 1, false);
	size_t n = 0;

	for (; s == GW_HTTP_MORE && n < 10000; n++)
		s = gw_http_feed(h, line, sizeof(line) - 1, false);
	cr_expect_eq(s, GW_HTTP_FAILED);
	cr_expect_lt(n, 1000);
	gw_http_free(h);
}

Test(http, endless_line)
{
	struct gw_http *h = begin();
	enum gw_http_state s = GW_HTTP_MORE;

	for (size_t n = 0; s == GW_HTTP_MORE && n < 100000; n++)
		s = gw_http_feed(h, "a", 1, false);
	cr_expect_eq(s, GW_HTTP_FAILED);
	gw_http_free(h);
}

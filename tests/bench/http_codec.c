/* Nanoseconds per head through the codec: find its end, parse, write anew.
 * One thread, its CPU time, warm caches; the best of many short rounds. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http.h"

#define ROUNDS  100
#define REPEATS 5000

static const char request[] =
	"GET /broker/plain/zeroconf/?task=listsessions&user=alice HTTP/1.1\r\n"
	"Host: desk.corp.example.com\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
	"Firefox/128.0\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*\r\n"
	"Accept-Language: en-US,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate, br\r\n"
	"Referer: https://desk.corp.example.com/broker/\r\n"
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
	"Connection: keep-alive\r\n"
	"Sec-Fetch-Mode: navigate\r\n"
	"X-Requested-With: XMLHttpRequest\r\n"
	"\r\n";

static const char response[] =
	"HTTP/1.1 200 OK\r\n"
	"Date: Mon, 06 Jul 2026 10:00:00 GMT\r\n"
	"Server: broker\r\n"
	"Content-Type: text/html; charset=utf-8\r\n"
	"Content-Length: 1024\r\n"
	"Cache-Control: no-store\r\n"
	"ETag: \"5f3-61c0\"\r\n"
	"Vary: Accept-Encoding\r\n"
	"Set-Cookie: session=0123456789abcdef; Secure; HttpOnly\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Connection: keep-alive\r\n"
	"\r\n";

static const char *const owned[] = {
	"X-Remote-User", "X-Remote-Sid", "X-Remote-Groups", "X-Request-Id",
	"X-Assertion", NULL,
};
static const char extra[] = "X-Remote-User: alice@CORP.EXAMPLE.COM\r\n";

static struct gw_http_msg msg;
static char buf[4096];
static size_t sink; /* keeps the work from being left out */

static void
find_request_end(void)
{
	size_t scanned = 0;

	sink += gw_http_head_end(request, sizeof(request) - 1, &scanned);
}

static void
parse_request(void)
{
	static const struct gw_http_limits lim = { 16384, 8192 };

	sink += gw_http_parse_request(request, sizeof(request) - 1, &lim, &msg,
				      NULL);
}

static void
write_request(void)
{
	static const struct gw_http_forward f = {
		owned, extra, sizeof(extra) - 1, false,
	};
	struct gw_out o = { .p = buf, .cap = sizeof(buf) };

	gw_http_write_request(&o, &msg, &f);
	sink += o.len;
}

static void
parse_response(void)
{
	sink += gw_http_parse_response(response, sizeof(response) - 1, false,
				       false, &msg, NULL);
}

static void
write_response(void)
{
	static const struct gw_http_reply r = {
		.client_minor = 1, .keep_alive = true,
		.date = "Thu, 01 Jan 1970 00:00:00 GMT",
	};
	struct gw_out o = { .p = buf, .cap = sizeof(buf) };

	gw_http_write_response(&o, &msg, &r);
	sink += o.len;
}

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double
measure(void (*fn)(void))
{
	double best = 0;

	for (int r = 0; r < ROUNDS; r++) {
		double start = now_ns(), each;

		for (int i = 0; i < REPEATS; i++)
			fn();
		each = (now_ns() - start) / REPEATS;
		if (r == 0 || each < best)
			best = each;
	}
	return best;
}

int
main(void)
{
	static const struct {
		const char *what;
		void (*fn)(void);
		size_t len;
	} works[] = { /* in this order: a writer writes what was parsed */
		{ "request, find end", find_request_end, sizeof(request) - 1 },
		{ "request, parse", parse_request, sizeof(request) - 1 },
		{ "request, write", write_request, sizeof(request) - 1 },
		{ "response, parse", parse_response, sizeof(response) - 1 },
		{ "response, write", write_response, sizeof(response) - 1 },
	};

	for (size_t i = 0; i < GW_COUNT(works); i++) {
		double ns = measure(works[i].fn);

		printf("%-20s %6.1f ns per head of %zu bytes\n", works[i].what,
		       ns, works[i].len);
	}
	return sink == 0;
}

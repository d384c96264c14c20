/* e2e_http.c — the road through the gateway: connections that stay, requests
 * in a row, what is ambiguous, what is broken behind. */
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(http, .timeout = 300);

#define HOST "Host: gateway.corp.example.com\r\n"

static size_t
occurrences(const char *s, const char *word)
{
	size_t n = 0;

	while ((s = strstr(s, word)) != NULL) {
		s += strlen(word);
		n++;
	}
	return n;
}

/* ---- good requests */

Test(http, keep_alive)
{
	CURL *h = handle_new();

	for (int i = 0; i < 20; i++) {
		struct answer a = FETCH(.card = "alice", .handle = h,
					.path = text("/echo/n%d", i));

		cr_assert_eq(a.status, 200, "request %d: %ld %s", i, a.status,
			     a.error);
		cr_expect_eq(a.connects, i == 0 ? 1 : 0,
			     "request %d made %ld connections", i, a.connects);
		cr_expect_str_eq(json_text(json_of(&a), "path"),
				 text("/echo/n%d", i));
	}
	curl_easy_cleanup(h);
}

Test(http, http_1_0_closes)
{
	struct wire *w = WIRE(.card = "alice");
	char *got;

	(void)wire_say(w, "GET /echo/ HTTP/1.0\r\n" HOST "\r\n");
	got = wire_read_until(w, NULL, 5000);
	cr_expect(contains(got, " 200 "), "%s", got);
	cr_expect(!contains(got, "chunked"), "chunks to HTTP/1.0: %s", got);
	cr_expect(wire_is_over(w, 100), "still open");
	wire_close(w);
}

static char *
in_a_row(void)
{
	return text("GET /echo/one HTTP/1.1\r\n" HOST "\r\n"
		    "POST /echo/two HTTP/1.1\r\n" HOST
		    "Content-Length: 5\r\n\r\nhello"
		    "POST /echo/three HTTP/1.1\r\n" HOST
		    "Transfer-Encoding: chunked\r\n\r\n"
		    "3\r\nabc\r\n0\r\n\r\n"
		    "GET /echo/four HTTP/1.1\r\n" HOST
		    "Connection: close\r\n\r\n");
}

static void
expect_row(const char *got)
{
	static const char *const paths[] = { "/echo/one", "/echo/two",
					     "/echo/three", "/echo/four" };
	const char *at = got;

	cr_expect_eq(occurrences(got, "HTTP/1.1 200"), 4, "%s", got);
	for (size_t i = 0; i < GW_COUNT(paths) && at != NULL; i++) {
		at = strstr(at, paths[i]);
		cr_expect(at != NULL, "%s is not in its place:\n%s", paths[i],
			  got);
	}
}

Test(http, pipelining)
{
	struct wire *w = WIRE(.card = "alice");

	(void)wire_say(w, in_a_row());
	expect_row(wire_read_until(w, NULL, 10000));
	wire_close(w);
}

/* The same in single bytes, each a TLS record of its own. */
Test(http, byte_by_byte)
{
	struct wire *w = WIRE(.card = "alice", .tls = 13);

	for (const char *p = in_a_row(); *p != '\0'; p++)
		cr_assert(wire_send(w, p, 1), "the connection broke");
	expect_row(wire_read_until(w, NULL, 10000));
	wire_close(w);
}

Test(http, head_has_no_body)
{
	struct wire *w = WIRE(.card = "alice");
	char *got;

	(void)wire_say(w, "HEAD /echo/ HTTP/1.1\r\n" HOST "\r\n"
			  "GET /echo/after HTTP/1.1\r\n" HOST
			  "Connection: close\r\n\r\n");
	got = wire_read_until(w, NULL, 8000);
	cr_expect_eq(occurrences(got, "HTTP/1.1 200"), 2, "%s", got);
	cr_expect_eq(occurrences(got, "\"method\""), 1, "%s", got);
	cr_expect(contains(got, "/echo/after"), "%s", got);
	wire_close(w);
}

Test(http, methods_and_statuses_pass)
{
	static const struct {
		const char *method;
		int status;
	} cases[] = { { "PUT", 200 }, { "DELETE", 404 }, { "PATCH", 500 },
		      { "OPTIONS", 201 }, { "GET", 301 }, { "GET", 418 } };

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct ask ask = { .card = "alice", .path =
			text("/echo/status/%d", cases[i].status) };
		CURL *h = handle_new();
		struct answer a;

		handle_set(h, &ask, &a);
		curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, cases[i].method);
		handle_run(h, &a);
		cr_expect_eq(a.status, cases[i].status, "%s: got %ld",
			     cases[i].method, a.status);
		cr_expect_str_eq(json_text(json_of(&a), "method"),
				 cases[i].method);
		curl_easy_cleanup(h);
	}
}

Test(http, continue_comes_before_the_body)
{
	struct wire *w = WIRE(.card = "alice");
	char *got;

	(void)wire_say(w, "POST /echo/ HTTP/1.1\r\n" HOST
			  "Expect: 100-continue\r\nConnection: close\r\n"
			  "Content-Length: 5\r\n\r\n");
	got = wire_read_until(w, "\r\n\r\n", 60000);
	cr_expect(contains(got, "HTTP/1.1 100"), "got: %s", got);
	(void)wire_say(w, "hello");
	got = wire_read_until(w, NULL, 5000);
	cr_expect(contains(got, "HTTP/1.1 200"), "got: %s", got);
	cr_expect(contains(got, "\"length\": 5"), "got: %s", got);
	wire_close(w);
}

/* Read by the echo itself, not by a route's upstream. */
Test(http, options_asterisk)
{
	struct wire *w = WIRE(.card = "alice",
			      .base = lab("GATEWAY_ANY_URL"));
	char *got;

	(void)wire_say(w, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"
			  "GET /echo/after HTTP/1.1\r\n" HOST
			  "Connection: close\r\n\r\n");
	got = wire_read_until(w, NULL, 8000);
	cr_expect_eq(occurrences(got, "HTTP/1.1 "), 2, "%s", got);
	cr_expect(!contains(got, "X-Gwd-Reason"), "refused: %s", got);
	cr_expect(contains(got, "/echo/after"), "%s", got);
	wire_close(w);
}

/* An upstream that answers without reading what is sent to it. */
Test(http, answer_before_the_upload_is_over)
{
	enum { PIECE = 65536, PIECES = 320 };
	char *piece = gw_xcalloc(1, PIECE);
	struct wire *w = WIRE(.card = "alice");
	char *got;

	(void)wire_say(w, text("GET /echo/stream?bytes=5&length=known "
			       "HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
			       PIECE * PIECES * 2));
	for (int i = 0; i < PIECES && wire_send(w, piece, PIECE); i++)
		;
	got = wire_read_until(w, NULL, 8000);
	cr_expect(contains(got, "HTTP/1.1 200"), "got: %s", got);
	cr_expect(contains(got, "Connection: close\r\n"), "got: %s", got);
	wire_close(w);
	free(piece);
}

/* By close_notify, by FIN, by both. */
Test(http, client_that_says_no_more_is_answered)
{
	for (int how = 1; how <= 3; how++) {
		struct wire *w = WIRE(.card = "alice");
		char *got;

		(void)wire_say(w, "GET /echo/slow?seconds=0.3 HTTP/1.1\r\n"
				  HOST "\r\n");
		if ((how & 1) != 0)
			wire_shut(w);
		if ((how & 2) != 0)
			wire_fin(w);
		got = wire_read_until(w, NULL, 5000);
		cr_expect(contains(got, "HTTP/1.1 200"), "%d: %s", how, got);
		cr_expect(contains(got, "\"method\": \"GET\""), "%d: %s",
			  how, got);
		wire_close(w);
	}
}

static const char *const upgrades[] = {
	"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
	"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\n",
	"Connection: HTTP2-Settings\r\nUpgrade: h2c\r\n",
	"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: TLS/1.2\r\n",
};

/* Past the switch nobody would read what passes. */
Test(http, smuggled_upgrade)
{
	for (size_t i = 0; i < GW_COUNT(upgrades); i++) {
		struct wire *w = WIRE(.card = "alice");
		char *got;

		(void)wire_say(w, text("GET /echo/ HTTP/1.1\r\n" HOST
				       "HTTP2-Settings: AAMAAABk\r\n%s\r\n"
				       "GET /echo/after HTTP/1.1\r\n" HOST
				       "Connection: close\r\n\r\n",
				       upgrades[i]));
		got = wire_read_until(w, NULL, 8000);
		cr_expect_eq(occurrences(got, "HTTP/1.1 200"), 2, "%s: %s",
			     upgrades[i], got);
		cr_expect(!contains(got, "pgrade") &&
			  !contains(got, "HTTP2-Settings"), "%s: %s",
			  upgrades[i], got);
		wire_close(w);
	}
}

/* ---- what stands behind is broken */

static void
expect_page(struct answer a, int status, const char *reason)
{
	cr_expect_eq(a.status, status, "got %ld %s: %s", a.status, a.error,
		     a.body);
	if (a.status == status)
		cr_expect_str_eq(json_text(json_of(&a), "reason"), reason);
}

Test(http, upstream_is_dead)
{
	char *dir = scratch_dir();
	struct gate g = gate_start(dir, conf_text(dir, "127.0.0.1:1"));

	expect_page(FETCH(.base = g.url, .card = "alice",
			  .accept = "application/json"), 502,
		    "upstream-unreachable");
	gate_stop(&g);
}

/* Twenty clients vanish in the middle of a body. */
Test(http, client_that_breaks_off_harms_nobody)
{
	CURL *h = handle_new();
	struct answer a = FETCH(.card = "alice", .handle = h);

	cr_assert_eq(a.status, 200);
	for (int i = 0; i < 20; i++) {
		struct wire *w = WIRE(.card = "alice");

		(void)wire_say(w, "POST /echo/ HTTP/1.1\r\n" HOST
				  "Content-Length: 100000\r\n\r\nhalf");
		wire_close(w);
	}
	a = FETCH(.card = "alice", .handle = h);
	cr_expect_eq(a.status, 200, "got %ld", a.status);
	cr_expect_eq(a.connects, 0, "the connection was lost");
	curl_easy_cleanup(h);
}

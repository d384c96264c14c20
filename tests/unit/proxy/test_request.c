/* test_request.c — requests as clients send them. What is refused comes
 * first. */
#include "rig.h"
#include "talk.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

TestSuite(request, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* ---- refused */

static const struct bad_request {
	const char *what, *text;
	int status;
} bad_requests[] = {
	{ "no HTTP", "hello\r\n\r\n", 400 },
	{ "two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
	  "Content-Length: 2\r\n\r\nab", 400 },
	{ "length and chunks", "POST / HTTP/1.1\r\nHost: h\r\n"
	  "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	  400 },
	{ "bad chunk", "POST /upload HTTP/1.1\r\nHost: h\r\n"
	  "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400 },
	{ "connect", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", 405 },
	{ "too large", "POST / HTTP/1.1\r\nHost: h\r\n"
	  "Content-Length: 99999999\r\n\r\n", 413 },
	{ "too large, chunked", "POST /upload HTTP/1.1\r\nHost: h\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n7d0\r\n", 413 },
	{ "expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n",
	  417 },
	{ "version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
	{ "no version", "GET / HTTP/1\r\nHost: h\r\n\r\n", 400 },
	{ "bad extension", "POST /upload HTTP/1.1\r\nHost: h\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n1;a[=b\r\n", 400 },
};

Test(request, bad_requests)
{
	static const struct rig_key keys[] = {
		{ "listener", "max_body", "1000" }, { NULL, NULL, NULL },
	};
	static const char filler[3000] = { 0 };
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(bad_requests); i++) {
		const struct bad_request *b = &bad_requests[i];
		int status;

		cr_assert(rig_connect(r, &c, 0));
		rig_send(&c, b->text);
		if (strstr(b->text, "7d0") != NULL)
			rig_send_bytes(&c, filler, 2000);
		status = rig_response(&c, NULL, NULL, NULL);
		cr_assert_eq(status, b->status, "%s: %d", b->what, status);
		cr_assert(rig_is_closed(&c), "%s", b->what);
		rig_close(&c);
	}
	rig_stop(r);
}

Test(request, head_too_large)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char line[1100];
	int status;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET / HTTP/1.1\r\nHost: h\r\n");
	memset(line, 'a', sizeof(line));
	memcpy(line, "X-Big: ", 7);
	memcpy(line + 1000, "\r\n", 3);
	for (int i = 0; i < 30; i++)
		rig_send(&c, line);
	status = rig_response(&c, NULL, NULL, NULL);
	cr_assert_eq(status, 431, "%d", status);
	rig_close(&c);
	rig_stop(r);
}

Test(request, slow_head)
{
	static const struct rig_key keys[] = {
		{ "listener", "header_timeout", "1s" },
		{ "listener", "idle_timeout", "1500ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET / HT");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 408);
	rig_close(&c);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/3", NULL, NULL), 200);
	cr_assert(rig_is_closed(&c));
	rig_close(&c);
	rig_stop(r);
}

Test(request, slow_body)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "400ms" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "POST /upload HTTP/1.1\r\nHost: h\r\n"
		     "Content-Length: 10\r\n\r\nabc");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 408);
	rig_close(&c);
	rig_stop(r);
}

/* All that comes until the end of the connection. */
static size_t
read_all(struct rig_client *c, char *buf, size_t cap)
{
	size_t len = 0;
	int n;

	while (len < cap - 1 &&
	       (n = rig_recv(c, buf + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return len;
}

static const struct { const char *what, *text, *status; } refused_heads[] = {
	{ "wrong", "HEAD / HTTP/1.1\r\nHost : h\r\n\r\n", "400" },
	{ "another version", "\r\nHEAD / HTTP/3.0\r\n\r\n", "505" },
	{ "never whole", "HEAD / HTTP/1.1\r\n", "408" },
};

/* The refusal of a HEAD has no body either (RFC 9110 9.3.2). */
Test(request, refused_head)
{
	static const struct rig_key keys[] = {
		{ "listener", "header_timeout", "1500ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char buf[4096];

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(refused_heads); i++) {
		const char *what = refused_heads[i].what;
		size_t len;

		cr_assert(rig_connect(r, &c, 0));
		rig_send(&c, refused_heads[i].text);
		len = read_all(&c, buf, sizeof(buf));
		cr_assert(len > 4 && strstr(buf, "\r\n\r\n") == buf + len - 4,
			  "%s: %s", what, buf);
		cr_assert(strncmp(buf + 9, refused_heads[i].status, 3) == 0,
			  "%s: %s", what, buf);
		cr_assert(strstr(buf, "\r\nContent-Length: ") != NULL);
		rig_close(&c);
	}
	rig_stop(r);
}

/* ---- admitted */

Test(request, head_method)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head, buf[512] = "";
	size_t len = 0;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "HEAD /bytes/777 HTTP/1.1\r\nHost: h\r\n\r\n");
	while (len < sizeof(buf) - 1 && strstr(buf, "\r\n\r\n") == NULL) {
		cr_assert(rig_recv(&c, buf + len, 1) == 1);
		len++;
	}
	cr_assert(strstr(buf, "Content-Length: 777\r\n") != NULL, "%s", buf);
	cr_assert_eq(rig_get(&c, "/bytes/5", &head, NULL), 200);
	free(head);
	rig_close(&c);
	rig_stop(r);
}

/* RFC 9110 9.3.7: about the server as a whole. */
Test(request, options_asterisk)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
	cr_assert_str_eq(body, "other");
	free(body);
	rig_send(&c, "GET * HTTP/1.1\r\nHost: h\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 400);
	rig_close(&c);
	rig_stop(r);
}

#define OPTIONS(path, fields) \
	"OPTIONS " path " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

/* RFC 9110 7.6.2: as far as the client wants, and no further. */
Test(request, options_not_to_be_forwarded)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head, *body;
	size_t len;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, OPTIONS("/denied/x", "Max-Forwards: 0\r\n"));
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 403);
	for (int i = 0; i < 2; i++) {
		rig_send(&c, OPTIONS("/head", "Max-Forwards: 00\r\n"));
		cr_assert_eq(rig_response(&c, &head, &body, &len), 200);
		cr_assert_eq(len, 0, "%s", body);
		cr_assert(strstr(head, "\r\nAllow: GET, HEAD,") != NULL, "%s",
			  head);
		free(head);
		free(body);
	}
	rig_send(&c, OPTIONS("/head", "Max-Forwards: 2\r\n"));
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
	cr_assert(strstr(body, "\r\nMax-Forwards: 1\r\n") != NULL, "%s",
		  body);
	free(body);
	/* what follows would be taken for a request */
	rig_send(&c, OPTIONS("/head", "Max-Forwards: 0\r\n"
			     "Content-Length: 37\r\n") GET("/"));
	cr_assert_eq(rig_response(&c, &head, NULL, NULL), 200);
	cr_assert(strstr(head, "\r\nConnection: close\r\n") != NULL, "%s",
		  head);
	free(head);
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), -1);
	rig_close(&c);
	rig_stop(r);
}

Test(request, pipelining)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 25; i++)
		rig_send(&c, GET("/bytes/100") GET("/chunked/200")
			 "POST /upload HTTP/1.1\r\nHost: h\r\n"
			 "Content-Length: 0\r\n\r\n" GET("/slow/1"));
	for (int i = 0; i < 25; i++) {
		cr_assert_eq(rig_response(&c, NULL, NULL, &len), 200);
		cr_assert_eq(len, 100);
		cr_assert_eq(rig_response(&c, NULL, NULL, &len), 200);
		cr_assert_eq(len, 200);
		cr_assert_eq(rig_response(&c, NULL, NULL, &len), 200);
		cr_assert_eq(rig_response(&c, NULL, NULL, &len), 200);
		cr_assert_eq(len, 4);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(request, half_closed_client)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, GET("/slow/300"));
	SSL_shutdown(c.ssl);
	shutdown(c.fd, SHUT_WR);
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 200);
	cr_assert(rig_is_closed(&c));
	rig_close(&c);
	rig_stop(r);
}

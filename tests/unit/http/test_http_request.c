/* Requests: what is refused, by which rule and status, then what is read. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cases.h"

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define OPTIONS "OPTIONS / HTTP/1.1\r\n" HOST
#define TEXT(s) s, sizeof(s) - 1

static const struct refusal {
	const char *head;
	size_t len;
	int status;
	const char *rule;
} refusals[] = {
	/* lines */
	{ TEXT(""), 400, "head-end" },
	{ TEXT("\r\n"), 400, "head-end" },
	{ TEXT("\r\n\r\n"), 400, "head-end" },
	{ TEXT(GET HOST), 400, "head-end" },
	{ TEXT(GET HOST "\r"), 400, "head-end" },
	{ TEXT(GET HOST "\r\nx"), 400, "head-end" },
	{ TEXT(GET HOST "\r\n\r\n"), 400, "head-end" },
	{ TEXT("\r\n\r\n\r\n" GET HOST "\r\n"), 400, "empty-lines" },
	{ TEXT("\n" GET HOST "\r\n"), 400, "bare-lf" },
	{ TEXT("\r" GET HOST "\r\n"), 400, "bare-cr" },
	{ TEXT("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400, "bare-lf" },
	{ TEXT(GET "Host: a\n\r\n"), 400, "bare-lf" },
	{ TEXT(GET HOST "\n"), 400, "bare-lf" },
	{ TEXT(GET HOST "X\n: a\r\n\r\n"), 400, "bare-lf" },
	{ TEXT("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400, "bare-cr" },
	{ TEXT(GET "Host: a\rX: b\r\n\r\n"), 400, "bare-cr" },
	{ TEXT(GET "X: b\r\r\nHost: a\r\n\r\n"), 400, "bare-cr" },
	{ TEXT(GET HOST "\rX: a\r\n\r\n"), 400, "bare-cr" },
	{ TEXT(GET HOST "X\r: a\r\n\r\n"), 400, "bare-cr" },
	/* method */
	{ TEXT(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400, "method-token" },
	{ TEXT("G(T / HTTP/1.1\r\n" HOST "\r\n"), 400, "method-token" },
	{ TEXT("G\0T / HTTP/1.1\r\n" HOST "\r\n"), 400, "method-token" },
	{ TEXT("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400, "method-token" },
	{ TEXT("GET\r\n" HOST "\r\n"), 400, "method-token" },
	{ TEXT("G\xc3\x84T / HTTP/1.1\r\n" HOST "\r\n"), 400, "method-token" },
	{ TEXT("\x16\x03\x01\x02\n"), 400, "method-token" },
	{ TEXT("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1\r\n" HOST "\r\n"),
	  501, "method-too-long" },
	{ TEXT("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n"), 405,
	  "method-refused" },
	{ TEXT("connect / HTTP/1.1\r\n" HOST "\r\n"), 405, "method-refused" },
	{ TEXT("TRACE / HTTP/1.1\r\n" HOST "\r\n"), 405, "method-refused" },
	{ TEXT("TRACK / HTTP/1.1\r\n" HOST "\r\n"), 405, "method-refused" },
	{ TEXT("Get / HTTP/1.1\r\n" HOST "\r\n"), 400, "method-case" },
	{ TEXT("head / HTTP/1.1\r\n" HOST "\r\n"), 400, "method-case" },
	/* target */
	{ TEXT("GET / \r\n" HOST "\r\n"), 400, "request-line" },
	{ TEXT("GET /\r\n\r\n"), 400, "request-line" },
	{ TEXT("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400, "request-line" },
	{ TEXT("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400, "request-line" },
	{ TEXT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400, "request-line" },
	{ TEXT("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400, "request-line" },
	{ TEXT("GET / HTTP/1.1\t\r\n" HOST "\r\n"), 400, "request-line" },
	{ TEXT("GET /\tHTTP/1.1\r\n" HOST "\r\n"), 400, "target-character" },
	{ TEXT("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400, "target-character" },
	{ TEXT("GET /\x7f HTTP/1.1\r\n" HOST "\r\n"), 400, "target-character" },
	{ TEXT("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"), 400,
	  "target-character" },
	{ TEXT("GET /\" HTTP/1.1\r\n" HOST "\r\n"), 400, "target-character" },
	{ TEXT("GET /#a HTTP/1.1\r\n" HOST "\r\n"), 400, "target-fragment" },
	{ TEXT("GET /\n HTTP/1.1\r\n" HOST "\r\n"), 400, "bare-lf" },
	{ TEXT("GET /\ra HTTP/1.1\r\n" HOST "\r\n"), 400, "bare-cr" },
	{ TEXT("GET * HTTP/1.1\r\n" HOST "\r\n"), 400, "target-form" },
	{ TEXT("GET a:443 HTTP/1.1\r\n" HOST "\r\n"), 400, "target-form" },
	{ TEXT("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"), 400,
	  "target-scheme" },
	{ TEXT("GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n"), 400,
	  "target-userinfo" },
	{ TEXT("GET http://b/ HTTP/1.1\r\n" HOST "\r\n"), 400,
	  "target-authority" },
	{ TEXT("GET /a/../b HTTP/1.1\r\n" HOST "\r\n"), 400,
	  "path-not-plain" },
	{ TEXT("GET /a\\b HTTP/1.1\r\n" HOST "\r\n"), 400, "path-not-plain" },
	/* version: none at all, or another */
	{ TEXT("GET / HTTP/1.x\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/1.:\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/x.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/1.10\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/1.\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/11\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/01.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/1.01\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/1,1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/+1.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / http/1.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / Http/1.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP-1.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTPS/1.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / ICY/1.1\r\n" HOST "\r\n"), 400, "version-form" },
	{ TEXT("GET / HTTP/ 1.1\r\n" HOST "\r\n"), 400, "request-line" },
	{ TEXT("GET / HTTP/1.2\r\n\r\n"), 400, "host-missing" },
	{ TEXT("GET / HTTP/2.0\r\n" HOST "\r\n"), 505, "version" },
	{ TEXT("PRI * HTTP/2.0\r\n\r\n"), 505, "version" },
	{ TEXT("GET / HTTP/0.9\r\n" HOST "\r\n"), 505, "version" },
	{ TEXT("GET / HTTP/9.9\r\n" HOST "\r\n"), 505, "version" },
	{ TEXT("GET / HTTP/1.1\0\r\n" HOST "\r\n"), 400, "value-nul" },
	{ TEXT("GET / HTTP/1.1\v\r\n" HOST "\r\n"), 400, "value-control" },
	/* field lines */
	{ TEXT(GET " X: a\r\n" HOST "\r\n"), 400, "obs-fold" },
	{ TEXT(GET HOST "X: a\r\n b\r\n\r\n"), 400, "obs-fold" },
	{ TEXT(GET HOST "X: a\r\n\tb\r\n\r\n"), 400, "obs-fold" },
	{ TEXT(GET HOST "X: a\r\n \r\n\r\n"), 400, "obs-fold" },
	{ TEXT(GET HOST ": a\r\n\r\n"), 400, "name-empty" },
	{ TEXT(GET "Host : a\r\n\r\n"), 400, "name-space" },
	{ TEXT(GET "Host\t: a\r\n\r\n"), 400, "name-space" },
	{ TEXT(GET HOST "X y: a\r\n\r\n"), 400, "name-space" },
	{ TEXT(GET HOST "X\0: a\r\n\r\n"), 400, "name-character" },
	{ TEXT(GET HOST "X\v: a\r\n\r\n"), 400, "name-character" },
	{ TEXT(GET HOST "X/y: a\r\n\r\n"), 400, "name-character" },
	{ TEXT(GET HOST "(X): a\r\n\r\n"), 400, "name-character" },
	{ TEXT(GET HOST "X\xc3\xa4: a\r\n\r\n"), 400, "name-character" },
	{ TEXT(GET HOST "\"X\": a\r\n\r\n"), 400, "name-character" },
	{ TEXT(GET HOST "X\r\n\r\n"), 400, "no-colon" },
	{ TEXT(GET HOST "X: a\0b\r\n\r\n"), 400, "value-nul" },
	{ TEXT(GET HOST "X: \0\r\n\r\n"), 400, "value-nul" },
	{ TEXT(GET HOST "X: abcdefgh\0ijklmnop\r\n\r\n"), 400, "value-nul" },
	{ TEXT(GET HOST "X: a\x01\r\n\r\n"), 400, "value-control" },
	{ TEXT(GET HOST "X: a\vb\r\n\r\n"), 400, "value-control" },
	{ TEXT(GET HOST "X: a\x7f\r\n\r\n"), 400, "value-control" },
	{ TEXT(GET HOST "X: a\x1b[2J\r\n\r\n"), 400, "value-control" },
	{ TEXT(GET HOST "X: \b\r\n\r\n"), 400, "value-control" },
	/* Host */
	{ TEXT(GET "\r\n"), 400, "host-missing" },
	{ TEXT(GET "Hosts: a\r\n\r\n"), 400, "host-missing" },
	{ TEXT("GET http://a/ HTTP/1.1\r\n\r\n"), 400, "host-missing" },
	{ TEXT(GET HOST HOST "\r\n"), 400, "host-twice" },
	{ TEXT(GET HOST "hOST: b\r\n\r\n"), 400, "host-twice" },
	{ TEXT("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), 400, "host-twice" },
	{ TEXT(GET "Host:\r\n\r\n"), 400, "host-empty" },
	{ TEXT(GET "Host: \t \r\n\r\n"), 400, "host-empty" },
	{ TEXT(GET "Host: a b\r\n\r\n"), 400, "host-invalid" },
	{ TEXT(GET "Host: a, b\r\n\r\n"), 400, "host-invalid" },
	{ TEXT(GET "Host: a/b\r\n\r\n"), 400, "host-invalid" },
	{ TEXT(GET "Host: u@a\r\n\r\n"), 400, "host-invalid" },
	{ TEXT(GET "Host: a:b\r\n\r\n"), 400, "host-invalid" },
	{ TEXT(GET "Host: http://a\r\n\r\n"), 400, "host-invalid" },
	{ TEXT(GET "Host: a\x80\r\n\r\n"), 400, "host-invalid" },
	/* Content-Length */
	{ TEXT(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400,
	  "length-twice" },
	{ TEXT(POST "Content-Length: 5\r\ncontent-length: 6\r\n\r\n"), 400,
	  "length-twice" },
	{ TEXT(POST "Content-Length:\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: \t\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 5, 5\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 5,\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: +5\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: -5\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: -0\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 0x5\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: f\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 5 5\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 5\t5\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 5;a\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 5.0\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 1e1\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: \"5\"\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: \xb2\r\n\r\n"), 400, "length-value" },
	{ TEXT(POST "Content-Length: 9223372036854775808\r\n\r\n"), 400,
	  "length-value" },
	{ TEXT(POST "Content-Length: 18446744073709551621\r\n\r\n"), 400,
	  "length-value" },
	{ TEXT(POST "Content-Length: 00000000000000000005\r\n\r\n"), 400,
	  "length-value" },
	{ TEXT(POST "Content_Length: 5\r\n\r\n"), 400, "name-alias" },
	{ TEXT(POST "Content-Length : 5\r\n\r\n"), 400, "name-space" },
	/* Transfer-Encoding */
	{ TEXT(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	  400, "length-and-coding" },
	{ TEXT(POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  400, "length-and-coding" },
	{ TEXT(POST "Transfer-Encoding: chunked\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n"),
	  400, "coding-twice" },
	{ TEXT(POST "Transfer-Encoding: chunked\r\n"
		    "transfer-encoding: identity\r\n\r\n"),
	  400, "coding-twice" },
	{ TEXT(POST "Transfer-Encoding:\r\n\r\n"), 400, "coding-value" },
	{ TEXT(POST "Transfer-Encoding: identity\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: chunked, identity\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: chunked;a=b\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: chunked,\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: ,chunked\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: xchunked\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: chunked\x80\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT(POST "Transfer-Encoding: \vchunked\r\n\r\n"), 400,
	  "value-control" },
	{ TEXT(POST "Transfer-Encoding:\r\n chunked\r\n\r\n"), 400,
	  "coding-value" },
	{ TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
	  "coding-version" },
	{ TEXT(POST "Transfer_Encoding: chunked\r\n\r\n"), 400, "name-alias" },
	/* Connection */
	{ TEXT(GET HOST "Connection: \"close\"\r\n\r\n"), 400,
	  "connection-option" },
	{ TEXT(GET HOST "Connection: close keep-alive\r\n\r\n"), 400,
	  "connection-option" },
	{ TEXT(GET HOST "Connection: close;a\r\n\r\n"), 400,
	  "connection-option" },
	{ TEXT(GET HOST "Connection: Content-Length\r\n\r\n"), 400,
	  "connection-framing" },
	{ TEXT(GET HOST "Connection: close, transfer-encoding\r\n\r\n"), 400,
	  "connection-framing" },
	{ TEXT(GET HOST "Connection: host\r\n\r\n"), 400,
	  "connection-framing" },
	{ TEXT(GET HOST "Connection: content_length\r\n\r\n"), 400,
	  "connection-framing" },
	{ TEXT(GET HOST "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n"
			"Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n"),
	  400, "connection-options" },
	/* Expect, Upgrade */
	{ TEXT(POST "Expect: 200-ok\r\n\r\n"), 417, "expectation" },
	{ TEXT(POST "Expect:\r\n\r\n"), 417, "expectation" },
	{ TEXT(POST "Expect: 100-continue, x\r\n\r\n"), 417, "expectation" },
	{ TEXT(POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n"),
	  417, "expectation" },
	{ TEXT(OPTIONS "Max-Forwards:\r\n\r\n"), 400, "max-forwards" },
	{ TEXT(OPTIONS "Max-Forwards: -1\r\n\r\n"), 400, "max-forwards" },
	{ TEXT(OPTIONS "Max-Forwards: +1\r\n\r\n"), 400, "max-forwards" },
	{ TEXT(OPTIONS "Max-Forwards: 1, 1\r\n\r\n"), 400, "max-forwards" },
	{ TEXT(OPTIONS "Max-Forwards: 0x1\r\n\r\n"), 400, "max-forwards" },
	{ TEXT(OPTIONS "Max-Forwards: 99999999999999999999x\r\n\r\n"), 400,
	  "max-forwards" },
	{ TEXT(OPTIONS "Max-Forwards: 1\r\nMax-Forwards: 1\r\n\r\n"), 400,
	  "max-forwards" },
	{ TEXT(OPTIONS "Max-Forwards: 9\r\nmax_forwards: 0\r\n\r\n"), 400,
	  "max-forwards" },
	{ TEXT("TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 0\r\n\r\n"), 405,
	  "method-refused" },
	{ TEXT(GET HOST "Upgrade: websocket\r\nUpgrade: websocket\r\n\r\n"),
	  400, "upgrade-twice" },
	{ TEXT(GET HOST "Upgrade:\r\n\r\n"), 400, "upgrade-value" },
	{ TEXT(GET HOST "Upgrade: web socket/\r\n\r\n"), 400,
	  "upgrade-value" },
	{ TEXT(GET HOST "Upgrade: a/\r\n\r\n"), 400, "upgrade-value" },
	{ TEXT(GET HOST "Upgrade: a;b\r\n\r\n"), 400, "upgrade-value" },
	{ TEXT(GET HOST "Upgrade: a/b/c\r\n\r\n"), 400, "upgrade-value" },
	{ TEXT(POST "Upgrade: websocket\r\nConnection: upgrade\r\n"
		    "Content-Length: 1\r\n\r\n"),
	  400, "upgrade-body" },
	{ TEXT(POST "Upgrade: websocket\r\nConnection: upgrade\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n"),
	  400, "upgrade-body" },
};

Test(request, refused)
{
	static struct gw_http_msg m;

	for (size_t i = 0; i < GW_COUNT(refusals); i++) {
		const struct refusal *c = &refusals[i];
		struct gw_error err = { 0 };
		enum gw_err code = gw_http_parse_request(
			c->head, c->len, &test_limits, &m, &err);

		cr_expect_eq(gw_err_http_status(code), c->status,
			     "%zu: %s: %s", i, c->head, err.detail);
		cr_expect_eq(code, err.code);
		cr_expect(names_rule(&err, c->rule), "%zu: %s: not %s but %s",
			  i, c->head, c->rule, err.detail);
	}
}

/* ---- limits */

static enum gw_err
parse(const char *head, size_t len, struct gw_error *err)
{
	static struct gw_http_msg m;

	return gw_http_parse_request(head, len, &test_limits, &m, err);
}

static size_t
with_target(char *buf, size_t cap, size_t target_len)
{
	memset(buf, 'a', cap);
	memcpy(buf, "GET /", 5);
	return 4 + target_len +
	       (size_t)snprintf(buf + 4 + target_len, 64,
				" HTTP/1.1\r\nHost: a\r\n\r\n");
}

Test(request, target_limit)
{
	struct gw_error err;
	char buf[4096];
	size_t len;

	len = with_target(buf, sizeof(buf), test_limits.target_max);
	cr_expect_eq(parse(buf, len, &err), GW_ERR_OK);
	len = with_target(buf, sizeof(buf), test_limits.target_max + 1);
	cr_expect_eq(parse(buf, len, &err), GW_ERR_HTTP_URI_TOO_LONG);
	cr_expect(names_rule(&err, "target-too-long"));
}

Test(request, head_limit)
{
	static char buf[20000];
	struct gw_error err;
	size_t n;

	memset(buf, 'v', sizeof(buf));
	n = (size_t)snprintf(buf, 64, GET HOST "X: ");
	buf[n] = 'v';
	memcpy(buf + test_limits.head_max - 4, "\r\n\r\n", 4);
	cr_expect_eq(parse(buf, test_limits.head_max, &err), GW_ERR_OK);
	cr_expect_eq(parse(buf, test_limits.head_max + 1, &err),
		     GW_ERR_HTTP_HEADER_TOO_LARGE);
	cr_expect(names_rule(&err, "head-too-long"));
	memset(buf, 'a', sizeof(buf));
	cr_expect_eq(parse(buf, sizeof(buf), &err), GW_ERR_HTTP_BAD_REQUEST,
		     "one token");
	cr_expect(names_rule(&err, "method-endless"));
	memcpy(buf, "GET /", 5);
	cr_expect_eq(parse(buf, sizeof(buf), &err), GW_ERR_HTTP_URI_TOO_LONG,
		     "an endless target");
	cr_expect(names_rule(&err, "target-too-long"));
}

Test(request, field_limit)
{
	struct gw_error err;
	char buf[2048];
	size_t n;

	for (size_t count = 127; count <= 128; count++) {
		n = (size_t)snprintf(buf, sizeof(buf), GET HOST);
		for (size_t i = 0; i < count; i++)
			n += (size_t)snprintf(buf + n, sizeof(buf) - n,
					      "X: a\r\n");
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "\r\n");
		cr_expect_eq(parse(buf, n, &err),
			     count < 128 ? GW_ERR_OK
					 : GW_ERR_HTTP_HEADER_TOO_LARGE);
	}
	cr_expect(names_rule(&err, "too-many-fields"));
}

/* ---- what is read */

static const struct reading {
	const char *head;
	enum gw_http_framing framing;
	uint64_t length;
	bool keep_alive, expects;
	const char *upgrade; /* NULL: none wanted */
} readings[] = {
	{ GET HOST "\r\n", GW_BODY_NONE, 0, true, false, NULL },
	{ "\r\n\r\n" GET HOST "\r\n", GW_BODY_NONE, 0, true, false, NULL },
	{ GET HOST "Connection: close\r\n\r\n", GW_BODY_NONE, 0, false, false,
	  NULL },
	{ GET HOST "Connection: , ,CLOSE,\r\n\r\n", GW_BODY_NONE, 0, false,
	  false, NULL },
	{ GET HOST "Connection: x\r\nConnection: close\r\n\r\n", GW_BODY_NONE,
	  0, false, false, NULL },
	{ GET HOST "Connection: keep-alive, close\r\n\r\n", GW_BODY_NONE, 0,
	  false, false, NULL },
	{ GET HOST "Connection:\r\n\r\n", GW_BODY_NONE, 0, true, false, NULL },
	{ "GET / HTTP/1.0\r\n\r\n", GW_BODY_NONE, 0, false, false, NULL },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", GW_BODY_NONE, 0,
	  true, false, NULL },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
	  GW_BODY_NONE, 0, false, false, NULL },
	{ POST "Content-Length: 0\r\n\r\n", GW_BODY_LENGTH, 0, true, false,
	  NULL },
	{ POST "Content-Length:5\r\n\r\n", GW_BODY_LENGTH, 5, true, false,
	  NULL },
	{ POST "CONTENT-LENGTH: \t 007 \t\r\n\r\n", GW_BODY_LENGTH, 7, true,
	  false, NULL },
	{ POST "Content-Length: 9223372036854775807\r\n\r\n", GW_BODY_LENGTH,
	  INT64_MAX, true, false, NULL },
	{ POST "Transfer-Encoding: cHunked\r\n\r\n", GW_BODY_CHUNKED, 0, true,
	  false, NULL },
	{ POST "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n",
	  GW_BODY_LENGTH, 5, true, true, NULL },
	{ POST "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
	  GW_BODY_CHUNKED, 0, true, true, NULL },
	{ POST "Expect: 100-continue\r\n\r\n", GW_BODY_NONE, 0, true, false,
	  NULL },
	{ "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n"
	  "\r\n",
	  GW_BODY_LENGTH, 5, false, false, NULL },
	{ GET HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	  GW_BODY_NONE, 0, true, false, "websocket" },
	{ GET HOST "Connection: keep-alive, upgrade\r\nUpgrade: a/1\r\n\r\n",
	  GW_BODY_NONE, 0, true, false, "a/1" },
	{ GET HOST "Content-Length: 0\r\nConnection: upgrade\r\n"
	  "Upgrade: websocket\r\n\r\n",
	  GW_BODY_LENGTH, 0, true, false, "websocket" },
	{ GET HOST "Expect: 100-continue\r\nConnection: upgrade\r\n"
	  "Upgrade: websocket\r\n\r\n",
	  GW_BODY_NONE, 0, true, false, NULL },
	{ GET HOST "Upgrade: websocket\r\n\r\n", GW_BODY_NONE, 0, true, false,
	  NULL },
	{ GET HOST "Connection: upgrade\r\n\r\n", GW_BODY_NONE, 0, true, false,
	  NULL },
	{ GET HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", GW_BODY_NONE,
	  0, true, false, NULL },
	{ GET HOST "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n",
	  GW_BODY_NONE, 0, true, false, NULL },
	{ GET HOST "Connection: upgrade\r\nUpgrade: TLS/1.0\r\n\r\n",
	  GW_BODY_NONE, 0, true, false, NULL },
	{ GET HOST "Connection: upgrade\r\nUpgrade: a, websocket\r\n\r\n",
	  GW_BODY_NONE, 0, true, false, NULL },
	{ POST "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n"
	       "\r\n",
	  GW_BODY_LENGTH, 1, true, false, NULL },
	{ "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
	  "\r\n",
	  GW_BODY_NONE, 0, false, false, NULL },
};

Test(request, read)
{
	static struct gw_http_msg m;

	for (size_t i = 0; i < GW_COUNT(readings); i++) {
		const struct reading *c = &readings[i];
		struct gw_error err = { 0 };
		size_t len = strlen(c->head);

		cr_expect_eq(gw_http_parse_request(c->head, len, &test_limits,
						   &m, &err),
			     GW_ERR_OK, "%s: %s", c->head, err.detail);
		cr_expect_eq(m.framing, c->framing, "%s", c->head);
		cr_expect_eq(m.content_length, c->length, "%s", c->head);
		cr_expect_eq(m.keep_alive, c->keep_alive, "%s", c->head);
		cr_expect_eq(m.expects_continue, c->expects, "%s", c->head);
		cr_expect_eq(m.wants_upgrade, c->upgrade != NULL, "%s",
			     c->head);
		cr_expect(c->upgrade == NULL || str_is(m.upgrade, c->upgrade));
		cr_expect_eq(m.head_len, len);
	}
}

Test(request, whole)
{
	static const char head[] =
		"HEAD /a/b?c=d HTTP/1.1\r\n"
		"Host: desk.example.com:8443\r\n"
		"Accept:*/*\r\n"
		"X-Empty:\r\n"
		"X-Tab:\ta\tb \t\r\n"
		"X-Text: \x80\xff\r\n"
		"Cookie: a=b\r\n"
		"Connection: close, X-Mine\r\n"
		"x-MINE: 1\r\n"
		"X_Forwarded_For: 192.0.2.1\r\n"
		"\r\n";
	static const struct {
		const char *name, *value;
		enum gw_http_name id;
		bool is_hop;
	} want[] = {
		{ "Host", "desk.example.com:8443", GW_HF_HOST, false },
		{ "Accept", "*/*", GW_HF_ACCEPT, false },
		{ "X-Empty", "", GW_HF_OTHER, false },
		{ "X-Tab", "a\tb", GW_HF_OTHER, false },
		{ "X-Text", "\x80\xff", GW_HF_OTHER, false },
		{ "Cookie", "a=b", GW_HF_OTHER, false },
		{ "Connection", "close, X-Mine", GW_HF_CONNECTION, true },
		{ "x-MINE", "1", GW_HF_OTHER, true },
		{ "X_Forwarded_For", "192.0.2.1", GW_HF_X_FORWARDED_FOR,
		  false },
	};
	static struct gw_http_msg m;

	cr_assert_eq(gw_http_parse_request(head, sizeof(head) - 1,
					   &test_limits, &m, NULL),
		     GW_ERR_OK);
	cr_expect(str_is(m.method, "HEAD") && m.is_head);
	cr_expect(str_is(m.target, "/a/b?c=d"));
	cr_expect(str_is(m.path, "/a/b?c=d"));
	cr_expect(str_is(m.host, "desk.example.com:8443"));
	cr_expect_eq(m.minor, 1);
	cr_assert_eq(m.field_count, GW_COUNT(want));
	for (size_t i = 0; i < GW_COUNT(want); i++) {
		const struct gw_http_field *f = &m.field[i];

		cr_expect(str_is(f->name, want[i].name), "%s", want[i].name);
		cr_expect(str_is(f->value, want[i].value), "%s", want[i].name);
		cr_expect_eq(f->id, want[i].id, "%s", want[i].name);
		cr_expect_eq(f->is_hop, want[i].is_hop, "%s", want[i].name);
	}
}

/* Whatever is cut off or changed, a head either is refused or ends where it
 * should; nothing is read beyond it (the sanitizers watch). */
Test(request, truncated_anywhere)
{
	static const char head[] = "\r\nPOST http://a:1/b HTTP/1.1\r\n"
				   "Host: a:1\r\nContent-Length: 12\r\n"
				   "Connection: close, x\r\nX: y\r\n\r\n";
	struct gw_error err;

	for (size_t n = 0; n < sizeof(head) - 1; n++) {
		char *copy = malloc(n + 1);

		cr_assert(copy != NULL);
		memcpy(copy, head, n);
		cr_expect_neq(parse(copy, n, &err), GW_ERR_OK, "%zu", n);
		free(copy);
	}
	cr_expect_eq(parse(head, sizeof(head) - 1, &err), GW_ERR_OK);
}

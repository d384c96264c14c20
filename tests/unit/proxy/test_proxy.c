/* test_proxy.c — gwd-proxy as a whole, between the others' places (rig.h).
 * What is refused comes first. */
#include "rig.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(proxy, .timeout = 60);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

static bool
is_pattern(const char *body, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)body[i] != rig_byte(i))
			return false;
	return true;
}

#define GET(path) \
	"GET " path " HTTP/1.1\r\nHost: vdi.example.com\r\n\r\n"

/* ---- refused */

static const struct refusal {
	const char *what;
	enum gw_err reason;
	int flags;
	const char *accept, *holds;
} refusals[] = {
	{ "revoked", GW_ERR_CERT_REVOKED, 0, "*/*", "<!DOCTYPE html>" },
	{ "revoked, 1.2", GW_ERR_CERT_REVOKED, RIG_TLS12, "text/html",
	  "cert-revoked" },
	{ "as JSON", GW_ERR_ACCOUNT_DISABLED, 0, "application/json",
	  "{\"reason\":\"account-disabled\",\"status\":403," },
	{ "JSON worth less", GW_ERR_POLICY_DENIED, 0,
	  "application/json;q=0.5, text/html", "<!DOCTYPE html>" },
	{ "for now", GW_ERR_KDC_UNREACHABLE, 0, "*/*", "kdc-unreachable" },
	{ "no card", GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD, "*/*",
	  "tls-no-certificate" },
	{ "no card, 1.2", GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD | RIG_TLS12,
	  "*/*", "tls-no-certificate" },
};

static void
check_refusal(struct rig *r, const struct refusal *x)
{
	struct rig_client c;
	char request[256], *head, *body;
	int status;

	rig_answer(r, &(struct rig_answer){ .reason = x->reason });
	cr_assert(rig_connect(r, &c, x->flags), "%s: handshake", x->what);
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: h\r\n"
		 "Accept: %s\r\n\r\n", x->accept);
	rig_send(&c, request);
	status = rig_response(&c, &head, &body, NULL);
	cr_assert_eq(status, gw_err_http_status(x->reason), "%s: %d", x->what,
		     status);
	cr_assert(strstr(body, x->holds) != NULL, "%s: %s", x->what, body);
	cr_assert(strstr(head, gw_err_name(x->reason)) != NULL, "%s", head);
	cr_assert(strstr(head, "no-store") != NULL);
	cr_assert(strstr(head, "Connection: close") != NULL);
	cr_assert_eq(strstr(head, "Retry-After") != NULL, status == 503);
	cr_assert(rig_is_closed(&c, 2000), "%s: stays open", x->what);
	free(head);
	free(body);
	rig_close(&c);
}

Test(proxy, denied_page)
{
	struct rig *r = rig_start(NULL);

	for (size_t i = 0; i < GW_COUNT(refusals); i++)
		check_refusal(r, &refusals[i]);
	cr_assert_eq(rig_leaves(r), 0);
	rig_stop(r);
}

Test(proxy, denied_never_reaches_upstream)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *status;

	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_CERT_EKU });
	cr_assert(rig_connect(r, &c, 0));
	/* no HTTP at all: still the page, once enough has come */
	for (int i = 0; i < 9000; i++)
		rig_send(&c, "x");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 403);
	rig_close(&c);
	status = rig_status(r);
	cr_assert(strstr(status, "\"requests\":0,\"tunnels\":0") != NULL, "%s",
		  status);
	cr_assert(strstr(status, "\"denied\":1") != NULL, "%s", status);
	free(status);
	rig_stop(r);
}

static const struct alert {
	enum gw_err reason;
	int flags;
	const char *name;
} alerts[] = {
	{ GW_ERR_CERT_REVOKED, 0, "certificate revoked" },
	{ GW_ERR_CERT_REVOKED, RIG_TLS12, "certificate revoked" },
	{ GW_ERR_CERT_EXPIRED, 0, "certificate expired" },
	{ GW_ERR_CERT_EXPIRED, RIG_TLS12, "certificate expired" },
	{ GW_ERR_CERT_UNTRUSTED, 0, "unknown ca" },
	{ GW_ERR_CERT_NOT_YET_VALID, 0, "bad certificate" },
	{ GW_ERR_CERT_MALFORMED, 0, "bad certificate" },
	{ GW_ERR_CERT_WEAK_KEY, 0, "bad certificate" },
	{ GW_ERR_CERT_BAD_SIGNATURE, 0, "decrypt error" },
	{ GW_ERR_CERT_EKU, 0, "unsupported certificate" },
	{ GW_ERR_ACCOUNT_DISABLED, 0, "access denied" },
	{ GW_ERR_POLICY_GROUP, RIG_TLS12, "access denied" },
	{ GW_ERR_KDC_UNREACHABLE, 0, "internal error" },
	{ GW_ERR_KDC_UNREACHABLE, RIG_TLS12, "internal error" },
	{ GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD, "certificate required" },
	{ GW_ERR_TLS_NO_CERTIFICATE, RIG_NO_CARD | RIG_TLS12,
	  "handshake failure" },
};

Test(proxy, denied_alert)
{
	static const struct rig_key keys[] = {
		{ "listener", "denied", "alert" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char byte;

	for (size_t i = 0; i < GW_COUNT(alerts); i++) {
		rig_answer(r, &(struct rig_answer){
			.reason = alerts[i].reason });
		/* in 1.3 the client learns of it at its first read */
		if (rig_connect(r, &c, alerts[i].flags))
			cr_assert(rig_recv(&c, &byte, 1) < 0, "%zu", i);
		cr_assert(strstr(c.alert, alerts[i].name) != NULL, "%s: %s",
			  gw_err_name(alerts[i].reason), c.alert);
		rig_close(&c);
	}
	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/10", NULL, NULL), 200);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, no_auth_no_entry)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c, old;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &old, 0));
	cr_assert_eq(rig_get(&old, "/bytes/1", NULL, NULL), 200);
	rig_unlink(r);
	usleep(100000);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", &body, NULL), 503);
	cr_assert(strstr(body, "auth-unavailable") != NULL, "%s", body);
	free(body);
	rig_close(&c);
	/* who is in stays in, and new ones come in again afterwards */
	cr_assert_eq(rig_get(&old, "/bytes/1", NULL, NULL), 200);
	rig_link(r);
	usleep(100000);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	/* the session of the gwd-auth that is gone is nobody's to leave */
	rig_close(&old);
	cr_assert_eq(rig_leaves(r), 1);
	rig_stop(r);
}

Test(proxy, auth_dies_while_asked)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	cr_assert(rig_connect(r, &c, 0)); /* 1.3: done for the client */
	while (rig_admits(r) == 0)
		usleep(1000);
	rig_unlink(r);
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 503);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, verdict_never_comes)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "500ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 503);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, verdict_too_late_is_left)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "200ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = 600 });
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 503);
	rig_close(&c);
	usleep(600000);
	cr_assert_eq(rig_leaves(r), 1);
	rig_stop(r);
}

/* Clients that go away while their job is paused, in numbers. */
Test(proxy, leaves_while_judged)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c[20];

	rig_answer(r, &(struct rig_answer){ .delay_ms = 300 });
	for (size_t i = 0; i < GW_COUNT(c); i++)
		cr_assert(rig_connect(r, &c[i], 0));
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		struct linger reset = { .l_onoff = 1 };

		setsockopt(c[i].fd, SOL_SOCKET, SO_LINGER, &reset,
			   sizeof(reset));
		rig_close(&c[i]);
	}
	usleep(500000);
	cr_assert_eq(rig_leaves(r), rig_admits(r));
	rig_stop(r);
}

/* More at once than one message tells of: each is told of once. */
Test(proxy, many_go_at_once)
{
	struct rig *r = rig_start(NULL);
	static struct rig_client c[3 * GW_GONE_MAX];

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		cr_assert(rig_connect(r, &c[i], 0));
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
	}
	cr_assert_eq(rig_leaves(r), 0);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	cr_assert_eq(rig_leaves(r), GW_COUNT(c));
	/* and while others come */
	for (size_t i = 0; i < 20; i++) {
		cr_assert(rig_connect(r, &c[i], 0));
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
		rig_close(&c[i]);
	}
	cr_assert_eq(rig_leaves(r), rig_admits(r));
	rig_stop(r);
}

Test(proxy, ended_before_it_began)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .lifetime = -10 });
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 401);
	rig_close(&c);
	cr_assert_eq(rig_leaves(r), 1);
	rig_stop(r);
}

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
	{ "connect", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", 501 },
	{ "too large", "POST / HTTP/1.1\r\nHost: h\r\n"
	  "Content-Length: 99999999\r\n\r\n", 413 },
	{ "too large, chunked", "POST /upload HTTP/1.1\r\nHost: h\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n7d0\r\n", 413 },
	{ "expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n",
	  417 },
	{ "version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
};

Test(proxy, bad_requests)
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
		cr_assert(rig_is_closed(&c, 3000), "%s", b->what);
		rig_close(&c);
	}
	rig_stop(r);
}

Test(proxy, head_too_large)
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

Test(proxy, slow_head)
{
	static const struct rig_key keys[] = {
		{ "listener", "header_timeout", "400ms" },
		{ "listener", "idle_timeout", "700ms" },
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
	cr_assert(rig_is_closed(&c, 2000));
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, slow_body)
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

static const struct bad_upstream {
	const char *path;
	int status;
	const char *reason;
} bad_upstreams[] = {
	{ "/dead/x", 502, "upstream-unreachable" },
	{ "/garbage", 502, "upstream-protocol" },
	{ "/greeting", 502, "upstream-protocol" },
	{ "/hang", 504, "upstream-timeout" },
	{ "/denied", 403, "policy-group" },
	{ "/denied/below?x", 403, "policy-group" },
	{ "/denied;x", 403, "policy-group" },
};

/* The connection survives what goes wrong behind it. */
Test(proxy, bad_upstreams)
{
	static const struct rig_key keys[] = {
		{ "upstream", "response_timeout", "300ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t i = 0; i < GW_COUNT(bad_upstreams); i++) {
		const struct bad_upstream *b = &bad_upstreams[i];
		int status = rig_get(&c, b->path, &body, NULL);

		cr_assert_eq(status, b->status, "%s: %d", b->path, status);
		cr_assert(strstr(body, b->reason) != NULL, "%s", body);
		free(body);
	}
	cr_assert_eq(rig_get(&c, "/deniedx", NULL, NULL), 200);
	/* a cut answer must not look whole */
	cr_assert_eq(rig_get(&c, "/half", NULL, NULL), -1);
	rig_close(&c);
	rig_stop(r);
}

/* ---- admitted */

Test(proxy, keep_alive)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *status;

	rig_answer(r, &allow);
	for (int v = 0; v < 2; v++) {
		cr_assert(rig_connect(r, &c, v != 0 ? RIG_TLS12 : 0));
		for (size_t i = 0; i < 50; i++) {
			char path[32], *body;
			size_t len;

			snprintf(path, sizeof(path), "/bytes/%zu", i * 997);
			cr_assert_eq(rig_get(&c, path, &body, &len), 200);
			cr_assert_eq(len, i * 997);
			cr_assert(is_pattern(body, len));
			free(body);
		}
		rig_close(&c);
	}
	cr_assert_eq(rig_admits(r), 2);
	cr_assert_eq(rig_leaves(r), 2);
	cr_assert_eq(rig_chain_count(r), 2); /* the client builds it */
	status = rig_status(r);
	cr_assert(strstr(status, "proxy {\"workers\":2,\"connections\":0,"
				 "\"requests\":100,") != NULL, "%s", status);
	cr_assert(strstr(status, "\"state\":\"up\"") != NULL, "%s", status);
	cr_assert(strstr(status, "\"handshakes\":2,") != NULL, "%s", status);
	free(status);
	rig_stop(r);
}

static const struct framing {
	const char *path;
	size_t len;
} framings[] = {
	{ "/bytes/0", 0 },         { "/bytes/16384", 16384 },
	{ "/bytes/1000000", 1000000 }, { "/chunked/0", 0 },
	{ "/chunked/7001", 7001 }, { "/chunked/1000000", 1000000 },
	{ "/close/0", 0 },         { "/close/123456", 123456 },
};

Test(proxy, response_framings)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t i = 0; i < GW_COUNT(framings); i++) {
		char *body;
		size_t len;

		cr_assert_eq(rig_get(&c, framings[i].path, &body, &len), 200,
			     "%s", framings[i].path);
		cr_assert_eq(len, framings[i].len, "%s: %zu",
			     framings[i].path, len);
		cr_assert(is_pattern(body, len), "%s", framings[i].path);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

/* Milliseconds for an answer of so many full records and `more` bytes, if its
 * head is as long as the last one's. */
static uint64_t
time_of(struct rig_client *c, size_t *head_len, size_t records, int more)
{
	size_t want = records * 16384 + (size_t)(more + 1) - 1 - *head_len;
	char request[128], *head, *body;
	uint64_t began = gw_mono_ms();
	size_t len;

	snprintf(request, sizeof(request), "GET /bytes/%zu HTTP/1.1\r\n"
		 "Host: vdi.example.com\r\n\r\n", want);
	rig_send(c, request);
	cr_assert_eq(rig_response(c, &head, &body, &len), 200);
	cr_assert(len == want && is_pattern(body, len));
	*head_len = strlen(head);
	free(head);
	free(body);
	return gw_mono_ms() - began;
}

/* Behind records that are full nothing follows: the kernel must not wait for
 * it, which takes 0.2 s. The quickest of several tells. */
Test(proxy, ends_are_not_held_back)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t head_len = 0;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t records = 1; records <= 5; records++)
		for (int more = -1; more <= 1; more++) {
			uint64_t best = UINT64_MAX;

			for (int i = 0; i < 8; i++)
				best = GW_MIN(best, time_of(&c, &head_len,
							    records, more));
			cr_expect_lt(best, 150, "%zu records and %d",
				     records, more);
		}
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, http10)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head, *body;
	size_t len;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /chunked/50000 HTTP/1.0\r\nHost: h\r\n\r\n");
	cr_assert_eq(rig_response(&c, &head, &body, &len), 200);
	cr_assert(strcasestr(head, "transfer-encoding") == NULL, "%s", head);
	cr_assert(len == 50000 && is_pattern(body, len));
	free(head);
	free(body);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, head_method)
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
Test(proxy, refused_head)
{
	static const struct rig_key keys[] = {
		{ "listener", "header_timeout", "300ms" }, { NULL, NULL, NULL },
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

/* A response has the time it came at, if its server did not say so. */
Test(proxy, dated)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, GET("/bytes/1"));
	cr_assert_eq(rig_response(&c, &head, NULL, NULL), 200);
	cr_assert(strstr(head, "\r\nDate: ") != NULL &&
		  strstr(head, " GMT\r\n") != NULL, "%s", head);
	free(head);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, options_asterisk)
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
Test(proxy, options_not_to_be_forwarded)
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

Test(proxy, identity_fields)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *h;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /head HTTP/1.1\r\nHost: vdi.example.com:8443\r\n"
		     "X-Remote-User: root\r\nx_remote_user: root\r\n"
		     "X-Remote-SID: S-1-5-18\r\nX-Forwarded-For: 6.6.6.6\r\n"
		     "Forwarded: for=6.6.6.6\r\nClient-Cert: :AAAA:\r\n"
		     "X-Request-Id: mine\r\nX-Keep: yes\r\n"
		     "X-Hop: no\r\nConnection: X-Hop\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, &h, NULL), 200);
	cr_assert(strstr(h, "X-Remote-User: alice\r\n") != NULL, "%s", h);
	cr_assert(strstr(h, "X-Remote-UPN: alice@example.com\r\n") != NULL);
	cr_assert(strstr(h, "X-Remote-SID: S-1-5-21-1-2-3-1104\r\n") != NULL);
	cr_assert(strstr(h, "X-Remote-Groups: Domain Users,") != NULL);
	cr_assert(strstr(h, "X-Remote-Mapping: sid\r\n") != NULL);
	cr_assert(strstr(h, "X-Forwarded-For: 127.0.0.1\r\n") != NULL);
	cr_assert(strstr(h, "X-Forwarded-Proto: https\r\n") != NULL);
	cr_assert(strstr(h, "Forwarded: for=127.0.0.1;proto=https;"
			    "host=\"vdi.example.com:8443\"\r\n") != NULL);
	cr_assert(strstr(h, "Client-Cert: :MII") != NULL);
	cr_assert(strstr(h, "X-Keep: yes\r\n") != NULL);
	cr_assert(strstr(h, "\r\nVia: 1.1 gwd\r\n") != NULL, "%s", h);
	cr_assert(strstr(h, "root") == NULL && strstr(h, "6.6.6.6") == NULL &&
		  strstr(h, ":AAAA:") == NULL && strstr(h, "mine") == NULL &&
		  strcasestr(h, "x-hop") == NULL, "%s", h);
	free(h);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, no_account_no_name)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *h;

	rig_answer(r, &(struct rig_answer){ .no_account = true });
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /head HTTP/1.1\r\nHost: h\r\n"
		     "X-Remote-User: root\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, &h, NULL), 200);
	cr_assert(strcasestr(h, "x-remote-") == NULL, "%s", h);
	cr_assert(strstr(h, "Client-Cert: :MII") != NULL, "%s", h);
	free(h);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, pipelining)
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

/* ---- uploads */

static void
send_pattern(struct rig_client *c, size_t from, size_t n)
{
	uint8_t block[8192];

	while (n > 0) {
		size_t k = GW_MIN(n, sizeof(block));

		for (size_t i = 0; i < k; i++)
			block[i] = rig_byte(from + i);
		rig_send_bytes(c, block, k);
		from += k;
		n -= k;
	}
}

Test(proxy, uploads)
{
	static const size_t sizes[] = { 1, 16384, 100000, 3000000 };
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char text[256], *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t i = 0; i < GW_COUNT(sizes); i++) {
		snprintf(text, sizeof(text), "POST /upload HTTP/1.1\r\n"
			 "Host: h\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
		rig_send(&c, text);
		send_pattern(&c, 0, sizes[i]);
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		snprintf(text, sizeof(text), "%zu right", sizes[i]);
		cr_assert_str_eq(body, text);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, chunked_upload)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char text[64], *body;
	size_t done = 0;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int twice = 0; twice < 2; twice++) {
		rig_send(&c, "PUT /upload HTTP/1.1\r\nHost: h\r\n"
			     "Transfer-Encoding: chunked\r\n\r\n");
		for (size_t n = 1, sum = done = 0; n < 60000;
		     n = n * 3 + 1, sum = done) {
			snprintf(text, sizeof(text), "%zx\r\n", n);
			rig_send(&c, text);
			send_pattern(&c, sum, n);
			rig_send(&c, "\r\n");
			done += n;
		}
		rig_send(&c, "0\r\n\r\n");
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		snprintf(text, sizeof(text), "%zu right", done);
		cr_assert_str_eq(body, text);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, expect_continue)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 2; i++) {
		rig_send(&c, "POST /continue HTTP/1.1\r\nHost: h\r\n"
			     "Expect: 100-continue\r\n"
			     "Content-Length: 3\r\n\r\n");
		cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 100);
		send_pattern(&c, 0, 3);
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		cr_assert_str_eq(body, "3 right");
		free(body);
	}
	/* refused without the body: the connection cannot go on */
	rig_send(&c, "POST /denied HTTP/1.1\r\nHost: h\r\n"
		     "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 403);
	cr_assert(rig_is_closed(&c, 3000));
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, interim_response)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, GET("/interim"));
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 103);
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 200);
	rig_send(&c, "GET /interim HTTP/1.0\r\nHost: h\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 200);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, early_response)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "POST /early HTTP/1.1\r\nHost: h\r\n"
		     "Content-Length: 50000000\r\n\r\n");
	send_pattern(&c, 0, 200000);
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 413);
	cr_assert_str_eq(body, "early");
	free(body);
	rig_close(&c);
	rig_stop(r);
}

/* Of a client that writes all before it reads: whether the connection takes
 * that for so long, a piece each 100 ms. */
static bool
talks_on(struct rig_client *c, int ms)
{
	static const char piece[1000];

	for (; ms > 0; ms -= 100) {
		if (SSL_write(c->ssl, piece, sizeof(piece)) <= 0)
			return false;
		usleep(100000);
	}
	return true;
}

/* An answer must not be lost with a reset, nor wait for ever to be read. */
Test(proxy, early_response_to_a_talker)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "POST /early HTTP/1.1\r\nHost: h\r\n"
		     "Content-Length: 50000000\r\n\r\n");
	cr_assert(talks_on(&c, 4000));
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 413);
	cr_assert_str_eq(body, "early");
	free(body);
	cr_assert_not(talks_on(&c, 12000));
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, half_closed_client)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, GET("/slow/300"));
	SSL_shutdown(c.ssl);
	shutdown(c.fd, SHUT_WR);
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 200);
	cr_assert(rig_is_closed(&c, 3000));
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, used_connection_dropped)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(rig_get(&c, "/drop-reused", &body, NULL), 200);
		cr_assert_str_eq(body, "fresh");
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

/* ---- memory */

/* AddressSanitizer keeps what was freed: up to 256 MiB. */
#ifdef __SANITIZE_ADDRESS__
#define SLACK_KIB 300000
#else
#define SLACK_KIB 4096
#endif

Test(proxy, slow_reader_costs_no_memory)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *buf = malloc(65536);
	size_t got = 0;
	long before, after;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/100000", NULL, NULL), 200);
	before = rig_resident_kib(r);
	rig_send(&c, GET("/bytes/60000000"));
	usleep(500000);
	after = rig_resident_kib(r);
	cr_assert(after - before < SLACK_KIB, "%ld KiB more", after - before);
	while (got < 60000000) {
		int n = rig_recv(&c, buf, 65536);

		cr_assert(n > 0);
		got += (size_t)n;
	}
	after = rig_resident_kib(r);
	cr_assert(after - before < SLACK_KIB, "%ld KiB more", after - before);
	free(buf);
	rig_close(&c);
	rig_stop(r);
}

/* ---- others go on meanwhile */

Test(proxy, waiting_holds_up_nobody)
{
	struct rig *r = rig_start(NULL);
	struct rig_client in, waits[8];

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &in, 0));
	cr_assert_eq(rig_get(&in, "/bytes/1", NULL, NULL), 200);
	rig_answer(r, &(struct rig_answer){ .delay_ms = 1500 });
	for (size_t i = 0; i < GW_COUNT(waits); i++) {
		cr_assert(rig_connect(r, &waits[i], 0));
		rig_send(&waits[i], GET("/bytes/1"));
	}
	while (rig_admits(r) < 1 + GW_COUNT(waits))
		usleep(1000);
	for (int i = 0; i < 20; i++) {
		uint64_t start = gw_mono_ms();

		cr_assert_eq(rig_get(&in, "/bytes/1", NULL, NULL), 200);
		cr_assert(gw_mono_ms() - start < 300);
	}
	for (size_t i = 0; i < GW_COUNT(waits); i++) {
		cr_assert_eq(rig_response(&waits[i], NULL, NULL, NULL), 200);
		rig_close(&waits[i]);
	}
	rig_close(&in);
	rig_stop(r);
}

Test(proxy, verdict_late_12)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = 300 });
	cr_assert(rig_connect(r, &c, RIG_TLS12));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, too_many_connections)
{
	static const struct rig_key keys[] = {
		{ "listener", "max_connections", "3" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c[3], over;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		cr_assert(rig_connect(r, &c[i], 0));
	cr_assert_not(rig_connect(r, &over, 0));
	rig_close(&over);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
		rig_close(&c[i]);
	}
	usleep(200000);
	cr_assert(rig_connect(r, &over, 0));
	rig_close(&over);
	rig_stop(r);
}

/* Out of descriptors: refused, not stuck, and fine again afterwards. */
Test(proxy, no_descriptors)
{
	struct rig *r;
	struct rig_client c[80];
	unsigned in = 0;

	rig_files_max = 60;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		in += rig_connect(r, &c[i], 0);
	cr_assert(in > 10 && in < 60, "%u of 80", in);
	/* some are left for the upstreams of those who are in */
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	usleep(200000);
	cr_assert(rig_connect(r, &c[0], 0));
	cr_assert_eq(rig_get(&c[0], "/bytes/1", NULL, NULL), 200);
	rig_close(&c[0]);
	rig_stop(r);
}

/* Tunnels take the last ones, too: whoever comes then is refused at once, and
 * those who are in go on. */
Test(proxy, no_descriptors_at_all)
{
	struct rig *r;
	struct rig_client c[60];
	unsigned tunnels = 0;
	size_t first = 0;

	rig_files_max = 60;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		if (!rig_connect(r, &c[i], 0))
			continue;
		rig_send(&c[i], "GET /ws HTTP/1.1\r\nHost: h\r\n"
			 "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			 "\r\n");
		if (rig_response(&c[i], NULL, NULL, NULL) != 101)
			continue;
		first = tunnels++ == 0 ? i : first;
	}
	cr_assert(tunnels > 10 && tunnels < 30, "%u", tunnels);
	for (int i = 0; i < 4; i++) {
		struct rig_client late;
		char byte;

		rig_send_bytes(&c[first], "x", 1);
		cr_assert_eq(rig_recv(&c[first], &byte, 1), 1);
		if (rig_connect(r, &late, 0))
			cr_expect_neq(rig_get(&late, "/bytes/1", NULL, NULL),
				      200);
		rig_close(&late);
	}
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	usleep(200000);
	cr_assert(rig_connect(r, &c[0], 0));
	cr_assert_eq(rig_get(&c[0], "/bytes/1", NULL, NULL), 200);
	rig_close(&c[0]);
	rig_stop(r);
}

/* ---- tunnels */

#define UPGRADE "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" \
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void
expect(struct rig_client *c, const char *text)
{
	char buf[256] = "";
	size_t len = 0, want = strlen(text);

	while (len < want) {
		int n = rig_recv(c, buf + len, want - len);

		cr_assert(n > 0, "wanted %s, got %s", text, buf);
		len += (size_t)n;
	}
	cr_assert_str_eq(buf, text);
}

static void
open_tunnel(struct rig *r, struct rig_client *c)
{
	cr_assert(rig_connect(r, c, 0));
	/* what follows the request at once belongs to the tunnel */
	rig_send(c, UPGRADE "early");
	cr_assert_eq(rig_response(c, NULL, NULL, NULL), 101);
	expect(c, "hello early");
}

Test(proxy, tunnel)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *status;

	rig_answer(r, &allow);
	open_tunnel(r, &c);
	for (int i = 0; i < 10; i++) {
		rig_send(&c, "ping");
		expect(&c, "ping");
	}
	status = rig_status(r);
	cr_assert(strstr(status, "\"tunnels\":1,") != NULL, "%s", status);
	free(status);
	/* half-close: the server has a last word */
	SSL_shutdown(c.ssl);
	expect(&c, " bye");
	cr_assert(rig_is_closed(&c, 3000));
	rig_close(&c);
	cr_assert_eq(rig_leaves(r), 1);
	rig_stop(r);
}

Test(proxy, tunnel_bulk)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	uint8_t block[16384], back[16384];
	size_t got;

	rig_answer(r, &allow);
	open_tunnel(r, &c);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = rig_byte(i);
	for (int i = 0; i < 500; i++) {
		rig_send_bytes(&c, block, sizeof(block));
		for (got = 0; got < sizeof(back);) {
			int n = rig_recv(&c, back + got, sizeof(back) - got);

			cr_assert(n > 0);
			got += (size_t)n;
		}
		cr_assert(memcmp(block, back, sizeof(block)) == 0);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, tunnel_not_wanted)
{
	static const struct rig_key keys[] = {
		{ "upstream", "websocket", "no" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, UPGRADE);
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
	cr_assert_str_eq(body, "not upgraded");
	free(body);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, tunnel_rests_too_long)
{
	static const struct rig_key keys[] = {
		{ "listener", "tunnel_timeout", "1s" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	open_tunnel(r, &c);
	usleep(700000);
	rig_send(&c, "x");
	expect(&c, "x");
	usleep(700000);
	rig_send(&c, "y");
	expect(&c, "y");
	cr_assert(rig_is_closed(&c, 3000));
	rig_close(&c);
	rig_stop(r);
}

/* ---- ends of sessions */

Test(proxy, revoked)
{
	struct rig *r = rig_start(NULL);
	struct rig_client tunnel, idle, other;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &other, 0));
	cr_assert_eq(rig_get(&other, "/bytes/1", NULL, NULL), 200);
	open_tunnel(r, &tunnel);
	rig_revoke(r);
	cr_assert(rig_is_closed(&tunnel, 1000));
	rig_close(&tunnel);
	cr_assert(rig_connect(r, &idle, 0));
	cr_assert_eq(rig_get(&idle, "/bytes/1", NULL, NULL), 200);
	rig_kill(r);
	cr_assert(rig_is_closed(&idle, 1000));
	rig_close(&idle);
	/* each ended its own session only */
	cr_assert_eq(rig_get(&other, "/bytes/1", NULL, NULL), 200);
	rig_close(&other);
	cr_assert_eq(rig_leaves(r), 3);
	rig_stop(r);
}

/* ---- a last word to WebSocket clients (RFC 6455 5.5.1) */

#define POLICY(reason, len) "\x81\x05hello\x88" len "\x03\xf0" reason

static int
ask_frames(struct rig *r, struct rig_client *c, const char *how,
	   const char *protocol)
{
	char text[256];

	cr_assert(rig_connect(r, c, 0));
	snprintf(text, sizeof(text), "GET /frames/%s HTTP/1.1\r\nHost: h\r\n"
		 "Connection: Upgrade\r\nUpgrade: %s\r\n\r\n", how, protocol);
	rig_send(c, text);
	return rig_response(c, NULL, NULL, NULL);
}

static void
open_frames(struct rig *r, struct rig_client *c, const char *how)
{
	bool is_other = strcmp(how, "other") == 0;

	cr_assert_eq(ask_frames(r, c, how, is_other ? "frames" : "WEBSOCKET"),
		     101, "%s", how);
}

/* The server switches to what nobody asked for. */
Test(proxy, tunnel_of_another_kind)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert_eq(ask_frames(r, &c, "other", "websocket"), 502);
	rig_close(&c);
	cr_assert_eq(ask_frames(r, &c, "whole", "frames"), 502);
	rig_close(&c);
	rig_stop(r);
}

/* All that comes, and the end. */
static void
expect_last(struct rig_client *c, const char *what, const char *want,
	    size_t len)
{
	char buf[256];
	size_t got = 0;
	int n;

	while (got < sizeof(buf) &&
	       (n = rig_recv(c, buf + got, sizeof(buf) - got)) > 0)
		got += (size_t)n;
	cr_assert(got == len && memcmp(buf, want, len) == 0,
		  "%s: %zu bytes: %.*s", what, got, (int)got, buf);
}

static const struct last_word {
	const char *how;
	bool by_operator;
	const char *want;
	size_t len;
} last_words[] = {
	{ "cut", false, "\x81\x05hello\x81\x05wo", 11 },
	{ "closed", false, "\x81\x05hello\x88\x02\x03\xe8", 11 },
	{ "other", false, "\x81\x05hello", 7 },
	{ "whole", false, POLICY("cert-revoked", "\x0e"), 7 + 16 },
	{ "whole", true, POLICY("session-ended", "\x0f"), 7 + 17 },
	{ "", false, "\x88\x0e\x03\xf0" "cert-revoked", 16 },
};

Test(proxy, tunnel_last_word)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(last_words); i++) {
		const struct last_word *w = &last_words[i];

		open_frames(r, &c, w->how);
		usleep(100000); /* what is to come before is there */
		if (w->by_operator)
			rig_kill(r);
		else
			rig_revoke(r);
		expect_last(&c, w->how, w->want, w->len);
		rig_close(&c);
	}
	cr_assert_eq(rig_leaves(r), GW_COUNT(last_words));
	rig_stop(r);
}

Test(proxy, tunnel_last_word_of_time)
{
	static const struct rig_key keys[] = {
		{ "listener", "tunnel_timeout", "1s" }, { NULL, NULL, NULL },
	};
	static const char idle[] = "\x81\x05hello\x88\x18\x03\xe9"
				   "tunnel idle or stalled";
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	open_frames(r, &c, "whole");
	expect_last(&c, "idle", idle, sizeof(idle) - 1);
	rig_close(&c);
	rig_answer(r, &(struct rig_answer){ .lifetime = 1 });
	open_frames(r, &c, "whole");
	expect_last(&c, "until", POLICY("session-ended", "\x0f"), 7 + 17);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, tunnel_last_word_of_stop)
{
	static const char stop[] = "\x81\x05hello\x88\x0a\x03\xe9stopping";
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	open_frames(r, &c, "whole");
	usleep(100000);
	rig_stop(r);
	expect_last(&c, "stop", stop, sizeof(stop) - 1);
	rig_close(&c);
}

/* What an earlier gwd-auth admitted: only the proxy knows, and tells of it. */
Test(proxy, left_by_auth)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c[4];
	char *status;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		cr_assert(rig_connect(r, &c[i], 0));
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
	}
	status = rig_status(r);
	cr_assert(strstr(status, "left_sessions") == NULL, "%s", status);
	free(status);
	for (int i = 0; i < 2; i++) {
		/* first with no gwd-auth at all, then with a new one */
		if (i == 0)
			rig_unlink(r);
		else
			rig_link(r);
		usleep(100000);
		status = rig_status(r);
		cr_assert(strstr(status, "left_sessions {\"id\":") != NULL &&
			  strstr(status, "\"account\":\"alice\"") != NULL,
			  "%s", status);
		free(status);
	}
	rig_kill(r);
	cr_assert(rig_is_closed(&c[3], 2000));
	cr_assert_eq(rig_get(&c[0], "/bytes/1", NULL, NULL), 200);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	cr_assert_eq(rig_leaves(r), 0);
	status = rig_status(r);
	cr_assert(strstr(status, "left_sessions") == NULL, "%s", status);
	free(status);
	rig_stop(r);
}

Test(proxy, until)
{
	struct rig *r = rig_start(NULL);
	struct rig_client tunnel, download;
	char buf[4096];
	uint64_t start = gw_mono_ms();

	rig_answer(r, &(struct rig_answer){ .lifetime = 2 });
	open_tunnel(r, &tunnel);
	cr_assert(rig_connect(r, &download, 0));
	rig_send(&download, GET("/bytes/100000000"));
	cr_assert(rig_is_closed(&tunnel, 4000));
	while (rig_recv(&download, buf, sizeof(buf)) > 0)
		usleep(1000);
	cr_assert(gw_mono_ms() - start < 10000);
	rig_close(&tunnel);
	rig_close(&download);
	rig_stop(r);
}

Test(proxy, stops_while_busy)
{
	struct rig *r = rig_start(NULL);
	struct rig_client tunnel, idle, busy, waits;

	rig_answer(r, &allow);
	open_tunnel(r, &tunnel);
	cr_assert(rig_connect(r, &idle, 0));
	cr_assert_eq(rig_get(&idle, "/bytes/1", NULL, NULL), 200);
	cr_assert(rig_connect(r, &busy, 0));
	rig_send(&busy, GET("/slow/500"));
	while (rig_admits(r) < 3) /* in 1.3 the client is ahead */
		usleep(1000);
	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	cr_assert(rig_connect(r, &waits, 0));
	usleep(100000);
	rig_stop(r);
	cr_assert_eq(rig_response(&busy, NULL, NULL, NULL), 200);
	rig_close(&tunnel);
	rig_close(&idle);
	rig_close(&busy);
	rig_close(&waits);
}

/* ---- while those are there who have not read their last answer */

/* Nobody listens there any more: the workers have seen STOP. */
static void
await_deaf(struct rig *r)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)rig_port(r)) };
	int rc = 0;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 500 && rc == 0; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		rc = connect(fd, (void *)&sa, sizeof(sa));
		close(fd);
		usleep(10000);
	}
	cr_assert_neq(rc, 0);
}

/* Who is still talking, and reads only then: all of the answer must be there,
 * and its end. */
static void
stop_before_it_reads(const char *head, bool leaves_first)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, head);
	while (leaves_first && rig_leaves(r) == 0)
		;
	usleep(100000);
	rig_begin_stop(r);
	await_deaf(r);
	for (size_t i = 0; i < 3; i++) {
		rig_send(&c, "and another thing");
		usleep(20000);
	}
	cr_assert_eq(rig_response(&c, NULL, NULL, &len), 200);
	cr_assert_eq(len, 500000);
	cr_assert_eq(rig_recv(&c, &len, 1), 0);
	rig_close(&c);
	rig_stop(r);
}

Test(proxy, stops_while_a_client_is_to_read_its_last_answer)
{
	stop_before_it_reads("GET /bytes/500000 HTTP/1.1\r\nHost: h\r\n"
			     "Connection: close\r\n\r\n", true);
}

Test(proxy, stops_while_a_client_is_to_read_an_answer)
{
	stop_before_it_reads("GET /bytes/500000 HTTP/1.1\r\nHost: h\r\n\r\n",
			     false);
}

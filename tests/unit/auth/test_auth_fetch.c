/* Questions over HTTP to a server of this test's own, on the same loop: kept
 * connections, redirects, and what is asked once more. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch.h"
#include "gw/util.h"

static struct gw_loop *loop;
static struct gw_resolver *resolver;
static struct gw_fetcher *fetcher;

/* ---- the server: the n-th request gets the n-th of its answers */

struct conn {
	struct gw_io io;
};

static struct gw_io listener;
static struct conn conns[8];
static size_t conn_count, request_count;
static const char *answers[8]; /* NULL: closes without one */
static char requests[8][512];
static char base[64];
static uint16_t port;

static void
close_conn(struct conn *c)
{
	gw_loop_del(loop, &c->io);
	gw_close(&c->io.fd);
}

static void
on_request(struct gw_io *io, uint32_t events)
{
	struct conn *c = GW_CONTAINER(io, struct conn, io);
	char *room = requests[request_count];
	ssize_t n = recv(io->fd, room, sizeof(requests[0]) - 1, 0);
	const char *a;

	(void)events;
	if (n <= 0) {
		close_conn(c);
		return;
	}
	room[n] = '\0';
	a = answers[request_count++];
	if (a == NULL) {
		close_conn(c);
		return;
	}
	cr_assert_eq(send(io->fd, a, strlen(a), MSG_NOSIGNAL),
		     (ssize_t)strlen(a));
	if (strstr(a, "Connection: close") != NULL)
		close_conn(c);
}

static void
on_connect(struct gw_io *io, uint32_t events)
{
	struct conn *c = &conns[conn_count++];

	(void)events;
	c->io = (struct gw_io){ .fd = accept4(io->fd, NULL, NULL,
					      SOCK_NONBLOCK | SOCK_CLOEXEC),
				.fn = on_request };
	cr_assert(c->io.fd >= 0);
	cr_assert_eq(gw_loop_add(loop, &c->io, EPOLLIN), GW_ERR_OK);
}

static void
setup(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	resolver = gw_resolver_new(loop);
	fetcher = gw_fetcher_new(loop, resolver);
	listener = (struct gw_io){ .fd = socket(AF_INET, SOCK_STREAM |
						SOCK_NONBLOCK, 0),
				   .fn = on_connect };
	cr_assert(bind(listener.fd, (struct sockaddr *)&sin, len) == 0 &&
		  listen(listener.fd, 8) == 0 &&
		  getsockname(listener.fd, (struct sockaddr *)&sin, &len) ==
			  0);
	port = ntohs(sin.sin_port);
	snprintf(base, sizeof(base), "http://127.0.0.1:%d", port);
	cr_assert_eq(gw_loop_add(loop, &listener, EPOLLIN), GW_ERR_OK);
}

static void
teardown(void)
{
	gw_fetcher_free(fetcher);
	gw_resolver_free(resolver);
	for (size_t i = 0; i < conn_count; i++)
		close_conn(&conns[i]);
	gw_loop_del(loop, &listener);
	gw_close(&listener.fd);
	gw_loop_free(loop);
}

TestSuite(fetch, .init = setup, .fini = teardown);

/* ---- the client */

struct result {
	bool is_told;
	char body[64], why[200];
	int status;
};

static void
on_fetched(void *arg, const struct gw_fetched *f)
{
	struct result *r = arg;

	r->is_told = true;
	r->status = f->status;
	snprintf(r->why, sizeof(r->why), "%s", f->why != NULL ? f->why : "");
	snprintf(r->body, sizeof(r->body), "%.*s", (int)f->body.len,
		 f->body.p != NULL ? (const char *)f->body.p : "");
	gw_loop_stop(loop);
}

static void
on_limit(struct gw_timer *t)
{
	(void)t;
	gw_loop_stop(loop);
}

static struct result
fetch_from(const char *url, uint64_t timeout_ms)
{
	const struct gw_fetch_ask ask = { .url = url, .max = 32, .fd = -1,
					  .timeout_ms = timeout_ms };
	struct gw_timer limit = { .fn = on_limit };
	struct result r = { .is_told = false };

	gw_timer_after(loop, &limit, 60000);
	(void)gw_fetch_start(fetcher, &ask, on_fetched, &r);
	gw_loop_run(loop);
	gw_timer_stop(loop, &limit);
	cr_assert(r.is_told, "%s: nobody was told", url);
	return r;
}

static struct result
fetch(const char *path)
{
	char url[128];

	snprintf(url, sizeof(url), "%s%s", base, path);
	return fetch_from(url, 30000);
}

#define OK(s, extra) "HTTP/1.1 200 OK\r\n" extra "Content-Length: 2\r\n\r\n" s
#define TO(code, where) "HTTP/1.1 " code "\r\nLocation: " where "\r\n" \
			"Content-Length: 0\r\nConnection: close\r\n\r\n"

Test(fetch, refused)
{
	static const struct { const char *answer, *why; } cases[] = {
		{ "HTTP/1.1 404 Not Found\r\nConnection: close\r\n"
		  "Content-Length: 1\r\n\r\nx", "404 Not Found" },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\n"
		  "Content-Length: 33\r\n\r\n", "more than 32" },
		{ NULL, "no answer" },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct result r;

		answers[i] = cases[i].answer;
		r = fetch("/a");
		cr_expect_not_null(strstr(r.why, cases[i].why), "%s", r.why);
	}
	cr_expect_eq(request_count, 3, "none was asked again");
}

Test(fetch, not_http)
{
	static const char *const urls[] = { "https://127.0.0.1/",
					    "ldap:///x", "file:///etc/passwd",
					    "" };

	for (size_t i = 0; i < GW_COUNT(urls); i++)
		cr_expect_str_eq(fetch_from(urls[i], 1000).why,
				 "not an http URL");
}

Test(fetch, in_time)
{
	struct result r;
	char url[128];

	answers[0] = "HTTP/1.1 200 OK\r\n"; /* and nothing more */
	snprintf(url, sizeof(url), "%s/slow", base);
	r = fetch_from(url, 100);
	cr_expect_not_null(strstr(r.why, "within 100 ms"), "%s", r.why);
}

/* ---- connections */

Test(fetch, a_connection_is_kept)
{
	answers[0] = OK("a1", "");
	answers[1] = OK("b2", "Connection: close\r\n");
	answers[2] = OK("c3", "");
	cr_expect_str_eq(fetch("/a").body, "a1");
	cr_expect_str_eq(fetch("/b").body, "b2");
	cr_expect_eq(conn_count, 1);
	cr_expect_str_eq(fetch("/c").body, "c3");
	cr_expect_eq(conn_count, 2, "a closed one is not used again");
	cr_expect_eq(strncmp(requests[1], "GET /b HTTP/1.1\r\n", 17), 0);
}

/* A kept connection that dies under the question is no failure: a new one is
 * made, once. */
Test(fetch, asked_once_more)
{
	answers[0] = OK("a1", "");
	answers[1] = NULL;
	answers[2] = OK("b2", "");
	answers[3] = NULL;
	answers[4] = NULL;
	cr_expect_str_eq(fetch("/a").body, "a1");
	cr_expect_str_eq(fetch("/b").body, "b2");
	cr_expect_eq(conn_count, 2);
	cr_expect_eq(request_count, 3);
	cr_expect_str_neq(fetch("/c").why, "", "not for ever");
	cr_expect_eq(request_count, 5);
}

/* More bytes than the answer: whose would they be? */
Test(fetch, a_connection_with_a_rest_is_not_kept)
{
	answers[0] = OK("a1more", "");
	answers[1] = OK("b2", "");
	cr_expect_str_eq(fetch("/a").body, "a1");
	cr_expect_str_eq(fetch("/b").body, "b2");
	cr_expect_eq(conn_count, 2);
}

/* ---- redirects */

Test(fetch, followed_on_the_same_host)
{
	answers[0] = TO("302 Found", "/there");
	answers[1] = OK("a1", "");
	cr_expect_str_eq(fetch("/here").body, "a1");
	cr_expect_eq(strncmp(requests[1], "GET /there ", 11), 0, "%s",
		     requests[1]);
}

Test(fetch, not_followed)
{
	static const char *const elsewhere[] = {
		TO("302 Found", "http://127.0.0.1:1/"),
		TO("302 Found", "http://localhost/"),
		TO("302 Found", "//127.0.0.1:1/x"),
		TO("302 Found", "https://127.0.0.1/"),
		TO("302 Found", "file:///etc/passwd"),
		TO("304 Not Modified", ""),
	};

	for (size_t i = 0; i < GW_COUNT(elsewhere); i++) {
		struct result r;

		answers[i] = elsewhere[i];
		r = fetch("/here");
		cr_expect_eq(r.status / 100, 3, "%zu: %s", i, r.why);
		cr_expect_eq(request_count, i + 1, "%zu", i);
	}
}

Test(fetch, followed_once)
{
	answers[0] = TO("302 Found", "/b");
	answers[1] = TO("302 Found", "/c");
	answers[2] = OK("a1", "");
	cr_expect_eq(fetch("/a").status, 302);
	cr_expect_eq(request_count, 2);
}

/* ---- names */

static struct result
fetch_by_name(const char *hosts, uint64_t timeout_ms)
{
	char url[64];

	gw_resolver_use(resolver, "", 0, hosts, strlen(hosts));
	snprintf(url, sizeof(url), "http://responder.example:%d/", port);
	return fetch_from(url, timeout_ms);
}

Test(fetch, by_name)
{
	answers[0] = OK("a1", "");
	cr_expect_str_eq(fetch_by_name("127.0.0.1 responder.example\n", 30000)
				 .body, "a1");
	cr_expect_not_null(strstr(requests[0], "Host: responder.example:"));
}

Test(fetch, by_no_name)
{
	struct result r = fetch_by_name("127.0.0.1 other.example\n", 30000);

	cr_expect_not_null(strstr(r.why, "responder.example: not in the hosts"
					 " file"), "%s", r.why);
}

/* Several addresses: refused by the first, answered by the second. */
Test(fetch, first_address_refuses)
{
	answers[0] = OK("a1", "");
	cr_expect_str_eq(fetch_by_name("127.0.0.2 responder.example\n"
				       "127.0.0.1 responder.example\n", 30000)
				 .body, "a1");
}

/* A listener whose queue is full: who connects hears nothing. */
static void
be_deaf(const char *address, int fds[3])
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(port) };

	inet_pton(AF_INET, address, &sin.sin_addr);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(bind(fds[0], (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
		  listen(fds[0], 0) == 0);
	for (int i = 1; i < 3; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fds[i], (struct sockaddr *)&sin, sizeof(sin));
	}
}

Test(fetch, first_address_is_silent)
{
	int fds[3];

	be_deaf("127.0.0.3", fds);
	answers[0] = OK("a1", "");
	cr_expect_str_eq(fetch_by_name("127.0.0.3 responder.example\n"
				       "127.0.0.1 responder.example\n", 3000)
				 .body, "a1");
	for (int i = 0; i < 3; i++)
		gw_close(&fds[i]);
}

Test(fetch, no_address_answers)
{
	struct result r = fetch_by_name("127.0.0.2 responder.example\n"
					"::1 responder.example\n", 30000);

	cr_expect_not_null(strstr(r.why, "connect"), "%s", r.why);
}

/* Names to addresses: resolv.conf and hosts as text, and a name server of this
 * test's own on the same loop. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gw/util.h"
#include "resolve.h"

/* ---- resolv.conf */

static const struct {
	const char *what, *text, *servers, *search;
	int ndots, timeout_s, attempts;
} confs[] = {
	{ "nothing", "", "", "", 1, 0, 0 },
	{ "one", "nameserver 192.0.2.1\n", "192.0.2.1:53", "", 1, 0, 0 },
	{ "without a newline", "nameserver 192.0.2.1", "192.0.2.1:53", "", 1,
	  0, 0 },
	{ "IPv6", "nameserver 2001:db8::1\n", "[2001:db8::1]:53", "", 1, 0,
	  0 },
	{ "with ports", "nameserver [192.0.2.1]:54\r\n"
	  "nameserver [::1]:55\n", "192.0.2.1:54,[::1]:55", "", 1, 0, 0 },
	{ "three at most", "nameserver 1.1.1.1\nnameserver 1.1.1.2\n"
	  "nameserver 1.1.1.3\nnameserver 1.1.1.4\n",
	  "1.1.1.1:53,1.1.1.2:53,1.1.1.3:53", "", 1, 0, 0 },
	{ "comments", "# nameserver 1.1.1.1\n;nameserver 1.1.1.2\n"
	  "\tnameserver\t1.1.1.3 # this one\n", "1.1.1.3:53", "", 1, 0, 0 },
	{ "no addresses", "nameserver a.example\nnameserver\n"
	  "nameserver 1.2.3\nnameserver [::1]:5x\nnameserver fe80::1%eth0\n",
	  "", "", 1, 0, 0 },
	{ "search", "search a.example b.example\n", "",
	  "a.example b.example ", 1, 0, 0 },
	{ "the last search counts", "search a.example\ndomain b.example\n",
	  "", "b.example ", 1, 0, 0 },
	{ "options", "options ndots:2 timeout:3 attempts:1 rotate\n", "", "",
	  2, 3, 1 },
	{ "options out of bounds", "options ndots:99 timeout:-1 "
	  "attempts:4000000000\n", "", "", 15, 0, 5 },
};

Test(hostnames, resolv_conf)
{
	for (size_t i = 0; i < GW_COUNT(confs); i++) {
		struct gw_resolv c;
		char search[256] = "";

		gw_resolv_read(confs[i].text, strlen(confs[i].text), &c);
		for (size_t j = 0; j < c.search_count; j++)
			snprintf(search + strlen(search),
				 sizeof(search) - strlen(search), "%s ",
				 c.search[j]);
		cr_expect_str_eq(c.servers, confs[i].servers, "%s",
				 confs[i].what);
		cr_expect_str_eq(search, confs[i].search, "%s",
				 confs[i].what);
		cr_expect(c.ndots == confs[i].ndots &&
			  c.timeout_s == confs[i].timeout_s &&
			  c.attempts == confs[i].attempts, "%s: %d %d %d",
			  confs[i].what, c.ndots, c.timeout_s, c.attempts);
	}
}

/* ---- hosts */

static const char hosts[] =
	"127.0.0.1 localhost\n"
	"# 192.0.2.9 a.example\n"
	"192.0.2.1\tother  a.example # b.example\r\n"
	"2001:db8::1 A.Example\n"
	"not-an-address a.example\n"
	"192.0.2.2 a.example.com\n"
	"192.0.2.3 a.example";

Test(hostnames, hosts)
{
	static const struct { const char *name, *want; } cases[] = {
		{ "a.example", "192.0.2.1 2001:db8::1 192.0.2.3 " },
		{ "LOCALHOST", "127.0.0.1 " },
		{ "b.example", "" }, { "example", "" }, { "", "" },
		{ "192.0.2.1", "" },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct gw_addrs a = { .n = 0 };
		char got[256] = "", text[INET6_ADDRSTRLEN];

		gw_hosts_find(hosts, sizeof(hosts) - 1, cases[i].name, 80,
			      &a);
		for (size_t j = 0; j < a.n; j++) {
			const void *at = a.v[j].ss_family == AF_INET
				? (void *)&((struct sockaddr_in *)&a.v[j])
						  ->sin_addr
				: (void *)&((struct sockaddr_in6 *)&a.v[j])
						  ->sin6_addr;

			inet_ntop(a.v[j].ss_family, at, text, sizeof(text));
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
				 "%s ", text);
		}
		cr_expect_str_eq(got, cases[i].want, "%s", cases[i].name);
	}
}

/* ---- a name server */

struct server {
	struct gw_io io;
	const char *name, *address; /* what it knows; NULL: it is silent */
	size_t asked;
	char last[256];
};

static struct gw_loop *loop;
static struct gw_resolver *resolver;

static void
read_name(const uint8_t *p, char out[256])
{
	size_t n = 0;

	for (; *p != 0; p += *p + 1)
		n += (size_t)snprintf(out + n, 256 - n, "%s%.*s",
				      n > 0 ? "." : "", *p,
				      (const char *)p + 1);
}

/* One A record when the name is the one it knows, else no such name. */
static void
on_question(struct gw_io *io, uint32_t events)
{
	struct server *s = GW_CONTAINER(io, struct server, io);
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9,
					  0, 4 };
	uint8_t m[600];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(io->fd, m, 512, 0, (struct sockaddr *)&from,
			     &from_len);
	size_t end = 12;
	bool is_known;

	(void)events;
	cr_assert_gt(n, 16);
	s->asked++;
	read_name(m + 12, s->last);
	if (s->address == NULL)
		return;
	while (m[end] != 0)
		end += m[end] + 1u;
	end += 5;
	is_known = strcmp(s->last, s->name) == 0;
	m[2] = 0x81;
	m[3] = is_known ? 0x80 : 0x83;
	memset(m + 6, 0, 6);
	if (is_known && m[end - 3] == 1) { /* type A */
		m[7] = 1;
		memcpy(m + end, record, sizeof(record));
		inet_pton(AF_INET, s->address, m + end + sizeof(record));
		end += sizeof(record) + 4;
	}
	sendto(io->fd, m, end, 0, (struct sockaddr *)&from, from_len);
}

/* Its resolv.conf. */
static const char *
start_server(struct server *s, const char *name, const char *address)
{
	static char text[64];
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	*s = (struct server){ .name = name, .address = address,
			      .io.fn = on_question };
	s->io.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert(bind(s->io.fd, (struct sockaddr *)&sin, len) == 0 &&
		  getsockname(s->io.fd, (struct sockaddr *)&sin, &len) == 0);
	cr_assert_eq(gw_loop_add(loop, &s->io, EPOLLIN), GW_ERR_OK);
	snprintf(text, sizeof(text), "nameserver [127.0.0.1]:%d\n",
		 ntohs(sin.sin_port));
	return text;
}

static void
stop_server(struct server *s)
{
	gw_loop_del(loop, &s->io);
	gw_close(&s->io.fd);
}

static void
setup(void)
{
	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	resolver = gw_resolver_new(loop);
}

static void
teardown(void)
{
	gw_resolver_free(resolver);
	gw_loop_free(loop);
}

TestSuite(resolve, .init = setup, .fini = teardown, .timeout = 300);

static void
use(const char *conf)
{
	gw_resolver_use(resolver, conf, strlen(conf), "", 0);
}

struct found {
	unsigned told;
	char address[INET_ADDRSTRLEN], why[128];
	uint16_t port;
};

static void
on_found(void *arg, const struct gw_addrs *a, const char *why)
{
	struct found *f = arg;
	const struct sockaddr_in *sin = (const void *)&a->v[0];

	f->told++;
	snprintf(f->why, sizeof(f->why), "%s", why != NULL ? why : "");
	if (a->n > 0) {
		inet_ntop(AF_INET, &sin->sin_addr, f->address,
			  sizeof(f->address));
		f->port = ntohs(sin->sin_port);
	}
	gw_loop_stop(loop);
}

static void
on_limit(struct gw_timer *t)
{
	(void)t;
	gw_loop_stop(loop);
}

static void
run_for(uint64_t ms)
{
	struct gw_timer limit = { .fn = on_limit };

	gw_timer_after(loop, &limit, ms);
	gw_loop_run(loop);
	gw_timer_stop(loop, &limit);
}

static struct found
resolve(const char *host)
{
	struct found f = { .told = 0 };

	if (gw_resolve(resolver, host, "8080", on_found, &f) != NULL)
		run_for(60000);
	cr_assert_eq(f.told, 1, "%s", host);
	return f;
}

Test(resolve, by_server)
{
	struct server s;
	struct found f;

	use(start_server(&s, "r.example", "192.0.2.7"));
	f = resolve("r.example");
	cr_expect_str_eq(f.address, "192.0.2.7");
	cr_expect_eq(f.port, 8080);
	f = resolve("none.example");
	cr_expect_str_eq(f.address, "");
	cr_expect_not_null(strstr(f.why, "not found"), "%s", f.why);
	stop_server(&s);
}

Test(resolve, numbers_need_no_server)
{
	cr_expect_str_eq(resolve("192.0.2.5").address, "192.0.2.5");
	cr_expect_neq(resolve("r.example").why[0], '\0');
}

Test(resolve, in_the_search_domain)
{
	struct server s;
	char conf[128];

	snprintf(conf, sizeof(conf), "%ssearch corp.example\n",
		 start_server(&s, "pki.corp.example", "192.0.2.7"));
	use(conf);
	cr_expect_str_eq(resolve("pki").address, "192.0.2.7");
	stop_server(&s);
}

Test(resolve, hosts_come_first)
{
	struct server s;
	const char *conf = start_server(&s, "r.example", "192.0.2.7");

	gw_resolver_use(resolver, conf, strlen(conf), "192.0.2.1 r.example",
			19);
	cr_expect_str_eq(resolve("r.example").address, "192.0.2.1");
	cr_expect_eq(s.asked, 0);
	stop_server(&s);
}

Test(resolve, by_the_second_server)
{
	struct server silent, s;
	char conf[256];

	snprintf(conf, sizeof(conf), "%s",
		 start_server(&silent, "", NULL));
	snprintf(conf + strlen(conf), sizeof(conf) - strlen(conf), "%s",
		 start_server(&s, "r.example", "192.0.2.7"));
	use(conf);
	cr_expect_str_eq(resolve("r.example").address, "192.0.2.7");
	cr_expect_gt(silent.asked, 0);
	stop_server(&silent);
	stop_server(&s);
}

/* resolv.conf has changed: from then on, and for what is under way. */
Test(resolve, by_another_server)
{
	struct server silent, s;
	struct found f = { .told = 0 };
	struct gw_query *q;

	use(start_server(&silent, "", NULL));
	q = gw_resolve(resolver, "r.example", "80", on_found, &f);
	cr_assert_not_null(q);
	for (int i = 0; i < 1000 && silent.asked == 0; i++)
		run_for(50);
	cr_expect_gt(silent.asked, 0);
	cr_expect_eq(f.told, 0);
	use(start_server(&s, "r.example", "192.0.2.8"));
	run_for(60000);
	cr_expect_eq(f.told, 1);
	cr_expect_str_eq(f.address, "192.0.2.8", "%s", f.why);
	cr_expect_str_eq(resolve("r.example").address, "192.0.2.8");
	use("");
	cr_expect_not_null(strstr(resolve("r.example").why, "names no server"));
	stop_server(&silent);
	stop_server(&s);
}

Test(resolve, nobody_asks_any_more)
{
	struct server silent, s;
	struct found f = { .told = 0 };

	use(start_server(&silent, "", NULL));
	gw_query_cancel(gw_resolve(resolver, "r.example", "80", on_found,
				   &f));
	use(start_server(&s, "r.example", "192.0.2.8"));
	cr_assert_not_null(gw_resolve(resolver, "r.example", "80", on_found,
				      &f));
	gw_resolver_free(resolver); /* under way at the end */
	cr_expect_eq(f.told, 0);
	cr_expect_eq(s.asked, 0);
	resolver = gw_resolver_new(loop);
	stop_server(&silent);
	stop_server(&s);
}

Test(resolve, no_server_answers)
{
	struct server silent;

	use(start_server(&silent, "", NULL));
	cr_expect_not_null(strstr(resolve("r.example").why, "imeout"), "%s",
			   resolve("r.example").why);
	stop_server(&silent);
}

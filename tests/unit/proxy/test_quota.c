/* test_quota.c — what one address may hold, and all together. */
#include "quota.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static uint32_t
source(size_t listener, const char *text)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	struct sockaddr_in6 *v6 = (void *)&ss;

	gw_quota_init();
	if (strchr(text, ':') != NULL) {
		ss.ss_family = AF_INET6;
		cr_assert(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
	} else {
		cr_assert(inet_pton(AF_INET, text,
				    &((struct sockaddr_in *)&ss)->sin_addr)
			  == 1);
	}
	return gw_quota_source(listener, &ss);
}

static const struct pair {
	const char *a, *b;
	bool same;
} pairs[] = {
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.1", "2001:db8::1", false },
	{ "2001:db8:0:1::1", "2001:db8:0:2::1", false },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "::ffff:192.0.2.1", true },
	{ "2001:db8::1", "2001:db8::ffff:1:2:3", true },
};

Test(quota, sources)
{
	for (size_t i = 0; i < GW_COUNT(pairs); i++)
		cr_assert_eq(source(0, pairs[i].a) == source(0, pairs[i].b),
			     pairs[i].same, "%s %s", pairs[i].a, pairs[i].b);
	cr_assert_neq(source(0, "192.0.2.1"), source(1, "192.0.2.1"));
}

Test(quota, of_a_source)
{
	struct gw_conf_listener conf = { .source_connections = 2 };
	struct gw_quota_counts all = { .n = { 0 } };
	uint32_t a = source(0, "192.0.2.1"), b = source(0, "192.0.2.2");
	const enum gw_limit kind = GW_LIMIT_CONNECTIONS;

	for (int i = 0; i < 2; i++)
		cr_assert_eq(gw_quota_take(&all, &conf, a, kind),
			     GW_LIMITED_NOT);
	for (int i = 0; i < 5; i++) /* who was refused holds nothing */
		cr_assert_eq(gw_quota_take(&all, &conf, a, kind),
			     GW_LIMITED_SOURCE);
	cr_assert_eq(all.n[kind], 2);
	cr_assert_eq(gw_quota_take(&all, &conf, b, kind), GW_LIMITED_NOT);
	gw_quota_give(&all, a, kind);
	cr_assert_eq(gw_quota_take(&all, &conf, a, kind), GW_LIMITED_NOT);
	/* each kind by itself */
	cr_assert_eq(gw_quota_take(&all, &conf, a, GW_LIMIT_HEADS),
		     GW_LIMITED_NOT);
}

Test(quota, of_all)
{
	struct gw_conf_listener conf = { .max_handshakes = 2 };
	struct gw_quota_counts all = { .n = { 0 } };
	uint32_t a = source(0, "192.0.2.1"), b = source(0, "192.0.2.2");
	const enum gw_limit kind = GW_LIMIT_HANDSHAKES;

	cr_assert_eq(gw_quota_take(&all, &conf, a, kind), GW_LIMITED_NOT);
	cr_assert_eq(gw_quota_take(&all, &conf, b, kind), GW_LIMITED_NOT);
	cr_assert_eq(gw_quota_take(&all, &conf, b, kind), GW_LIMITED_ALL);
	gw_quota_give(&all, a, kind);
	cr_assert_eq(gw_quota_take(&all, &conf, b, kind), GW_LIMITED_NOT);
}

/* Ten thousand others do not stand in one's way. */
Test(quota, many_others)
{
	struct gw_conf_listener conf = { .source_connections = 10 };
	struct gw_quota_counts all = { .n = { 0 } };
	char text[32];

	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "10.1.%d.%d", i / 256, i % 256);
		cr_assert_eq(gw_quota_take(&all, &conf, source(0, text),
					   GW_LIMIT_CONNECTIONS),
			     GW_LIMITED_NOT, "%s", text);
	}
}

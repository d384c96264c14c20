/* Paths, authorities and the forms of a request target. */
#include <criterion/criterion.h>

#include "cases.h"

static const struct path_case {
	const char *path;
	bool want;
} paths[] = {
	{ "", false },
	{ "a", false },
	{ "?/", false },
	{ "*", false },
	{ "/.", false },
	{ "/..", false },
	{ "/./a", false },
	{ "/a/..", false },
	{ "/a/../b", false },
	{ "/a/.", false },
	{ "/..;/a", false },
	{ "/..;x=1/a", false },
	{ "/.;/a", false },
	{ "/%2e/a", false },
	{ "/%2E%2e/a", false },
	{ "/.%2e/a", false },
	{ "/a%2fb", false },
	{ "/a%2Fb", false },
	{ "/a%5cb", false },
	{ "/a\\b", false },
	{ "//", false },
	{ "//a", false },
	{ "/a//b", false },
	{ "/;x/b", false },
	{ "/%", false },
	{ "/%4", false },
	{ "/%4?1", false },
	{ "/%zz", false },
	{ "/%4z", false },
	{ "/%00", false },
	{ "/%0d%0a", false },
	{ "/%1f", false },
	{ "/%7f", false },
	{ "/%41dmin", false },
	{ "/%61", false },
	{ "/%30", false },
	{ "/%2d", false },
	{ "/%5f", false },
	{ "/%c0%ae", false },
	{ "/%c1%9c", false },
	{ "/%e0%80%af", false },
	{ "/%e0%9f%bf", false },
	{ "/%f0%80%80%af", false },
	{ "/%f5%80%80%80", false },
	{ "/%ff", false },
	{ "/a b", false },
	{ "/a\"b", false },
	{ "/a<b", false },
	{ "/a{b}", false },
	{ "/a^b", false },
	{ "/a`b", false },
	{ "/a#b", false },
	{ "/\xc3\xa4", false },
	{ "/a\tb", false },
	{ "/", true },
	{ "/a", true },
	{ "/a/", true },
	{ "/a/b/c.html", true },
	{ "/...", true },
	{ "/.well-known/x", true },
	{ "/..a/a..", true },
	{ "/.%20", true },
	{ "/a;jsessionid=1", true },
	{ "/a/;jsessionid=1", true },
	{ "/a%20b", true },
	{ "/%7euser/~user", true },
	{ "/%25", true },
	{ "/%c3%a4", true },
	{ "/%e0%a0%80", true },
	{ "/%e2%82%ac", true },
	{ "/%f0%9f%98%80", true },
	{ "/a|b[1]!$&'()*+,=:@", true },
	{ "/a?/../b", true },
	{ "/?%zz//..%2e", true },
	{ "/?", true },
};

Test(target, plain_paths)
{
	for (size_t i = 0; i < GW_COUNT(paths); i++) {
		struct gw_str s = { paths[i].path, strlen(paths[i].path) };

		cr_expect_eq(gw_http_path_is_plain(s), paths[i].want, "%s",
			     paths[i].path);
	}
	cr_expect_not(gw_http_path_is_plain((struct gw_str){ "/\0a", 3 }));
	cr_expect_not(gw_http_path_is_plain((struct gw_str){ NULL, 0 }));
}

static const struct host_case {
	const char *host;
	enum gw_http_rule want;
} hosts[] = {
	{ "", GW_RULE_HOST_EMPTY },
	{ ":80", GW_RULE_HOST_INVALID },
	{ "a:", GW_RULE_HOST_INVALID },
	{ "a:0", GW_RULE_HOST_INVALID },
	{ "a:65536", GW_RULE_HOST_INVALID },
	{ "a:000080", GW_RULE_HOST_INVALID },
	{ "a:8x", GW_RULE_HOST_INVALID },
	{ "a:-1", GW_RULE_HOST_INVALID },
	{ "a:80:80", GW_RULE_HOST_INVALID },
	{ "a b", GW_RULE_HOST_INVALID },
	{ "a,b", GW_RULE_HOST_INVALID },
	{ "a/b", GW_RULE_HOST_INVALID },
	{ "a@b", GW_RULE_HOST_INVALID },
	{ "a?b", GW_RULE_HOST_INVALID },
	{ "a#b", GW_RULE_HOST_INVALID },
	{ "a\\b", GW_RULE_HOST_INVALID },
	{ "a%2eb", GW_RULE_HOST_INVALID },
	{ "a\tb", GW_RULE_HOST_INVALID },
	{ "\xc3\xa4", GW_RULE_HOST_INVALID },
	{ ".", GW_RULE_HOST_INVALID },
	{ ".a", GW_RULE_HOST_INVALID },
	{ "a..b", GW_RULE_HOST_INVALID },
	{ "[", GW_RULE_HOST_INVALID },
	{ "[]", GW_RULE_HOST_INVALID },
	{ "[::1", GW_RULE_HOST_INVALID },
	{ "[::1]x", GW_RULE_HOST_INVALID },
	{ "[::1]:", GW_RULE_HOST_INVALID },
	{ "[::1%25eth0]", GW_RULE_HOST_INVALID },
	{ "[v1.a]", GW_RULE_HOST_INVALID },
	{ "[::1:::]", GW_RULE_HOST_INVALID },
	{ "[1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:1:2:3:4:5:6]", GW_RULE_HOST_INVALID },
	{ "a", GW_RULE_OK },
	{ "a.", GW_RULE_OK },
	{ "desk_1.corp.example.com:8443", GW_RULE_OK },
	{ "192.0.2.1:1", GW_RULE_OK },
	{ "[::1]", GW_RULE_OK },
	{ "[2001:db8::1]:65535", GW_RULE_OK },
	{ "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]", GW_RULE_OK },
};

Test(target, hosts)
{
	char longest[257];

	for (size_t i = 0; i < GW_COUNT(hosts); i++) {
		struct gw_str s = { hosts[i].host, strlen(hosts[i].host) };

		cr_expect_eq(gw_http_check_host(s), hosts[i].want, "%s",
			     hosts[i].host);
	}
	memset(longest, 'a', sizeof(longest));
	cr_expect_eq(gw_http_check_host((struct gw_str){ longest, 255 }),
		     GW_RULE_OK);
	cr_expect_eq(gw_http_check_host((struct gw_str){ longest, 256 }),
		     GW_RULE_HOST_INVALID);
	cr_expect_eq(gw_http_check_host((struct gw_str){ "[::1\0]", 6 }),
		     GW_RULE_HOST_INVALID);
}

static const struct form_case {
	const char *method, *target, *host;
	enum gw_http_rule want;
	const char *path, *want_host;
} forms[] = {
	{ "GET", "*", "a", GW_RULE_TARGET_FORM, "", "" },
	{ "OPTIONS", "**", "a", GW_RULE_TARGET_FORM, "", "" },
	{ "GET", "a:443", "a:443", GW_RULE_TARGET_FORM, "", "" },
	{ "GET", "a", "a", GW_RULE_TARGET_FORM, "", "" },
	{ "GET", "?a", "a", GW_RULE_TARGET_FORM, "", "" },
	{ "GET", "http:/a/", "a", GW_RULE_TARGET_FORM, "", "" },
	{ "GET", "http:", "a", GW_RULE_TARGET_FORM, "", "" },
	{ "GET", "://a/", "a", GW_RULE_TARGET_SCHEME, "", "" },
	{ "GET", "ftp://a/", "a", GW_RULE_TARGET_SCHEME, "", "" },
	{ "GET", "wss://a/", "a", GW_RULE_TARGET_SCHEME, "", "" },
	{ "GET", "httpss://a/", "a", GW_RULE_TARGET_SCHEME, "", "" },
	{ "GET", "http://u@a/", "a", GW_RULE_TARGET_USERINFO, "", "" },
	{ "GET", "http://u:p@a/", "a", GW_RULE_TARGET_USERINFO, "", "" },
	{ "GET", "http://@a/", "a", GW_RULE_TARGET_USERINFO, "", "" },
	{ "GET", "http:///", "a", GW_RULE_HOST_EMPTY, "", "" },
	{ "GET", "http://", "a", GW_RULE_HOST_EMPTY, "", "" },
	{ "GET", "http://a:/", "a", GW_RULE_HOST_INVALID, "", "" },
	{ "GET", "http://b/", "a", GW_RULE_TARGET_AUTHORITY, "", "" },
	{ "GET", "http://a:80/", "a", GW_RULE_TARGET_AUTHORITY, "", "" },
	{ "GET", "http://a?q", "a", GW_RULE_PATH, "", "" },
	{ "GET", "http://a//b", "a", GW_RULE_PATH, "", "" },
	{ "GET", "/../b", "a", GW_RULE_PATH, "", "" },
	{ "GET", "//b/", "a", GW_RULE_PATH, "", "" },
	{ "GET", "/", "a", GW_RULE_OK, "/", "a" },
	{ "GET", "/a?b=c", "a", GW_RULE_OK, "/a?b=c", "a" },
	{ "OPTIONS", "*", "a", GW_RULE_OK, "*", "a" },
	{ "OPTIONS", "http://a", "a", GW_RULE_OK, "*", "a" },
	{ "GET", "http://a", "a", GW_RULE_OK, "/", "a" },
	{ "GET", "HTTPS://A:1/x?y", "a:1", GW_RULE_OK, "/x?y", "a:1" },
	{ "GET", "https://a/x", "", GW_RULE_OK, "/x", "a" },
	{ "GET", "https://[::1]:1/x", "[::1]:1", GW_RULE_OK, "/x", "[::1]:1" },
};

Test(target, forms)
{
	for (size_t i = 0; i < GW_COUNT(forms); i++) {
		const struct form_case *c = &forms[i];
		struct gw_http_msg m = {
			.method = { c->method, strlen(c->method) },
			.target = { c->target, strlen(c->target) },
			.host = { c->host, strlen(c->host) },
		};

		cr_expect_eq(gw_http_read_target(&m), c->want, "%s %s",
			     c->method, c->target);
		if (c->want != GW_RULE_OK)
			continue;
		cr_expect(str_is(m.path, c->path), "%s", c->target);
		cr_expect(str_is(m.host, c->want_host), "%s", c->target);
	}
}

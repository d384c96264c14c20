/* How an OCSP responder is asked, and where. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answers.h"
#include "gw/url.h"
#include "gw/util.h"
#include "ocsp.h"

#define STALE GW_ERR_REVOCATION_STALE

static const struct gw_ocsp_rules rules = { .skew_s = 300,
					    .max_age_s = 7 * 86400 };

/* ---- the question */

static const uint8_t ours[GW_OCSP_NONCE] = "a nonce of thirty-two bytes, yes";
static const uint8_t other[GW_OCSP_NONCE] = "a nonce of thirty-two bytes, no!";

Test(asking, nonce)
{
	static const struct {
		const char *what;
		const uint8_t *sent, *back;
		size_t back_len;
		enum gw_err want;
	} cases[] = {
		{ "none at all", NULL, NULL, 0, GW_ERR_OK },
		{ "one nobody asked for", NULL, ours, 32, GW_ERR_OK },
		{ "left out", ours, NULL, 0, STALE },
		{ "another", ours, other, 32, STALE },
		{ "its beginning", ours, ours, 16, STALE },
		{ "the one sent", ours, ours, 32, GW_ERR_OK },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct answer a = { .nonce = cases[i].back,
				    .nonce_len = cases[i].back_len };
		struct gw_ocsp_question q = { .nonce_len = 0 };
		struct gw_ocsp_status s;
		struct gw_error err = { .code = GW_ERR_OK };
		size_t len;
		uint8_t *der = answer_make(&a, &len);

		if (cases[i].sent != NULL) {
			memcpy(q.nonce, cases[i].sent, GW_OCSP_NONCE);
			q.nonce_len = GW_OCSP_NONCE;
		}
		cr_expect_eq(gw_ocsp_judge(vec("good"), vec("issuing"), der,
					   len, &q, &rules, NOW, &s, &err),
			     cases[i].want, "%s: %s", cases[i].what,
			     err.detail);
		OPENSSL_free(der);
	}
}

Test(asking, refuses)
{
	static const struct { int status; bool want; } cases[] = {
		{ 0, false }, { OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, true },
		{ OCSP_RESPONSE_STATUS_INTERNALERROR, false },
		{ OCSP_RESPONSE_STATUS_TRYLATER, false },
		{ OCSP_RESPONSE_STATUS_UNAUTHORIZED, true },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct answer a = { .response_status = cases[i].status };
		size_t len;
		uint8_t *der = answer_make(&a, &len);

		cr_expect_eq(gw_ocsp_refuses(der, len), cases[i].want, "%d",
			     cases[i].status);
		OPENSSL_free(der);
	}
	cr_expect_not(gw_ocsp_refuses((const uint8_t *)"x", 1));
	cr_expect_not(gw_ocsp_refuses(NULL, 0));
}

Test(asking, get_url)
{
	static const uint8_t der[] = { 0xfb, 0xef, 0xff, 0x00 };
	static const struct { const char *url, *want; } cases[] = {
		{ "http://r", "http://r/%2B%2B%2F%2FAA%3D%3D" },
		{ "http://r/", "http://r/%2B%2B%2F%2FAA%3D%3D" },
		{ "http://r/ocsp", "http://r/ocsp/%2B%2B%2F%2FAA%3D%3D" },
		{ "http://r/?q", NULL }, { "", NULL },
	};
	uint8_t big[160] = { 0 };
	char out[GW_OCSP_GET_MAX];

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		bool ok = gw_ocsp_get_url(cases[i].url, der, sizeof(der), out);

		cr_expect_eq(ok, cases[i].want != NULL, "%s", cases[i].url);
		if (ok && cases[i].want != NULL)
			cr_expect_str_eq(out, cases[i].want);
	}
	cr_expect(gw_ocsp_get_url("http://r/", big, sizeof(big), out));
	cr_expect_leq(strlen(out), 255);
	cr_expect_not(gw_ocsp_get_url(
		"http://responder.with.a.long.name.example/and/path", big,
		sizeof(big), out), "more than 255 bytes");
}

/* ---- a real responder */

/* What a real responder answers to each way of asking, through files. */
static void
ask_openssl(const char *name, const struct gw_ocsp_question *q,
	    enum gw_err want)
{
	X509 *leaf = vec(name);
	size_t len = 0;
	uint8_t *req = gw_ocsp_request(leaf, vec("issuing"), q, &len);
	char in[64], out[64], cmd[2048];
	uint8_t der[16384];
	struct gw_ocsp_status s;
	struct gw_error err = { .code = GW_ERR_OK };
	FILE *f;

	snprintf(in, sizeof(in), "/tmp/gwd-test-%d.req", (int)getpid());
	snprintf(out, sizeof(out), "/tmp/gwd-test-%d.resp", (int)getpid());
	f = fopen(in, "w");
	fwrite(req, 1, len, f);
	fclose(f);
	free(req);
	snprintf(cmd, sizeof(cmd),
		 "cd %s && openssl ocsp -index index.txt "
		 "-CA issuing.pem -rsigner ocsp.pem -rkey ocsp.key "
		 "-reqin %s -respout %s -ndays 1 >/dev/null 2>&1",
		 VECTORS, in, out);
	cr_assert_eq(system(cmd), 0);
	f = fopen(out, "r");
	len = fread(der, 1, sizeof(der), f);
	fclose(f);
	remove(in);
	remove(out);
	cr_expect_eq(gw_ocsp_judge(leaf, vec("issuing"), der, len, q, &rules,
				   time(NULL), &s, &err),
		     want, "%s: %s", name, err.detail);
}

Test(asking, openssl_responder)
{
	struct gw_ocsp_question ways[] = {
		{ .hash = GW_OCSP_SHA1 }, { .hash = GW_OCSP_SHA256 },
		{ .hash = GW_OCSP_SHA1, .nonce_len = GW_OCSP_NONCE },
	};

	gw_random(ways[2].nonce, GW_OCSP_NONCE);
	for (size_t i = 0; i < GW_COUNT(ways); i++) {
		ask_openssl("good", &ways[i], GW_ERR_OK);
		ask_openssl("revoked", &ways[i], GW_ERR_CERT_REVOKED);
	}
}

/* ---- where to ask */

Test(urls, of_a_certificate)
{
	static const struct {
		const char *leaf, *registered;
		enum gw_ocsp_mode mode;
		const char *want;
	} cases[] = {
		{ "good", "", GW_OCSP_FAILOVER, "" },
		{ "good", "", GW_OCSP_OVERRIDE, "" },
		{ "good", "http://r/", GW_OCSP_FAILOVER, "http://r/ " },
		{ "aia", "", GW_OCSP_FAILOVER,
		  "http://one.example/a http://two.example:81/b?c " },
		{ "aia", "", GW_OCSP_OVERRIDE,
		  "http://one.example/a http://two.example:81/b?c " },
		{ "aia", "http://r/", GW_OCSP_FAILOVER,
		  "http://one.example/a http://two.example:81/b?c "
		  "http://r/ " },
		{ "aia", "http://r/", GW_OCSP_OVERRIDE, "http://r/ " },
		{ "aia", "http://one.example/a", GW_OCSP_FAILOVER,
		  "http://one.example/a http://two.example:81/b?c " },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct gw_ocsp_urls u;
		char got[1024] = "";

		gw_ocsp_urls(vec(cases[i].leaf), cases[i].registered,
			     cases[i].mode, &u);
		for (size_t j = 0; j < u.n; j++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
				 "%s ", u.v[j]);
		cr_expect_str_eq(got, cases[i].want, "case %zu", i);
	}
}

Test(urls, refusals)
{
	static const char *const bad[] = {
		"", "http://", "http:///x", "https://a/", "ldap://a/", "a",
		"file:///etc/passwd", "http://u@a/", "http://u:p@a/x",
		"http://a:0/", "http://a:65536/", "http://a:123456/",
		"http://a:/", "http://a:8x/", "http://a/ b", "http://a/\r\nX:",
		"http://a/\x7f", "http://a/\xc3\xa9", "http://[::1/",
		"http://[::1]x/", "http://[]/", "http://:80/", "http://a#f",
	};
	struct gw_url u;

	for (size_t i = 0; i < GW_COUNT(bad); i++)
		cr_expect_not(gw_url_parse(bad[i], &u), "%s", bad[i]);
}

Test(urls, parts)
{
	static const struct {
		const char *url, *host, *port, *path, *authority;
	} good[] = {
		{ "http://a", "a", "80", "/", "a" },
		{ "HTTP://a/", "a", "80", "/", "a" },
		{ "http://a:81/x/y?z=1", "a", "81", "/x/y?z=1", "a:81" },
		{ "http://a?q", "a", "80", "/?q", "a" },
		{ "http://[::1]/", "::1", "80", "/", "[::1]" },
		{ "http://[::1]:81/", "::1", "81", "/", "[::1]:81" },
		{ "http://10.0.0.1:065/", "10.0.0.1", "65", "/",
		  "10.0.0.1:065" },
	};
	struct gw_url u;

	for (size_t i = 0; i < GW_COUNT(good); i++) {
		cr_assert(gw_url_parse(good[i].url, &u), "%s", good[i].url);
		cr_expect_str_eq(u.host, good[i].host);
		cr_expect_str_eq(u.port, good[i].port);
		cr_expect_str_eq(u.path, good[i].path);
		cr_expect_str_eq(u.authority, good[i].authority);
	}
}

/* Responses: as strict as requests, and framed by what was asked. */
#include <criterion/criterion.h>

#include "cases.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define TEXT(s) s, sizeof(s) - 1

static const struct refusal {
	const char *head;
	size_t len;
	bool to_upgrade;
	const char *rule;
} refusals[] = {
	{ TEXT(""), false, "head-end" },
	{ TEXT("\n"), false, "status-line" },
	{ TEXT("HTTP/1.1\r\n\r\n"), false, "status-line" },
	{ TEXT("\r\n" OK "\r\n"), false, "status-line" },
	{ TEXT(" HTTP/1.1 200 OK\r\n\r\n"), false, "status-line" },
	{ TEXT("HTTP/1.1  200 OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1\t200 OK\r\n\r\n"), false, "status-line" },
	{ TEXT("http/1.1 200 OK\r\n\r\n"), false, "version-form" },
	{ TEXT("HTTP/1.x 200 OK\r\n\r\n"), false, "version-form" },
	{ TEXT("HTTP/2.0 200 OK\r\n\r\n"), false, "version" },
	{ TEXT("HTTP/2 200 OK\r\n\r\n"), false, "status-line" },
	{ TEXT("ICY 200 OK\r\n\r\n"), false, "status-line" },
	{ TEXT("HTTP/1.1 20 OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 2000 OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 20x OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 +20 OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 099 OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 600 OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 000 OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 200OK\r\n\r\n"), false, "status-code" },
	{ TEXT("HTTP/1.1 200\tOK\r\n\r\n"), false, "status-line" },
	{ TEXT("HTTP/1.1 200;OK\r\n\r\n"), false, "status-line" },
	{ TEXT("HTTP/1.1 200 O\0K\r\n\r\n"), false, "value-nul" },
	{ TEXT("HTTP/1.1 200 O\x1bK\r\n\r\n"), false, "value-control" },
	{ TEXT("HTTP/1.1 200 OK\n\r\n"), false, "bare-lf" },
	{ TEXT("HTTP/1.1 200 OK\rX: y\r\n\r\n"), false, "bare-cr" },
	{ TEXT("HTTP/1.1 200\n\r\n"), false, "bare-lf" },
	{ TEXT(OK "X: a\n\r\n"), false, "bare-lf" },
	{ TEXT(OK "X: a\rb\r\n\r\n"), false, "bare-cr" },
	{ TEXT(OK "X: a\r\n b\r\n\r\n"), false, "obs-fold" },
	{ TEXT(OK " X: a\r\n\r\n"), false, "obs-fold" },
	{ TEXT(OK "X : a\r\n\r\n"), false, "name-space" },
	{ TEXT(OK ": a\r\n\r\n"), false, "name-empty" },
	{ TEXT(OK "X\r\n\r\n"), false, "no-colon" },
	{ TEXT(OK "X: \0\r\n\r\n"), false, "value-nul" },
	{ TEXT(OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), false,
	  "length-twice" },
	{ TEXT(OK "Content-Length: 1, 1\r\n\r\n"), false, "length-value" },
	{ TEXT(OK "Content-Length: -1\r\n\r\n"), false, "length-value" },
	{ TEXT(OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  false, "length-and-coding" },
	{ TEXT(OK "Transfer-Encoding: gzip, chunked\r\n\r\n"), false,
	  "coding-value" },
	{ TEXT(OK "Transfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n"),
	  false, "coding-twice" },
	{ TEXT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), false,
	  "coding-version" },
	{ TEXT(OK "Connection: content-length\r\n\r\n"), false,
	  "connection-framing" },
	{ TEXT("HTTP/1.1 101 X\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n"),
	  false, "status-upgrade" },
	{ TEXT("HTTP/1.1 101 X\r\n\r\n"), true, "status-upgrade" },
	{ TEXT("HTTP/1.1 101 X\r\nUpgrade: a\r\n\r\n"), true,
	  "status-upgrade" },
	{ TEXT("HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n"), true,
	  "status-upgrade" },
	{ TEXT("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: a, b\r\n"
	       "\r\n"),
	  true, "status-upgrade" },
	{ TEXT("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"
	       "\r\n"),
	  true, "status-upgrade" },
	{ TEXT("HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n"),
	  true, "status-upgrade" },
	{ TEXT("HTTP/1.1 101 X\r\nUpgrade: a\r\nConnection: upgrade\r\n"
	       "Content-Length: 1\r\n\r\n"),
	  true, "status-body" },
	{ TEXT("HTTP/1.1 100 X\r\nContent-Length: 1\r\n\r\n"), false,
	  "status-body" },
	{ TEXT("HTTP/1.1 204 X\r\nContent-Length: 1\r\n\r\n"), false,
	  "status-body" },
	{ TEXT("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n"), false,
	  "status-body" },
};

Test(response, refused)
{
	static struct gw_http_msg m;

	for (size_t i = 0; i < GW_COUNT(refusals); i++) {
		const struct refusal *c = &refusals[i];
		struct gw_error err = { 0 };

		cr_expect_eq(gw_http_parse_response(c->head, c->len, false,
						    c->to_upgrade, &m, &err),
			     GW_ERR_UPSTREAM_PROTOCOL, "%s", c->head);
		cr_expect(names_rule(&err, c->rule), "%s: not %s but %s",
			  c->head, c->rule, err.detail);
	}
}

static const struct reading {
	const char *head;
	bool to_head, to_upgrade;
	int status;
	const char *reason;
	enum gw_http_framing framing;
	uint64_t length;
	bool keep_alive;
} readings[] = {
	{ OK "Content-Length: 5\r\n\r\n", false, false, 200, "OK",
	  GW_BODY_LENGTH, 5, true },
	{ OK "Content-Length: 0\r\n\r\n", false, false, 200, "OK",
	  GW_BODY_LENGTH, 0, true },
	{ OK "Transfer-Encoding: chunked\r\n\r\n", false, false, 200, "OK",
	  GW_BODY_CHUNKED, 0, true },
	{ OK "Connection: close\r\nContent-Length: 5\r\n\r\n", false, false,
	  200, "OK", GW_BODY_LENGTH, 5, false },
	{ OK "\r\n", false, false, 200, "OK", GW_BODY_CLOSE, 0, false },
	{ "HTTP/1.9 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false,
	  false, 200, "OK", GW_BODY_CHUNKED, 0, true },
	{ OK "Connection: keep-alive\r\n\r\n", false, false, 200, "OK",
	  GW_BODY_CLOSE, 0, false },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, false, 200,
	  "OK", GW_BODY_LENGTH, 5, false },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n"
	  "\r\n",
	  false, false, 200, "OK", GW_BODY_LENGTH, 5, true },
	{ OK "Content-Length: 5\r\n\r\n", true, false, 200, "OK", GW_BODY_NONE,
	  5, true },
	{ OK "Transfer-Encoding: chunked\r\n\r\n", true, false, 200, "OK",
	  GW_BODY_NONE, 0, true },
	{ OK "\r\n", true, false, 200, "OK", GW_BODY_NONE, 0, true },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false,
	  false, 304, "Not Modified", GW_BODY_NONE, 5, true },
	{ "HTTP/1.1 204 No Content\r\n\r\n", false, false, 204, "No Content",
	  GW_BODY_NONE, 0, true },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false, false,
	  204, "No Content", GW_BODY_NONE, 0, true },
	{ "HTTP/1.1 100 Continue\r\n\r\n", false, false, 100, "Continue",
	  GW_BODY_NONE, 0, true },
	{ "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", false, false, 103,
	  "Early Hints", GW_BODY_NONE, 0, true },
	{ "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", false, false, 200, "",
	  GW_BODY_LENGTH, 0, true },
	{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, false, 200, "",
	  GW_BODY_LENGTH, 0, true },
	{ "HTTP/1.1 599 a\tb \x80\r\nContent-Length: 0\r\n\r\n", false, false,
	  599, "a\tb \x80", GW_BODY_LENGTH, 0, true },
	{ "HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: ws\r\n\r\n",
	  false, true, 101, "Switch", GW_BODY_NONE, 0, true },
	{ OK "Upgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\n"
	  "Content-Length: 1\r\n\r\n",
	  false, true, 200, "OK", GW_BODY_LENGTH, 1, true },
	{ OK "Host: not ours\r\nHost: twice\r\nExpect: x\r\n"
	  "Content-Length: 1\r\n\r\n",
	  false, false, 200, "OK", GW_BODY_LENGTH, 1, true },
};

Test(response, read)
{
	static struct gw_http_msg m;

	for (size_t i = 0; i < GW_COUNT(readings); i++) {
		const struct reading *c = &readings[i];
		struct gw_error err = { 0 };

		cr_expect_eq(gw_http_parse_response(c->head, strlen(c->head),
						    c->to_head, c->to_upgrade,
						    &m, &err),
			     GW_ERR_OK, "%s: %s", c->head, err.detail);
		cr_expect_eq(m.status, c->status, "%s", c->head);
		cr_expect(str_is(m.reason, c->reason), "%s", c->head);
		cr_expect_eq(m.framing, c->framing, "%s", c->head);
		cr_expect_eq(m.content_length, c->length, "%s", c->head);
		cr_expect_eq(m.keep_alive, c->keep_alive, "%s", c->head);
		cr_expect_eq(m.wants_upgrade, c->status == 101, "%s", c->head);
	}
}

/* The tables of the codec against the definitions they stand for. */
#include <criterion/criterion.h>
#include <ctype.h>

#include "cases.h"

static bool
is_in(int c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

/* RFC 9110 5.6.2 */
static bool
is_tchar(int c)
{
	return c < 128 && (isalnum(c) || is_in(c, "!#$%&'*+-.^_`|~"));
}

static unsigned
classes_of(int c)
{
	bool graph = c > 0x20 && c < 0x7f;
	bool name = c < 128 && (isalnum(c) || is_in(c, "-._"));
	unsigned want = 0;

	if (c == '\t' || (c >= 0x20 && c != 0x7f))
		want |= GW_CT_TEXT;
	if (graph && !is_in(c, "\"#<>"))
		want |= GW_CT_TARGET;
	if (graph && !is_in(c, "\"#<>?\\^`{}"))
		want |= GW_CT_PATH;
	if (name)
		want |= GW_CT_HOST;
	if (c >= 0x20 && c != 0x7f && c != 0xc0 && c != 0xc1 && c < 0xf5 &&
	    !name && !is_in(c, "/\\"))
		want |= GW_CT_ENCODED;
	return want;
}

Test(chars, classes)
{
	for (int c = 0; c < 256; c++)
		cr_expect_eq(gw_http_class[c], classes_of(c), "0x%02x", c);
}

Test(chars, fold)
{
	for (int c = 0; c < 256; c++) {
		int want = !is_tchar(c) ? 0 : isalnum(c) ? tolower(c) : '-';

		cr_expect_eq(gw_http_fold[c], want, "0x%02x", c);
	}
}

static struct gw_str
str(const char *s)
{
	return (struct gw_str){ s, strlen(s) };
}

Test(chars, same_but_for_case)
{
	cr_expect(gw_http_same(str("Keep-Alive"), str("kEEP-aLIVE")));
	cr_expect_not(gw_http_same(str("a"), str("ab")));
	cr_expect_not(gw_http_same(str("a-b"), str("a\rb")), "- is not CR");
	cr_expect_not(gw_http_same(str("["), str("{")));
	cr_expect_not(gw_http_same(str("@"), str("`")));
	cr_expect(gw_http_is_word(str("ChunkeD"), "chunked"));
	cr_expect_not(gw_http_is_word(str("chunke"), "chunked"));
	cr_expect_not(gw_http_is_word(str("chunkedd"), "chunked"));
	cr_expect_not(gw_http_is_word(str("c\010unked"), "chunked"));
}

/* Control characters wherever the eight-byte steps may find them. */
Test(chars, skip_text)
{
	char buf[40];

	for (size_t at = 0; at < 32; at++)
		for (int c = 0; c < 256; c++) {
			memset(buf, 'v', sizeof(buf));
			buf[at] = (char)c;
			buf[33] = '\r';
			buf[34] = '\n';
			cr_assert_eq(gw_http_skip_text(buf, buf + 35) - buf,
				     classes_of(c) & GW_CT_TEXT ? 33 : at,
				     "0x%02x at %zu", c, at);
		}
}

static const struct name_case {
	const char *name;
	enum gw_http_name id;
	bool is_alias;
} names[] = {
	{ "X-Other", GW_HF_OTHER, false },
	{ "Hos", GW_HF_OTHER, false },
	{ "Hosts", GW_HF_OTHER, false },
	{ "h", GW_HF_OTHER, false },
	{ "_", GW_HF_OTHER, false },
	{ "x-forwarde", GW_HF_OTHER, false },
	{ "Connection", GW_HF_CONNECTION, false },
	{ "CONTENT-LENGTH", GW_HF_CONTENT_LENGTH, false },
	{ "content_length", GW_HF_CONTENT_LENGTH, true },
	{ "Content.Length", GW_HF_CONTENT_LENGTH, true },
	{ "expect", GW_HF_EXPECT, false },
	{ "hOsT", GW_HF_HOST, false },
	{ "Keep-Alive", GW_HF_KEEP_ALIVE, false },
	{ "Proxy", GW_HF_PROXY_CONNECTION, false },
	{ "Proxy-Authenticate", GW_HF_PROXY_AUTHENTICATE, false },
	{ "Proxy-Authentication-Info", GW_HF_PROXY_AUTHENTICATE, false },
	{ "Proxy-Authorization", GW_HF_PROXY_AUTHORIZATION, false },
	{ "Proxy-Connection", GW_HF_PROXY_CONNECTION, false },
	{ "TE", GW_HF_TE, false },
	{ "Trailer", GW_HF_TRAILER, false },
	{ "Transfer-Encoding", GW_HF_TRANSFER_ENCODING, false },
	{ "Transfer_Encoding", GW_HF_TRANSFER_ENCODING, true },
	{ "Upgrade", GW_HF_UPGRADE, false },
	{ "Forwarded", GW_HF_FORWARDED, false },
	{ "X-Forwarded-For", GW_HF_X_FORWARDED_FOR, false },
	{ "X_Forwarded_For", GW_HF_X_FORWARDED_FOR, true },
	{ "X-Forwarded-Host", GW_HF_X_FORWARDED_HOST, false },
	{ "X-Forwarded-Proto", GW_HF_X_FORWARDED_PROTO, false },
	{ "X-Forwarded-Prefix", GW_HF_X_FORWARDED, false },
	{ "x_forwarded-port", GW_HF_X_FORWARDED, false },
	{ "X-Forwarded", GW_HF_X_FORWARDED, false },
	{ "Client-Cert", GW_HF_CLIENT_CERT, false },
	{ "Client-Cert-Chain", GW_HF_CLIENT_CERT_CHAIN, false },
	{ "Client_Cert_Chain", GW_HF_CLIENT_CERT_CHAIN, true },
	{ "Client-Cert-Subject", GW_HF_CLIENT_CERT, false },
	{ "client_certificate", GW_HF_CLIENT_CERT, false },
	{ "Accept", GW_HF_ACCEPT, false },
	{ "Server", GW_HF_SERVER, false },
	{ "Date", GW_HF_DATE, false },
	{ "Max-Forwards", GW_HF_MAX_FORWARDS, false },
};

Test(chars, field_names)
{
	for (size_t i = 0; i < GW_COUNT(names); i++) {
		bool is_alias;

		cr_expect_eq(gw_http_lookup(str(names[i].name), &is_alias),
			     names[i].id, "%s", names[i].name);
		cr_expect_eq(is_alias, names[i].is_alias, "%s", names[i].name);
	}
}

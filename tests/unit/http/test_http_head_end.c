/* Where a head ends, however it arrives. */
#include <criterion/criterion.h>

#include "cases.h"

static const struct end_case {
	const char *what, *in;
	size_t want;
} cases[] = {
	{ "nothing", "", 0 },
	{ "no line yet", "GET / HTT", 0 },
	{ "a CR too few", "GET / HTTP/1.1\r\nHost: a\r\n\r", 0 },
	{ "lines only", "GET / HTTP/1.1\r\nHost: a\r\n", 0 },
	{ "empty lines only", "\r\n\r\n", 0 },
	{ "no fields", "GET / HTTP/1.0\r\n\r\n", 18 },
	{ "one field", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27 },
	{ "a body behind", "GET / HTTP/1.0\r\n\r\n\r\n\r\n", 18 },
	{ "one empty line before", "\r\nGET / HTTP/1.0\r\n\r\n", 20 },
	{ "two empty lines before", "\r\n\r\nGET / HTTP/1.0\r\n\r\n", 22 },
	{ "three: broken, so it ends", "\r\n\r\n\r\nGET /", 6 },
	{ "bare LF: broken, so it ends", "GET / HTTP/1.1\nHost", 15 },
	{ "bare LF first", "\nGET", 1 },
	{ "LF LF", "a\r\n\nb", 4 },
	{ "CR CR LF is no empty line", "a\r\n\r\r\nb", 0 },
};

Test(head_end, at_once)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		size_t scanned = 0;

		cr_expect_eq(gw_http_head_end(cases[i].in,
					      strlen(cases[i].in), &scanned),
			     cases[i].want, "%s", cases[i].what);
	}
}

Test(head_end, byte_by_byte)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		size_t scanned = 0, end = 0, len = 0;

		while (end == 0 && len < strlen(cases[i].in)) {
			end = gw_http_head_end(cases[i].in, ++len, &scanned);
			cr_assert_eq(scanned, len, "%s", cases[i].what);
		}
		cr_expect_eq(end, cases[i].want, "%s", cases[i].what);
	}
}

static const struct { const char *in; bool want; } heads[] = {
	{ "HEAD / HTTP/1.1\r\nHost : a\r\n\r\n", true },
	{ "\r\n\r\nHEAD nonsense", true }, { "HEAD ", true },
	{ "\r\n\r\n\r\nHEAD /", false }, { "HEAD", false }, { "", false },
	{ "HEADS / HTTP/1.1", false }, { "head / HTTP/1.1", false },
	{ "GET /HEAD HTTP/1.1", false }, { "\nHEAD /", false },
};

Test(head_end, begins_head)
{
	for (size_t i = 0; i < GW_COUNT(heads); i++)
		cr_expect_eq(gw_http_begins_head(heads[i].in,
						 strlen(heads[i].in)),
			     heads[i].want, "%s", heads[i].in);
}

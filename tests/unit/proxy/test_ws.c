/* test_ws.c — following the frames of a WebSocket: in every case the stream
 * is given whole and cut at each byte. */
#include "ws.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct ws_case {
	const char *what, *bytes;
	size_t len;
	bool may_close;
} cases[] = {
	{ "half a header", "\x81", 1, false },
	{ "header without payload", "\x81\x05", 2, false },
	{ "all but the last byte", "\x81\x05hell", 6, false },
	{ "half a length", "\x82\x7e\x01", 3, false },
	{ "16 bits, payload missing", "\x82\x7e\x00\x02x", 5, false },
	{ "64 bits, half", "\x82\x7f\0\0\0\0\0\0\0", 9, false },
	{ "64 bits, payload missing", "\x82\x7f\0\0\0\0\0\0\0\1", 10, false },
	{ "64 bits, too large", "\x82\x7f\x80\0\0\0\0\0\0\0", 10, false },
	{ "after what is too large", "\x82\x7f\xff\0\0\0\0\0\0\0\x81\0", 12,
	  false },
	{ "masked, mask missing", "\x81\x81" "abc", 5, false },
	{ "masked, nothing but half a mask", "\x81\x80" "ab", 4, false },
	{ "closed", "\x88\x02\x03\xe8", 4, false },
	{ "a frame after the close", "\x88\x00\x81\x01x", 5, false },
	{ "half a close", "\x88\x02\x03", 3, false },
	{ "nothing yet", "", 0, true },
	{ "one text", "\x81\x05hello", 7, true },
	{ "an empty one", "\x81\x00", 2, true },
	{ "two", "\x81\x01x\x82\x02yz", 7, true },
	{ "within a message", "\x01\x03one\x00\x03two", 10, true },
	{ "a ping", "\x89\x04ping", 6, true },
	{ "16 bits", "\x82\x7e\x00\x02xy", 6, true },
	{ "16 bits of nothing", "\x82\x7e\x00\x00", 4, true },
	{ "64 bits", "\x82\x7f\0\0\0\0\0\0\0\3xyz", 13, true },
	{ "masked", "\x81\x81" "abcdx", 7, true },
	{ "masked and empty", "\x81\x80" "abcd", 6, true },
	{ "payload like a close", "\x82\x02\x88\x00", 4, true },
};

Test(ws, boundaries)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++)
		for (size_t cut = 0; cut <= cases[i].len; cut++) {
			struct gw_ws w;

			gw_ws_begin(&w);
			gw_ws_follow(&w, cases[i].bytes, cut);
			gw_ws_follow(&w, cases[i].bytes + cut,
				     cases[i].len - cut);
			cr_assert_eq(gw_ws_may_close(&w), cases[i].may_close,
				     "%s, cut at %zu", cases[i].what, cut);
		}
}

Test(ws, not_one)
{
	struct gw_ws w = { .left = 0 };

	gw_ws_follow(&w, "\x81\x00", 2);
	cr_assert_not(gw_ws_may_close(&w));
}

Test(ws, close_frame)
{
	uint8_t f[GW_WS_CLOSE_MAX];
	char text[300];
	size_t n = gw_ws_close_frame(f, GW_WS_POLICY, "cert-revoked");

	cr_assert_eq(n, 16);
	cr_assert(memcmp(f, "\x88\x0e\x03\xf0" "cert-revoked", n) == 0);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	n = gw_ws_close_frame(f, GW_WS_GOING_AWAY, text);
	cr_assert(n == sizeof(f) && f[1] == 125);
}

/* Reader and writer of gw/wire.h: what does not fit, or is left over, must
 * turn them bad and keep them so. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/util.h"
#include "gw/wire.h"

Test(wire, reader_stays_bad)
{
	static const uint8_t three[] = { 1, 2, 3 };
	struct gw_rd r = gw_rd_init(three, sizeof(three));

	cr_expect_eq(gw_rd_u32(&r), 0, "four bytes of three");
	cr_expect(r.bad);
	cr_expect_eq(gw_rd_u8(&r), 0, "bad is sticky");
	cr_expect_not(gw_rd_done(&r));
}

Test(wire, left_over_bytes_are_an_error)
{
	static const uint8_t two[] = { 7, 8 };
	struct gw_rd r = gw_rd_init(two, sizeof(two));

	cr_expect_eq(gw_rd_u8(&r), 7);
	cr_expect_not(gw_rd_done(&r));
	cr_expect_eq(gw_rd_u8(&r), 8);
	cr_expect(gw_rd_done(&r));
}

static const struct str_case {
	const char *what;
	uint8_t bytes[12];
	size_t len, cap;
	bool want;
} str_cases[] = {
	{ "longer than the message", { 9, 0, 0, 0, 'a' }, 5, 64, false },
	{ "length near 2^32", { 0xff, 0xff, 0xff, 0xff, 'a' }, 5, 64, false },
	{ "holds a NUL", { 2, 0, 0, 0, 'a', 0 }, 6, 64, false },
	{ "does not fit with its NUL", { 2, 0, 0, 0, 'a', 'b' }, 6, 2, false },
	{ "just fits", { 2, 0, 0, 0, 'a', 'b' }, 6, 3, true },
	{ "empty", { 0, 0, 0, 0 }, 4, 1, true },
};

Test(wire, strings)
{
	for (size_t i = 0; i < GW_COUNT(str_cases); i++) {
		const struct str_case *c = &str_cases[i];
		struct gw_rd r = gw_rd_init(c->bytes, c->len);
		char out[64] = "x";

		gw_rd_str(&r, out, c->cap);
		cr_expect_eq(gw_rd_done(&r), c->want, "%s", c->what);
		cr_expect(c->want || out[0] == '\0', "%s: cleared", c->what);
	}
}

Test(wire, heap_string_is_never_null)
{
	static const uint8_t bytes[] = { 3, 0, 0, 0, 'a', 0, 'b' };
	struct gw_rd r = gw_rd_init(bytes, sizeof(bytes));
	char *s = gw_rd_strdup(&r, 10);

	cr_expect_str_eq(s, "");
	cr_expect(r.bad);
	free(s);
}

Test(wire, count_over_its_limit)
{
	static const uint8_t bytes[] = { 5, 0, 0, 0 };
	struct gw_rd r = gw_rd_init(bytes, sizeof(bytes));

	cr_expect_eq(gw_rd_count(&r, 4), 0);
	cr_expect(r.bad);
}

Test(wire, writer_overflow_is_sticky)
{
	uint8_t buf[8];
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));

	gw_wr_u64(&w, 1);
	cr_expect_not(w.bad);
	gw_wr_u8(&w, 1);
	cr_expect(w.bad);
	cr_expect_eq(w.len, 8);
}

Test(wire, round_trip)
{
	uint8_t buf[64], raw[3];
	size_t len;
	struct gw_wr w = gw_wr_init(buf, sizeof(buf));
	struct gw_rd r;
	char s[8];

	gw_wr_u8(&w, 0xab);
	gw_wr_u16(&w, 0xabcd);
	gw_wr_u32(&w, 0xdeadbeef);
	gw_wr_u64(&w, UINT64_C(0x0123456789abcdef));
	gw_wr_str(&w, "gate");
	gw_wr_str(&w, NULL);
	gw_wr_raw(&w, "xyz", 3);
	r = gw_rd_init(buf, w.len);
	cr_expect_eq(gw_rd_u8(&r), 0xab);
	cr_expect_eq(gw_rd_u16(&r), 0xabcd);
	cr_expect_eq(gw_rd_u32(&r), 0xdeadbeef);
	cr_expect_eq(gw_rd_u64(&r), UINT64_C(0x0123456789abcdef));
	gw_rd_str(&r, s, sizeof(s));
	cr_expect_str_eq(s, "gate");
	cr_expect_not_null(gw_rd_bytes(&r, 0, &len));
	gw_rd_raw(&r, raw, 3);
	cr_expect(memcmp(raw, "xyz", 3) == 0);
	cr_expect(gw_rd_done(&r));
}

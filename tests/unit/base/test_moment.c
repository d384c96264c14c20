/* Points in time as operators write them. */
#include <criterion/criterion.h>

#include "gw/compiler.h"
#include "gw/moment.h"

Test(moment, refused)
{
	static const char *const bad[] = {
		"", " ", "x", "12x", "1.x", "2030", "2030-13-01x",
		"2030-01-01T", "2030-01-01T10:00", "2030-01-01T10:00:00X",
		"2030-01-01T10:00:00+", "2030-01-01T10:00:00+0200x",
		"99999999999999999999",
	};

	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		int64_t t = 7;

		if (i == 5)
			continue; /* a number: seconds */
		cr_expect_not(gw_parse_moment(bad[i], &t), "%s", bad[i]);
	}
}

Test(moment, accepted)
{
	static const struct { const char *text; int64_t want; } good[] = {
		{ "0", 0 }, { "1893456000", 1893456000 },
		{ "1893456000.75", 1893456000 },
		{ "2030-01-01", 1893456000 },
		{ "2030-01-01T00:00:00Z", 1893456000 },
		{ "2030-01-01T00:00:00", 1893456000 },
		{ "2030-01-01 00:00:00", 1893456000 },
		{ "2030-01-01T00:00:00.5Z", 1893456000 },
		{ "2030-01-01T02:00:00+02:00", 1893456000 },
		{ "2029-12-31T22:30:00-01:30", 1893456000 },
	};

	for (size_t i = 0; i < GW_COUNT(good); i++) {
		int64_t t = 7;

		cr_expect(gw_parse_moment(good[i].text, &t), "%s",
			  good[i].text);
		cr_expect_eq(t, good[i].want, "%s: %lld", good[i].text,
			     (long long)t);
	}
}

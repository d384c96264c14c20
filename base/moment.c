/* moment.c — see gw/moment.h. */
#include "gw/moment.h"
#include "gw/compiler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool
parse_iso(const char *s, int64_t *out)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S",
					     "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%d" };
	for (size_t i = 0; i < GW_COUNT(forms); i++) {
		struct tm tm = { .tm_mday = 1 };
		const char *p = strptime(s, forms[i], &tm);
		unsigned h, m, frac;
		int end = 0;
		char sign;

		if (p == NULL)
			continue;
		if (sscanf(p, ".%u%n", &frac, &end) == 1)
			p += end;
		*out = timegm(&tm);
		if (*p == '\0' || strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
			return true;
		end = 0;
		if (sscanf(p, "%c%2u:%2u%n", &sign, &h, &m, &end) == 3 &&
		    p[end] == '\0' && (sign == '+' || sign == '-')) {
			int64_t off = (int64_t)h * 3600 + m * 60;

			*out += sign == '+' ? -off : off;
			return true;
		}
	}
	return false;
}

bool
gw_parse_moment(const char *s, int64_t *out)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (errno == 0 && end != s && *end == '.') /* whole seconds count */
		end += 1 + strspn(end + 1, "0123456789");
	if (errno == 0 && end != s && *end == '\0') {
		*out = n;
		return true;
	}
	return parse_iso(s, out);
}

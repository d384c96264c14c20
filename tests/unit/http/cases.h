/* cases.h — what the codec's tests share. */
#ifndef TEST_HTTP_CASES_H
#define TEST_HTTP_CASES_H

#include <string.h>

#include "http_priv.h"

static const struct gw_http_limits test_limits = {
	.head_max = 16384, .target_max = 2048,
};

static inline bool
str_is(struct gw_str s, const char *want)
{
	return s.len == strlen(want) &&
	       (s.len == 0 || memcmp(s.p, want, s.len) == 0);
}

/* The detail begins with the rule's name and a colon. */
static inline bool
names_rule(const struct gw_error *err, const char *rule)
{
	size_t len = strlen(rule);

	return strncmp(err->detail, rule, len) == 0 &&
	       err->detail[len] == ':';
}

#endif

/* http_char.c — character classes, and refusals by rule. */
#include "http_priv.h"

/* Bits GW_CT_*. tests/unit/http holds them against the RFCs' definitions.
 * TARGET is RFC 3986 and what browsers leave as it is; never the delimiters
 * of the WHATWG URL Standard's query set. PATH is narrower by its path set.
 * HOST is what DNS and hosts files name, not all of reg-name. ENCODED leaves
 * out controls, the unreserved characters but '~' (their encoding only hides
 * them, RFC 3986 6.2.2.2), both slashes, and bytes UTF-8 never has. */
const uint8_t gw_http_class[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  1,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	17, 23, 17, 17, 23, 23, 23, 23, 23, 23, 23, 23, 23, 15, 15,  7,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 23, 23, 17, 23, 17, 19,
	23, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 23,  3, 23, 19, 15,
	19, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 19, 23, 19, 23,  0,
	17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
	17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
	17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
	17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
	 1,  1, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
	17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
	17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
	17, 17, 17, 17, 17,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,
};

const uint8_t gw_http_fold[256] = {
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0, '-',   0, '-',
	'-', '-', '-', '-',   0,   0, '-', '-',   0, '-', '-',   0,
	'0', '1', '2', '3', '4', '5', '6', '7', '8', '9',   0,   0,
	  0,   0,   0,   0,   0, 'a', 'b', 'c', 'd', 'e', 'f', 'g',
	'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's',
	't', 'u', 'v', 'w', 'x', 'y', 'z',   0,   0,   0, '-', '-',
	'-', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k',
	'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w',
	'x', 'y', 'z',   0, '-',   0, '-',   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
	  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
};

bool
gw_http_same(struct gw_str a, struct gw_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		uint8_t x = (uint8_t)a.p[i], y = (uint8_t)b.p[i];

		if (x == y)
			continue;
		/* Only letters differ by case. */
		if ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z')
			return false;
	}
	return true;
}

bool
gw_http_is_word(struct gw_str s, const char *lower)
{
	size_t i = 0;

	while (i < s.len && lower[i] != '\0') {
		uint8_t c = (uint8_t)s.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != (uint8_t)lower[i])
			return false;
		i++;
	}
	return i == s.len && lower[i] == '\0';
}

static const struct {
	enum gw_err code;
	const char *name, *text;
} rules[GW_RULE_COUNT] = {
	[GW_RULE_OK] = { GW_ERR_OK, "ok", "" },
#define X(id, err, n, t) [GW_RULE_##id] = { err, n, t },
	GW_HTTP_RULES(X)
#undef X
};

enum gw_err
gw_http_refuse(struct gw_error *err, enum gw_err code, enum gw_http_rule rule)
{
	gw_assert(rule != GW_RULE_OK && rule < GW_RULE_COUNT);
	if (code == GW_ERR_OK)
		code = rules[rule].code;
	return gw_fail(err, code, "%s: %s", rules[rule].name, rules[rule].text);
}

/* identity.c — see gw/identity.h. Pure. */
#include "gw/identity.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

#define SUBAUTHORITIES_MAX 15

void
gw_claims_clear(struct gw_claims *c)
{
	for (size_t i = 0; i < c->altsec_count; i++)
		free(c->altsec[i].value);
	memset(c, 0, sizeof(*c));
}

void
gw_facts_clear(struct gw_facts *f)
{
	for (size_t i = 0; i < f->group_count; i++) {
		free(f->groups[i].sid);
		free(f->groups[i].name);
	}
	free(f->groups);
	memset(f, 0, sizeof(*f));
}

static const struct {
	const char *name;
	bool is_strong;
} mappings[] = {
	[GW_MAPPED_NOT]         = { "none", false },
	[GW_MAPPED_SID]         = { "sid", true },
	[GW_MAPPED_ALTSEC]      = { "altsecid", true },
	[GW_MAPPED_UPN]         = { "upn", false },
	[GW_MAPPED_ALTSEC_WEAK] = { "altsecid-weak", false },
	[GW_MAPPED_KDC]         = { "kdc", false },
};

const char *
gw_mapping_name(enum gw_mapping m)
{
	return mappings[(size_t)m < GW_COUNT(mappings) ? m : 0].name;
}

bool
gw_mapping_is_strong(enum gw_mapping m)
{
	return mappings[(size_t)m < GW_COUNT(mappings) ? m : 0].is_strong;
}

/* ---- SIDs */

/* A decimal number without leading zeros, up to `max`; NULL when not. */
static const char *
number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*s < '0' || *s > '9' || (s[0] == '0' && s[1] >= '0' && s[1] <= '9'))
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return NULL;
	}
	*out = v;
	return s;
}

/* Parses into sub-authorities; returns their number, or 0. */
static size_t
parse_sid(const char *s, uint32_t *out_last)
{
	uint64_t v;
	size_t n = 0;

	if (strncmp(s, "S-1-", 4) != 0 || strlen(s) >= GW_SID_MAX)
		return 0;
	s = number(s + 4, (UINT64_C(1) << 48) - 1, &v);
	while (s != NULL && *s == '-' && n < SUBAUTHORITIES_MAX) {
		s = number(s + 1, UINT32_MAX, &v);
		n++;
	}
	if (s == NULL || *s != '\0')
		return 0;
	*out_last = (uint32_t)v;
	return n;
}

bool
gw_sid_is_valid(const char *s)
{
	uint32_t last;

	return parse_sid(s, &last) > 0;
}

uint32_t
gw_sid_rid(const char *s)
{
	uint32_t last;

	return parse_sid(s, &last) > 0 ? last : 0;
}

bool
gw_sid_from_binary(const uint8_t *p, size_t len, char out[GW_SID_MAX])
{
	uint64_t authority = 0;
	size_t at, count;

	out[0] = '\0';
	if (len < 12 || p[0] != 1)
		return false;
	count = p[1];
	if (count == 0 || count > SUBAUTHORITIES_MAX || len != 8 + 4 * count)
		return false;
	for (size_t i = 2; i < 8; i++)
		authority = authority << 8 | p[i];
	at = (size_t)snprintf(out, GW_SID_MAX, "S-1-%llu",
			      (unsigned long long)authority);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *q = p + 8 + 4 * i;
		uint32_t sub = (uint32_t)q[0] | (uint32_t)q[1] << 8 |
			       (uint32_t)q[2] << 16 | (uint32_t)q[3] << 24;

		at += (size_t)snprintf(out + at, GW_SID_MAX - at, "-%u", sub);
	}
	return true;
}

/* ---- user principal names */

/* The length of one well-formed UTF-8 sequence (RFC 3629: no overlongs, no
 * surrogates, nothing above U+10FFFF) and its code point; 0 when broken. */
static size_t
utf8_next(const uint8_t *p, size_t len, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2
		 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (n == 0 || n > len)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return n;
}

/* Characters that make a name look like another one, because they are not
 * seen: controls, white space, direction marks, fillers, byte-order mark,
 * variation selectors, tags (Unicode's Default_Ignorable_Code_Point and
 * White_Space), and what is no character at all. */
static bool
is_deceptive(uint32_t c)
{
	static const struct { uint32_t lo, hi; } ranges[] = {
		{ 0x00, 0x20 }, { 0x7f, 0xa0 }, { 0xad, 0xad },
		{ 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
		{ 0x1680, 0x1680 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
		{ 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },
		{ 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 },
		{ 0xfdd0, 0xfdef }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 }, { 0xfff0, 0xffff }, { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < GW_COUNT(ranges); i++)
		if (c >= ranges[i].lo && c <= ranges[i].hi)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

bool
gw_upn_is_valid(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t at_signs = 0, at_pos = 0, n;
	uint32_t c;

	if (len < 3 || len >= GW_UPN_MAX)
		return false;
	for (size_t i = 0; i < len; i += n) {
		n = utf8_next(p + i, len - i, &c);
		if (n == 0 || is_deceptive(c))
			return false;
		if (c == '@') {
			at_signs++;
			at_pos = i;
		}
	}
	return at_signs == 1 && at_pos > 0 && at_pos < len - 1;
}

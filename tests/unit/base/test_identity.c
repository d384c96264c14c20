/* SIDs and user principal names: what deceives or does not parse is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/identity.h"

static const struct sid_case {
	const char *what, *in;
	bool want;
} sids[] = {
	{ "empty", "", false },
	{ "prefix only", "S-1-", false },
	{ "no sub-authority", "S-1-5", false },
	{ "other revision", "S-2-5-21", false },
	{ "lower case", "s-1-5-21", false },
	{ "trailing dash", "S-1-5-21-", false },
	{ "empty part", "S-1-5--21", false },
	{ "leading zero", "S-1-5-021", false },
	{ "sign", "S-1-5-+21", false },
	{ "over 32 bits", "S-1-5-4294967296", false },
	{ "trailing text", "S-1-5-21x", false },
	{ "trailing space", "S-1-5-21 ", false },
	{ "sixteen sub-authorities",
	  "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", false },
	{ "authority over 48 bits", "S-1-281474976710656-1", false },
	{ "fifteen", "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15", true },
	{ "zero sub-authority", "S-1-1-0", true },
	{ "a user", "S-1-5-21-1004336348-1177238915-682003330-512", true },
};

Test(sid, text)
{
	for (size_t i = 0; i < GW_COUNT(sids); i++)
		cr_expect_eq(gw_sid_is_valid(sids[i].in), sids[i].want, "%s",
			     sids[i].what);
}

Test(sid, binary)
{
	static const uint8_t user[] = { 1, 2, 0, 0, 0, 0, 0, 5,
					21, 0, 0, 0, 0, 2, 0, 0 };
	uint8_t bad[sizeof(user)];
	char out[GW_SID_MAX];

	cr_expect(gw_sid_from_binary(user, sizeof(user), out));
	cr_expect_str_eq(out, "S-1-5-21-512");
	cr_expect_not(gw_sid_from_binary(user, sizeof(user) - 1, out), "short");
	cr_expect_not(gw_sid_from_binary(user, 8, out), "head only");
	memcpy(bad, user, sizeof(user));
	bad[0] = 2;
	cr_expect_not(gw_sid_from_binary(bad, sizeof(bad), out), "revision");
	bad[0] = 1;
	bad[1] = 200;
	cr_expect_not(gw_sid_from_binary(bad, sizeof(bad), out), "count lies");
	cr_expect_str_eq(out, "");
}

Test(sid, rid)
{
	cr_expect_eq(gw_sid_rid("S-1-5-21-7-8-9-500"), 500);
	cr_expect_eq(gw_sid_rid("nonsense"), 0);
}

#define S(text) text, sizeof(text) - 1
static const struct upn_case {
	const char *what, *in;
	size_t len;
	bool want;
} upns[] = {
	{ "empty", S(""), false },
	{ "no realm", S("alice@"), false },
	{ "no user", S("@corp.example"), false },
	{ "no at sign", S("alice"), false },
	{ "two at signs", S("a@b@corp.example"), false },
	{ "NUL inside", S("admin\0@corp.example"), false },
	{ "NUL after", S("alice@corp.example\0"), false },
	{ "newline", S("alice\n@corp.example"), false },
	{ "space", S("al ice@corp.example"), false },
	{ "delete", S("alice\x7f@corp.example"), false },
	{ "C1 control", S("alice\xc2\x85@corp.example"), false },
	{ "no-break space", S("alice\xc2\xa0@corp.example"), false },
	{ "right-to-left override", S("al\xe2\x80\xae@corp.example"), false },
	{ "zero-width space", S("al\xe2\x80\x8b@corp.example"), false },
	{ "byte-order mark", S("\xef\xbb\xbf" "a@corp.example"), false },
	{ "tag character", S("a\xf3\xa0\x81\xa1@corp.example"), false },
	{ "Latin-1", S("m\xfcller@corp.example"), false },
	{ "cut sequence", S("a@corp\xc3"), false },
	{ "overlong slash", S("a\xc0\xaf@corp.example"), false },
	{ "surrogate", S("a\xed\xa0\x80@corp.example"), false },
	{ "above U+10FFFF", S("a\xf4\x90\x80\x80@corp.example"), false },
	{ "plain", S("alice@corp.example"), true },
	{ "UTF-8", S("m\xc3\xbcller@corp.example"), true },
	{ "four bytes", S("\xf0\x9f\x94\x91@corp.example"), true },
	{ "filter characters are not our business here",
	  S("a*)(cn=*@corp"), true },
};

Test(upn, table)
{
	for (size_t i = 0; i < GW_COUNT(upns); i++)
		cr_expect_eq(gw_upn_is_valid(upns[i].in, upns[i].len),
			     upns[i].want, "%s", upns[i].what);
}

static size_t
put_utf8(uint32_t c, char *out)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(marks[n] | c);
	return n;
}

static const struct {
	uint32_t lo, hi;
	bool want;
	const char *what;
} characters[] = {
	{ 0x00, 0x20, false, "controls and space" },
	{ 0x21, 0x3f, true, "ASCII" }, { 0x41, 0x7e, true, "ASCII" },
	{ 0x7f, 0xa0, false, "C1 controls" },
	{ 0xad, 0xad, false, "soft hyphen" },
	{ 0x34f, 0x34f, false, "grapheme joiner" },
	{ 0x61c, 0x61c, false, "Arabic letter mark" },
	{ 0x115f, 0x1160, false, "Hangul fillers" },
	{ 0x180b, 0x180f, false, "Mongolian selectors" },
	{ 0x200b, 0x200d, false, "zero-width" },
	{ 0x200e, 0x200f, false, "direction marks" },
	{ 0x2028, 0x2029, false, "line and paragraph separators" },
	{ 0x202a, 0x202e, false, "embeddings and overrides" },
	{ 0x2060, 0x2064, false, "word joiner, invisible operators" },
	{ 0x2066, 0x2069, false, "isolates" },
	{ 0x206a, 0x206f, false, "deprecated format characters" },
	{ 0x2800, 0x2800, false, "blank Braille" },
	{ 0x3164, 0x3164, false, "Hangul filler" },
	{ 0xfdd0, 0xfdef, false, "no characters" },
	{ 0xfe00, 0xfe0f, false, "variation selectors" },
	{ 0xfeff, 0xfeff, false, "byte-order mark" },
	{ 0xfff9, 0xffff, false, "annotations, replacement" },
	{ 0x1fffe, 0x1ffff, false, "no characters" },
	{ 0xe0001, 0xe007f, false, "tags" },
	{ 0xe0100, 0xe01ef, false, "more variation selectors" },
	{ 0xe9, 0xff, true, "Latin-1 letters" },
	{ 0x391, 0x3a1, true, "Greek" }, { 0x4e00, 0x4e20, true, "Han" },
	{ 0x5d0, 0x5ea, true, "Hebrew" }, { 0x1f511, 0x1f511, true, "key" },
};

Test(upn, characters)
{
	char s[32] = "al";

	for (size_t i = 0; i < GW_COUNT(characters); i++)
		for (uint32_t c = characters[i].lo; c <= characters[i].hi;
		     c++) {
			size_t n = 2 + put_utf8(c, s + 2);

			memcpy(s + n, "ice@corp", 8);
			cr_expect_eq(gw_upn_is_valid(s, n + 8),
				     characters[i].want, "U+%04X: %s", c,
				     characters[i].what);
		}
}

Test(upn, length)
{
	char s[GW_UPN_MAX + 1];

	memset(s, 'a', sizeof(s));
	s[10] = '@';
	cr_expect(gw_upn_is_valid(s, GW_UPN_MAX - 1));
	cr_expect_not(gw_upn_is_valid(s, GW_UPN_MAX));
}

Test(mapping, only_strong_ones_are_strong)
{
	cr_expect(gw_mapping_is_strong(GW_MAPPED_SID));
	cr_expect(gw_mapping_is_strong(GW_MAPPED_ALTSEC));
	cr_expect_not(gw_mapping_is_strong(GW_MAPPED_UPN));
	cr_expect_not(gw_mapping_is_strong(GW_MAPPED_ALTSEC_WEAK));
	cr_expect_not(gw_mapping_is_strong(GW_MAPPED_KDC));
	cr_expect_not(gw_mapping_is_strong(GW_MAPPED_NOT));
	cr_expect_not(gw_mapping_is_strong((enum gw_mapping)77));
}

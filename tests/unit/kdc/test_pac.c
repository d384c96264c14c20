/* PAC buffers: every length in them is a lie until proven. */
#include "pac.h"

#include <criterion/criterion.h>
#include <string.h>

struct buf {
	uint8_t p[1024];
	size_t len;
};

static void
le(struct buf *b, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b->p[b->len++] = (uint8_t)(v >> (8 * i));
}

static void
zero(struct buf *b, size_t n)
{
	memset(b->p + b->len, 0, n);
	b->len += n;
}

/* S-1-5-21-1-2-3 and, with a RID, one more. */
static void
sid(struct buf *b, uint32_t rid)
{
	uint32_t subs = rid != 0 ? 5 : 4;

	le(b, 1, 1);
	le(b, subs, 1);
	zero(b, 5);
	le(b, 5, 1);
	le(b, 21, 4);
	le(b, 1, 4);
	le(b, 2, 4);
	le(b, 3, 4);
	if (rid != 0)
		le(b, rid, 4);
}

static struct buf
upn_info(uint32_t flags, uint16_t len, uint16_t off)
{
	struct buf b = { .len = 0 };

	zero(&b, 8);
	le(&b, flags, 4);
	zero(&b, 4);
	le(&b, len, 2);
	le(&b, off, 2);
	sid(&b, 1104);
	return b;
}

Test(pac, upn_dns_info)
{
	static const struct {
		const char *what;
		uint32_t flags;
		uint16_t len, off;
		bool want;
	} cases[] = {
		{ "no SID in it",        0, 28, 20,     false },
		{ "offset past the end", 2, 28, 60000,  false },
		{ "length past the end", 2, 60000, 20,  false },
		{ "one byte too long",   2, 29, 20,     false },
		{ "one byte short",      2, 27, 20,     false },
		{ "empty",               2, 0, 20,      false },
		{ "good",                2, 28, 20,     true },
	};
	char out[GW_SID_MAX];

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct buf b = upn_info(cases[i].flags, cases[i].len,
					cases[i].off);

		cr_expect_eq(gw_pac_upn_sid(b.p, b.len, out), cases[i].want,
			     "%s", cases[i].what);
	}
	cr_expect_str_eq(out, "S-1-5-21-1-2-3-1104");
}

Test(pac, upn_dns_info_cut_anywhere)
{
	struct buf b = upn_info(2, 28, 20);
	char out[GW_SID_MAX];

	for (size_t n = 0; n < b.len; n++)
		cr_expect_not(gw_pac_upn_sid(b.p, n, out), "%zu bytes", n);
}

static void
string_header(struct buf *b, bool has)
{
	le(b, 2, 2);
	le(b, 2, 2);
	le(b, has ? 0x20000 : 0, 4);
}

static void
string(struct buf *b) /* one UTF-16 unit, then padding */
{
	le(b, 1, 4);
	le(b, 0, 4);
	le(b, 1, 4);
	le(b, 'a', 2);
	zero(b, 2);
}

/* `claims` is what the array says of itself against GroupCount 2. */
static struct buf
logon_info(uint32_t rid, uint32_t claims, uint32_t subs)
{
	struct buf b = { .len = 0 };
	size_t at;

	zero(&b, 16);
	le(&b, 0x20000, 4);
	zero(&b, 48);
	for (int i = 0; i < 6; i++)
		string_header(&b, i == 0);
	zero(&b, 4);
	le(&b, rid, 4);
	le(&b, 513, 4);
	le(&b, 2, 4);
	le(&b, 0x20004, 4);
	zero(&b, 20);
	string_header(&b, true);
	string_header(&b, true);
	le(&b, 0x20008, 4);
	zero(&b, 8 + 4 + 28 + 8 + 12);
	string(&b);
	le(&b, claims, 4);
	zero(&b, 16);
	string(&b);
	string(&b);
	le(&b, subs, 4);
	at = b.len;
	sid(&b, 0);
	b.p[at + 1] = (uint8_t)4;
	return b;
}

Test(pac, logon_info)
{
	static const struct {
		const char *what;
		uint32_t rid, claims, subs;
		bool want;
	} cases[] = {
		{ "no user",                 0,    2, 4,          false },
		{ "groups counted twice",    1104, 3, 4,          false },
		{ "endless groups",          1104, 0xffffffff, 4, false },
		{ "sub-authorities differ",  1104, 2, 3,          false },
		{ "endless sub-authorities", 1104, 2, 0x40000000, false },
		{ "good",                    1104, 2, 4,          true },
	};
	char out[GW_SID_MAX];

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		struct buf b = logon_info(cases[i].rid, cases[i].claims,
					  cases[i].subs);

		cr_expect_eq(gw_pac_logon_sid(b.p, b.len, out), cases[i].want,
			     "%s", cases[i].what);
	}
	cr_expect_str_eq(out, "S-1-5-21-1-2-3-1104");
}

Test(pac, logon_info_cut_anywhere)
{
	struct buf b = logon_info(1104, 2, 4);
	char out[GW_SID_MAX];

	for (size_t n = 0; n < b.len; n++)
		cr_expect_not(gw_pac_logon_sid(b.p, n, out), "%zu bytes", n);
}

Test(pac, logon_info_any_byte_changed)
{
	char out[GW_SID_MAX];

	/* No claim about the result: only that it comes, within bounds. */
	for (size_t i = 0; i < logon_info(1104, 2, 4).len; i++) {
		struct buf b = logon_info(1104, 2, 4);

		b.p[i] ^= 0xff;
		(void)!gw_pac_logon_sid(b.p, b.len, out);
	}
}

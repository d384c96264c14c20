/* pac.c — see pac.h. */
#include "pac.h"
#include "gw/util.h"

#include <string.h>

/* A reader that turns bad when it would leave the buffer, and stays so.
 * Unlike gw/wire.h it knows NDR's alignment. */
struct cursor {
	const uint8_t *p;
	size_t len, off;
	bool bad;
};

static const uint8_t *
take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p + c->off;

	if (c->bad || n > c->len - c->off) {
		c->bad = true;
		return NULL;
	}
	c->off += n;
	return p;
}

static uint32_t
take_le(struct cursor *c, size_t n)
{
	const uint8_t *p = take(c, n);
	uint32_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v |= (uint32_t)p[i] << (8 * i);
	return v;
}

static uint16_t
take_u16(struct cursor *c)
{
	return (uint16_t)take_le(c, 2);
}

static uint32_t
take_u32(struct cursor *c)
{
	return take_le(c, 4);
}

bool
gw_pac_upn_sid(const uint8_t *p, size_t len, char out[GW_SID_MAX])
{
	enum { FIXED = 8, HAS_SID = 2 };
	struct cursor c = { .p = p, .len = len };
	uint16_t sid_len, sid_off;
	uint32_t flags;

	(void)take(&c, FIXED); /* UPN and DNS name: where and how long */
	flags = take_u32(&c);
	(void)take(&c, 4);     /* sAMAccountName */
	sid_len = take_u16(&c);
	sid_off = take_u16(&c);
	if (c.bad || (flags & HAS_SID) == 0 || sid_off > len ||
	    sid_len > len - sid_off)
		return false;
	return gw_sid_from_binary(p + sid_off, sid_len, out);
}

/* ---- KERB_VALIDATION_INFO in NDR (MS-RPCE 2.2.6, C706 14.3) */

enum { STRINGS = 6 };  /* EffectiveName … HomeDirectoryDrive */

struct fixed {
	bool has_string[STRINGS];
	uint32_t rid, group_count;
	bool has_groups, has_server, has_domain, has_sid;
};

static bool
take_string_header(struct cursor *c)
{
	(void)take(c, 4); /* Length, MaximumLength */
	return take_u32(c) != 0;
}

static void
take_fixed(struct cursor *c, struct fixed *f)
{
	(void)take(c, 16 + 4); /* type header, private header, pointer */
	(void)take(c, 48);     /* six FILETIMEs */
	for (size_t i = 0; i < STRINGS; i++)
		f->has_string[i] = take_string_header(c);
	(void)take(c, 4);      /* LogonCount, BadPasswordCount */
	f->rid = take_u32(c);
	(void)take(c, 4);      /* PrimaryGroupId */
	f->group_count = take_u32(c);
	f->has_groups = take_u32(c) != 0;
	(void)take(c, 4 + 16); /* UserFlags, UserSessionKey */
	f->has_server = take_string_header(c);
	f->has_domain = take_string_header(c);
	f->has_sid = take_u32(c) != 0;
	(void)take(c, 8 + 4);  /* Reserved1, UserAccountControl */
	(void)take(c, 28);     /* SubAuthStatus … Reserved3 */
	(void)take(c, 8 + 12); /* extra SIDs, resource groups */
}

static void
align(struct cursor *c)
{
	(void)take(c, (4 - c->off % 4) % 4);
}

static void
skip_string(struct cursor *c)
{
	uint32_t count;

	align(c);
	(void)take(c, 8); /* maximum count, offset */
	count = take_u32(c);
	if (count > c->len)
		c->bad = true;
	(void)take(c, (size_t)count * 2);
}

static void
skip_groups(struct cursor *c, uint32_t want)
{
	uint32_t count;

	align(c);
	count = take_u32(c);
	if (count != want || count > c->len)
		c->bad = true;
	(void)take(c, (size_t)count * 8);
}

/* RPC_SID: the count of sub-authorities stands before the SID once more. */
static bool
take_sid(struct cursor *c, char out[GW_SID_MAX])
{
	const uint8_t *p;
	uint32_t count;

	align(c);
	count = take_u32(c);
	if (count > 15)
		return false;
	p = take(c, 8 + (size_t)count * 4);
	return p != NULL && p[1] == count &&
	       gw_sid_from_binary(p, 8 + (size_t)count * 4, out);
}

bool
gw_pac_logon_sid(const uint8_t *p, size_t len, char out[GW_SID_MAX])
{
	struct cursor c = { .p = p, .len = len };
	struct fixed f = { .rid = 0 };
	char domain[GW_SID_MAX];

	take_fixed(&c, &f);
	for (size_t i = 0; i < STRINGS; i++)
		if (f.has_string[i])
			skip_string(&c);
	if (f.has_groups)
		skip_groups(&c, f.group_count);
	if (f.has_server)
		skip_string(&c);
	if (f.has_domain)
		skip_string(&c);
	if (c.bad || !f.has_sid || f.rid == 0 || !take_sid(&c, domain))
		return false;
	return gw_format(out, GW_SID_MAX, "%s-%u", domain, f.rid);
}

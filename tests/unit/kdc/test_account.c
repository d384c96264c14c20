/* May this account log on? The time is given. */
#include "account.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW      ((time_t)1795402362) /* Monday 2026-11-23 02:52:42 UTC */
#define FILETIME(t) (((int64_t)(t) + 11644473600LL) * 10000000)

static struct gw_account
good(void)
{
	struct gw_account a = {
		.sid = "S-1-5-21-1-2-3-1104", .sam = "alice",
		.upn = "alice@corp.example", .has_uac = true, .uac = 0x200,
		.has_computed = true, .has_pwd_last_set = true,
		.pwd_last_set = 1, .expires = INT64_MAX,
	};

	return a;
}

#define EXPECT(a, want)                                                   \
	cr_expect_eq(gw_account_check(&(a), NOW, &err), GW_ERR_##want,    \
		     "%s", gw_err_name(err.code))

Test(account, negative)
{
	struct gw_error err = { .code = GW_ERR_OK };
	struct gw_account a;

	a = good(), a.has_uac = false;
	EXPECT(a, ACCOUNT_UNKNOWN);
	a = good(), a.uac |= GW_UAC_DISABLED;
	EXPECT(a, ACCOUNT_DISABLED);
	a = good(), a.computed |= GW_UAC_LOCKOUT;
	EXPECT(a, ACCOUNT_LOCKED);
	a = good(), a.has_computed = false, a.lockout_time = 1;
	EXPECT(a, ACCOUNT_LOCKED);
	a = good(), a.expires = FILETIME(NOW);
	EXPECT(a, ACCOUNT_EXPIRED);
	a = good(), a.has_hours = true;
	EXPECT(a, ACCOUNT_LOGON_HOURS);
	a = good(), a.pwd_last_set = 0;
	EXPECT(a, ACCOUNT_PASSWORD_EXPIRED);
	a = good(), a.computed |= GW_UAC_PASSWORD_EXPIRED;
	EXPECT(a, ACCOUNT_PASSWORD_EXPIRED);
	a = good(), a.uac |= GW_UAC_NOT_DELEGATED;
	EXPECT(a, ACCOUNT_NOT_DELEGABLE);
}

Test(account, positive)
{
	struct gw_error err = { .code = GW_ERR_OK };
	struct gw_account a = good();

	EXPECT(a, OK);
	a.expires = 0; /* never */
	EXPECT(a, OK);
	a.expires = FILETIME(NOW + 1);
	EXPECT(a, OK);
	a.lockout_time = 1; /* over: the computed value says so */
	EXPECT(a, OK);
	a.pwd_last_set = 0;
	a.uac |= GW_UAC_SMARTCARD_REQUIRED;
	EXPECT(a, OK);
}

/* Hour by hour through a week: exactly the bit of that hour counts. */
Test(account, hours)
{
	const time_t sunday = 1795305600; /* 2026-11-22 00:00 UTC */

	for (int hour = 0; hour < 168; hour++) {
		uint8_t h[GW_LOGON_HOURS] = { 0 };
		time_t t = sunday + hour * 3600;

		h[hour / 8] = (uint8_t)(1 << hour % 8);
		cr_expect(gw_hours_allow(h, t), "hour %d", hour);
		cr_expect(gw_hours_allow(h, t + 3599), "hour %d", hour);
		cr_expect_not(gw_hours_allow(h, t - 1), "before %d", hour);
		cr_expect_not(gw_hours_allow(h, t + 3600), "after %d", hour);
	}
}

Test(account, privileged)
{
	struct gw_account a = good();

	cr_expect_not(gw_account_is_privileged(&a));
	a.admin_count = 1;
	cr_expect(gw_account_is_privileged(&a));
	a = good(), a.is_computer = true;
	cr_expect(gw_account_is_privileged(&a));
	a = good(), a.uac |= GW_UAC_SERVER;
	cr_expect(gw_account_is_privileged(&a));
	a = good(), memcpy(a.sam, "pc$", 4);
	cr_expect(gw_account_is_privileged(&a));
	a = good(), memcpy(a.sid, "S-1-5-21-1-2-3-500", 19);
	cr_expect(gw_account_is_privileged(&a));
	a = good(), memcpy(a.sid, "S-1-5-21-1-2-3-502", 19);
	cr_expect(gw_account_is_privileged(&a));
}

Test(account, privileged_sids)
{
	static const struct {
		const char *sid;
		bool privileged, is_protected;
	} cases[] = {
		{ "S-1-5-21-1-2-3-513", false, false },
		{ "S-1-5-32-545",       false, false },
		{ "S-1-18-2",           false, false },
		{ "S-1-5-512",          false, false },
		{ "S-1-5-32-525",       false, false },
		{ "S-1-5-21-1-2-3-512", true,  false },
		{ "S-1-5-21-1-2-3-519", true,  false },
		{ "S-1-5-32-544",       true,  false },
		{ "S-1-5-32-551",       true,  false },
		{ "S-1-5-21-1-2-3-525", false, true },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		cr_expect_eq(gw_sid_is_privileged(cases[i].sid),
			     cases[i].privileged, "%s", cases[i].sid);
		cr_expect_eq(gw_sid_is_protected_users(cases[i].sid),
			     cases[i].is_protected, "%s", cases[i].sid);
	}
}

Test(account, upn)
{
	static const struct {
		const char *upn;
		bool want;
	} cases[] = {
		{ "",                       false },
		{ "alice",                  false },
		{ "alice@evil.example",     false },
		{ "alice@",                 false },
		{ "alic@corp.example",      false },
		{ "alice2@corp.example",    false },
		{ "alic\xc3\xa9@corp.example", false },
		{ "alice@corp.example.",    false },
		{ "alice@corp.example",     true },
		{ "ALICE@Corp.Example",     true },
		{ "other@alt.example",      true },
	};
	struct gw_account a = good();

	memcpy(a.upn, "other@alt.example", 18);
	for (size_t i = 0; i < GW_COUNT(cases); i++)
		cr_expect_eq(gw_account_has_upn(&a, cases[i].upn,
						"corp.example"),
			     cases[i].want, "%s", cases[i].upn);
	a.sam[0] = a.upn[0] = '\0';
	cr_expect_not(gw_account_has_upn(&a, "@corp.example",
					 "corp.example"));
}

Test(account, merge_fills_but_never_overrides)
{
	struct gw_account a = good(), b = good();

	a.has_uac = a.has_hours = false;
	b.uac |= GW_UAC_DISABLED;
	b.has_hours = true;
	b.admin_count = 1;
	b.computed |= GW_UAC_LOCKOUT;
	gw_account_merge(&a, &b);
	cr_expect(a.has_uac && (a.uac & GW_UAC_DISABLED) != 0);
	cr_expect(a.has_hours);
	cr_expect_eq(a.admin_count, 1);
	cr_expect_eq(a.computed & GW_UAC_LOCKOUT, 0);
}

static const struct {
	const char *text;
	int64_t want;
} times[] = {
	{ "20260131235959.0Z", 1769903999 }, { "20260131235959Z", 1769903999 },
	{ "19700101000001.0Z", 1 }, { "", 0 }, { "2026", 0 },
	{ "20260131235959", 0 }, { "20260131235959.0+0100", 0 },
	{ "20261331235959.0Z", 0 }, { "20260131235959.0Z0", 0 },
	{ " 20260131235959.0Z", 0 }, { "2026013123595a.0Z", 0 },
};

Test(account, times_of_the_directory)
{
	for (size_t i = 0; i < GW_COUNT(times); i++)
		cr_expect_eq(gw_account_time(times[i].text), times[i].want,
			     "%s", times[i].text);
}

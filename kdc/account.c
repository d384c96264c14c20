/* account.c — see account.h. */
#include "account.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define EPOCH_DIFF 11644473600LL /* seconds from 1601 to 1970 */
#define NEVER      INT64_MAX     /* accountExpires knows 0 for it too */

static time_t
from_filetime(int64_t t)
{
	return (time_t)(t / 10000000 - EPOCH_DIFF);
}

bool
gw_hours_allow(const uint8_t hours[GW_LOGON_HOURS], time_t now)
{
	struct tm tm;
	int hour;

	/* fail closed: no time, no logon. */
	if (gmtime_r(&now, &tm) == NULL)
		return false;
	hour = tm.tm_wday * 24 + tm.tm_hour;
	return (hours[hour / 8] >> (hour % 8) & 1) != 0;
}

static bool
is_disabled(const struct gw_account *a, time_t now)
{
	(void)now;
	return (a->uac & GW_UAC_DISABLED) != 0;
}

/* lockoutTime stays set after the lockout has run out; only the computed
 * value knows. fail closed: without it, any lockout counts. */
static bool
is_locked(const struct gw_account *a, time_t now)
{
	(void)now;
	if (a->has_computed)
		return (a->computed & GW_UAC_LOCKOUT) != 0;
	return a->lockout_time != 0;
}

static bool
is_expired(const struct gw_account *a, time_t now)
{
	return a->expires != 0 && a->expires != NEVER &&
	       now >= from_filetime(a->expires);
}

static bool
is_out_of_hours(const struct gw_account *a, time_t now)
{
	return a->has_hours && !gw_hours_allow(a->hours, now);
}

/* Who can only log on with a card has no password to change. */
static bool
has_old_password(const struct gw_account *a, time_t now)
{
	(void)now;
	if ((a->uac & GW_UAC_SMARTCARD_REQUIRED) != 0)
		return false;
	return (a->has_computed &&
		(a->computed & GW_UAC_PASSWORD_EXPIRED) != 0) ||
	       (a->has_pwd_last_set && a->pwd_last_set == 0);
}

static bool
is_sensitive(const struct gw_account *a, time_t now)
{
	(void)now;
	return (a->uac & GW_UAC_NOT_DELEGATED) != 0;
}

enum gw_err
gw_account_check(const struct gw_account *a, time_t now, struct gw_error *err)
{
	static const struct {
		bool (*is_so)(const struct gw_account *, time_t);
		enum gw_err code;
		const char *words;
	} checks[] = {
		{ is_disabled,      GW_ERR_ACCOUNT_DISABLED,
		  "userAccountControl: disabled" },
		{ is_locked,        GW_ERR_ACCOUNT_LOCKED, "locked out" },
		{ is_expired,       GW_ERR_ACCOUNT_EXPIRED,
		  "accountExpires has passed" },
		{ is_out_of_hours,  GW_ERR_ACCOUNT_LOGON_HOURS,
		  "logonHours deny this hour" },
		{ has_old_password, GW_ERR_ACCOUNT_PASSWORD_EXPIRED,
		  "password expired or must be changed" },
		{ is_sensitive,     GW_ERR_ACCOUNT_NOT_DELEGABLE,
		  "userAccountControl: sensitive, cannot be delegated" },
	};

	/* fail closed: what cannot be read cannot be judged. */
	if (!a->has_uac)
		return gw_fail(err, GW_ERR_ACCOUNT_UNKNOWN,
			       "userAccountControl of %.100s is not readable",
			       a->sam);
	for (size_t i = 0; i < GW_COUNT(checks); i++)
		if (checks[i].is_so(a, now))
			return gw_fail(err, checks[i].code, "%.100s: %s",
				       a->sam, checks[i].words);
	return GW_ERR_OK;
}

bool
gw_account_is_privileged(const struct gw_account *a)
{
	uint32_t rid = gw_sid_rid(a->sid);
	size_t len = strlen(a->sam);

	return a->is_computer || a->admin_count > 0 || rid == 500 ||
	       rid == 502 ||
	       (a->uac & (GW_UAC_WORKSTATION | GW_UAC_SERVER |
			  GW_UAC_INTERDOMAIN)) != 0 ||
	       (len > 0 && a->sam[len - 1] == '$');
}

static bool
is_one_of(uint32_t rid, const uint32_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == rid)
			return true;
	return false;
}

bool
gw_sid_is_privileged(const char *sid)
{
	static const uint32_t domain[] = {
		512, /* Domain Admins */
		516, /* Domain Controllers */
		517, /* Cert Publishers */
		518, /* Schema Admins */
		519, /* Enterprise Admins */
		521, /* Read-only Domain Controllers */
		526, 527, /* Key Admins, Enterprise Key Admins */
	};
	static const uint32_t builtin[] = {
		544, 548, 549, 550, 551, /* Administrators and operators */
	};
	uint32_t rid = gw_sid_rid(sid);

	if (strncmp(sid, "S-1-5-21-", 9) == 0)
		return is_one_of(rid, domain, GW_COUNT(domain));
	if (strncmp(sid, "S-1-5-32-", 9) == 0)
		return is_one_of(rid, builtin, GW_COUNT(builtin));
	return false;
}

bool
gw_sid_is_protected_users(const char *sid)
{
	return strncmp(sid, "S-1-5-21-", 9) == 0 && gw_sid_rid(sid) == 525;
}

/* The C locale: ASCII letters only. */
bool
gw_account_has_upn(const struct gw_account *a, const char *upn,
		   const char *domain)
{
	size_t len = strlen(a->sam);

	if (upn[0] == '\0')
		return false;
	if (a->upn[0] != '\0' && strcasecmp(a->upn, upn) == 0)
		return true;
	return len > 0 && strncasecmp(upn, a->sam, len) == 0 &&
	       upn[len] == '@' && strcasecmp(upn + len + 1, domain) == 0;
}

int64_t
gw_account_time(const char *s)
{
	struct tm tm = { .tm_year = 0 };
	const char *rest;

	if (strspn(s, "0123456789") != 14)
		return 0;
	rest = strptime(s, "%Y%m%d%H%M%S", &tm);
	if (rest != s + 14)
		return 0;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	return strcmp(rest, "Z") == 0 ? (int64_t)timegm(&tm) : 0;
}

void
gw_account_merge(struct gw_account *a, const struct gw_account *b)
{
	if (!a->has_uac) {
		a->has_uac = b->has_uac;
		a->uac = b->uac;
	}
	if (!a->has_computed) {
		a->has_computed = b->has_computed;
		a->computed = b->computed;
	}
	if (!a->has_hours) {
		a->has_hours = b->has_hours;
		memcpy(a->hours, b->hours, sizeof(a->hours));
	}
	if (!a->has_pwd_last_set) {
		a->has_pwd_last_set = b->has_pwd_last_set;
		a->pwd_last_set = b->pwd_last_set;
	}
	if (a->expires == 0)
		a->expires = b->expires;
	if (a->lockout_time == 0)
		a->lockout_time = b->lockout_time;
	if (a->admin_count == 0)
		a->admin_count = b->admin_count;
	a->is_computer |= b->is_computer;
}

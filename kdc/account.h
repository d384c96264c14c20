/* account.h — may this account log on? Our own judgement over what the
 * directory says, because KDCs differ in what they enforce: Samba 4.17 lets
 * logon hours and Protected Users pass, Windows passwords that must change.
 * Linked into gwd-kdc only. Pure: the time is a parameter. */
#ifndef KDC_ACCOUNT_H
#define KDC_ACCOUNT_H

#include "gw/error.h"
#include "gw/identity.h"

/* userAccountControl (MS-ADTS 2.2.16) */
enum {
	GW_UAC_DISABLED            = 0x2,
	GW_UAC_LOCKOUT             = 0x10, /* computed value only */
	GW_UAC_WORKSTATION         = 0x1000,
	GW_UAC_SERVER              = 0x2000,
	GW_UAC_INTERDOMAIN         = 0x800,
	GW_UAC_SMARTCARD_REQUIRED  = 0x40000,
	GW_UAC_NOT_DELEGATED       = 0x100000,
	GW_UAC_PASSWORD_EXPIRED    = 0x800000, /* computed value only */
	GW_UAC_TRUSTED_TO_AUTH     = 0x1000000,
};

#define GW_LOGON_HOURS 21 /* bytes: one bit per hour of the week */

/* Has the attributes that were readable; for the others the has_ is false. */
struct gw_account {
	char sid[GW_SID_MAX];
	char sam[GW_SAM_MAX];
	char upn[GW_UPN_MAX];
	char dn[GW_DN_MAX];
	char display_name[GW_NAME_MAX];
	char mail[GW_NAME_MAX];
	bool is_computer; /* by objectClass */
	bool has_uac, has_computed, has_hours, has_pwd_last_set;
	uint32_t uac, computed;
	int64_t expires;      /* FILETIME; 0: never */
	int64_t lockout_time; /* FILETIME; 0: not locked */
	int64_t pwd_last_set; /* FILETIME; 0: must be changed */
	int64_t admin_count;
	int64_t created;      /* unix time; 0: not readable */
	uint8_t hours[GW_LOGON_HOURS];
};

/* GW_ERR_OK or ACCOUNT_DISABLED, _LOCKED, _EXPIRED, _LOGON_HOURS,
 * _PASSWORD_EXPIRED, _NOT_DELEGABLE, in that order; ACCOUNT_UNKNOWN when too
 * little of it can be read to judge. */
GW_MUST_CHECK enum gw_err gw_account_check(const struct gw_account *a,
					   time_t now, struct gw_error *err);

/* Whether these hours allow `now` (UTC, from Sunday 00:00, low bit first). */
bool gw_hours_allow(const uint8_t hours[GW_LOGON_HOURS], time_t now);

/* Computers, Administrator, krbtgt, and whoever is or was in a protected
 * group: adminCount stays set when a member leaves, so it may be stale, and
 * is taken at its word all the same. */
bool gw_account_is_privileged(const struct gw_account *a);

/* Whether a SID in a user's token makes them privileged (Domain Admins and
 * their like): adminCount follows such a membership up to an hour late. */
bool gw_sid_is_privileged(const char *sid);
/* Protected Users of some domain. */
bool gw_sid_is_protected_users(const char *sid);

/* Whether `upn` is the account's: userPrincipalName, or its sAMAccountName
 * at `domain`. ASCII letters without regard to case, all else exactly: AD's
 * own comparison takes letters with and without accents for equal. */
bool gw_account_has_upn(const struct gw_account *a, const char *upn,
			const char *domain);

/* A GeneralizedTime of the directory ("20260131235959.0Z") as unix time; 0
 * when it is none. */
int64_t gw_account_time(const char *s);

/* Attributes missing in `a` are filled from `b`, the same account as somebody
 * else may read it. */
void gw_account_merge(struct gw_account *a, const struct gw_account *b);

#endif

/* health_directory.c — the domain controllers, the service account, and
 * gwd-kdc; see health_priv.h. */
#include "health_priv.h"
#include "gw/error.h"

#define TICKET_WARN_S    900
#define AES_ETYPES       0x18   /* msDS-SupportedEncryptionTypes */
#define SKEW_WARN_MS     60000
#define SKEW_CRITICAL_MS 270000 /* Kerberos allows 300 s */

static void
judge_delegation(struct gw_judge *j, const json_t *dc)
{
	if (is_no(dc, "delegated"))
		gw_say(j, WARNING, gw_err_cure(GW_ERR_DELEGATION_MISSING),
		       "ldap/%s is not in the delegation list: no logins "
		       "through it", text(dc, "name"));
}

static void
judge_skew(struct gw_judge *j, const json_t *dc)
{
	int64_t skew = number(dc, "skew_ms");
	int64_t size = skew < 0 ? -skew : skew;

	if (size >= SKEW_WARN_MS)
		gw_say(j, size >= SKEW_CRITICAL_MS ? CRITICAL : WARNING,
		       gw_err_cure(GW_ERR_KDC_CLOCK_SKEW),
		       "the clock of %s differs by %lld s; Kerberos stops at "
		       "300", text(dc, "name"), (long long)(size / 1000));
}

static void
judge_dc(struct gw_judge *j, const json_t *dc)
{
	const char *why = text(dc, "last_error");

	if (!gw_is_good(text(dc, "state")))
		gw_say(j, WARNING,
		       gw_cure_of(why, gw_err_cure(GW_ERR_KDC_UNREACHABLE)),
		       "domain controller %s is %s%s%s", text(dc, "name"),
		       text(dc, "state"), gw_colon(why), why);
	judge_delegation(j, dc);
	judge_skew(j, dc);
}

void
gw_judge_dcs(struct gw_judge *j, const json_t *dcs)
{
	size_t i, down = 0, undelegated = 0, total = json_array_size(dcs);
	const json_t *dc;

	json_array_foreach(dcs, i, dc) {
		down += is(dc, "state", "down") || is(dc, "state", "failing");
		undelegated += is_no(dc, "delegated");
		judge_dc(j, dc);
	}
	if (total > 0 && down == total)
		gw_say(j, CRITICAL, gw_err_cure(GW_ERR_KDC_UNREACHABLE),
		       "no domain controller can be used: nobody can log in");
	if (total > 0 && undelegated == total)
		gw_say(j, CRITICAL, gw_err_cure(GW_ERR_DELEGATION_MISSING),
		       "not one domain controller is in the delegation list: "
		       "nobody can log in");
}

static void
judge_ticket(struct gw_judge *j, const json_t *s)
{
	const char *state = text(s, "ticket_state");
	const char *why = text(s, "ticket_error");
	const char *cure = gw_cure_of(text(s, "check"),
				      gw_err_cure(GW_ERR_SERVICE_ACCOUNT));
	int64_t end = number(s, "ticket_end");

	if (!gw_is_good(state) || *why != '\0')
		gw_say(j, CRITICAL, gw_cure_of(state, cure),
		       "the service account gets no ticket: %s%s%s", state,
		       gw_colon(why), why);
	else if (end != 0 && j->now != 0 && end < j->now + TICKET_WARN_S)
		gw_say(j, WARNING, "It is renewed by itself; if this stays, "
		       "look at the log of gwd-kdc.",
		       "the service account's ticket ends in less than 15 min");
}

/* What the directory says of the account itself. */
static void
judge_account(struct gw_judge *j, const json_t *s)
{
	const json_t *etypes = json_object_get(s, "enctypes");

	if (is_no(s, "any_protocol"))
		gw_say(j, CRITICAL, gw_err_cure(GW_ERR_SERVICE_NOT_TRUSTED),
		       "the service account may not use any authentication "
		       "protocol: nobody can log in");
	if (json_is_true(json_object_get(s, "sensitive")))
		gw_say(j, CRITICAL, "Take the mark `Account is sensitive and "
		       "cannot be delegated` off the service account.",
		       "the service account is marked sensitive: its tickets "
		       "cannot be used for users");
	if (is_no(s, "has_spn"))
		gw_say(j, CRITICAL, gw_err_cure(GW_ERR_SERVICE_ACCOUNT),
		       "the service account has no SPN: S4U2Self is refused");
	if (json_is_integer(etypes) &&
	    (json_integer_value(etypes) & AES_ETYPES) == 0)
		gw_say(j, WARNING, gw_err_cure(GW_ERR_ETYPE_MISMATCH),
		       "the service account is not allowed AES: domain "
		       "controllers stop serving RC4");
}

void
gw_judge_service(struct gw_judge *j, const json_t *s)
{
	const char *check = text(s, "check");

	judge_ticket(j, s);
	judge_account(j, s);
	if (!gw_is_good(check))
		gw_say(j, WARNING, gw_cure_of(check, ""),
		       "the service account could not be looked at: %s: %s",
		       check, text(s, "check_error"));
	if (*text(s, "discovery_error") != '\0')
		gw_say(j, WARNING, "Check the SRV records of the domain and "
		       "the resolver, or list domain_controllers.",
		       "looking for domain controllers failed: %s",
		       text(s, "discovery_error"));
	if (*text(s, "names_error") != '\0')
		gw_say(j, WARNING, "Have it lead into /etc, or into "
		       "systemd/resolve, NetworkManager or resolvconf below "
		       "/run: gwd-kdc can read nothing else.",
		       "names are not resolved as they should be: %s",
		       text(s, "names_error"));
	if (json_is_true(json_object_get(s, "hostname_slow")))
		gw_say(j, WARNING, "Put this machine's own name into "
		       "/etc/hosts; SASL resolves it at every bind.",
		       "resolving this machine's own name takes %lld ms, at "
		       "every login", (long long)(number(s, "hostname_us") /
						  1000));
}

void
gw_judge_kdc(struct gw_judge *j, const json_t *k)
{
	int64_t queue = number(k, "queue"), max = number(k, "queue_max");

	if (max > 0 && queue * 5 >= max * 4)
		gw_say(j, WARNING, gw_err_cure(GW_ERR_BUSY),
		       "%lld of %lld places in the queue for the directory are "
		       "taken", (long long)queue, (long long)max);
}

/* health.c — see health.h. One function per section, in a table. Strings of
 * the children are quoted, never interpreted. */
#include "health.h"
#include "gw/error.h"
#include "gw/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CA_WARN_DAYS     30
#define CERT_WARN_DAYS   14
#define STAPLE_WARN_S    3600
#define TICKET_WARN_S    900
#define AES_ETYPES       0x18  /* msDS-SupportedEncryptionTypes */
#define SKEW_WARN_MS     60000
#define SKEW_CRITICAL_MS 270000 /* Kerberos allows 300 s */

enum severity { NOTE, WARNING, CRITICAL };

struct judge {
	const json_t *status;
	json_t *found[CRITICAL + 1]; /* arrays */
	int64_t now;
};

/* ---- reading rows */

static const char *
text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s != NULL ? s : "";
}

static bool
is(const json_t *row, const char *key, const char *value)
{
	return strcmp(text(row, key), value) == 0;
}

static int64_t
number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static bool
has(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	return v != NULL && !json_is_null(v);
}

/* The children say yes/no as booleans or words; what is unknown is neither. */
static bool
is_no(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	return json_is_false(v) || is(row, key, "no");
}

/* ---- saying what is wrong */

static void say(struct judge *j, enum severity sev, const char *cure,
		const char *fmt, ...) GW_PRINTF(4, 5);

/* Cut text must not end inside a letter of UTF-8: jansson would refuse it. */
static void
trim_utf8(char *s)
{
	size_t len = strlen(s);

	while (len > 0 && ((unsigned char)s[len - 1] & 0xc0) == 0x80)
		s[--len] = '\0';
	if (len > 0 && ((unsigned char)s[len - 1] & 0x80) != 0)
		s[len - 1] = '\0';
}

static void
say(struct judge *j, enum severity sev, const char *cure, const char *fmt, ...)
{
	static const char *const names[] = { "note", "warning", "critical" };
	char what[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (n < 0)
		what[0] = '\0';
	else if ((size_t)n >= sizeof(what))
		trim_utf8(what);
	json_array_append_new(j->found[sev],
			      json_pack("{s:s, s:s, s:s}", "severity",
					names[sev], "what", what, "cure",
					cure));
}

/* The cure of the list of errors, when the text begins with a name of it. */
static const char *
cure_of(const char *error, const char *otherwise)
{
	char name[48];
	size_t len = strcspn(error, ": ");
	enum gw_err code;

	if (len == 0 || len >= sizeof(name))
		return otherwise;
	memcpy(name, error, len);
	name[len] = '\0';
	code = gw_err_by_name(name);
	return code == GW_ERR_COUNT || code == GW_ERR_OK ? otherwise
							 : gw_err_cure(code);
}

/* Between a state and its reason, when one is given. */
static const char *
colon(const char *why)
{
	return *why != '\0' ? ": " : "";
}

static bool
is_good(const char *state)
{
	static const char *const good[] = { "ok", "up", "good", "unknown",
					    "unused", "idle", "new", "none",
					    "renewing", "" };

	for (size_t i = 0; i < GW_COUNT(good); i++)
		if (strcmp(state, good[i]) == 0)
			return true;
	return false;
}

/* Warns of each row whose state is not good; whether that is every one. */
static bool
is_none_good(struct judge *j, const json_t *rows,
	     void (*warn)(struct judge *j, const json_t *row))
{
	size_t i, bad = 0;
	const json_t *r;

	json_array_foreach(rows, i, r) {
		if (is_good(text(r, "state")))
			continue;
		warn(j, r);
		bad++;
	}
	return bad > 0 && bad == json_array_size(rows);
}

/* ---- processes */

#define CURE_LOG "Look at the log (journalctl -u gwd) for what ended it."

static void
judge_process(struct judge *j, const json_t *p)
{
	const char *name = text(p, "name");

	if (is(p, "state", "off"))
		return; /* not needed by this configuration */
	if (!is(p, "state", "up"))
		say(j, CRITICAL, CURE_LOG, "%s is not running (%s%s%s)", name,
		    text(p, "state"), *text(p, "last_end") != '\0' ? ", "
								   : "",
		    text(p, "last_end"));
	else if (json_is_false(json_object_get(p, "answered")))
		say(j, WARNING, "If it lasts, look at its load; gwd does not "
		    "end a process that is only slow.",
		    "%s did not answer in time: its part of this status is "
		    "missing", name);
}

/* ---- directory */

static void
judge_delegation(struct judge *j, const json_t *dc)
{
	if (is_no(dc, "delegated"))
		say(j, WARNING, gw_err_cure(GW_ERR_DELEGATION_MISSING),
		    "ldap/%s is not in the delegation list: no logins through "
		    "it", text(dc, "name"));
}

static void
judge_skew(struct judge *j, const json_t *dc)
{
	int64_t skew = number(dc, "skew_ms");
	int64_t size = skew < 0 ? -skew : skew;

	if (size >= SKEW_WARN_MS)
		say(j, size >= SKEW_CRITICAL_MS ? CRITICAL : WARNING,
		    gw_err_cure(GW_ERR_KDC_CLOCK_SKEW),
		    "the clock of %s differs by %lld s; Kerberos stops at 300",
		    text(dc, "name"), (long long)(size / 1000));
}

static void
judge_dc(struct judge *j, const json_t *dc)
{
	const char *why = text(dc, "last_error");

	if (!is_good(text(dc, "state")))
		say(j, WARNING,
		    cure_of(why, gw_err_cure(GW_ERR_KDC_UNREACHABLE)),
		    "domain controller %s is %s%s%s", text(dc, "name"),
		    text(dc, "state"), colon(why), why);
	judge_delegation(j, dc);
	judge_skew(j, dc);
}

static void
judge_dcs(struct judge *j, const json_t *dcs)
{
	size_t i, down = 0, undelegated = 0, total = json_array_size(dcs);
	const json_t *dc;

	json_array_foreach(dcs, i, dc) {
		down += is(dc, "state", "down") || is(dc, "state", "failing");
		undelegated += is_no(dc, "delegated");
		judge_dc(j, dc);
	}
	if (total > 0 && down == total)
		say(j, CRITICAL, gw_err_cure(GW_ERR_KDC_UNREACHABLE),
		    "no domain controller can be used: nobody can log in");
	if (total > 0 && undelegated == total)
		say(j, CRITICAL, gw_err_cure(GW_ERR_DELEGATION_MISSING),
		    "not one domain controller is in the delegation list: "
		    "nobody can log in");
}

static void
judge_ticket(struct judge *j, const json_t *s)
{
	const char *state = text(s, "ticket_state");
	const char *why = text(s, "ticket_error");
	const char *cure = cure_of(text(s, "check"),
				   gw_err_cure(GW_ERR_SERVICE_ACCOUNT));
	int64_t end = number(s, "ticket_end");

	if (!is_good(state) || *why != '\0')
		say(j, CRITICAL, cure_of(state, cure),
		    "the service account gets no ticket: %s%s%s", state,
		    colon(why), why);
	else if (end != 0 && j->now != 0 && end < j->now + TICKET_WARN_S)
		say(j, WARNING, "It is renewed by itself; if this stays, look "
		    "at the log of gwd-kdc.",
		    "the service account's ticket ends in less than 15 min");
}

/* What the directory says of the account itself. */
static void
judge_account(struct judge *j, const json_t *s)
{
	const json_t *etypes = json_object_get(s, "enctypes");

	if (is_no(s, "any_protocol"))
		say(j, CRITICAL, gw_err_cure(GW_ERR_SERVICE_NOT_TRUSTED),
		    "the service account may not use any authentication "
		    "protocol: nobody can log in");
	if (json_is_true(json_object_get(s, "sensitive")))
		say(j, CRITICAL, "Take the mark `Account is sensitive and "
		    "cannot be delegated` off the service account.",
		    "the service account is marked sensitive: its tickets "
		    "cannot be used for users");
	if (is_no(s, "has_spn"))
		say(j, CRITICAL, gw_err_cure(GW_ERR_SERVICE_ACCOUNT),
		    "the service account has no SPN: S4U2Self is refused");
	if (json_is_integer(etypes) &&
	    (json_integer_value(etypes) & AES_ETYPES) == 0)
		say(j, WARNING, gw_err_cure(GW_ERR_ETYPE_MISMATCH),
		    "the service account is not allowed AES: domain "
		    "controllers stop serving RC4");
}

static void
judge_service(struct judge *j, const json_t *s)
{
	const char *check = text(s, "check");

	judge_ticket(j, s);
	judge_account(j, s);
	if (!is_good(check))
		say(j, WARNING, cure_of(check, ""), "the service account could "
		    "not be looked at: %s: %s", check,
		    text(s, "check_error"));
	if (*text(s, "discovery_error") != '\0')
		say(j, WARNING, "Check the SRV records of the domain and the "
		    "resolver, or list domain_controllers.",
		    "looking for domain controllers failed: %s",
		    text(s, "discovery_error"));
	if (json_is_true(json_object_get(s, "hostname_slow")))
		say(j, WARNING, "Put this machine's own name into /etc/hosts; "
		    "SASL resolves it at every bind.",
		    "resolving this machine's own name takes %lld ms, at "
		    "every login", (long long)(number(s, "hostname_us") /
					       1000));
}

static void
judge_kdc(struct judge *j, const json_t *k)
{
	int64_t queue = number(k, "queue"), max = number(k, "queue_max");

	if (max > 0 && queue * 5 >= max * 4)
		say(j, WARNING, gw_err_cure(GW_ERR_BUSY),
		    "%lld of %lld places in the queue for the directory are "
		    "taken", (long long)queue, (long long)max);
}

/* ---- certificates */

static void
judge_cas(struct judge *j, const json_t *cas)
{
	size_t i, ended = 0;
	const json_t *ca;

	json_array_foreach(cas, i, ca) {
		int64_t days = number(ca, "days_left");

		if (!has(ca, "days_left") || days >= CA_WARN_DAYS)
			continue;
		ended += days < 0;
		say(j, WARNING, "Register the CA's successor: gwctl ca "
		    "register FILE, or a section `ca`.",
		    days < 0 ? "CA %s (%s) has expired %lld days ago"
			     : "CA %s (%s) expires in %lld days",
		    text(ca, "title"), text(ca, "subject"),
		    (long long)(days < 0 ? -days : days));
	}
	if (json_array_size(cas) > 0 && ended == json_array_size(cas))
		say(j, CRITICAL, gw_err_cure(GW_ERR_CERT_EXPIRED),
		    "every registered CA has expired: nobody can log in");
}

/* A list that is here may tell what no responder does. */
static bool
has_list(const struct judge *j)
{
	const json_t *rows = json_object_get(j->status, "lists"), *r;
	size_t i;

	json_array_foreach(rows, i, r)
		if (number(r, "next_update") > j->now)
			return true;
	return false;
}

static void
judge_lists(struct judge *j, const json_t *rows)
{
	const json_t *r;
	size_t i;

	json_array_foreach(rows, i, r) {
		const char *why = text(r, "last_error");
		bool is_stale = is(r, "state", "stale");

		if (is_stale || is(r, "state", "failing"))
			say(j, WARNING, cure_of(why, gw_err_cure(
				is_stale ? GW_ERR_REVOCATION_STALE
					 : GW_ERR_REVOCATION_UNAVAILABLE)),
			    "revocation list %s is %s%s%s", text(r, "place"),
			    text(r, "state"), colon(why), why);
	}
}

static void
warn_of_responder(struct judge *j, const json_t *r)
{
	const char *why = text(r, "last_error");

	say(j, WARNING,
	    cure_of(why, gw_err_cure(GW_ERR_REVOCATION_UNAVAILABLE)),
	    "OCSP responder %s is %s%s%s", text(r, "url"), text(r, "state"),
	    colon(why), why);
}

static void
judge_responders(struct judge *j, const json_t *rows)
{
	if (is_none_good(j, rows, warn_of_responder) && !has_list(j))
		say(j, CRITICAL, gw_err_cure(GW_ERR_REVOCATION_UNAVAILABLE),
		    "no OCSP responder answers: only cards judged lately can "
		    "log in");
}

static void
judge_server_cert(struct judge *j, const json_t *l)
{
	int64_t days = number(l, "certificate_days_left");

	if (!has(l, "certificate_days_left") || days >= CERT_WARN_DAYS)
		return;
	say(j, days < 0 ? CRITICAL : WARNING,
	    "Install a new certificate and call gwctl reload.",
	    days < 0 ? "the certificate of listener %s has expired %lld days "
		       "ago"
		     : "the certificate of listener %s expires in %lld days",
	    text(l, "title"), (long long)(days < 0 ? -days : days));
}

/* Something beside gwd fetches it, and may have stopped to. */
static void
judge_staple(struct judge *j, const json_t *l)
{
	int64_t until = number(l, "staple_until"), left = until - j->now;

	if (until == 0 || j->now == 0 || left >= STAPLE_WARN_S)
		return;
	say(j, WARNING, "Fetch the OCSP response of the gateway's certificate "
	    "anew and call gwctl reload.",
	    left <= 0 ? "the OCSP response stapled at listener %s has ended "
			"%lld min ago; none is sent"
		      : "the OCSP response stapled at listener %s ends in "
			"%lld min", text(l, "title"),
	    (long long)((left < 0 ? -left : left) / 60));
}

static void
judge_listeners(struct judge *j, const json_t *listeners)
{
	size_t i;
	const json_t *l;

	json_array_foreach(listeners, i, l) {
		judge_server_cert(j, l);
		judge_staple(j, l);
		if (is(l, "admission", "certificate"))
			say(j, NOTE, "Set admission = \"directory\" when "
			    "accounts are meant to be checked.",
			    "listener %s admits by certificate alone: no "
			    "account is looked up", text(l, "title"));
	}
}

/* ---- upstreams and sessions */

static void
warn_of_upstream(struct judge *j, const json_t *u)
{
	const char *why = text(u, "last_error");

	say(j, WARNING, cure_of(why, "Bring the server back, or take it out "
				     "of the upstream."),
	    "upstream %s: server %s is %s%s%s", text(u, "title"),
	    text(u, "server"), text(u, "state"), colon(why), why);
}

static void
judge_upstreams(struct judge *j, const json_t *rows)
{
	if (is_none_good(j, rows, warn_of_upstream))
		say(j, CRITICAL, gw_err_cure(GW_ERR_UPSTREAM_UNREACHABLE),
		    "no server of any upstream can be reached");
}

static void
judge_auth(struct judge *j, const json_t *a)
{
	int64_t n = number(a, "sessions"), max = number(a, "sessions_max");

	if (is(a, "client_auth", "Disabled"))
		say(j, WARNING,
		    gw_err_cure(GW_ERR_POLICY_CLIENT_AUTH_DISABLED),
		    "client authentication is disabled: every client is "
		    "refused");
	if (has(a, "cas") && number(a, "cas") == 0)
		say(j, CRITICAL, "Register one: gwctl ca register FILE.",
		    "no CA is registered: nobody can log in");
	if (max > 0 && n * 10 >= max * 9)
		say(j, WARNING, gw_err_cure(GW_ERR_SESSION_LIMIT),
		    "%lld of %lld sessions are open", (long long)n,
		    (long long)max);
}

/* ---- all of it */

static void
judge_processes(struct judge *j, const json_t *rows)
{
	size_t i;
	const json_t *p;

	json_array_foreach(rows, i, p)
		judge_process(j, p);
}

static const struct {
	const char *section;
	void (*fn)(struct judge *j, const json_t *rows);
} judges[] = {
	{ "processes", judge_processes }, { "dcs", judge_dcs },
	{ "service", judge_service },     { "kdc", judge_kdc },
	{ "cas", judge_cas },             { "responders", judge_responders },
	{ "lists", judge_lists },
	{ "listeners", judge_listeners }, { "upstreams", judge_upstreams },
	{ "auth", judge_auth },
};

const char *
gw_health_name(enum gw_health h)
{
	static const char *const names[] = { "healthy", "degraded", "down" };

	return names[h];
}

enum gw_health
gw_health_judge(const json_t *status, json_t *problems)
{
	struct judge j = { .status = status, .now = number(status, "time") };
	enum gw_health h = GW_HEALTHY;

	for (int i = NOTE; i <= CRITICAL; i++)
		j.found[i] = json_array();
	for (size_t i = 0; i < GW_COUNT(judges); i++)
		judges[i].fn(&j, json_object_get(status, judges[i].section));
	if (json_array_size(j.found[CRITICAL]) > 0)
		h = GW_DOWN;
	else if (json_array_size(j.found[WARNING]) > 0)
		h = GW_DEGRADED;
	for (int i = CRITICAL; i >= NOTE; i--) {
		json_array_extend(problems, j.found[i]);
		json_decref(j.found[i]);
	}
	return h;
}

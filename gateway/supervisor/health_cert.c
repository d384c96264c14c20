/* health_cert.c — CAs, their revocation sources, and the listeners'
 * certificates; see health_priv.h. */
#include "health_priv.h"
#include "gw/error.h"

#define CA_WARN_DAYS   30
#define CERT_WARN_DAYS 14
#define STAPLE_WARN_S  3600

void
gw_judge_cas(struct gw_judge *j, const json_t *cas)
{
	size_t i, ended = 0;
	const json_t *ca;

	json_array_foreach(cas, i, ca) {
		int64_t days = number(ca, "days_left");

		if (!has(ca, "days_left") || days >= CA_WARN_DAYS)
			continue;
		ended += days < 0;
		gw_say(j, WARNING, "Register the CA's successor: gwctl ca "
		       "register FILE, or a section `ca`.",
		       days < 0 ? "CA %s (%s) has expired %lld days ago"
				: "CA %s (%s) expires in %lld days",
		       text(ca, "title"), text(ca, "subject"),
		       (long long)(days < 0 ? -days : days));
	}
	if (json_array_size(cas) > 0 && ended == json_array_size(cas))
		gw_say(j, CRITICAL, gw_err_cure(GW_ERR_CERT_EXPIRED),
		       "every registered CA has expired: nobody can log in");
}

/* A list that is here may tell what no responder does. */
static bool
has_list(const struct gw_judge *j)
{
	const json_t *rows = json_object_get(j->status, "lists"), *r;
	size_t i;

	json_array_foreach(rows, i, r)
		if (number(r, "next_update") > j->now)
			return true;
	return false;
}

void
gw_judge_lists(struct gw_judge *j, const json_t *rows)
{
	const json_t *r;
	size_t i;

	json_array_foreach(rows, i, r) {
		const char *why = text(r, "last_error");
		bool is_stale = is(r, "state", "stale");

		if (is_stale || is(r, "state", "failing"))
			gw_say(j, WARNING, gw_cure_of(why, gw_err_cure(
				   is_stale ? GW_ERR_REVOCATION_STALE
					    : GW_ERR_REVOCATION_UNAVAILABLE)),
			       "revocation list %s is %s%s%s", text(r, "place"),
			       text(r, "state"), gw_colon(why), why);
	}
}

static void
warn_of_responder(struct gw_judge *j, const json_t *r)
{
	const char *why = text(r, "last_error");

	gw_say(j, WARNING,
	       gw_cure_of(why, gw_err_cure(GW_ERR_REVOCATION_UNAVAILABLE)),
	       "OCSP responder %s is %s%s%s", text(r, "url"), text(r, "state"),
	       gw_colon(why), why);
}

void
gw_judge_responders(struct gw_judge *j, const json_t *rows)
{
	if (gw_none_is_good(j, rows, warn_of_responder) && !has_list(j))
		gw_say(j, CRITICAL, gw_err_cure(GW_ERR_REVOCATION_UNAVAILABLE),
		       "no OCSP responder answers: only cards judged lately "
		       "can log in");
}

static void
judge_server_cert(struct gw_judge *j, const json_t *l)
{
	int64_t days = number(l, "certificate_days_left");

	if (!has(l, "certificate_days_left") || days >= CERT_WARN_DAYS)
		return;
	gw_say(j, days < 0 ? CRITICAL : WARNING,
	       "Install a new certificate and call gwctl reload.",
	       days < 0 ? "the certificate of listener %s has expired %lld "
			  "days ago"
			: "the certificate of listener %s expires in %lld days",
	       text(l, "title"), (long long)(days < 0 ? -days : days));
}

/* Something beside gwd fetches it, and may have stopped to. */
static void
judge_staple(struct gw_judge *j, const json_t *l)
{
	int64_t until = number(l, "staple_until"), left = until - j->now;

	if (until == 0 || j->now == 0 || left >= STAPLE_WARN_S)
		return;
	gw_say(j, WARNING, "Fetch the OCSP response of the gateway's "
	       "certificate anew and call gwctl reload.",
	       left <= 0 ? "the OCSP response stapled at listener %s has ended "
			   "%lld min ago; none is sent"
			 : "the OCSP response stapled at listener %s ends in "
			   "%lld min", text(l, "title"),
	       (long long)((left < 0 ? -left : left) / 60));
}

void
gw_judge_listeners(struct gw_judge *j, const json_t *listeners)
{
	size_t i;
	const json_t *l;

	json_array_foreach(listeners, i, l) {
		judge_server_cert(j, l);
		judge_staple(j, l);
		if (is(l, "admission", "certificate"))
			gw_say(j, NOTE, "Set admission = \"directory\" when "
			       "accounts are meant to be checked.",
			       "listener %s admits by certificate alone: no "
			       "account is looked up", text(l, "title"));
	}
}

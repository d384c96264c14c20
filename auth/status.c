/* status.c — what `gwctl status` learns from gwd-auth. Numbers are JSON
 * numbers, times unix seconds. */
#include "login.h"
#include "gw/util.h"

#include <jansson.h>
#include <string.h>

#define SESSIONS_SHOWN 1000
#define DAY            86400

/* Takes `row` over; NULL (text that is not UTF-8) is left out and logged. */
static void
say(struct gw_auth *a, uint64_t ask, const char *section, json_t *row)
{
	char *text = row != NULL ? json_dumps(row, JSON_COMPACT) : NULL;

	gw_child_status_row(a->child, ask, section, text);
	free(text);
	json_decref(row);
}

static void
say_logins(struct gw_auth *a, uint64_t ask)
{
	json_int_t denied = 0;

	for (size_t i = 1; i < GW_ERR_COUNT; i++) {
		denied += (json_int_t)a->reasons[i];
		if (a->reasons[i] > 0)
			say(a, ask, "reasons",
			    json_pack("{s:s, s:I}", "reason",
				      gw_err_name((enum gw_err)i), "count",
				      (json_int_t)a->reasons[i]));
	}
	say(a, ask, "logins",
	    json_pack("{s:I, s:I, s:I}", "allowed",
		      (json_int_t)a->reasons[GW_ERR_OK], "denied", denied,
		      "pending", (json_int_t)gw_logins_count(a->logins)));
}

static json_t *
session_row(const struct gw_session *s)
{
	const struct gw_verdict_msg *v = &s->says;
	char id[2 * GW_SESSION_ID + 1];

	gw_hex(s->id, sizeof(s->id), id);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s}",
			 "id", id, "account", v->has_account ? v->sam : "",
			 "sid", v->sid, "listener", s->listener->title,
			 "since", (json_int_t)s->since, "until",
			 (json_int_t)s->until, "connections",
			 (json_int_t)s->connections, "peer", s->peer,
			 "mapping", v->has_account
				 ? gw_mapping_name(v->mapping)
				 : "certificate");
}

static void
say_sessions(struct gw_auth *a, uint64_t ask)
{
	struct gw_session *s = gw_session_next(a->sessions, NULL);

	for (size_t i = 0; s != NULL && i < SESSIONS_SHOWN; i++) {
		say(a, ask, "sessions", session_row(s));
		s = gw_session_next(a->sessions, s);
	}
}

static void
say_auth(struct gw_auth *a, uint64_t ask)
{
	struct gw_revocation_counts n = gw_revocation_count(a->revocation);

	say(a, ask, "auth",
	    json_pack("{s:I, s:I, s:I, s:I, s:b}", "sessions",
		      (json_int_t)gw_sessions_count(a->sessions),
		      "sessions_max", (json_int_t)a->conf->session.max,
		      "ocsp_cached", (json_int_t)n.answers,
		      "ocsp_under_way", (json_int_t)n.flights,
		      "kdc_connected", a->kdc != NULL));
}

/* "c-" and the first ten digits of the fingerprint. */
static void
ca_id(const X509 *x, char out[13])
{
	uint8_t md[GW_HASH];

	gw_cert_sha256(x, md);
	memcpy(out, "c-", 2);
	gw_hex(md, 5, out + 2);
}

static int64_t
days_until(time_t end, time_t now)
{
	return end >= now ? (end - now) / DAY : -((now - end) / DAY) - 1;
}

static void
say_cas(struct gw_auth *a, uint64_t ask)
{
	time_t now = gw_auth_now(a).wall;

	for (size_t i = 0; i < gw_trust_count(a->trust); i++) {
		const X509 *x = gw_trust_cert(a->trust, i);
		const struct gw_conf_ca *ca = gw_trust_ca(a->trust, i);
		time_t end = gw_cert_not_after(x);
		char id[13], subject[GW_SUBJECT_MAX];

		ca_id(x, id);
		gw_cert_subject(x, subject, sizeof(subject));
		say(a, ask, "cas",
		    json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "id", id,
			      "title", ca->title, "subject", subject,
			      "expires", (json_int_t)end, "days_left",
			      (json_int_t)days_until(end, now), "ocsp_url",
			      ca->ocsp_url, "state",
			      end < now ? "expired" : "registered"));
	}
}

static void
say_responders(struct gw_auth *a, uint64_t ask)
{
	const struct gw_responder *r;

	for (size_t i = 0;
	     (r = gw_revocation_responder(a->revocation, i)) != NULL; i++)
		say(a, ask, "responders",
		    json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I}", "url",
			      r->url, "state", r->asked == 0 ? "unused"
				      : r->is_failing ? "failing" : "ok",
			      "last_ok", (json_int_t)r->last_ok,
			      "last_error", r->is_failing ? r->last_error : "",
			      "latency_us", (json_int_t)r->latency_us,
			      "asked", (json_int_t)r->asked, "failed",
			      (json_int_t)r->failed));
}

void
gw_status_say(struct gw_auth *a, uint64_t ask)
{
	say_logins(a, ask);
	say_auth(a, ask);
	say_cas(a, ask);
	say_responders(a, ask);
	say_sessions(a, ask);
	gw_child_status_end(a->child, ask);
}

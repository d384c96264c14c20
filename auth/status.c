/* status.c — what `gwctl status` learns from gwd-auth. Numbers are JSON
 * numbers, times unix seconds. */
#include "login.h"
#include "recheck.h"
#include "gw/util.h"

#include <jansson.h>
#include <string.h>

#define SESSIONS_SHOWN 1000
#define ANSWERS_SHOWN  100
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
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:I}", "cas",
		      (json_int_t)gw_registry_trusted(a->registry, NULL),
		      "paths_known",
		      (json_int_t)gw_verified_count(a->verified),
		      "sessions",
		      (json_int_t)gw_sessions_count(a->sessions),
		      "sessions_max", (json_int_t)a->conf->session.max,
		      "ocsp_cached", (json_int_t)n.answers,
		      "ocsp_under_way", (json_int_t)n.flights,
		      "kdc_connected", a->kdc != NULL, "client_auth",
		      gw_registry_client_auth(a->registry) ? "Enabled"
							   : "Disabled",
		      "client_auth_since", (json_int_t)
		      gw_registry_client_auth_since(a->registry)));
}

static int64_t
days_until(time_t end, time_t now)
{
	return end >= now ? (end - now) / DAY : -((now - end) / DAY) - 1;
}

/* "RSA 2048", "EC 256". */
static void
key_text(X509 *x, char out[32])
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	const char *type = key != NULL ? EVP_PKEY_get0_type_name(key) : NULL;

	gw_format(out, 32, "%.20s %d", type != NULL ? type : "?",
		  key != NULL ? EVP_PKEY_get_bits(key) : 0);
}

static const char *
signature_text(const X509 *x)
{
	const char *name = OBJ_nid2ln(X509_get_signature_nid(x));

	return name != NULL ? name : "";
}

/* A list's values in the order they have. */
static void
add_setting(json_t *o, const struct gw_setting *one)
{
	if (gw_setting_key(one->key)->type != GW_CT_LIST) {
		json_object_set_new(o, one->key, json_string(one->value));
		return;
	}
	if (json_object_get(o, one->key) == NULL)
		json_object_set_new(o, one->key, json_array());
	json_array_append_new(json_object_get(o, one->key),
			      json_string(one->value));
}

/* What is not the default, in the form that ca update takes. */
static json_t *
settings_of(const struct gw_conf_ca *ca)
{
	struct gw_setting at = { NULL, NULL };
	struct gw_settings s;
	json_t *o = json_object();

	gw_assert(gw_settings_of(ca, &s)); /* its limits were checked */
	while (gw_settings_next(&s, &at))
		add_setting(o, &at);
	return o;
}

static json_t *
ca_row(const struct gw_ca *ca, size_t live, time_t now)
{
	time_t end = gw_cert_not_after(ca->cert);
	char subject[GW_SUBJECT_MAX], issuer[GW_SUBJECT_MAX];
	char serial[GW_SERIAL_MAX], sha256[2 * GW_HASH + 1], key[32];
	json_t *row = json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:o}", "id", ca->id,
		"title", ca->conf->title, "state",
		gw_ca_state_name(ca->state), "reason", ca->reason,
		"registered", (json_int_t)ca->registered, "since",
		(json_int_t)ca->since, "ocsp_url", ca->conf->ocsp_url,
		"live", (json_int_t)live, "settings",
		settings_of(ca->conf));

	gw_cert_subject(ca->cert, subject, sizeof(subject));
	gw_name_text(X509_get_issuer_name(ca->cert), issuer, sizeof(issuer));
	gw_cert_serial(ca->cert, serial);
	gw_hex(ca->sha256, GW_HASH, sha256);
	key_text(ca->cert, key);
	json_object_update_new(row, json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s}",
		"subject", subject, "issuer", issuer, "serial", serial,
		"sha256", sha256, "key", key, "signature",
		signature_text(ca->cert), "expires", (json_int_t)end,
		"days_left", (json_int_t)days_until(end, now), "source",
		ca->is_from_file ? "configuration file" : "registered",
		"file", ca->is_from_file ? ca->conf->file : ""));
	return row;
}

/* Live sessions that chain through each CA, by its place in the registry: one
 * walk for all, for there may be a million sessions. */
static size_t *
count_live(const struct gw_auth *a)
{
	size_t n = gw_registry_count(a->registry);
	size_t *live = gw_xcalloc(n + 1, sizeof(*live));
	const struct gw_session *s = NULL;

	while ((s = gw_session_next(a->sessions, s)) != NULL)
		for (size_t i = 0; s->connections > 0 && i < n; i++)
			live[i] += gw_session_chains_to(
				s, gw_registry_at(a->registry, i)->sha256);
	return live;
}

static void
say_cas(struct gw_auth *a, uint64_t ask)
{
	time_t now = gw_auth_now(a).wall;
	size_t *live = count_live(a);

	for (size_t i = 0; i < gw_registry_count(a->registry); i++) {
		const struct gw_ca *ca = gw_registry_at(a->registry, i);

		say(a, ask, gw_ca_is_trusted(ca) ? "cas" : "past_cas",
		    ca_row(ca, live[i], now));
	}
	free(live);
}

/* Null before the first question. */
static json_t *
success_percent(const struct gw_responder *r)
{
	if (r->asked == 0)
		return json_null();
	return json_integer((json_int_t)(100 * (r->asked - r->failed) /
					 r->asked));
}

static void
say_responders(struct gw_auth *a, uint64_t ask)
{
	const struct gw_responder *r;

	for (size_t i = 0;
	     (r = gw_revocation_responder(a->revocation, i)) != NULL; i++)
		say(a, ask, "responders",
		    json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:o}", "url",
			      r->url, "state", r->asked == 0 ? "unused"
				      : r->is_failing ? "failing" : "ok",
			      "last_ok", (json_int_t)r->last_ok,
			      "last_error", r->is_failing ? r->last_error : "",
			      "latency_us", (json_int_t)r->latency_us,
			      "asked", (json_int_t)r->asked, "failed",
			      (json_int_t)r->failed, "success_percent",
			      success_percent(r)));
}

static const char *
list_state(const struct gw_crl_info *i, time_t now)
{
	if (!i->is_here)
		return i->why[0] != '\0' ? "failing" : "new";
	if (now >= i->next_update)
		return "stale";
	return i->why[0] != '\0' ? "failing" : "ok";
}

static void
say_lists(struct gw_auth *a, uint64_t ask)
{
	time_t now = gw_auth_now(a).wall;
	struct gw_crl_info x;

	for (size_t i = 0; gw_crl_store_info(a->lists, i, &x); i++)
		say(a, ask, "lists", json_pack(
			"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, "
			"s:s, s:s}", "place", x.place, "state",
			list_state(&x, now), "entries", (json_int_t)x.entries,
			"bytes", (json_int_t)x.bytes, "memory",
			(json_int_t)x.memory, "this_update",
			(json_int_t)x.this_update, "next_update",
			(json_int_t)x.next_update, "fetched",
			(json_int_t)x.fetched, "next_fetch",
			(json_int_t)x.next_fetch, "kind",
			!x.is_here ? "" : x.is_delta ? "delta" : "full",
			"signature", !x.is_here ? "" : x.is_proven
				? "verified" : "at use",
			"last_error", x.why));
}

struct answers {
	struct gw_auth *a;
	uint64_t ask;
};

static void
say_answer(void *arg, const struct gw_revocation_kept *k)
{
	const struct answers *x = arg;

	say(x->a, x->ask, "answers",
	    json_pack("{s:s, s:I, s:s, s:s}", "serial", k->serial, "until",
		      (json_int_t)k->good_until, "state",
		      k->is_asked ? "renewing" : k->is_fresh ? "good" : "over",
		      "from", k->is_from_list ? "list" : "responder"));
}

static void
say_revocation(struct gw_auth *a, uint64_t ask)
{
	struct gw_revocation_counts n = gw_revocation_count(a->revocation);
	struct answers x = { a, ask };
	const struct gw_session *s = NULL;
	time_t next = 0, at;
	json_int_t failing = 0;

	while ((s = gw_session_next(a->sessions, s)) != NULL) {
		at = gw_recheck_at(s);
		if (s->connections > 0 && at != 0 && (next == 0 || at < next))
			next = at;
		failing += s->connections > 0 && gw_recheck_is_failing(s);
	}
	say(a, ask, "revocation",
	    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		      "answers", (json_int_t)n.answers, "revoked",
		      (json_int_t)n.revoked, "under_way",
		      (json_int_t)n.flights, "asked", (json_int_t)n.asked,
		      "from_cache", (json_int_t)n.from_cache, "by_grace",
		      (json_int_t)n.by_grace, "first_end",
		      (json_int_t)n.first_end, "next_recheck",
		      (json_int_t)next, "recheck_failing", failing));
	gw_revocation_each(a->revocation, ANSWERS_SHOWN, say_answer, &x);
}

void
gw_status_say(struct gw_auth *a, uint64_t ask)
{
	say_logins(a, ask);
	say_auth(a, ask);
	say_cas(a, ask);
	say_responders(a, ask);
	say_lists(a, ask);
	say_revocation(a, ask);
	say_sessions(a, ask);
	gw_child_status_end(a->child, ask);
}

/* trial.c — see trial.h. */
#include "trial.h"
#include "login_priv.h"
#include "gw/log.h"
#include "gw/util.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

struct gw_trial {
	struct gw_auth *auth;
	uint64_t ask;
};

/* ---- what a stage has checked */

static void
say_chain(const struct login *l, char out[GW_DETAIL_MAX])
{
	char subject[100];
	int last = sk_X509_num(l->path.certs) - 1;

	gw_cert_subject(sk_X509_value(l->path.certs, last), subject,
			sizeof(subject));
	gw_format(out, GW_DETAIL_MAX, "%d certificates up to %.90s, rules of "
		  "%.40s", last + 1, subject, l->path.ca->title);
}

static void
say_profile(const struct login *l, char out[GW_DETAIL_MAX])
{
	gw_format(out, GW_DETAIL_MAX, "client authentication%s, signing key, "
		  "no CA", l->path.ca->require_smartcard_eku
			  ? ", smart-card logon" : "");
}

static void
say_revocation(const struct login *l, char out[GW_DETAIL_MAX])
{
	gw_format(out, GW_DETAIL_MAX, "good by %.170s",
		  l->standing.result.source);
}

static void
say_claims(const struct login *l, char out[GW_DETAIL_MAX])
{
	const struct gw_claims *c = &l->claims;

	if (l->listener->admission == GW_ADMIT_CERTIFICATE)
		gw_format(out, GW_DETAIL_MAX, "none: the listener admits by "
			  "certificate");
	else
		gw_format(out, GW_DETAIL_MAX, "UPN %.80s, SID %.60s",
			  c->upn[0] != '\0' ? c->upn : "none",
			  c->sid[0] != '\0' ? c->sid : "none");
}

static void
say_directory(const struct login *l, char out[GW_DETAIL_MAX])
{
	const struct gw_facts *f = &l->facts;

	if (!l->has_facts)
		gw_format(out, GW_DETAIL_MAX, "not asked");
	else
		gw_format(out, GW_DETAIL_MAX, "%.40s (%.50s) by %s at %.40s: "
			  "found %u, S4U2Self %u, S4U2Proxy %u, bind %u us",
			  f->sam, f->sid, gw_mapping_name(f->mapping), f->dc,
			  f->map_us, f->self_us, f->proxy_us, f->bind_us);
}

static void
say_policy(const struct login *l, char out[GW_DETAIL_MAX])
{
	gw_format(out, GW_DETAIL_MAX, "listener %.60s, %zu group%s required, "
		  "%zu held", l->listener->title,
		  l->listener->require_group.n,
		  l->listener->require_group.n == 1 ? "" : "s",
		  l->facts.group_count);
}

static void
say_session(const struct login *l, char out[GW_DETAIL_MAX])
{
	char when[32] = "?";
	time_t t = l->says.until;
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	gw_format(out, GW_DETAIL_MAX, "would last until %s; none was made",
		  when);
}

static const struct {
	const char *name; /* NULL: nothing an operator would know */
	void (*say)(const struct login *l, char out[GW_DETAIL_MAX]);
} stages[ST_COUNT] = {
	[ST_CHAIN] = { "chain", say_chain },
	[ST_PROFILE] = { "profile", say_profile },
	[ST_REVOCATION] = { "revocation", say_revocation },
	[ST_JOIN] = { NULL, NULL },
	[ST_CLAIMS] = { "mapping", say_claims },
	[ST_DIRECTORY] = { "directory", say_directory },
	[ST_POLICY] = { "policy", say_policy },
	[ST_SESSION] = { "session", say_session },
};

/* ---- the report */

/* A refusal before the first stage has reached none. */
static const char *
state_of(const struct login *l, enum stage s, bool has_begun)
{
	bool is_good = l->err.code == GW_ERR_OK;

	if (is_good || (has_begun && s < l->stage))
		return "passed";
	return has_begun && s == l->stage ? "refused" : "not reached";
}

static json_t *
stage_row(const struct login *l, enum stage s, bool has_begun)
{
	const char *state = state_of(l, s, has_begun);
	bool is_good = strcmp(state, "passed") == 0;
	char text[GW_DETAIL_MAX] = "";

	if (is_good && l->path.certs != NULL)
		stages[s].say(l, text);
	else if (strcmp(state, "refused") == 0)
		gw_format(text, sizeof(text), "%s", l->err.detail);
	return json_pack("{s:s, s:b, s:s, s:s, s:I, s:s}",
			 "stage", stages[s].name, "ok", is_good, "reason",
			 gw_err_name(is_good ? GW_ERR_OK : l->err.code),
			 "detail", text, "us", (json_int_t)l->took_us[s],
			 "state", state);
}

static json_t *
report_of(const struct login *l)
{
	bool is_good = l->err.code == GW_ERR_OK;
	bool has_begun = is_good || l->id != 0;
	json_t *rows = json_array();

	for (int s = 0; s < ST_COUNT; s++)
		if (stages[s].name != NULL)
			json_array_append_new(
				rows, stage_row(l, (enum stage)s, has_begun));
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}",
			 "accepted", is_good, "reason",
			 gw_err_name(l->err.code), "detail", l->err.detail,
			 "cause", is_good ? "" : gw_err_cause(l->err.code),
			 "cure", is_good ? "" : gw_err_cure(l->err.code),
			 "subject", l->subject, "serial", l->serial,
			 "listener", l->listener != NULL ? l->listener->title
							 : "",
			 "stages", rows);
}

static void
tell(struct gw_trial *t, enum gw_admin_err error, const char *detail,
     const char *report)
{
	struct gw_admin_done done = { .error = error, .report = report,
				      .report_len = strlen(report) };

	gw_format(done.detail, sizeof(done.detail), "%s", detail);
	gw_child_admin_done(t->auth->child, t->ask, &done);
	free(t);
}

void
gw_trial_conclude(struct login *l)
{
	json_t *report = report_of(l);
	char *text = report != NULL ? json_dumps(report, JSON_COMPACT) : NULL;

	gw_event(GW_LOG_INFO, "test-cert", "req", l->name, "reason",
		 gw_err_name(l->err.code), "subject",
		 l->subject[0] != '\0' ? l->subject : NULL, "serial",
		 l->serial[0] != '\0' ? l->serial : NULL, NULL);
	if (text == NULL || strlen(text) > GW_ADMIN_REPORT_MAX)
		tell(l->trial, GW_ADMIN_SERVICE, "no report can be made", "");
	else
		tell(l->trial, GW_ADMIN_OK, "", text);
	l->trial = NULL;
	free(text);
	json_decref(report);
}

/* ---- the beginning */

/* The certificates of a PEM text, the first of which is the one tried. */
static size_t
read_chain(const struct gw_admin *m, unsigned char *der[GW_CHAIN_MAX],
	   struct gw_der out[GW_CHAIN_MAX])
{
	BIO *b = BIO_new_mem_buf(m->pem, (int)m->pem_len);
	size_t n = 0;
	long len = 0;

	while (b != NULL && n < GW_CHAIN_MAX &&
	       PEM_bytes_read_bio(&der[n], &len, NULL, PEM_STRING_X509, b,
				  NULL, NULL) == 1) {
		out[n] = (struct gw_der){ der[n], (size_t)len };
		n++;
	}
	BIO_free(b);
	ERR_clear_error();
	return n;
}

static const char *
first_listener(const struct gw_conf *c)
{
	return c->listener_count > 0 ? c->listeners[0].title : "";
}

void
gw_trial_begin(struct gw_auth *a, uint64_t ask, const struct gw_admin *m)
{
	struct gw_trial *t = gw_xcalloc(1, sizeof(*t));
	unsigned char *der[GW_CHAIN_MAX] = { NULL };
	struct gw_admit admit = { .peer = "test-cert" };
	const char *listener = m->listener[0] != '\0'
		? m->listener : first_listener(a->conf);

	*t = (struct gw_trial){ .auth = a, .ask = ask };
	gw_login_id_new(admit.login);
	admit.chain_count = read_chain(m, der, admit.chain);
	if (admit.chain_count == 0)
		tell(t, GW_ADMIN_INVALID_CERTIFICATE,
		     "no certificate in PEM form", "");
	else if (!gw_copy(admit.listener, sizeof(admit.listener), listener) ||
		 gw_conf_listener(a->conf, listener) == NULL)
		tell(t, GW_ADMIN_INVALID_PARAMETER, "no such listener", "");
	else
		gw_login_try(a->logins, &admit, m->at, t);
	for (size_t i = 0; i < GW_CHAIN_MAX; i++)
		OPENSSL_free(der[i]);
}

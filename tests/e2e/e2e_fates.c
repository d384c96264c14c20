/* e2e_fates.c — every card and what becomes of it: the reason, its status,
 * the page, and what the operator finds in the log by the page's id. */
#include "gate.h"
#include "http.h"
#include "gw/error.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(fates, .timeout = 300);

enum listener { DESK, ANY }; /* with a required group, without */

static const struct fate {
	const char *card; /* NULL: none */
	enum listener listener;
	enum gw_err reason;
} fates[] = {
	{ NULL,              DESK, GW_ERR_TLS_NO_CERTIFICATE },
	{ "alice-unknownca", DESK, GW_ERR_CERT_UNTRUSTED },
	{ "alice-expired",   DESK, GW_ERR_CERT_EXPIRED },
	{ "alice-notyet",    DESK, GW_ERR_CERT_NOT_YET_VALID },
	{ "alice-eku",       DESK, GW_ERR_CERT_EKU },
	{ "alice-revoked",   DESK, GW_ERR_CERT_REVOKED },
	{ "alice-noupn",     DESK, GW_ERR_MAP_NO_UPN },
	{ "alice-othersid",  DESK, GW_ERR_MAP_SID_MISMATCH },
	{ "alice-nosid",     DESK, GW_ERR_MAP_WEAK },
	{ "nobody",          DESK, GW_ERR_MAP_NO_ACCOUNT },
	{ "nobody-sid",      DESK, GW_ERR_MAP_NO_ACCOUNT },
	{ "foreign",         DESK, GW_ERR_MAP_FOREIGN_REALM },
	{ "bob",             DESK, GW_ERR_ACCOUNT_DISABLED },
	{ "carol",           DESK, GW_ERR_ACCOUNT_EXPIRED },
	{ "dave",            DESK, GW_ERR_ACCOUNT_LOCKED },
	{ "erin",            DESK, GW_ERR_ACCOUNT_NOT_DELEGABLE },
	{ "frank",           DESK, GW_ERR_ACCOUNT_NOT_DELEGABLE },
	{ "heidi",           DESK, GW_ERR_ACCOUNT_LOGON_HOURS },
	{ "judy",            DESK, GW_ERR_ACCOUNT_PASSWORD_EXPIRED },
	{ "administrator",   DESK, GW_ERR_POLICY_DENIED },
	{ "machine",         DESK, GW_ERR_POLICY_DENIED },
	{ "administrator",   ANY,  GW_ERR_POLICY_DENIED },
	{ "grace",           DESK, GW_ERR_POLICY_GROUP },
	{ "grace",           ANY,  GW_ERR_OK },
	{ "bob",             ANY,  GW_ERR_ACCOUNT_DISABLED },
	{ "alice-sidonly",   DESK, GW_ERR_OK }, /* her SID is in it */
	{ "alice-noaia",     DESK, GW_ERR_OK }, /* the CA's responder */
	{ "alice-rsa",       DESK, GW_ERR_OK },
	{ "alice",           DESK, GW_ERR_OK },
};

static const char *
base_of(enum listener l)
{
	return lab(l == ANY ? "GATEWAY_ANY_URL" : "GATEWAY_URL");
}

static const char *
name_of(const struct fate *f, int tls)
{
	return text("%s, TLS 1.%d%s", f->card != NULL ? f->card : "no card",
		    tls - 10, f->listener == ANY ? ", any" : "");
}

/* What is wrong with the answer, or NULL. */
static const char *
wrong_with(const struct fate *f, const struct answer *a)
{
	const char *wanted = gw_err_name(f->reason);
	json_t *j;

	if (a->code != CURLE_OK)
		return text("no answer, wanted %s: %s", wanted, a->error);
	if (a->status != gw_err_http_status(f->reason))
		return text("got status %ld, wanted %d (%s): %.300s",
			    a->status, gw_err_http_status(f->reason), wanted,
			    a->body);
	j = json_of(a);
	if (f->reason == GW_ERR_OK)
		return NULL;
	if (strcmp(json_text(j, "reason"), wanted) != 0)
		return text("got %s, wanted %s", json_text(j, "reason"),
			    wanted);
	if (strcmp(json_text(j, "message"),
		   gw_err_user_text(f->reason)) != 0)
		return text("%s with the words: %s", wanted,
			    json_text(j, "message"));
	if (!gw_login_id_is_valid(json_text(j, "request")))
		return text("%s without an id: %.300s", wanted, a->body);
	return NULL;
}

/* The operator finds the same id, with the reason and more words. */
static const char *
wrong_with_log(const struct fate *f, const struct answer *a, size_t mark)
{
	const char *id = json_text(json_of(a), "request");
	const char *name = gw_err_name(f->reason);
	char *line = log_line(mark, id, name, NULL);
	char *detail = line != NULL ? strstr(line, " detail=") : NULL;

	if (line == NULL)
		return text("no line of the log has %s and %s", id, name);
	if (f->reason != GW_ERR_TLS_NO_CERTIFICATE &&
	    (detail == NULL || strncmp(detail, " detail=-", 9) == 0))
		return text("the log gives no detail: %s", line);
	return NULL;
}

/* Who is in is in by the log, too: by the id that the upstream was told. */
static const char *
wrong_with_entry(const struct answer *a, size_t mark)
{
	json_t *j = json_of(a);
	const char *id = field_value(j, "X-Request-Id");

	if (id == NULL)
		return "the upstream was told no X-Request-Id";
	if (log_line(mark, text("req=%.16s", id), "verdict=allow",
		     "reason=ok", NULL) == NULL)
		return text("no line of the log allows %.16s", id);
	return NULL;
}

static void
check(const struct fate *f, int tls)
{
	size_t mark = log_mark();
	struct answer a = FETCH(.base = base_of(f->listener), .card = f->card,
				.tls = tls, .accept = "application/json");
	const char *wrong = wrong_with(f, &a);

	if (wrong == NULL)
		wrong = f->reason != GW_ERR_OK ? wrong_with_log(f, &a, mark)
					       : wrong_with_entry(&a, mark);
	cr_expect(wrong == NULL, "%s: %s", name_of(f, tls), wrong);
}

Test(fates, tls12)
{
	for (size_t i = 0; i < GW_COUNT(fates); i++)
		check(&fates[i], 12);
}

Test(fates, tls13)
{
	for (size_t i = 0; i < GW_COUNT(fates); i++)
		check(&fates[i], 13);
}

/* ---- the page */

/* The words as they stand in HTML. */
static char *
escaped(const char *s)
{
	char *out = gw_xcalloc(strlen(s) + 1, 6), *p = out;

	for (; *s != '\0'; s++) {
		const char *e = *s == '&' ? "&amp;" : *s == '<' ? "&lt;" :
				*s == '>' ? "&gt;" : *s == '"' ? "&quot;" :
				*s == '\'' ? "&#39;" : NULL;

		if (e != NULL)
			p = stpcpy(p, e);
		else
			*p++ = *s;
	}
	return out;
}

static const char *
wrong_with_page(const char *card, enum gw_err reason, size_t mark)
{
	struct answer a = FETCH(.card = card, .accept =
				"text/html,application/xhtml+xml,*/*;q=0.8");
	char *line;

	if (a.status != gw_err_http_status(reason))
		return text("status %ld", a.status);
	if (strncmp(a.type, "text/html", 9) != 0)
		return text("type %s", a.type);
	if (!contains(a.body, escaped(gw_err_user_text(reason))) &&
	    !contains(a.body, gw_err_user_text(reason)))
		return text("not the user's words: %s", a.body);
	line = log_line(mark, "req=", gw_err_name(reason), NULL);
	if (line == NULL)
		return "nothing in the log";
	if (!contains(a.body, text("%.16s", strstr(line, "req=") + 4)))
		return text("not the id of: %s\n%s", line, a.body);
	if (contains(a.body, "<script") || !contains(a.head, "no-store"))
		return text("active or cacheable:\n%s%s", a.head, a.body);
	return NULL;
}

Test(fates, page_for_people)
{
	static const struct {
		const char *card;
		enum gw_err reason;
	} cases[] = {
		{ NULL,            GW_ERR_TLS_NO_CERTIFICATE },
		{ "alice-revoked", GW_ERR_CERT_REVOKED },
		{ "bob",           GW_ERR_ACCOUNT_DISABLED },
		{ "grace",         GW_ERR_POLICY_GROUP },
	};

	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		const char *wrong = wrong_with_page(cases[i].card,
						    cases[i].reason,
						    log_mark());

		cr_expect(wrong == NULL, "%s: %s",
			  gw_err_name(cases[i].reason), wrong);
	}
}

/* A denied client's own words never come back raw. */
Test(fates, page_does_not_echo)
{
	struct answer a = FETCH(.card = "bob", .accept = "text/html",
				.path = "/echo/\"><script>alert(1)</script>");

	cr_expect(!contains(a.body, "<script>alert"), "%s", a.body);
}

/* No responder in the card and none registered: not knowing is not good.
 * 503 says when to come back. */
Test(fates, no_source_of_revocation)
{
	char *dir = scratch_dir();
	struct gate g = gate_start(dir, conf_text(dir, "127.0.0.1:1"));
	struct answer a = FETCH(.base = g.url, .card = "alice-noaia",
				.accept = "application/json");

	gate_stop(&g);
	cr_assert_eq(a.status, 503, "got %ld %s", a.status, a.error);
	cr_expect_str_eq(json_text(json_of(&a), "reason"),
			 "revocation-unavailable");
	cr_expect(strcasestr(a.head, "\nRetry-After:") != NULL, "%s", a.head);
}

/* ---- through to the broker */

Test(fates, broker_answers_alice)
{
	struct answer a = FETCH(.card = "alice", .path =
		"/plain/zeroconf/?task=listsessions&user=alice");

	cr_assert_eq(a.status, 200, "got %ld: %s %s", a.status, a.error,
		     a.body);
	cr_expect(contains(a.body, "Access granted"), "%s", a.body);
	cr_expect(contains(a.body, "[") && contains(a.body, "command="),
		  "no session profile: %s", a.body);
}

Test(fates, broker_hears_nothing_of_bob)
{
	struct answer a = FETCH(.card = "bob", .path =
		"/plain/zeroconf/?task=listsessions&user=bob");

	cr_expect_eq(a.status, 403, "got %ld", a.status);
	cr_expect(!contains(a.body, "Access granted"), "%s", a.body);
}

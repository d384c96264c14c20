/* e2e_revocation.c — revocation lists and the judgement of live sessions, by
 * gateways of their own: lists over HTTP, from the directory and from a file,
 * the ladder, and the end of a session whose card is revoked. */
#include <criterion/criterion.h>
#include <string.h>

#include "gate.h"
#include "http.h"
#include "wire.h"

/* ---- configurations */

static char *
replaced(const char *s, const char *from, const char *to)
{
	const char *at = strstr(s, from);

	cr_assert_not_null(at, "no %s", from);
	return text("%.*s%s%s", (int)(at - s), s, to, at + strlen(from));
}

/* With these settings of the CA instead of OCSP alone. */
static char *
conf_with(const char *dir, const char *settings)
{
	return replaced(conf_text(dir, replaced(lab("ECHO_URL"), "http://",
						"")),
			"revocation = {\"ocsp\"}", settings);
}

static struct gate
start_with(const char *settings)
{
	char *dir = scratch_dir();

	return gate_start(dir, conf_with(dir, settings));
}

static void
expect_fate(const struct gate *g, const char *card, const char *reason)
{
	struct answer a = FETCH(.base = g->url, .card = card,
				.accept = "application/json");

	cr_expect(strcmp(reason_of(&a), reason) == 0, "%s: %s, wanted %s",
		  card, reason_of(&a), reason);
}

static json_t *
list_row(const struct gate *g, const char *place)
{
	return gate_row(gate_status(g->socket), "lists", "place", place);
}

struct login_by {
	const struct gate *gate;
	const char *source;
};

/* The log may be a moment behind the answer. */
static bool
was_admitted_by(void *arg)
{
	const struct login_by *by = arg;
	const char *const words[] = { "verdict=allow", by->source, NULL };

	return find_line(by->gate->log, 0, words) != NULL;
}

static void
expect_source(const struct gate *g, const char *source)
{
	struct login_by by = { g, source };

	cr_expect(await(60000, was_admitted_by, &by), "no login by %s:\n%s",
		  source, slurp(g->log));
}

/* ---- lists */

Test(lists, over_http)
{
	struct gate g = start_with("revocation = {\"crl\"}");
	json_t *row;

	expect_fate(&g, "alice", "ok");
	expect_fate(&g, "alice-revoked", "cert-revoked");
	expect_source(&g, text("revocation=%s", lab("CRL_URL")));
	row = list_row(&g, lab("CRL_URL"));
	cr_assert_not_null(row);
	cr_expect_str_eq(json_text(row, "state"), "ok");
	cr_expect_str_eq(json_text(row, "signature"), "verified");
	gate_stop(&g);
}

static bool
is_from_directory(void *arg)
{
	json_t *row = list_row(arg, lab("CDP_URL"));

	return row != NULL && strcmp(json_text(row, "state"), "ok") == 0;
}

/* The list that Windows' CAs publish: in the directory, read by gwd-kdc. At
 * the start no DC is known yet; it is asked again. */
Test(lists, from_the_directory)
{
	struct gate g = start_with(text("revocation = {\"crl\"} "
					"crl = {\"%s\"}", lab("CDP_URL")));

	cr_expect(await(60000, is_from_directory, &g), "%s", slurp(g.log));
	expect_fate(&g, "alice-revoked", "cert-revoked");
	expect_fate(&g, "alice", "ok");
	expect_source(&g, "revocation=\"ldap:///");
	gate_stop(&g);
}

Test(lists, from_a_file)
{
	char *dir = scratch_dir();
	char *conf = conf_with(dir, text("revocation = {\"crl\"} "
					 "crl = {\"%s/lists/ca.crl\"}", dir));
	char *file = text("%s/lists/ca.crl", dir);
	struct gate g;

	cr_assert_eq(RUN(60000, "mkdir", text("%s/lists", dir)).status, 0);
	cr_assert_eq(RUN(60000, "curl", "-sf", "-o", file, lab("CRL_URL"))
			     .status, 0);
	g = gate_start(dir, text("crl_dir = \"%s/lists\"\n%s", dir, conf));
	expect_fate(&g, "alice-revoked", "cert-revoked");
	expect_fate(&g, "alice", "ok");
	expect_source(&g, text("revocation=%s", file));
	gate_stop(&g);
}

/* No responder: the next rung tells. No rung: nobody is admitted. */
Test(lists, when_no_responder_answers)
{
	struct gate g = start_with("ocsp_url = \"http://127.0.0.1:1/\" "
				   "ocsp_mode = \"override\"");
	struct gate alone = start_with("ocsp_url = \"http://127.0.0.1:1/\" "
				       "ocsp_mode = \"override\" "
				       "revocation = {\"ocsp\"}");

	expect_fate(&g, "alice", "ok");
	expect_fate(&g, "alice-revoked", "cert-revoked");
	expect_source(&g, text("revocation=%s", lab("CRL_URL")));
	expect_fate(&alone, "alice", "revocation-unavailable");
	gate_stop(&g);
	gate_stop(&alone);
}

/* Nothing is asked twice: the list of before serves after a restart. */
Test(lists, kept_over_a_restart)
{
	char *dir = scratch_dir();
	char *conf = conf_with(dir, "revocation = {\"crl\"}");
	struct gate g = gate_start(dir, conf);
	const char *const fetched[] = { "crl place=", NULL };

	expect_fate(&g, "alice", "ok");
	gate_stop(&g);
	cr_assert_eq(RUN(60000, "rm", g.log).status, 0);
	g = gate_start(dir, conf);
	expect_fate(&g, "alice", "ok");
	expect_fate(&g, "alice-revoked", "cert-revoked");
	cr_expect_null(find_line(g.log, 0, fetched), "%s", slurp(g.log));
	gate_stop(&g);
}

/* ---- live sessions */

static bool
is_shown(void *arg)
{
	struct gate *g = arg;
	struct output o = GWCTL(g->socket, "ocsp");

	return o.status == 0 && contains(o.out, lab("OCSP_URL"));
}

static bool
has_ended(void *log)
{
	const char *const words[] = { "session-end", "reason=cert-revoked",
				      NULL };

	return find_line(log, 0, words) != NULL;
}

static void
unrevoke(void)
{
	lab_do("unrevoke", "alice-rsa");
}

Test(live, revoked_card_ends_its_session, .fini = unrevoke)
{
	char *dir = scratch_dir();
	char *conf = conf_with(dir, "revocation = {\"ocsp\"}");
	struct gate g = gate_start(dir, text("revocation { recheck = \"1s\" }"
					     "\n%s", conf));
	struct wire *tunnel = WIRE(.base = g.url, .card = "alice-rsa");
	struct wire *other = WIRE(.base = g.url, .card = "alice");

	cr_assert_eq(ws_begin(tunnel, "/echo/ws"), 101);
	cr_assert_eq(ws_begin(other, "/echo/ws"), 101);
	cr_expect(await(60000, is_shown, &g));
	lab_do("revoke", "alice-rsa");
	cr_expect(ws_closes(tunnel, 1008, "cert-revoked", 20000), "no word");
	cr_expect(wire_is_over(tunnel, 3000), "the tunnel stays:\n%s",
		  slurp(g.log));
	cr_expect(ws_echoes(other, "not mine", 30000),
		  "somebody else's tunnel is gone");
	cr_expect(await(60000, has_ended, g.log), "%s", slurp(g.log));
	wire_close(tunnel);
	wire_close(other);
	gate_stop(&g);
}

/* Silence ends nobody who is in. */
Test(live, responder_goes_away)
{
	char *dir = scratch_dir();
	char *conf = conf_with(dir, "revocation = {\"ocsp\"}");
	struct gate g = gate_start(dir, text("revocation { recheck = \"1s\" }"
					     "\n%s", conf));
	struct wire *tunnel = WIRE(.base = g.url, .card = "alice");

	cr_assert_eq(ws_begin(tunnel, "/echo/ws"), 101);
	lab_do("stop", "ocsp");
	expect_fate(&g, "alice-rsa", "revocation-unavailable");
	cr_expect_not(wire_is_over(tunnel, 3000), "the tunnel is gone");
	lab_do("start", "ocsp");
	wire_close(tunnel);
	gate_stop(&g);
}

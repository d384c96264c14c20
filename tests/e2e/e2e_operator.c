/* e2e_operator.c — gwctl: what the operator reads, what a script gets, and
 * what happens when one of them acts. */
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <string.h>

static void
heal(void)
{
	lab_do("start", "ocsp");
	lab_do("start", "dc1");
}

TestSuite(operator, .timeout = 300);
TestSuite(operator_faults, .timeout = 120, .fini = heal);

ReportHook(TEST_CRASH)(struct criterion_test_stats *stats)
{
	(void)stats;
	heal();
}

/* ---- the document */

static const struct key_case {
	const char *key;
	json_type type;
} keys[] = {
	{ "version", JSON_STRING },   { "time", JSON_INTEGER },
	{ "uptime", JSON_INTEGER },   { "health", JSON_STRING },
	{ "problems", JSON_ARRAY },   { "processes", JSON_ARRAY },
	{ "listeners", JSON_ARRAY },  { "logins", JSON_OBJECT },
	{ "reasons", JSON_ARRAY },    { "sessions", JSON_ARRAY },
	{ "dcs", JSON_ARRAY },        { "cas", JSON_ARRAY },
	{ "responders", JSON_ARRAY }, { "upstreams", JSON_ARRAY },
	{ "service", JSON_OBJECT },
};

static const struct row_case {
	const char *section;
	size_t at_least;
	const char *keys[6];
} rows[] = {
	{ "processes", 3, { "name", "pid", "state", "restarts", "uptime" } },
	{ "listeners", 3, { "title", "address", "certificate_expires",
			    "connections" } },
	{ "dcs", 2, { "name", "state", "latency_us" } },
	{ "cas", 2, { "title", "subject", "expires" } },
	{ "upstreams", 2, { "title", "server", "state" } },
};

Test(operator, json_has_the_keys)
{
	json_t *s = gate_status(NULL);

	cr_assert(json_is_object(s), "not a JSON object");
	for (size_t i = 0; i < GW_COUNT(keys); i++) {
		json_t *v = json_object_get(s, keys[i].key);

		cr_expect(v != NULL && json_typeof(v) == keys[i].type,
			  "%s: %s", keys[i].key, v == NULL ? "missing"
							   : "other type");
	}
	for (size_t i = 0; i < GW_COUNT(rows); i++) {
		json_t *list = json_object_get(s, rows[i].section);

		cr_expect_geq(json_array_size(list), rows[i].at_least,
			      "%s: %zu rows", rows[i].section,
			      json_array_size(list));
		for (size_t j = 0; rows[i].keys[j] != NULL; j++)
			cr_expect(json_object_get(json_array_get(list, 0),
						  rows[i].keys[j]) != NULL,
				  "%s has no %s", rows[i].section,
				  rows[i].keys[j]);
	}
}

/* ---- exit status */

static bool
is_healthy(void *arg)
{
	(void)arg;
	return GWCTL(NULL, "status").status == 0;
}

Test(operator, healthy)
{
	struct output o;

	cr_expect(await(60000, is_healthy, NULL), "not healthy");
	o = GWCTL(NULL, "status");
	cr_expect_eq(o.status, 0, "got %d", o.status);
	cr_expect(strstr(o.out, "healthy") != NULL &&
		  strstr(o.out, "healthy") < strchr(o.out, '\n'),
		  "first line of: %s", o.out);
	for (size_t i = 0; i < 2; i++)
		cr_expect(contains(o.out, lab(i == 0 ? "DC1_NAME"
						     : "DC2_NAME")),
			  "no DC in: %s", o.out);
	cr_expect(!contains(o.out, "\033"), "colours into a pipe");
}

Test(operator, nobody_there)
{
	struct output o = GWCTL("/nonexistent/gwd.sock", "status");

	cr_expect_eq(o.status, 2, "got %d", o.status);
	cr_expect(contains(o.err, "/nonexistent/gwd.sock"), "%s", o.err);
	cr_expect_str_eq(o.out, "");
	o = GWCTL("/nonexistent/gwd.sock", "status", "--json");
	cr_expect_eq(o.status, 2, "got %d", o.status);
}

Test(operator, misused)
{
	static const char *const words[] = { "statsu", "--jsno", "kill" };

	for (size_t i = 0; i < GW_COUNT(words); i++) {
		struct output o = GWCTL(NULL, words[i]);

		cr_expect_eq(o.status, 2, "%s: got %d", words[i], o.status);
		cr_expect(contains(o.err, "usage"), "%s: %s", words[i],
			  o.err);
	}
}

Test(operator, not_for_everybody)
{
	static const char *const verbs[] = { "status", "sessions" };

	for (size_t i = 0; i < GW_COUNT(verbs); i++) {
		struct output o = RUN(60000, "setpriv", "--reuid=64901",
				      "--regid=64901", "--clear-groups",
				      lab("GWCTL"), "-s",
				      lab("GWCTL_SOCKET"), verbs[i]);

		cr_expect_eq(o.status, 2, "%s: got %d", verbs[i], o.status);
		cr_expect(!contains(o.out, "gwd"), "%s: %s", verbs[i], o.out);
		cr_expect(contains(o.err, "ermission"), "%s: %s", verbs[i],
			  o.err);
	}
}

Test(operator, explains_reasons)
{
	struct output o = GWCTL(NULL, "explain", "revocation-unavailable");

	cr_expect_eq(o.status, 0);
	cr_expect(contains(o.out, "Cure:") && contains(o.out, "503"), "%s",
		  o.out);
	o = GWCTL(NULL, "explain", "no-such-reason");
	cr_expect_eq(o.status, 2, "got %d", o.status);
}

/* ---- sessions */

static json_t *
session_of(const char *account)
{
	struct output o = GWCTL(NULL, "sessions", "--json");
	json_t *list = json_loads(o.out, 0, NULL), *row;
	size_t i;

	json_array_foreach(list, i, row) {
		const char *a = json_string_value(json_object_get(row,
								  "account"));
		json_t *n = json_object_get(row, "connections");

		if (a != NULL && strncmp(a, account, strlen(account)) == 0 &&
		    json_integer_value(n) > 0)
			return row;
	}
	return NULL;
}

static bool
has_session(void *arg)
{
	return session_of(arg) != NULL;
}

static bool
has_no_session(void *arg)
{
	return session_of(arg) == NULL;
}

Test(operator, sessions_come_and_go)
{
	char who[] = "alice";
	struct wire *w = WIRE(.card = "alice");
	struct output o;

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	cr_expect(await(60000, has_session, who), "alice is not listed");
	o = GWCTL(NULL, "sessions");
	cr_expect_eq(o.status, 0);
	cr_expect(contains(o.out, "alice"), "%s", o.out);
	wire_close(w);
	cr_expect(await(60000, has_no_session, who), "alice stays listed");
}

Test(operator, kill_ends_the_tunnel)
{
	char who[] = "alice";
	struct wire *w = WIRE(.card = "alice");
	struct wire *other;
	const char *id;
	uint64_t from;
	struct output o;

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	other = WIRE(.base = lab("GATEWAY_ANY_URL"), .card = "grace");
	cr_assert_eq(ws_begin(other, "/echo/ws"), 101);
	cr_assert(await(60000, has_session, who), "alice is not listed");
	id = json_string_value(json_object_get(session_of("alice"), "id"));
	from = now_ms();
	o = GWCTL(NULL, "kill", text("%.12s", id));
	cr_expect_eq(o.status, 0, "got %d: %s", o.status, o.err);
	/* RFC 6455 5.5.1: told why, by 1008 */
	cr_expect(ws_closes(w, 1008, "session-ended", 30000), "without a word");
	cr_expect(wire_is_over(w, 30000), "her tunnel stays");
	cr_expect(now_ms() - from < 20000, "only after %d ms",
		  (int)(now_ms() - from));
	cr_expect(ws_echoes(other, "still here", 30000), "grace's went, too");
	wire_close(w);
	wire_close(other);
	cr_expect_eq(FETCH(.card = "alice").status, 200,
		     "she cannot come again");
}

Test(operator, kill_of_nobody)
{
	struct output o = GWCTL(NULL, "kill", "0000000000000000");

	cr_expect_eq(o.status, 1, "got %d", o.status);
	o = GWCTL(NULL, "kill", "0");
	cr_expect_eq(o.status, 2, "got %d", o.status);
}

/* ---- logins are counted by reason */

static int64_t
count_of(const char *reason)
{
	json_t *row = gate_row(gate_status(NULL), "reasons", "reason", reason);

	return json_integer_value(json_object_get(row, "count"));
}

Test(operator, reasons_are_counted)
{
	int64_t before = count_of("account-disabled");

	(void)FETCH(.card = "bob");
	(void)FETCH(.card = "bob");
	cr_expect_eq(count_of("account-disabled"), before + 2,
		     "got %lld, wanted %lld",
		     (long long)count_of("account-disabled"),
		     (long long)before + 2);
}

/* ---- what is wrong comes first */

static bool
tells(void *arg)
{
	struct output o = GWCTL(NULL, "status");
	const char *table = strstr(o.out, "\nProcesses");
	const char *at = strstr(o.out, arg);

	return o.status > 0 && at != NULL && (table == NULL || at < table);
}

static void
expect_told(const char *word, int min, int max)
{
	struct output o;

	cr_expect(await(60000, tells, (void *)(uintptr_t)word),
		  "'%s' is not told before the tables:\n%s", word,
		  GWCTL(NULL, "status").out);
	o = GWCTL(NULL, "status");
	cr_expect(o.status >= min && o.status <= max,
		  "exit status %d:\n%s", o.status, o.out);
	cr_expect(strstr(o.out, "healthy") == NULL ||
		  strstr(o.out, "healthy") > strchr(o.out, '\n'),
		  "the first line says healthy:\n%s", o.out);
	cr_expect(contains(o.out, "  > "), "no cure:\n%s", o.out);
}

Test(operator_faults, dc_is_down)
{
	lab_do("stop", "dc1");
	expect_told(lab("DC1_NAME"), 1, 1);
	lab_do("start", "dc1");
	cr_expect(await(60000, is_healthy, NULL), "no recovery:\n%s",
		  GWCTL(NULL, "status").out);
}

Test(operator_faults, responder_is_down)
{
	lab_do("stop", "ocsp");
	(void)FETCH(.card = "bob");
	expect_told(lab("OCSP_URL"), 1, 2);
	lab_do("start", "ocsp");
	(void)FETCH(.card = "bob");
	cr_expect(await(60000, is_healthy, NULL), "no recovery:\n%s",
		  GWCTL(NULL, "status").out);
}

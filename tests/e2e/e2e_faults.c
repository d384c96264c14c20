/* e2e_faults.c — what breaks, one thing at a time: whoever is in stays in,
 * whoever comes is told why not, nobody else waits, and it recovers by
 * itself. A gateway of the test's own, which judges every connection anew. */
#include "gate.h"
#include "http.h"
#include "insider.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

static struct gate gate;

/* Of who waits for nothing and nobody: less than any time allowed to those
 * who break. */
#define WELL_MS 1800
#define BACK_MS 30000 /* a hang, no speed */

/* ---- before and after */

static void
start_gate(void)
{
	char *dir = scratch_dir();

	gate = gate_start(dir, text("%ssession { reuse = \"0s\" }\n",
				    conf_text(dir, lab("ECHO_URL") + 7)));
}

/* Everything the lab has runs again; does nothing to what runs. */
static void
heal_lab(void)
{
	static const char *const pieces[] = { "ocsp", "dc1", "dc2" };

	for (size_t i = 0; i < GW_COUNT(pieces); i++) {
		lab_do("resume", pieces[i]);
		lab_do("start", pieces[i]);
	}
}

static void
stop_gate(void)
{
	gate_stop(&gate);
}

static void
stop_gate_and_heal(void)
{
	gate_stop(&gate);
	heal_lab();
}

TestSuite(crash, .init = start_gate, .fini = stop_gate, .timeout = 300);
TestSuite(lost, .init = start_gate, .fini = stop_gate_and_heal,
	  .timeout = 300);

ReportHook(TEST_CRASH)(struct criterion_test_stats *stats)
{
	(void)stats;
	heal_lab();
}

/* A test that was stopped by its time limit had no end of its own. */
ReportHook(POST_TEST)(struct criterion_test_stats *stats)
{
	if (stats->timed_out)
		heal_lab();
}

/* ---- logins */

static struct answer
login(const char *card)
{
	return FETCH(.base = gate.url, .card = card,
		     .accept = "application/json");
}

static void
expect_reason(const char *what, struct answer a, const char *reason,
	      int within_ms)
{
	cr_expect(strcmp(reason_of(&a), reason) == 0, "%s: got %s (%ld), "
		  "wanted %s", what, reason_of(&a), a.status, reason);
	cr_expect_leq(a.took_ms, within_ms, "%s: took %d ms, wanted %d", what,
		      a.took_ms, within_ms);
}

static bool
gets_in(void *card)
{
	return login(card).status == 200;
}

static void
expect_recovery(const char *what, int within_ms)
{
	uint64_t from = now_ms();

	cr_expect(await(within_ms, gets_in, (void *)(uintptr_t)"alice"),
		  "%s: alice is not in again within %d ms", what, within_ms);
	cr_log_info("%s: in again after %d ms", what,
		    (int)(now_ms() - from));
}

/* ---- a process dies */

static void
kill_child(const char *name)
{
	pid_t pid = gate_pid(gate.socket, name);

	cr_assert(pid > 1, "%s has no pid", name);
	cr_assert_eq(kill(pid, SIGKILL), 0, "%s", strerror(errno));
}

/* In, or a plain 503 with a reason of the gateway; nothing else. */
static void
expect_in_or_told(const char *what, struct answer a)
{
	const char *r = reason_of(&a);

	cr_expect(strcmp(r, "ok") == 0 || strcmp(r, "auth-unavailable") == 0 ||
		  strcmp(r, "kdc-unavailable") == 0, "%s: got %s (%ld)", what,
		  r, a.status);
}

static void
survives(const char *name)
{
	struct insider in = insider_new(gate.url);

	for (int i = 0; i < 2; i++) {
		kill_child(name);
		expect_undisturbed(name, &in, WELL_MS);
		expect_in_or_told(name, login("grace"));
		expect_recovery(name, BACK_MS);
		expect_undisturbed(name, &in, WELL_MS);
	}
	insider_free(&in);
}

Test(crash, auth_dies)
{
	survives("gwd-auth");
}

/* A session as `gwctl sessions` lists it; NULL: it does not. */
static json_t *
session_row(const char *key, const char *value)
{
	struct output o = GWCTL(gate.socket, "sessions", "--json");
	json_t *list = json_loads(o.out, 0, NULL), *row;
	size_t i;

	json_array_foreach(list, i, row)
		if (strcmp(json_text(row, key), value) == 0)
			return row;
	return NULL;
}

static bool
is_listed(void *id)
{
	return session_row("id", id) != NULL;
}

static bool
is_unlisted(void *id)
{
	return session_row("id", id) == NULL;
}

/* Who was admitted by the gwd-auth that died is seen and can be ended. */
Test(crash, sessions_left_by_auth)
{
	struct wire *w = WIRE(.base = gate.url, .card = "alice");
	struct output o;
	char *id;

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	id = text("%s", json_text(session_row("account", "alice"), "id"));
	kill_child("gwd-auth");
	expect_recovery("gwd-auth", BACK_MS);
	cr_assert(await(60000, is_listed, id), "%s is listed no more", id);
	cr_expect_str_eq(json_text(session_row("id", id), "account"), "alice");
	cr_expect_str_eq(json_text(session_row("id", id), "mapping"),
			 "an earlier gwd-auth");
	o = GWCTL(gate.socket, "kill", id);
	cr_expect_eq(o.status, 0, "%d %s", o.status, o.err);
	cr_expect(wire_is_over(w, 30000), "her tunnel stays");
	cr_expect(await(60000, is_unlisted, id), "%s stays listed", id);
	wire_close(w);
}

Test(crash, kdc_dies)
{
	survives("gwd-kdc");
}

Test(crash, proxy_dies)
{
	json_t *row;

	expect_reason("before", login("alice"), "ok", BACK_MS);
	kill_child("gwd-proxy");
	expect_recovery("gwd-proxy", BACK_MS);
	row = gate_row(gate_status(gate.socket), "processes", "name",
		       "gwd-proxy");
	cr_expect_eq(json_integer_value(json_object_get(row, "restarts")), 1);
	cr_expect(contains(json_text(row, "last_end"), "9") ||
		  contains(json_text(row, "last_end"), "ill"),
		  "last end: %s", json_text(row, "last_end"));
}

Test(crash, all_three_die)
{
	kill_child("gwd-kdc");
	kill_child("gwd-auth");
	kill_child("gwd-proxy");
	expect_recovery("all three", 5000);
}

/* ---- the responder */

struct late { /* a login that runs meanwhile */
	const char *card;
	struct answer a;
	pthread_t thread;
};

static void *
late_run(void *arg)
{
	struct late *l = arg;

	l->a = login(l->card);
	return NULL;
}

static void
late_begin(struct late *l)
{
	gw_assert(pthread_create(&l->thread, NULL, late_run, l) == 0);
}

static void
late_end(struct late *l)
{
	gw_assert(pthread_join(l->thread, NULL) == 0);
}

Test(lost, responder_is_down)
{
	struct insider in = insider_new(gate.url);

	lab_do("stop", "ocsp");
	expect_reason("no responder", login("alice"),
		      "revocation-unavailable", BACK_MS);
	expect_reason("needs none", login("alice-expired"), "cert-expired",
		      WELL_MS);
	expect_undisturbed("no responder", &in, WELL_MS);
	lab_do("start", "ocsp");
	expect_recovery("responder", BACK_MS);
	insider_free(&in);
}

Test(lost, responder_hangs)
{
	struct insider in = insider_new(gate.url);
	struct late late = { .card = "alice" };

	lab_do("pause", "ocsp");
	late_begin(&late);
	expect_reason("needs none", login("alice-expired"), "cert-expired",
		      WELL_MS);
	expect_reason("needs none", login(NULL), "tls-no-certificate", WELL_MS);
	expect_undisturbed("hanging responder", &in, WELL_MS);
	late_end(&late);
	expect_reason("hanging responder", late.a, "revocation-unavailable",
		      BACK_MS);
	lab_do("resume", "ocsp");
	expect_recovery("responder", BACK_MS);
	insider_free(&in);
}

/* ---- domain controllers */

/* Whichever DC the gateway prefers: each is lost once. */
static void
lose_one(const char *dc, const char *lose, const char *bring_back)
{
	struct insider in = insider_new(gate.url);

	lab_do(lose, dc);
	for (int i = 0; i < 3; i++)
		expect_reason(text("%s %s, login %d", lose, dc, i),
			      login("alice"), "ok", BACK_MS);
	expect_reason("the same for who is refused", login("bob"),
		      "account-disabled", BACK_MS);
	expect_undisturbed(dc, &in, WELL_MS);
	lab_do(bring_back, dc);
	expect_recovery(dc, BACK_MS);
	insider_free(&in);
}

Test(lost, dc1_is_down)
{
	lose_one("dc1", "stop", "start");
}

Test(lost, dc1_hangs)
{
	lose_one("dc1", "pause", "resume");
}

Test(lost, dc2_hangs)
{
	lose_one("dc2", "pause", "resume");
}

static void
lose_both(const char *lose, const char *bring_back)
{
	struct insider in = insider_new(gate.url);
	struct late late = { .card = "alice" };

	lab_do(lose, "dc1");
	lab_do(lose, "dc2");
	late_begin(&late);
	for (int i = 0; i < 5; i++)
		expect_undisturbed(text("%s both", lose), &in, WELL_MS);
	expect_reason("needs no DC", login("alice-revoked"), "cert-revoked",
		      WELL_MS);
	late_end(&late);
	expect_reason(text("%s both", lose), late.a, "kdc-unreachable", BACK_MS);
	lab_do(bring_back, "dc1");
	lab_do(bring_back, "dc2");
	expect_recovery("both", BACK_MS);
	insider_free(&in);
}

Test(lost, both_dcs_are_down)
{
	lose_both("stop", "start");
}

Test(lost, both_dcs_hang)
{
	lose_both("pause", "resume");
}

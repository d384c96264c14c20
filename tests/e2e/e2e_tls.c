/* e2e_tls.c — TLS sessions taken up again, which no refusal may slip through,
 * and certificates changed while people are in. Gateways of the tests' own. */
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <string.h>
#include <time.h>

#define CARD "grace"

static struct gate gate;
static char *dir;
static const int versions[] = { 12, 13 };

/* ---- before and after */

/* Its own copies of the lab's certificate and key; every login is judged.
 * `more` goes into its listener. */
static void
start_gate_with(const char *more)
{
	const char *cert = conf_value("certificate"), *key = conf_value("key");
	char *conf;

	dir = scratch_dir();
	conf = conf_text(dir, lab("ECHO_URL") + 7);
	conf = text_with(conf, cert, text("%s/server.pem", dir));
	conf = text_with(conf, key, text("%s/server.key", dir));
	conf = text_with(conf, "\tupstream = \"behind\"\n",
		    text("\tupstream = \"behind\"\n%s", more));
	spill(text("%s/server.pem", dir), slurp(cert));
	spill(text("%s/server.key", dir), slurp(key));
	cr_assert_eq(RUN(60000, "chmod", "600",
			 text("%s/server.key", dir)).status, 0);
	gate = gate_start(dir, text("%ssession { reuse = \"0s\" }\n", conf));
}

static void
start_gate(void)
{
	start_gate_with("");
}

static void
start_gate_for_group(void)
{
	lab_do("join", CARD);
	start_gate_with("\trequire_group = {\"Smartcard Users\"}\n");
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
	lab_do("unrevoke", CARD);
	lab_do("enable", CARD);
}

static void
stop_gate_and_leave(void)
{
	gate_stop(&gate);
	lab_do("leave", CARD);
}

TestSuite(resumption, .init = start_gate, .fini = stop_gate_and_heal,
	  .timeout = 300);
TestSuite(resumption_group, .init = start_gate_for_group,
	  .fini = stop_gate_and_leave, .timeout = 300);
TestSuite(reload, .init = start_gate, .fini = stop_gate, .timeout = 300);

ReportHook(TEST_CRASH)(struct criterion_test_stats *stats)
{
	(void)stats;
	lab_do("unrevoke", CARD);
	lab_do("enable", CARD);
	lab_do("leave", CARD);
}

/* ---- sessions taken up again */

/* One request; the head and body that came. */
static char *
get(struct wire *w)
{
	(void)wire_say(w, "GET /echo/ HTTP/1.1\r\nHost: g\r\n"
			  "Accept: application/json\r\n"
			  "Connection: close\r\n\r\n");
	return wire_read_until(w, NULL, 8000);
}

/* A ticket of somebody who was let in. */
static void *
ticket(int tls)
{
	struct wire *w = WIRE(.base = gate.url, .card = CARD, .tls = tls);
	char *answer = get(w);
	void *s;

	cr_assert(contains(answer, " 200 "), "1.%d: %s", tls - 10, answer);
	cr_assert(!wire_is_resumed(w));
	s = wire_session(w);
	wire_close(w);
	return s;
}

static void
expect(const char *what, int tls, void *session, const char *holds)
{
	struct wire *w = WIRE(.base = gate.url, .card = CARD, .tls = tls,
			      .session = session);
	char *answer = get(w);

	cr_expect(wire_is_resumed(w), "%s, 1.%d: a full handshake", what,
		  tls - 10);
	cr_expect(contains(answer, holds), "%s, 1.%d: %s", what, tls - 10,
		  answer);
	wire_close(w);
}

static bool
is_over(void *second)
{
	return time(NULL) > *(const time_t *)second;
}

/* Only a newer answer takes `revoked` back, and answers count in seconds. */
static void
take_back(void)
{
	time_t second = time(NULL);

	cr_assert(await(60000, is_over, &second));
	lab_do("unrevoke", CARD);
}

Test(resumption, revoked_card)
{
	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		void *s = ticket(versions[i]);

		lab_do("revoke", CARD);
		expect("revoked", versions[i], s, "cert-revoked");
		take_back();
		expect("good again", versions[i], s, " 200 ");
	}
}

Test(resumption, disabled_account)
{
	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		void *s = ticket(versions[i]);

		lab_do("disable", CARD);
		expect("disabled", versions[i], s, "account-disabled");
		lab_do("enable", CARD);
		expect("enabled", versions[i], s, " 200 ");
	}
}

Test(resumption_group, left)
{
	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		void *s = ticket(versions[i]);

		lab_do("leave", CARD);
		expect("left", versions[i], s, "policy-group");
		lab_do("join", CARD);
		expect("joined", versions[i], s, " 200 ");
	}
}

Test(resumption, client_auth_disabled)
{
	void *s[GW_COUNT(versions)];

	for (size_t i = 0; i < GW_COUNT(versions); i++)
		s[i] = ticket(versions[i]);
	cr_assert_eq(GWCTL(gate.socket, "client-auth", "disable").status, 0);
	for (size_t i = 0; i < GW_COUNT(versions); i++)
		expect("disabled", versions[i], s[i],
		       "policy-client-auth-disabled");
	cr_assert_eq(GWCTL(gate.socket, "client-auth", "enable").status, 0);
	for (size_t i = 0; i < GW_COUNT(versions); i++)
		expect("enabled", versions[i], s[i], " 200 ");
}

static char *
session_id(void)
{
	struct output o = GWCTL(gate.socket, "sessions", "--json");
	json_t *list = json_loads(o.out, 0, NULL), *row;
	size_t i;

	json_array_foreach(list, i, row)
		if (json_integer_value(json_object_get(row, "connections")) >
		    0)
			return text("%s", json_string_value(
				json_object_get(row, "id")));
	return text("%s", "");
}

/* The ticket of a session that was killed leads to a judgement, and when
 * that is good to another session, never into the old one. */
Test(resumption, killed_session)
{
	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		void *s = ticket(versions[i]);
		struct wire *w = WIRE(.base = gate.url, .card = CARD,
				      .tls = versions[i], .session = s);
		struct wire *again;
		char *id;

		cr_assert(wire_is_resumed(w));
		cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
		id = session_id();
		cr_assert_eq(strlen(id), 32, "%s", id);
		cr_assert_eq(GWCTL(gate.socket, "kill", id).status, 0);
		cr_expect(wire_is_over(w, 30000), "the tunnel stays");
		lab_do("revoke", CARD);
		expect("killed and revoked", versions[i], s, "cert-revoked");
		take_back();
		again = WIRE(.base = gate.url, .card = CARD,
			     .tls = versions[i], .session = s);
		cr_assert(wire_is_resumed(again));
		cr_assert_eq(ws_begin(again, "/echo/ws"), 101);
		cr_expect_str_neq(session_id(), id, "1.%d: the killed session",
				  versions[i] - 10);
		wire_close(w);
		wire_close(again);
	}
}

/* ---- certificates */

static void
new_certificate(const char *name)
{
	struct output o = RUN(60000, "openssl", "req", "-x509", "-newkey",
			      "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
			      "-nodes", "-days", "30", "-subj",
			      text("/CN=%s", name), "-keyout",
			      text("%s/server.key", dir), "-out",
			      text("%s/server.pem", dir));

	cr_assert_eq(o.status, 0, "%s", o.err);
}

static bool
is_shown(void *name)
{
	struct wire *w = WIRE(.base = gate.url, .any_server = true);
	bool is = contains(wire_server(w), name);

	wire_close(w);
	return is;
}

Test(reload, new_certificate_tunnel_stays)
{
	char name[] = "renewed.example.com";
	struct wire *tunnel = WIRE(.base = gate.url, .card = CARD);
	pid_t proxy = gate_pid(gate.socket, "gwd-proxy");
	void *s = ticket(13);
	struct output o;

	cr_assert_eq(ws_begin(tunnel, "/echo/ws"), 101);
	o = GWCTL(gate.socket, "reload");
	cr_expect_eq(o.status, 0, "%d: %s", o.status, o.err);
	cr_expect(contains(o.out, "no certificate has changed"), "%s", o.out);
	new_certificate(name);
	cr_expect(!is_shown(name), "before the reload");
	o = GWCTL(gate.socket, "reload");
	cr_expect_eq(o.status, 0, "%d: %s", o.status, o.err);
	cr_expect(contains(o.out, "new certificates: listener door"), "%s",
		  o.out);
	cr_expect(await(60000, is_shown, name), "not shown");
	cr_expect(ws_echoes(tunnel, "still here", 30000), "the tunnel went");
	cr_expect_eq(gate_pid(gate.socket, "gwd-proxy"), proxy);
	expect("ticket of before", 13, s, " 200 ");
	wire_close(tunnel);
}

/* The old one stays, and the fault is named. */
Test(reload, broken_key)
{
	char name[] = "renewed.example.com", other[] = "gateway.corp";
	struct output o;

	new_certificate(name);
	spill(text("%s/server.key", dir), "no key\n");
	o = GWCTL(gate.socket, "reload");
	cr_expect_eq(o.status, 2, "%d: %s", o.status, o.out);
	cr_expect(contains(o.err, "server.key: holds no private key") &&
		  contains(o.err, "gwd.conf:"), "%s", o.err);
	cr_expect(is_shown(other), "the old one is not shown");
	cr_expect(find_line(gate.log, 0, (const char *const[]){
			"reload-refused", "server.key", NULL }) != NULL);
}

Test(reload, restart_needed)
{
	char *conf = slurp(gate.conf);
	struct output o;

	spill(gate.conf, text_with(conf, "workers = 1", "workers = 2"));
	o = GWCTL(gate.socket, "reload");
	cr_expect_eq(o.status, 1, "%d: %s", o.status, o.err);
	cr_expect(contains(o.out, "restart needed for:\n  workers"), "%s",
		  o.out);
	spill(gate.conf, conf);
	cr_expect_eq(GWCTL(gate.socket, "reload").status, 0);
}

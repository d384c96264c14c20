/* e2e_registry.c — CAs registered and taken out while the gateway runs, by
 * gwctl alone. The second CA is the one of the lab's other PKI, which signed
 * the card alice-unknownca; its responder is openssl's. */
#include "gate.h"
#include "http.h"
#include "wire.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(registry, .timeout = 300);

#define CARD "alice-unknownca"

static const char *
other(const char *name)
{
	return text("%s/other/%s", getenv("GWD_LAB_DIR"), name);
}

/* ---- a responder for the second CA */

struct responder {
	pid_t pid;
	char *log;
	char *url;
};

static bool
has_said(void *arg)
{
	struct responder *r = arg;
	const char *at = strstr(slurp(r->log), "ACCEPT ");
	const char *end = at != NULL ? strstr(at, " PID") : NULL;
	const char *colon = end != NULL ? memrchr(at, ':', (size_t)(end - at))
					: NULL;

	if (colon == NULL)
		return false;
	r->url = text("http://127.0.0.1:%.*s/", (int)(end - colon - 1),
		      colon + 1);
	return true;
}

static struct responder
responder_start(void)
{
	struct responder r = { .log = text("%s/ocsp.log", scratch_dir()) };
	const char *ca = other("issuing.pem"), *key = other("issuing.key");
	const char *index = other("issuing/index.txt");

	r.pid = fork();
	if (r.pid == 0) {
		int fd = open(r.log, O_CREAT | O_WRONLY | O_APPEND, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execlp("openssl", "openssl", "ocsp", "-port", "0", "-index",
		       index, "-CA", ca, "-rsigner", ca, "-rkey", key,
		       "-nmin", "5", NULL);
		_exit(127);
	}
	cr_assert(await(60000, has_said, &r), "no responder: %s",
		  slurp(r.log));
	return r;
}

static void
responder_stop(struct responder *r)
{
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
}

/* ---- gwctl */

/* The id in what gwctl said, or "". */
static const char *
id_in(const char *said)
{
	const char *at = strstr(said, "c-");

	return at != NULL ? text("%.12s", at) : "";
}

static const char *
register_other(const char *url)
{
	struct output o = GWCTL(NULL, "ca", "register", other("issuing.pem"),
				"--ocsp-url", url, "--ocsp-mode", "override");

	cr_assert_eq(o.status, 0, "got %d: %s", o.status, o.err);
	cr_assert(contains(o.out, "Registered"), "%s", o.out);
	return id_in(o.out);
}

static void
expect_refused(struct output o, const char *name)
{
	cr_expect_eq(o.status, 1, "%s: got %d", name, o.status);
	cr_expect(contains(o.err, name), "no %s in: %s", name, o.err);
	cr_expect(contains(o.err, "cause:") && contains(o.err, "cure:"),
		  "%s", o.err);
}

static bool
is_refused_with(const char *card, const char *reason)
{
	struct answer a = FETCH(.card = card, .accept = "application/json");

	return a.status >= 400 && contains(a.body, reason);
}

/* ---- the second CA comes and goes */

Test(registry, second_ca)
{
	struct responder r = responder_start();
	const char *id;
	struct answer a;

	cr_expect(is_refused_with(CARD, "cert-untrusted"), "before");
	id = register_other(r.url);
	a = FETCH(.card = CARD);
	cr_expect_eq(a.status, 200, "got %ld: %s", a.status, a.body);
	cr_expect(contains(GWCTL(NULL, "ca", "show", id).out, r.url));
	expect_refused(GWCTL(NULL, "ca", "register", other("issuing.pem")),
		       "CertificateAlreadyExists");
	cr_expect_eq(GWCTL(NULL, "ca", "deregister", id, "--force").status,
		     0);
	cr_expect(is_refused_with(CARD, "cert-untrusted"), "afterwards");
	cr_expect(contains(GWCTL(NULL, "ca", "show", id).out,
			   "Deregistered"));
	expect_refused(GWCTL(NULL, "ca", "deregister", id),
		       "CertificateDoesNotExist");
	responder_stop(&r);
}

Test(registry, live_session)
{
	struct responder r = responder_start();
	const char *id = register_other(r.url);
	struct wire *w = WIRE(.card = CARD);
	struct wire *alice = WIRE(.card = "alice");
	struct output o;

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	cr_assert_eq(ws_begin(alice, "/echo/ws"), 101);
	expect_refused(GWCTL(NULL, "ca", "deregister", id),
		       "CertificateInUse");
	cr_expect(ws_echoes(w, "still here", 30000), "it ended");
	o = GWCTL(NULL, "ca", "deregister", id, "--force");
	cr_expect_eq(o.status, 0, "got %d: %s", o.status, o.err);
	cr_expect(contains(o.out, "1 sessions ended"), "%s", o.out);
	cr_expect(wire_is_over(w, 3000), "it stays");
	cr_expect(ws_echoes(alice, "still here", 30000), "another's went");
	wire_close(w);
	wire_close(alice);
	responder_stop(&r);
}

/* A ticket of a card whose CA has gone since. */
Test(registry, resumption)
{
	static const int versions[] = { 12, 13 };
	struct responder r = responder_start();

	for (size_t i = 0; i < GW_COUNT(versions); i++) {
		const char *id = register_other(r.url);
		struct wire *w = WIRE(.card = CARD, .tls = versions[i]);
		struct wire *again;
		void *s;

		(void)wire_say(w, "GET /echo/ HTTP/1.1\r\nHost: g\r\n"
				  "Connection: close\r\n\r\n");
		cr_assert(contains(wire_read_until(w, NULL, 8000), " 200 "));
		s = wire_session(w);
		wire_close(w);
		cr_assert_eq(GWCTL(NULL, "ca", "deregister", id, "--force")
				     .status, 0);
		again = WIRE(.card = CARD, .tls = versions[i], .session = s);
		cr_expect(wire_is_resumed(again), "1.%d", versions[i] - 10);
		(void)wire_say(again, "GET /echo/ HTTP/1.1\r\nHost: g\r\n"
				      "Accept: application/json\r\n"
				      "Connection: close\r\n\r\n");
		cr_expect(contains(wire_read_until(again, NULL, 8000),
				   "cert-untrusted"), "1.%d", versions[i] - 10);
		wire_close(again);
	}
	responder_stop(&r);
}

/* ---- the client is shown the names */

static bool
shows_name(void *arg)
{
	static const char cmd[] = "openssl s_client -connect $0:443 "
				  "</dev/null 2>/dev/null";
	struct output o = RUN(60000, "sh", "-c", cmd, lab("GATEWAY_ADDR"));

	return contains(o.out, arg);
}

Test(registry, names_are_offered)
{
	char name[] = "CN = Second CA of a test";
	const char *pem = text("%s/second.pem", scratch_dir());
	const char *id;

	cr_assert_eq(RUN(60000, "openssl", "req", "-x509", "-newkey",
			 "rsa:2048", "-nodes", "-keyout", "/dev/null", "-out",
			 pem, "-days", "365", "-subj",
			 "/CN=Second CA of a test", "-sigopt",
			 "rsa_padding_mode:pss").status, 0);
	cr_expect(!shows_name(name));
	id = id_in(GWCTL(NULL, "ca", "register", pem).out);
	cr_expect(await(60000, shows_name, name), "not shown");
	cr_expect_eq(GWCTL(NULL, "ca", "deregister", id).status, 0);
	cr_expect(!shows_name(name), "shown still");
}

/* ---- what is refused */

/* A file of several: what became of each, whatever became of the others. */
Test(registry, bundle)
{
	struct responder r = responder_start();
	const char *all = text("%s/bundle.pem", scratch_dir());
	struct output o;
	const char *id;

	spill(all, text("%s%s%s%s", slurp(lab("ISSUING_CA_FILE")),
			slurp(lab_cert("alice")), slurp(lab_key("alice")),
			slurp(other("issuing.pem"))));
	o = GWCTL(NULL, "ca", "register", all, "--ocsp-url", r.url);
	cr_expect_eq(o.status, 1, "got %d", o.status);
	cr_expect(contains(o.out, "certificate 1: not registered: "
				  "CertificateAlreadyExists"), "%s", o.out);
	cr_expect(contains(o.out, "certificate 2: not registered: "
				  "InvalidCertificate"), "%s", o.out);
	cr_expect(contains(o.out, "certificate 3: c-"), "%s", o.out);
	id = id_in(o.out);
	cr_expect_eq(GWCTL(NULL, "ca", "deregister", id, "--force").status,
		     0);
	responder_stop(&r);
}

Test(registry, refusals)
{
	const char *file = id_in(strstr(GWCTL(NULL, "ca", "list").out, "c-"));
	struct output o;

	expect_refused(GWCTL(NULL, "ca", "register", lab_cert("alice")),
		       "InvalidCertificate");
	o = GWCTL(NULL, "ca", "deregister", file);
	expect_refused(o, "CertificateInConfiguration");
	cr_expect(contains(o.err, "/pki/"), "the file is not named: %s",
		  o.err);
	expect_refused(GWCTL(NULL, "ca", "deregister", "c-0123456789"),
		       "CertificateDoesNotExist");
	o = GWCTL(NULL, "ca", "frobnicate");
	cr_expect(o.status == 2 && contains(o.err, "usage"), "%s", o.err);
}

Test(registry, not_for_everybody)
{
	struct output o = RUN(60000, "setpriv", "--reuid=64901",
			      "--regid=64901", "--clear-groups",
			      lab("GWCTL"), "-s", lab("GWCTL_SOCKET"),
			      "client-auth", "disable");

	cr_expect_eq(o.status, 2, "got %d", o.status);
	cr_expect_eq(FETCH(.card = "alice").status, 200);
}

/* ---- client authentication */

Test(registry, client_auth)
{
	struct wire *w = WIRE(.card = "alice");

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	expect_refused(GWCTL(NULL, "client-auth", "enable"),
		       "InvalidClientAuthStatus");
	cr_assert_eq(GWCTL(NULL, "client-auth", "disable").status, 0);
	cr_expect(is_refused_with("alice", "policy-client-auth-disabled"));
	cr_expect(is_refused_with("alice-revoked",
				  "policy-client-auth-disabled"),
		  "whoever it is");
	cr_expect(ws_echoes(w, "still here", 30000), "sessions go on");
	expect_refused(GWCTL(NULL, "client-auth", "disable"),
		       "InvalidClientAuthStatus");
	cr_expect(contains(GWCTL(NULL, "client-auth", "show").out,
			   "Disabled"));
	cr_expect_eq(GWCTL(NULL, "client-auth", "enable").status, 0);
	cr_expect_eq(FETCH(.card = "alice").status, 200);
	wire_close(w);
}

/* ---- settings */

static bool
shows(const char *id, const char *words)
{
	return contains(GWCTL(NULL, "ca", "show", id).out, words);
}

Test(registry, wrong_settings)
{
	const char *id = "c-0123456789";
	struct output o = GWCTL(NULL, "ca", "update", id, "--relax", "all");

	cr_expect_eq(o.status, 1, "got %d", o.status);
	cr_expect(contains(o.err, "InvalidParameter: relax: 'all' is not"),
		  "%s", o.err);
	o = GWCTL(NULL, "ca", "update", id, "--file", "/etc/ca.pem");
	cr_expect_eq(o.status, 2, "got %d", o.status);
	o = GWCTL(NULL, "ca", "register", other("issuing.pem"), "--crl",
		  "/etc/shadow");
	expect_refused(o, "InvalidParameter");
	cr_expect(contains(o.err, "crl_dir"), "%s", o.err);
	cr_expect(!contains(o.out, "Registered"), "%s", o.out);
}

Test(registry, settings_by_json)
{
	struct responder r = responder_start();
	const char *id = register_other(r.url);
	const char *all;
	struct output o;

	o = GWCTL(NULL, "ca", "update", id, "--relax", "ca-eku", "--relax",
		  "lenient", "--check-intermediates", "no");
	cr_expect_eq(o.status, 0, "got %d: %s", o.status, o.err);
	all = GWCTL(NULL, "ca", "show", id, "--json").out;
	cr_expect(contains(all, "\"check_intermediates\": \"no\""), "%s", all);
	cr_expect(contains(all, "\"ocsp_mode\": \"override\""), "%s", all);
	cr_expect(contains(GWCTL(NULL, "ca", "list").out, "ca-eku lenient"));
	cr_expect_eq(GWCTL(NULL, "ca", "deregister", id).status, 0);
	responder_stop(&r);
}

/* A tunnel whose card does not meet what its CA now demands ends; one under
 * another CA goes on. */
Test(registry, settings_reach_live_sessions)
{
	struct responder r = responder_start();
	const char *id = register_other(r.url);
	struct wire *w = WIRE(.card = CARD);
	struct wire *alice = WIRE(.card = "alice");

	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	cr_assert_eq(ws_begin(alice, "/echo/ws"), 101);
	cr_assert_eq(GWCTL(NULL, "ca", "update", id, "--max-depth",
			   "2").status, 0);
	cr_expect(!wire_is_over(w, 3000), "it meets that");
	cr_assert_eq(GWCTL(NULL, "ca", "update", id, "--require-policy",
			   "1.2.3.4").status, 0);
	cr_expect(wire_is_over(w, 10000), "it stays");
	cr_expect(is_refused_with(CARD, "cert-policy"));
	cr_expect(ws_echoes(alice, "still here", 30000), "another's went");
	wire_close(w);
	wire_close(alice);
	cr_expect_eq(GWCTL(NULL, "ca", "deregister", id, "--force").status,
		     0);
	responder_stop(&r);
}

/* ---- gwd-auth is killed */

static bool
is_up(void *arg)
{
	return gate_pid(NULL, "gwd-auth") != *(pid_t *)arg &&
	       gate_is_up(NULL);
}

Test(registry, survives_kill)
{
	struct responder r = responder_start();
	const char *id = register_other(r.url);
	pid_t pid = gate_pid(NULL, "gwd-auth");
	struct answer a;

	cr_assert_eq(GWCTL(NULL, "client-auth", "disable").status, 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert(await(60000, is_up, &pid), "gwd-auth does not come back");
	cr_expect(is_refused_with("alice", "policy-client-auth-disabled"));
	cr_expect_eq(GWCTL(NULL, "client-auth", "enable").status, 0);
	a = FETCH(.card = CARD);
	cr_expect_eq(a.status, 200, "got %ld: %s", a.status, a.body);
	cr_expect_eq(GWCTL(NULL, "ca", "deregister", id, "--force").status,
		     0);
	responder_stop(&r);
}

/* What was set is there afterwards, and what was set back is not. */
Test(registry, settings_survive_kill)
{
	struct responder r = responder_start();
	const char *id = register_other(r.url);
	pid_t pid = gate_pid(NULL, "gwd-auth");
	struct wire *w;
	struct output o;

	o = GWCTL(NULL, "ca", "update", id, "--relax", "lenient", "--grace",
		  "2h", "--on-unavailable", "grace", "--max-depth", "3");
	cr_assert_eq(o.status, 0, "got %d: %s", o.status, o.err);
	cr_expect(shows(id, "RELAXED: lenient"));
	o = GWCTL(NULL, "ca", "update", id, "--relax", "", "--max-depth", "2");
	cr_assert_eq(o.status, 0, "got %d: %s", o.status, o.err);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert(await(60000, is_up, &pid), "gwd-auth does not come back");
	cr_expect(!shows(id, "RELAXED"));
	cr_expect(shows(id, "max_depth = 2") && shows(id, "grace = 2h") &&
		  shows(id, "on_unavailable = grace") && shows(id, r.url),
		  "%s", GWCTL(NULL, "ca", "show", id).out);
	cr_expect(shows(id, "Sessions     0"));
	w = WIRE(.card = CARD);
	cr_assert_eq(ws_begin(w, "/echo/ws"), 101);
	cr_expect(shows(id, "Sessions     1"));
	wire_close(w);
	cr_expect_eq(GWCTL(NULL, "ca", "deregister", id, "--force").status,
		     0);
	responder_stop(&r);
}

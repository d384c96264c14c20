/* test_gwd.c — the real gwd and gwctl with stand-ins for the three children:
 * start, restart, links, status, kill, stop, and every way to fail. */
#include "client.h"
#include "files.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 10000

static const char *dir;
static char sock[128], conf[128], logfile[128], exe[128];

static void
link_as(const char *target, const char *name)
{
	char path[256], cmd[600];

	gw_format(path, sizeof(path), "%s/%s", dir, name);
	/* copied: /proc/self/exe of a link would lead elsewhere */
	gw_format(cmd, sizeof(cmd), "cp '%s' '%s'", target, path);
	cr_assert_eq(system(cmd), 0);
}

static void
write_conf(const char *extra)
{
	const char *good = files_conf();
	const char *body = strstr(good, "workers");
	char *text = gw_xasprintf("proxy_user = \"61001\"\n"
				  "auth_user = \"61002\"\n"
				  "kdc_user = \"61003\"\n"
				  "socket = \"%s\"\nstate_dir = \"%s/state\"\n"
				  "%s%s", sock, dir, body, extra);

	files_write("gwd.conf", text, strlen(text), 0644);
	free(text);
}

static void
make(void)
{
	dir = files_make();
	gw_format(sock, sizeof(sock), "%s/run/gwd.sock", dir);
	gw_format(conf, sizeof(conf), "%s/gwd.conf", dir);
	gw_format(logfile, sizeof(logfile), "%s/log", dir);
	gw_format(exe, sizeof(exe), "%s/gwd", dir);
	link_as(GWD_EXE, "gwd");
	link_as(DUMMY_EXE, "gwd-proxy");
	link_as(DUMMY_EXE, "gwd-auth");
	link_as(DUMMY_EXE, "gwd-kdc");
	write_conf("");
	/* in a build with AddressSanitizer: its leak checker needs what the
	 * children have given up */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
}

TestSuite(gwd, .init = make, .timeout = 60);

/* ---- gwd and what it said */

static pid_t
start_gwd(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(logfile, O_CREAT | O_WRONLY | O_APPEND, 0600);

		/* a failed assertion must not leave it behind */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd, STDERR_FILENO);
		execl(exe, "gwd", "-c", conf, NULL);
		_exit(126);
	}
	return pid;
}

static char *
log_text(void)
{
	static char text[262144];
	FILE *f = fopen(logfile, "re");
	size_t n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f != NULL)
		fclose(f);
	return text;
}

static size_t
times_said(const char *what)
{
	size_t n = 0;

	for (const char *p = log_text(); (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void
wait_said(const char *what, size_t times)
{
	uint64_t end = gw_mono_ms() + WAIT_MS;

	while (times_said(what) < times) {
		cr_assert(gw_mono_ms() < end, "not said: %s; but:\n%s", what,
			  log_text());
		usleep(5000);
	}
}

/* Only root can give a child a user of its own. */
static void
wait_started(const char *what, unsigned uid)
{
	char line[128];

	gw_format(line, sizeof(line), "%s uid=%u", what,
		  geteuid() == 0 ? uid : (unsigned)geteuid());
	wait_said(line, 1);
}

static int
wait_status(pid_t pid)
{
	uint64_t end = gw_mono_ms() + WAIT_MS;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (gw_mono_ms() > end) {
			kill(pid, SIGKILL);
			cr_assert_fail("gwd does not end:\n%s", log_text());
		}
		usleep(5000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- the API */

static json_t *
ask(const char *method, const char *path, int expected)
{
	struct gw_reply r;
	char why[GW_WHY_MAX];

	cr_assert(gw_client_ask(sock, method, path, &r, why), "%s", why);
	cr_assert_eq(r.status, expected, "%s %s: %d", method, path, r.status);
	return r.body;
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static const json_t *
process(const json_t *doc, const char *name)
{
	const json_t *all = json_object_get(doc, "processes"), *p;
	size_t i;

	json_array_foreach(all, i, p)
		if (strcmp(text(p, "name"), name) == 0)
			return p;
	cr_expect_fail("no process %s", name);
	return NULL;
}

static pid_t
pid_of(const char *name)
{
	json_t *doc = ask("GET", "/v1/status", 200);
	pid_t pid = (pid_t)json_integer_value(
		json_object_get(process(doc, name), "pid"));

	json_decref(doc);
	return pid;
}

static int
gwctl(const char *args, char **out)
{
	char *cmd = gw_xasprintf(GWCTL_EXE " -s %s %s 2>&1", sock, args);
	FILE *f = popen(cmd, "re");
	static char buf[65536];
	int status;

	buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
	status = pclose(f);
	free(cmd);
	*out = buf;
	return WEXITSTATUS(status);
}

/* ---- it does not start */

static void
fails_to_start(const char *variable, const char *mood, int status,
	       const char *words)
{
	setenv(variable, mood, 1);
	cr_expect_eq(wait_status(start_gwd()), status, "%s=%s", variable,
		     mood);
	cr_expect_eq(times_said(words), 1, "%s:\n%s", words, log_text());
	cr_expect_neq(access(sock, F_OK), 0, "socket left behind");
}

Test(gwd, child_says_why_it_cannot_start)
{
	fails_to_start("GWD_TEST_KDC", "fail", 2, "gwd: gwd-kdc cannot start: "
		       "conf-file: keytab: no?principal\n");
}

Test(gwd, child_crashes_at_start)
{
	fails_to_start("GWD_TEST_AUTH", "crash", 1,
		       "gwd: gwd-auth cannot start: killed by SIGABRT\n");
}

Test(gwd, child_is_missing)
{
	char path[256];

	gw_format(path, sizeof(path), "%s/gwd-kdc", dir);
	unlink(path);
	fails_to_start("X", "y", 2, "gwd: gwd-kdc is neither beside gwd nor");
}

Test(gwd, child_cannot_be_run)
{
	files_write("gwd-kdc", "#!/nonexistent\n", 15, 0755);
	fails_to_start("X", "y", 1, "gwd-kdc cannot start: exit status 127");
}

Test(gwd, configuration_is_wrong)
{
	char expected[300];

	write_conf("wrokers = 2\n");
	gw_format(expected, sizeof(expected), "gwd: %s:35: unknown key "
		  "'wrokers' at the top level; do you mean workers?\n", conf);
	fails_to_start("X", "y", 2, expected);
	cr_expect_str_eq(log_text(), expected, "more than the one line");
}

Test(gwd, second_gateway_on_the_same_socket)
{
	pid_t first = start_gwd(), second;
	char expected[300];

	wait_said(" ready ", 1);
	second = start_gwd();
	cr_expect_eq(wait_status(second), 2);
	gw_format(expected, sizeof(expected),
		  "gwd: %s:4: socket: %s: another gwd is running there\n",
		  conf, sock);
	cr_expect_eq(times_said(expected), 1, "%s", log_text());
	json_decref(ask("GET", "/v1/status", 200));
	kill(first, SIGTERM);
	cr_expect_eq(wait_status(first), 0);
}

Test(gwd, path_of_socket_is_a_file)
{
	char path[256];

	gw_format(path, sizeof(path), "%s/run", dir);
	mkdir(path, 0755);
	files_write("run/gwd.sock", "x", 1, 0600);
	cr_expect_eq(wait_status(start_gwd()), 2);
	cr_expect_eq(times_said("exists and is not a socket"), 1);
	cr_expect_eq(access(sock, F_OK), 0, "a file of others was removed");
}

/* ---- it runs */

Test(gwd, serves_and_stops)
{
	pid_t pid = start_gwd();
	struct stat st;
	json_t *doc;

	wait_said(" ready ", 1);
	cr_expect_eq(stat(sock, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0660);
	doc = ask("GET", "/v1/status", 200);
	cr_expect_str_eq(text(doc, "health"), "healthy");
	cr_expect_str_eq(text(process(doc, "gwd-kdc"), "state"), "up");
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(
			doc, "proxy"), "workers")), 2, "sockets of 2 workers");
	json_decref(doc);
	/* each got its own files, user and sections, and no others' */
	wait_started("certs=1 keys=1 cas=1 keytabs=0 realm=-", 61001);
	wait_started("certs=0 keys=0 cas=1 keytabs=0 realm=CORP.EXAMPLE.COM",
		     61002);
	wait_started("certs=0 keys=0 cas=0 keytabs=1 realm=CORP.EXAMPLE.COM",
		     61003);
	wait_said("listening listener=main address=127.0.0.1:", 1);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
	cr_expect_neq(access(sock, F_OK), 0, "socket left behind");
	cr_expect_eq(times_said("end=\"exit status 0\""), 3);
}

Test(gwd, dead_child_is_back_with_new_links)
{
	pid_t pid = start_gwd();
	uint64_t before;

	wait_said(" ready ", 1);
	wait_said("gwd-proxy: dummy-link far=0", 2);
	before = gw_mono_ms();
	kill(pid_of("gwd-auth"), SIGKILL);
	wait_said("process-ready process=gwd-auth", 2);
	cr_expect_lt(gw_mono_ms() - before, 1000, "slower than a second");
	wait_said("gwd-proxy: dummy-link far=0", 4);
	wait_said("gwd-kdc: dummy-link far=0", 2);
	wait_said("gwd-auth: dummy-link", 6);
	wait_said("process-ended process=gwd-auth end=\"killed by SIGKILL\"",
		  1);
	/* a new proxy gets its sockets again */
	kill(pid_of("gwd-proxy"), SIGSEGV);
	wait_said("process-ready process=gwd-proxy", 2);
	wait_said("gwd-proxy: dummy-link far=0", 6);
	kill(pid, SIGINT);
	cr_expect_eq(wait_status(pid), 0);
}

Test(gwd, quick_deaths_are_slowed_down)
{
	pid_t pid = start_gwd();

	wait_said(" ready ", 1);
	for (size_t i = 1; i <= 4; i++) {
		kill(pid_of("gwd-kdc"), SIGKILL);
		wait_said("process-ready process=gwd-kdc", i + 1);
	}
	wait_said("restart_in_ms=50\n", 1);
	wait_said("restart_in_ms=400\n", 1);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

/* No orphan: without its supervisor no child lives on. */
Test(gwd, killed_supervisor_takes_all_along)
{
	pid_t pid = start_gwd(), child;
	uint64_t end = gw_mono_ms() + WAIT_MS;

	wait_said(" ready ", 1);
	child = pid_of("gwd-auth");
	kill(pid, SIGKILL);
	(void)wait_status(pid);
	while (kill(child, 0) == 0 && gw_mono_ms() < end)
		usleep(5000);
	cr_expect_neq(kill(child, 0), 0);
	/* and the socket it left is taken over */
	pid = start_gwd();
	wait_said(" ready ", 2);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

Test(gwd, deaf_child_is_ended_by_force)
{
	pid_t pid;

	setenv("GWD_TEST_AUTH", "deaf", 1);
	pid = start_gwd();
	wait_said(" ready ", 1);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
	wait_said("process-too-slow process=gwd-auth state=ending", 1);
}

Test(gwd, mute_child_does_not_hold_up_status)
{
	uint64_t before;
	json_t *doc;
	pid_t pid;

	setenv("GWD_TEST_KDC", "mute", 1);
	pid = start_gwd();
	wait_said(" ready ", 1);
	before = gw_mono_ms();
	doc = ask("GET", "/v1/status", 200);
	cr_expect_lt(gw_mono_ms() - before, 2000);
	cr_expect_str_eq(text(doc, "health"), "degraded");
	cr_expect(json_is_false(json_object_get(process(doc, "gwd-kdc"),
						"answered")));
	cr_expect_eq(json_array_size(json_object_get(doc, "cas")), 1,
		     "the others' rows are there");
	json_decref(doc);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

Test(gwd, no_child_speaks_for_another)
{
	json_t *doc;
	pid_t pid;

	setenv("GWD_TEST_PROXY", "lie", 1);
	pid = start_gwd();
	wait_said(" ready ", 1);
	doc = ask("GET", "/v1/status", 200);
	cr_expect_eq(json_array_size(json_object_get(doc, "dcs")), 1);
	cr_expect_eq(json_array_size(json_object_get(doc, "listeners")), 1);
	cr_expect_eq(times_said("status-row-refused"), 2);
	json_decref(doc);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

static void
copy_file(const char *from, const char *to, unsigned mode)
{
	char path[256], text[8192];
	FILE *f;
	size_t n;

	gw_format(path, sizeof(path), "%s/%s", dir, from);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	files_write(to, text, n, mode);
}

static json_t *
reload(int expected)
{
	return ask("POST", "/v1/reload", expected);
}

static size_t
count(json_t *doc, const char *key)
{
	return json_array_size(json_object_get(doc, key));
}

static const char *
first(json_t *doc, const char *key)
{
	return json_string_value(json_array_get(json_object_get(doc, key), 0));
}

/* Whatever is wrong: nothing is sent, and the old stays. */
Test(gwd, reload_refused)
{
	pid_t pid = start_gwd();
	json_t *doc;

	wait_said(" ready ", 1);
	write_conf("wrokers = 2\n");
	doc = reload(409);
	cr_expect_not_null(strstr(json_string_value(
		json_object_get(doc, "detail")),
		"gwd.conf:35: unknown key 'wrokers'"));
	json_decref(doc);
	kill(pid, SIGHUP);
	wait_said("reload-refused", 2);
	wait_said(":35: unknown key 'wrokers'", 1);
	write_conf("");
	copy_file("other.pem", "key.pem", 0600);
	doc = reload(409);
	cr_expect_not_null(strstr(json_string_value(
		json_object_get(doc, "detail")),
		"key.pem: is not the key of the certificate"));
	json_decref(doc);
	cr_expect_eq(times_said("dummy-renewed"), 0);
	cr_expect_eq(times_said(" reloaded "), 0);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

/* A proxy that was killed gets the new ones, too. */
Test(gwd, reload_takes_certificates)
{
	pid_t pid = start_gwd();
	json_t *doc;

	wait_said(" ready ", 1);
	doc = reload(200);
	cr_expect_eq(count(doc, "renewed"), 0, "nothing has changed");
	cr_expect_eq(count(doc, "restart"), 0, "%s", first(doc, "restart"));
	json_decref(doc);
	cr_expect_eq(times_said("dummy-renewed"), 0);
	copy_file("expired.pem", "leaf.pem", 0644);
	copy_file("other.pem", "key.pem", 0600);
	doc = reload(200);
	cr_expect_eq(count(doc, "renewed"), 1);
	cr_expect_str_eq(first(doc, "renewed"), "main");
	cr_expect_eq(count(doc, "restart"), 0);
	cr_expect_not_null(strstr(first(doc, "warnings"), "has expired"));
	json_decref(doc);
	wait_said("dummy-renewed certificates=1 cas=no", 1);
	wait_said("certificates-renewed", 1);
	doc = ask("GET", "/v1/status", 200);
	cr_expect_str_eq(json_string_value(json_object_get(
		json_array_get(json_object_get(doc, "listeners"), 0),
		"certificate")), "CN=old.example.com");
	json_decref(doc);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

static const char *const need_restart[] = {
	"workers", "directory: realm", "policy: privileged",
	"upstream broker: servers", "listener main: require_group",
	"listener second is new", "route /echo of listener main is gone",
	"route /other of listener main is new",
	"the certificates in the files of sections ca",
	"the keytab's content",
};

/* The running text with words replaced. */
static void
write_changed(const char *extra)
{
	static const struct { const char *from, *to; } changes[] = {
		{ "workers = 2", "workers = 3" },
		{ "CORP.EXAMPLE.COM", "COLD.EXAMPLE.COM" },
		{ "127.0.0.1:8080", "127.0.0.1:8081" },
		{ "Smartcard Users", "Smartcard users" },
		{ "\"/echo\"", "\"/other\"" },
	};
	char path[256], text[8192];
	FILE *f;

	write_conf(extra);
	gw_format(path, sizeof(path), "%s/gwd.conf", dir);
	f = fopen(path, "re");
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < GW_COUNT(changes); i++) {
		char *at = strstr(text, changes[i].from), *all;

		cr_assert_not_null(at, "%s", changes[i].from);
		*at = '\0';
		all = gw_xasprintf("%s%s%s", text, changes[i].to,
				   at + strlen(changes[i].from));
		gw_format(text, sizeof(text), "%s", all);
		free(all);
	}
	files_write("gwd.conf", text, strlen(text), 0644);
}

Test(gwd, reload_says_what_needs_a_restart)
{
	pid_t pid = start_gwd();
	char *out = NULL;

	wait_said(" ready ", 1);
	write_changed("listener \"second\" {\n	address = \"127.0.0.1:0\"\n"
		      "	certificate = \"leaf.pem\"\n	key = \"key.pem\"\n"
		      "	upstream = \"broker\"\n}\n"
		      "policy { privileged = \"allow\" }\n");
	files_write("svc.keytab", "\005\002 other", 8, 0600);
	copy_file("ca2.pem", "ca.pem", 0644);
	cr_expect_eq(gwctl("reload", &out), 1, "%s", out);
	cr_expect_not_null(strstr(out, "no certificate has changed"));
	cr_expect_not_null(strstr(out, "restart needed for:"));
	for (size_t i = 0; i < GW_COUNT(need_restart); i++)
		cr_expect_not_null(strstr(out, need_restart[i]), "%s in %s",
				   need_restart[i], out);
	cr_expect_eq(times_said("restart-needed"), GW_COUNT(need_restart),
		     "%s", out);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

Test(gwd, renew_failed_is_said)
{
	pid_t pid;

	setenv("GWD_TEST_PROXY", "stubborn", 1);
	pid = start_gwd();
	wait_said(" ready ", 1);
	copy_file("same.pem", "leaf.pem", 0644);
	copy_file("other.pem", "key.pem", 0600);
	kill(pid, SIGHUP);
	wait_said("renew-failed", 1);
	wait_said("main: key: broken", 1);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

static const struct { const char *method, *path; int status; } paths[] = {
	{ "GET", "/", 404 },
	{ "GET", "/v1/status/", 404 },
	{ "GET", "/v1/status/x", 404 },
	{ "POST", "/v1/status", 405 },
	{ "GET", "/v1/reload", 405 },
	{ "GET", "/v1/sessions/00112233445566778899aabbccddeeff/kill", 405 },
	{ "POST", "/v1/sessions//kill", 400 },
	{ "POST", "/v1/sessions/zz/kill", 400 },
	{ "POST", "/v1/sessions/00112233445566778899AABBCCDDEEFF/kill", 400 },
	{ "POST", "/v1/sessions/00000000000000000000000000000000/kill", 404 },
	{ "POST", "/v1/sessions/00112233445566778899aabbccddeeff0/kill",
	  404 },
};

Test(gwd, api_refuses)
{
	pid_t pid = start_gwd();

	wait_said(" ready ", 1);
	for (size_t i = 0; i < GW_COUNT(paths); i++) {
		json_t *r = ask(paths[i].method, paths[i].path,
				paths[i].status);

		cr_expect_neq(text(r, "error")[0], '\0', "%s", paths[i].path);
		json_decref(r);
	}
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

/* Connections that say nothing must not keep operators out for good, nor
 * hold up the stop. */
Test(gwd, api_survives_idle_and_broken_peers)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	pid_t pid = start_gwd();
	int fd[20];

	wait_said(" ready ", 1);
	cr_assert(gw_copy(sun.sun_path, sizeof(sun.sun_path), sock));
	for (size_t i = 0; i < GW_COUNT(fd); i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		cr_assert_eq(connect(fd[i], (void *)&sun, sizeof(sun)), 0);
		if (i % 2 == 0)
			(void)!write(fd[i], "\0\377 garbage\r\n\r\n", 13);
		if (i % 3 == 0)
			(void)!write(fd[i], "GET /v1/status HTTP/1.1\r\n"
				     "Host: x\r\n\r\n", 36);
		if (i % 4 == 0)
			close(fd[i]);
	}
	json_decref(ask("GET", "/v1/status", 200));
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

Test(gwd, operator_of_another_user_is_refused)
{
	char cmd[600], line[256] = "";
	pid_t pid = start_gwd();
	FILE *f;

	wait_said(" ready ", 1);
	if (geteuid() != 0) {
		kill(pid, SIGTERM);
		(void)wait_status(pid);
		cr_skip_test("needs root");
	}
	gw_format(cmd, sizeof(cmd), "setpriv --reuid 61009 --regid 61009 "
		  "--clear-groups " GWCTL_EXE " -s %s 2>&1", sock);
	f = popen(cmd, "re");
	(void)!fgets(line, sizeof(line), f);
	cr_expect_eq(WEXITSTATUS(pclose(f)), 2);
	cr_expect_not_null(strstr(line, "no permission for"), "%s", line);
	/* even when the file's mode is opened by mistake */
	chmod(sock, 0666);
	f = popen(cmd, "re");
	(void)!fgets(line, sizeof(line), f);
	cr_expect_eq(WEXITSTATUS(pclose(f)), 2);
	cr_expect_not_null(strstr(line, "nor a member of"), "%s", line);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

/* ---- gwctl */

Test(gwd, gwctl_without_gwd)
{
	char *out;

	cr_expect_eq(gwctl("status", &out), 2);
	cr_expect_not_null(strstr(out, "gwd is not running"), "%s", out);
	cr_expect_eq(gwctl("nonsense", &out), 2);
	cr_expect_not_null(strstr(out, "no such command: nonsense"));
	cr_expect_eq(gwctl("kill", &out), 2);
	cr_expect_eq(gwctl("explain no-such-reason", &out), 2);
	cr_expect_eq(gwctl("explain cert-revoked", &out), 0);
	cr_expect_not_null(strstr(out, "Issue a new card"), "%s", out);
	cr_expect_eq(gwctl("help", &out), 0);
}

Test(gwd, gwctl_with_gwd)
{
	pid_t pid = start_gwd();
	json_t *doc;
	char *out;

	wait_said(" ready ", 1);
	cr_expect_eq(gwctl("", &out), 0);
	cr_expect_not_null(strstr(out, "is healthy"), "%s", out);
	cr_expect_eq(gwctl("status --json", &out), 0);
	doc = json_loads(out, 0, NULL);
	cr_expect_str_eq(text(doc, "health"), "healthy");
	json_decref(doc);
	cr_expect_eq(gwctl("kill 00", &out), 2, "too short");
	cr_expect_eq(gwctl("kill ffff", &out), 1, "nobody");
	cr_expect_eq(gwctl("kill 00112233", &out), 0, "%s", out);
	cr_expect_eq(gwctl("sessions", &out), 0);
	cr_expect_str_eq(out, "no sessions\n");
	kill(pid_of("gwd-auth"), SIGSTOP);
	cr_expect_eq(gwctl("status", &out), 1, "one child hangs");
	kill(pid_of("gwd-auth"), SIGKILL);
	kill(pid, SIGTERM);
	cr_expect_eq(wait_status(pid), 0);
}

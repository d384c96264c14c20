/* test_gwd.c — the real gwd with stand-ins for the three children: start,
 * restart, links, status, kill, stop, and every way to fail. */
#include "files.h"
#include "live.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(gwd, .init = make, .timeout = 300);

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

	wait_said(" ready ", 1);
	wait_said("gwd-proxy: dummy-link far=0", 2);
	kill(pid_of("gwd-auth"), SIGKILL);
	wait_said("process-ready process=gwd-auth", 2);
	cr_expect_eq(times_said("restart_in_ms=50\n"), 1, "%s", log_text());
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
	json_t *doc;
	pid_t pid;

	setenv("GWD_TEST_KDC", "mute", 1);
	pid = start_gwd();
	wait_said(" ready ", 1);
	doc = ask("GET", "/v1/status", 200); /* it will never answer */
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

/* test_api.c — the operator's side of the real gwd: what its socket answers to
 * whom, and what gwctl makes of it. */
#include "live.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(api, .init = make, .timeout = 300);

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

Test(api, refuses)
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
Test(api, survives_idle_and_broken_peers)
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

Test(api, operator_of_another_user_is_refused)
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

Test(api, gwctl_without_gwd)
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

Test(api, gwctl_with_gwd)
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

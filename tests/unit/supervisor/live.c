/* live.c — see live.h. */
#include "live.h"
#include "files.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char *dir;
char sock[128], conf[128];
static char logfile[128], exe[128];

static void
link_as(const char *target, const char *name)
{
	char path[256], cmd[600];

	gw_format(path, sizeof(path), "%s/%s", dir, name);
	/* copied: /proc/self/exe of a link would lead elsewhere */
	gw_format(cmd, sizeof(cmd), "cp '%s' '%s'", target, path);
	cr_assert_eq(system(cmd), 0);
}

void
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

void
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

/* ---- gwd and what it said */

pid_t
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

char *
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

size_t
times_said(const char *what)
{
	size_t n = 0;

	for (const char *p = log_text(); (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

void
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
void
wait_started(const char *what, unsigned uid)
{
	char line[128];

	gw_format(line, sizeof(line), "%s uid=%u", what,
		  geteuid() == 0 ? uid : (unsigned)geteuid());
	wait_said(line, 1);
}

int
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

json_t *
ask(const char *method, const char *path, int expected)
{
	struct gw_reply r;
	char why[GW_WHY_MAX];

	cr_assert(gw_client_ask(sock, method, path, &r, why), "%s", why);
	cr_assert_eq(r.status, expected, "%s %s: %d", method, path, r.status);
	return r.body;
}

const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

const json_t *
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

pid_t
pid_of(const char *name)
{
	json_t *doc = ask("GET", "/v1/status", 200);
	pid_t pid = (pid_t)json_integer_value(
		json_object_get(process(doc, name), "pid"));

	json_decref(doc);
	return pid;
}

int
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

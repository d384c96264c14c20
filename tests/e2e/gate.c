/* gate.c — see gate.h. */
#include "gate.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 60000

/* ---- any gateway */

struct output
gwctl(const char *socket, const char *const args[])
{
	const char *argv[ARGS_MAX] = {
		lab("GWCTL"), "-s",
		socket != NULL ? socket : lab("GWCTL_SOCKET"),
	};
	size_t n = 3;

	for (size_t i = 0; args[i] != NULL; i++) {
		gw_assert(n < ARGS_MAX - 1);
		argv[n++] = args[i];
	}
	return run(argv, 60000);
}

json_t *
gate_status(const char *socket)
{
	struct output o = GWCTL(socket, "status", "--json");

	return json_loads(o.out, JSON_REJECT_DUPLICATES, NULL);
}

json_t *
gate_row(const json_t *status, const char *section, const char *key,
	 const char *value)
{
	json_t *rows = json_object_get(status, section), *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *s = json_string_value(json_object_get(row, key));

		if (s != NULL && strcmp(s, value) == 0)
			return row;
	}
	return NULL;
}

static bool
is(const json_t *row, const char *key, const char *value)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s != NULL && strcmp(s, value) == 0;
}

pid_t
gate_pid(const char *socket, const char *name)
{
	json_t *row = gate_row(gate_status(socket), "processes", "name", name);

	if (!is(row, "state", "up"))
		return 0;
	return (pid_t)json_integer_value(json_object_get(row, "pid"));
}

static bool
all_threads_stand(void *pid)
{
	char *pattern = text("/proc/%d/task/*/stat", (int)*(pid_t *)pid);
	glob_t g = { .gl_pathc = 0 };
	bool all = true;

	(void)glob(pattern, 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *p = strrchr(slurp(g.gl_pathv[i]), ')');

		all = all && p != NULL && p[2] == 'T';
	}
	globfree(&g);
	return all && g.gl_pathc > 0;
}

void
pause_all(pid_t pid)
{
	cr_assert_eq(kill(pid, SIGSTOP), 0);
	cr_assert(await(60000, all_threads_stand, &pid), "it does not stop");
}

bool
gate_is_up(const char *socket)
{
	json_t *s = gate_status(socket);
	static const char *const names[] = { "gwd-proxy", "gwd-auth",
					     "gwd-kdc" };

	for (size_t i = 0; i < GW_COUNT(names); i++) {
		json_t *row = gate_row(s, "processes", "name", names[i]);

		if (!is(row, "state", "off") && /* no use for it */
		    (!is(row, "state", "up") ||
		     !json_is_true(json_object_get(row, "answered"))))
			return false;
	}
	return true;
}

int64_t
gate_count(const char *socket, const char *listener, const char *what)
{
	json_t *row = gate_row(gate_status(socket), "listeners", "title",
			       listener);
	json_t *n = json_object_get(row, what);

	if (!json_is_integer(n))
		cr_assert_fail("listener %s counts no %s", listener, what);
	return json_integer_value(n);
}

/* ---- a configuration */

char *
conf_value(const char *key)
{
	const char *conf = lab("GWD_CONF"), *slash = strrchr(conf, '/');
	char *rest = NULL, *from, *to;
	size_t len = strlen(key);

	for (char *l = strtok_r(slurp(conf), "\n", &rest); l != NULL;
	     l = strtok_r(NULL, "\n", &rest)) {
		l += strspn(l, " \t");
		if (strncmp(l, key, len) != 0 ||
		    strchr(" \t=", l[len]) == NULL)
			continue;
		from = strchr(l, '"');
		to = from != NULL ? strchr(from + 1, '"') : NULL;
		if (to == NULL)
			continue;
		*to = '\0';
		if (from[1] != '/' && strchr(from + 1, '/') != NULL)
			return text("%.*s/%s", (int)(slash - conf), conf,
				    from + 1);
		return text("%s", from + 1);
	}
	cr_assert_fail("%s has no %s", conf, key);
	return NULL;
}

char *
scratch_dir(void)
{
	char *dir = text("%s/e2e-XXXXXX", lab("GWD_LAB_DIR"));

	if (mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
		cr_assert_fail("%s: %s", dir, strerror(errno));
	return dir;
}

char *
conf_text(const char *dir, const char *upstream)
{
	return text("socket = \"%s/gwd.sock\"\n"
		    "state_dir = \"%s/state\"\n"
		    "workers = 1\n"
		    "proxy_user = \"%s\"\n"
		    "auth_user = \"%s\"\n"
		    "kdc_user = \"%s\"\n"
		    "directory {\n"
		    "\trealm = \"%s\"\n"
		    "\tdomain = \"%s\"\n"
		    "\tservice_account = \"%s\"\n"
		    "\tkeytab = \"%s\"\n"
		    "\tdomain_controllers = { \"%s@%s\", \"%s@%s\" }\n"
		    "}\n"
		    "ca \"issuing\" { file = \"%s\" revocation = {\"ocsp\"} }\n"
		    "upstream \"behind\" { servers = { \"%s\" } }\n"
		    "listener \"door\" {\n"
		    "\taddress = \"%s:0\"\n"
		    "\tcertificate = \"%s\"\n"
		    "\tkey = \"%s\"\n"
		    "\tupstream = \"behind\"\n"
		    "}\n",
		    dir, dir, conf_value("proxy_user"),
		    conf_value("auth_user"), conf_value("kdc_user"),
		    lab("REALM"), lab("DOMAIN"), lab("SERVICE_ACCOUNT"),
		    lab("KEYTAB"), lab("DC1_NAME"), lab("DC1_ADDR"),
		    lab("DC2_NAME"), lab("DC2_ADDR"), lab("ISSUING_CA_FILE"),
		    upstream, lab("GATEWAY_ADDR"), conf_value("certificate"),
		    conf_value("key"));
}

char *
conf_listener(const char *conf, const char *listener, const char *rest)
{
	size_t len = strlen(conf);

	gw_assert(len > 2 && strcmp(conf + len - 2, "}\n") == 0);
	return text("%.*s%s}\n%s", (int)(len - 2), conf, listener, rest);
}

/* ---- a gateway of our own */

static pid_t
spawn_logged(const char *const argv[], const char *log)
{
	posix_spawn_file_actions_t a;
	extern char **environ;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&a, 2, log,
					 O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&a, 2, 1);
	gw_assert(posix_spawnp(&pid, argv[0], &a, NULL,
			       (char *const *)(uintptr_t)argv, environ) == 0);
	posix_spawn_file_actions_destroy(&a);
	return pid;
}

static bool
is_ready_or_dead(void *arg)
{
	struct gate *g = arg;
	int status;

	if (waitpid(g->pid, &status, WNOHANG) == g->pid) {
		g->pid = 0;
		return true;
	}
	return gate_is_up(g->socket);
}

static char *
url_of(const struct gate *g)
{
	json_t *l = gate_row(gate_status(g->socket), "listeners", "title",
			     "door");
	const char *a = json_string_value(json_object_get(l, "address"));

	return text("https://%s", a != NULL ? a : "?");
}

struct gate
gate_start(char *dir, const char *conf)
{
	return gate_start_by((const char *const[]){ NULL }, dir, conf);
}

struct gate
gate_start_by(const char *const words[], char *dir, const char *conf)
{
	struct gate g = { .dir = dir };
	const char *line[ARGS_MAX], *argv[ARGS_MAX];
	size_t n = 0;
	bool in_time;

	g.conf = text("%s/gwd.conf", g.dir);
	g.log = text("%s/gwd.log", g.dir);
	g.socket = text("%s/gwd.sock", g.dir);
	spill(g.conf, conf);
	for (; words[n] != NULL; n++)
		line[n] = words[n];
	memcpy(line + n, (const char *const[]){ "setpriv", "--pdeathsig",
	       "TERM", lab("GWD"), "-c", g.conf, NULL }, 7 * sizeof(*line));
	in_lab(line, argv);
	g.pid = spawn_logged(argv, g.log);
	in_time = await(READY_MS, is_ready_or_dead, &g);
	if (g.pid == 0 || !in_time) {
		gate_stop(&g);
		cr_assert_fail("a gateway of our own does not start:\n%s\n%s",
			       conf, slurp(g.log));
	}
	g.url = url_of(&g);
	return g;
}

static bool
is_gone(void *arg)
{
	struct gate *g = arg;
	int status;

	return waitpid(g->pid, &status, WNOHANG) != 0;
}

void
gate_stop(struct gate *g)
{
	if (g->pid == 0)
		return;
	kill(g->pid, SIGTERM);
	if (!await(60000, is_gone, g)) {
		kill(g->pid, SIGKILL);
		(void)await(10000, is_gone, g);
	}
	g->pid = 0;
}

/* spawn.c — see spawn.h. */
#include "spawn.h"
#include "gw/child.h"
#include "gw/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *
own_directory(void)
{
	char buf[4096];
	ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
	char *slash;

	if (n <= 0)
		return gw_xstrdup(".");
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	*slash = '\0';
	return gw_xstrdup(buf);
}

char *
gw_spawn_find(const char *name)
{
	gw_auto(free) char *own = own_directory();
	const char *const dirs[] = { own, GWD_LIBEXECDIR };

	for (size_t i = 0; i < GW_COUNT(dirs); i++) {
		gw_auto(free) char *path = gw_xasprintf("%s/%s", dirs[i],
							name);

		if (access(path, X_OK) == 0)
			return gw_steal(&path);
	}
	return NULL;
}

/* Handlers and masks are inherited; a child must start with none. */
static bool
reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* fails for KILL and STOP: fine */
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* /dev/null, stderr, stderr, control. */
static bool
arrange_descriptors(int control)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int high = fcntl(control, F_DUPFD, GW_CONTROL_FD + 1);

	return null >= 0 && high >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	       dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
	       dup2(high, GW_CONTROL_FD) >= 0 &&
	       close_range(GW_CONTROL_FD + 1, ~0U, 0) == 0;
}

static bool
prepare(int control, const struct gw_user *user, pid_t parent)
{
	if (!reset_signals() || setpgid(0, 0) != 0 ||
	    !arrange_descriptors(control))
		return false;
	if (user != NULL && !gw_user_become(user))
		return false;
	/* after the change of user, which clears it */
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static GW_NORETURN void
run(const char *path, int control, const struct gw_user *user, pid_t parent)
{
	const char *slash = strrchr(path, '/');
	char *const argv[] = { (char *)(uintptr_t)(slash + 1), NULL };

	if (prepare(control, user, parent))
		execv(path, argv);
	dprintf(STDERR_FILENO, "<3>gwd: %s: %s\n", path, strerror(errno));
	_exit(127);
}

pid_t
gw_spawn(const char *path, int control, const struct gw_user *user)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		run(path, control, user, parent);
	return pid;
}

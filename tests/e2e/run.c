/* run.c — runs a program to its end with a deadline; see lab.h. */
#include "lab.h"
#include "gw/util.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

struct stream {
	int fd;
	char *p;
	size_t len;
};

static bool
take(struct stream *s)
{
	ssize_t n;

	s->p = gw_xrealloc(s->p, s->len + 65537, 1);
	n = read(s->fd, s->p + s->len, 65536);
	if (n > 0)
		s->len += (size_t)n;
	else
		gw_close(&s->fd);
	s->p[s->len] = '\0';
	return n > 0;
}

/* Reads both until they end or the time is over. */
static bool
drain(struct stream s[2], uint64_t deadline)
{
	while (s[0].fd >= 0 || s[1].fd >= 0) {
		struct pollfd p[2] = { { .fd = s[0].fd, .events = POLLIN },
				       { .fd = s[1].fd, .events = POLLIN } };
		uint64_t now = now_ms();

		if (now >= deadline || poll(p, 2, (int)(deadline - now)) == 0)
			return false;
		for (int i = 0; i < 2; i++)
			if (p[i].revents != 0)
				(void)take(&s[i]);
	}
	return true;
}

static pid_t
spawn(const char *const argv[], int out, int err)
{
	posix_spawn_file_actions_t a;
	pid_t pid = -1;
	extern char **environ;

	posix_spawn_file_actions_init(&a);
	posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&a, out, 1);
	posix_spawn_file_actions_adddup2(&a, err, 2);
	if (posix_spawnp(&pid, argv[0], &a, NULL,
			 (char *const *)(uintptr_t)argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&a);
	return pid;
}

static int
wait_for(pid_t pid, bool in_time)
{
	int status = 0;

	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		;
	if (!in_time)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 128 + WTERMSIG(status);
}

struct output
run(const char *const argv[], int timeout_ms)
{
	int out[2], err[2];
	struct stream s[2] = { { .p = gw_xstrdup("") },
			       { .p = gw_xstrdup("") } };
	struct output o = { .status = -1 };
	pid_t pid;

	gw_assert(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
	pid = spawn(argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	s[0].fd = out[0];
	s[1].fd = err[0];
	if (pid > 0)
		o.status = wait_for(pid, drain(s, now_ms() +
					       (uint64_t)timeout_ms));
	gw_close(&s[0].fd);
	gw_close(&s[1].fd);
	o.out = s[0].p;
	o.err = s[1].p;
	return o;
}

/* Each attempt in a process of its own, locked in as a child of gwd is. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gw/sandbox.h"

#define PAGE 4096

/* ---- attempts: 0, or the errno they fail with */

static int
outcome(bool is_done)
{
	return is_done ? 0 : errno;
}

static int
run_program(void)
{
	char *argv[] = { (char *)"true", NULL };

	execv("/bin/true", argv);
	return errno;
}

static int
make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return outcome(pid > 0);
}

static int
trace(void)
{
	return outcome(ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0);
}

static int
become_somebody(void)
{
	return outcome(setresuid(getuid(), getuid(), getuid()) == 0);
}

static int
write_code(void)
{
	return outcome(mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static int
turn_into_code(void)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return outcome(p != MAP_FAILED &&
		       mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
}

static int
io_uring(void)
{
	return outcome(syscall(SYS_io_uring_setup, 1, NULL) >= 0);
}

static int
raw_socket(void)
{
	return outcome(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC,
			      IPPROTO_ICMP) >= 0);
}

static int
tcp_socket(void)
{
	return outcome(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
}

static int
listening_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return outcome(fd >= 0 && listen(fd, 1) == 0);
}

/* Nothing listens on it: EINVAL says that the call was made. */
static int
accept_one(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return outcome(accept4(fd, NULL, NULL, SOCK_CLOEXEC) >= 0);
}

static int
open_file(void)
{
	return outcome(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0);
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
make_thread(void)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, nothing, NULL);

	return rc != 0 ? rc : pthread_join(t, NULL);
}

/* ---- how they end */

static int
locked_in(const struct gw_sandbox *s, int (*attempt)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct gw_error err;

		_exit(gw_sandbox_enter(s, &err) == GW_ERR_OK ? attempt()
							      : 254);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static const char *const etc[] = { "/etc", NULL };

static const struct {
	const char *what;
	int (*attempt)(void);
	struct gw_sandbox sandbox;
	int wanted;
} cases[] = {
	{ "a program", run_program, { .may_accept = true }, EPERM },
	{ "a process", make_process, { .may_accept = true }, EPERM },
	{ "tracing", trace, { .may_accept = true }, EPERM },
	{ "another user", become_somebody, { .may_accept = true }, EPERM },
	{ "data as code", write_code, { .may_accept = true }, EPERM },
	{ "data turned code", turn_into_code, { .may_accept = true }, EPERM },
	{ "io_uring", io_uring, { .may_accept = true }, EPERM },
	{ "a raw socket", raw_socket, { .may_accept = true }, EPERM },
	{ "a door", listening_socket, { .may_accept = true }, EPERM },
	{ "accepting, not allowed", accept_one, { .may_accept = false },
	  EPERM },
	{ "accepting", accept_one, { .may_accept = true }, EINVAL },
	{ "a connection's socket", tcp_socket, { .may_accept = false }, 0 },
	{ "a thread", make_thread, { .may_accept = false }, 0 },
};

Test(sandbox, system_calls)
{
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		int got = locked_in(&cases[i].sandbox, cases[i].attempt);

		cr_expect_eq(got, cases[i].wanted, "%s: %s", cases[i].what,
			     strerror(got));
	}
}

static bool
has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0,
		       LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* A directory allows what comes into it later, a file only itself. */
static int
open_replaced(bool by_directory)
{
	char dir[] = "/tmp/gwd-sandbox-XXXXXX", file[64], fresh[64];
	const char *readable[] = { NULL, NULL };
	const struct gw_sandbox s = { .readable = readable };
	int pair[2], status = 0;
	char go = 0;
	pid_t pid;

	cr_assert(mkdtemp(dir) != NULL &&
		  socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ==
			  0);
	snprintf(file, sizeof(file), "%s/hosts", dir);
	snprintf(fresh, sizeof(fresh), "%s/new", dir);
	readable[0] = by_directory ? dir : file;
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	pid = fork();
	if (pid == 0) {
		struct gw_error err;

		if (gw_sandbox_enter(&s, &err) != GW_ERR_OK ||
		    open(file, O_RDONLY | O_CLOEXEC) < 0 ||
		    write(pair[1], &go, 1) != 1 || read(pair[1], &go, 1) != 1)
			_exit(254);
		_exit(outcome(open(file, O_RDONLY | O_CLOEXEC) >= 0));
	}
	close(pair[1]);
	cr_expect_eq(read(pair[0], &go, 1), 1);
	close(open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_expect(rename(fresh, file) == 0 && write(pair[0], &go, 1) == 1);
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	unlink(file);
	rmdir(dir);
	close(pair[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

Test(sandbox, files_replaced)
{
	cr_expect_eq(open_replaced(false), has_landlock() ? EACCES : 0);
	cr_expect_eq(open_replaced(true), 0);
}

Test(sandbox, files)
{
	const struct gw_sandbox none = { .readable = NULL };
	const struct gw_sandbox some = { .readable = etc };

	cr_expect_eq(locked_in(&none, open_file), has_landlock() ? EACCES : 0);
	cr_expect_eq(locked_in(&some, open_file), 0);
}

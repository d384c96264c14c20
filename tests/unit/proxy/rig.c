/* rig.c — see rig.h: starts gwd-proxy and the thread that plays its peers, and
 * ends both. */
#include "rig_inside.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_S 60 /* nobody is that slow who is not stuck */

/* ---- waiting */

void
rig_lock(struct rig *r)
{
	pthread_mutex_lock(&r->lock);
}

void
rig_unlock(struct rig *r)
{
	pthread_mutex_unlock(&r->lock);
}

void
rig_announce(struct rig *r)
{
	pthread_cond_broadcast(&r->changed);
}

void
rig_await(struct rig *r, const bool *flag, const char *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	while (!*flag)
		cr_assert(pthread_cond_timedwait(&r->changed, &r->lock,
						 &until) == 0,
			  "waiting for %s", what);
}

void
rig_await_count(struct rig *r, const unsigned *count, unsigned want)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	while (*count < want &&
	       pthread_cond_timedwait(&r->changed, &r->lock, &until) == 0)
		;
}

static void
run_order(void *ctx)
{
	struct rig *r = ctx;

	rig_lock(r);
	if (r->order != NULL)
		r->order(r);
	r->order = NULL;
	rig_announce(r);
	rig_unlock(r);
}

void
rig_order(struct rig *r, void (*order)(struct rig *r))
{
	rig_lock(r);
	r->order = order;
	gw_loop_wake(r->loop);
	while (r->order != NULL)
		pthread_cond_wait(&r->changed, &r->lock);
	rig_unlock(r);
}

/* ---- life */

unsigned rig_files_max;
void (*rig_on_pki)(const struct rig_pki *p);

static pid_t
spawn(int fd)
{
	const char *asan = getenv("GWD_PROXY_ASAN_OPTIONS");
	struct rlimit few = { rig_files_max, rig_files_max };
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid != 0)
		return pid;
	if (fd == GW_CONTROL_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, GW_CONTROL_FD);
	if (rig_files_max != 0)
		setrlimit(RLIMIT_NOFILE, &few);
	/* it has shut itself off from /proc, which the leak checker reads */
	setenv("ASAN_OPTIONS", asan != NULL ? asan : "detect_leaks=0", 1);
	execl(GWD_PROXY, GWD_PROXY, (char *)NULL);
	_exit(127);
}

static void *
run(void *arg)
{
	struct rig *r = arg;

	gw_loop_run(r->loop);
	return NULL;
}

static void
end_loop(struct rig *r)
{
	gw_loop_stop(r->loop);
}

struct rig *
rig_start(const struct rig_key *keys)
{
	struct rig *r = gw_xcalloc(1, sizeof(*r));
	int fd[2];

	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	rig_pki_init(&r->pki);
	if (rig_on_pki != NULL)
		rig_on_pki(&r->pki);
	rig_upstream_start(&r->upstream);
	rig_configure(r, keys);
	cr_assert(gw_loop_new(&r->loop) == GW_ERR_OK);
	gw_loop_on_wake(r->loop, run_order, r);
	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) ==
		  0);
	r->pid = spawn(fd[0]);
	close(fd[0]);
	rig_supervise(r, fd[1]);
	cr_assert(pthread_create(&r->thread, NULL, run, r) == 0);
	rig_lock(r);
	rig_await(r, &r->is_ready, "READY");
	rig_unlock(r);
	return r;
}

void
rig_stop(struct rig *r)
{
	int status = -1;

	if (!r->is_stopping)
		rig_begin_stop(r);
	rig_lock(r);
	rig_await(r, &r->is_gone, "gwd-proxy's end");
	rig_unlock(r);
	cr_assert(waitpid(r->pid, &status, 0) == r->pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "gwd-proxy ended with 0x%x", status);
	rig_order(r, end_loop);
	pthread_join(r->thread, NULL);
	rig_upstream_stop(&r->upstream);
	rig_unlink_all(r);
	gw_loop_free(r->loop);
	gw_conf_clear(&r->conf);
	rig_pki_clear(&r->pki);
	free(r->status);
	free(r);
}

void
rig_pause(struct rig *r)
{
	int status;

	cr_assert_eq(kill(r->pid, SIGSTOP), 0);
	cr_assert_eq(waitpid(r->pid, &status, WUNTRACED), r->pid);
	cr_assert(WIFSTOPPED(status));
}

void
rig_go_on(struct rig *r)
{
	cr_assert_eq(kill(r->pid, SIGCONT), 0);
}

/* ---- what it is like */

const struct rig_pki *
rig_pki(struct rig *r)
{
	return &r->pki;
}

pid_t
rig_pid(struct rig *r)
{
	return r->pid;
}

long
rig_resident_kib(struct rig *r)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)rig_pid(r));
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (f != NULL)
		fclose(f);
	return kib;
}

double
rig_cpu_ms(struct rig *r)
{
	struct timespec t;
	clockid_t clock;

	cr_assert(clock_getcpuclockid(rig_pid(r), &clock) == 0 &&
		  clock_gettime(clock, &t) == 0);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int
rig_port(struct rig *r)
{
	return r->port;
}

int
rig_other_port(struct rig *r)
{
	return r->other_port;
}

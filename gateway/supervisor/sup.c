/* sup.c — see sup.h. One state per child:
 *
 *   STARTING ─READY─▶ UP ─dies─▶ WAITING ─back-off─▶ STARTING
 *       │ FAILED or dead before all were up once: gwd ends
 *   any ─stop─▶ STOPPING ─exit, or SIGKILL after a while─▶ OFF */
#include "spawn.h"
#include "sup_priv.h"
#include "gw/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define START_MS     15000 /* from exec to READY */
#define NAMES_MS     5000  /* between two looks at resolv.conf and hosts */
#define STOP_MS      5000  /* from STOP to SIGKILL */
#define LINGER_MS    500   /* from the channel's end to SIGKILL */
#define STEADY_MS    10000 /* alive so long: the next death is a first one */
#define BACKOFF_MIN  50
#define BACKOFF_MAX  5000

static const struct gw_kind kinds[GW_CHILD_COUNT] = {
	[GW_CHILD_PROXY] = { "gwd-proxy", GW_PROXY,
			     GW_OWN_FILES | 1u << GW_FILE_CA },
	[GW_CHILD_AUTH] = { "gwd-auth", GW_AUTH,
			    1u << GW_FILE_CA | 1u << GW_FILE_NAMES },
	[GW_CHILD_KDC] = { "gwd-kdc", GW_KDC, 1u << GW_FILE_KEYTAB },
};

static void start(struct gw_proc *p);

/* ---- the end of a child, and of all */

static void
drop_channel(struct gw_proc *p)
{
	gw_chan_free(p->chan);
	p->chan = NULL;
	p->has_listeners = false;
	if (p->sup->watch.on_gone != NULL)
		p->sup->watch.on_gone(p->sup->watch.ctx, p->which);
	if (p->which == GW_CHILD_AUTH && p->sup->admin.on_gone != NULL)
		p->sup->admin.on_gone(p->sup->admin.ctx);
}

static bool
is_anyone_left(const struct gw_sup *s)
{
	for (int i = 0; i < GW_CHILD_COUNT; i++)
		if (s->procs[i].pid != 0 || s->procs[i].chan != NULL)
			return true;
	return false;
}

static void
kill_now(struct gw_proc *p)
{
	/* by descriptor: the number could be somebody else's by now */
	if (p->pid != 0 && pidfd_send_signal(p->pidfd.fd, SIGKILL, NULL,
					     0) != 0)
		gw_event(GW_LOG_ERR, "kill-failed", "process",
			 p->kind->name, "detail", strerror(errno), NULL);
}

static void
stop_one(struct gw_proc *p)
{
	if (p->pid == 0) { /* at most its channel's end is outstanding */
		if (p->chan == NULL)
			gw_timer_stop(p->sup->loop, &p->timer);
		p->state = GW_CS_OFF;
		return;
	}
	p->state = GW_CS_STOPPING;
	gw_tell_stop(p);
	gw_timer_after(p->sup->loop, &p->timer, STOP_MS);
}

static void
stop_with(struct gw_sup *s, int status)
{
	if (s->is_stopping)
		return;
	s->is_stopping = true;
	s->status = status;
	for (int i = 0; i < GW_CHILD_COUNT; i++)
		stop_one(&s->procs[i]);
	if (!is_anyone_left(s))
		gw_loop_stop(s->loop);
}

void
gw_sup_stop(struct gw_sup *s)
{
	stop_with(s, 0);
}

/* Before everybody was up once nobody is served yet: better to end with the
 * child's words than to try again and again. */
static void
give_up(struct gw_proc *p)
{
	bool told = p->failure.code != GW_ERR_OK;

	if (!p->sup->is_stopping)
		fprintf(stderr, "gwd: %s cannot start: %s%s%s\n",
			p->kind->name,
			told ? gw_err_name(p->failure.code) : p->last_end,
			told ? ": " : "", told ? p->failure.detail : "");
	stop_with(p->sup, told ? 2 : 1);
}

static uint64_t
next_backoff(struct gw_proc *p)
{
	uint64_t lived = gw_loop_now_ms(p->sup->loop) - p->started_ms;

	if (p->backoff_ms == 0 || lived >= STEADY_MS)
		p->backoff_ms = BACKOFF_MIN;
	else
		p->backoff_ms = GW_MIN(p->backoff_ms * 2, BACKOFF_MAX);
	return p->backoff_ms;
}

static void
describe_end(struct gw_proc *p, const siginfo_t *si)
{
	const char *sig = si->si_code == CLD_EXITED
				  ? NULL : sigabbrev_np(si->si_status);

	if (sig != NULL)
		gw_format(p->last_end, sizeof(p->last_end),
			  "killed by SIG%s", sig);
	else
		gw_format(p->last_end, sizeof(p->last_end),
			  "exit status %d", si->si_status);
}

static void
log_end(const struct gw_proc *p, uint64_t wait_ms)
{
	bool stopping = p->sup->is_stopping;

	gw_event(stopping ? GW_LOG_INFO : GW_LOG_ERR, "process-ended",
		 "process", p->kind->name, "end", p->last_end,
		 "lived_ms", GW_NUM(gw_loop_now_ms(p->sup->loop) -
				    p->started_ms),
		 stopping ? NULL : "restart_in_ms", GW_NUM(wait_ms), NULL);
}

static void
after_end(struct gw_proc *p)
{
	struct gw_sup *s = p->sup;
	uint64_t wait_ms = next_backoff(p);

	gw_timer_stop(s->loop, &p->timer);
	log_end(p, wait_ms);
	if (!s->was_ready && !s->is_stopping)
		give_up(p);
	if (s->is_stopping) {
		p->state = GW_CS_OFF;
		if (!is_anyone_left(s))
			gw_loop_stop(s->loop);
		return;
	}
	p->state = GW_CS_WAITING;
	gw_timer_after(s->loop, &p->timer, wait_ms);
}

static void
on_exit_of(struct gw_io *io, uint32_t events)
{
	struct gw_proc *p = GW_CONTAINER(io, struct gw_proc, pidfd);
	siginfo_t si = { .si_pid = 0 };

	(void)events;
	if (waitid(P_PIDFD, (id_t)io->fd, &si, WEXITED | WNOHANG) != 0 ||
	    si.si_pid == 0)
		return;
	describe_end(p, &si);
	gw_loop_del(p->sup->loop, io);
	gw_close(&io->fd);
	p->pid = 0;
	/* its last words may still lie in the channel, whose end follows */
	if (p->chan != NULL)
		gw_timer_after(p->sup->loop, &p->timer, LINGER_MS);
	else
		after_end(p);
}

/* Normally exit and end of the channel come together, in either order. A
 * process that broke the rules, or lives on without a channel, is ended. */
static void
on_close(void *ctx, enum gw_err why)
{
	struct gw_proc *p = ctx;

	drop_channel(p);
	if (p->pid == 0)
		after_end(p);
	else if (why != GW_ERR_OK)
		kill_now(p);
	else if (p->state != GW_CS_STOPPING)
		gw_timer_after(p->sup->loop, &p->timer, LINGER_MS);
}

/* ---- the start of a child */

static void
on_timer(struct gw_timer *t)
{
	struct gw_proc *p = GW_CONTAINER(t, struct gw_proc, timer);

	if (p->state == GW_CS_WAITING) {
		p->restarts++;
		start(p);
		return;
	}
	if (p->pid == 0) { /* ended, but somebody holds its channel open */
		drop_channel(p);
		after_end(p);
		return;
	}
	gw_event(GW_LOG_ERR, "process-too-slow", "process",
		 p->kind->name, "state",
		 p->state == GW_CS_STARTING ? "starting" : "ending", NULL);
	kill_now(p);
}

static enum gw_err
open_channel(struct gw_proc *p, int fd)
{
	struct gw_chan_conf conf = {
		.name = p->kind->name, .rules = gw_hear_rules,
		.rule_count = gw_hear_rule_count, .state = GW_SUP_STARTING,
		.queue_max = 65536, .ctx = p, .on_close = on_close,
	};

	return gw_chan_new(p->sup->loop, fd, &conf, &p->chan);
}

static enum gw_err
watch_exit(struct gw_proc *p)
{
	p->pidfd = (struct gw_io){ .fd = pidfd_open(p->pid, 0),
				   .fn = on_exit_of };
	if (p->pidfd.fd < 0)
		return GW_ERR_SYSTEM;
	return gw_loop_add(p->sup->loop, &p->pidfd, EPOLLIN);
}

/* The child's end of `fd` is closed here in any case. */
static enum gw_err
launch(struct gw_proc *p, int fd[2])
{
	const struct gw_setup *s = p->sup->setup;

	p->pid = gw_spawn(p->path, fd[1],
			  s->has_users ? &s->users[p->which] : NULL);
	gw_close(&fd[1]);
	if (p->pid < 0) {
		p->pid = 0;
		gw_close(&fd[0]);
		return GW_ERR_SYSTEM;
	}
	gw_assert(watch_exit(p) == GW_ERR_OK); /* or it could never be ended */
	return open_channel(p, fd[0]);
}

static void
start(struct gw_proc *p)
{
	struct gw_sup *s = p->sup;
	int fd[2];

	p->state = GW_CS_STARTING;
	p->started_ms = gw_loop_now_ms(s->loop);
	p->failure = (struct gw_error){ .code = GW_ERR_OK };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0 &&
	    launch(p, fd) == GW_ERR_OK) {
		gw_timer_after(s->loop, &p->timer, START_MS);
		gw_tell_start(p);
		return;
	}
	gw_format(p->last_end, sizeof(p->last_end), "not started: %s",
		  strerror(errno));
	if (p->pid != 0)
		kill_now(p); /* its exit goes on from here */
	else
		after_end(p);
}

/* ---- all of them */

static enum gw_err
open_sockets(struct gw_sup *s, struct gw_error *err)
{
	const struct gw_conf *c = &s->setup->conf;
	size_t workers = (size_t)c->main.workers;
	char text[GW_ADDR_TEXT];

	s->sockets = gw_xcalloc(c->listener_count * workers, sizeof(int));
	memset(s->sockets, 0xff, c->listener_count * workers * sizeof(int));
	for (size_t i = 0; i < c->listener_count; i++) {
		struct gw_addr *a = &s->setup->listeners[i].addr;

		for (size_t w = 0; w < workers; w++) {
			int fd = gw_net_listen(a);

			if (fd < 0)
				return gw_fail(err, GW_ERR_SYSTEM,
					       "listener %s: %s: %s",
					       c->listeners[i].title,
					       c->listeners[i].address,
					       strerror(errno));
			s->sockets[i * workers + w] = fd;
		}
		gw_addr_format(a, text);
		gw_event(GW_LOG_INFO, "listening", "listener",
			 c->listeners[i].title, "address", text, NULL);
	}
	return GW_ERR_OK;
}

static enum gw_err
find_executables(struct gw_sup *s, struct gw_error *err)
{
	for (int i = 0; i < GW_CHILD_COUNT; i++) {
		s->procs[i].path = gw_spawn_find(kinds[i].name);
		if (s->procs[i].path == NULL)
			return gw_fail(err, GW_ERR_FILE,
				       "%s is neither beside gwd nor in %s",
				       kinds[i].name, GWD_LIBEXECDIR);
	}
	return GW_ERR_OK;
}

static void
on_names_timer(struct gw_timer *t)
{
	struct gw_sup *s = GW_CONTAINER(t, struct gw_sup, names_timer);

	gw_timer_after(s->loop, t, NAMES_MS);
	s->names_due |= gw_namefiles_look(s->names);
	if (s->names_due)
		s->names_due = !gw_tell_names(s);
}

static void
watch_names(struct gw_sup *s)
{
	s->names = gw_namefiles_new("/etc/resolv.conf", "/etc/hosts");
	s->names_timer.fn = on_names_timer;
	(void)gw_namefiles_look(s->names);
	gw_timer_after(s->loop, &s->names_timer, NAMES_MS);
}

enum gw_err
gw_sup_new(struct gw_loop *l, struct gw_setup *setup, struct gw_sup **out,
	   struct gw_error *err)
{
	struct gw_sup *s = gw_xcalloc(1, sizeof(*s));
	enum gw_err rc;

	s->loop = l;
	s->setup = setup;
	for (int i = 0; i < GW_CHILD_COUNT; i++)
		s->procs[i] = (struct gw_proc){
			.sup = s, .which = i, .kind = &kinds[i],
			.is_wanted = i != GW_CHILD_KDC ||
				     gw_setup_needs_kdc(&setup->conf),
			.timer.fn = on_timer, .pidfd.fd = -1,
		};
	watch_names(s);
	rc = find_executables(s, err);
	if (rc == GW_ERR_OK)
		rc = open_sockets(s, err);
	if (rc != GW_ERR_OK) {
		gw_sup_free(s);
		return rc;
	}
	for (int i = 0; i < GW_CHILD_COUNT && !s->is_stopping; i++)
		if (s->procs[i].is_wanted)
			start(&s->procs[i]);
	*out = s;
	return GW_ERR_OK;
}

void
gw_sup_free(struct gw_sup *s)
{
	size_t n;

	if (s == NULL)
		return;
	n = s->sockets != NULL ? s->setup->conf.listener_count *
				 (size_t)s->setup->conf.main.workers : 0;
	for (size_t i = 0; i < n; i++)
		gw_close(&s->sockets[i]);
	free(s->sockets);
	free(s->ca_names);
	gw_timer_stop(s->loop, &s->names_timer);
	gw_namefiles_free(s->names);
	for (int i = 0; i < GW_CHILD_COUNT; i++) {
		gw_assert(s->procs[i].pid == 0);
		free(s->procs[i].path);
	}
	free(s);
}

void
gw_sup_watch(struct gw_sup *s, const struct gw_sup_watch *w)
{
	s->watch = *w;
}

void
gw_sup_on_ready(struct gw_sup *s, void (*fn)(void *ctx), void *ctx)
{
	s->on_ready = fn;
	s->ready_ctx = ctx;
}

int
gw_sup_status(const struct gw_sup *s)
{
	return s->status;
}

const struct gw_setup *
gw_sup_setup(const struct gw_sup *s)
{
	return s->setup;
}

void
gw_sup_info(const struct gw_sup *s, int child, struct gw_child_info *out)
{
	const struct gw_proc *p = &s->procs[child];

	*out = (struct gw_child_info){
		.name = p->kind->name, .state = p->state, .pid = p->pid,
		.restarts = p->restarts,
	};
	if (p->pid != 0)
		out->uptime_ms = gw_loop_now_ms(s->loop) - p->started_ms;
	memcpy(out->last_end, p->last_end, sizeof(out->last_end));
}

void
gw_sup_on_admin(struct gw_sup *s, const struct gw_sup_admin *a)
{
	s->admin = *a;
}

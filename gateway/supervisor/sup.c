/* sup.c — see sup.h. One state per child:
 *
 *   STARTING ─READY─▶ UP ─dies─▶ WAITING ─back-off─▶ STARTING
 *       │ FAILED or dead before all were up once: gwd ends
 *   any ─stop─▶ STOPPING ─exit, or SIGKILL after a while─▶ OFF
 *
 * A link joins two children; whoever of the two starts later brings it. */
#include "sup.h"
#include "section.h"
#include "spawn.h"
#include "gw/child.h"
#include "gw/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS     15000 /* from exec to READY */
#define STOP_MS      5000  /* from STOP to SIGKILL */
#define LINGER_MS    500   /* from the channel's end to SIGKILL */
#define STEADY_MS    10000 /* alive so long: the next death is a first one */
#define BACKOFF_MIN  50
#define BACKOFF_MAX  5000

/* Control channel, our end. */
enum { ST_STARTING = 1, ST_UP = 2 };

struct proc {
	struct gw_sup *sup;
	int which;
	char *path;
	enum gw_child_state state;
	pid_t pid;
	struct gw_io pidfd;
	struct gw_chan *chan;
	struct gw_timer timer; /* what it waits for depends on the state */
	uint64_t started_ms;
	uint64_t backoff_ms;
	unsigned restarts;
	bool has_listeners;
	unsigned generation; /* of the certificates it was given */
	struct gw_error failure; /* what FAILED said */
	char last_end[96];
};

struct gw_sup {
	struct gw_loop *loop;
	struct gw_setup *setup;
	struct proc procs[GW_CHILD_COUNT];
	unsigned generation; /* of the gateway's own certificates */
	int *sockets; /* listeners × workers */
	struct gw_sup_watch watch;
	struct gw_sup_admin admin;
	uint8_t *ca_names; /* gwd-auth's last, for a gwd-proxy to come */
	size_t ca_names_len;
	bool has_ca_names;
	void (*on_ready)(void *ctx);
	void *ready_ctx;
	bool was_ready;   /* all were up once */
	bool is_stopping;
	int status;
};

#define OWN_FILES (1u << GW_FILE_SERVER_CERT | 1u << GW_FILE_SERVER_KEY | \
		   1u << GW_FILE_SERVER_STAPLE)

static const struct kind {
	const char *name;
	unsigned who; /* enum gw_process */
	unsigned files; /* set of 1 << enum gw_file_purpose */
} kinds[GW_CHILD_COUNT] = {
	[GW_CHILD_PROXY] = { "gwd-proxy", GW_PROXY,
			     OWN_FILES | 1u << GW_FILE_CA },
	[GW_CHILD_AUTH] = { "gwd-auth", GW_AUTH, 1u << GW_FILE_CA },
	[GW_CHILD_KDC] = { "gwd-kdc", GW_KDC, 1u << GW_FILE_KEYTAB },
};

static const struct line {
	int a, b;           /* children */
	enum gw_link name_a, name_b;
	bool per_worker;
} lines[] = {
	{ GW_CHILD_PROXY, GW_CHILD_AUTH, GW_LINK_PROXY, GW_LINK_AUTH, true },
	{ GW_CHILD_AUTH, GW_CHILD_KDC, GW_LINK_AUTH, GW_LINK_KDC, false },
};

static void start(struct proc *p);

static bool
is_wanted(const struct gw_sup *s, int which)
{
	return which != GW_CHILD_KDC || gw_setup_needs_kdc(&s->setup->conf);
}

/* ---- what a child is told */

static void
tell(struct proc *p, uint8_t type, uint64_t id, int fd)
{
	enum gw_err rc = p->chan != NULL ? gw_chan_send(p->chan, type, id, fd)
					 : GW_ERR_SYSTEM;

	/* a child that does not take its messages is found out by a timer
	 * or by its channel's end */
	if (rc != GW_ERR_OK)
		gw_event(GW_LOG_WARN, "control-send-failed", "process",
			 kinds[p->which].name, "type", GW_NUM(type), "reason",
			 gw_err_name(rc), NULL);
}

static void
tell_empty(struct proc *p, uint8_t type, uint64_t id)
{
	if (p->chan != NULL)
		(void)gw_chan_begin(p->chan);
	tell(p, type, id, -1);
}

static void
send_conf(struct proc *p)
{
	const struct gw_conf *c = &p->sup->setup->conf;

	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = gw_section_count(c, s);

		if ((s->who & kinds[p->which].who) == 0)
			continue;
		for (size_t j = 0; j < n; j++) {
			gw_conf_encode(gw_chan_begin(p->chan), s,
				       gw_section_at(c, s, j));
			tell(p, GW_MSG_CONF, 0, -1);
		}
	}
}

static void
send_files(struct proc *p, unsigned purposes)
{
	const struct gw_setup *s = p->sup->setup;

	p->generation = p->sup->generation;
	for (size_t i = 0; i < s->file_count; i++) {
		if ((purposes & 1u << s->files[i].purpose) == 0)
			continue;
		gw_file_encode(gw_chan_begin(p->chan), &s->files[i]);
		tell(p, GW_MSG_FILE, 0, -1);
	}
}

static void
send_link(struct proc *p, enum gw_link far, uint32_t worker, int fd)
{
	struct gw_link_msg m = { .far = far, .worker = worker };

	gw_link_msg_encode(gw_chan_begin(p->chan), &m);
	tell(p, GW_MSG_LINK, 0, fd);
}

static void
link_once(struct proc *a, struct proc *b, const struct line *l,
	  uint32_t worker)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0) {
		gw_event(GW_LOG_ERR, "link-failed", "detail", strerror(errno),
			 NULL);
		return;
	}
	send_link(a, l->name_b, worker, fd[0]);
	send_link(b, l->name_a, worker, fd[1]);
	close(fd[0]);
	close(fd[1]);
}

/* With every neighbour that runs; one that does not will do it itself. */
static void
link_all(struct proc *p)
{
	struct gw_sup *s = p->sup;

	for (size_t i = 0; i < GW_COUNT(lines); i++) {
		const struct line *l = &lines[i];
		struct proc *a = &s->procs[l->a], *b = &s->procs[l->b];
		int64_t n = l->per_worker ? s->setup->conf.main.workers : 1;

		if ((a != p && b != p) || a->chan == NULL || b->chan == NULL)
			continue;
		for (int64_t w = 0; w < n; w++)
			link_once(a, b, l, (uint32_t)w);
	}
}

static void
send_listeners(struct proc *p)
{
	const struct gw_conf *c = &p->sup->setup->conf;
	size_t workers = (size_t)c->main.workers;

	p->has_listeners = true;
	for (size_t i = 0; i < c->listener_count; i++)
		for (size_t w = 0; w < workers; w++) {
			struct gw_listener_msg m = { .worker = (uint32_t)w };

			gw_assert(gw_copy(m.name, sizeof(m.name),
					  c->listeners[i].title));
			gw_listener_msg_encode(gw_chan_begin(p->chan), &m);
			tell(p, GW_MSG_LISTENER, 0,
			     p->sup->sockets[i * workers + w]);
		}
}

/* Before the listeners, and again whenever they change. */
static void
send_ca_names(struct gw_sup *s)
{
	struct proc *p = &s->procs[GW_CHILD_PROXY];

	if (p->state != GW_CS_UP || p->chan == NULL || !s->has_ca_names)
		return;
	gw_wr_bytes(gw_chan_begin(p->chan), s->ca_names, s->ca_names_len);
	tell(p, GW_MSG_CA_NAMES, 0, -1);
}

/* ---- the end of a child, and of all */

static void
drop_channel(struct proc *p)
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
kill_now(struct proc *p)
{
	/* by descriptor: the number could be somebody else's by now */
	if (p->pid != 0 && pidfd_send_signal(p->pidfd.fd, SIGKILL, NULL,
					     0) != 0)
		gw_event(GW_LOG_ERR, "kill-failed", "process",
			 kinds[p->which].name, "detail", strerror(errno),
			 NULL);
}

static void
stop_one(struct proc *p)
{
	if (p->pid == 0) { /* at most its channel's end is outstanding */
		if (p->chan == NULL)
			gw_timer_stop(p->sup->loop, &p->timer);
		p->state = GW_CS_OFF;
		return;
	}
	p->state = GW_CS_STOPPING;
	tell_empty(p, GW_MSG_STOP, 0);
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
give_up(struct proc *p)
{
	bool told = p->failure.code != GW_ERR_OK;

	if (!p->sup->is_stopping)
		fprintf(stderr, "gwd: %s cannot start: %s%s%s\n",
			kinds[p->which].name,
			told ? gw_err_name(p->failure.code) : p->last_end,
			told ? ": " : "", told ? p->failure.detail : "");
	stop_with(p->sup, told ? 2 : 1);
}

static uint64_t
next_backoff(struct proc *p)
{
	uint64_t lived = gw_loop_now_ms(p->sup->loop) - p->started_ms;

	if (p->backoff_ms == 0 || lived >= STEADY_MS)
		p->backoff_ms = BACKOFF_MIN;
	else
		p->backoff_ms = GW_MIN(p->backoff_ms * 2, BACKOFF_MAX);
	return p->backoff_ms;
}

static void
describe_end(struct proc *p, const siginfo_t *si)
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
log_end(const struct proc *p, uint64_t wait_ms)
{
	bool stopping = p->sup->is_stopping;

	gw_event(stopping ? GW_LOG_INFO : GW_LOG_ERR, "process-ended",
		 "process", kinds[p->which].name, "end", p->last_end,
		 "lived_ms", GW_NUM(gw_loop_now_ms(p->sup->loop) -
				    p->started_ms),
		 stopping ? NULL : "restart_in_ms", GW_NUM(wait_ms), NULL);
}

static void
after_end(struct proc *p)
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
	struct proc *p = GW_CONTAINER(io, struct proc, pidfd);
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

/* ---- what a child says */

static bool
is_everyone_up(const struct gw_sup *s)
{
	for (int i = 0; i < GW_CHILD_COUNT; i++)
		if (is_wanted(s, i) && s->procs[i].state != GW_CS_UP)
			return false;
	return true;
}

/* Clients wait in the sockets' queues until there is somebody to judge
 * them; afterwards a new proxy gets its sockets at once. */
static void
open_doors(struct gw_sup *s)
{
	struct proc *p = &s->procs[GW_CHILD_PROXY];

	if (!s->was_ready && !is_everyone_up(s))
		return;
	if (p->state == GW_CS_UP && !p->has_listeners)
		send_listeners(p);
	if (s->was_ready)
		return;
	s->was_ready = true;
	if (s->on_ready != NULL)
		s->on_ready(s->ready_ctx);
}

/* Also when it was still starting, with the old ones, as they came. */
static void
send_renewal(struct proc *p)
{
	if (p->state != GW_CS_UP || p->generation == p->sup->generation)
		return;
	send_files(p, OWN_FILES);
	tell_empty(p, GW_MSG_RENEW, 0);
}

static enum gw_err
on_renewed(void *ctx, struct gw_msg *m)
{
	struct proc *p = ctx;
	enum gw_err why = gw_err_from_wire(gw_rd_u32(&m->rd));
	char detail[GW_DETAIL_MAX];

	gw_rd_str(&m->rd, detail, sizeof(detail));
	if (p->which != GW_CHILD_PROXY || !gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (why == GW_ERR_OK)
		gw_event(GW_LOG_INFO, "certificates-renewed", NULL);
	else
		gw_event(GW_LOG_ERR, "renew-failed", "reason",
			 gw_err_name(why), "detail", detail, NULL);
	return GW_ERR_OK;
}

static enum gw_err
on_ready(void *ctx, struct gw_msg *m)
{
	struct proc *p = ctx;

	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	gw_chan_set_state(p->chan, ST_UP);
	if (p->state != GW_CS_STARTING)
		return GW_ERR_OK; /* being stopped */
	gw_timer_stop(p->sup->loop, &p->timer);
	p->state = GW_CS_UP;
	gw_event(GW_LOG_INFO, "process-ready", "process",
		 kinds[p->which].name, "pid", GW_NUM(p->pid), "after_ms",
		 GW_NUM(gw_loop_now_ms(p->sup->loop) - p->started_ms), NULL);
	if (p->which == GW_CHILD_PROXY) {
		send_ca_names(p->sup);
		send_renewal(p);
	}
	open_doors(p->sup);
	return GW_ERR_OK;
}

static enum gw_err
on_failed(void *ctx, struct gw_msg *m)
{
	struct proc *p = ctx;

	p->failure.code = gw_err_from_wire(gw_rd_u32(&m->rd));
	gw_rd_str(&m->rd, p->failure.detail, sizeof(p->failure.detail));
	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (p->failure.code == GW_ERR_OK)
		p->failure.code = GW_ERR_INTERNAL;
	for (char *c = p->failure.detail; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return GW_ERR_OK; /* its exit follows */
}

static enum gw_err
on_row(void *ctx, struct gw_msg *m)
{
	struct proc *p = ctx;
	char section[32];
	gw_auto(free) char *json = NULL;

	gw_rd_str(&m->rd, section, sizeof(section));
	json = gw_rd_strdup(&m->rd, GW_PAYLOAD_MAX);
	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (p->sup->watch.on_row != NULL)
		p->sup->watch.on_row(p->sup->watch.ctx, p->which, m->id,
				     section, json);
	return GW_ERR_OK;
}

static enum gw_err
on_end(void *ctx, struct gw_msg *m)
{
	struct proc *p = ctx;

	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	if (p->sup->watch.on_end != NULL)
		p->sup->watch.on_end(p->sup->watch.ctx, p->which, m->id);
	return GW_ERR_OK;
}

/* The registry is gwd-auth's; from the others this is a violation. */
static enum gw_err
on_admin_done(void *ctx, struct gw_msg *m)
{
	struct proc *p = ctx;
	struct gw_admin_done d;

	if (p->which != GW_CHILD_AUTH || !gw_admin_done_decode(&m->rd, &d))
		return GW_ERR_PROTO;
	if (p->sup->admin.on_done != NULL)
		p->sup->admin.on_done(p->sup->admin.ctx, m->id, &d);
	return GW_ERR_OK;
}

static enum gw_err
on_ca_names(void *ctx, struct gw_msg *m)
{
	struct proc *p = ctx;
	struct gw_sup *s = p->sup;
	const uint8_t *der;
	size_t len;

	if (p->which != GW_CHILD_AUTH ||
	    !gw_ca_names_decode(&m->rd, &der, &len))
		return GW_ERR_PROTO;
	free(s->ca_names);
	s->ca_names = gw_xcalloc(len + 1, 1);
	if (len > 0)
		memcpy(s->ca_names, der, len);
	s->ca_names_len = len;
	s->has_ca_names = true;
	send_ca_names(s);
	return GW_ERR_OK;
}

static const struct gw_msg_rule rules[] = {
	{ GW_MSG_READY,      ST_STARTING, false, on_ready },
	{ GW_MSG_FAILED,     ST_STARTING, false, on_failed },
	{ GW_MSG_STATUS_ROW, ST_UP,       false, on_row },
	{ GW_MSG_STATUS_END, ST_UP,       false, on_end },
	{ GW_MSG_ADMIN_DONE, ST_UP,       false, on_admin_done },
	{ GW_MSG_RENEWED,    ST_UP,       false, on_renewed },
	{ GW_MSG_CA_NAMES,   ST_STARTING | ST_UP, false, on_ca_names },
};

/* Normally exit and end of the channel come together, in either order. A
 * process that broke the rules, or lives on without a channel, is ended. */
static void
on_close(void *ctx, enum gw_err why)
{
	struct proc *p = ctx;

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
	struct proc *p = GW_CONTAINER(t, struct proc, timer);

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
		 kinds[p->which].name, "state",
		 p->state == GW_CS_STARTING ? "starting" : "ending", NULL);
	kill_now(p);
}

static enum gw_err
open_channel(struct proc *p, int fd)
{
	struct gw_chan_conf conf = {
		.name = kinds[p->which].name, .rules = rules,
		.rule_count = GW_COUNT(rules), .state = ST_STARTING,
		.queue_max = 65536, .ctx = p, .on_close = on_close,
	};

	return gw_chan_new(p->sup->loop, fd, &conf, &p->chan);
}

static enum gw_err
watch_exit(struct proc *p)
{
	p->pidfd = (struct gw_io){ .fd = pidfd_open(p->pid, 0),
				   .fn = on_exit_of };
	if (p->pidfd.fd < 0)
		return GW_ERR_SYSTEM;
	return gw_loop_add(p->sup->loop, &p->pidfd, EPOLLIN);
}

/* The child's end of `fd` is closed here in any case. */
static enum gw_err
launch(struct proc *p, int fd[2])
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
feed(struct proc *p)
{
	send_conf(p);
	send_files(p, kinds[p->which].files);
	link_all(p);
	tell_empty(p, GW_MSG_START, 0);
}

static void
start(struct proc *p)
{
	struct gw_sup *s = p->sup;
	int fd[2];

	p->state = GW_CS_STARTING;
	p->started_ms = gw_loop_now_ms(s->loop);
	p->failure = (struct gw_error){ .code = GW_ERR_OK };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0 &&
	    launch(p, fd) == GW_ERR_OK) {
		gw_timer_after(s->loop, &p->timer, START_MS);
		feed(p);
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

enum gw_err
gw_sup_new(struct gw_loop *l, struct gw_setup *setup, struct gw_sup **out,
	   struct gw_error *err)
{
	struct gw_sup *s = gw_xcalloc(1, sizeof(*s));
	enum gw_err rc;

	s->loop = l;
	s->setup = setup;
	for (int i = 0; i < GW_CHILD_COUNT; i++)
		s->procs[i] = (struct proc){ .sup = s, .which = i,
					     .timer.fn = on_timer,
					     .pidfd.fd = -1 };
	rc = find_executables(s, err);
	if (rc == GW_ERR_OK)
		rc = open_sockets(s, err);
	if (rc != GW_ERR_OK) {
		gw_sup_free(s);
		return rc;
	}
	for (int i = 0; i < GW_CHILD_COUNT && !s->is_stopping; i++)
		if (is_wanted(s, i))
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
	const struct proc *p = &s->procs[child];

	*out = (struct gw_child_info){
		.name = kinds[child].name, .state = p->state, .pid = p->pid,
		.restarts = p->restarts,
	};
	if (p->pid != 0)
		out->uptime_ms = gw_loop_now_ms(s->loop) - p->started_ms;
	memcpy(out->last_end, p->last_end, sizeof(out->last_end));
}

bool
gw_sup_ask(struct gw_sup *s, int child, uint64_t ask)
{
	struct proc *p = &s->procs[child];

	if (p->state != GW_CS_UP || p->chan == NULL)
		return false;
	(void)gw_chan_begin(p->chan);
	return gw_chan_send(p->chan, GW_MSG_STATUS_ASK, ask, -1) == GW_ERR_OK;
}

static bool
is_up(const struct proc *p)
{
	return p->state == GW_CS_UP && p->chan != NULL;
}

/* True, too, for one that is not up: it has no session. */
static bool
say_kill(struct proc *p, const uint8_t session[GW_SESSION_ID])
{
	if (!is_up(p))
		return true;
	gw_wr_raw(gw_chan_begin(p->chan), session, GW_SESSION_ID);
	return gw_chan_send(p->chan, GW_MSG_KILL, 0, -1) == GW_ERR_OK;
}

bool
gw_sup_kill_session(struct gw_sup *s, const uint8_t session[GW_SESSION_ID])
{
	struct proc *auth = &s->procs[GW_CHILD_AUTH];
	struct proc *proxy = &s->procs[GW_CHILD_PROXY];
	bool is_heard = is_up(auth) || is_up(proxy);
	bool is_said = say_kill(auth, session);

	/* to the proxy in any case */
	return say_kill(proxy, session) && is_said && is_heard;
}

void
gw_sup_renew(struct gw_sup *s, struct gw_setup *fresh,
	     struct gw_strlist *renewed)
{
	const struct gw_conf *c = &s->setup->conf;

	for (size_t i = 0; i < c->listener_count; i++) {
		const char *title = c->listeners[i].title;

		if (!gw_setup_take_certificates(s->setup, fresh, title))
			continue;
		renewed->v = gw_xrealloc(renewed->v, renewed->n + 1,
					 sizeof(*renewed->v));
		renewed->v[renewed->n++] = gw_xstrdup(title);
	}
	if (renewed->n == 0)
		return;
	s->generation++;
	send_renewal(&s->procs[GW_CHILD_PROXY]);
}

void
gw_sup_on_admin(struct gw_sup *s, const struct gw_sup_admin *a)
{
	s->admin = *a;
}

bool
gw_sup_admin(struct gw_sup *s, uint64_t ask, const struct gw_admin *m)
{
	struct proc *p = &s->procs[GW_CHILD_AUTH];

	if (p->state != GW_CS_UP || p->chan == NULL)
		return false;
	gw_admin_encode(gw_chan_begin(p->chan), m);
	return gw_chan_send(p->chan, GW_MSG_ADMIN, ask, -1) == GW_ERR_OK;
}

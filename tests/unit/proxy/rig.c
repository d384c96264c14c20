/* rig.c — see rig.h. One thread with a loop of its own plays supervisor and
 * gwd-auth; the test gives it orders under a lock and waits for what they
 * bring about. */
#include "rig.h"
#include "conf.h"
#include "gw/child.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 2
#define WAIT_MS 10000

enum { ST_ANY = 1 };

struct auth { /* the far end of one worker's link */
	struct rig *r;
	struct gw_chan *chan;
};

struct waiting { /* a verdict that takes its time */
	struct gw_timer timer;
	struct auth *auth;
	uint64_t id;
	char login[GW_LOGIN_ID_SIZE];
};

struct rig {
	struct rig_pki pki;
	struct rig_upstream upstream;
	struct gw_conf conf;
	pid_t pid;
	int port, other_port;
	pthread_t thread;
	struct gw_loop *loop;
	struct gw_chan *control;
	struct auth auth[WORKERS];

	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*order)(struct rig *r); /* to be run on the thread */
	struct rig_answer answer;
	bool is_stopping;
	bool is_ready, is_gone, has_status, has_renewed;
	enum gw_err renewed;
	uint64_t next_ask;
	unsigned admits, leaves, resumed;
	size_t chain_count;
	uint8_t session[GW_SESSION_ID];
	char *status;
};

/* ---- waiting */

static void
lock(struct rig *r)
{
	pthread_mutex_lock(&r->lock);
}

static void
unlock(struct rig *r)
{
	pthread_mutex_unlock(&r->lock);
}

static void
announce(struct rig *r)
{
	pthread_cond_broadcast(&r->changed);
}

/* With the lock held. */
static void
await(struct rig *r, const bool *flag, const char *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	while (!*flag)
		cr_assert(pthread_cond_timedwait(&r->changed, &r->lock,
						 &until) == 0,
			  "waiting for %s", what);
}

static void
run_order(void *ctx)
{
	struct rig *r = ctx;

	lock(r);
	if (r->order != NULL)
		r->order(r);
	r->order = NULL;
	announce(r);
	unlock(r);
}

static void
give_order(struct rig *r, void (*order)(struct rig *r))
{
	lock(r);
	r->order = order;
	gw_loop_wake(r->loop);
	while (r->order != NULL)
		pthread_cond_wait(&r->changed, &r->lock);
	unlock(r);
}

/* ---- gwd-auth */

static void
choose_session(struct rig *r)
{
	if (rig_cards == 0)
		gw_random(r->session, sizeof(r->session));
	else
		memset(r->session, (int)(1 + r->admits % rig_cards),
		       sizeof(r->session));
}

static void
send_verdict(struct auth *a, uint64_t id, const char *login)
{
	struct rig *r = a->r;
	struct gw_verdict_msg v = { .reason = r->answer.reason };
	enum gw_err rc;

	memcpy(v.login, login, sizeof(v.login));
	if (r->answer.reason == GW_ERR_OK) {
		v.verdict = GW_VERDICT_ALLOW;
		choose_session(r);
		memcpy(v.session, r->session, sizeof(v.session));
		v.until = time(NULL) + (r->answer.lifetime != 0
					? r->answer.lifetime : 3600);
		v.has_account = !r->answer.no_account;
		cr_assert(gw_copy(v.sam, sizeof(v.sam), "alice") &&
			  gw_copy(v.upn, sizeof(v.upn), "alice@example.com") &&
			  gw_copy(v.sid, sizeof(v.sid), "S-1-5-21-1-2-3-1104"));
		v.mapping = GW_MAPPED_SID;
		v.groups = gw_xstrdup("Domain Users,Smartcard Users");
		v.routes[1] = v.routes[2] = GW_VERDICT_ALLOW;
		v.route_count = 3; /* /denied, /dead, /ws */
	}
	gw_verdict_encode(gw_chan_begin(a->chan), &v);
	rc = gw_chan_send(a->chan, GW_MSG_VERDICT, id, -1);
	free(v.groups);
	cr_assert(rc == GW_ERR_OK || rc == GW_ERR_SYSTEM);
}

static void
on_late(struct gw_timer *t)
{
	struct waiting *w = GW_CONTAINER(t, struct waiting, timer);

	lock(w->auth->r);
	if (w->auth->chan != NULL)
		send_verdict(w->auth, w->id, w->login);
	unlock(w->auth->r);
	free(w);
}

static enum gw_err
on_admit(void *ctx, struct gw_msg *m)
{
	struct auth *a = ctx;
	struct rig *r = a->r;
	struct gw_admit admit;
	struct waiting *w;

	cr_assert(gw_admit_decode(&m->rd, &admit), "ADMIT is malformed");
	lock(r);
	r->admits++;
	r->leaves += (unsigned)admit.gone.count;
	r->resumed += admit.is_resumed;
	r->chain_count = admit.chain_count;
	announce(r);
	if (r->answer.delay_ms == 0) {
		send_verdict(a, m->id, admit.login);
	} else if (r->answer.delay_ms > 0) {
		w = gw_xcalloc(1, sizeof(*w));
		w->timer.fn = on_late;
		w->auth = a;
		w->id = m->id;
		memcpy(w->login, admit.login, sizeof(w->login));
		gw_timer_after(r->loop, &w->timer,
			       (uint64_t)r->answer.delay_ms);
	}
	unlock(r);
	return GW_ERR_OK;
}

static enum gw_err
on_gone(void *ctx, struct gw_msg *m)
{
	struct auth *a = ctx;
	struct gw_gone gone;

	cr_assert(gw_gone_decode(&m->rd, &gone));
	lock(a->r);
	a->r->leaves += (unsigned)gone.count;
	announce(a->r);
	unlock(a->r);
	return GW_ERR_OK;
}

static const struct gw_msg_rule auth_rules[] = {
	{ GW_MSG_ADMIT, ST_ANY, false, on_admit },
	{ GW_MSG_GONE,  ST_ANY, false, on_gone },
};

static void
on_auth_close(void *ctx, enum gw_err why)
{
	struct auth *a = ctx;

	cr_assert(why == GW_ERR_OK, "gwd-proxy broke the protocol: %s",
		  gw_err_name(why));
	lock(a->r);
	gw_chan_free(a->chan);
	a->chan = NULL;
	unlock(a->r);
}

static void
link_all(struct rig *r)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct gw_link_msg m = { .far = GW_LINK_AUTH, .worker = i };
		struct gw_chan_conf conf = {
			.name = "proxy", .rules = auth_rules,
			.rule_count = GW_COUNT(auth_rules), .state = ST_ANY,
			.queue_max = 1000, .ctx = &r->auth[i],
			.on_close = on_auth_close,
		};
		int fd[2];

		r->auth[i].r = r;
		cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				     fd) == 0);
		gw_link_msg_encode(gw_chan_begin(r->control), &m);
		cr_assert(gw_chan_send(r->control, GW_MSG_LINK, 0, fd[0]) ==
			  GW_ERR_OK);
		close(fd[0]);
		cr_assert(gw_chan_new(r->loop, fd[1], &conf,
				      &r->auth[i].chan) == GW_ERR_OK);
	}
}

static void
unlink_all(struct rig *r)
{
	for (size_t i = 0; i < WORKERS; i++) {
		gw_chan_free(r->auth[i].chan);
		r->auth[i].chan = NULL;
	}
}

static void
order_revoke(struct rig *r)
{
	for (size_t i = 0; i < WORKERS; i++) {
		struct gw_wr *w = gw_chan_begin(r->auth[i].chan);

		gw_wr_raw(w, r->session, sizeof(r->session));
		gw_wr_u32(w, GW_ERR_CERT_REVOKED);
		cr_assert(gw_chan_send(r->auth[i].chan, GW_MSG_REVOKE, 0,
				       -1) == GW_ERR_OK);
	}
}

/* ---- supervisor */

static enum gw_err
on_ready(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;

	(void)m;
	lock(r);
	r->is_ready = true;
	announce(r);
	unlock(r);
	return GW_ERR_OK;
}

static enum gw_err
on_failed(void *ctx, struct gw_msg *m)
{
	char detail[GW_DETAIL_MAX];

	(void)ctx;
	(void)gw_rd_u32(&m->rd);
	gw_rd_str(&m->rd, detail, sizeof(detail));
	cr_assert(false, "gwd-proxy cannot start: %s", detail);
	return GW_ERR_OK;
}

static enum gw_err
on_row(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;
	char section[64];
	char *json, *all;

	gw_rd_str(&m->rd, section, sizeof(section));
	json = gw_rd_strdup(&m->rd, 32768);
	cr_assert(gw_rd_done(&m->rd));
	lock(r);
	all = gw_xasprintf("%s%s %s\n", r->status != NULL ? r->status : "",
			   section, json);
	free(r->status);
	r->status = all;
	unlock(r);
	free(json);
	return GW_ERR_OK;
}

static enum gw_err
on_rows_end(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;

	(void)m;
	lock(r);
	r->has_status = true;
	announce(r);
	unlock(r);
	return GW_ERR_OK;
}

static enum gw_err
on_renewed(void *ctx, struct gw_msg *m)
{
	struct rig *r = ctx;
	char detail[GW_DETAIL_MAX];

	lock(r);
	r->renewed = gw_err_from_wire(gw_rd_u32(&m->rd));
	gw_rd_str(&m->rd, detail, sizeof(detail));
	cr_assert(gw_rd_done(&m->rd));
	r->has_renewed = true;
	announce(r);
	unlock(r);
	return GW_ERR_OK;
}

static const struct gw_msg_rule control_rules[] = {
	{ GW_MSG_RENEWED, ST_ANY, false, on_renewed },
	{ GW_MSG_READY, ST_ANY, false, on_ready },
	{ GW_MSG_FAILED, ST_ANY, false, on_failed },
	{ GW_MSG_STATUS_ROW, ST_ANY, false, on_row },
	{ GW_MSG_STATUS_END, ST_ANY, false, on_rows_end },
};

static void
on_control_close(void *ctx, enum gw_err why)
{
	struct rig *r = ctx;

	(void)why;
	lock(r);
	gw_chan_free(r->control);
	r->control = NULL;
	r->is_gone = true;
	announce(r);
	unlock(r);
}

static void
send_empty(struct rig *r, uint8_t type, uint64_t id)
{
	(void)gw_chan_begin(r->control);
	cr_assert(gw_chan_send(r->control, type, id, -1) == GW_ERR_OK);
}

static void
send_conf(struct rig *r)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		char *base = (char *)&r->conf + s->offset;
		size_t n = 1;

		if ((s->who & GW_PROXY) == 0)
			continue;
		if (s->is_titled) {
			memcpy(&n, (char *)&r->conf + s->count_offset,
			       sizeof(n));
			memcpy(&base, base, sizeof(base));
		}
		for (size_t j = 0; j < n; j++) {
			gw_conf_encode(gw_chan_begin(r->control), s,
				       base + j * s->size);
			cr_assert(gw_chan_send(r->control, GW_MSG_CONF, 0,
					       -1) == GW_ERR_OK);
		}
	}
}

static void
send_file(struct rig *r, enum gw_file_purpose purpose, const char *name,
	  uint8_t *data, size_t len)
{
	struct gw_file f = { .purpose = purpose, .data = data, .len = len };

	cr_assert(gw_copy(f.name, sizeof(f.name), name));
	gw_file_encode(gw_chan_begin(r->control), &f);
	cr_assert(gw_chan_send(r->control, GW_MSG_FILE, 0, -1) == GW_ERR_OK);
}

const struct rig_own *rig_own;
size_t rig_own_count;
void (*rig_on_pki)(const struct rig_pki *p);

/* The issuer follows each certificate. */
static void
send_own(struct rig *r, const char *name, const struct rig_own *o)
{
	uint8_t pem[16384];
	size_t n = rig_pem_cert(o->cert, pem, sizeof(pem));

	n += rig_pem_cert(r->pki.ca, pem + n, sizeof(pem) - n);
	send_file(r, GW_FILE_SERVER_CERT, name, pem, n);
	send_file(r, GW_FILE_SERVER_KEY, name, pem,
		  rig_pem_key(o->key, pem, sizeof(pem)));
	send_file(r, GW_FILE_SERVER_STAPLE, name,
		  (uint8_t *)(uintptr_t)o->staple, o->staple_len);
}

static void
send_all_own(struct rig *r)
{
	const struct rig_own server = { .cert = r->pki.server,
					.key = r->pki.server_key };

	for (size_t i = 0; i < r->conf.listener_count; i++) {
		bool is_plain = i > 0 || rig_own == NULL;
		const struct rig_own *o = is_plain ? &server : rig_own;

		for (size_t j = 0; j < (is_plain ? 1 : rig_own_count); j++)
			send_own(r, r->conf.listeners[i].title, &o[j]);
	}
}

static void
send_files(struct rig *r)
{
	uint8_t pem[8192];

	send_all_own(r);
	send_file(r, GW_FILE_CA, "ca", pem,
		  rig_pem_cert(r->pki.ca, pem, sizeof(pem)));
}

int rig_send_buffer;

static int
listen_once(int *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)*port) };
	socklen_t len = sizeof(sa);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (rig_send_buffer != 0) /* accepted ones have it from here */
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &rig_send_buffer,
			   sizeof(rig_send_buffer));
	cr_assert(bind(fd, (void *)&sa, len) == 0 && listen(fd, 128) == 0 &&
		  getsockname(fd, (void *)&sa, &len) == 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static void
send_listeners(struct rig *r, const char *name, int *port)
{
	for (uint32_t i = 0; i < WORKERS; i++) {
		struct gw_listener_msg m = { .worker = i };
		int fd = listen_once(port);

		cr_assert(gw_copy(m.name, sizeof(m.name), name));

		gw_listener_msg_encode(gw_chan_begin(r->control), &m);
		cr_assert(gw_chan_send(r->control, GW_MSG_LISTENER, 0, fd) ==
			  GW_ERR_OK);
		close(fd);
	}
}

/* ---- configuration */

static void
add_route(struct rig *r, const char *path, const char *upstream)
{
	conf_set("route", conf_add(&r->conf, "route", path, "test"),
		 "upstream", upstream);
}

static void
fill_listener(struct rig *r, size_t i)
{
	void *l = &r->conf.listeners[i];

	conf_set("listener", l, "address", "127.0.0.1:0");
	conf_set("listener", l, "certificate", "server.pem");
	conf_set("listener", l, "key", "server.key");
	conf_set("listener", l, "upstream", "main");
}

unsigned rig_dead_servers = 1;

static void
configure(struct rig *r, const struct rig_key *keys)
{
	char server[32];
	void *dead, *ca;

	(void)conf_add(&r->conf, "", NULL, NULL);
	(void)conf_add(&r->conf, "headers", NULL, NULL);
	conf_set("", &r->conf.main, "workers", "2");
	ca = conf_add(&r->conf, "ca", "ca", NULL);
	conf_set("ca", ca, "file", "ca.pem");
	(void)conf_add(&r->conf, "upstream", "main", NULL);
	dead = conf_add(&r->conf, "upstream", "dead", NULL);
	snprintf(server, sizeof(server), "127.0.0.1:%u",
		 (unsigned)r->upstream.port);
	conf_set("upstream", conf_first(&r->conf, "upstream"), "servers",
		 server);
	for (unsigned i = 0; i < rig_dead_servers; i++)
		conf_set("upstream", dead, "servers", "127.0.0.1:1");
	(void)conf_add(&r->conf, "listener", "test", NULL);
	(void)conf_add(&r->conf, "listener", "other", NULL);
	fill_listener(r, 0);
	fill_listener(r, 1);
	add_route(r, "/denied", "main");
	add_route(r, "/dead", "dead");
	add_route(r, "/ws", "main");
	for (; keys != NULL && keys->section != NULL; keys++)
		conf_set(keys->section, conf_first(&r->conf, keys->section),
			 keys->key, keys->text);
}

/* ---- life */

unsigned rig_cards;
unsigned rig_files_max;

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
	struct gw_chan_conf conf = {
		.name = "proxy", .rules = control_rules,
		.rule_count = GW_COUNT(control_rules), .state = ST_ANY,
		.queue_max = 1000, .ctx = r, .on_close = on_control_close,
	};
	int fd[2];

	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	rig_pki_init(&r->pki);
	if (rig_on_pki != NULL)
		rig_on_pki(&r->pki);
	rig_upstream_start(&r->upstream);
	configure(r, keys);
	cr_assert(gw_loop_new(&r->loop) == GW_ERR_OK);
	gw_loop_on_wake(r->loop, run_order, r);
	cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) ==
		  0);
	r->pid = spawn(fd[0]);
	close(fd[0]);
	cr_assert(gw_chan_new(r->loop, fd[1], &conf, &r->control) ==
		  GW_ERR_OK);
	send_conf(r);
	send_files(r);
	link_all(r);
	send_listeners(r, "test", &r->port);
	send_listeners(r, "other", &r->other_port);
	send_empty(r, GW_MSG_START, 0);
	cr_assert(pthread_create(&r->thread, NULL, run, r) == 0);
	lock(r);
	await(r, &r->is_ready, "READY");
	unlock(r);
	return r;
}

static void
order_stop(struct rig *r)
{
	send_empty(r, GW_MSG_STOP, 0);
}

void
rig_begin_stop(struct rig *r)
{
	r->is_stopping = true;
	give_order(r, order_stop);
}

void
rig_stop(struct rig *r)
{
	int status = -1;

	if (!r->is_stopping)
		rig_begin_stop(r);
	lock(r);
	await(r, &r->is_gone, "gwd-proxy's end");
	unlock(r);
	cr_assert(waitpid(r->pid, &status, 0) == r->pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "gwd-proxy ended with 0x%x", status);
	give_order(r, end_loop);
	pthread_join(r->thread, NULL);
	unlink_all(r);
	gw_loop_free(r->loop);
	gw_conf_clear(&r->conf);
	rig_pki_clear(&r->pki);
	free(r->status);
	free(r);
}

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

void
rig_answer(struct rig *r, const struct rig_answer *a)
{
	lock(r);
	r->answer = *a;
	unlock(r);
}

void
rig_unlink(struct rig *r)
{
	give_order(r, unlink_all);
}

/* It stops at the first message it would count. */
void
rig_deafen(struct rig *r)
{
	lock(r);
}

void
rig_hearken(struct rig *r)
{
	unlock(r);
}

void
rig_link(struct rig *r)
{
	give_order(r, link_all);
}

void
rig_revoke(struct rig *r)
{
	give_order(r, order_revoke);
}

static void
order_kill(struct rig *r)
{
	gw_wr_raw(gw_chan_begin(r->control), r->session, sizeof(r->session));
	cr_assert(gw_chan_send(r->control, GW_MSG_KILL, 0, -1) == GW_ERR_OK);
}

void
rig_kill(struct rig *r)
{
	give_order(r, order_kill);
}

static void
order_renew(struct rig *r)
{
	send_all_own(r);
	send_empty(r, GW_MSG_RENEW, 1);
}

enum gw_err
rig_renew(struct rig *r)
{
	enum gw_err rc;

	lock(r);
	r->has_renewed = false;
	unlock(r);
	give_order(r, order_renew);
	lock(r);
	await(r, &r->has_renewed, "RENEWED");
	rc = r->renewed;
	unlock(r);
	return rc;
}

unsigned
rig_admits(struct rig *r)
{
	unsigned n;

	lock(r);
	n = r->admits;
	unlock(r);
	return n;
}

/* Who has left is told of when it is. */
unsigned
rig_leaves(struct rig *r)
{
	unsigned n;

	usleep(100000);
	lock(r);
	n = r->leaves;
	unlock(r);
	return n;
}

unsigned
rig_resumed(struct rig *r)
{
	unsigned n;

	lock(r);
	n = r->resumed;
	unlock(r);
	return n;
}

size_t
rig_chain_count(struct rig *r)
{
	size_t n;

	lock(r);
	n = r->chain_count;
	unlock(r);
	return n;
}

static void
order_status(struct rig *r)
{
	send_empty(r, GW_MSG_STATUS_ASK, ++r->next_ask);
}

char *
rig_status(struct rig *r)
{
	char *text;

	lock(r);
	free(r->status);
	r->status = NULL;
	r->has_status = false;
	unlock(r);
	give_order(r, order_status);
	lock(r);
	await(r, &r->has_status, "status");
	text = r->status;
	r->status = NULL;
	unlock(r);
	return text;
}

/* driver.c — see driver.h. */
#include "driver.h"
#include "conf.h"
#include "gw/child.h"
#include "gw/util.h"
#include "vectors.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t out_buf[GW_MSG_MAX], in_buf[GW_MSG_MAX];
static struct gw_wr out_wr;

/* ---- messages */

struct gw_wr *
writer(void)
{
	out_wr = gw_wr_init(out_buf + GW_MSG_HEADER, GW_PAYLOAD_MAX);
	return &out_wr;
}

static void
send_with(int sock, uint8_t type, uint64_t id, int fd)
{
	struct gw_wr head = gw_wr_init(out_buf, GW_MSG_HEADER);
	struct iovec iov = { out_buf, GW_MSG_HEADER + out_wr.len };
	char space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	cr_assert_not(out_wr.bad);
	gw_wr_u8(&head, 1);
	gw_wr_u8(&head, type);
	gw_wr_u16(&head, 0);
	gw_wr_u32(&head, (uint32_t)out_wr.len);
	gw_wr_u64(&head, id);
	if (fd >= 0) {
		struct cmsghdr *cm;

		mh.msg_control = space;
		mh.msg_controllen = sizeof(space);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	cr_assert_gt(sendmsg(sock, &mh, MSG_NOSIGNAL), 0, "send");
}

void
send_msg(int fd, uint8_t type, uint64_t id)
{
	send_with(fd, type, id, -1);
}

bool
await_msg(int fd, int ms, struct got *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct gw_rd head;
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return false;
	n = recv(fd, in_buf, sizeof(in_buf), 0);
	*out = (struct got){ .type = 0 };
	if (n <= 0)
		return true;
	head = gw_rd_init(in_buf, (size_t)n);
	(void)gw_rd_u8(&head);
	out->type = gw_rd_u8(&head);
	(void)gw_rd_u16(&head);
	(void)gw_rd_u32(&head);
	out->id = gw_rd_u64(&head);
	out->rd = gw_rd_init(in_buf + GW_MSG_HEADER,
			     (size_t)n - GW_MSG_HEADER);
	return true;
}

bool
is_quiet(int fd)
{
	struct got g;

	return !await_msg(fd, 150, &g);
}

static struct got
expect_msg(int fd, uint8_t type, const char *what)
{
	struct got g;

	cr_assert(await_msg(fd, WAIT_MS, &g), "%s did not come", what);
	cr_assert_eq(g.type, type, "%s: type %u came", what, g.type);
	return g;
}

/* ---- responders */

static pid_t responder;

void
stop_responder(void)
{
	kill(responder, SIGKILL);
	waitpid(responder, NULL, 0);
}

/* A port that stays ours, and nobody's, until somebody listens there. */
static int
bind_somewhere(char url[64])
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert(bind(fd, (void *)&sa, sizeof(sa)) == 0 &&
		  getsockname(fd, (void *)&sa, &len) == 0);
	snprintf(url, 64, "http://127.0.0.1:%u/", ntohs(sa.sin_port));
	return fd;
}

/* It binds port 0 and says which port that was; it dies with us. (Never knock
 * to see whether it is there: a connection without a request hangs it.) */
static void
start_responder(char url[64])
{
	char line[128] = "", *colon;
	int out[2];
	FILE *f;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	responder = fork();
	if (responder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], 1);
		dup2(out[1], 2);
		if (chdir(VECTORS) == 0)
			execlp("openssl", "openssl", "ocsp", "-port", "0",
			       "-index", "index.txt", "-CA", "issuing.pem",
			       "-rsigner", "ocsp.pem", "-rkey", "ocsp.key",
			       "-nmin", "60", "-ignore_err", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r"); /* stays open: it may go on talking */
	while (strncmp(line, "ACCEPT", 6) != 0)
		cr_assert_not_null(fgets(line, sizeof(line), f),
				   "openssl ocsp does not start");
	*strstr(line, " PID") = '\0';
	colon = strrchr(line, ':');
	snprintf(url, 64, "http://127.0.0.1:%s/", colon + 1);
}

/* ---- configuration */

static void
add_ca(struct auth *a, const char *name, const char *url)
{
	void *ca = conf_add(&a->conf, "ca", name, NULL);

	conf_set("ca", ca, "file", vec_path(name, ".pem"));
	conf_set("ca", ca, "ocsp_url", url);
}

static void *
add_listener(struct auth *a, const char *name)
{
	void *l = conf_add(&a->conf, "listener", name, NULL);

	conf_set("listener", l, "address", "127.0.0.1:0");
	conf_set("listener", l, "certificate", "server.pem");
	conf_set("listener", l, "key", "server.key");
	return l;
}

static void
configure(struct auth *a, bool has_issuing, const struct setting *more)
{
	static const char *const plain[] = { "directory", "mapping",
					     "revocation", "session",
					     "policy" };
	char silent[64], nobody[64];

	start_responder(a->responder);
	/* takes connections, never reads */
	cr_assert_eq(listen(bind_somewhere(silent), 16), 0);
	(void)bind_somewhere(nobody);
	conf_set("", conf_add(&a->conf, "", NULL, NULL), "state_dir", a->state);
	for (size_t i = 0; i < GW_COUNT(plain); i++)
		(void)conf_add(&a->conf, plain[i], NULL, NULL);
	if (has_issuing)
		add_ca(a, "issuing", a->responder);
	add_ca(a, "other-issuing", silent);
	add_ca(a, "lower", nobody);
	(void)add_listener(a, "web");
	conf_set("listener", add_listener(a, "door"), "admission",
		 "certificate");
	for (; more != NULL && more->section != NULL; more++)
		conf_set(more->section, conf_first(&a->conf, more->section),
			 more->key, more->text);
}

static void
send_conf(struct auth *a)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		char *p = (char *)&a->conf + s->offset;
		size_t n = 1;

		if ((s->who & GW_AUTH) == 0)
			continue;
		if (s->is_titled) {
			n = *(size_t *)(void *)((char *)&a->conf +
						s->count_offset);
			p = *(char **)(void *)p;
		}
		for (size_t j = 0; j < n; j++) {
			gw_conf_encode(writer(), s, p + j * s->size);
			send_msg(a->control, GW_MSG_CONF, 0);
		}
	}
}

static size_t
read_pem(const char *name, uint8_t *out, size_t cap)
{
	FILE *in = fopen(vec_path(name, ".pem"), "r");
	size_t len;

	cr_assert_not_null(in);
	len = fread(out, 1, cap, in);
	fclose(in);
	return len;
}

static void
send_ca(struct auth *a, const char *name)
{
	struct gw_file f = { .purpose = GW_FILE_CA };
	uint8_t pem[8192];

	f.data = pem;
	f.len = read_pem(name, pem, sizeof(pem));
	cr_assert(gw_copy(f.name, sizeof(f.name), name));
	gw_file_encode(writer(), &f);
	send_msg(a->control, GW_MSG_FILE, 0);
}

/* ---- life */

static pid_t
spawn(int fd)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd == GW_CONTROL_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, GW_CONTROL_FD);
	/* it has shut itself off from /proc, which the leak checker reads */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	execl(GWD_AUTH, GWD_AUTH, (char *)NULL);
	_exit(127);
}

static int
link_to(struct auth *a, enum gw_link far, uint32_t worker)
{
	const struct gw_link_msg m = { .far = far, .worker = worker };
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				fd), 0);
	gw_link_msg_encode(writer(), &m);
	send_with(a->control, GW_MSG_LINK, 0, fd[0]);
	close(fd[0]);
	return fd[1];
}

static void
start(struct auth *a, bool has_issuing, const struct setting *more)
{
	char own[80];
	pid_t pid;
	int fd[2];

	memset(a, 0, sizeof(*a));
	snprintf(a->state, sizeof(a->state), "/tmp/gwd-auth-test.XXXXXX");
	cr_assert_not_null(mkdtemp(a->state));
	snprintf(own, sizeof(own), "%s/auth", a->state);
	cr_assert_eq(mkdir(own, 0700), 0); /* the supervisor's work */
	configure(a, has_issuing, more);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				fd), 0);
	pid = spawn(fd[0]);
	close(fd[0]);
	a->control = fd[1];
	send_conf(a);
	if (has_issuing)
		send_ca(a, "issuing");
	send_ca(a, "other-issuing");
	send_ca(a, "lower");
	a->proxy[0] = link_to(a, GW_LINK_PROXY, 0);
	a->proxy[1] = link_to(a, GW_LINK_PROXY, 1);
	a->kdc = link_to(a, GW_LINK_KDC, 0);
	(void)writer();
	send_msg(a->control, GW_MSG_START, 0);
	for (;;) {
		struct got g;

		cr_assert(await_msg(a->control, WAIT_MS, &g), "no READY");
		cr_assert_neq(g.type, GW_MSG_FAILED);
		cr_assert_neq(g.type, 0, "gwd-auth ended");
		if (g.type == GW_MSG_READY)
			break;
	}
	a->pid = pid; /* from here on it is to be stopped */
}

void
auth_start(struct auth *a, const struct setting *more)
{
	start(a, true, more);
}

void
auth_start_unregistered(struct auth *a)
{
	start(a, false, NULL);
}

static void
remove_state(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

void
auth_stop(struct auth *a)
{
	int status = -1;

	(void)writer();
	send_msg(a->control, GW_MSG_STOP, 0);
	cr_assert_eq(waitpid(a->pid, &status, 0), a->pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "gwd-auth ended with 0x%x", status);
	gw_conf_clear(&a->conf);
	remove_state(a->state);
}

/* ---- as gwd-proxy */

void
admit_after(const struct auth *a, const struct gw_gone *gone, int proxy,
	    uint64_t id, const char *card, const char *listener)
{
	struct gw_admit m = { .peer = "192.0.2.7:4711", .chain_count = 1,
			      .gone = *gone };

	m.chain[0] = vec_der(card);
	gw_login_id_new(m.login);
	cr_assert(gw_copy(m.listener, sizeof(m.listener), listener));
	gw_admit_encode(writer(), &m);
	send_msg(a->proxy[proxy], GW_MSG_ADMIT, id);
}

void
admit(const struct auth *a, int proxy, uint64_t id, const char *card,
      const char *listener)
{
	const struct gw_gone nobody = { .count = 0 };

	admit_after(a, &nobody, proxy, id, card, listener);
}

struct gw_verdict_msg
verdict(const struct auth *a, int proxy, uint64_t id)
{
	struct got g = expect_msg(a->proxy[proxy], GW_MSG_VERDICT, "VERDICT");
	struct gw_verdict_msg v;

	cr_assert_eq(g.id, id);
	cr_assert(gw_verdict_decode(&g.rd, &v));
	free(v.groups);
	v.groups = NULL;
	return v;
}

void
leave(const struct auth *a, int proxy, const uint8_t session[GW_SESSION_ID])
{
	const struct gw_gone gone = { session, 1 };

	gw_gone_encode(writer(), &gone);
	send_msg(a->proxy[proxy], GW_MSG_GONE, 0);
}

enum gw_err
revoked(const struct auth *a, int proxy, const uint8_t session[GW_SESSION_ID])
{
	struct got g = expect_msg(a->proxy[proxy], GW_MSG_REVOKE, "REVOKE");
	uint8_t id[GW_SESSION_ID];
	uint32_t why;

	gw_rd_raw(&g.rd, id, sizeof(id));
	why = gw_rd_u32(&g.rd);
	cr_assert(gw_rd_done(&g.rd));
	cr_assert_eq(memcmp(id, session, sizeof(id)), 0, "another session");
	return gw_err_from_wire(why);
}

/* ---- as gwd-kdc */

uint64_t
logon(const struct auth *a, struct gw_logon *out)
{
	struct got g = expect_msg(a->kdc, GW_MSG_LOGON, "LOGON");

	cr_assert(gw_logon_decode(&g.rd, out));
	return g.id;
}

struct gw_facts
some_facts(void)
{
	static struct gw_group groups[] = {
		{ (char *)"S-1-5-21-1-2-3-513", (char *)"Domain Users" },
		{ (char *)"S-1-5-21-1-2-3-1200", (char *)"Card Users" },
	};

	return (struct gw_facts){
		.sam = "alice", .upn = "alice@corp.example.com",
		.sid = "S-1-5-21-1-2-3-1104", .dc = "dc1.corp.example.com",
		.mapping = GW_MAPPED_SID, .groups = groups,
		.group_count = GW_COUNT(groups),
		.ticket_end = time(NULL) + 36000,
	};
}

void
send_facts(const struct auth *a, uint64_t id, const struct gw_facts *f)
{
	gw_facts_encode(writer(), f);
	send_msg(a->kdc, GW_MSG_FACTS, id);
}

void
relink_kdc(struct auth *a)
{
	a->kdc = link_to(a, GW_LINK_KDC, 0);
	(void)ask_status(a); /* answered after the link was taken */
}

/* ---- as supervisor */

const char *
ask_status(const struct auth *a)
{
	static char text[65536];
	size_t len = 0;
	struct got g;

	(void)writer();
	send_msg(a->control, GW_MSG_STATUS_ASK, 42);
	do {
		char section_name[64];
		char *row;

		cr_assert(await_msg(a->control, WAIT_MS, &g), "no status");
		if (g.type != GW_MSG_STATUS_ROW)
			continue;
		gw_rd_str(&g.rd, section_name, sizeof(section_name));
		row = gw_rd_strdup(&g.rd, 32768);
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s %s\n", section_name, row);
		free(row);
		cr_assert_lt(len, sizeof(text));
	} while (g.type != GW_MSG_STATUS_END);
	return text;
}

void
kill_session(const struct auth *a, const uint8_t id[GW_SESSION_ID])
{
	gw_wr_raw(writer(), id, GW_SESSION_ID);
	send_msg(a->control, GW_MSG_KILL, 0);
}

struct gw_admin_done
change(const struct auth *a, const struct gw_admin *m)
{
	struct gw_admin_done done;
	struct got g;

	gw_admin_encode(writer(), m);
	send_msg(a->control, GW_MSG_ADMIN, 43);
	do
		cr_assert(await_msg(a->control, WAIT_MS, &g), "no answer");
	while (g.type != GW_MSG_ADMIN_DONE);
	cr_assert(gw_admin_done_decode(&g.rd, &done));
	done.report = NULL;
	return done;
}

void
register_ca(const struct auth *a, const char *name, char out[GW_CA_ID_SIZE])
{
	struct gw_admin m = { .verb = GW_ADMIN_CA_REGISTER };
	struct gw_admin_done done;
	uint8_t pem[8192];

	m.pem = pem;
	m.pem_len = read_pem(name, pem, sizeof(pem));
	cr_assert(gw_settings_add(&m.settings, "ocsp_url", a->responder));
	done = change(a, &m);
	cr_assert_eq(done.error, GW_ADMIN_OK, "%s", done.detail);
	memcpy(out, done.id, GW_CA_ID_SIZE);
}

void
update_ca(const struct auth *a, const char *id, const char *key,
	  const char *text)
{
	struct gw_admin m = { .verb = GW_ADMIN_CA_UPDATE };
	struct gw_admin_done done;

	memcpy(m.id, id, GW_CA_ID_SIZE);
	cr_assert(gw_settings_add(&m.settings, key, text));
	done = change(a, &m);
	cr_assert_eq(done.error, GW_ADMIN_OK, "%s", done.detail);
}

/* kdc_probe.c — plays supervisor and gwd-auth to a real gwd-kdc: a tool to
 * try logins by hand or from a script, without certificates.
 *
 *	kdc_probe GWD-KDC KEYTAB section.key=value... < script
 *
 * Lists are given by repeating the key. A line of the script is one of
 *
 *	logon [upn=U] [sid=S] [strong=A] [weak=A] [leaf=FILE] [budget=MS]
 *	      [n=N] [par=P]    FILE: DER, for mapping.mode=kdc
 *	mix par=P n=N U...     N logins, P at once, of users U in turn; a
 *	                       user's sAMAccountName must be U up to '@'
 *	crl URL [MS [FILE]]    fetches a revocation list, into FILE
 *	status                 the rows, as JSON
 *	relink                 a new link, as after a restart of gwd-auth
 *	sleep MS
 *
 * Blank in a value is written %20. */
#include "gw/chan.h"
#include "gw/conf.h"
#include "gw/log.h"
#include "gw/memfd.h"
#include "gw/proto.h"
#include "gw/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USERS_MAX 64
#define IN_FLIGHT_MAX 4096

struct probe {
	struct gw_loop *loop;
	struct gw_chan *control, *link;
	struct gw_timer timer;
	pid_t child;
	bool is_verbose; /* print each answer */
	const char *crl_file; /* NULL: only look at it */

	struct gw_logon logon;
	char *users[USERS_MAX];
	size_t user_count;
	unsigned total, par, sent, answered, ok, mixed_up;
	uint64_t sent_us[IN_FLIGHT_MAX], *took_us, start_us;
	unsigned reasons[GW_ERR_COUNT];
};

static GW_NORETURN void
die(const char *what)
{
	fprintf(stderr, "kdc_probe: %s\n", what);
	exit(2);
}

/* ---- logins */

static void
send_one(struct probe *p)
{
	uint64_t id = p->sent;
	struct gw_logon *l = &p->logon;

	gw_login_id_new(l->login);
	if (p->user_count > 0 &&
	    !gw_copy(l->claims.upn, sizeof(l->claims.upn),
		     p->users[p->sent % p->user_count]))
		die("user name too long");
	p->sent_us[id % IN_FLIGHT_MAX] = gw_mono_us();
	p->sent++;
	gw_logon_encode(gw_chan_begin(p->link), l);
	if (gw_chan_send(p->link, GW_MSG_LOGON, id, -1) != GW_ERR_OK)
		die("cannot send");
}

static int
by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint64_t
child_cpu_us(const struct probe *p)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(p->child, &clock) != 0 ||
	    clock_gettime(clock, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
summarize(const struct probe *p)
{
	uint64_t all = gw_mono_us() - p->start_us;

	qsort(p->took_us, p->total, sizeof(*p->took_us), by_value);
	printf("%u logins, %u ok, %u mixed up; %.1f/s; us: p10 %llu median "
	       "%llu p95 %llu max %llu; child's cpu so far %llu us\n",
	       p->total, p->ok, p->mixed_up, p->total * 1e6 / (double)all,
	       (unsigned long long)p->took_us[p->total / 10],
	       (unsigned long long)p->took_us[p->total / 2],
	       (unsigned long long)p->took_us[p->total * 95 / 100],
	       (unsigned long long)p->took_us[p->total - 1],
	       (unsigned long long)child_cpu_us(p));
	for (int i = 1; i < GW_ERR_COUNT; i++)
		if (p->reasons[i] > 0)
			printf("  %u %s\n", p->reasons[i],
			       gw_err_name((enum gw_err)i));
}

static void
one_answered(struct probe *p, uint64_t id)
{
	p->took_us[p->answered++] = gw_mono_us() -
				    p->sent_us[id % IN_FLIGHT_MAX];
	if (p->sent < p->total)
		send_one(p);
	else if (p->answered == p->total)
		gw_loop_stop(p->loop);
}

static void
print_facts(const struct gw_facts *f, uint64_t us)
{
	printf("ok sam=%s sid=%s upn=%s dc=%s mapping=%s privileged=%d "
	       "ticket_s=%lld us=%llu (map %u self %u proxy %u bind %u) "
	       "groups=",
	       f->sam, f->sid, f->upn, f->dc, gw_mapping_name(f->mapping),
	       f->is_privileged, (long long)(f->ticket_end - time(NULL)),
	       (unsigned long long)us, f->map_us, f->self_us, f->proxy_us,
	       f->bind_us);
	for (size_t i = 0; i < f->group_count; i++)
		printf("%s%s", i > 0 ? "," : "",
		       f->groups[i].name[0] != '\0' ? f->groups[i].name
						    : f->groups[i].sid);
	puts("");
}

static bool
is_expected(const struct probe *p, uint64_t id, const struct gw_facts *f)
{
	const char *want;

	if (p->user_count == 0)
		return true;
	want = p->users[id % p->user_count];
	return strncmp(want, f->sam, strlen(f->sam)) == 0 &&
	       want[strlen(f->sam)] == '@';
}

static enum gw_err
on_facts(void *ctx, struct gw_msg *m)
{
	struct probe *p = ctx;
	struct gw_facts f;

	if (!gw_facts_decode(&m->rd, &f))
		return GW_ERR_PROTO;
	p->ok++;
	p->mixed_up += !is_expected(p, m->id, &f);
	if (p->is_verbose)
		print_facts(&f, gw_mono_us() -
					p->sent_us[m->id % IN_FLIGHT_MAX]);
	gw_facts_clear(&f);
	one_answered(p, m->id);
	return GW_ERR_OK;
}

static enum gw_err
on_refused(void *ctx, struct gw_msg *m)
{
	struct probe *p = ctx;
	struct gw_refused x;

	if (!gw_refused_decode(&m->rd, &x))
		return GW_ERR_PROTO;
	p->reasons[x.code]++;
	if (p->is_verbose)
		printf("%s dc=%s us=%llu: %s\n", gw_err_name(x.code), x.dc,
		       (unsigned long long)(gw_mono_us() -
			       p->sent_us[m->id % IN_FLIGHT_MAX]),
		       x.detail);
	one_answered(p, m->id);
	return GW_ERR_OK;
}

/* ---- revocation lists, NTAuthCertificates */

static void
copy_out(int from, size_t size, const char *path)
{
	gw_auto(free) char *p = gw_xcalloc(1, size);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (to < 0 || pread(from, p, size, 0) != (ssize_t)size ||
	    write(to, p, size) != (ssize_t)size)
		die(path);
	close(to);
}

static enum gw_err
on_crl(void *ctx, struct gw_msg *m)
{
	struct probe *p = ctx;
	uint32_t size;

	if (!gw_crl_decode(&m->rd, &size) || !gw_memfd_check(m->fd, size))
		return GW_ERR_PROTO;
	printf("ok bytes=%u us=%llu\n", size,
	       (unsigned long long)(gw_mono_us() - p->start_us));
	if (p->crl_file != NULL)
		copy_out(m->fd, size, p->crl_file);
	gw_loop_stop(p->loop);
	return GW_ERR_OK;
}

static enum gw_err
on_crl_refused(void *ctx, struct gw_msg *m)
{
	struct probe *p = ctx;
	struct gw_refused x;

	if (!gw_refused_decode(&m->rd, &x))
		return GW_ERR_PROTO;
	printf("%s dc=%s us=%llu: %s\n", gw_err_name(x.code), x.dc,
	       (unsigned long long)(gw_mono_us() - p->start_us), x.detail);
	gw_loop_stop(p->loop);
	return GW_ERR_OK;
}

static enum gw_err
on_ntauth(void *ctx, struct gw_msg *m)
{
	struct gw_ntauth_msg x;
	char hex[2 * GW_SHA256 + 1];

	(void)ctx;
	if (!gw_ntauth_decode(&m->rd, &x))
		return GW_ERR_PROTO;
	printf("ntauth %zu", x.count);
	for (size_t i = 0; i < x.count; i++) {
		gw_hex(x.sha256[i], GW_SHA256, hex);
		printf(" %s", hex);
	}
	puts("");
	fflush(stdout);
	return GW_ERR_OK;
}

static void
do_crl(struct probe *p, char *args)
{
	struct gw_crl_ask m = { .budget_ms = 10000 };
	char *save = NULL, *url = strtok_r(args, " \t", &save);
	char *ms = strtok_r(NULL, " \t", &save);

	p->crl_file = ms != NULL ? strtok_r(NULL, " \t", &save) : NULL;
	if (url == NULL || !gw_copy(m.url, sizeof(m.url), url))
		die("crl");
	if (ms != NULL)
		m.budget_ms = (uint32_t)strtoul(ms, NULL, 10);
	p->start_us = gw_mono_us();
	gw_crl_ask_encode(gw_chan_begin(p->link), &m);
	if (gw_chan_send(p->link, GW_MSG_CRL_ASK, 1, -1) != GW_ERR_OK)
		die("cannot ask");
	gw_loop_run(p->loop);
}

/* ---- logins, again */

static void
run_logins(struct probe *p)
{
	free(p->took_us);
	p->took_us = gw_xcalloc(p->total, sizeof(*p->took_us));
	p->sent = p->answered = p->ok = p->mixed_up = 0;
	memset(p->reasons, 0, sizeof(p->reasons));
	p->start_us = gw_mono_us();
	for (unsigned i = 0; i < GW_MIN(p->par, p->total); i++)
		send_one(p);
	gw_loop_run(p->loop);
	if (!p->is_verbose)
		summarize(p);
}

/* ---- the script */

static void
add_altsec(struct gw_claims *c, const char *value, bool is_strong)
{
	if (c->altsec_count == GW_ALTSEC_COUNT)
		die("too many altSecurityIdentities");
	c->altsec[c->altsec_count++] = (struct gw_altsec){
		.value = gw_xstrdup(value), .is_strong = is_strong };
}

static void
unescape(char *s)
{
	char *out = s;

	for (; *s != '\0'; out++) {
		if (strncmp(s, "%20", 3) == 0) {
			*out = ' ';
			s += 3;
			continue;
		}
		*out = *s++;
	}
	*out = '\0';
}

static void
read_leaf(struct probe *p, const char *path)
{
	static uint8_t der[GW_CERT_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, der, sizeof(der));

	if (n <= 0)
		die(path);
	close(fd);
	p->logon.leaf = (struct gw_der){ der, (size_t)n };
}

static void
take_word(struct probe *p, char *word)
{
	char *value = strchr(word, '=');
	struct gw_claims *c = &p->logon.claims;
	bool fits = true;

	if (value == NULL) {
		if (p->user_count < USERS_MAX)
			p->users[p->user_count++] = gw_xstrdup(word);
		return;
	}
	*value++ = '\0';
	unescape(value);
	if (strcmp(word, "upn") == 0)
		fits = gw_copy(c->upn, sizeof(c->upn), value);
	else if (strcmp(word, "sid") == 0)
		fits = gw_copy(c->sid, sizeof(c->sid), value);
	else if (strcmp(word, "strong") == 0 || strcmp(word, "weak") == 0)
		add_altsec(c, value, word[0] == 's');
	else if (strcmp(word, "leaf") == 0)
		read_leaf(p, value);
	else if (strcmp(word, "budget") == 0)
		p->logon.budget_ms = (uint32_t)strtoul(value, NULL, 10);
	else if (strcmp(word, "n") == 0)
		p->total = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(word, "par") == 0)
		p->par = (unsigned)strtoul(value, NULL, 10);
	else
		fits = false;
	if (!fits)
		die(word);
}

static void
reset(struct probe *p)
{
	gw_claims_clear(&p->logon.claims);
	p->logon = (struct gw_logon){ .budget_ms = 7000 };
	for (size_t i = 0; i < p->user_count; i++)
		free(p->users[i]);
	p->user_count = 0;
	p->total = p->par = 1;
}

static void
do_logon(struct probe *p, char *args)
{
	char *save = NULL;

	reset(p);
	for (char *w = strtok_r(args, " \t", &save); w != NULL;
	     w = strtok_r(NULL, " \t", &save))
		take_word(p, w);
	p->par = GW_MAX(1u, GW_MIN(p->par, (unsigned)IN_FLIGHT_MAX));
	p->total = GW_MAX(1u, p->total);
	p->is_verbose = p->total == 1;
	run_logins(p);
}

static void
on_timer(struct gw_timer *t)
{
	gw_loop_stop(GW_CONTAINER(t, struct probe, timer)->loop);
}

static void
do_sleep(struct probe *p, char *args)
{
	gw_timer_at(p->loop, &p->timer,
		    gw_mono_ms() + strtoul(args, NULL, 10));
	gw_loop_run(p->loop);
}

static void
do_status(struct probe *p, char *args)
{
	(void)args;
	(void)gw_chan_begin(p->control);
	if (gw_chan_send(p->control, GW_MSG_STATUS_ASK, 1, -1) != GW_ERR_OK)
		die("cannot ask for status");
	gw_loop_run(p->loop);
}

static void
on_gone(void *ctx, enum gw_err why)
{
	(void)ctx;
	(void)why;
	die("gwd-kdc has hung up");
}

static void
do_relink(struct probe *p, char *args)
{
	static const struct gw_msg_rule rules[] = {
		{ GW_MSG_FACTS,   1, false, on_facts },
		{ GW_MSG_REFUSED, 1, false, on_refused },
		{ GW_MSG_CRL,     1, true,  on_crl },
		{ GW_MSG_CRL_REFUSED, 1, false, on_crl_refused },
		{ GW_MSG_NTAUTH,  1, false, on_ntauth },
	};
	const struct gw_chan_conf conf = {
		.name = "kdc", .rules = rules, .rule_count = GW_COUNT(rules),
		.state = 1, .queue_max = IN_FLIGHT_MAX, .ctx = p,
		.on_close = on_gone };
	const struct gw_link_msg m = { .far = GW_LINK_AUTH };
	int pair[2];

	(void)args;
	gw_chan_free(p->link);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair");
	gw_link_msg_encode(gw_chan_begin(p->control), &m);
	if (gw_chan_send(p->control, GW_MSG_LINK, 0, pair[1]) != GW_ERR_OK ||
	    gw_chan_new(p->loop, pair[0], &conf, &p->link) != GW_ERR_OK)
		die("cannot link");
	close(pair[1]);
}

static void
run_line(struct probe *p, char *line)
{
	static const struct {
		const char *word;
		void (*fn)(struct probe *, char *);
	} commands[] = {
		{ "logon", do_logon },   { "mix", do_logon },
		{ "status", do_status }, { "sleep", do_sleep },
		{ "relink", do_relink }, { "crl", do_crl },
	};
	size_t len = strcspn(line, " \t\n");

	line[strcspn(line, "\n")] = '\0';
	if (len == 0 || line[0] == '#')
		return;
	for (size_t i = 0; i < GW_COUNT(commands); i++)
		if (strlen(commands[i].word) == len &&
		    strncmp(commands[i].word, line, len) == 0) {
			printf("> %s\n", line);
			commands[i].fn(p, line + len);
			fflush(stdout);
			return;
		}
	die(line);
}

/* ---- control */

static enum gw_err
on_ready(void *ctx, struct gw_msg *m)
{
	(void)m;
	gw_loop_stop(((struct probe *)ctx)->loop);
	return GW_ERR_OK;
}

static enum gw_err
on_failed(void *ctx, struct gw_msg *m)
{
	char detail[GW_DETAIL_MAX];
	enum gw_err code = gw_err_from_wire(gw_rd_u32(&m->rd));

	(void)ctx;
	gw_rd_str(&m->rd, detail, sizeof(detail));
	printf("start failed: %s: %s\n", gw_err_name(code), detail);
	exit(1);
}

static enum gw_err
on_row(void *ctx, struct gw_msg *m)
{
	gw_auto(free) char *section = gw_rd_strdup(&m->rd, 64);
	gw_auto(free) char *json = gw_rd_strdup(&m->rd, 32768);

	(void)ctx;
	printf("%s %s\n", section, json);
	return GW_ERR_OK;
}

static const struct gw_msg_rule control_rules[] = {
	{ GW_MSG_READY,      1, false, on_ready },
	{ GW_MSG_FAILED,     1, false, on_failed },
	{ GW_MSG_STATUS_ROW, 1, false, on_row },
	{ GW_MSG_STATUS_END, 1, false, on_ready },
};

static void
start_child(struct probe *p, const char *path)
{
	const struct gw_chan_conf conf = {
		.name = "control", .rules = control_rules,
		.rule_count = GW_COUNT(control_rules), .state = 1,
		.queue_max = 64, .ctx = p, .on_close = on_gone };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
	    (p->child = fork()) < 0)
		die("cannot fork");
	if (p->child == 0) {
		if (pair[1] == 3)
			(void)fcntl(3, F_SETFD, 0);
		else
			(void)dup2(pair[1], 3);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	if (gw_chan_new(p->loop, pair[0], &conf, &p->control) != GW_ERR_OK)
		die("control channel");
}

static void
set_key(struct gw_conf *c, const char *setting)
{
	const char *dot = strchr(setting, '.'), *eq = strchr(setting, '=');
	struct gw_error err;

	for (size_t i = 0; dot != NULL && eq > dot &&
	     i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];

		if (strlen(s->name) != (size_t)(dot - setting) ||
		    strncmp(s->name, setting, strlen(s->name)) != 0)
			continue;
		for (size_t k = 0; k < s->key_count; k++)
			if (strncmp(s->keys[k].name, dot + 1,
				    (size_t)(eq - dot - 1)) == 0 &&
			    strlen(s->keys[k].name) ==
				    (size_t)(eq - dot - 1) &&
			    gw_conf_set(gw_conf_instance(c, s), &s->keys[k],
					eq + 1, &err) == GW_ERR_OK)
				return;
	}
	die(setting);
}

static void
send_conf(struct probe *p, char **settings)
{
	struct gw_conf c = { .main.state_dir = NULL };

	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (!gw_conf_sections[i].is_titled)
			gw_conf_defaults(
				gw_conf_instance(&c, &gw_conf_sections[i]),
				&gw_conf_sections[i]);
	for (; *settings != NULL; settings++)
		set_key(&c, *settings);
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];

		if (s->is_titled || (s->who & GW_KDC) == 0)
			continue;
		gw_conf_encode(gw_chan_begin(p->control), s,
			       gw_conf_instance(&c, s));
		if (gw_chan_send(p->control, GW_MSG_CONF, 0, -1) != GW_ERR_OK)
			die("cannot send configuration");
	}
	gw_conf_clear(&c);
}

static void
send_keytab(struct probe *p, const char *path)
{
	struct gw_file f = { .purpose = GW_FILE_KEYTAB };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	f.data = gw_xcalloc(1, GW_FILE_MAX);
	if (fd < 0 || (n = read(fd, f.data, GW_FILE_MAX)) < 0)
		die("keytab");
	close(fd);
	f.len = (size_t)n;
	gw_file_encode(gw_chan_begin(p->control), &f);
	if (gw_chan_send(p->control, GW_MSG_FILE, 0, -1) != GW_ERR_OK)
		die("cannot send keytab");
	gw_file_clear(&f);
}

int
main(int argc, char **argv)
{
	struct probe p = { .timer.fn = on_timer };
	char line[8192];
	int status = 1;

	if (argc < 3)
		die("usage: kdc_probe GWD-KDC KEYTAB section.key=value... "
		    "< script");
	gw_log_init("kdc_probe", GW_LOG_ERR);
	if (gw_loop_new(&p.loop) != GW_ERR_OK)
		die("loop");
	start_child(&p, argv[1]);
	send_conf(&p, argv + 3);
	send_keytab(&p, argv[2]);
	(void)gw_chan_begin(p.control);
	if (gw_chan_send(p.control, GW_MSG_START, 0, -1) != GW_ERR_OK)
		die("cannot start");
	gw_loop_run(p.loop);
	do_relink(&p, NULL);
	while (fgets(line, sizeof(line), stdin) != NULL)
		run_line(&p, line);
	reset(&p);
	free(p.took_us);
	gw_chan_free(p.link);
	gw_chan_free(p.control); /* the child ends by itself */
	gw_loop_free(p.loop);
	(void)waitpid(p.child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* main.c — gwd: options, signals, and the order of things. See gwd(8). */
#include "api.h"
#include "notify.h"
#include "peer.h"
#include "reload.h"
#include "sup.h"
#include "gw/log.h"
#include "gw/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_SYSTEM = 1, EXIT_CONF = 2 };

struct options {
	const char *conf;
	bool check_only;
	int exit; /* when nothing is to be run, else -1 */
};

struct daemon {
	const char *conf;
	struct gw_loop *loop;
	struct gw_setup setup;
	struct gw_sup *sup;
	struct gw_api *api;
	struct gw_io signals;
	int api_fd;
	const char *trying; /* the key being put to use, for complaints */
};

static const char usage[] =
	"usage: gwd [-t] [-c FILE]    run, or with -t check the configuration\n"
	"       gwd -V                show the version\n";

static struct options
parse_options(int argc, char **argv)
{
	struct options o = { .conf = GWD_SYSCONFDIR "/gwd.conf", .exit = -1 };
	int ch;

	while ((ch = getopt(argc, argv, "c:thV")) != -1) {
		if (ch == 'c')
			o.conf = optarg;
		else if (ch == 't')
			o.check_only = true;
		else if (ch == 'V' && o.exit < 0 && puts("gwd " GWD_VERSION))
			o.exit = EXIT_OK;
		else if (ch == 'h' && o.exit < 0 && fputs(usage, stdout) >= 0)
			o.exit = EXIT_OK;
		else if (ch == '?')
			o.exit = EXIT_CONF;
	}
	if (o.exit < 0 && optind < argc)
		o.exit = EXIT_CONF;
	if (o.exit == EXIT_CONF)
		fputs(usage, stderr);
	return o;
}

/* One line. Text of the file must not reach a terminal raw. */
static void
say(const char *conf, const char *kind, const struct gw_complaint *c)
{
	char text[sizeof(c->text)];

	memcpy(text, c->text, sizeof(text));
	gw_mask_controls(text);
	if (c->line > 0)
		fprintf(stderr, "gwd: %s:%d: %s%s\n", conf, c->line, kind,
			text);
	else
		fprintf(stderr, "gwd: %s: %s%s\n", conf, kind, text);
}

static void
complain(const char *conf, const struct gw_complaint *c)
{
	say(conf, "", c);
}

static void
warn(const char *conf, const struct gw_setup *s)
{
	for (size_t i = 0; i < s->warning_count; i++)
		say(conf, "warning: ", &s->warnings[i]);
}

/* ---- signals */

static void
stop(struct daemon *d)
{
	gw_event(GW_LOG_INFO, "stopping", NULL);
	gw_notify("STOPPING=1");
	gw_sup_stop(d->sup);
}

static void
reload(struct daemon *d)
{
	struct gw_complaint c;
	struct gw_reload r;

	gw_notify("STATUS=Reloading");
	if (!gw_reload_run(d->sup, &r, &c))
		complain(d->conf, &c);
	gw_reload_clear(&r);
	gw_notify("STATUS=Serving");
}

static void
on_signal(struct gw_io *io, uint32_t events)
{
	struct daemon *d = GW_CONTAINER(io, struct daemon, signals);
	struct signalfd_siginfo si;

	(void)events;
	if (read(io->fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGHUP)
		reload(d);
	else
		stop(d);
}

static enum gw_err
catch_signals(struct daemon *d)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return GW_ERR_SYSTEM;
	d->signals = (struct gw_io){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
		.fn = on_signal,
	};
	if (d->signals.fd < 0)
		return GW_ERR_SYSTEM;
	return gw_loop_add(d->loop, &d->signals, EPOLLIN);
}

/* ---- start */

static void
on_ready(void *ctx)
{
	struct daemon *d = ctx;

	(void)d;
	gw_event(GW_LOG_INFO, "ready", "version", GWD_VERSION, NULL);
	gw_notify("READY=1\nSTATUS=Serving");
}

static void
raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* Descriptors 0 to 2 must be there, or sockets would take their place. */
static bool
hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* Where auth keeps what must last; nobody else looks into it. */
static enum gw_err
make_state_dir(const struct gw_setup *s, struct gw_error *err)
{
	const char *dir = s->conf.main.state_dir;
	gw_auto(free) char *own = gw_xasprintf("%s/auth", dir);
	const struct gw_user *u = &s->users[GW_CHILD_AUTH];

	mode_t before = umask(0); /* the modes below are meant as they are */
	bool ok = (mkdir(dir, 0711) == 0 || errno == EEXIST) &&
		  (mkdir(own, 0700) == 0 || errno == EEXIST) &&
		  (!s->has_users || lchown(own, u->uid, u->gid) == 0);

	umask(before);
	if (!ok)
		return gw_fail(err, GW_ERR_CONF, "state_dir: %s: %s", dir,
			       strerror(errno));
	return GW_ERR_OK;
}

static enum gw_err
start(struct daemon *d, struct gw_error *err)
{
	enum gw_err rc;

	if (gw_loop_new(&d->loop) != GW_ERR_OK ||
	    catch_signals(d) != GW_ERR_OK)
		return gw_fail(err, GW_ERR_SYSTEM, "%s", strerror(errno));
	d->trying = "state_dir";
	rc = make_state_dir(&d->setup, err);
	if (rc == GW_ERR_OK) {
		/* before any child: a second gateway on the same socket ends
		 * here */
		d->trying = "socket";
		rc = gw_peer_listen(d->setup.conf.main.socket, &d->api_fd,
				    err);
	}
	if (rc == GW_ERR_OK)
		rc = gw_sup_new(d->loop, &d->setup, &d->sup, err);
	if (rc != GW_ERR_OK)
		return rc;
	gw_sup_on_ready(d->sup, on_ready, d);
	return gw_api_new(d->loop, d->sup, d->api_fd, &d->api, err);
}

static void
clear(struct daemon *d)
{
	gw_api_free(d->api);
	if (d->api_fd >= 0)
		(void)unlink(d->setup.conf.main.socket);
	gw_sup_free(d->sup);
	gw_close(&d->signals.fd);
	gw_loop_free(d->loop);
	gw_setup_clear(&d->setup);
}

/* A failure after the children were started must not leave them. */
static int
fail_start(struct daemon *d, const struct gw_error *err)
{
	struct gw_complaint c;

	(void)gw_complain(&c, gw_source_line(&d->setup.src, "", 0, d->trying),
			  "%s", err->detail);
	if (err->code == GW_ERR_CONF)
		complain(d->conf, &c);
	else
		fprintf(stderr, "gwd: %s\n", err->detail);
	if (d->sup != NULL) {
		gw_sup_stop(d->sup);
		gw_loop_run(d->loop);
	}
	return err->code == GW_ERR_SYSTEM ? EXIT_SYSTEM : EXIT_CONF;
}

static int
serve(struct daemon *d)
{
	struct gw_error err = { .code = GW_ERR_SYSTEM };
	enum gw_level level = GW_LOG_INFO;
	int status;

	(void)gw_log_level(d->setup.conf.main.log_level, &level); /* checked */
	gw_log_init("gwd", level);
	raise_descriptor_limit();
	(void)prctl(PR_SET_DUMPABLE, 0); /* keys and keytab are in memory */
	if (start(d, &err) != GW_ERR_OK)
		return fail_start(d, &err);
	gw_loop_run(d->loop);
	status = gw_sup_status(d->sup);
	gw_event(GW_LOG_INFO, "stopped", "status", GW_NUM(status), NULL);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = parse_options(argc, argv);
	struct daemon d = { .conf = o.conf, .api_fd = -1, .signals.fd = -1 };
	struct gw_complaint c;
	int status;

	if (o.exit >= 0)
		return o.exit;
	if (!hold_standard_descriptors())
		return EXIT_SYSTEM;
	if (!gw_setup_load(o.conf, o.check_only ? GW_SETUP_CHECK
						: GW_SETUP_START,
			   &d.setup, &c)) {
		complain(o.conf, &c);
		return EXIT_CONF;
	}
	warn(o.conf, &d.setup);
	if (o.check_only)
		printf("gwd: %s: the configuration is good\n", o.conf);
	status = o.check_only ? EXIT_OK : serve(&d);
	clear(&d);
	return status;
}

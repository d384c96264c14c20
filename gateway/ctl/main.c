/* main.c — gwctl: what an operator asks of a running gateway. See gwctl(8).
 * Exit status: 0 healthy or done, 1 degraded or refused, 2 down, unreachable
 * or misused. */
#include "ca.h"
#include "command.h"
#include "testcert.h"
#include "trial.h"
#include "gw/conf.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MIN 80
#define WIDTH_MAX 100

static int
do_test_cert(const struct gw_context *c)
{
	if (gw_ctl_is_offline(c->argc, c->argv))
		return gw_ctl_testcert(c->argc, c->argv);
	return gw_ctl_trial(c->socket, c->style, c->argc, c->argv);
}

static int
do_ca(const struct gw_context *c)
{
	return gw_ctl_ca(c->socket, c->style, c->argc, c->argv);
}

static int
do_client_auth(const struct gw_context *c)
{
	return gw_ctl_client_auth(c->socket, c->argc, c->argv);
}

static int
do_version(const struct gw_context *c)
{
	(void)c;
	puts("gwctl " GWD_VERSION);
	return GW_EXIT_GOOD;
}

static int do_help(const struct gw_context *c);

enum arity { NO_ARG, MAY_ARG, ONE_ARG, ALL_ARGS };

static const struct command {
	const char *name, *args;
	enum arity arity;
	bool has_json;
	int (*fn)(const struct gw_context *c);
	const char *doc;
} commands[] = {
	{ "status", "[--json]", NO_ARG, true, gw_ctl_status,
	  "how the gateway is; the default" },
	{ "ocsp", "[--json]", NO_ARG, true, gw_ctl_ocsp,
	  "responders, revocation lists and the answers kept" },
	{ "sessions", "[--json]", NO_ARG, true, gw_ctl_sessions,
	  "who is admitted, from where, until when" },
	{ "kill", "ID", ONE_ARG, false, gw_ctl_kill,
	  "end a session; the beginning of its id will do" },
	{ "reload", "", NO_ARG, false, gw_ctl_reload,
	  "take up new certificates; says what needs a restart" },
	{ "explain", "[REASON]", MAY_ARG, false, gw_ctl_explain,
	  "what a refusal means and how to cure it" },
	{ "ca", "VERB ...", ALL_ARGS, false, do_ca,
	  "register FILE, list, show ID, update ID, deregister ID; gwctl(8)" },
	{ "client-auth", "VERB", ALL_ARGS, false, do_client_auth,
	  "enable, disable or show: whether clients are admitted at all" },
	{ "test-cert", "FILE", ALL_ARGS, true, do_test_cert,
	  "try a login with a certificate; --offline without a gateway" },
	{ "version", "", NO_ARG, false, do_version, "the version of gwctl" },
	{ "help", "", NO_ARG, false, do_help, "this list" },
};

static void
usage(FILE *out)
{
	fputs("usage: gwctl [-s SOCKET] [COMMAND]\n", out);
	for (size_t i = 0; i < GW_COUNT(commands); i++)
		fprintf(out, "  %-11s %-10s %s\n", commands[i].name,
			commands[i].args, commands[i].doc);
}

static int
do_help(const struct gw_context *c)
{
	(void)c;
	usage(stdout);
	fputs("Exit status of status: 0 healthy, 1 degraded, 2 down or "
	      "unreachable.\n", stdout);
	return GW_EXIT_GOOD;
}

/* ---- the command line */

static struct gw_style
style_here(void)
{
	struct gw_style s = { .width = WIDTH_MAX };
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize ws;

	if (!isatty(STDOUT_FILENO))
		return s;
	s.colour = (no == NULL || *no == '\0') &&
		   (term == NULL || strcmp(term, "dumb") != 0);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		s.width = GW_MAX(WIDTH_MIN, GW_MIN(ws.ws_col, WIDTH_MAX));
	return s;
}

/* Where gwd listens unless told otherwise: from the table of keys. */
static const char *
default_socket(void)
{
	const struct gw_conf_section *top = &gw_conf_sections[0];
	const char *env = getenv("GWD_SOCKET");

	if (env != NULL && *env != '\0')
		return env;
	for (size_t i = 0; i < top->key_count; i++)
		if (strcmp(top->keys[i].name, "socket") == 0)
			return top->keys[i].dflt;
	return "";
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < GW_COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int
misused(const char *what, const char *word)
{
	fprintf(stderr, "gwctl: %s%s\n", what, word);
	usage(stderr);
	return GW_EXIT_BAD;
}

/* The words after the command. */
static int
run(const struct command *cmd, struct gw_context *c, int argc, char **argv)
{
	int status;

	c->argc = argc;
	c->argv = argv;
	if (cmd->arity == ALL_ARGS) {
		status = cmd->fn(c);
		return status >= 0 ? status
				   : misused(cmd->name, ": wrong words; "
							"gwctl(8) has them");
	}
	for (int i = 0; i < argc; i++) {
		if (cmd->has_json && strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (cmd->arity != NO_ARG && c->arg == NULL &&
			 argv[i][0] != '-')
			c->arg = argv[i];
		else
			return misused(cmd->name, ": too many or unknown "
						  "arguments");
	}
	if (cmd->arity == ONE_ARG && c->arg == NULL)
		return misused(cmd->name, ": an argument is missing");
	return cmd->fn(c);
}

int
main(int argc, char **argv)
{
	struct gw_context c = { .socket = default_socket(),
			     .style = style_here() };
	const struct command *cmd = &commands[0];
	int i = 1, status;

	for (; i + 1 < argc && strcmp(argv[i], "-s") == 0; i += 2)
		c.socket = argv[i + 1];
	if (i < argc && strcmp(argv[i], "--json") != 0) {
		const char *name = strcmp(argv[i], "-h") == 0 ? "help"
				   : strcmp(argv[i], "-V") == 0 ? "version"
								: argv[i];

		cmd = find_command(name);
		if (cmd == NULL)
			return misused("no such command: ", argv[i]);
		i++;
	}
	status = run(cmd, &c, argc - i, argv + i);
	if (fflush(stdout) != 0)
		return GW_EXIT_BAD;
	return status;
}

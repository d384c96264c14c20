/* main.c — gwctl: what an operator asks of a running gateway. See gwctl(8).
 * Exit status: 0 healthy or done, 1 degraded or refused, 2 down, unreachable
 * or misused. */
#include "ca.h"
#include "client.h"
#include "doc.h"
#include "testcert.h"
#include "text.h"
#include "trial.h"
#include "view.h"
#include "gw/admin.h"
#include "gw/conf.h"
#include "gw/error.h"
#include "gw/util.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_SO_SO = 1, EXIT_BAD = 2 };

#define WIDTH_MIN 80
#define WIDTH_MAX 100

struct context {
	const char *socket;
	struct gw_style style;
	bool json;
	const char *arg; /* NULL when none was given */
	int argc;        /* ALL_ARGS: the words after the command */
	char **argv;
};

static int
fail(const char *why)
{
	char line[GW_WHY_MAX];

	/* what came over the socket must not steer the terminal */
	gw_format(line, sizeof(line), "%.500s", why);
	gw_mask_controls(line);
	fprintf(stderr, "gwctl: %s\n", line);
	return EXIT_BAD;
}

static bool
ask(const struct context *c, const char *method, const char *path,
    struct gw_reply *out)
{
	char why[GW_WHY_MAX];

	if (gw_client_ask(c->socket, method, path, out, why))
		return true;
	(void)fail(why);
	return false;
}

static void
print_json(const json_t *v)
{
	(void)json_dumpf(v, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
}

/* ---- commands */

static int
refused(struct gw_reply *r)
{
	const char *detail = gw_doc_text(r->body, "detail");

	(void)fail(*detail != '\0' ? detail : "gwd refused");
	json_decref(r->body);
	return EXIT_BAD;
}

static int
exit_of(const char *health)
{
	if (strcmp(health, "healthy") == 0)
		return EXIT_GOOD;
	return strcmp(health, "degraded") == 0 ? EXIT_SO_SO : EXIT_BAD;
}

static int
do_status(const struct context *c)
{
	struct gw_reply r;
	int status;

	if (!ask(c, "GET", "/v1/status", &r))
		return EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	if (c->json)
		print_json(r.body);
	else
		gw_view_status(stdout, r.body, c->style);
	status = exit_of(gw_doc_text(r.body, "health"));
	json_decref(r.body);
	return status;
}

static int
do_ocsp(const struct context *c)
{
	static const char *const parts[] = { "time", "revocation",
					     "responders", "lists",
					     "answers" };
	struct gw_reply r;
	json_t *doc = json_object();

	if (!ask(c, "GET", "/v1/status", &r))
		return EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	for (size_t i = 0; i < GW_COUNT(parts); i++)
		json_object_set(doc, parts[i],
				json_object_get(r.body, parts[i]));
	if (c->json)
		print_json(doc);
	else
		gw_view_ocsp(stdout, doc, c->style);
	json_decref(doc);
	json_decref(r.body);
	return EXIT_GOOD;
}

static int
do_sessions(const struct context *c)
{
	struct gw_reply r;

	if (!ask(c, "GET", "/v1/sessions", &r))
		return EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	if (c->json)
		print_json(json_object_get(r.body, "sessions"));
	else
		gw_view_sessions(stdout, json_object_get(r.body, "sessions"),
				 time(NULL), c->style);
	json_decref(r.body);
	return EXIT_GOOD;
}

/* The whole id for a beginning of it. False unless there is exactly one. */
static bool
resolve(const json_t *sessions, const char *start, char *out, size_t cap)
{
	const json_t *row;
	size_t i, found = 0;

	json_array_foreach(sessions, i, row) {
		const char *id = gw_doc_text(row, "id");

		if (strncmp(id, start, strlen(start)) != 0)
			continue;
		if (++found > 1 || !gw_copy(out, cap, id))
			return false;
	}
	return found == 1 && out[strspn(out, "0123456789abcdef")] == '\0';
}

static int
kill_session(const struct context *c, const char *id)
{
	gw_auto(free) char *path = gw_xasprintf("/v1/sessions/%s/kill", id);
	struct gw_reply r;

	if (!ask(c, "POST", path, &r))
		return EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	json_decref(r.body);
	printf("session %s ends\n", id);
	return EXIT_GOOD;
}

static int
do_kill(const struct context *c)
{
	struct gw_reply r;
	char id[64];
	bool found;

	if (strlen(c->arg) < 4)
		return fail("give at least four digits of the session's id; "
			    "gwctl sessions shows them");
	if (!ask(c, "GET", "/v1/sessions", &r))
		return EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	found = resolve(json_object_get(r.body, "sessions"), c->arg, id,
			sizeof(id));
	json_decref(r.body);
	if (found)
		return kill_session(c, id);
	(void)fail("no session, or more than one, has an id that begins so; "
		   "gwctl sessions shows them");
	return EXIT_SO_SO;
}

static void
put_texts(const struct context *c, const json_t *list, const char *before)
{
	const json_t *x;
	size_t i;

	json_array_foreach(list, i, x) {
		fputs(before, stdout);
		gw_text_wrap(stdout, json_is_string(x) ? json_string_value(x)
						       : "",
			     (int)strlen(before), c->style.width);
	}
}

static int
do_reload(const struct context *c)
{
	struct gw_reply r;
	const json_t *renewed, *restart;
	int status = EXIT_GOOD;

	if (!ask(c, "POST", "/v1/reload", &r))
		return EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	renewed = json_object_get(r.body, "renewed");
	restart = json_object_get(r.body, "restart");
	put_texts(c, json_object_get(r.body, "warnings"), "warning: ");
	put_texts(c, renewed, "new certificates: listener ");
	if (json_array_size(renewed) == 0)
		puts("no certificate has changed");
	if (json_array_size(restart) > 0) {
		puts("restart needed for:");
		put_texts(c, restart, "  ");
		status = EXIT_SO_SO;
	}
	json_decref(r.body);
	return status;
}

static void
put_paragraph(const struct context *c, const char *name, const char *words)
{
	printf("%-12s", name);
	gw_text_wrap(stdout, words, 12, c->style.width);
}

static int
list_reasons(void)
{
	for (int i = 0; i < GW_ERR_COUNT; i++)
		printf("%-26s %d\n", gw_err_name((enum gw_err)i),
		       gw_err_http_status((enum gw_err)i));
	return EXIT_GOOD;
}

/* Errors of `gwctl ca` and `client-auth`. */
static int
explain_change(const struct context *c, enum gw_admin_err e)
{
	printf("%s (HTTP status %d)\n", gw_admin_err_name(e),
	       gw_admin_err_status(e));
	put_paragraph(c, "Cause:", gw_admin_err_cause(e));
	put_paragraph(c, "Cure:", gw_admin_err_cure(e));
	return EXIT_GOOD;
}

static int
do_explain(const struct context *c)
{
	enum gw_err code;
	char stage[16];

	if (c->arg == NULL)
		return list_reasons();
	if (gw_login_id_is_valid(c->arg))
		return fail("a login's id cannot be explained yet; its lines "
			    "are in the log: journalctl -u gwd | grep ID");
	code = gw_err_by_name(c->arg);
	if (code == GW_ERR_COUNT &&
	    gw_admin_err_by_name(c->arg) != GW_ADMIN_ERR_COUNT)
		return explain_change(c, gw_admin_err_by_name(c->arg));
	if (code == GW_ERR_COUNT)
		return fail("there is no such reason; gwctl explain lists "
			    "them");
	gw_err_stage(code, stage);
	printf("%s (stage %s, HTTP status %d)\n", gw_err_name(code), stage,
	       gw_err_http_status(code));
	put_paragraph(c, "Users read:", gw_err_user_text(code));
	put_paragraph(c, "Cause:", gw_err_cause(code));
	put_paragraph(c, "Cure:", gw_err_cure(code));
	return EXIT_GOOD;
}

static int
do_test_cert(const struct context *c)
{
	if (gw_ctl_is_offline(c->argc, c->argv))
		return gw_ctl_testcert(c->argc, c->argv);
	return gw_ctl_trial(c->socket, c->style, c->argc, c->argv);
}

static int
do_ca(const struct context *c)
{
	return gw_ctl_ca(c->socket, c->style, c->argc, c->argv);
}

static int
do_client_auth(const struct context *c)
{
	return gw_ctl_client_auth(c->socket, c->argc, c->argv);
}

static int
do_version(const struct context *c)
{
	(void)c;
	puts("gwctl " GWD_VERSION);
	return EXIT_GOOD;
}

static int do_help(const struct context *c);

enum arity { NO_ARG, MAY_ARG, ONE_ARG, ALL_ARGS };

static const struct command {
	const char *name, *args;
	enum arity arity;
	bool has_json;
	int (*fn)(const struct context *c);
	const char *doc;
} commands[] = {
	{ "status", "[--json]", NO_ARG, true, do_status,
	  "how the gateway is; the default" },
	{ "ocsp", "[--json]", NO_ARG, true, do_ocsp,
	  "responders, revocation lists and the answers kept" },
	{ "sessions", "[--json]", NO_ARG, true, do_sessions,
	  "who is admitted, from where, until when" },
	{ "kill", "ID", ONE_ARG, false, do_kill,
	  "end a session; the beginning of its id will do" },
	{ "reload", "", NO_ARG, false, do_reload,
	  "take up new certificates; says what needs a restart" },
	{ "explain", "[REASON]", MAY_ARG, false, do_explain,
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
do_help(const struct context *c)
{
	(void)c;
	usage(stdout);
	fputs("Exit status of status: 0 healthy, 1 degraded, 2 down or "
	      "unreachable.\n", stdout);
	return EXIT_GOOD;
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
	return EXIT_BAD;
}

/* The words after the command. */
static int
run(const struct command *cmd, struct context *c, int argc, char **argv)
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
	struct context c = { .socket = default_socket(),
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
		return EXIT_BAD;
	return status;
}

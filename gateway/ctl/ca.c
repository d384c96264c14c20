/* ca.c — see ca.h. A file may hold many certificates: each is registered by
 * itself and reported by itself. Nothing else of the file leaves here, so that
 * a private key beside a certificate stays where it is. */
#include "ca.h"
#include "client.h"
#include "doc.h"
#include "pem.h"
#include "settings.h"
#include "text.h"
#include "gw/admin.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

enum { DONE = 0, REFUSED = 1, BAD = 2, MISUSED = -1 };

struct call {
	const char *socket;
	struct gw_style style;
	const char *arg;  /* FILE or ID */
	bool json;
	json_t *body;     /* options, as the operator API takes them */
	struct gw_settings settings;
	struct gw_error wrong; /* code: GW_ERR_OK when nothing is */
};

static int
fail(const char *what, const char *why)
{
	char safe[GW_CELL_MAX];

	gw_text_safe(why, GW_CELL_MAX - 1, safe);
	fprintf(stderr, "gwctl: %s%s\n", what, safe);
	return BAD;
}

/* ---- the API */

static bool
ask(const struct call *c, const char *method, const char *path,
    struct gw_reply *out)
{
	gw_auto(free) char *body = strcmp(method, "POST") == 0
		? json_dumps(c->body, JSON_COMPACT) : NULL;
	char why[GW_WHY_MAX];

	if (gw_client_send(c->socket, method, path, body, 0, out,
			   why))
		return true;
	(void)fail("", why);
	return false;
}

/* The error's name first: programs look for it. */
static int
refused(const struct gw_reply *r)
{
	const char *name = gw_doc_text(r->body, "error");
	enum gw_admin_err e = gw_admin_err_by_name(name);
	char detail[GW_CELL_MAX];

	if (e == GW_ADMIN_ERR_COUNT || e == GW_ADMIN_OK)
		return fail("", gw_doc_text(r->body, "detail"));
	gw_text_safe(gw_doc_text(r->body, "detail"), GW_CELL_MAX - 1, detail);
	fprintf(stderr, "gwctl: %s: %s\n", name, detail);
	fprintf(stderr, "  cause: %s\n  cure:  %s\n", gw_admin_err_cause(e),
		gw_admin_err_cure(e));
	return e == GW_ADMIN_SERVICE ? BAD : REFUSED;
}

/* One change; `out` has the answer when it is done. */
static int
change(const struct call *c, const char *path, struct gw_reply *out)
{
	int status = DONE;

	if (!ask(c, "POST", path, out))
		return BAD;
	if (out->status != 200) {
		status = refused(out);
		json_decref(out->body);
	}
	return status;
}

/* ---- ca register */

/* The line tells by itself what became of it: the refusal's name stands in it,
 * the cause and the cure on stderr. */
static int
register_one(struct call *c, const char *pem, size_t number)
{
	struct gw_reply r;
	char safe[GW_CELL_MAX];
	int status = DONE;

	json_object_set_new(c->body, "pem", json_string(pem));
	printf("certificate %zu: ", number);
	fflush(stdout);
	if (!ask(c, "POST", "/v1/cas/register", &r)) {
		puts("not registered");
		return BAD;
	}
	if (r.status == 200) {
		printf("%s Registered\n", gw_doc_text(r.body, "id"));
	} else {
		gw_text_safe(gw_doc_text(r.body, "error"), GW_CELL_MAX - 1,
			     safe);
		printf("not registered: %s\n", safe);
		fflush(stdout);
		status = refused(&r);
	}
	json_decref(r.body);
	return status;
}

static int
do_register(struct call *c)
{
	gw_auto(free) char *all = gw_pem_read(c->arg);
	char *at = all, *pem;
	int worst = DONE;
	size_t n = 0;

	if (all == NULL)
		return BAD;
	while (worst != BAD && (pem = gw_pem_next(&at)) != NULL) {
		int status = register_one(c, pem, ++n);

		worst = GW_MAX(worst, status);
		free(pem);
	}
	if (n > 0)
		return worst;
	fprintf(stderr, "gwctl: InvalidCertificate: %s holds no certificate "
		"in PEM form\n  cure:  %s\n", c->arg,
		gw_admin_err_cure(GW_ADMIN_INVALID_CERTIFICATE));
	return REFUSED;
}

/* ---- ca list, show */

static int
get_cas(const struct call *c, struct gw_reply *r)
{
	if (!ask(c, "GET", "/v1/cas", r))
		return BAD;
	if (r->status == 200)
		return DONE;
	(void)refused(r);
	json_decref(r->body);
	return BAD;
}

static int
do_list(struct call *c)
{
	struct gw_reply r;
	int status = get_cas(c, &r);
	const json_t *rows;

	if (status != DONE)
		return status;
	rows = json_object_get(r.body, "cas");
	if (c->json)
		gw_doc_print(rows);
	else
		gw_view_cas(stdout, rows, time(NULL), c->style);
	json_decref(r.body);
	return DONE;
}

static const json_t *
find_row(const json_t *rows, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(gw_doc_text(row, "id"), id) == 0)
			return row;
	return NULL;
}

static int
do_show(struct call *c)
{
	struct gw_reply r;
	int status = get_cas(c, &r);
	const json_t *row;

	if (status != DONE)
		return status;
	row = find_row(json_object_get(r.body, "cas"), c->arg);
	if (row != NULL && c->json)
		gw_doc_print(row);
	else if (row != NULL)
		gw_view_ca(stdout, row, time(NULL), c->style);
	json_decref(r.body);
	if (row != NULL)
		return DONE;
	fprintf(stderr, "gwctl: CertificateDoesNotExist\n  cure:  %s\n",
		gw_admin_err_cure(GW_ADMIN_CERTIFICATE_DOES_NOT_EXIST));
	return REFUSED;
}

/* ---- ca deregister, update */

static int
change_one(struct call *c, const char *verb, const char *done)
{
	gw_auto(free) char *path = NULL;
	struct gw_reply r;
	json_int_t ended;
	int status;

	if (!gw_ca_id_is_valid(c->arg))
		return fail("an id is c- and ten hexadecimal digits, not ",
			    c->arg);
	path = gw_xasprintf("/v1/cas/%s/%s", c->arg, verb);
	status = change(c, path, &r);
	if (status != DONE)
		return status;
	ended = json_integer_value(json_object_get(r.body, "sessions_ended"));
	printf("%s %s\n", c->arg, done);
	if (ended > 0)
		printf("%lld sessions ended\n", (long long)ended);
	json_decref(r.body);
	return DONE;
}

static int
do_deregister(struct call *c)
{
	return change_one(c, "deregister", "Deregistered");
}

static int
do_update(struct call *c)
{
	return change_one(c, "update", "updated");
}

/* ---- client-auth */

static int
do_switch(struct call *c, const char *path, const char *done)
{
	struct gw_reply r;
	int status = change(c, path, &r);

	if (status != DONE)
		return status;
	printf("client authentication: %s\n", done);
	json_decref(r.body);
	return DONE;
}

static int
do_enable(struct call *c)
{
	return do_switch(c, "/v1/client-auth/enable", "Enabled");
}

static int
do_disable(struct call *c)
{
	return do_switch(c, "/v1/client-auth/disable", "Disabled");
}

static int
do_client_auth_show(struct call *c)
{
	struct gw_reply r;

	if (!ask(c, "GET", "/v1/client-auth", &r))
		return BAD;
	if (r.status != 200) {
		(void)refused(&r);
		json_decref(r.body);
		return BAD;
	}
	if (c->json)
		gw_doc_print(r.body);
	else
		gw_view_client_auth(stdout, r.body);
	json_decref(r.body);
	return DONE;
}

/* ---- words */

enum option { O_SHORT = 1, O_FORCE = 2, O_JSON = 4, O_SETTINGS = 8 };

static const struct verb {
	const char *name;
	const char *arg; /* NULL: takes none */
	unsigned options;
	int (*fn)(struct call *c);
} ca_verbs[] = {
	{ "register", "FILE", O_SETTINGS | O_SHORT, do_register },
	{ "list", NULL, O_JSON, do_list },
	{ "show", "ID", O_JSON, do_show },
	{ "deregister", "ID", O_FORCE, do_deregister },
	{ "update", "ID", O_SETTINGS, do_update },
}, auth_verbs[] = {
	{ "enable", NULL, 0, do_enable },
	{ "disable", NULL, 0, do_disable },
	{ "show", NULL, O_JSON, do_client_auth_show },
};

/* Those without a value; the others are settings.h's. */
static const struct {
	const char *word;
	enum option option;
	const char *key; /* in the body */
	const char *doc;
} flags[] = {
	{ "--allow-short", O_SHORT, "allow_short",
	  "Register a CA that ends within 90 days, too." },
	{ "--force", O_FORCE, "force",
	  "End the sessions that chain through it." },
	{ "--json", O_JSON, NULL, "The answer for programs." },
};

static int
help(const char *command, const struct verb *v, int width)
{
	printf("usage: gwctl %s %s%s%s%s\n", command, v->name,
	       v->arg != NULL ? " " : "", v->arg != NULL ? v->arg : "",
	       v->options != 0 ? " [OPTION]..." : "");
	for (size_t i = 0; i < GW_COUNT(flags); i++)
		if ((v->options & flags[i].option) != 0)
			printf("  %s\n        %s\n", flags[i].word,
			       flags[i].doc);
	if ((v->options & O_SETTINGS) == 0)
		return DONE;
	gw_ctl_settings_help(stdout, width);
	puts("An empty value (\"\") returns to the default.");
	return DONE;
}

static bool
take_flag(struct call *c, const struct verb *v, const char *word)
{
	for (size_t i = 0; i < GW_COUNT(flags); i++) {
		if (strcmp(word, flags[i].word) != 0 ||
		    (v->options & flags[i].option) == 0)
			continue;
		if (flags[i].key == NULL)
			c->json = true;
		else
			json_object_set_new(c->body, flags[i].key,
					    json_true());
		return true;
	}
	return false;
}

/* The number of words taken; 0: misused, or its value makes no sense. */
static int
take_option(struct call *c, const struct verb *v, int argc, char **argv)
{
	if (take_flag(c, v, argv[0]))
		return 1;
	if ((v->options & O_SETTINGS) == 0 || !gw_ctl_is_setting(argv[0]) ||
	    argc < 2 ||
	    gw_ctl_add_setting(&c->settings, argv[0], argv[1], &c->wrong) !=
		    GW_ERR_OK)
		return 0;
	return 2;
}

static bool
take_words(struct call *c, const struct verb *v, int argc, char **argv)
{
	for (int i = 0, n; i < argc; i += n) {
		n = 1;
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			n = take_option(c, v, argc - i, argv + i);
		else if (v->arg != NULL && c->arg == NULL)
			c->arg = argv[i];
		else
			n = 0;
		if (n == 0)
			return false;
	}
	return (v->arg != NULL) == (c->arg != NULL);
}

/* Wrong values are refused here, with nothing sent. */
static int
run_verb(struct call *c, const struct verb *v, int argc, char **argv)
{
	bool is_good = take_words(c, v, argc, argv);

	if (is_good)
		(void)!gw_ctl_check_settings(&c->settings, &c->wrong);
	if (c->wrong.code != GW_ERR_OK) {
		(void)fail("InvalidParameter: ", c->wrong.detail);
		return REFUSED;
	}
	if (!is_good)
		return MISUSED;
	if (c->settings.count > 0)
		json_object_set_new(c->body, "settings",
				    gw_ctl_settings_json(&c->settings));
	return v->fn(c);
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static int
run(struct call *c, const char *command, const struct verb *verbs, size_t n,
    int argc, char **argv)
{
	int status = MISUSED;

	c->body = json_object();
	for (size_t i = 0; argc > 0 && i < n; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		status = wants_help(argc, argv)
				 ? help(command, &verbs[i], c->style.width)
				 : run_verb(c, &verbs[i], argc - 1, argv + 1);
	}
	json_decref(c->body);
	return status;
}

int
gw_ctl_ca(const char *socket, struct gw_style style, int argc, char **argv)
{
	struct call c = { .socket = socket, .style = style };

	return run(&c, "ca", ca_verbs, GW_COUNT(ca_verbs), argc, argv);
}

int
gw_ctl_client_auth(const char *socket, int argc, char **argv)
{
	struct call c = { .socket = socket };

	return run(&c, "client-auth", auth_verbs, GW_COUNT(auth_verbs), argc,
		   argv);
}

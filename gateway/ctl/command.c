/* command.c — see command.h. */
#include "command.h"
#include "client.h"
#include "doc.h"
#include "text.h"
#include "view.h"
#include "gw/util.h"

#include <string.h>
#include <time.h>

int
gw_ctl_fail(const char *why)
{
	char line[GW_WHY_MAX];

	/* what came over the socket must not steer the terminal */
	gw_format(line, sizeof(line), "%.500s", why);
	gw_mask_controls(line);
	fprintf(stderr, "gwctl: %s\n", line);
	return GW_EXIT_BAD;
}

static bool
ask(const struct gw_context *c, const char *method, const char *path,
    struct gw_reply *out)
{
	char why[GW_WHY_MAX];

	if (gw_client_ask(c->socket, method, path, out, why))
		return true;
	(void)gw_ctl_fail(why);
	return false;
}

static int
refused(struct gw_reply *r)
{
	const char *detail = gw_doc_text(r->body, "detail");

	(void)gw_ctl_fail(*detail != '\0' ? detail : "gwd refused");
	json_decref(r->body);
	return GW_EXIT_BAD;
}

static int
exit_of(const char *health)
{
	if (strcmp(health, "healthy") == 0)
		return GW_EXIT_GOOD;
	return strcmp(health, "degraded") == 0 ? GW_EXIT_SO_SO : GW_EXIT_BAD;
}

int
gw_ctl_status(const struct gw_context *c)
{
	struct gw_reply r;
	int status;

	if (!ask(c, "GET", "/v1/status", &r))
		return GW_EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	if (c->json)
		gw_doc_print(r.body);
	else
		gw_view_status(stdout, r.body, c->style);
	status = exit_of(gw_doc_text(r.body, "health"));
	json_decref(r.body);
	return status;
}

int
gw_ctl_ocsp(const struct gw_context *c)
{
	static const char *const parts[] = { "time", "revocation",
					     "responders", "lists",
					     "answers" };
	struct gw_reply r;
	json_t *doc = json_object();

	if (!ask(c, "GET", "/v1/status", &r))
		return GW_EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	for (size_t i = 0; i < GW_COUNT(parts); i++)
		json_object_set(doc, parts[i],
				json_object_get(r.body, parts[i]));
	if (c->json)
		gw_doc_print(doc);
	else
		gw_view_ocsp(stdout, doc, c->style);
	json_decref(doc);
	json_decref(r.body);
	return GW_EXIT_GOOD;
}

int
gw_ctl_sessions(const struct gw_context *c)
{
	struct gw_reply r;

	if (!ask(c, "GET", "/v1/sessions", &r))
		return GW_EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	if (c->json)
		gw_doc_print(json_object_get(r.body, "sessions"));
	else
		gw_view_sessions(stdout, json_object_get(r.body, "sessions"),
				 time(NULL), c->style);
	json_decref(r.body);
	return GW_EXIT_GOOD;
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
kill_session(const struct gw_context *c, const char *id)
{
	gw_auto(free) char *path = gw_xasprintf("/v1/sessions/%s/kill", id);
	struct gw_reply r;

	if (!ask(c, "POST", path, &r))
		return GW_EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	json_decref(r.body);
	printf("session %s ends\n", id);
	return GW_EXIT_GOOD;
}

int
gw_ctl_kill(const struct gw_context *c)
{
	struct gw_reply r;
	char id[64];
	bool found;

	if (strlen(c->arg) < 4)
		return gw_ctl_fail("give at least four digits of the "
				   "session's id; gwctl sessions shows them");
	if (!ask(c, "GET", "/v1/sessions", &r))
		return GW_EXIT_BAD;
	if (r.status != 200)
		return refused(&r);
	found = resolve(json_object_get(r.body, "sessions"), c->arg, id,
			sizeof(id));
	json_decref(r.body);
	if (found)
		return kill_session(c, id);
	(void)gw_ctl_fail("no session, or more than one, has an id that "
			  "begins so; gwctl sessions shows them");
	return GW_EXIT_SO_SO;
}

static void
put_texts(const struct gw_context *c, const json_t *list, const char *before)
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

int
gw_ctl_reload(const struct gw_context *c)
{
	struct gw_reply r;
	const json_t *renewed, *restart;
	int status = GW_EXIT_GOOD;

	if (!ask(c, "POST", "/v1/reload", &r))
		return GW_EXIT_BAD;
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
		status = GW_EXIT_SO_SO;
	}
	json_decref(r.body);
	return status;
}

/* health.c — see health.h. One function per section, in a table. Strings of
 * the children are quoted, never interpreted. */
#include "health_priv.h"
#include "gw/error.h"

#define CURE_LOG "Look at the log (journalctl -u gwd) for what ended it."

static void
judge_process(struct gw_judge *j, const json_t *p)
{
	const char *name = text(p, "name");

	if (is(p, "state", "off"))
		return; /* not needed by this configuration */
	if (!is(p, "state", "up"))
		gw_say(j, CRITICAL, CURE_LOG, "%s is not running (%s%s%s)",
		       name, text(p, "state"),
		       *text(p, "last_end") != '\0' ? ", " : "",
		       text(p, "last_end"));
	else if (json_is_false(json_object_get(p, "answered")))
		gw_say(j, WARNING, "If it lasts, look at its load; gwd does "
		       "not end a process that is only slow.",
		       "%s did not answer in time: its part of this status is "
		       "missing", name);
}

static void
warn_of_upstream(struct gw_judge *j, const json_t *u)
{
	const char *why = text(u, "last_error");

	gw_say(j, WARNING,
	       gw_cure_of(why, "Bring the server back, or take it out of the "
			       "upstream."),
	       "upstream %s: server %s is %s%s%s", text(u, "title"),
	       text(u, "server"), text(u, "state"), gw_colon(why), why);
}

static void
judge_upstreams(struct gw_judge *j, const json_t *rows)
{
	if (gw_none_is_good(j, rows, warn_of_upstream))
		gw_say(j, CRITICAL, gw_err_cure(GW_ERR_UPSTREAM_UNREACHABLE),
		       "no server of any upstream can be reached");
}

static void
judge_auth(struct gw_judge *j, const json_t *a)
{
	int64_t n = number(a, "sessions"), max = number(a, "sessions_max");

	if (is(a, "client_auth", "Disabled"))
		gw_say(j, WARNING,
		       gw_err_cure(GW_ERR_POLICY_CLIENT_AUTH_DISABLED),
		       "client authentication is disabled: every client is "
		       "refused");
	if (has(a, "cas") && number(a, "cas") == 0)
		gw_say(j, CRITICAL, "Register one: gwctl ca register FILE.",
		       "no CA is registered: nobody can log in");
	if (max > 0 && n * 10 >= max * 9)
		gw_say(j, WARNING, gw_err_cure(GW_ERR_SESSION_LIMIT),
		       "%lld of %lld sessions are open", (long long)n,
		       (long long)max);
}

static void
judge_processes(struct gw_judge *j, const json_t *rows)
{
	size_t i;
	const json_t *p;

	json_array_foreach(rows, i, p)
		judge_process(j, p);
}

static const struct {
	const char *section;
	void (*fn)(struct gw_judge *j, const json_t *rows);
} judges[] = {
	{ "processes", judge_processes },
	{ "dcs", gw_judge_dcs },
	{ "service", gw_judge_service },
	{ "kdc", gw_judge_kdc },
	{ "cas", gw_judge_cas },
	{ "responders", gw_judge_responders },
	{ "lists", gw_judge_lists },
	{ "listeners", gw_judge_listeners },
	{ "upstreams", judge_upstreams },
	{ "auth", judge_auth },
};

const char *
gw_health_name(enum gw_health h)
{
	static const char *const names[] = { "healthy", "degraded", "down" };

	return names[h];
}

enum gw_health
gw_health_judge(const json_t *status, json_t *problems)
{
	struct gw_judge j = { .status = status, .now = number(status, "time") };
	enum gw_health h = GW_HEALTHY;

	for (int i = NOTE; i <= CRITICAL; i++)
		j.found[i] = json_array();
	for (size_t i = 0; i < GW_COUNT(judges); i++)
		judges[i].fn(&j, json_object_get(status, judges[i].section));
	if (json_array_size(j.found[CRITICAL]) > 0)
		h = GW_DOWN;
	else if (json_array_size(j.found[WARNING]) > 0)
		h = GW_DEGRADED;
	for (int i = CRITICAL; i >= NOTE; i--) {
		json_array_extend(problems, j.found[i]);
		json_decref(j.found[i]);
	}
	return h;
}

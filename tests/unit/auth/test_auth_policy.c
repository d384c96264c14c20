/* Policies as text pairs: NAME.policy says who asks for what, NAME.expect
 * what becomes of it.
 *
 *	privileged deny|allow       admission directory|certificate
 *	listener-group GROUP        route PATH [GROUP…]
 *	account SID                 marked (by the directory)
 *	group SID [NAME]            nobody (no facts at all)
 *
 * Expected: "allow", or "deny REASON"; then "route PATH allow|deny". */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "gw/util.h"
#include "policy.h"
#include "verdict.h"

struct scene {
	struct gw_conf conf;
	struct gw_conf_listener listener;
	struct gw_facts facts;
	bool is_nobody;
};

static void
add_route(struct scene *s, char *args)
{
	struct gw_conf *c = &s->conf;
	struct gw_conf_route *r;
	char *save = NULL, *w;

	c->routes = gw_xrealloc(c->routes, c->route_count + 1, sizeof(*r));
	r = &c->routes[c->route_count++];
	memset(r, 0, sizeof(*r));
	r->listener = gw_xstrdup("web");
	r->title = gw_xstrdup(strtok_r(args, " ", &save));
	while ((w = strtok_r(NULL, ",", &save)) != NULL)
		gw_strlist_add(&r->require_group, w);
}

static void
add_group(struct scene *s, const char *args)
{
	struct gw_facts *f = &s->facts;
	const char *space = strchr(args, ' ');

	f->groups = gw_xrealloc(f->groups, f->group_count + 1,
				sizeof(*f->groups));
	f->groups[f->group_count++] = (struct gw_group){
		.sid = gw_xstrndup(args, strcspn(args, " ")),
		.name = gw_xstrdup(space != NULL ? space + 1 : ""),
	};
}

static void
read_line(struct scene *s, char *line, const char *file)
{
	char *args = strchr(line, ' ');

	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return;
	if (args != NULL)
		*args++ = '\0';
	if (strcmp(line, "privileged") == 0)
		s->conf.policy.privileged = strcmp(args, "allow") == 0
			? GW_PRIVILEGED_ALLOW : GW_PRIVILEGED_DENY;
	else if (strcmp(line, "admission") == 0)
		s->listener.admission = strcmp(args, "certificate") == 0
			? GW_ADMIT_CERTIFICATE : GW_ADMIT_DIRECTORY;
	else if (strcmp(line, "listener-group") == 0)
		gw_strlist_add(&s->listener.require_group, args);
	else if (strcmp(line, "route") == 0)
		add_route(s, args);
	else if (strcmp(line, "account") == 0)
		cr_assert(gw_copy(s->facts.sid, GW_SID_MAX, args));
	else if (strcmp(line, "group") == 0)
		add_group(s, args);
	else if (strcmp(line, "marked") == 0)
		s->facts.is_privileged = true;
	else if (strcmp(line, "nobody") == 0)
		s->is_nobody = true;
	else
		cr_assert_fail("%s: what is '%s'?", file, line);
}

static void
read_scene(const char *path, struct scene *s)
{
	char line[512];
	FILE *f = fopen(path, "r");

	cr_assert_not_null(f, "%s", path);
	memset(s, 0, sizeof(*s));
	s->listener.title = (char *)"web";
	cr_assert(gw_copy(s->facts.sid, GW_SID_MAX, "S-1-5-21-1-2-3-1104"));
	cr_assert(gw_copy(s->facts.sam, GW_SAM_MAX, "alice"));
	while (fgets(line, sizeof(line), f) != NULL)
		read_line(s, line, path);
	fclose(f);
}

static void
clear_scene(struct scene *s)
{
	for (size_t i = 0; i < s->conf.route_count; i++) {
		free(s->conf.routes[i].title);
		free(s->conf.routes[i].listener);
		gw_strlist_clear(&s->conf.routes[i].require_group);
	}
	free(s->conf.routes);
	gw_strlist_clear(&s->listener.require_group);
	gw_facts_clear(&s->facts);
}

static void
play(const struct scene *s, char *out, size_t cap)
{
	struct gw_verdict_msg v = { .verdict = GW_VERDICT_DENY };
	struct gw_error err;
	size_t len;

	if (gw_verdict_make(&s->conf, &s->listener,
			    s->is_nobody ? NULL : &s->facts, &v, &err) !=
	    GW_ERR_OK) {
		snprintf(out, cap, "deny %s\n", gw_err_name(err.code));
		cr_expect_neq(v.verdict, GW_VERDICT_ALLOW);
		return;
	}
	len = (size_t)snprintf(out, cap, "%s\n",
			       v.verdict == GW_VERDICT_ALLOW ? "allow" : "?");
	for (size_t i = 0; i < v.route_count; i++)
		len += (size_t)snprintf(
			out + len, cap - len, "route %s %s\n",
			s->conf.routes[i].title,
			v.routes[i] == GW_VERDICT_ALLOW ? "allow"
			: v.routes[i] == GW_VERDICT_DENY ? "deny" : "?");
	gw_verdict_clear(&v);
}

static size_t
slurp(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n;

	cr_assert_not_null(f, "%s", path);
	n = fread(out, 1, cap - 1, f);
	out[n] = '\0';
	fclose(f);
	return n;
}

Test(policy, pairs)
{
	DIR *d = opendir(POLICIES);
	struct dirent *e;
	size_t n = 0;

	cr_assert_not_null(d);
	while ((e = readdir(d)) != NULL) {
		char path[1024], got[4096], want[4096];
		size_t len = strlen(e->d_name);
		struct scene s;

		if (len < 8 || strcmp(e->d_name + len - 7, ".policy") != 0)
			continue;
		snprintf(path, sizeof(path), POLICIES "/%s", e->d_name);
		read_scene(path, &s);
		play(&s, got, sizeof(got));
		snprintf(path, sizeof(path), POLICIES "/%.*s.expect",
			 (int)len - 7, e->d_name);
		slurp(path, want, sizeof(want));
		cr_expect_str_eq(got, want, "%s", e->d_name);
		clear_scene(&s);
		n++;
	}
	closedir(d);
	cr_expect_geq(n, 20, "only %zu pairs were found", n);
}

Test(policy, wiped_memory_does_not_allow)
{
	struct gw_policy p = { .needs_account = true };
	struct gw_error err;

	cr_expect_eq(gw_policy_decide(&p, NULL, &err), GW_VERDICT_DENY);
	cr_expect_neq(GW_VERDICT_ALLOW, 0);
	cr_expect_neq(GW_VERDICT_ALLOW, 1);
}

/* ---- the groups' text */

Test(groups, text)
{
	struct gw_group g[] = {
		{ (char *)"S-1-5-21-1-2-3-513", (char *)"Domain Users" },
		{ (char *)"S-1-1-0", (char *)"" },
		{ (char *)"S-1-5-21-1-2-3-7", (char *)"a,b" },
		{ (char *)"S-1-5-21-1-2-3-8", (char *)"a\r\nX: y" },
		{ (char *)"S-1-5-21-1-2-3-9", (char *)"M\xc3\xbcller" },
	};
	struct gw_facts f = { .groups = g, .group_count = GW_COUNT(g) };
	char *s = gw_verdict_groups(&f);

	cr_expect_str_eq(s, "Domain Users,S-1-1-0,S-1-5-21-1-2-3-7,"
			    "S-1-5-21-1-2-3-8,M\xc3\xbcller");
	free(s);
}

Test(groups, bound)
{
	static char name[200];
	static struct gw_group g[1000];
	struct gw_facts f = { .groups = g, .group_count = 1000 };
	char *s;

	memset(name, 'x', sizeof(name) - 1);
	for (size_t i = 0; i < 1000; i++)
		g[i] = (struct gw_group){ (char *)"S-1-1-0", name };
	s = gw_verdict_groups(&f);
	cr_expect_leq(strlen(s), GW_GROUPS_TEXT_MAX);
	cr_expect_eq((strlen(s) + 1) % 200, 0, "ends with a whole name");
	free(s);
}

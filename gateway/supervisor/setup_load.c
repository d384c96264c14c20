/* setup_load.c — reading a configuration is a list of checks. */
#include "check.h"
#include "readconf.h"
#include "gw/util.h"

#include <sched.h>

/* Cheap ones first; the address is tried last, files are read before. */
static bool (*const checks[])(struct gw_check *) = {
	gw_check_required_keys,
	gw_check_titles,
	gw_check_log_level,
	gw_check_paths,
	gw_check_users,
	gw_check_users_differ,
	gw_check_headers,
	gw_check_revocation,
	gw_check_upstreams,
	gw_check_routes,
	gw_check_cas,
	gw_check_directory,
	gw_check_listeners,
	gw_check_sizes,
};

static void
resolve_workers(struct gw_setup *s)
{
	cpu_set_t set;

	if (s->conf.main.workers != 0)
		return;
	s->conf.main.workers = 1;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		s->conf.main.workers = GW_MIN(CPU_COUNT(&set), 256);
}

bool
gw_setup_load(const char *path, enum gw_setup_mode mode, struct gw_setup *out,
	      struct gw_complaint *c)
{
	struct gw_check k = { .s = out, .c = c, .mode = mode };

	*out = (struct gw_setup){ .path = NULL };
	if (!gw_readconf(path, &out->conf, &out->src, c))
		return false;
	out->path = gw_xstrdup(path);
	resolve_workers(out);
	for (size_t i = 0; i < GW_COUNT(checks); i++)
		if (!checks[i](&k)) {
			gw_setup_clear(out);
			return false;
		}
	return true;
}

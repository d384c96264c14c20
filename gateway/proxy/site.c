/* site.c — see site.h. */
#include "site.h"
#include "addr.h"
#include "gw/util.h"

#include <string.h>

/* ---- building */

static enum gw_err
build_upstream(struct gw_site *s, size_t i, struct gw_error *err)
{
	struct gw_site_upstream *u = &s->upstreams[i];
	const struct gw_strlist *names = &s->conf->upstreams[i].servers;

	u->conf = &s->conf->upstreams[i];
	u->servers = gw_xcalloc(names->n + 1, sizeof(*u->servers));
	for (size_t j = 0; j < names->n; j++) {
		struct gw_site_server *v = &u->servers[j];

		v->name = names->v[j];
		v->index = s->server_count++;
		if (!gw_addr_parse(v->name, &v->addr, &v->addr_len))
			return gw_fail(err, GW_ERR_CONF,
				       "upstream %s: server %s", u->conf->title,
				       v->name);
		u->server_count++;
	}
	return GW_ERR_OK;
}

static size_t
find_upstream(const struct gw_site *s, const char *title)
{
	for (size_t i = 0; i < s->conf->upstream_count; i++)
		if (strcmp(s->conf->upstreams[i].title, title) == 0)
			return i;
	return GW_NO_UPSTREAM;
}

static int
by_length(const void *a, const void *b)
{
	const struct gw_site_route *x = a, *y = b;

	return (x->prefix.len < y->prefix.len) -
	       (x->prefix.len > y->prefix.len);
}

static enum gw_err
add_route(struct gw_site *s, struct gw_site_listener *l,
	  const struct gw_conf_route *conf, struct gw_error *err)
{
	struct gw_site_route r = {
		.prefix = { conf->title, strlen(conf->title) },
		.upstream = find_upstream(s, conf->upstream),
		.slot = l->route_count,
	};

	if (r.upstream == GW_NO_UPSTREAM || l->route_count >= GW_ROUTES_MAX)
		return gw_fail(err, GW_ERR_CONF, "route %s", conf->title);
	l->routes[l->route_count++] = r;
	return GW_ERR_OK;
}

static enum gw_err
build_listener(struct gw_site *s, size_t i, struct gw_error *err)
{
	const struct gw_conf *c = s->conf;
	struct gw_site_listener *l = &s->listeners[i];
	enum gw_err rc = GW_ERR_OK;

	l->conf = &c->listeners[i];
	l->upstream = find_upstream(s, l->conf->upstream);
	if (l->upstream == GW_NO_UPSTREAM && *l->conf->upstream != '\0')
		return gw_fail(err, GW_ERR_CONF, "listener %s: upstream %s",
			       l->conf->title, l->conf->upstream);
	l->routes = gw_xcalloc(c->route_count + 1, sizeof(*l->routes));
	for (size_t j = 0; j < c->route_count && rc == GW_ERR_OK; j++)
		if (strcmp(c->routes[j].listener, l->conf->title) == 0)
			rc = add_route(s, l, &c->routes[j], err);
	qsort(l->routes, l->route_count, sizeof(*l->routes), by_length);
	return rc;
}

static void
collect_owned(struct gw_site *s)
{
	const struct gw_conf_headers *h = &s->conf->headers;
	const char *const names[] = { h->user, h->upn, h->sid, h->groups,
				      h->mapping, h->request_id };
	size_t n = 0;

	_Static_assert(GW_COUNT(names) < GW_OWNED_MAX, "room for the end");
	for (size_t i = 0; i < GW_COUNT(names); i++)
		if (names[i] != NULL && *names[i] != '\0')
			s->owned[n++] = names[i];
}

enum gw_err
gw_site_init(struct gw_site *s, const struct gw_conf *conf,
	     struct gw_error *err)
{
	enum gw_err rc = GW_ERR_OK;

	*s = (struct gw_site){ .conf = conf };
	s->upstream_count = conf->upstream_count;
	s->upstreams = gw_xcalloc(conf->upstream_count + 1,
				  sizeof(*s->upstreams));
	for (size_t i = 0; i < s->upstream_count && rc == GW_ERR_OK; i++)
		rc = build_upstream(s, i, err);
	s->listener_count = conf->listener_count;
	s->listeners = gw_xcalloc(conf->listener_count + 1,
				  sizeof(*s->listeners));
	for (size_t i = 0; i < s->listener_count && rc == GW_ERR_OK; i++)
		rc = build_listener(s, i, err);
	collect_owned(s);
	return rc;
}

void
gw_site_clear(struct gw_site *s)
{
	for (size_t i = 0; i < s->upstream_count; i++)
		free(s->upstreams[i].servers);
	for (size_t i = 0; i < s->listener_count; i++)
		free(s->listeners[i].routes);
	free(s->upstreams);
	free(s->listeners);
	*s = (struct gw_site){ .conf = NULL };
}

/* ---- looking up */

size_t
gw_site_find_listener(const struct gw_site *s, const char *title)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (strcmp(s->listeners[i].conf->title, title) == 0)
			return i;
	return SIZE_MAX;
}

/* A prefix ends where a segment of the path ends; some servers take ';' for
 * such an end, so we do. */
static bool
is_below(struct gw_str path, struct gw_str prefix)
{
	if (path.len < prefix.len ||
	    memcmp(path.p, prefix.p, prefix.len) != 0)
		return false;
	return path.len == prefix.len || prefix.p[prefix.len - 1] == '/' ||
	       memchr("/?;", path.p[prefix.len], 3) != NULL;
}

size_t
gw_site_lookup(const struct gw_site_listener *l, struct gw_str path,
	       const struct gw_site_route **out_route)
{
	*out_route = NULL;
	for (size_t i = 0; i < l->route_count; i++)
		if (is_below(path, l->routes[i].prefix)) {
			*out_route = &l->routes[i];
			return l->routes[i].upstream;
		}
	return l->upstream;
}

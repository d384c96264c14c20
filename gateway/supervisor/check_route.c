/* check_route.c — where requests go: upstreams, routes, and the fields that
 * tell the upstream who came in. */
#include "check.h"
#include "syntax.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>

static bool
is_framing(const char *s)
{
	static const char *const names[] = {
		"Host", "Connection", "Content-Length", "Transfer-Encoding",
		"Upgrade", "TE", "Trailer", "Keep-Alive", "Client-Cert",
		"Client-Cert-Chain", "Expect",
	};

	for (size_t i = 0; i < GW_COUNT(names); i++)
		if (strcasecmp(s, names[i]) == 0)
			return true;
	return false;
}

static bool
check_via(struct gw_check *k)
{
	const char *v = k->s->conf.headers.via;

	if (*v == '\0' || gw_is_token(v))
		return true;
	return gw_complain(k->c, gw_check_line(k, "headers", 0, "via"),
			   "via: '%s' cannot stand for a host in Via "
			   "(RFC 9110 7.6.3)", v);
}

bool
gw_check_headers(struct gw_check *k)
{
	const struct gw_conf_headers *h = &k->s->conf.headers;
	const struct { const char *key, *value; } names[] = {
		{ "user", h->user }, { "upn", h->upn }, { "sid", h->sid },
		{ "groups", h->groups }, { "request_id", h->request_id },
		{ "mapping", h->mapping },
	};

	for (size_t i = 0; i < GW_COUNT(names); i++) {
		const char *v = names[i].value;
		int line = gw_check_line(k, "headers", 0, names[i].key);

		if (*v != '\0' && (!gw_is_token(v) || is_framing(v)))
			return gw_complain(k->c, line, "%s: '%s' cannot be the "
					   "name of this field", names[i].key,
					   v);
		for (size_t j = 0; *v != '\0' && j < i; j++)
			if (strcasecmp(v, names[j].value) == 0)
				return gw_complain(k->c, line, "%s: '%s' is "
						   "already the field of %s",
						   names[i].key, v,
						   names[j].key);
	}
	return check_via(k);
}

bool
gw_check_upstreams(struct gw_check *k)
{
	for (size_t i = 0; i < k->s->conf.upstream_count; i++) {
		const struct gw_strlist *l = &k->s->conf.upstreams[i].servers;
		struct gw_addr a;

		for (size_t j = 0; j < l->n; j++)
			if (!gw_addr_parse(l->v[j], &a) ||
			    gw_addr_port(&a) == 0)
				return gw_complain(k->c,
					gw_check_line(k, "upstream", i,
						      "servers"),
					"servers: '%s' is not ADDRESS:PORT "
					"(numbers; names are not resolved)",
					l->v[j]);
	}
	return true;
}

bool
gw_check_upstream_name(struct gw_check *k, const char *section, size_t i,
		       const char *name)
{
	if (*name == '\0' || gw_conf_upstream(&k->s->conf, name) != NULL)
		return true;
	return gw_complain(k->c, gw_check_line(k, section, i, "upstream"),
			   "upstream: there is no section upstream \"%s\"",
			   name);
}

bool
gw_check_routes(struct gw_check *k)
{
	const struct gw_conf *c = &k->s->conf;

	for (size_t i = 0; i < c->route_count; i++) {
		size_t before = 0;

		if (!gw_is_path(c->routes[i].title))
			return gw_complain(k->c,
					   gw_check_line(k, "route", i, NULL),
					   "route \"%s\": not a plain path "
					   "that begins with /",
					   c->routes[i].title);
		if (!gw_check_upstream_name(k, "route", i,
					    c->routes[i].upstream))
			return false;
		for (size_t j = 0; j < i; j++)
			before += strcmp(c->routes[j].listener,
					 c->routes[i].listener) == 0;
		if (before >= GW_ROUTES_MAX)
			return gw_complain(k->c,
					   gw_check_line(k, "route", i, NULL),
					   "more than %d routes in one "
					   "listener", GW_ROUTES_MAX);
	}
	return true;
}

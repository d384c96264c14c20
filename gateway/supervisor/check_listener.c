/* check_listener.c — the listeners: where each leads, and whether its address
 * is free. */
#include "check.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>

static bool
check_not_twice(struct gw_check *k, size_t i)
{
	const struct gw_setup_listener *l = k->s->listeners;

	for (size_t j = 0; j < i; j++)
		if (gw_addr_port(&l[i].addr) != 0 &&
		    gw_addr_equal(&l[i].addr, &l[j].addr))
			return gw_complain(k->c, gw_check_line(k, "listener", i,
							       "address"),
					   "address: %s is already listener "
					   "\"%s\"",
					   k->s->conf.listeners[i].address,
					   k->s->conf.listeners[j].title);
	return true;
}

static bool
check_address(struct gw_check *k, size_t i)
{
	const char *text = k->s->conf.listeners[i].address;
	struct gw_addr *a = &k->s->listeners[i].addr;
	int line = gw_check_line(k, "listener", i, "address");
	int err;

	if (!gw_addr_parse(text, a))
		return gw_complain(k->c, line, "address: '%s' is not "
				   "ADDRESS:PORT such as 0.0.0.0:443 or "
				   "[::]:443", text);
	if (!check_not_twice(k, i))
		return false;
	err = gw_net_probe(a);
	if (err == 0 || (err == EADDRINUSE && k->mode == GW_SETUP_CHECK))
		return true;
	return gw_complain(k->c, line, "address: %s: %s%s", text,
			   strerror(err), err == EADDRINUSE
			   ? "; `ss -ltnp` shows by whom" : "");
}

static bool
has_route(const struct gw_conf *c, const char *listener)
{
	for (size_t i = 0; i < c->route_count; i++)
		if (strcmp(c->routes[i].listener, listener) == 0)
			return true;
	return false;
}

static bool
check_listener(struct gw_check *k, size_t i)
{
	const struct gw_conf_listener *l = &k->s->conf.listeners[i];

	if (*l->upstream == '\0' && !has_route(&k->s->conf, l->title))
		return gw_complain(k->c, gw_check_line(k, "listener", i, NULL),
				   "listener \"%s\" leads nowhere: it has "
				   "neither upstream nor route", l->title);
	return gw_check_upstream_name(k, "listener", i, l->upstream) &&
	       gw_check_identities(k, i) && check_address(k, i);
}

bool
gw_check_listeners(struct gw_check *k)
{
	size_t n = k->s->conf.listener_count;

	if (n == 0)
		return gw_complain(k->c, k->s->src.last_line,
				   "no listener: add a section "
				   "listener \"NAME\" { address = … }");
	k->s->listeners = gw_xcalloc(n, sizeof(*k->s->listeners));
	for (size_t i = 0; i < n; i++)
		if (!check_listener(k, i))
			return false;
	return true;
}

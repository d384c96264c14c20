/* site.h — the configuration as the workers look things up in it: upstream
 * servers with their addresses, listeners with their routes. gwd-proxy only.
 * Built once before the threads start; after that nobody writes to it, save
 * for each listener's count of connections. */
#ifndef GW_PROXY_SITE_H
#define GW_PROXY_SITE_H

#include <stdatomic.h>
#include <sys/socket.h>
#include "gw/conf.h"
#include "gw/proto.h"
#include "http.h"
#include "quota.h"

#define GW_NO_UPSTREAM SIZE_MAX
#define GW_OWNED_MAX   8

struct gw_site_server {
	const char *name;     /* "192.0.2.1:80", as configured */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	size_t index;         /* among all servers of the site */
};

struct gw_site_upstream {
	const struct gw_conf_upstream *conf;
	struct gw_site_server *servers;
	size_t server_count;
};

struct gw_site_route {
	struct gw_str prefix;
	size_t upstream; /* index */
	size_t slot;     /* its place in the verdict's list */
};

struct gw_site_listener {
	const struct gw_conf_listener *conf;
	struct gw_site_route *routes; /* longest prefix first */
	size_t route_count;
	size_t upstream;         /* GW_NO_UPSTREAM: none */
	struct gw_quota_counts open; /* all workers */
};

struct gw_site {
	const struct gw_conf *conf;
	struct gw_site_upstream *upstreams;
	size_t upstream_count, server_count;
	struct gw_site_listener *listeners;
	size_t listener_count;
	const char *owned[GW_OWNED_MAX]; /* identity fields, ended by NULL */
};

/* Borrows `conf`. GW_ERR_CONF with the reason. */
GW_MUST_CHECK enum gw_err gw_site_init(struct gw_site *s,
				       const struct gw_conf *conf,
				       struct gw_error *err);
void gw_site_clear(struct gw_site *s);

/* SIZE_MAX when there is none of that name. */
size_t gw_site_find_listener(const struct gw_site *s, const char *title);

/* Where a path leads; `*out_route` is NULL when no route takes it but the
 * listener itself. GW_NO_UPSTREAM: nowhere. `path` is plain
 * (gw_http_path_is_plain) or "*". */
size_t gw_site_lookup(const struct gw_site_listener *l, struct gw_str path,
		      const struct gw_site_route **out_route);

#endif

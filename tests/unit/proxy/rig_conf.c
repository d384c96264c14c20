/* rig_conf.c — see rig.h: the configuration gwd-proxy is given. */
#include "rig_inside.h"
#include "conf.h"

#include <stdio.h>

static void
add_route(struct rig *r, const char *path, const char *upstream)
{
	conf_set("route", conf_add(&r->conf, "route", path, "test"),
		 "upstream", upstream);
}

static void
fill_listener(struct rig *r, size_t i)
{
	void *l = &r->conf.listeners[i];

	conf_set("listener", l, "address", "127.0.0.1:0");
	conf_set("listener", l, "certificate", "server.pem");
	conf_set("listener", l, "key", "server.key");
	conf_set("listener", l, "upstream", "main");
}

unsigned rig_dead_servers = 1;

void
rig_configure(struct rig *r, const struct rig_key *keys)
{
	char server[32];
	void *dead, *ca;

	(void)conf_add(&r->conf, "", NULL, NULL);
	(void)conf_add(&r->conf, "headers", NULL, NULL);
	conf_set("", &r->conf.main, "workers", "2");
	ca = conf_add(&r->conf, "ca", "ca", NULL);
	conf_set("ca", ca, "file", "ca.pem");
	(void)conf_add(&r->conf, "upstream", "main", NULL);
	dead = conf_add(&r->conf, "upstream", "dead", NULL);
	snprintf(server, sizeof(server), "127.0.0.1:%u",
		 (unsigned)r->upstream.port);
	conf_set("upstream", conf_first(&r->conf, "upstream"), "servers",
		 server);
	for (unsigned i = 0; i < rig_dead_servers; i++)
		conf_set("upstream", dead, "servers", "127.0.0.1:1");
	(void)conf_add(&r->conf, "listener", "test", NULL);
	(void)conf_add(&r->conf, "listener", "other", NULL);
	fill_listener(r, 0);
	fill_listener(r, 1);
	add_route(r, "/denied", "main");
	add_route(r, "/dead", "dead");
	add_route(r, "/ws", "main");
	for (; keys != NULL && keys->section != NULL; keys++)
		conf_set(keys->section, conf_first(&r->conf, keys->section),
			 keys->key, keys->text);
}

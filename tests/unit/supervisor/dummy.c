/* dummy.c — stands in for gwd-proxy, gwd-auth and gwd-kdc in the supervisor's
 * tests: speaks the control protocol, counts what it is given, and misbehaves
 * as the environment asks: GWD_TEST_<NAME> = fail, hang, mute, crash,
 * lie, deaf. */
#include "gw/child.h"
#include "gw/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct dummy {
	struct gw_child *child;
	const char *name, *mood;
	unsigned links, listeners;
	char killed[2 * GW_SESSION_ID + 1];
};

static struct dummy me;

static bool
mood_is(const char *what)
{
	return me.mood != NULL && strcmp(me.mood, what) == 0;
}

static size_t
count_files(enum gw_file_purpose purpose)
{
	const struct gw_file *f = NULL;
	size_t n = 0;

	while ((f = gw_child_file(me.child, purpose, NULL, f)) != NULL)
		n++;
	return n;
}

static enum gw_err
start(void *app, struct gw_child *c, struct gw_error *err)
{
	(void)app;
	me.child = c;
	if (mood_is("fail"))
		return gw_fail(err, GW_ERR_FILE, "keytab: no\nprincipal");
	if (mood_is("hang"))
		pause();
	if (mood_is("crash"))
		abort();
	gw_event(GW_LOG_INFO, "dummy-start", "certs",
		 GW_NUM(count_files(GW_FILE_SERVER_CERT)), "keys",
		 GW_NUM(count_files(GW_FILE_SERVER_KEY)), "cas",
		 GW_NUM(count_files(GW_FILE_CA)), "keytabs",
		 GW_NUM(count_files(GW_FILE_KEYTAB)), "realm",
		 gw_child_conf(c)->directory.realm, "uid", GW_NUM(getuid()),
		 NULL);
	return GW_ERR_OK;
}

static void
on_link(void *app, const struct gw_link_msg *m, int fd)
{
	(void)app;
	me.links++;
	gw_event(GW_LOG_INFO, "dummy-link", "far", GW_NUM(m->far), "worker",
		 GW_NUM(m->worker), NULL);
	close(fd);
}

static void
on_listener(void *app, const struct gw_listener_msg *m, int fd)
{
	(void)app;
	(void)m;
	me.listeners++;
	close(fd);
}

static void
row(uint64_t ask, const char *section, const char *json)
{
	gw_child_status_row(me.child, ask, section, json);
}

static void
auth_rows(uint64_t ask)
{
	row(ask, "auth", "{\"sessions\":1,\"sessions_max\":10000}");
	row(ask, "logins", "{\"allowed\":3,\"denied\":2,\"pending\":0}");
	row(ask, "reasons", "{\"reason\":\"cert-revoked\",\"count\":2}");
	row(ask, "cas", "{\"title\":\"corp\",\"subject\":\"CN=Corp CA\","
	    "\"expires\":4102444800,\"ocsp_url\":\"http://ocsp/\","
	    "\"state\":\"ok\",\"days_left\":900}");
	if (me.killed[0] == '\0')
		row(ask, "sessions",
		    "{\"id\":\"00112233445566778899aabbccddeeff\","
		    "\"account\":\"alice\",\"listener\":\"main\","
		    "\"since\":1700000000,\"until\":4102444800,"
		    "\"connections\":2,\"peer\":\"192.0.2.7:50000\","
		    "\"mapping\":\"sid\"}");
}

static void
status(void *app, uint64_t ask)
{
	(void)app;
	if (mood_is("mute"))
		return;
	if (mood_is("lie")) {
		row(ask, "dcs", "{\"name\":\"evil\",\"state\":\"ok\"}");
		row(ask, "listeners", "{\"title\":\"ghost\"}");
		row(ask, "proxy", "not json");
	}
	if (strcmp(me.name, "gwd-auth") == 0)
		auth_rows(ask);
	if (strcmp(me.name, "gwd-kdc") == 0)
		row(ask, "dcs", "{\"name\":\"dc1\",\"state\":\"ok\"}");
	if (strcmp(me.name, "gwd-proxy") == 0) {
		char json[96];

		gw_format(json, sizeof(json), "{\"workers\":%u,\"links\":%u}",
			  me.listeners, me.links);
		row(ask, "proxy", json);
	}
	gw_child_status_end(me.child, ask);
}

static void
on_kill(void *app, const uint8_t session[GW_SESSION_ID])
{
	(void)app;
	gw_hex(session, GW_SESSION_ID, me.killed);
}

/* Logged as the test sees what a child says. */
static enum gw_err
renew(void *app, struct gw_child *c, struct gw_error *err)
{
	const struct gw_file *f = NULL;
	size_t n = 0;

	(void)app;
	while ((f = gw_child_file(c, GW_FILE_SERVER_CERT, NULL, f)) != NULL)
		n++;
	gw_event(GW_LOG_INFO, "dummy-renewed", "certificates", GW_NUM(n),
		 "cas", gw_child_file(c, GW_FILE_CA, NULL, NULL) != NULL
				? "yes" : "no", NULL);
	if (mood_is("stubborn"))
		return gw_fail(err, GW_ERR_FILE, "main: key: broken");
	return GW_ERR_OK;
}

static void
stop(void *app)
{
	(void)app;
	if (!mood_is("deaf"))
		gw_loop_stop(gw_child_loop(me.child));
}

int
main(int argc, char **argv)
{
	static const struct { const char *name, *variable; } names[] = {
		{ "gwd-proxy", "GWD_TEST_PROXY" },
		{ "gwd-auth", "GWD_TEST_AUTH" },
		{ "gwd-kdc", "GWD_TEST_KDC" },
	};
	static struct gw_child_ops ops = {
		.start = start, .link = on_link, .listener = on_listener,
		.status = status, .kill = on_kill, .stop = stop,
	};

	(void)argc;
	me.name = argv[0];
	for (size_t i = 0; i < GW_COUNT(names); i++)
		if (strcmp(names[i].name, me.name) == 0)
			me.mood = getenv(names[i].variable);
	if (strcmp(me.name, "gwd-proxy") == 0)
		ops.renew = renew;
	ops.name = me.name;
	return gw_child_main(&ops, &me);
}

/* check_main.c — the top level: paths, the log, who the processes run as. */
#include "check.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <sys/un.h>
#include <unistd.h>

bool
gw_check_log_level(struct gw_check *k)
{
	const char *name = k->s->conf.main.log_level;
	enum gw_level level;

	if (gw_log_level(name, &level))
		return true;
	return gw_complain(k->c, gw_check_line(k, "", 0, "log_level"),
			   "log_level: '%s' is not one of "
			   "error|warning|info|debug", name);
}

bool
gw_check_paths(struct gw_check *k)
{
	const struct gw_conf_main *m = &k->s->conf.main;

	if (m->socket[0] != '/' ||
	    strlen(m->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return gw_complain(k->c, gw_check_line(k, "", 0, "socket"),
				   "socket: '%s' must be an absolute path of "
				   "at most 107 bytes", m->socket);
	if (m->state_dir[0] != '/')
		return gw_complain(k->c, gw_check_line(k, "", 0, "state_dir"),
				   "state_dir: '%s' must be an absolute path",
				   m->state_dir);
	if (*m->crl_dir != '\0' &&
	    (m->crl_dir[0] != '/' ||
	     m->crl_dir[strlen(m->crl_dir) - 1] == '/'))
		return gw_complain(k->c, gw_check_line(k, "", 0, "crl_dir"),
				   "crl_dir: '%s' must be an absolute path "
				   "without a slash at its end", m->crl_dir);
	return true;
}

static bool
check_user(struct gw_check *k, const char *key, const char *spec,
	   struct gw_user *out)
{
	int line = gw_check_line(k, "", 0, key);

	if (!gw_user_find(spec, out))
		return gw_complain(k->c, line,
				   "%s: there is no user '%s'; create it "
				   "(systemd-sysusers, or useradd --system %s) "
				   "or give another as name or UID:GID", key,
				   spec, spec);
	if (out->uid == 0 || out->gid == 0)
		return gw_complain(k->c, line,
				   "%s: '%s' is root; the three processes must "
				   "not be", key, spec);
	return true;
}

/* Only root can change users; started by anybody else, all run as he. */
bool
gw_check_users(struct gw_check *k)
{
	const struct gw_conf_main *m = &k->s->conf.main;
	struct gw_user *u = k->s->users;

	if (geteuid() != 0)
		return true;
	k->s->has_users = true;
	return check_user(k, "proxy_user", m->proxy_user,
			  &u[GW_CHILD_PROXY]) &&
	       check_user(k, "auth_user", m->auth_user, &u[GW_CHILD_AUTH]) &&
	       check_user(k, "kdc_user", m->kdc_user, &u[GW_CHILD_KDC]);
}

/* A keytab the proxy's user owns would be no secret from it. */
bool
gw_check_users_differ(struct gw_check *k)
{
	const struct gw_user *u = k->s->users;

	uid_t proxy = u[GW_CHILD_PROXY].uid, auth = u[GW_CHILD_AUTH].uid;
	uid_t kdc = u[GW_CHILD_KDC].uid;

	if (!k->s->has_users ||
	    (proxy != auth && proxy != kdc && auth != kdc))
		return true;
	return gw_complain(k->c, gw_check_line(k, "", 0, "kdc_user"),
			   "proxy_user, auth_user and kdc_user must be three "
			   "different users");
}

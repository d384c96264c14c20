/* user.c — see user.h. */
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A number up to the end or a ':'. */
static bool
parse_id(const char *s, const char **end, unsigned *out)
{
	unsigned long n;
	char *e;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoul(s, &e, 10);
	*end = e;
	*out = (unsigned)n;
	return errno == 0 && n < UINT32_MAX && (*e == '\0' || *e == ':');
}

static bool
parse_numbers(const char *spec, struct gw_user *out)
{
	unsigned uid, gid;
	const char *end;
	struct passwd *pw;

	if (!parse_id(spec, &end, &uid))
		return false;
	gid = uid;
	if (*end == '\0' && (pw = getpwuid(uid)) != NULL)
		gid = pw->pw_gid;
	if (*end == ':' && (!parse_id(end + 1, &end, &gid) || *end != '\0'))
		return false;
	*out = (struct gw_user){ .uid = uid, .gid = gid };
	return true;
}

bool
gw_user_find(const char *spec, struct gw_user *out)
{
	struct passwd *pw;

	if (parse_numbers(spec, out))
		return true;
	pw = getpwnam(spec);
	if (pw == NULL)
		return false;
	*out = (struct gw_user){ .uid = pw->pw_uid, .gid = pw->pw_gid };
	return true;
}

bool
gw_user_become(const struct gw_user *u)
{
	return setgroups(0, NULL) == 0 &&
	       setresgid(u->gid, u->gid, u->gid) == 0 &&
	       setresuid(u->uid, u->uid, u->uid) == 0;
}

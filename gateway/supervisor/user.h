/* gateway/supervisor/user.h — who a child runs as. Linked into gwd only. */
#ifndef GW_USER_H
#define GW_USER_H

#include <sys/types.h>
#include "gw/compiler.h"

struct gw_user {
	uid_t uid;
	gid_t gid;
};

/* A name, UID or UID:GID. False when there is no such user. */
GW_MUST_CHECK bool gw_user_find(const char *spec, struct gw_user *out);

/* For good: no supplementary groups, then group, then user. Between fork and
 * exec. False with errno. */
GW_MUST_CHECK bool gw_user_become(const struct gw_user *u);

#endif

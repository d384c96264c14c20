/* gw/url.h — the URLs of OCSP responders and revocation lists. Linked into
 * gwd-auth, which asks them, and gwd and gwctl, which check what operators
 * write. Pure. http only: the answer is signed, and https would need a
 * revocation check of its own. */
#ifndef GW_URL_H
#define GW_URL_H

#include "gw/compiler.h"
#include "gw/identity.h"

#define GW_URL_PATH_MAX 512

/* Whether it consists of visible ASCII alone, as every URL does. */
bool gw_url_is_visible(const char *s);

struct gw_url {
	char host[GW_HOST_MAX];     /* name or address, no brackets */
	char port[6];
	char path[GW_URL_PATH_MAX]; /* begins with '/'; query included */
	char authority[GW_HOST_MAX + 10]; /* for the Host field */
};

/* False for another scheme, user names, fragments, anything but visible
 * ASCII, or what is too long. */
GW_MUST_CHECK bool gw_url_parse(const char *s, struct gw_url *out);

#endif

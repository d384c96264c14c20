/* names.h — a small cache of SID → sAMAccountName, for one thread. Linked
 * into gwd-kdc only. Pure: the time is a parameter. */
#ifndef KDC_NAMES_H
#define KDC_NAMES_H

#include "gw/identity.h"

#define GW_NAMES_TTL_MS (10 * 60 * 1000)
#define GW_NAMES_MAX    8192 /* then it starts anew */

struct gw_names;

struct gw_names *gw_names_new(void);
void gw_names_free(struct gw_names *n);

/* Borrowed until the next put; "" for a SID known to have no name; NULL when
 * not known, or not any more. */
const char *gw_names_get(const struct gw_names *n, const char *sid,
			 uint64_t now_ms);
void gw_names_put(struct gw_names *n, const char *sid, const char *name,
		  uint64_t now_ms);

#endif

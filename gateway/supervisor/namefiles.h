/* gateway/supervisor/namefiles.h — resolv.conf and the hosts file, for
 * gwd-auth, which asks responders by name and is locked out of /etc. Linked
 * into gwd only. Looked at every few seconds: they are replaced rather than
 * written to, and often are links. */
#ifndef GW_NAMEFILES_H
#define GW_NAMEFILES_H

#include "gw/proto.h"

#define GW_NAMEFILES 2

struct gw_namefiles;

/* Nothing is read yet. The paths are copied. */
struct gw_namefiles *gw_namefiles_new(const char *resolv_conf,
				      const char *hosts);
void gw_namefiles_free(struct gw_namefiles *n); /* NULL is fine */

/* True: one is another than at the last look; both have been read. */
bool gw_namefiles_look(struct gw_namefiles *n);

/* As last read: of one that is not there nothing, of one that is too large
 * its first GW_FILE_MAX bytes, in whole lines. Borrowed until the next look. */
const struct gw_file *gw_namefiles_get(const struct gw_namefiles *n, size_t i);

#endif

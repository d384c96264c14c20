/* gateway/supervisor/spawn.h — fork and exec of one child: clean descriptors,
 * clean signals, its own user. Linked into gwd only. */
#ifndef GW_SPAWN_H
#define GW_SPAWN_H

#include <sys/types.h>
#include "user.h"

/* Where the other executables are: beside this one, else in libexecdir.
 * Heap; NULL when the named one is in neither place. */
char *gw_spawn_find(const char *name) GW_MUST_CHECK;

/* The child has `control` as descriptor 3 and no other but /dev/null and
 * stderr, is in a process group of its own, and dies with us. `user` may be
 * NULL: the same user. A failing exec shows as exit status 127.
 * The process, or -1 with errno. `control` stays the caller's. */
pid_t gw_spawn(const char *path, int control, const struct gw_user *user);

#endif

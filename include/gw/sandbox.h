/* gw/sandbox.h — what a child gives up before it reads a foreign byte.
 * Linked into the three children. */
#ifndef GW_SANDBOX_H
#define GW_SANDBOX_H

#include "gw/error.h"

/* For good: no new privileges, no core dumps, not traceable by others of the
 * same user, and, where the kernel has Landlock, no file but those below
 * `readable` (ended by NULL; NULL: none), and those only for reading. Below
 * the directory `writable` (NULL: none) plain files may be made, changed and
 * removed; nothing else, no directory, link or device, and nothing is run.
 * Called while the process has one thread only.
 * GW_ERR_SYSTEM when a step fails that this kernel should offer. */
GW_MUST_CHECK enum gw_err gw_sandbox_enter(const char *const *readable,
					   const char *writable,
					   struct gw_error *err);

#endif

/* gw/sandbox.h — what a child gives up before it reads a foreign byte.
 * Linked into the three children. */
#ifndef GW_SANDBOX_H
#define GW_SANDBOX_H

#include "gw/error.h"

struct gw_sandbox {
	const char *const *readable; /* paths, ended by NULL; NULL: none */
	const char *writable;        /* a directory; NULL: none */
	bool may_accept;             /* from listening sockets handed over */
};

/* For good: no new privileges, no core dumps, not traceable by others of the
 * same user; where the kernel has Landlock, no file but those below
 * `readable`, and those only for reading. Below `writable` plain files may be
 * made, changed and removed; nothing else, no directory, link or device. And
 * where it has seccomp, none of the system calls that syscalls.c lists: no
 * program is run, no process made, no socket listened on.
 * Called while the process has one thread only.
 * GW_ERR_SYSTEM when a step fails that this kernel should offer. */
GW_MUST_CHECK enum gw_err gw_sandbox_enter(const struct gw_sandbox *s,
					   struct gw_error *err);

#endif

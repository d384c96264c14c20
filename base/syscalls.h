/* syscalls.h — which system calls a child gives up (seccomp(2)). Linked into
 * the three children; called by sandbox.c only.
 *
 * Two ways were open: to list what is allowed, or what is forbidden. What a
 * resolver, an allocator or a sanitizer calls changes with every version of
 * libc, and a call missing from a list of allowed ones is an outage; so the
 * forbidden ones are listed: all that turns a foothold in a process into
 * another program, another process, another identity, another kernel surface
 * or another door. They fail with EPERM. */
#ifndef GW_SYSCALLS_H
#define GW_SYSCALLS_H

#include "gw/error.h"

/* For all threads, for good. Needs no_new_privs. `may_accept`: connections
 * may be accepted from listening sockets that were handed over; nobody may
 * make such a socket. GW_ERR_SYSTEM: the filter could not be made or loaded;
 * a kernel without seccomp is not an error. */
GW_MUST_CHECK enum gw_err gw_syscalls_give_up(bool may_accept,
					      struct gw_error *err);

#endif

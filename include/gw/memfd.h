/* gw/memfd.h — bytes too many for a message, handed over as a descriptor of
 * memory that nobody can change any more. Linked into every process.
 *
 * The receiver must check: without the seals the sender could shrink the file
 * under a mapping (SIGBUS) or change what has been judged. */
#ifndef GW_MEMFD_H
#define GW_MEMFD_H

#include "gw/error.h"

/* A sealed copy of the bytes, at its start. The caller owns *out_fd.
 * GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_memfd_new(const void *p, size_t len, int *out_fd,
				       struct gw_error *err);

/* Whether `fd` is such memory, sealed against writing, growing and shrinking,
 * of exactly `len` bytes. */
GW_MUST_CHECK bool gw_memfd_check(int fd, size_t len);

#endif

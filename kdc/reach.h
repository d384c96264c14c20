/* reach.h — can this process still read what its resolver needs? Linked into
 * gwd-kdc only. */
#ifndef KDC_REACH_H
#define KDC_REACH_H

#include "gw/error.h"

/* Whether what `path` leads to is kept from us by Landlock alone. Its rules
 * are about directories that were there at the start: one that a resolver
 * made later, or made anew, is out of reach until gwd-kdc is started again.
 * GW_ERR_FILE, with where it leads. What is not there, or nobody's to read,
 * is no fault of ours: GW_ERR_OK. */
GW_MUST_CHECK enum gw_err gw_reach_check(const char *path,
					 struct gw_error *err);

#endif

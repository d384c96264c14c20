/* reach.h — can this process still read what its resolver needs? Linked into
 * gwd-kdc only. */
#ifndef KDC_REACH_H
#define KDC_REACH_H

#include <stdbool.h>
#include "gw/error.h"

/* What this process may read; ended by NULL. Directories, not the files in
 * them that are read (hosts, resolv.conf, nsswitch.conf, gai.conf, gss/):
 * Landlock knows files, not names, and these are replaced rather than written
 * to. gwd-auth is handed them instead; here it is libc's resolver that wants
 * the hosts file, at every bind (Cyrus SASL asks for our own name), and that
 * can only open it. What of /etc is secret is root's, and this process's user
 * may not read it in any case. resolv.conf is often a link into one of the
 * directories of /run. */
extern const char *const gw_reach_dirs[];

/* Whether what `path` leads to is kept from us by Landlock alone. Its rules
 * are about directories that were there at the start: one that a resolver
 * made later, or made anew, is out of reach until gwd-kdc is started again.
 * GW_ERR_FILE, with where it leads. What is not there, or nobody's to read,
 * is no fault of ours: GW_ERR_OK. */
GW_MUST_CHECK enum gw_err gw_reach_check(const char *path,
					 struct gw_error *err);
/* Whether it leads to what is below one of these, so that a start is a cure. */
bool gw_reach_is_below(const char *path, const char *const *dirs);

#endif

/* auth/verdict.h — from facts to the message the proxy gets. Linked into
 * gwd-auth. Pure; what is allowed is decided in policy.h. */
#ifndef GW_VERDICT_H
#define GW_VERDICT_H

#include "gw/conf.h"
#include "gw/error.h"
#include "gw/proto.h"

/* Decides for the listener and each of its routes. `facts`: NULL when nobody
 * was looked up. Fills everything but login id, session and end. On
 * GW_ERR_OK gw_verdict_clear() frees what `out` holds. */
GW_MUST_CHECK enum gw_err gw_verdict_make(const struct gw_conf *c,
					  const struct gw_conf_listener *l,
					  const struct gw_facts *facts,
					  struct gw_verdict_msg *out,
					  struct gw_error *err);

/* The groups as the header has them: names, comma separated; the SID where
 * there is no name or it could be read as two. Heap. Ends with a whole entry
 * when the text would grow past GW_GROUPS_TEXT_MAX. */
char *gw_verdict_groups(const struct gw_facts *f) GW_MUST_CHECK;

#endif

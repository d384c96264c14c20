/* gateway/supervisor/unknown.h — a key that is not there, and what was
 * probably meant: a near word, or the section it belongs to. Linked into gwd
 * only. Pure. */
#ifndef GW_UNKNOWN_H
#define GW_UNKNOWN_H

#include "complaint.h"
#include "gw/conf.h"

/* Complains of the key `name`, found in `here`. */
void gw_unknown_complain(struct gw_complaint *c, int line,
			 const struct gw_conf_section *here,
			 const char *name);

#endif

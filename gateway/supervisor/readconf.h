/* gateway/supervisor/readconf.h — gwd.conf from the file into struct gw_conf.
 * Linked into gwd only. libconfuse reads, the table of gw/conf.h decides what
 * there is; where each thing stood is remembered, so that every later
 * complaint can name file and line. Judges single values only; what hangs
 * together is judged by check.h. */
#ifndef GW_READCONF_H
#define GW_READCONF_H

#include "complaint.h"
#include "source.h"

/* Reads the whole file. On false `conf` and `src` are empty. */
GW_MUST_CHECK bool gw_readconf(const char *path, struct gw_conf *conf,
			       struct gw_source *src, struct gw_complaint *c);
/* The same from memory; `text` is changed. */
GW_MUST_CHECK bool gw_readconf_text(char *text, size_t len,
				    struct gw_conf *conf,
				    struct gw_source *src,
				    struct gw_complaint *c);

#endif

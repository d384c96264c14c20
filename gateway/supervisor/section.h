/* gateway/supervisor/section.h — the sections of the table in gw/conf.h as a
 * file has them: plain ones once, titled ones several times, each with its
 * keys. Linked into gwd only. Pure. */
#ifndef GW_SECTION_H
#define GW_SECTION_H

#include "gw/conf.h"

/* The instances of a section, one for a plain one. */
size_t gw_section_count(const struct gw_conf *c,
			const struct gw_conf_section *s);
/* Borrowed. `index` is less than that count. */
void *gw_section_at(const struct gw_conf *c, const struct gw_conf_section *s,
		    size_t index);
/* NULL: no such key in this section. */
const struct gw_conf_key *gw_section_key(const struct gw_conf_section *s,
					 const char *name);

#endif

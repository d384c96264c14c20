/* gateway/supervisor/source.h — where in the file each section and each key
 * stood, so that every later complaint can name a line. Linked into gwd
 * only. Pure. */
#ifndef GW_SOURCE_H
#define GW_SOURCE_H

#include "gw/conf.h"

struct gw_place {
	const struct gw_conf_section *section;
	const struct gw_conf_key *key; /* NULL: the section's first line */
	size_t index;                  /* which instance of the section */
	int line;
};

struct gw_source {
	struct gw_place *places;
	size_t count;
	int last_line;
};

void gw_source_clear(struct gw_source *s);

/* `key` NULL: the section itself, by its first line. */
void gw_source_note(struct gw_source *s, const struct gw_conf_section *section,
		    size_t index, const struct gw_conf_key *key, int line);
/* The line noted, 0 when there is none. */
int gw_source_find(const struct gw_source *s, const char *section,
		   size_t index, const char *key);

/* The line of a key; when it is not in the file, of its section; when that
 * is not there either, the last one. The top level begins in line 1. */
int gw_source_line(const struct gw_source *s, const char *section,
		   size_t index, const char *key);
/* Whether the file has this section at all. */
bool gw_source_has(const struct gw_source *s, const char *section);

#endif

/* gateway/supervisor/readconf.h — gwd.conf from the file into struct gw_conf.
 * Linked into gwd only. libconfuse reads, the table of gw/conf.h decides what
 * there is; where each thing stood is remembered, so that every later
 * complaint can name file and line. Judges single values only; what hangs
 * together is judged by check.h. */
#ifndef GW_READCONF_H
#define GW_READCONF_H

#include "gw/conf.h"

/* What is wrong, for one line on stderr: "gwd: FILE:LINE: TEXT". */
struct gw_complaint {
	int line; /* 0: the file as a whole */
	char text[512];
};

/* Fills `c`; always false, so that checks can end with it. */
bool gw_complain(struct gw_complaint *c, int line, const char *fmt, ...)
	GW_PRINTF(3, 4);

/* Where a section or one of its keys stands. */
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

/* The line of a key; when it is not in the file, of its section; when that
 * is not there either, the last one. The top level begins in line 1. */
int gw_source_line(const struct gw_source *s, const char *section,
		   size_t index, const char *key);
/* Whether the file has this section at all. */
bool gw_source_has(const struct gw_source *s, const char *section);

/* The instances of a section, one for a plain one. */
size_t gw_section_count(const struct gw_conf *c,
			const struct gw_conf_section *s);
void *gw_section_at(const struct gw_conf *c, const struct gw_conf_section *s,
		    size_t index);

/* Reads the whole file. On false `conf` and `src` are empty. */
GW_MUST_CHECK bool gw_readconf(const char *path, struct gw_conf *conf,
			       struct gw_source *src, struct gw_complaint *c);
/* The same from memory; `text` is changed. */
GW_MUST_CHECK bool gw_readconf_text(char *text, size_t len,
				    struct gw_conf *conf,
				    struct gw_source *src,
				    struct gw_complaint *c);

#endif

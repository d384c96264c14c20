/* gw/strlist.h — a list of strings. Linked into every process. Zeroed memory
 * is an empty one; it owns its strings and ends with gw_strlist_clear(). */
#ifndef GW_STRLIST_H
#define GW_STRLIST_H

#include <stddef.h>

#include "gw/compiler.h"

struct gw_strlist {
	char **v;
	size_t n;
};

void gw_strlist_add(struct gw_strlist *l, const char *text);
/* `text` is heap, and the list's from here on. */
void gw_strlist_take(struct gw_strlist *l, char *text);
bool gw_strlist_has(const struct gw_strlist *l, const char *word);
/* Leaves an empty list. */
void gw_strlist_clear(struct gw_strlist *l);

#endif

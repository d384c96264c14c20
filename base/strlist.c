/* strlist.c — see gw/strlist.h. */
#include "gw/strlist.h"
#include "gw/util.h"

#include <string.h>

void
gw_strlist_add(struct gw_strlist *l, const char *text)
{
	gw_strlist_take(l, gw_xstrdup(text));
}

void
gw_strlist_take(struct gw_strlist *l, char *text)
{
	l->v = gw_xrealloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = text;
}

bool
gw_strlist_has(const struct gw_strlist *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], word) == 0)
			return true;
	return false;
}

void
gw_strlist_clear(struct gw_strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct gw_strlist){ .n = 0 };
}

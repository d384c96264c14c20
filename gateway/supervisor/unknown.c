/* unknown.c — see unknown.h. */
#include "unknown.h"
#include "section.h"
#include "gw/util.h"

#include <string.h>

/* Levenshtein distance of short words; more than 63 letters is far. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], la = strlen(a), lb = strlen(b);

	if (la >= GW_COUNT(row) || lb >= GW_COUNT(row))
		return GW_COUNT(row);
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = GW_MIN(GW_MIN(row[j], row[j - 1]) + 1,
					change);
		}
	}
	return row[lb];
}

struct guess {
	const char *word;
	size_t distance;
};

static void
consider(struct guess *g, const char *word, const char *name)
{
	size_t d = distance(name, word);

	if (d < g->distance)
		*g = (struct guess){ .word = word, .distance = d };
}

/* The nearest key or section that may stand here; NULL when none is near. */
static const char *
nearest(const struct gw_conf_section *here, const char *name)
{
	struct guess g = { .distance = 3 };

	for (size_t i = 0; i < here->key_count; i++)
		consider(&g, here->keys[i].name, name);
	for (size_t i = 1; i < gw_conf_section_count; i++) {
		const char *parent = gw_conf_sections[i].parent;

		if (strcmp(parent != NULL ? parent : "", here->name) == 0)
			consider(&g, gw_conf_sections[i].name, name);
	}
	return g.word;
}

/* Another section that has a key of this name. */
static const struct gw_conf_section *
home_of(const char *name)
{
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (gw_section_key(&gw_conf_sections[i], name) != NULL)
			return &gw_conf_sections[i];
	return NULL;
}

void
gw_unknown_complain(struct gw_complaint *c, int line,
		    const struct gw_conf_section *here, const char *name)
{
	const struct gw_conf_section *s = gw_conf_section(name);
	const struct gw_conf_section *home = home_of(name);
	const char *near = nearest(here, name);
	char hint[96] = "";

	if (s != NULL && *name != '\0')
		gw_format(hint, sizeof(hint), "; it stands %s%s",
			  s->parent != NULL ? "inside a section " :
					      "at the top level",
			  s->parent != NULL ? s->parent : "");
	else if (near != NULL)
		gw_format(hint, sizeof(hint), "; do you mean %s?", near);
	else if (home != NULL)
		gw_format(hint, sizeof(hint), "; it stands %s%s",
			  *home->name != '\0' ? "in section " :
						"at the top level",
			  home->name);
	(void)gw_complain(c, line, "unknown key '%.64s' %s%s%s", name,
			  *here->name != '\0' ? "in section " :
						"at the top level",
			  here->name, hint);
}

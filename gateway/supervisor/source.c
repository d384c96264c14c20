/* source.c — see source.h. */
#include "source.h"
#include "gw/util.h"

#include <stdlib.h>
#include <string.h>

void
gw_source_clear(struct gw_source *s)
{
	free(s->places);
	*s = (struct gw_source){ 0 };
}

void
gw_source_note(struct gw_source *s, const struct gw_conf_section *section,
	       size_t index, const struct gw_conf_key *key, int line)
{
	s->places = gw_xrealloc(s->places, s->count + 1, sizeof(*s->places));
	s->places[s->count++] = (struct gw_place){
		.section = section, .key = key, .index = index, .line = line
	};
}

int
gw_source_find(const struct gw_source *s, const char *section, size_t index,
	       const char *key)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct gw_place *p = &s->places[i];

		if (strcmp(p->section->name, section) != 0 ||
		    p->index != index || (p->key == NULL) != (key == NULL))
			continue;
		if (key == NULL || strcmp(p->key->name, key) == 0)
			return p->line;
	}
	return 0;
}

int
gw_source_line(const struct gw_source *s, const char *section, size_t index,
	       const char *key)
{
	int line = key != NULL ? gw_source_find(s, section, index, key) : 0;

	if (line == 0)
		line = gw_source_find(s, section, index, NULL);
	return line != 0 ? line : s->last_line;
}

bool
gw_source_has(const struct gw_source *s, const char *section)
{
	return gw_source_find(s, section, 0, NULL) != 0;
}

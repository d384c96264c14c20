/* section.c — see section.h. */
#include "section.h"

#include <stdint.h>
#include <string.h>

size_t
gw_section_count(const struct gw_conf *c, const struct gw_conf_section *s)
{
	if (!s->is_titled)
		return 1;
	return *(const size_t *)(const void *)((const char *)c +
					       s->count_offset);
}

void *
gw_section_at(const struct gw_conf *c, const struct gw_conf_section *s,
	      size_t index)
{
	char *base = (char *)(uintptr_t)c + s->offset;

	if (!s->is_titled)
		return base;
	return *(char **)(void *)base + index * s->size;
}

const struct gw_conf_key *
gw_section_key(const struct gw_conf_section *s, const char *name)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (strcmp(s->keys[i].name, name) == 0)
			return &s->keys[i];
	return NULL;
}

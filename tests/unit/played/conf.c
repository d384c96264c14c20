/* conf.c — see conf.h. */
#include "conf.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct gw_conf_section *
section_named(const char *name)
{
	const struct gw_conf_section *s = gw_conf_section(name);

	cr_assert_not_null(s, "section %s", name);
	return s;
}

static void
rename_to(void *instance, size_t offset, const char *text)
{
	char **p = (char **)(void *)((char *)instance + offset);

	free(*p);
	*p = gw_xstrdup(text);
}

void *
conf_add(struct gw_conf *c, const char *section, const char *title,
	 const char *parent)
{
	const struct gw_conf_section *s = section_named(section);
	void *i = gw_conf_instance(c, s);

	gw_conf_defaults(i, s);
	if (s->is_titled)
		rename_to(i, s->title_offset, title);
	if (s->parent != NULL)
		rename_to(i, s->parent_offset, parent);
	return i;
}

void *
conf_first(struct gw_conf *c, const char *section)
{
	const struct gw_conf_section *s = section_named(section);
	char *in = (char *)c + s->offset;

	return s->is_titled ? *(void **)(void *)in : in;
}

void
conf_set(const char *section, void *instance, const char *key,
	 const char *text)
{
	const struct gw_conf_section *s = section_named(section);
	struct gw_error err = { .detail = "" };

	for (size_t i = 0; i < s->key_count; i++)
		if (strcmp(s->keys[i].name, key) == 0) {
			cr_assert_eq(gw_conf_set(instance, &s->keys[i], text,
						 &err), GW_ERR_OK,
				     "%s = %s: %s", key, text, err.detail);
			return;
		}
	cr_assert_fail("key %s", key);
}

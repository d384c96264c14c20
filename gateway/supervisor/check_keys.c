/* check_keys.c — what the table of gw/conf.h says of every key and section:
 * what must be there, how titles are written, what fits a message. */
#include "check.h"
#include "section.h"
#include "syntax.h"
#include "gw/util.h"

#include <stdlib.h>
#include <string.h>

static bool
is_empty(void *instance, const struct gw_conf_key *key)
{
	void *p = (char *)instance + key->offset;

	if (key->type == GW_CT_LIST)
		return ((struct gw_strlist *)p)->n == 0;
	return key->type == GW_CT_STR && **(char **)p == '\0';
}

static bool
check_required(struct gw_check *k, const struct gw_conf_section *s, size_t i)
{
	void *in = gw_section_at(&k->s->conf, s, i);

	for (size_t j = 0; j < s->key_count; j++) {
		const struct gw_conf_key *key = &s->keys[j];

		if ((key->flags & GW_CF_REQUIRED) == 0 || !is_empty(in, key))
			continue;
		return gw_complain(k->c,
				   gw_check_line(k, s->name, i, key->name),
				   "%s%s%s is missing: %s", s->name,
				   *s->name != '\0' ? "." : "", key->name,
				   key->doc);
	}
	return true;
}

bool
gw_check_needs(const struct gw_check *k, const struct gw_conf_section *s)
{
	return strcmp(s->name, "directory") != 0 ||
	       gw_source_has(&k->s->src, s->name) ||
	       gw_setup_needs_kdc(&k->s->conf);
}

bool
gw_check_required_keys(struct gw_check *k)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = gw_section_count(&k->s->conf, s);

		for (size_t j = 0; j < n && gw_check_needs(k, s); j++)
			if (!check_required(k, s, j))
				return false;
	}
	return true;
}

/* Titles travel through messages, logs and gwctl. A route's is a path. */
bool
gw_check_titles(struct gw_check *k)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = s->is_titled && s->parent == NULL
				   ? gw_section_count(&k->s->conf, s) : 0;

		for (size_t j = 0; j < n; j++) {
			char *in = gw_section_at(&k->s->conf, s, j);
			char *title = *(char **)(void *)(in + s->title_offset);

			if (!gw_is_title(title))
				return gw_complain(k->c,
					gw_check_line(k, s->name, j, NULL),
					"the title of this %s must be 1 to %d "
					"letters, digits, spaces or ._-:@",
					s->name, GW_TITLE_MAX);
		}
	}
	return true;
}

/* One message must hold one section. */
bool
gw_check_sizes(struct gw_check *k)
{
	uint8_t *buf = gw_xcalloc(GW_PAYLOAD_MAX, 1);
	bool ok = true;

	for (size_t i = 0; ok && i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = gw_section_count(&k->s->conf, s);

		for (size_t j = 0; ok && j < n; j++) {
			struct gw_wr w = gw_wr_init(buf, GW_PAYLOAD_MAX);

			gw_conf_encode(&w, s, gw_section_at(&k->s->conf, s,
							    j));
			if (w.bad)
				ok = gw_complain(k->c,
					gw_check_line(k, s->name, j, NULL),
					"this section is larger than %d bytes",
					GW_PAYLOAD_MAX);
		}
	}
	free(buf);
	return ok;
}

/* reload.c — see reload.h. */
#include "reload.h"
#include "section.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>

/* ---- what is different */

static bool
same_list(const struct gw_strlist *a, const struct gw_strlist *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static bool
same_value(const struct gw_conf_key *k, const void *a, const void *b)
{
	const void *x = (const char *)a + k->offset;
	const void *y = (const char *)b + k->offset;

	switch (k->type) {
	case GW_CT_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case GW_CT_STR:
		return strcmp(*(char *const *)x, *(char *const *)y) == 0;
	case GW_CT_LIST:
		return same_list(x, y);
	default:
		return *(const int64_t *)x == *(const int64_t *)y;
	}
}

/* Read again, whatever stands there. */
static bool
is_reloaded(const struct gw_conf_section *s, const struct gw_conf_key *k)
{
	static const char *const keys[] = { "certificate", "key", "staple" };

	if (strcmp(s->name, "identity") == 0)
		return true;
	for (size_t i = 0; i < GW_COUNT(keys); i++)
		if (k != NULL && strcmp(s->name, "listener") == 0 &&
		    strcmp(k->name, keys[i]) == 0)
			return true;
	return false;
}

static const char *
member(const void *instance, size_t offset)
{
	return *(char *const *)(const void *)((const char *)instance +
					      offset);
}

static bool
is_same_instance(const struct gw_conf_section *s, const void *a,
		 const void *b)
{
	return !s->is_titled ||
	       (strcmp(member(a, s->title_offset),
		       member(b, s->title_offset)) == 0 &&
		(s->parent == NULL ||
		 strcmp(member(a, s->parent_offset),
			member(b, s->parent_offset)) == 0));
}

static const void *
find_same(const struct gw_conf *c, const struct gw_conf_section *s,
	  const void *like)
{
	for (size_t i = 0; i < gw_section_count(c, s); i++)
		if (is_same_instance(s, gw_section_at(c, s, i), like))
			return gw_section_at(c, s, i);
	return NULL;
}

/* "listener main", "route /x of listener main", "directory". */
static char *
name_of(const struct gw_conf_section *s, const void *in)
{
	if (!s->is_titled)
		return gw_xstrdup(s->name);
	if (s->parent == NULL)
		return gw_xasprintf("%s %s", s->name,
				    member(in, s->title_offset));
	return gw_xasprintf("%s %s of %s %s", s->name,
			    member(in, s->title_offset), s->parent,
			    member(in, s->parent_offset));
}

static void
compare_keys(const struct gw_conf_section *s, const void *now,
	     const void *fresh, struct gw_strlist *out)
{
	gw_auto(free) char *name = name_of(s, now);

	for (size_t i = 0; i < s->key_count; i++) {
		const struct gw_conf_key *k = &s->keys[i];

		if (!is_reloaded(s, k) && !same_value(k, now, fresh))
			gw_strlist_take(out, gw_xasprintf(
				"%s%s%s", name, *name != '\0' ? ": " : "",
				k->name));
	}
}

static void
compare_section(const struct gw_conf_section *s, const struct gw_conf *now,
		const struct gw_conf *fresh, struct gw_strlist *out)
{
	for (size_t i = 0; i < gw_section_count(now, s); i++) {
		const void *a = gw_section_at(now, s, i);
		const void *b = find_same(fresh, s, a);
		gw_auto(free) char *name = name_of(s, a);

		if (b != NULL)
			compare_keys(s, a, b, out);
		else
			gw_strlist_take(out, gw_xasprintf("%s is gone", name));
	}
	for (size_t i = 0; i < gw_section_count(fresh, s); i++) {
		const void *b = gw_section_at(fresh, s, i);
		gw_auto(free) char *name = name_of(s, b);

		if (find_same(now, s, b) == NULL)
			gw_strlist_take(out, gw_xasprintf("%s is new", name));
	}
}

/* The files of one purpose, one after the other: what is in them, too. */
static bool
same_files(const struct gw_setup *a, const struct gw_setup *b,
	   enum gw_file_purpose purpose)
{
	size_t i = 0, j = 0;

	for (;; i++, j++) {
		while (i < a->file_count && a->files[i].purpose != purpose)
			i++;
		while (j < b->file_count && b->files[j].purpose != purpose)
			j++;
		if (i == a->file_count || j == b->file_count)
			return i == a->file_count && j == b->file_count;
		if (strcmp(a->files[i].name, b->files[j].name) != 0 ||
		    a->files[i].len != b->files[j].len ||
		    memcmp(a->files[i].data, b->files[j].data,
			   a->files[i].len) != 0)
			return false;
	}
}

void
gw_reload_compare(const struct gw_setup *now, const struct gw_setup *fresh,
		  struct gw_strlist *out)
{
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (!is_reloaded(&gw_conf_sections[i], NULL))
			compare_section(&gw_conf_sections[i], &now->conf,
					&fresh->conf, out);
	if (!same_files(now, fresh, GW_FILE_CA))
		gw_strlist_add(out, "the certificates in the files of "
				    "sections ca");
	if (!same_files(now, fresh, GW_FILE_KEYTAB))
		gw_strlist_add(out, "the keytab's content");
}

/* ---- doing it */

static void
log_list(const char *event, const char *key, const struct gw_strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		gw_event(GW_LOG_WARN, event, key, l->v[i], NULL);
}

static void
note_warnings(const struct gw_setup *fresh, struct gw_strlist *out)
{
	for (size_t i = 0; i < fresh->warning_count; i++)
		gw_strlist_take(out, gw_xasprintf("line %d: %s",
						  fresh->warnings[i].line,
						  fresh->warnings[i].text));
}

bool
gw_reload_run(struct gw_sup *s, struct gw_reload *out, struct gw_complaint *c)
{
	const struct gw_setup *now = gw_sup_setup(s);
	struct gw_setup fresh;

	*out = (struct gw_reload){ .renewed = { .n = 0 } };
	if (!gw_setup_load(now->path, GW_SETUP_CHECK, &fresh, c)) {
		gw_event(GW_LOG_ERR, "reload-refused", "file", now->path,
			 "line", GW_NUM(c->line), "detail", c->text, NULL);
		return false;
	}
	gw_reload_compare(now, &fresh, &out->restart);
	note_warnings(&fresh, &out->warnings);
	gw_sup_renew(s, &fresh, &out->renewed);
	gw_setup_clear(&fresh);
	gw_event(GW_LOG_INFO, "reloaded", "file", now->path, "renewed",
		 GW_NUM(out->renewed.n), "restart_needed",
		 out->restart.n > 0 ? "yes" : "no", NULL);
	log_list("reload-warning", "detail", &out->warnings);
	log_list("restart-needed", "for", &out->restart);
	return true;
}

void
gw_reload_clear(struct gw_reload *r)
{
	gw_strlist_clear(&r->renewed);
	gw_strlist_clear(&r->restart);
	gw_strlist_clear(&r->warnings);
}

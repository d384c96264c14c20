/* readconf.c — see readconf.h. Every value arrives at on_value() as text and
 * goes straight into its instance, so that there is one judge of values. */
#include "readconf.h"
#include "cfgopts.h"
#include "scrub.h"
#include "section.h"
#include "unknown.h"
#include "gw/util.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONF_BYTES_MAX (1024 * 1024)
#define NO_SECTION     ((size_t)-1)

struct opened {
	cfg_t *cfg;
	const struct gw_conf_section *section;
	size_t index;
	size_t parent; /* among reader.opened, or NO_SECTION */
};

struct reader {
	struct gw_conf *conf;
	struct gw_source *src;
	struct gw_complaint *complaint;
	struct opened *opened;
	size_t opened_count;
};

/* libconfuse's callbacks carry no context; one file is read at a time. */
static struct reader *reader;

static bool
has_failed(void)
{
	return reader->complaint->text[0] != '\0';
}

/* ---- sections */

static const struct gw_conf_section *
section_of(const cfg_t *cfg)
{
	/* libconfuse calls the top level "root"; no section has that name */
	return gw_conf_section(strcmp(cfg->name, "root") == 0 ? ""
							      : cfg->name);
}

/* The latest: an address may be used again after a section was replaced. */
static struct opened *
opened_of(const cfg_t *cfg)
{
	for (size_t i = reader->opened_count; i > 0; i--)
		if (reader->opened[i - 1].cfg == cfg)
			return &reader->opened[i - 1];
	return NULL;
}

static void *
instance_of(const struct opened *o)
{
	return gw_section_at(reader->conf, o->section, o->index);
}

static char **
member(const struct opened *o, size_t offset)
{
	return (char **)(void *)((char *)instance_of(o) + offset);
}

static const char *
title_of(const struct opened *o)
{
	return o->section->is_titled ? *member(o, o->section->title_offset)
				     : "";
}

/* Children open after their parent and before the next of its kind. */
static size_t
find_parent(const struct gw_conf_section *s)
{
	for (size_t i = reader->opened_count; s->parent != NULL && i > 0; i--)
		if (strcmp(reader->opened[i - 1].section->name,
			   s->parent) == 0)
			return i - 1;
	return NO_SECTION;
}

static bool
is_new(const struct opened *o, const char *title, int line)
{
	for (size_t i = 0; i < reader->opened_count; i++) {
		const struct opened *p = &reader->opened[i];

		if (p->section != o->section || p->parent != o->parent ||
		    strcmp(title_of(p), title) != 0)
			continue;
		return gw_complain(reader->complaint, line,
				   "section %s%s%s is given twice; the first "
				   "begins in line %d", o->section->name,
				   *title != '\0' ? " " : "", title,
				   gw_source_line(reader->src,
						  p->section->name, p->index,
						  NULL));
	}
	return true;
}

static void
set_member(const struct opened *o, size_t offset, const char *text)
{
	char **p = member(o, offset);

	free(*p);
	*p = gw_xstrdup(text);
}

static bool
begin_section(cfg_t *cfg, int line)
{
	const char *title = cfg->title != NULL ? cfg->title : "";
	struct opened o = { .cfg = cfg, .section = section_of(cfg) };

	o.parent = find_parent(o.section);
	if (!is_new(&o, title, line))
		return false;
	if (o.section->is_titled)
		o.index = gw_section_count(reader->conf, o.section);
	if (o.section->is_titled &&
	    gw_conf_instance(reader->conf, o.section) == NULL)
		return gw_complain(reader->complaint, line,
				   "more than %d sections %s",
				   GW_CONF_INSTANCES_MAX, o.section->name);
	if (o.section->is_titled) {
		gw_conf_defaults(instance_of(&o), o.section);
		set_member(&o, o.section->title_offset, title);
	}
	if (o.parent != NO_SECTION)
		set_member(&o, o.section->parent_offset,
			   title_of(&reader->opened[o.parent]));
	gw_source_note(reader->src, o.section, o.index, NULL, line);
	reader->opened = gw_xrealloc(reader->opened, reader->opened_count + 1,
				     sizeof(*reader->opened));
	reader->opened[reader->opened_count++] = o;
	return true;
}

/* As the enclosing section counts: a plain section that comes a second time
 * still has the line where its first self ended. */
static int
opening_line(const struct gw_conf_section *s)
{
	size_t parent = find_parent(s);

	if (reader->opened_count == 0)
		return 1; /* the top level, made by cfg_init() */
	return reader->opened[parent != NO_SECTION ? parent : 0].cfg->line;
}

static int
on_open(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	*(const char **)result = value;
	/* A complaint is kept for later: libconfuse aborts when a default is
	 * refused. */
	if (!has_failed())
		(void)begin_section(cfg, opening_line(section_of(cfg)));
	return 0;
}

/* ---- values */

static bool
is_first(const struct opened *o, const struct gw_conf_key *k,
	 unsigned value_count, int line)
{
	int before = gw_source_find(reader->src, o->section->name, o->index,
				    k->name);

	if (before == 0) {
		gw_source_note(reader->src, o->section, o->index, k, line);
		return true;
	}
	if (k->type == GW_CT_LIST && value_count > 1)
		return true; /* the next value of the same list */
	return gw_complain(reader->complaint, line,
			   "%s is given twice; first in line %d", k->name,
			   before);
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct opened *o = opened_of(cfg);
	const struct gw_conf_key *k = o != NULL ? gw_section_key(o->section,
							    opt->name) : NULL;
	struct gw_error err;

	*(const char **)result = value;
	if (has_failed())
		return -1;
	if (k == NULL) {
		(void)gw_complain(reader->complaint, cfg->line,
				  "unknown key '%s'", opt->name);
		return -1;
	}
	if (!is_first(o, k, opt->nvalues, cfg->line))
		return -1;
	if (gw_conf_set(instance_of(o), k, value, &err) == GW_ERR_OK)
		return 0;
	(void)gw_complain(reader->complaint, cfg->line, "%s", err.detail);
	return -1;
}

/* ---- libconfuse's own complaints */

static void on_error(cfg_t *cfg, const char *fmt, va_list ap) GW_PRINTF(2, 0);

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct gw_complaint *c = reader->complaint;

	if (has_failed())
		return; /* the first complaint is the one that counts */
	if (strcmp(fmt, "no such option '%s'") == 0) {
		gw_unknown_complain(c, cfg->line, section_of(cfg),
				    va_arg(ap, const char *));
		return;
	}
	(void)gw_complain_va(c, cfg->line, fmt, ap);
}

/* ---- the whole file */

static char *
slurp(const char *path, size_t *out_len, struct gw_complaint *c)
{
	FILE *f = fopen(path, "re");
	char *text;

	if (f == NULL) {
		(void)gw_complain(c, 0, "%s", strerror(errno));
		return NULL;
	}
	text = gw_xcalloc(CONF_BYTES_MAX + 1, 1);
	*out_len = fread(text, 1, CONF_BYTES_MAX + 1, f);
	if (ferror(f) != 0)
		(void)gw_complain(c, 0, "%s", strerror(errno));
	else if (*out_len > CONF_BYTES_MAX)
		(void)gw_complain(c, 0, "larger than %d bytes",
				  CONF_BYTES_MAX);
	fclose(f);
	if (c->text[0] == '\0')
		return text;
	free(text);
	return NULL;
}

static int
count_lines(const char *text, size_t len)
{
	int n = 1;

	for (size_t i = 0; i + 1 < len; i++)
		n += text[i] == '\n';
	return n;
}

/* A list that was filled and then given again as {} has lost its values in
 * libconfuse without a callback. */
static bool
lists_agree(const struct opened *o)
{
	for (size_t i = 0; i < o->section->key_count; i++) {
		const struct gw_conf_key *k = &o->section->keys[i];
		struct gw_strlist *l = (void *)((char *)instance_of(o) +
						k->offset);

		if (k->type == GW_CT_LIST && l->n > 0 &&
		    cfg_size(o->cfg, k->name) != l->n)
			return gw_complain(reader->complaint,
					   gw_source_find(reader->src,
							  o->section->name,
							  o->index, k->name),
					   "%s is given twice", k->name);
	}
	return true;
}

static bool
parse_text(char *text, size_t len)
{
	cfg_opt_t *opts = gw_cfgopts_make(&(struct gw_cfgopts_calls){
		.on_open = on_open, .on_value = on_value });
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);
	FILE *f = fmemopen(text, len, "r");
	bool ok = cfg != NULL && f != NULL;

	gw_cfgopts_free(opts);
	if (ok) {
		(void)cfg_set_error_function(cfg, on_error);
		ok = cfg_parse_fp(cfg, f) == CFG_SUCCESS && !has_failed();
	}
	for (size_t i = 0; ok && i < reader->opened_count; i++)
		ok = lists_agree(&reader->opened[i]);
	if (!ok && !has_failed())
		(void)gw_complain(reader->complaint, 0, "cannot be parsed");
	if (f != NULL)
		fclose(f);
	if (cfg != NULL)
		cfg_free(cfg);
	return ok;
}

static void
plain_defaults(struct gw_conf *conf)
{
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (!gw_conf_sections[i].is_titled)
			gw_conf_defaults((char *)conf +
					 gw_conf_sections[i].offset,
					 &gw_conf_sections[i]);
}

/* `text` is scrubbed in place. */
static bool
parse_scrubbed(struct reader *r, char *text, size_t len)
{
	bool ok;

	plain_defaults(r->conf);
	reader = r;
	/* fmemopen() takes no empty buffer */
	ok = gw_scrub(text, len, r->complaint) &&
	     parse_text(len > 0 ? text : (char *)(uintptr_t)"\n",
			len > 0 ? len : 1);
	reader = NULL;
	free(r->opened);
	return ok;
}

bool
gw_readconf_text(char *text, size_t len, struct gw_conf *conf,
		 struct gw_source *src, struct gw_complaint *c)
{
	struct reader r = { .conf = conf, .src = src, .complaint = c };

	*c = (struct gw_complaint){ 0 };
	*conf = (struct gw_conf){ 0 };
	*src = (struct gw_source){ .last_line = count_lines(text, len) };
	if (memchr(text, '\0', len) != NULL)
		return gw_complain(c, 0, "not a text file");
	if (parse_scrubbed(&r, text, len))
		return true;
	gw_conf_clear(conf);
	gw_source_clear(src);
	return false;
}

bool
gw_readconf(const char *path, struct gw_conf *conf, struct gw_source *src,
	    struct gw_complaint *c)
{
	gw_auto(free) char *text = NULL;
	size_t len = 0;

	*c = (struct gw_complaint){ 0 };
	*conf = (struct gw_conf){ 0 };
	*src = (struct gw_source){ 0 };
	text = slurp(path, &len, c);
	return text != NULL && gw_readconf_text(text, len, conf, src, c);
}

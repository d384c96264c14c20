/* conf.c — the configuration's table put to work: defaults, values from
 * text, wire form. Pure. */
#include "gw/conf.h"
#include "gw/util.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define TEXT_MAX 4096
#define LIST_MAX 1024

const struct gw_conf_section *
gw_conf_section(const char *name)
{
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (strcmp(gw_conf_sections[i].name, name) == 0)
			return &gw_conf_sections[i];
	return NULL;
}

static void *
at(void *base, size_t offset)
{
	return (char *)base + offset;
}

/* Typed views of a member named by its offset. */
static int64_t *int_at(void *i, size_t off) { return at(i, off); }
static bool *bool_at(void *i, size_t off) { return at(i, off); }
static char **str_at(void *i, size_t off) { return at(i, off); }
static struct gw_strlist *list_at(void *i, size_t off) { return at(i, off); }

static void
set_str(void *instance, size_t offset, const char *text)
{
	char **p = str_at(instance, offset);

	free(*p);
	*p = gw_xstrdup(text);
}

static void
instance_clear(void *instance, const struct gw_conf_section *s)
{
	for (size_t i = 0; i < s->key_count; i++) {
		const struct gw_conf_key *k = &s->keys[i];

		if (k->type == GW_CT_STR)
			free(*str_at(instance, k->offset));
		else if (k->type == GW_CT_LIST)
			gw_strlist_clear(list_at(instance, k->offset));
	}
	if (!s->is_titled)
		return;
	free(*str_at(instance, s->title_offset));
	if (s->parent != NULL)
		free(*str_at(instance, s->parent_offset));
}

static size_t *
count_of(struct gw_conf *c, const struct gw_conf_section *s)
{
	return at(c, s->count_offset);
}

static void **
array_of(struct gw_conf *c, const struct gw_conf_section *s)
{
	return at(c, s->offset);
}

void
gw_conf_clear(struct gw_conf *c)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];

		if (!s->is_titled) {
			instance_clear(at(c, s->offset), s);
			continue;
		}
		for (size_t j = 0; j < *count_of(c, s); j++)
			instance_clear(at(*array_of(c, s), j * s->size), s);
		free(*array_of(c, s));
	}
	memset(c, 0, sizeof(*c));
}

void *
gw_conf_instance(struct gw_conf *c, const struct gw_conf_section *s)
{
	size_t *n;
	void **array, *instance;

	if (!s->is_titled)
		return at(c, s->offset);
	n = count_of(c, s);
	array = array_of(c, s);
	if (*n >= GW_CONF_INSTANCES_MAX)
		return NULL;
	*array = gw_xrealloc(*array, *n + 1, s->size);
	instance = at(*array, (*n)++ * s->size);
	memset(instance, 0, s->size);
	return instance;
}

/* ---- values from text */

static bool
parse_int(const char *s, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(s, &end, 10);
	return errno == 0 && end != s && *end == '\0';
}

bool
gw_parse_duration(const char *s, int64_t *out_ms)
{
	static const struct { const char *unit; int64_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "min", 60000 },
		{ "h", 3600000 }, { "d", 86400000 },
	};
	size_t digits = strspn(s, "0123456789");
	int64_t n = 0;

	if (digits == 0 || digits > 9)
		return false;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (s[i] - '0');
	for (size_t i = 0; i < GW_COUNT(units); i++)
		if (strcmp(s + digits, units[i].unit) == 0) {
			*out_ms = n * units[i].ms;
			return true;
		}
	return false;
}

static bool
parse_bool(const char *s, bool *out)
{
	static const struct { const char *word; bool value; } words[] = {
		{ "yes", true }, { "no", false }, { "true", true },
		{ "false", false }, { "on", true }, { "off", false },
	};

	for (size_t i = 0; i < GW_COUNT(words); i++)
		if (strcmp(s, words[i].word) == 0) {
			*out = words[i].value;
			return true;
		}
	return false;
}

/* The position of `s` among "a|b|c", or -1. */
static int64_t
parse_choice(const char *choices, const char *s)
{
	size_t len = strlen(s);

	for (int64_t i = 0; ; i++) {
		size_t n = strcspn(choices, "|");

		if (n == len && strncmp(choices, s, n) == 0)
			return i;
		if (choices[n] == '\0')
			return -1;
		choices += n + 1;
	}
}

static enum gw_err
set_range(int64_t *p, const struct gw_conf_key *k, int64_t v,
	  struct gw_error *err)
{
	const char *unit = k->type == GW_CT_MSEC ? "ms" : "";

	if (v < k->lo || v > k->hi)
		return gw_fail(err, GW_ERR_CONF,
			       "%s: %" PRId64 "%s is out of range, %" PRId64
			       "%s to %" PRId64 "%s", k->name, v, unit, k->lo,
			       unit, k->hi, unit);
	*p = v;
	return GW_ERR_OK;
}

static enum gw_err
set_int(void *in, const struct gw_conf_key *k, const char *text,
	struct gw_error *err)
{
	int64_t v;

	if (!parse_int(text, &v))
		return gw_fail(err, GW_ERR_CONF, "%s: '%s' is not a number",
			       k->name, text);
	return set_range(int_at(in, k->offset), k, v, err);
}

static enum gw_err
set_msec(void *in, const struct gw_conf_key *k, const char *text,
	 struct gw_error *err)
{
	int64_t v;

	if (!gw_parse_duration(text, &v))
		return gw_fail(err, GW_ERR_CONF,
			       "%s: '%s' is not a duration such as 500ms, 2s, "
			       "5min, 8h or 1d", k->name, text);
	return set_range(int_at(in, k->offset), k, v, err);
}

static enum gw_err
set_bool(void *in, const struct gw_conf_key *k, const char *text,
	 struct gw_error *err)
{
	if (!parse_bool(text, bool_at(in, k->offset)))
		return gw_fail(err, GW_ERR_CONF, "%s: '%s' is not yes or no",
			       k->name, text);
	return GW_ERR_OK;
}

static enum gw_err
set_enum(void *in, const struct gw_conf_key *k, const char *text,
	 struct gw_error *err)
{
	int64_t v = parse_choice(k->choices, text);

	if (v < 0)
		return gw_fail(err, GW_ERR_CONF, "%s: '%s' is not one of %s",
			       k->name, text, k->choices);
	*int_at(in, k->offset) = v;
	return GW_ERR_OK;
}

static enum gw_err
set_text(void *in, const struct gw_conf_key *k, const char *text,
	 struct gw_error *err)
{
	if (strlen(text) > TEXT_MAX)
		return gw_fail(err, GW_ERR_CONF, "%s: longer than %d bytes",
			       k->name, TEXT_MAX);
	set_str(in, k->offset, text);
	return GW_ERR_OK;
}

static enum gw_err
set_list(void *in, const struct gw_conf_key *k, const char *text,
	 struct gw_error *err)
{
	struct gw_strlist *l = list_at(in, k->offset);

	if (l->n >= LIST_MAX || strlen(text) > TEXT_MAX)
		return gw_fail(err, GW_ERR_CONF,
			       "%s: more than %d values or %d bytes", k->name,
			       LIST_MAX, TEXT_MAX);
	gw_strlist_add(l, text);
	return GW_ERR_OK;
}

enum gw_err
gw_conf_set(void *instance, const struct gw_conf_key *k, const char *text,
	    struct gw_error *err)
{
	static enum gw_err (*const setters[])(void *,
					      const struct gw_conf_key *,
					      const char *,
					      struct gw_error *) = {
		[GW_CT_BOOL] = set_bool, [GW_CT_INT] = set_int,
		[GW_CT_MSEC] = set_msec, [GW_CT_STR] = set_text,
		[GW_CT_LIST] = set_list, [GW_CT_ENUM] = set_enum,
	};

	return setters[k->type](instance, k, text, err);
}

void
gw_conf_reset(void *instance, const struct gw_conf_key *k)
{
	if (k->type == GW_CT_LIST)
		gw_strlist_clear(list_at(instance, k->offset));
	if (k->type == GW_CT_STR)
		set_str(instance, k->offset, k->dflt ? k->dflt : "");
	else if (k->dflt != NULL)
		gw_assert(gw_conf_set(instance, k, k->dflt, NULL) ==
			  GW_ERR_OK);
}

void
gw_conf_defaults(void *instance, const struct gw_conf_section *s)
{
	for (size_t i = 0; i < s->key_count; i++)
		gw_conf_reset(instance, &s->keys[i]);
	if (!s->is_titled)
		return;
	set_str(instance, s->title_offset, "");
	if (s->parent != NULL)
		set_str(instance, s->parent_offset, "");
}

/* ---- values to text */

/* In the largest unit that says it exactly. */
static char *
duration_text(int64_t ms)
{
	static const struct { const char *unit; int64_t ms; } units[] = {
		{ "d", 86400000 }, { "h", 3600000 }, { "min", 60000 },
		{ "s", 1000 }, { "ms", 1 },
	};
	size_t i = 0;

	while (ms == 0 ? i < 3 : ms % units[i].ms != 0)
		i++;
	return gw_xasprintf("%" PRId64 "%s", ms / units[i].ms, units[i].unit);
}

static char *
choice_text(const char *choices, int64_t n)
{
	for (; n > 0; n--)
		choices += strcspn(choices, "|") + 1;
	return gw_xstrndup(choices, strcspn(choices, "|"));
}

char *
gw_conf_text(const void *instance, const struct gw_conf_key *k, size_t i)
{
	void *in = (void *)(uintptr_t)instance; /* only read below */

	if (k->type == GW_CT_LIST)
		return i < list_at(in, k->offset)->n
			       ? gw_xstrdup(list_at(in, k->offset)->v[i])
			       : NULL;
	if (i > 0)
		return NULL;
	switch (k->type) {
	case GW_CT_STR:
		return gw_xstrdup(*str_at(in, k->offset));
	case GW_CT_BOOL:
		return gw_xstrdup(*bool_at(in, k->offset) ? "yes" : "no");
	case GW_CT_ENUM:
		return choice_text(k->choices, *int_at(in, k->offset));
	case GW_CT_MSEC:
		return duration_text(*int_at(in, k->offset));
	default:
		return gw_xasprintf("%" PRId64, *int_at(in, k->offset));
	}
}

bool
gw_conf_is_default(const void *instance, const struct gw_conf_key *k)
{
	void *in = (void *)(uintptr_t)instance; /* only read below */
	struct gw_conf_key alone = *k;
	union { int64_t i; bool b; } dflt = { .i = 0 };

	if (k->type == GW_CT_LIST)
		return list_at(in, k->offset)->n == 0;
	if (k->type == GW_CT_STR)
		return strcmp(*str_at(in, k->offset),
			      k->dflt != NULL ? k->dflt : "") == 0;
	alone.offset = 0;
	gw_assert(gw_conf_set(&dflt, &alone, k->dflt, NULL) == GW_ERR_OK);
	return k->type == GW_CT_BOOL ? *bool_at(in, k->offset) == dflt.b
				     : *int_at(in, k->offset) == dflt.i;
}

/* ---- wire form: section, title, parent, then each key in table order */

static void
encode_list(struct gw_wr *w, const struct gw_strlist *l)
{
	gw_wr_u32(w, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++)
		gw_wr_str(w, l->v[i]);
}

static void
encode_key(struct gw_wr *w, const struct gw_conf_key *k, void *in)
{
	if (k->type == GW_CT_STR)
		gw_wr_str(w, *str_at(in, k->offset));
	else if (k->type == GW_CT_LIST)
		encode_list(w, list_at(in, k->offset));
	else if (k->type == GW_CT_BOOL)
		gw_wr_u64(w, *bool_at(in, k->offset));
	else
		gw_wr_u64(w, (uint64_t)*int_at(in, k->offset));
}

void
gw_conf_encode(struct gw_wr *w, const struct gw_conf_section *s,
	       const void *instance)
{
	void *in = (void *)(uintptr_t)instance; /* only read below */

	gw_wr_str(w, s->name);
	if (s->is_titled)
		gw_wr_str(w, *str_at(in, s->title_offset));
	if (s->parent != NULL)
		gw_wr_str(w, *str_at(in, s->parent_offset));
	for (size_t i = 0; i < s->key_count; i++)
		encode_key(w, &s->keys[i], in);
}

static void
decode_str(struct gw_rd *r, char **p)
{
	free(*p);
	*p = gw_rd_strdup(r, TEXT_MAX);
}

static void
decode_list(struct gw_rd *r, struct gw_strlist *l)
{
	size_t n = gw_rd_count(r, LIST_MAX);

	gw_strlist_clear(l);
	for (size_t i = 0; i < n && !r->bad; i++) {
		char *s = gw_rd_strdup(r, TEXT_MAX);

		gw_strlist_add(l, s);
		free(s);
	}
}

static void
decode_key(struct gw_rd *r, const struct gw_conf_key *k, void *in)
{
	if (k->type == GW_CT_STR)
		decode_str(r, str_at(in, k->offset));
	else if (k->type == GW_CT_LIST)
		decode_list(r, list_at(in, k->offset));
	else if (k->type == GW_CT_BOOL)
		*bool_at(in, k->offset) = gw_rd_u64(r) == 1;
	else
		*int_at(in, k->offset) = (int64_t)gw_rd_u64(r);
}

enum gw_err
gw_conf_decode(struct gw_rd *r, struct gw_conf *c)
{
	const struct gw_conf_section *s;
	char name[32];
	void *in;

	gw_rd_str(r, name, sizeof(name));
	s = r->bad ? NULL : gw_conf_section(name);
	in = s != NULL ? gw_conf_instance(c, s) : NULL;
	if (in == NULL)
		return GW_ERR_PROTO;
	if (s->is_titled)
		decode_str(r, str_at(in, s->title_offset));
	if (s->parent != NULL)
		decode_str(r, str_at(in, s->parent_offset));
	for (size_t i = 0; i < s->key_count; i++)
		decode_key(r, &s->keys[i], in);
	return gw_rd_done(r) ? GW_ERR_OK : GW_ERR_PROTO;
}

/* ---- look-ups */

const struct gw_conf_listener *
gw_conf_listener(const struct gw_conf *c, const char *title)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (strcmp(c->listeners[i].title, title) == 0)
			return &c->listeners[i];
	return NULL;
}

const struct gw_conf_upstream *
gw_conf_upstream(const struct gw_conf *c, const char *title)
{
	for (size_t i = 0; i < c->upstream_count; i++)
		if (strcmp(c->upstreams[i].title, title) == 0)
			return &c->upstreams[i];
	return NULL;
}

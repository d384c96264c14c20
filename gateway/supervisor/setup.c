/* setup.c — see setup.h. */
#include "setup.h"
#include "gw/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
gw_setup_needs_kdc(const struct gw_conf *c)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (c->listeners[i].admission == GW_ADMIT_DIRECTORY)
			return true;
	/* Who has a directory may have lists and NTAuth read from it. */
	return c->listener_count == 0 || *c->directory.realm != '\0';
}

void
gw_setup_keep(struct gw_setup *s, struct gw_file *f)
{
	s->files = gw_xrealloc(s->files, s->file_count + 1, sizeof(*f));
	s->files[s->file_count++] = *f;
	*f = (struct gw_file){ .data = NULL };
}

void
gw_setup_warn(struct gw_setup *s, int line, const char *fmt, ...)
{
	struct gw_complaint w;
	va_list ap;

	va_start(ap, fmt);
	(void)gw_complain_va(&w, line, fmt, ap);
	va_end(ap);
	s->warnings = gw_xrealloc(s->warnings, s->warning_count + 1,
				  sizeof(w));
	s->warnings[s->warning_count++] = w;
}

void
gw_setup_clear(struct gw_setup *s)
{
	for (size_t i = 0; i < s->file_count; i++)
		gw_file_clear(&s->files[i]);
	free(s->files);
	free(s->listeners);
	free(s->warnings);
	free(s->path);
	gw_conf_clear(&s->conf);
	gw_source_clear(&s->src);
	*s = (struct gw_setup){ .path = NULL };
}

/* ---- new certificates */

static bool
is_own(const struct gw_file *f, const char *title)
{
	return (f->purpose == GW_FILE_SERVER_CERT ||
		f->purpose == GW_FILE_SERVER_KEY ||
		f->purpose == GW_FILE_SERVER_STAPLE) &&
	       strcmp(f->name, title) == 0;
}

static const struct gw_file *
next_own(const struct gw_setup *s, const char *title, size_t *at)
{
	while (*at < s->file_count && !is_own(&s->files[*at], title))
		(*at)++;
	return *at < s->file_count ? &s->files[(*at)++] : NULL;
}

static bool
same_own(const struct gw_setup *a, const struct gw_setup *b,
	 const char *title)
{
	size_t i = 0, j = 0;
	const struct gw_file *x, *y;

	do {
		x = next_own(a, title, &i);
		y = next_own(b, title, &j);
		if ((x == NULL) != (y == NULL))
			return false;
		if (x != NULL && (x->len != y->len ||
				  memcmp(x->data, y->data, x->len) != 0))
			return false;
	} while (x != NULL);
	return true;
}

static void
drop_own(struct gw_setup *s, const char *title)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->file_count; i++) {
		if (is_own(&s->files[i], title))
			gw_file_clear(&s->files[i]);
		else
			s->files[kept++] = s->files[i];
	}
	s->file_count = kept;
}

static struct gw_setup_listener *
listener_named(const struct gw_setup *s, const char *title)
{
	for (size_t i = 0; i < s->conf.listener_count; i++)
		if (strcmp(s->conf.listeners[i].title, title) == 0)
			return &s->listeners[i];
	return NULL;
}

bool
gw_setup_take_certificates(struct gw_setup *s, struct gw_setup *fresh,
			   const char *title)
{
	struct gw_setup_listener *to = listener_named(s, title);
	const struct gw_setup_listener *from = listener_named(fresh, title);

	if (to == NULL || from == NULL || same_own(s, fresh, title))
		return false;
	drop_own(s, title);
	for (size_t i = 0; i < fresh->file_count; i++)
		if (is_own(&fresh->files[i], title))
			gw_setup_keep(s, &fresh->files[i]);
	memcpy(to->subject, from->subject, sizeof(to->subject));
	to->expires = from->expires;
	to->staple_until = from->staple_until;
	return true;
}

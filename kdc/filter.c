/* filter.c — see filter.h. */
#include "filter.h"
#include "gw/util.h"

#include <string.h>

static void
append(struct gw_filter *f, const char *p, size_t len)
{
	if (f->bad || len > GW_FILTER_MAX - f->len - 1) {
		f->bad = true;
		return;
	}
	if (f->len + len + 1 > f->cap) {
		f->cap = GW_MAX(f->cap * 2, f->len + len + 1);
		f->cap = GW_MAX(f->cap, (size_t)256);
		f->text = gw_xrealloc(f->text, f->cap, 1);
	}
	memcpy(f->text + f->len, p, len);
	f->len += len;
	f->text[f->len] = '\0';
}

void
gw_filter_clear(struct gw_filter *f)
{
	free(f->text);
	*f = (struct gw_filter){ .text = NULL };
}

void
gw_filter_raw(struct gw_filter *f, const char *syntax)
{
	append(f, syntax, strlen(syntax));
}

static bool
is_harmless(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr("-._@:", c));
}

static void
append_value(struct gw_filter *f, const unsigned char *p, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		const char hex[3] = { '\\', digits[p[i] >> 4],
				      digits[p[i] & 15] };
		const char plain = (char)p[i];

		if (is_harmless(p[i]))
			append(f, &plain, 1);
		else
			append(f, hex, sizeof(hex));
	}
}

void
gw_filter_equal(struct gw_filter *f, const char *attr, const void *value,
		size_t len)
{
	append(f, "(", 1);
	append(f, attr, strlen(attr));
	append(f, "=", 1);
	append_value(f, value, len);
	append(f, ")", 1);
}

void
gw_filter_equal_str(struct gw_filter *f, const char *attr, const char *value)
{
	gw_filter_equal(f, attr, value, strlen(value));
}

const char *
gw_filter_text(const struct gw_filter *f)
{
	return f->bad ? NULL : f->text;
}

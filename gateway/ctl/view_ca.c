/* view_ca.c — the registry; see view.h. */
#include "doc.h"
#include "table.h"
#include "view.h"
#include "gw/util.h"

#include <string.h>

/* Whole, however long. */
static void
put_safe(FILE *out, const char *s)
{
	char part[GW_CELL_MAX / 2], safe[GW_CELL_MAX];
	size_t n;

	for (; *s != '\0'; s += n) {
		n = strnlen(s, sizeof(part) - 1);
		memcpy(part, s, n);
		part[n] = '\0';
		gw_text_safe(part, GW_CELL_MAX, safe);
		fputs(safe, out);
	}
}

/* "KEY = VALUE", one a line. */
static void
put_setting(FILE *out, const char *key, const json_t *v, int indent,
	    bool is_first)
{
	fprintf(out, "%*s", is_first ? 0 : indent, "");
	put_safe(out, key);
	fputs(" = ", out);
	put_safe(out, json_is_string(v) ? json_string_value(v) : "?");
	fputc('\n', out);
}

static bool
is_relaxation(const char *key)
{
	return strcmp(key, "relax") == 0 || strcmp(key, "validity_skew") == 0;
}

/* What is not the default, but for the relaxations, which stand elsewhere; the
 * first at the place where the line is, the others at `indent`. The number of
 * lines. */
static size_t
put_settings(FILE *out, json_t *settings, int indent)
{
	const char *key;
	json_t *v, *x;
	size_t i, n = 0;

	json_object_foreach(settings, key, v) {
		if (is_relaxation(key))
			continue;
		if (!json_is_array(v))
			put_setting(out, key, v, indent, n++ == 0);
		json_array_foreach(v, i, x)
			put_setting(out, key, x, indent, n++ == 0);
	}
	return n;
}

static bool
has_settings(const json_t *ca)
{
	json_t *settings = json_object_get(ca, "settings"), *v;
	const char *key;

	json_object_foreach(settings, key, v)
		if (!is_relaxation(key))
			return true;
	return false;
}

static const struct gw_column ca_list_cols[] = {
	{ "ID", "id", GW_AS_TEXT, 0 },
	{ "STATE", "state", GW_AS_STATE, 0 },
	{ "UNTIL", "expires", GW_AS_DATE, 0 },
	{ "LIVE", "live", GW_AS_NUMBER, 0 },
	{ "RELAXED", "settings", GW_AS_RELAXED, 0 },
	{ "SOURCE", "source", GW_AS_TEXT, 0 },
	{ "SUBJECT", "subject", GW_AS_TEXT, 0 },
};

#define ID_INDENT 16 /* behind an id in the first column */

void
gw_view_cas(FILE *out, const json_t *cas, int64_t now, struct gw_style style)
{
	static const struct gw_column id = { "", "id", GW_AS_TEXT, 12 };
	const json_t *ca;
	size_t i;

	if (json_array_size(cas) == 0) {
		fputs("no CA is registered\n", out);
		return;
	}
	gw_table_put(out, cas, ca_list_cols, GW_COUNT(ca_list_cols), now,
		     style);
	json_array_foreach(cas, i, ca) {
		if (!has_settings(ca))
			continue;
		fprintf(out, "\n  %-12s  ", gw_cell_of(ca, &id, now).text);
		put_settings(out, json_object_get(ca, "settings"), ID_INDENT);
	}
}

/* Above everything else: who reads the page has read it. */
static void
put_relaxed(FILE *out, const json_t *ca, struct gw_style style)
{
	static const struct gw_column col = { "", "settings", GW_AS_RELAXED,
					      0 };
	struct gw_cell c = gw_cell_of(ca, &col, 0);

	if (c.is_bad)
		fprintf(out, "%sRELAXED: %s%s\n", gw_paint(style, GW_RED),
			c.text, gw_paint(style, GW_PLAIN));
}

void
gw_view_ca(FILE *out, const json_t *ca, int64_t now, struct gw_style style)
{
	static const struct gw_column lines[] = {
		{ "Id", "id", GW_AS_TEXT, 0 },
		{ "State", "state", GW_AS_STATE, 0 },
		{ "Reason", "reason", GW_AS_TEXT, 0 },
		{ "Sessions", "live", GW_AS_TEXT, 0 },
		{ "Source", "source", GW_AS_TEXT, 0 },
		{ "File", "file", GW_AS_TEXT, 0 },
		{ "Registered", "registered", GW_AS_DATE, 0 },
		{ "State since", "since", GW_AS_AGO, 0 },
		{ "Subject", "subject", GW_AS_TEXT, 0 },
		{ "Issuer", "issuer", GW_AS_TEXT, 0 },
		{ "Serial", "serial", GW_AS_TEXT, 0 },
		{ "Ends", "expires", GW_AS_DATE, 0 },
		{ "Days left", "days_left", GW_AS_TEXT, 0 },
		{ "Key", "key", GW_AS_TEXT, 0 },
		{ "Signed by", "signature", GW_AS_TEXT, 0 },
		{ "SHA-256", "sha256", GW_AS_TEXT, 0 },
	};

	put_relaxed(out, ca, style);
	for (size_t i = 0; i < GW_COUNT(lines); i++) {
		struct gw_cell c = gw_cell_of(ca, &lines[i], now);
		bool is_red = c.is_bad && lines[i].kind == GW_AS_STATE;

		fprintf(out, "%-13s%s%s%s\n", lines[i].title,
			is_red ? gw_paint(style, GW_RED) : "", c.text,
			is_red ? gw_paint(style, GW_PLAIN) : "");
	}
	fprintf(out, "%-13s", "Settings");
	if (put_settings(out, json_object_get(ca, "settings"), 13) == 0)
		fputs("-\n", out);
}

void
gw_view_client_auth(FILE *out, const json_t *doc)
{
	static const struct gw_column since = { "", "since", GW_AS_DATE, 0 };
	struct gw_cell c = gw_cell_of(doc, &since, 0);
	char status[GW_CELL_MAX];

	gw_text_safe(gw_doc_text(doc, "status"), 16, status);
	if (gw_doc_number(doc, "since") > 0)
		fprintf(out, "client authentication: %s since %s\n", status,
			c.text);
	else
		fprintf(out, "client authentication: %s\n", status);
}

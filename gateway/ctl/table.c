/* table.c — see table.h. */
#include "table.h"
#include "gw/util.h"

#define INDENT 2
#define GAP    2

struct table {
	FILE *out;
	struct gw_style style;
	const struct gw_column *cols;
	size_t count;
	int64_t now;
	size_t width[GW_COLUMNS_MAX];
};

static bool
is_right(const struct gw_column *c)
{
	return c->kind == GW_AS_NUMBER || c->kind == GW_AS_LATENCY ||
	       c->kind == GW_AS_SKEW || c->kind == GW_AS_PERCENT;
}

static void
measure(struct table *t, const json_t *rows)
{
	size_t i, used = INDENT;
	const json_t *row;

	for (size_t j = 0; j < t->count; j++)
		t->width[j] = gw_text_width(t->cols[j].title);
	json_array_foreach(rows, i, row)
		for (size_t j = 0; j < t->count; j++) {
			struct gw_cell c = gw_cell_of(row, &t->cols[j], t->now);

			t->width[j] = GW_MAX(t->width[j],
					     gw_text_width(c.text));
		}
	/* what does not fit is taken from the last column */
	for (size_t j = 0; j + 1 < t->count; j++)
		used += t->width[j] + GAP;
	if (used + 8 < (size_t)t->style.width)
		t->width[t->count - 1] = GW_MIN(t->width[t->count - 1],
						(size_t)t->style.width - used);
}

static void
put_cell(struct table *t, size_t j, const char *s, bool is_bad)
{
	size_t w = gw_text_width(s);
	int pad = w < t->width[j] ? (int)(t->width[j] - w) : 0;
	bool right = is_right(&t->cols[j]);
	bool last = j + 1 == t->count;

	fprintf(t->out, "%*s%s%s%s%*s", (int)(j == 0 ? INDENT : GAP) +
		(right ? pad : 0), "",
		is_bad ? gw_paint(t->style, GW_RED) : "", s,
		is_bad ? gw_paint(t->style, GW_PLAIN) : "",
		right || last ? 0 : pad, "");
}

static void
put_row(struct table *t, const json_t *row)
{
	char last[GW_CELL_MAX];

	for (size_t j = 0; j < t->count; j++) {
		struct gw_cell c = gw_cell_of(row, &t->cols[j], t->now);

		gw_text_safe(c.text, j + 1 == t->count ? t->width[j]
						       : GW_CELL_MAX, last);
		put_cell(t, j, last, c.is_bad);
	}
	fputc('\n', t->out);
}

void
gw_table_put(FILE *out, const json_t *rows, const struct gw_column *cols,
	     size_t count, int64_t now, struct gw_style style)
{
	struct table t = { .out = out, .style = style, .cols = cols,
			   .count = count, .now = now };
	const json_t *row;
	size_t i;

	measure(&t, rows);
	for (size_t j = 0; j < count; j++)
		put_cell(&t, j, cols[j].title, false);
	fputc('\n', out);
	json_array_foreach(rows, i, row)
		put_row(&t, row);
}

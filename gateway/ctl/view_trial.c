/* view_trial.c — `gwctl test-cert`; see view.h. */
#include "doc.h"
#include "text.h"
#include "view.h"
#include "gw/util.h"

#include <string.h>

static void
put_stage(FILE *out, const json_t *stage, struct gw_style style)
{
	const char *state = gw_doc_text(stage, "state");
	bool is_bad = strcmp(state, "refused") == 0;
	bool is_good = strcmp(state, "passed") == 0;
	enum gw_colour c = is_bad ? GW_RED : is_good ? GW_GREEN : GW_PLAIN;
	char safe[GW_CELL_MAX], took[32] = "";

	gw_text_safe(gw_doc_text(stage, "detail"), GW_CELL_MAX - 1, safe);
	if (is_good || is_bad)
		gw_format(took, sizeof(took), "%.1f ms",
			  (double)gw_doc_number(stage, "us") / 1000);
	fprintf(out, "  %-10s  %s%s%s", gw_doc_text(stage, "stage"),
		gw_paint(style, c), state, gw_paint(style, GW_PLAIN));
	if (is_good || is_bad)
		fprintf(out, "%*s  %s", 18 - (int)strlen(state), took, safe);
	fputc('\n', out);
}

void
gw_view_trial(FILE *out, const json_t *report, struct gw_style style)
{
	const json_t *stages = json_object_get(report, "stages"), *x;
	bool is_good = json_is_true(json_object_get(report, "accepted"));
	char safe[GW_CELL_MAX];
	size_t i;

	gw_text_safe(gw_doc_text(report, "subject"), GW_CELL_MAX - 1, safe);
	fprintf(out, "%s, serial %s, at listener %s\n", safe,
		gw_doc_text(report, "serial"), gw_doc_text(report, "listener"));
	json_array_foreach(stages, i, x)
		put_stage(out, x, style);
	fprintf(out, "%s%s: %s%s\n",
		gw_paint(style, is_good ? GW_GREEN : GW_RED),
		is_good ? "accepted" : "refused", gw_doc_text(report, "reason"),
		gw_paint(style, GW_PLAIN));
	if (is_good)
		return;
	fputs("  ", out);
	gw_text_wrap(out, gw_doc_text(report, "cause"), 2, style.width);
	fputs("  > ", out);
	gw_text_wrap(out, gw_doc_text(report, "cure"), 4, style.width);
}

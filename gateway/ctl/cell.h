/* gateway/ctl/cell.h — one value of a document as people read it: a date, a
 * latency, a state that is good or bad. Linked into gwctl only. Pure. */
#ifndef GW_CTL_CELL_H
#define GW_CTL_CELL_H

#include <jansson.h>
#include "text.h"

/* How a value is said. */
enum gw_cell_kind {
	GW_AS_TEXT, GW_AS_STATE, GW_AS_NUMBER, GW_AS_LATENCY, GW_AS_SINCE,
	GW_AS_AGO, GW_AS_UNTIL, GW_AS_DATE, GW_AS_SECONDS, GW_AS_YES,
	GW_AS_SKEW, GW_AS_ID, GW_AS_REASON, GW_AS_RELAXED, GW_AS_PERCENT,
};

struct gw_column {
	const char *title, *key;
	enum gw_cell_kind kind;
	size_t max; /* columns; 0: as wide as needed */
};

struct gw_cell {
	char text[GW_CELL_MAX];
	bool is_bad;
};

/* The value of row's member `key`; "-" when it is missing. `now` is wall
 * clock. */
struct gw_cell gw_cell_of(const json_t *row, const struct gw_column *col,
			  int64_t now);

#endif

/* gateway/ctl/table.h — rows of a document under the titles of columns, kept
 * within the page's width. Linked into gwctl only. Pure but for writing to
 * `out`. */
#ifndef GW_CTL_TABLE_H
#define GW_CTL_TABLE_H

#include <stdio.h>
#include "cell.h"
#include "style.h"

#define GW_COLUMNS_MAX 10

/* `count` is at most GW_COLUMNS_MAX; `now` is wall clock. What does not fit
 * is cut from the last column. */
void gw_table_put(FILE *out, const json_t *rows, const struct gw_column *cols,
		  size_t count, int64_t now, struct gw_style style);

#endif

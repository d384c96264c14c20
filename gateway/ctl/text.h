/* gateway/ctl/text.h — text for people: safe for a terminal, short durations,
 * wrapped lines. Linked into gwctl only. Pure but for writing to `out`. */
#ifndef GW_CTL_TEXT_H
#define GW_CTL_TEXT_H

#include <stdio.h>
#include "gw/compiler.h"

#define GW_CELL_MAX 192

/* Copies with everything a terminal could act upon made '?': control
 * characters, C1, direction marks, bytes that are not UTF-8. Cut at `width`
 * columns, the last then being an ellipsis. */
void gw_text_safe(const char *s, size_t width, char out[GW_CELL_MAX]);
/* Columns it takes: characters; wide ones are not treated specially. */
size_t gw_text_width(const char *s);

/* "45 s", "3 min 20 s", "2 h 5 min", "12 d 3 h", "3 y 40 d". */
void gw_text_duration(int64_t seconds, char out[GW_CELL_MAX]);
/* "850 us", "3.2 ms", "1.25 s". */
void gw_text_latency(int64_t us, char out[GW_CELL_MAX]);

/* Words of `s`, made safe, in lines of at most `width` columns, each begun
 * with `indent` blanks but the first, which stands at `indent` already. */
void gw_text_wrap(FILE *out, const char *s, int indent, int width);

#endif

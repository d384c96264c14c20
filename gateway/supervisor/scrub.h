/* gateway/supervisor/scrub.h — makes configuration text safe for libconfuse
 * 3.3, whose scanner counts comment lines wrongly, drops characters it does
 * not know without a word, lets a string run on over lines, and closes every
 * open brace at the file's end. Linked into gwd only. Pure. */
#ifndef GW_SCRUB_H
#define GW_SCRUB_H

#include <stddef.h>

#include "complaint.h"

/* Blanks comments and carriage returns in place, so that lines keep their
 * numbers. False for what libconfuse would misread. */
GW_MUST_CHECK bool gw_scrub(char *text, size_t len, struct gw_complaint *c);

#endif

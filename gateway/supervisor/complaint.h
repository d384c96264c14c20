/* gateway/supervisor/complaint.h — what is wrong with the configuration, as
 * the administrator is told. Linked into gwd only. Text in a fixed buffer:
 * to complain cannot fail. */
#ifndef GW_COMPLAINT_H
#define GW_COMPLAINT_H

#include <stdarg.h>

#include "gw/compiler.h"

/* For one line on stderr: "gwd: FILE:LINE: TEXT". */
struct gw_complaint {
	int line; /* 0: the file as a whole */
	char text[512];
};

/* Fills `c`; always false, so that checks can end with it. */
bool gw_complain(struct gw_complaint *c, int line, const char *fmt, ...)
	GW_PRINTF(3, 4);
bool gw_complain_va(struct gw_complaint *c, int line, const char *fmt,
		    va_list ap) GW_PRINTF(3, 0);

#endif

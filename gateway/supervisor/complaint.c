/* complaint.c — see complaint.h. */
#include "complaint.h"

#include <stdarg.h>
#include <stdio.h>

bool
gw_complain(struct gw_complaint *c, int line, const char *fmt, ...)
{
	va_list ap;

	c->line = line;
	va_start(ap, fmt);
	if (vsnprintf(c->text, sizeof(c->text), fmt, ap) < 0)
		c->text[0] = '\0';
	va_end(ap);
	return false;
}

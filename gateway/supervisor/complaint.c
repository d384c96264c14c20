/* complaint.c — see complaint.h. */
#include "complaint.h"

#include <stdio.h>

bool
gw_complain_va(struct gw_complaint *c, int line, const char *fmt, va_list ap)
{
	c->line = line;
	if (vsnprintf(c->text, sizeof(c->text), fmt, ap) < 0)
		c->text[0] = '\0';
	return false;
}

bool
gw_complain(struct gw_complaint *c, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)gw_complain_va(c, line, fmt, ap);
	va_end(ap);
	return false;
}

/* style.c — see style.h. */
#include "style.h"

const char *
gw_paint(struct gw_style s, enum gw_colour c)
{
	static const char *const codes[] = {
		[GW_PLAIN] = "\033[0m", [GW_BOLD] = "\033[1m",
		[GW_GREEN] = "\033[1;32m", [GW_YELLOW] = "\033[1;33m",
		[GW_RED] = "\033[1;31m",
	};

	return s.colour ? codes[c] : "";
}

/* gateway/ctl/style.h — how a page looks: its width, and colours if the
 * terminal has them. Linked into gwctl only. Pure. */
#ifndef GW_CTL_STYLE_H
#define GW_CTL_STYLE_H

#include <stdbool.h>

struct gw_style {
	bool colour;
	int width; /* columns to keep within */
};

enum gw_colour { GW_PLAIN, GW_BOLD, GW_GREEN, GW_YELLOW, GW_RED };

/* What begins that colour, or ends it; "" without colours. */
const char *gw_paint(struct gw_style s, enum gw_colour c);

#endif

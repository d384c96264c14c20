/* auth.c — see auth.h. */
#include "auth.h"

struct gw_now
gw_auth_now(const struct gw_auth *a)
{
	return (struct gw_now){ .wall = time(NULL),
				.mono_ms = gw_loop_now_ms(a->loop) };
}

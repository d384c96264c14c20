/* gateway/supervisor/cfgopts.h — the option tables libconfuse reads a file by,
 * made from gw_conf_sections. Linked into gwd only. Every value arrives at a
 * callback as text. */
#ifndef GW_CFGOPTS_H
#define GW_CFGOPTS_H

#include <confuse.h>

struct gw_cfgopts_calls {
	/* When a section opens, the top level too. libconfuse does not tell,
	 * but reads defaults the moment it happens: this is the default of a
	 * hidden list. It aborts when that is refused. */
	cfg_callback_t on_open;
	cfg_callback_t on_value; /* for each value of each key */
};

/* The top level's, with all sections in it. The caller's; libconfuse copies
 * them. */
cfg_opt_t *gw_cfgopts_make(const struct gw_cfgopts_calls *calls);
void gw_cfgopts_free(cfg_opt_t *opts);

#endif

/* cfgopts.c — see cfgopts.h. */
#include "cfgopts.h"
#include "gw/conf.h"
#include "gw/util.h"

#include <string.h>

#define OPENED "(opened)"

static cfg_opt_t *make_opts(const struct gw_conf_section *s,
			    const struct gw_cfgopts_calls *calls);

static cfg_opt_t
section_opt(const struct gw_conf_section *s,
	    const struct gw_cfgopts_calls *calls)
{
	return (cfg_opt_t){
		.name = s->name, .type = CFGT_SEC,
		.subopts = make_opts(s, calls),
		.flags = s->is_titled ? CFGF_MULTI | CFGF_TITLE
				      : CFGF_NODEFAULT,
	};
}

static cfg_opt_t
key_opt(const struct gw_conf_key *k, cfg_callback_t on_value)
{
	return (cfg_opt_t){
		.name = k->name, .type = CFGT_STR, .parsecb = on_value,
		.flags = CFGF_NODEFAULT |
			 (k->type == GW_CT_LIST ? CFGF_LIST : CFGF_NONE),
	};
}

static bool
stands_in(const struct gw_conf_section *s, const struct gw_conf_section *in)
{
	if (s == &gw_conf_sections[0])
		return false;
	return s->parent == NULL ? in == &gw_conf_sections[0]
				 : strcmp(s->parent, in->name) == 0;
}

static cfg_opt_t *
make_opts(const struct gw_conf_section *s,
	  const struct gw_cfgopts_calls *calls)
{
	size_t n = 0;
	cfg_opt_t *o = gw_xcalloc(s->key_count + gw_conf_section_count + 2,
				  sizeof(*o));

	o[n++] = (cfg_opt_t){
		.name = OPENED, .type = CFGT_STR, .flags = CFGF_LIST,
		.def.parsed = (char *)(uintptr_t)"{x}",
		.parsecb = calls->on_open,
	};
	for (size_t i = 0; i < s->key_count; i++)
		o[n++] = key_opt(&s->keys[i], calls->on_value);
	for (size_t i = 0; i < gw_conf_section_count; i++)
		if (stands_in(&gw_conf_sections[i], s))
			o[n++] = section_opt(&gw_conf_sections[i], calls);
	return o; /* the last element is zero: CFG_END */
}

cfg_opt_t *
gw_cfgopts_make(const struct gw_cfgopts_calls *calls)
{
	return make_opts(&gw_conf_sections[0], calls);
}

void
gw_cfgopts_free(cfg_opt_t *opts)
{
	for (size_t i = 0; opts[i].name != NULL; i++)
		if (opts[i].subopts != NULL)
			gw_cfgopts_free(opts[i].subopts);
	free(opts);
}

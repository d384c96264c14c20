/* gateway/ctl/settings.h — the options of `gwctl ca register` and `ca update`
 * that set keys of a CA. Linked into gwctl only. They are the keys of the
 * configuration's table and nothing else: --ocsp-url is ocsp_url. */
#ifndef GW_CTL_SETTINGS_H
#define GW_CTL_SETTINGS_H

#include <jansson.h>
#include <stdio.h>
#include "gw/error.h"
#include "gw/settings.h"

/* Whether `word` is such an option. */
bool gw_ctl_is_setting(const char *word);
/* Adds it with its value. GW_ERR_CONF. */
GW_MUST_CHECK enum gw_err gw_ctl_add_setting(struct gw_settings *s,
					     const char *word,
					     const char *value,
					     struct gw_error *err);
/* As far as it can be told without the gateway. GW_ERR_CONF. */
GW_MUST_CHECK enum gw_err gw_ctl_check_settings(const struct gw_settings *s,
						struct gw_error *err);
/* By key, each with an array of its values. */
json_t *gw_ctl_settings_json(const struct gw_settings *s);

/* Every option with its sentence and default. */
void gw_ctl_settings_help(FILE *out, int width);

#endif

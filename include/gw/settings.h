/* gw/settings.h — settings of one CA as text, the way they stand in the
 * configuration file: what an operator asks for and what the registry keeps.
 * Linked into every process. Which keys there are, and what is their default,
 * is said by the table of gw/conf.h and nowhere else. Pure. */
#ifndef GW_SETTINGS_H
#define GW_SETTINGS_H

#include "gw/conf.h"

#define GW_SETTINGS_MAX      64    /* values, all keys together */
#define GW_SETTINGS_TEXT     16384 /* bytes of keys and values with NULs */
#define GW_SETTING_KEY_MAX   32    /* with NUL */
#define GW_SETTING_VALUE_MAX (GW_CA_PLACE_MAX + 1) /* with NUL */

/* A list's values are as many settings of one key. An empty value means the
 * default and stands alone. */
struct gw_settings {
	size_t count, len;
	char text[GW_SETTINGS_TEXT]; /* key, value, key, value, … */
};

/* The keys that go with a CA wherever it is registered: those of section `ca`
 * but its file. NULL: no such key. */
const struct gw_conf_key *gw_setting_key(const char *name);
bool gw_setting_is(const struct gw_conf_key *key);

/* False: no such key, too long, too many. */
GW_MUST_CHECK bool gw_settings_add(struct gw_settings *s, const char *key,
				   const char *value);

struct gw_setting {
	const char *key, *value; /* borrowed */
};
/* In the order they were added; `at` begins as { NULL, NULL }. False at the
 * end. */
bool gw_settings_next(const struct gw_settings *s, struct gw_setting *at);

/* Each key that is there takes the place of the key's old values; others stay
 * as they are. On GW_ERR_CONF, whose detail begins with the key, `ca` is of
 * no use. The whole is for gw_conf_ca_check() to judge. */
GW_MUST_CHECK enum gw_err gw_settings_apply(const struct gw_settings *s,
					    struct gw_conf_ca *ca,
					    struct gw_error *err);
/* What differs from the defaults. False when it is too much. */
GW_MUST_CHECK bool gw_settings_of(const struct gw_conf_ca *ca,
				  struct gw_settings *out);

void gw_settings_encode(struct gw_wr *w, const struct gw_settings *s);
/* As other fields: `r` turns bad for what gw_settings_add() refuses. */
void gw_settings_decode(struct gw_rd *r, struct gw_settings *out);

#endif

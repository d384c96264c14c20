/* settings.c — see settings.h. */
#include "settings.h"
#include "text.h"
#include "gw/util.h"

#include <string.h>

#define INDENT 8

/* "--ocsp-url" becomes "ocsp_url"; "" when it cannot be a key. */
static void
key_of(const char *word, char out[GW_SETTING_KEY_MAX])
{
	out[0] = '\0';
	if (strncmp(word, "--", 2) != 0 || strchr(word, '_') != NULL ||
	    !gw_copy(out, GW_SETTING_KEY_MAX, word + 2))
		return;
	for (char *p = out; *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
}

static void
option_of(const struct gw_conf_key *k, char out[GW_SETTING_KEY_MAX + 2])
{
	gw_format(out, GW_SETTING_KEY_MAX + 2, "--%s", k->name);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
}

bool
gw_ctl_is_setting(const char *word)
{
	char key[GW_SETTING_KEY_MAX];

	key_of(word, key);
	return gw_setting_key(key) != NULL;
}

enum gw_err
gw_ctl_add_setting(struct gw_settings *s, const char *word, const char *value,
		   struct gw_error *err)
{
	char key[GW_SETTING_KEY_MAX];

	key_of(word, key);
	if (gw_settings_add(s, key, value))
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_CONF, "%s: more than %d bytes, or more "
		       "than %d values together", key,
		       GW_SETTING_VALUE_MAX - 1, GW_SETTINGS_MAX);
}

enum gw_err
gw_ctl_check_settings(const struct gw_settings *s, struct gw_error *err)
{
	const struct gw_conf_section *section = gw_conf_section("ca");
	struct gw_conf conf = { .ca_count = 0 };
	struct gw_conf_ca *ca = gw_conf_instance(&conf, section);
	const char *key;
	enum gw_err rc;

	gw_conf_defaults(ca, section);
	rc = gw_settings_apply(s, ca, err);
	if (rc == GW_ERR_OK)
		rc = gw_conf_ca_check_values(ca, &key, err);
	gw_conf_clear(&conf);
	return rc;
}

json_t *
gw_ctl_settings_json(const struct gw_settings *s)
{
	struct gw_setting at = { NULL, NULL };
	json_t *o = json_object();

	while (gw_settings_next(s, &at)) {
		if (json_object_get(o, at.key) == NULL)
			json_object_set_new(o, at.key, json_array());
		json_array_append_new(json_object_get(o, at.key),
				      json_string(at.value));
	}
	return o;
}

/* ---- help */

static const char *
value_word(const struct gw_conf_key *k)
{
	static const char *const words[] = {
		[GW_CT_BOOL] = "yes|no", [GW_CT_INT] = "NUMBER",
		[GW_CT_MSEC] = "DURATION", [GW_CT_STR] = "VALUE",
		[GW_CT_LIST] = "VALUE", [GW_CT_ENUM] = NULL,
	};

	return k->type == GW_CT_ENUM ? k->choices : words[k->type];
}

static void
help_one(FILE *out, const struct gw_conf_key *k, int width)
{
	char option[GW_SETTING_KEY_MAX + 2];
	gw_auto(free) char *words = gw_xasprintf("%s%s%s%s%s", k->doc,
		k->dflt != NULL ? " Default: " : "",
		k->dflt != NULL ? k->dflt : "", k->dflt != NULL ? "." : "",
		k->type == GW_CT_LIST ? " May be given several times." : "");

	option_of(k, option);
	fprintf(out, "  %s %s\n%*s", option, value_word(k), INDENT, "");
	gw_text_wrap(out, words, INDENT, width);
}

void
gw_ctl_settings_help(FILE *out, int width)
{
	const struct gw_conf_section *s = gw_conf_section("ca");

	for (size_t i = 0; i < s->key_count; i++)
		if (gw_setting_is(&s->keys[i]))
			help_one(out, &s->keys[i], width);
}

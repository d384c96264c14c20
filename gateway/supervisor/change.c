/* change.c — see change.h. */
#include "change.h"
#include "gw/util.h"

#include <string.h>

/* A string, or an array of strings; an empty one means the default, too. */
static const char *
set_values(const char *key, const json_t *v, struct gw_settings *out)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;
	bool ok = true;

	if (gw_setting_key(key) == NULL)
		return "settings: there is no such key for a CA; "
		       "gwctl ca register --help lists them";
	if (n == 0)
		ok = gw_settings_add(out, key, "");
	for (size_t i = 0; ok && i < n; i++) {
		const char *text = json_string_value(
			json_is_array(v) ? json_array_get(v, i) : v);

		if (text == NULL)
			return "settings: a value is a string or an array of "
			       "strings";
		ok = gw_settings_add(out, key, text);
	}
	return ok ? NULL : "settings: more than 64 values, 511 bytes for one, "
			   "or 16 KiB for all";
}

static const char *
set_settings(json_t *o, struct gw_settings *out)
{
	const char *key, *wrong = NULL;
	json_t *v;

	if (o != NULL && !json_is_object(o))
		return "settings is an object";
	json_object_foreach(o, key, v) {
		wrong = set_values(key, v, out);
		if (wrong != NULL)
			break;
	}
	return wrong;
}

static const char *
set_pem(const char *pem, struct gw_admin *out)
{
	if (pem == NULL)
		return NULL;
	out->pem = (const uint8_t *)pem;
	out->pem_len = strlen(pem);
	return out->pem_len <= GW_ADMIN_PEM_MAX
		       ? NULL : "pem is longer than 24576 bytes";
}

const char *
gw_change_read(const char *body, size_t len, struct gw_admin *out,
	       json_t **keep)
{
	const char *pem = NULL, *listener = "", *wrong;
	json_t *settings = NULL;
	json_int_t at = 0;
	int is_short = 0, force = 0;

	*keep = len > 0 ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL)
			: json_object();
	if (*keep == NULL ||
	    json_unpack(*keep, "{s?s, s?o, s?b, s?b, s?s, s?I !}", "pem",
			&pem, "settings", &settings, "allow_short",
			&is_short, "force", &force, "listener", &listener,
			"at", &at) != 0)
		return "the body is an object with any of pem, settings, "
		       "allow_short, force, listener and at";
	if (!gw_copy(out->listener, sizeof(out->listener), listener))
		return "there is no such listener";
	out->at = at;
	out->flags |= (is_short != 0 ? GW_ADMIN_ALLOW_SHORT : 0u) |
		      (force != 0 ? GW_ADMIN_FORCE : 0u);
	wrong = set_settings(settings, &out->settings);
	return wrong != NULL ? wrong : set_pem(pem, out);
}

json_t *
gw_change_answer(const struct gw_admin_done *d)
{
	if (d->error == GW_ADMIN_OK && d->report_len > 0)
		return json_loadb(d->report, d->report_len,
				  JSON_REJECT_DUPLICATES, NULL);
	if (d->error == GW_ADMIN_OK)
		return json_pack("{s:s, s:I}", "id", d->id, "sessions_ended",
				 (json_int_t)d->ended);
	return json_pack("{s:s, s:s, s:s, s:s}", "error",
			 gw_admin_err_name(d->error), "detail", d->detail,
			 "cause", gw_admin_err_cause(d->error), "cure",
			 gw_admin_err_cure(d->error));
}

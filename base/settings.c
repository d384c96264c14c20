/* settings.c — see gw/settings.h. */
#include "gw/settings.h"
#include "gw/util.h"

#include <string.h>

bool
gw_setting_is(const struct gw_conf_key *key)
{
	return (key->flags & GW_CF_PATH) == 0;
}

const struct gw_conf_key *
gw_setting_key(const char *name)
{
	const struct gw_conf_section *s = gw_conf_section("ca");

	for (size_t i = 0; i < s->key_count; i++)
		if (strcmp(s->keys[i].name, name) == 0)
			return gw_setting_is(&s->keys[i]) ? &s->keys[i] : NULL;
	return NULL;
}

/* ---- the list */

static void
append(struct gw_settings *s, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(s->text + s->len, text, size);
	s->len += size;
}

bool
gw_settings_add(struct gw_settings *s, const char *key, const char *value)
{
	size_t size = strlen(key) + 1 + strlen(value) + 1;

	if (gw_setting_key(key) == NULL || s->count >= GW_SETTINGS_MAX ||
	    strlen(value) >= GW_SETTING_VALUE_MAX ||
	    size > sizeof(s->text) - s->len)
		return false;
	append(s, key);
	append(s, value);
	s->count++;
	return true;
}

bool
gw_settings_next(const struct gw_settings *s, struct gw_setting *at)
{
	const char *next = s->text;

	if (at->key != NULL)
		next = at->value + strlen(at->value) + 1;
	if (next >= s->text + s->len)
		return false;
	at->key = next;
	at->value = next + strlen(next) + 1;
	return true;
}

static size_t
count_of(const struct gw_settings *s, const char *key)
{
	struct gw_setting at = { NULL, NULL };
	size_t n = 0;

	while (gw_settings_next(s, &at))
		n += strcmp(at.key, key) == 0;
	return n;
}

static bool
is_first(const struct gw_settings *s, const struct gw_setting *one)
{
	struct gw_setting at = { NULL, NULL };

	while (gw_settings_next(s, &at) && strcmp(at.key, one->key) != 0)
		;
	return at.key == one->key;
}

/* ---- to and from a section */

static enum gw_err
apply_one(const struct gw_settings *s, const struct gw_setting *one,
	  struct gw_conf_ca *ca, struct gw_error *err)
{
	const struct gw_conf_key *k = gw_setting_key(one->key);
	bool is_alone = count_of(s, one->key) == 1;

	if (k->type != GW_CT_LIST && !is_alone)
		return gw_fail(err, GW_ERR_CONF, "%s: given twice", k->name);
	if (is_first(s, one))
		gw_conf_reset(ca, k);
	if (*one->value != '\0')
		return gw_conf_set(ca, k, one->value, err);
	return is_alone ? GW_ERR_OK
			: gw_fail(err, GW_ERR_CONF, "%s: an empty value means "
				  "the default and stands alone", k->name);
}

enum gw_err
gw_settings_apply(const struct gw_settings *s, struct gw_conf_ca *ca,
		  struct gw_error *err)
{
	struct gw_setting at = { NULL, NULL };
	enum gw_err rc = GW_ERR_OK;

	while (rc == GW_ERR_OK && gw_settings_next(s, &at))
		rc = apply_one(s, &at, ca, err);
	return rc;
}

static bool
add_values(const struct gw_conf_ca *ca, const struct gw_conf_key *k,
	   struct gw_settings *out)
{
	bool ok = true;
	char *text;

	for (size_t i = 0; ok && (text = gw_conf_text(ca, k, i)) != NULL;
	     i++) {
		ok = gw_settings_add(out, k->name, text);
		free(text);
	}
	return ok;
}

bool
gw_settings_of(const struct gw_conf_ca *ca, struct gw_settings *out)
{
	const struct gw_conf_section *s = gw_conf_section("ca");
	bool ok = true;

	out->count = out->len = 0;
	for (size_t i = 0; ok && i < s->key_count; i++)
		if (gw_setting_is(&s->keys[i]) &&
		    !gw_conf_is_default(ca, &s->keys[i]))
			ok = add_values(ca, &s->keys[i], out);
	return ok;
}

/* ---- wire form */

void
gw_settings_encode(struct gw_wr *w, const struct gw_settings *s)
{
	struct gw_setting at = { NULL, NULL };

	gw_wr_u32(w, (uint32_t)s->count);
	while (gw_settings_next(s, &at)) {
		gw_wr_str(w, at.key);
		gw_wr_str(w, at.value);
	}
}

void
gw_settings_decode(struct gw_rd *r, struct gw_settings *out)
{
	size_t n = gw_rd_count(r, GW_SETTINGS_MAX);
	char key[GW_SETTING_KEY_MAX], value[GW_SETTING_VALUE_MAX];

	out->count = out->len = 0;
	for (; n > 0 && !r->bad; n--) {
		gw_rd_str(r, key, sizeof(key));
		gw_rd_str(r, value, sizeof(value));
		if (!r->bad && !gw_settings_add(out, key, value))
			r->bad = true;
	}
}

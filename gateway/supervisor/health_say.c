/* health_say.c — see health_priv.h. */
#include "health_priv.h"
#include "gw/error.h"
#include "gw/util.h"

#include <stdarg.h>
#include <stdio.h>

/* Cut text must not end inside a letter of UTF-8: jansson would refuse it. */
static void
trim_utf8(char *s)
{
	size_t len = strlen(s);

	while (len > 0 && ((unsigned char)s[len - 1] & 0xc0) == 0x80)
		s[--len] = '\0';
	if (len > 0 && ((unsigned char)s[len - 1] & 0x80) != 0)
		s[len - 1] = '\0';
}

void
gw_say(struct gw_judge *j, enum gw_severity sev, const char *cure,
       const char *fmt, ...)
{
	static const char *const names[] = { "note", "warning", "critical" };
	char what[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (n < 0)
		what[0] = '\0';
	else if ((size_t)n >= sizeof(what))
		trim_utf8(what);
	json_array_append_new(j->found[sev],
			      json_pack("{s:s, s:s, s:s}", "severity",
					names[sev], "what", what, "cure",
					cure));
}

const char *
gw_cure_of(const char *error, const char *otherwise)
{
	char name[48];
	size_t len = strcspn(error, ": ");
	enum gw_err code;

	if (len == 0 || len >= sizeof(name))
		return otherwise;
	memcpy(name, error, len);
	name[len] = '\0';
	code = gw_err_by_name(name);
	return code == GW_ERR_COUNT || code == GW_ERR_OK ? otherwise
							 : gw_err_cure(code);
}

const char *
gw_colon(const char *why)
{
	return *why != '\0' ? ": " : "";
}

bool
gw_is_good(const char *state)
{
	static const char *const good[] = { "ok", "up", "good", "unknown",
					    "unused", "idle", "new", "none",
					    "renewing", "" };

	for (size_t i = 0; i < GW_COUNT(good); i++)
		if (strcmp(state, good[i]) == 0)
			return true;
	return false;
}

bool
gw_none_is_good(struct gw_judge *j, const json_t *rows,
		void (*warn)(struct gw_judge *j, const json_t *row))
{
	size_t i, bad = 0;
	const json_t *r;

	json_array_foreach(rows, i, r) {
		if (gw_is_good(text(r, "state")))
			continue;
		warn(j, r);
		bad++;
	}
	return bad > 0 && bad == json_array_size(rows);
}

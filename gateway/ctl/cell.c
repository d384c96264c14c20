/* cell.c — see cell.h. A column knows how its value is said. */
#include "cell.h"
#include "doc.h"
#include "gw/error.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define ID_SHOWN 12 /* characters of a session id; `gwctl kill` takes them */

static void
say_text(const json_t *v, int64_t now, struct gw_cell *c)
{
	(void)now;
	if (json_is_integer(v))
		snprintf(c->text, sizeof(c->text), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(v));
	else if (json_string_length(v) > 0)
		gw_text_safe(json_string_value(v), GW_CELL_MAX, c->text);
}

static void
say_state(const json_t *v, int64_t now, struct gw_cell *c)
{
	static const char *const good[] = {
		"ok", "up", "good", "Registered", "Deregistered", "unknown",
		"unused", "idle", "new", "none", "renewing", "off", "-",
	};

	say_text(v, now, c);
	c->is_bad = true;
	for (size_t i = 0; i < GW_COUNT(good); i++)
		if (strcmp(c->text, good[i]) == 0)
			c->is_bad = false;
}

static void
say_latency(const json_t *v, int64_t now, struct gw_cell *c)
{
	(void)now;
	if (json_is_integer(v) && json_integer_value(v) > 0)
		gw_text_latency(json_integer_value(v), c->text);
}

static void
say_since(const json_t *v, int64_t now, struct gw_cell *c)
{
	if (json_is_integer(v) && json_integer_value(v) > 0)
		gw_text_duration(now - json_integer_value(v), c->text);
}

static void
say_ago(const json_t *v, int64_t now, struct gw_cell *c)
{
	say_since(v, now, c);
	if (strcmp(c->text, "-") != 0)
		memcpy(c->text + strlen(c->text), " ago", sizeof(" ago"));
}

static void
say_until(const json_t *v, int64_t now, struct gw_cell *c)
{
	int64_t left = json_integer_value(v) - now;

	if (!json_is_integer(v) || json_integer_value(v) == 0)
		return;
	c->is_bad = left < 0;
	if (left < 0)
		gw_format(c->text, sizeof(c->text), "over");
	else
		gw_text_duration(left, c->text);
}

static void
say_date(const json_t *v, int64_t now, struct gw_cell *c)
{
	time_t t = json_integer_value(v);
	struct tm tm;

	if (!json_is_integer(v) || t == 0 || gmtime_r(&t, &tm) == NULL)
		return;
	(void)strftime(c->text, sizeof(c->text), "%Y-%m-%d", &tm);
	c->is_bad = t < now;
}

static void
say_seconds(const json_t *v, int64_t now, struct gw_cell *c)
{
	(void)now;
	if (json_is_integer(v))
		gw_text_duration(json_integer_value(v), c->text);
}

static void
say_yes(const json_t *v, int64_t now, struct gw_cell *c)
{
	if (json_is_boolean(v))
		gw_format(c->text, sizeof(c->text), "%s",
			  json_is_true(v) ? "yes" : "NO");
	else
		say_text(v, now, c);
	c->is_bad = json_is_false(v) || strcasecmp(c->text, "no") == 0;
}

static void
say_skew(const json_t *v, int64_t now, struct gw_cell *c)
{
	int64_t ms = json_integer_value(v);

	(void)now;
	if (!json_is_integer(v))
		return;
	gw_format(c->text, sizeof(c->text), "%+.1f s", (double)ms / 1e3);
	c->is_bad = ms > 60000 || ms < -60000;
}

static void
say_percent(const json_t *v, int64_t now, struct gw_cell *c)
{
	(void)now;
	if (!json_is_integer(v))
		return;
	gw_format(c->text, sizeof(c->text), "%lld %%",
		  (long long)json_integer_value(v));
	c->is_bad = json_integer_value(v) < 90;
}

static void
say_id(const json_t *v, int64_t now, struct gw_cell *c)
{
	say_text(v, now, c);
	if (strlen(c->text) > ID_SHOWN)
		c->text[ID_SHOWN] = '\0';
}

/* The cause after the name: what people look up first. */
static void
say_reason(const json_t *v, int64_t now, struct gw_cell *c)
{
	enum gw_err code = json_is_string(v)
		? gw_err_by_name(json_string_value(v)) : GW_ERR_COUNT;

	(void)now;
	if (code != GW_ERR_COUNT)
		gw_text_safe(gw_err_cause(code), GW_CELL_MAX, c->text);
}

/* The rules given up, out of a CA's settings. */
static void
say_relaxed(const json_t *v, int64_t now, struct gw_cell *c)
{
	const json_t *rules = json_object_get(v, "relax"), *x;
	const char *skew = gw_doc_text(v, "validity_skew");
	char all[GW_CELL_MAX] = "";
	size_t i, len = 0;

	(void)now;
	json_array_foreach(rules, i, x)
		if (json_is_string(x) && len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len,
						"%s%s", i > 0 ? " " : "",
						json_string_value(x));
	if (*skew != '\0' && len < sizeof(all))
		len += (size_t)snprintf(all + len, sizeof(all) - len,
					"%svalidity-skew=%s",
					len > 0 ? " " : "", skew);
	if (len == 0)
		return;
	gw_text_safe(all, GW_CELL_MAX, c->text);
	c->is_bad = true;
}

struct gw_cell
gw_cell_of(const json_t *row, const struct gw_column *col, int64_t now)
{
	static void (*const say[])(const json_t *, int64_t,
				   struct gw_cell *) = {
		[GW_AS_TEXT] = say_text, [GW_AS_STATE] = say_state,
		[GW_AS_NUMBER] = say_text, [GW_AS_LATENCY] = say_latency,
		[GW_AS_SINCE] = say_since, [GW_AS_AGO] = say_ago,
		[GW_AS_UNTIL] = say_until, [GW_AS_DATE] = say_date,
		[GW_AS_SECONDS] = say_seconds, [GW_AS_YES] = say_yes,
		[GW_AS_SKEW] = say_skew, [GW_AS_ID] = say_id,
		[GW_AS_REASON] = say_reason, [GW_AS_RELAXED] = say_relaxed,
		[GW_AS_PERCENT] = say_percent,
	};
	struct gw_cell c = { .text = "-" };
	char cut[GW_CELL_MAX];

	say[col->kind](json_object_get(row, col->key), now, &c);
	if (col->max != 0 && gw_text_width(c.text) > col->max) {
		gw_text_safe(c.text, col->max, cut);
		memcpy(c.text, cut, sizeof(cut));
	}
	return c;
}

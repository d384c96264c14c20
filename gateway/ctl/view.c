/* view.c — see view.h. Every table is a list of columns; a column knows how
 * its value is said. Missing values are "-". */
#include "view.h"
#include "text.h"
#include "gw/error.h"
#include "gw/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define INDENT 2
#define GAP    2
#define ID_SHOWN 12 /* characters of a session id; `gwctl kill` takes them */

enum kind {
	AS_TEXT, AS_STATE, AS_NUMBER, AS_LATENCY, AS_SINCE, AS_AGO, AS_UNTIL,
	AS_DATE, AS_SECONDS, AS_YES, AS_SKEW, AS_ID, AS_REASON, AS_RELAXED,
};

struct column {
	const char *title, *key;
	enum kind kind;
	size_t max; /* columns; 0: as wide as needed */
};

struct cell {
	char text[GW_CELL_MAX];
	bool is_bad;
};

enum colour { PLAIN, BOLD, GREEN, YELLOW, RED };

static const char *
paint(struct gw_style s, enum colour c)
{
	static const char *const codes[] = {
		[PLAIN] = "\033[0m", [BOLD] = "\033[1m",
		[GREEN] = "\033[1;32m", [YELLOW] = "\033[1;33m",
		[RED] = "\033[1;31m",
	};

	return s.colour ? codes[c] : "";
}

static const char *
text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s != NULL ? s : "";
}

static int64_t
number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

/* ---- cells */

static void
say_text(const json_t *v, int64_t now, struct cell *c)
{
	(void)now;
	if (json_is_integer(v))
		snprintf(c->text, sizeof(c->text), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(v));
	else if (json_string_length(v) > 0)
		gw_text_safe(json_string_value(v), GW_CELL_MAX, c->text);
}

static void
say_state(const json_t *v, int64_t now, struct cell *c)
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
say_latency(const json_t *v, int64_t now, struct cell *c)
{
	(void)now;
	if (json_is_integer(v) && json_integer_value(v) > 0)
		gw_text_latency(json_integer_value(v), c->text);
}

static void
say_since(const json_t *v, int64_t now, struct cell *c)
{
	if (json_is_integer(v) && json_integer_value(v) > 0)
		gw_text_duration(now - json_integer_value(v), c->text);
}

static void
say_ago(const json_t *v, int64_t now, struct cell *c)
{
	say_since(v, now, c);
	if (strcmp(c->text, "-") != 0)
		memcpy(c->text + strlen(c->text), " ago", sizeof(" ago"));
}

static void
say_until(const json_t *v, int64_t now, struct cell *c)
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
say_date(const json_t *v, int64_t now, struct cell *c)
{
	time_t t = json_integer_value(v);
	struct tm tm;

	if (!json_is_integer(v) || t == 0 || gmtime_r(&t, &tm) == NULL)
		return;
	(void)strftime(c->text, sizeof(c->text), "%Y-%m-%d", &tm);
	c->is_bad = t < now;
}

static void
say_seconds(const json_t *v, int64_t now, struct cell *c)
{
	(void)now;
	if (json_is_integer(v))
		gw_text_duration(json_integer_value(v), c->text);
}

static void
say_yes(const json_t *v, int64_t now, struct cell *c)
{
	if (json_is_boolean(v))
		gw_format(c->text, sizeof(c->text), "%s",
			  json_is_true(v) ? "yes" : "NO");
	else
		say_text(v, now, c);
	c->is_bad = json_is_false(v) || strcasecmp(c->text, "no") == 0;
}

static void
say_skew(const json_t *v, int64_t now, struct cell *c)
{
	int64_t ms = json_integer_value(v);

	(void)now;
	if (!json_is_integer(v))
		return;
	gw_format(c->text, sizeof(c->text), "%+.1f s", (double)ms / 1e3);
	c->is_bad = ms > 60000 || ms < -60000;
}

static void
say_id(const json_t *v, int64_t now, struct cell *c)
{
	say_text(v, now, c);
	if (strlen(c->text) > ID_SHOWN)
		c->text[ID_SHOWN] = '\0';
}

/* The cause after the name: what people look up first. */
static void
say_reason(const json_t *v, int64_t now, struct cell *c)
{
	enum gw_err code = json_is_string(v)
		? gw_err_by_name(json_string_value(v)) : GW_ERR_COUNT;

	(void)now;
	if (code != GW_ERR_COUNT)
		gw_text_safe(gw_err_cause(code), GW_CELL_MAX, c->text);
}

/* The rules given up, out of a CA's settings. */
static void
say_relaxed(const json_t *v, int64_t now, struct cell *c)
{
	const json_t *rules = json_object_get(v, "relax"), *x;
	char all[GW_CELL_MAX] = "";
	size_t i, len = 0;

	(void)now;
	json_array_foreach(rules, i, x)
		if (json_is_string(x) && len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len,
						"%s%s", i > 0 ? " " : "",
						json_string_value(x));
	if (len == 0)
		return;
	gw_text_safe(all, GW_CELL_MAX, c->text);
	c->is_bad = true;
}

static struct cell
cell_of(const json_t *row, const struct column *col, int64_t now)
{
	static void (*const say[])(const json_t *, int64_t, struct cell *) = {
		[AS_TEXT] = say_text, [AS_STATE] = say_state,
		[AS_NUMBER] = say_text, [AS_LATENCY] = say_latency,
		[AS_SINCE] = say_since, [AS_AGO] = say_ago,
		[AS_UNTIL] = say_until, [AS_DATE] = say_date,
		[AS_SECONDS] = say_seconds, [AS_YES] = say_yes,
		[AS_SKEW] = say_skew, [AS_ID] = say_id,
		[AS_REASON] = say_reason, [AS_RELAXED] = say_relaxed,
	};
	struct cell c = { .text = "-" };
	char cut[GW_CELL_MAX];

	say[col->kind](json_object_get(row, col->key), now, &c);
	if (col->max != 0 && gw_text_width(c.text) > col->max) {
		gw_text_safe(c.text, col->max, cut);
		memcpy(c.text, cut, sizeof(cut));
	}
	return c;
}

/* ---- tables */

#define COLUMNS_MAX 10

struct table {
	FILE *out;
	struct gw_style style;
	const struct column *cols;
	size_t count;
	int64_t now;
	size_t width[COLUMNS_MAX];
};

static bool
is_right(const struct column *c)
{
	return c->kind == AS_NUMBER || c->kind == AS_LATENCY ||
	       c->kind == AS_SKEW;
}

static void
measure(struct table *t, const json_t *rows)
{
	size_t i, used = INDENT;
	const json_t *row;

	for (size_t j = 0; j < t->count; j++)
		t->width[j] = gw_text_width(t->cols[j].title);
	json_array_foreach(rows, i, row)
		for (size_t j = 0; j < t->count; j++) {
			struct cell c = cell_of(row, &t->cols[j], t->now);

			t->width[j] = GW_MAX(t->width[j],
					     gw_text_width(c.text));
		}
	/* what does not fit is taken from the last column */
	for (size_t j = 0; j + 1 < t->count; j++)
		used += t->width[j] + GAP;
	if (used + 8 < (size_t)t->style.width)
		t->width[t->count - 1] = GW_MIN(t->width[t->count - 1],
						(size_t)t->style.width - used);
}

static void
put_cell(struct table *t, size_t j, const char *s, bool is_bad)
{
	size_t w = gw_text_width(s);
	int pad = w < t->width[j] ? (int)(t->width[j] - w) : 0;
	bool right = is_right(&t->cols[j]);
	bool last = j + 1 == t->count;

	fprintf(t->out, "%*s%s%s%s%*s", (int)(j == 0 ? INDENT : GAP) +
		(right ? pad : 0), "", is_bad ? paint(t->style, RED) : "", s,
		is_bad ? paint(t->style, PLAIN) : "", right || last ? 0 : pad,
		"");
}

static void
put_row(struct table *t, const json_t *row)
{
	char last[GW_CELL_MAX];

	for (size_t j = 0; j < t->count; j++) {
		struct cell c = cell_of(row, &t->cols[j], t->now);

		gw_text_safe(c.text, j + 1 == t->count ? t->width[j]
						       : GW_CELL_MAX, last);
		put_cell(t, j, last, c.is_bad);
	}
	fputc('\n', t->out);
}

static void
put_table(FILE *out, const json_t *rows, const struct column *cols,
	  size_t count, int64_t now, struct gw_style style)
{
	struct table t = { .out = out, .style = style, .cols = cols,
			   .count = count, .now = now };
	const json_t *row;
	size_t i;

	measure(&t, rows);
	for (size_t j = 0; j < count; j++)
		put_cell(&t, j, cols[j].title, false);
	fputc('\n', out);
	json_array_foreach(rows, i, row)
		put_row(&t, row);
}

/* ---- sections */

static void
heading(FILE *out, struct gw_style s, const char *fmt, ...) GW_PRINTF(3, 4);

static void
heading(FILE *out, struct gw_style s, const char *fmt, ...)
{
	va_list ap;

	fprintf(out, "\n%s", paint(s, BOLD));
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fprintf(out, "%s\n", paint(s, PLAIN));
}

static const struct column process_cols[] = {
	{ "NAME", "name", AS_TEXT, 0 },
	{ "STATE", "state", AS_STATE, 0 },
	{ "PID", "pid", AS_NUMBER, 0 },
	{ "RESTARTS", "restarts", AS_NUMBER, 0 },
	{ "UP", "uptime", AS_SECONDS, 0 },
	{ "LAST END", "last_end", AS_TEXT, 0 },
};
static const struct column listener_cols[] = {
	{ "NAME", "title", AS_TEXT, 16 },
	{ "ADDRESS", "address", AS_TEXT, 0 },
	{ "ADMITS BY", "admission", AS_TEXT, 0 },
	{ "OPEN", "connections", AS_NUMBER, 0 },
	{ "HANDSHAKES", "handshakes", AS_NUMBER, 0 },
	{ "FAILED", "handshakes_failed", AS_NUMBER, 0 },
	{ "DENIED", "denied", AS_NUMBER, 0 },
	{ "CERTIFICATE UNTIL", "certificate_expires", AS_DATE, 0 },
};
static const struct column reason_cols[] = {
	{ "COUNT", "count", AS_NUMBER, 0 },
	{ "REASON", "reason", AS_TEXT, 32 },
	{ "MEANS", "reason", AS_REASON, 0 },
};
static const struct column session_cols[] = {
	{ "ID", "id", AS_ID, 0 },
	{ "ACCOUNT", "account", AS_TEXT, 20 },
	{ "LISTENER", "listener", AS_TEXT, 10 },
	{ "PEER", "peer", AS_TEXT, 24 },
	{ "SINCE", "since", AS_SINCE, 0 },
	{ "LEFT", "until", AS_UNTIL, 0 },
	{ "CONN", "connections", AS_NUMBER, 0 },
	{ "MAPPED BY", "mapping", AS_TEXT, 0 },
};
static const struct column dc_cols[] = {
	{ "NAME", "name", AS_TEXT, 28 },
	{ "STATE", "state", AS_STATE, 16 },
	{ "LATENCY", "latency_us", AS_LATENCY, 0 },
	{ "DELEGATED", "delegated", AS_YES, 0 },
	{ "SKEW", "skew_ms", AS_SKEW, 0 },
	{ "LOGINS", "logins", AS_NUMBER, 0 },
	{ "FAILED", "failures", AS_NUMBER, 0 },
	{ "LAST ERROR", "last_error", AS_TEXT, 0 },
};
static const struct column ca_cols[] = {
	{ "NAME", "title", AS_TEXT, 16 },
	{ "SUBJECT", "subject", AS_TEXT, 40 },
	{ "UNTIL", "expires", AS_DATE, 0 },
	{ "STATE", "state", AS_STATE, 0 },
	{ "RELAXED", "settings", AS_RELAXED, 0 },
	{ "OCSP URL", "ocsp_url", AS_TEXT, 0 },
};
static const struct column ca_list_cols[] = {
	{ "ID", "id", AS_TEXT, 0 },
	{ "STATE", "state", AS_STATE, 0 },
	{ "UNTIL", "expires", AS_DATE, 0 },
	{ "LIVE", "live", AS_NUMBER, 0 },
	{ "RELAXED", "settings", AS_RELAXED, 0 },
	{ "SOURCE", "source", AS_TEXT, 0 },
	{ "SUBJECT", "subject", AS_TEXT, 0 },
};
static const struct column responder_cols[] = {
	{ "URL", "url", AS_TEXT, 36 },
	{ "STATE", "state", AS_STATE, 12 },
	{ "LATENCY", "latency_us", AS_LATENCY, 0 },
	{ "ASKED", "asked", AS_NUMBER, 0 },
	{ "FAILED", "failed", AS_NUMBER, 0 },
	{ "LAST OK", "last_ok", AS_AGO, 0 },
	{ "LAST ERROR", "last_error", AS_TEXT, 0 },
};
static const struct column list_cols[] = {
	{ "PLACE", "place", AS_TEXT, 44 },
	{ "STATE", "state", AS_STATE, 12 },
	{ "ENTRIES", "entries", AS_NUMBER, 0 },
	{ "BYTES", "bytes", AS_NUMBER, 0 },
	{ "ENDS IN", "next_update", AS_UNTIL, 0 },
	{ "RENEWED IN", "next_fetch", AS_UNTIL, 0 },
	{ "LAST ERROR", "last_error", AS_TEXT, 0 },
};
static const struct column answer_cols[] = {
	{ "SERIAL", "serial", AS_TEXT, 44 },
	{ "STATE", "state", AS_STATE, 12 },
	{ "FROM", "from", AS_TEXT, 0 },
	{ "GOOD FOR", "until", AS_UNTIL, 0 },
};
static const struct column upstream_cols[] = {
	{ "NAME", "title", AS_TEXT, 16 },
	{ "SERVER", "server", AS_TEXT, 0 },
	{ "STATE", "state", AS_STATE, 0 },
	{ "OPEN", "connections", AS_NUMBER, 0 },
	{ "IDLE", "idle", AS_NUMBER, 0 },
	{ "REQUESTS", "requests", AS_NUMBER, 0 },
	{ "ERRORS", "errors", AS_NUMBER, 0 },
	{ "LAST ERROR", "last_error", AS_TEXT, 0 },
};

struct page {
	FILE *out;
	const json_t *doc;
	int64_t now;
	struct gw_style style;
};

#define PUT(p, key, cols) \
	put_table((p)->out, json_object_get((p)->doc, key), cols, \
		  GW_COUNT(cols), (p)->now, (p)->style)

static size_t
count(const struct page *p, const char *key)
{
	return json_array_size(json_object_get(p->doc, key));
}

static void
put_processes(struct page *p)
{
	heading(p->out, p->style, "Processes");
	PUT(p, "processes", process_cols);
}

static void
put_listeners(struct page *p)
{
	heading(p->out, p->style, "Listeners");
	PUT(p, "listeners", listener_cols);
}

static void
put_logins(struct page *p)
{
	const json_t *l = json_object_get(p->doc, "logins");

	heading(p->out, p->style, "Logins: %" PRId64 " allowed, %" PRId64
		" denied, %" PRId64 " in progress", number(l, "allowed"),
		number(l, "denied"), number(l, "pending"));
	if (count(p, "reasons") > 0)
		PUT(p, "reasons", reason_cols);
}

static void
put_sessions(struct page *p)
{
	const json_t *a = json_object_get(p->doc, "auth");
	int64_t n = GW_MAX(number(a, "sessions"),
			   (int64_t)count(p, "sessions"));

	heading(p->out, p->style, "Sessions: %" PRId64, n);
	if (count(p, "sessions") > 0)
		PUT(p, "sessions", session_cols);
	if (n > (int64_t)count(p, "sessions"))
		fprintf(p->out, "  … all of them: gwctl sessions\n");
}

static void
put_dcs(struct page *p)
{
	if (count(p, "dcs") == 0)
		return;
	heading(p->out, p->style, "Domain controllers");
	PUT(p, "dcs", dc_cols);
}

static void
put_service(struct page *p)
{
	static const struct column cols[] = {
		{ "PRINCIPAL", "principal", AS_TEXT, 40 },
		{ "TICKET", "ticket_state", AS_STATE, 32 },
		{ "ENDS IN", "ticket_end", AS_UNTIL, 0 },
		{ "KEYTAB KVNO", "keytab_kvno", AS_NUMBER, 0 },
		{ "ANY PROTOCOL", "any_protocol", AS_YES, 0 },
		{ "NTAUTH CAS", "ntauth", AS_NUMBER, 0 },
	};
	json_t *s = json_object_get(p->doc, "service");
	json_t *rows;

	if (json_object_size(s) == 0)
		return;
	heading(p->out, p->style, "Service account");
	rows = json_pack("[O]", s);
	put_table(p->out, rows, cols, GW_COUNT(cols), p->now, p->style);
	json_decref(rows);
}

static void
put_cas(struct page *p)
{
	if (count(p, "cas") == 0)
		return;
	heading(p->out, p->style, "Certificate authorities");
	PUT(p, "cas", ca_cols);
}

static void
put_responders(struct page *p)
{
	if (count(p, "responders") == 0)
		return;
	heading(p->out, p->style, "OCSP responders");
	PUT(p, "responders", responder_cols);
}

static void
put_lists(struct page *p)
{
	if (count(p, "lists") == 0)
		return;
	heading(p->out, p->style, "Revocation lists");
	PUT(p, "lists", list_cols);
}

static void
put_answers(struct page *p)
{
	const json_t *r = json_object_get(p->doc, "revocation");
	int64_t asked = number(r, "asked"), kept = number(r, "from_cache");

	heading(p->out, p->style, "Answers kept: %" PRId64
		" (questions %" PRId64 ", answered from here %" PRId64
		", by grace %" PRId64 ", under way %" PRId64 ")",
		number(r, "answers"), asked, kept, number(r, "by_grace"),
		number(r, "under_way"));
	if (number(r, "next_recheck") > 0)
		fprintf(p->out, "  next question about a live session in "
			"%" PRId64 " s; without an answer now: %" PRId64
			"\n", GW_MAX(number(r, "next_recheck") - p->now,
				     (int64_t)0),
			number(r, "recheck_failing"));
	if (count(p, "answers") > 0)
		PUT(p, "answers", answer_cols);
	if (number(r, "answers") > (int64_t)count(p, "answers"))
		fprintf(p->out, "  … and more\n");
}

static void
put_upstreams(struct page *p)
{
	if (count(p, "upstreams") == 0)
		return;
	heading(p->out, p->style, "Upstreams");
	PUT(p, "upstreams", upstream_cols);
}

/* ---- the page */

static enum colour
colour_of(const char *health)
{
	static const struct { const char *word; enum colour c; } t[] = {
		{ "healthy", GREEN }, { "degraded", YELLOW }, { "down", RED },
		{ "critical", RED }, { "warning", YELLOW }, { "note", BOLD },
	};

	for (size_t i = 0; i < GW_COUNT(t); i++)
		if (strcmp(t[i].word, health) == 0)
			return t[i].c;
	return RED;
}

static void
put_verdict(struct page *p)
{
	static const struct { const char *health, *words; } t[] = {
		{ "healthy", "is healthy" },
		{ "degraded", "is DEGRADED: it works, but something is wrong" },
		{ "down", "is DOWN: users cannot log in or get through" },
	};
	const char *health = text(p->doc, "health");
	const char *words = "gave no verdict about itself";
	char version[GW_CELL_MAX], up[GW_CELL_MAX];

	for (size_t i = 0; i < GW_COUNT(t); i++)
		if (strcmp(t[i].health, health) == 0)
			words = t[i].words;
	gw_text_safe(text(p->doc, "version"), 16, version);
	gw_text_duration(number(p->doc, "uptime"), up);
	fprintf(p->out, "%sgwd %s %s%s (up %s)\n",
		paint(p->style, colour_of(health)), version, words,
		paint(p->style, PLAIN), up);
}

static void
put_problem(struct page *p, const json_t *x)
{
	const char *severity = text(x, "severity");
	const char *mark = strcmp(severity, "note") == 0 ? "i" : "!";

	fprintf(p->out, "\n%s%s%s ", paint(p->style, colour_of(severity)),
		mark, paint(p->style, PLAIN));
	gw_text_wrap(p->out, text(x, "what"), 2, p->style.width);
	fputs("  > ", p->out);
	gw_text_wrap(p->out, text(x, "cure"), 4, p->style.width);
}

void
gw_view_status(FILE *out, const json_t *doc, struct gw_style style)
{
	static void (*const parts[])(struct page *) = {
		put_processes, put_listeners, put_logins, put_sessions,
		put_dcs, put_service, put_cas, put_responders, put_lists,
		put_upstreams,
	};
	struct page p = { .out = out, .doc = doc, .style = style,
			  .now = number(doc, "time") };
	const json_t *problems = json_object_get(doc, "problems"), *x;
	size_t i;

	put_verdict(&p);
	json_array_foreach(problems, i, x)
		put_problem(&p, x);
	for (i = 0; i < GW_COUNT(parts); i++)
		parts[i](&p);
}

void
gw_view_ocsp(FILE *out, const json_t *doc, struct gw_style style)
{
	struct page p = { .out = out, .doc = doc, .style = style,
			  .now = number(doc, "time") };

	put_responders(&p);
	put_lists(&p);
	put_answers(&p);
}

void
gw_view_sessions(FILE *out, const json_t *sessions, int64_t now,
		 struct gw_style style)
{
	if (json_array_size(sessions) == 0)
		fputs("no sessions\n", out);
	else
		put_table(out, sessions, session_cols, GW_COUNT(session_cols),
			  now, style);
}

/* ---- a trial */

static void
put_stage(FILE *out, const json_t *stage, struct gw_style style)
{
	const char *state = text(stage, "state");
	bool is_bad = strcmp(state, "refused") == 0;
	bool is_good = strcmp(state, "passed") == 0;
	char safe[GW_CELL_MAX], took[32] = "";

	gw_text_safe(text(stage, "text"), GW_CELL_MAX - 1, safe);
	if (is_good || is_bad)
		gw_format(took, sizeof(took), "%.1f ms",
			  (double)number(stage, "us") / 1000);
	fprintf(out, "  %-10s  %s%s%s", text(stage, "stage"),
		paint(style, is_bad ? RED : is_good ? GREEN : PLAIN), state,
		paint(style, PLAIN));
	if (is_good || is_bad)
		fprintf(out, "%*s  %s", 18 - (int)strlen(state), took, safe);
	fputc('\n', out);
}

void
gw_view_trial(FILE *out, const json_t *report, struct gw_style style)
{
	const json_t *stages = json_object_get(report, "stages"), *x;
	bool is_good = json_is_true(json_object_get(report, "accepted"));
	char safe[GW_CELL_MAX];
	size_t i;

	gw_text_safe(text(report, "subject"), GW_CELL_MAX - 1, safe);
	fprintf(out, "%s, serial %s, at listener %s\n", safe,
		text(report, "serial"), text(report, "listener"));
	json_array_foreach(stages, i, x)
		put_stage(out, x, style);
	fprintf(out, "%s%s: %s%s\n", paint(style, is_good ? GREEN : RED),
		is_good ? "accepted" : "refused", text(report, "reason"),
		paint(style, PLAIN));
	if (is_good)
		return;
	fputs("  ", out);
	gw_text_wrap(out, text(report, "cause"), 2, style.width);
	fputs("  > ", out);
	gw_text_wrap(out, text(report, "cure"), 4, style.width);
}

/* ---- the registry */

/* Whole, however long. */
static void
put_safe(FILE *out, const char *s)
{
	char part[GW_CELL_MAX / 2], safe[GW_CELL_MAX];
	size_t n;

	for (; *s != '\0'; s += n) {
		n = strnlen(s, sizeof(part) - 1);
		memcpy(part, s, n);
		part[n] = '\0';
		gw_text_safe(part, GW_CELL_MAX, safe);
		fputs(safe, out);
	}
}

/* "KEY = VALUE", one a line. */
static void
put_setting(FILE *out, const char *key, const json_t *v, int indent,
	    bool is_first)
{
	fprintf(out, "%*s", is_first ? 0 : indent, "");
	put_safe(out, key);
	fputs(" = ", out);
	put_safe(out, json_is_string(v) ? json_string_value(v) : "?");
	fputc('\n', out);
}

/* What is not the default, but for the relaxations, which stand elsewhere; the
 * first at the place where the line is, the others at `indent`. The number of
 * lines. */
static size_t
put_settings(FILE *out, json_t *settings, int indent)
{
	const char *key;
	json_t *v, *x;
	size_t i, n = 0;

	json_object_foreach(settings, key, v) {
		if (strcmp(key, "relax") == 0)
			continue;
		if (!json_is_array(v))
			put_setting(out, key, v, indent, n++ == 0);
		json_array_foreach(v, i, x)
			put_setting(out, key, x, indent, n++ == 0);
	}
	return n;
}

static bool
has_settings(const json_t *ca)
{
	const json_t *settings = json_object_get(ca, "settings");
	size_t n = json_object_size(settings);

	return n > (json_object_get(settings, "relax") != NULL ? 1u : 0u);
}

#define ID_INDENT 16 /* behind an id in the first column */

void
gw_view_cas(FILE *out, const json_t *cas, int64_t now, struct gw_style style)
{
	static const struct column id = { "", "id", AS_TEXT, 12 };
	const json_t *ca;
	size_t i;

	if (json_array_size(cas) == 0) {
		fputs("no CA is registered\n", out);
		return;
	}
	put_table(out, cas, ca_list_cols, GW_COUNT(ca_list_cols), now, style);
	json_array_foreach(cas, i, ca) {
		if (!has_settings(ca))
			continue;
		fprintf(out, "\n  %-12s  ", cell_of(ca, &id, now).text);
		put_settings(out, json_object_get(ca, "settings"), ID_INDENT);
	}
}

/* Above everything else: who reads the page has read it. */
static void
put_relaxed(FILE *out, const json_t *ca, struct gw_style style)
{
	static const struct column col = { "", "settings", AS_RELAXED, 0 };
	struct cell c = cell_of(ca, &col, 0);

	if (c.is_bad)
		fprintf(out, "%sRELAXED: %s%s\n", paint(style, RED), c.text,
			paint(style, PLAIN));
}

void
gw_view_ca(FILE *out, const json_t *ca, int64_t now, struct gw_style style)
{
	static const struct column lines[] = {
		{ "Id", "id", AS_TEXT, 0 },
		{ "State", "state", AS_STATE, 0 },
		{ "Reason", "reason", AS_TEXT, 0 },
		{ "Sessions", "live", AS_TEXT, 0 },
		{ "Source", "source", AS_TEXT, 0 },
		{ "File", "file", AS_TEXT, 0 },
		{ "Registered", "registered", AS_DATE, 0 },
		{ "State since", "since", AS_AGO, 0 },
		{ "Subject", "subject", AS_TEXT, 0 },
		{ "Issuer", "issuer", AS_TEXT, 0 },
		{ "Serial", "serial", AS_TEXT, 0 },
		{ "Ends", "expires", AS_DATE, 0 },
		{ "Days left", "days_left", AS_TEXT, 0 },
		{ "Key", "key", AS_TEXT, 0 },
		{ "Signed by", "signature", AS_TEXT, 0 },
		{ "SHA-256", "sha256", AS_TEXT, 0 },
	};

	put_relaxed(out, ca, style);
	for (size_t i = 0; i < GW_COUNT(lines); i++) {
		struct cell c = cell_of(ca, &lines[i], now);
		bool is_red = c.is_bad && lines[i].kind == AS_STATE;

		fprintf(out, "%-13s%s%s%s\n", lines[i].title,
			is_red ? paint(style, RED) : "", c.text,
			is_red ? paint(style, PLAIN) : "");
	}
	fprintf(out, "%-13s", "Settings");
	if (put_settings(out, json_object_get(ca, "settings"), 13) == 0)
		fputs("-\n", out);
}

void
gw_view_client_auth(FILE *out, const json_t *doc)
{
	static const struct column since = { "", "since", AS_DATE, 0 };
	struct cell c = cell_of(doc, &since, 0);
	char status[GW_CELL_MAX];

	gw_text_safe(text(doc, "status"), 16, status);
	if (number(doc, "since") > 0)
		fprintf(out, "client authentication: %s since %s\n", status,
			c.text);
	else
		fprintf(out, "client authentication: %s\n", status);
}

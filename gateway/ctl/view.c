/* view.c — the pages of status, sessions and revocation; see view.h. Every
 * table is a list of columns. */
#include "doc.h"
#include "table.h"
#include "view.h"
#include "gw/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* ---- sections */

static void
heading(FILE *out, struct gw_style s, const char *fmt, ...) GW_PRINTF(3, 4);

static const struct gw_column process_cols[] = {
	{ "NAME", "name", GW_AS_TEXT, 0 },
	{ "STATE", "state", GW_AS_STATE, 0 },
	{ "PID", "pid", GW_AS_NUMBER, 0 },
	{ "RESTARTS", "restarts", GW_AS_NUMBER, 0 },
	{ "UP", "uptime", GW_AS_SECONDS, 0 },
	{ "LAST END", "last_end", GW_AS_TEXT, 0 },
};
static const struct gw_column listener_cols[] = {
	{ "NAME", "title", GW_AS_TEXT, 16 },
	{ "ADDRESS", "address", GW_AS_TEXT, 0 },
	{ "ADMITS BY", "admission", GW_AS_TEXT, 0 },
	{ "OPEN", "connections", GW_AS_NUMBER, 0 },
	{ "HANDSHAKES", "handshakes", GW_AS_NUMBER, 0 },
	{ "FAILED", "handshakes_failed", GW_AS_NUMBER, 0 },
	{ "DENIED", "denied", GW_AS_NUMBER, 0 },
	{ "CERTIFICATE UNTIL", "certificate_expires", GW_AS_DATE, 0 },
	{ "STAPLE", "staple_until", GW_AS_UNTIL, 0 },
};
static const struct gw_column reason_cols[] = {
	{ "COUNT", "count", GW_AS_NUMBER, 0 },
	{ "REASON", "reason", GW_AS_TEXT, 32 },
	{ "MEANS", "reason", GW_AS_REASON, 0 },
};
static const struct gw_column session_cols[] = {
	{ "ID", "id", GW_AS_ID, 0 },
	{ "ACCOUNT", "account", GW_AS_TEXT, 20 },
	{ "LISTENER", "listener", GW_AS_TEXT, 10 },
	{ "PEER", "peer", GW_AS_TEXT, 24 },
	{ "SINCE", "since", GW_AS_SINCE, 0 },
	{ "LEFT", "until", GW_AS_UNTIL, 0 },
	{ "CONN", "connections", GW_AS_NUMBER, 0 },
	{ "MAPPED BY", "mapping", GW_AS_TEXT, 0 },
};
static const struct gw_column dc_cols[] = {
	{ "NAME", "name", GW_AS_TEXT, 28 },
	{ "STATE", "state", GW_AS_STATE, 16 },
	{ "LATENCY", "latency_us", GW_AS_LATENCY, 0 },
	{ "DELEGATED", "delegated", GW_AS_YES, 0 },
	{ "SKEW", "skew_ms", GW_AS_SKEW, 0 },
	{ "LOGINS", "logins", GW_AS_NUMBER, 0 },
	{ "FAILED", "failures", GW_AS_NUMBER, 0 },
	{ "LAST ERROR", "last_error", GW_AS_TEXT, 0 },
};
static const struct gw_column ca_cols[] = {
	{ "NAME", "title", GW_AS_TEXT, 16 },
	{ "SUBJECT", "subject", GW_AS_TEXT, 40 },
	{ "UNTIL", "expires", GW_AS_DATE, 0 },
	{ "STATE", "state", GW_AS_STATE, 0 },
	{ "RELAXED", "settings", GW_AS_RELAXED, 0 },
	{ "OCSP URL", "ocsp_url", GW_AS_TEXT, 0 },
};
static const struct gw_column responder_cols[] = {
	{ "URL", "url", GW_AS_TEXT, 36 },
	{ "STATE", "state", GW_AS_STATE, 12 },
	{ "LATENCY", "latency_us", GW_AS_LATENCY, 0 },
	{ "ASKED", "asked", GW_AS_NUMBER, 0 },
	{ "FAILED", "failed", GW_AS_NUMBER, 0 },
	{ "SUCCESS", "success_percent", GW_AS_PERCENT, 0 },
	{ "LAST OK", "last_ok", GW_AS_AGO, 0 },
	{ "LAST ERROR", "last_error", GW_AS_TEXT, 0 },
};
static const struct gw_column list_cols[] = {
	{ "PLACE", "place", GW_AS_TEXT, 44 },
	{ "STATE", "state", GW_AS_STATE, 12 },
	{ "ENTRIES", "entries", GW_AS_NUMBER, 0 },
	{ "BYTES", "bytes", GW_AS_NUMBER, 0 },
	{ "ENDS IN", "next_update", GW_AS_UNTIL, 0 },
	{ "RENEWED IN", "next_fetch", GW_AS_UNTIL, 0 },
	{ "LAST ERROR", "last_error", GW_AS_TEXT, 0 },
};
static const struct gw_column answer_cols[] = {
	{ "SERIAL", "serial", GW_AS_TEXT, 44 },
	{ "STATE", "state", GW_AS_STATE, 12 },
	{ "FROM", "from", GW_AS_TEXT, 0 },
	{ "GOOD FOR", "until", GW_AS_UNTIL, 0 },
};
static const struct gw_column upstream_cols[] = {
	{ "NAME", "title", GW_AS_TEXT, 16 },
	{ "SERVER", "server", GW_AS_TEXT, 0 },
	{ "STATE", "state", GW_AS_STATE, 0 },
	{ "OPEN", "connections", GW_AS_NUMBER, 0 },
	{ "IDLE", "idle", GW_AS_NUMBER, 0 },
	{ "REQUESTS", "requests", GW_AS_NUMBER, 0 },
	{ "ERRORS", "errors", GW_AS_NUMBER, 0 },
	{ "LAST ERROR", "last_error", GW_AS_TEXT, 0 },
};

static void
heading(FILE *out, struct gw_style s, const char *fmt, ...)
{
	va_list ap;

	fprintf(out, "\n%s", gw_paint(s, GW_BOLD));
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fprintf(out, "%s\n", gw_paint(s, GW_PLAIN));
}

struct page {
	FILE *out;
	const json_t *doc;
	int64_t now;
	struct gw_style style;
};

#define PUT(p, key, cols) \
	gw_table_put((p)->out, json_object_get((p)->doc, key), cols, \
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
		" denied, %" PRId64 " in progress", gw_doc_number(l, "allowed"),
		gw_doc_number(l, "denied"), gw_doc_number(l, "pending"));
	if (count(p, "reasons") > 0)
		PUT(p, "reasons", reason_cols);
}

static void
put_sessions(struct page *p)
{
	const json_t *a = json_object_get(p->doc, "auth");
	int64_t n = GW_MAX(gw_doc_number(a, "sessions"),
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
	static const struct gw_column cols[] = {
		{ "PRINCIPAL", "principal", GW_AS_TEXT, 40 },
		{ "TICKET", "ticket_state", GW_AS_STATE, 32 },
		{ "ENDS IN", "ticket_end", GW_AS_UNTIL, 0 },
		{ "KEYTAB KVNO", "keytab_kvno", GW_AS_NUMBER, 0 },
		{ "ANY PROTOCOL", "any_protocol", GW_AS_YES, 0 },
		{ "NTAUTH CAS", "ntauth", GW_AS_NUMBER, 0 },
	};
	json_t *s = json_object_get(p->doc, "service");
	json_t *rows;

	if (json_object_size(s) == 0)
		return;
	heading(p->out, p->style, "Service account");
	rows = json_pack("[O]", s);
	gw_table_put(p->out, rows, cols, GW_COUNT(cols), p->now, p->style);
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
	int64_t asked = gw_doc_number(r, "asked");
	int64_t kept = gw_doc_number(r, "from_cache");

	heading(p->out, p->style, "Answers kept: %" PRId64
		" (questions %" PRId64 ", answered from here %" PRId64
		", by grace %" PRId64 ", under way %" PRId64 ")",
		gw_doc_number(r, "answers"), asked, kept,
		gw_doc_number(r, "by_grace"),
		gw_doc_number(r, "under_way"));
	if (gw_doc_number(r, "revoked") > 0)
		fprintf(p->out, "  called revoked, until a newer answer says "
			"otherwise: %" PRId64 "\n",
			gw_doc_number(r, "revoked"));
	if (gw_doc_number(r, "next_recheck") > 0)
		fprintf(p->out, "  next question about a live session in "
			"%" PRId64 " s; without an answer now: %" PRId64
			"\n", GW_MAX(gw_doc_number(r, "next_recheck") - p->now,
				     (int64_t)0),
			gw_doc_number(r, "recheck_failing"));
	if (count(p, "answers") > 0)
		PUT(p, "answers", answer_cols);
	if (gw_doc_number(r, "answers") > (int64_t)count(p, "answers"))
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

static enum gw_colour
colour_of(const char *health)
{
	static const struct { const char *word; enum gw_colour c; } t[] = {
		{ "healthy", GW_GREEN },  { "degraded", GW_YELLOW },
		{ "down", GW_RED },       { "critical", GW_RED },
		{ "warning", GW_YELLOW }, { "note", GW_BOLD },
	};

	for (size_t i = 0; i < GW_COUNT(t); i++)
		if (strcmp(t[i].word, health) == 0)
			return t[i].c;
	return GW_RED;
}

static void
put_verdict(struct page *p)
{
	static const struct { const char *health, *words; } t[] = {
		{ "healthy", "is healthy" },
		{ "degraded", "is DEGRADED: it works, but something is wrong" },
		{ "down", "is DOWN: users cannot log in or get through" },
	};
	const char *health = gw_doc_text(p->doc, "health");
	const char *words = "gave no verdict about itself";
	char version[GW_CELL_MAX], up[GW_CELL_MAX];

	for (size_t i = 0; i < GW_COUNT(t); i++)
		if (strcmp(t[i].health, health) == 0)
			words = t[i].words;
	gw_text_safe(gw_doc_text(p->doc, "version"), 16, version);
	gw_text_duration(gw_doc_number(p->doc, "uptime"), up);
	fprintf(p->out, "%sgwd %s %s%s (up %s)\n",
		gw_paint(p->style, colour_of(health)), version, words,
		gw_paint(p->style, GW_PLAIN), up);
}

static void
put_problem(struct page *p, const json_t *x)
{
	const char *severity = gw_doc_text(x, "severity");
	const char *mark = strcmp(severity, "note") == 0 ? "i" : "!";

	fprintf(p->out, "\n%s%s%s ", gw_paint(p->style, colour_of(severity)),
		mark, gw_paint(p->style, GW_PLAIN));
	gw_text_wrap(p->out, gw_doc_text(x, "what"), 2, p->style.width);
	fputs("  > ", p->out);
	gw_text_wrap(p->out, gw_doc_text(x, "cure"), 4, p->style.width);
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
			  .now = gw_doc_number(doc, "time") };
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
			  .now = gw_doc_number(doc, "time") };

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
		gw_table_put(out, sessions, session_cols,
			     GW_COUNT(session_cols), now, style);
}

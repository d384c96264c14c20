/* page.c — see page.h. */
#include "page.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX    6144
#define RETRY_AFTER "5"

static const struct {
	int status;
	const char *phrase, *title;
} kinds[] = {
	{ 400, "Bad Request", "Request refused" },
	{ 403, "Forbidden", "Access denied" },
	{ 404, "Not Found", "Not found" },
	{ 405, "Method Not Allowed", "Request refused" },
	{ 408, "Request Timeout", "Request refused" },
	{ 413, "Content Too Large", "Request refused" },
	{ 414, "URI Too Long", "Request refused" },
	{ 417, "Expectation Failed", "Request refused" },
	{ 431, "Request Header Fields Too Large", "Request refused" },
	{ 501, "Not Implemented", "Request refused" },
	{ 502, "Bad Gateway", "Service not available" },
	{ 503, "Service Unavailable", "Temporarily not available" },
	{ 504, "Gateway Timeout", "Service not available" },
	{ 505, "HTTP Version Not Supported", "Request refused" },
	{ 500, "Internal Server Error", "Something went wrong" }, /* last */
};

static size_t
kind_of(int status)
{
	size_t i = 0;

	while (i < GW_COUNT(kinds) - 1 && kinds[i].status != status)
		i++;
	return i;
}

/* ---- text that cannot leave its place */

static void
out_html(struct gw_out *o, const char *s)
{
	static const struct { char c; const char *text; } marks[] = {
		{ '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" },
		{ '"', "&quot;" }, { '\'', "&#39;" },
	};

	for (; *s != '\0'; s++) {
		size_t i = 0;

		while (i < GW_COUNT(marks) && marks[i].c != *s)
			i++;
		if (i < GW_COUNT(marks))
			gw_out_str(o, marks[i].text);
		else
			gw_out_raw(o, s, 1);
	}
}

static void
out_json(struct gw_out *o, const char *s)
{
	char escaped[8];

	gw_out_raw(o, "\"", 1);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= 0x20 && c != '"' && c != '\\') {
			gw_out_raw(o, s, 1);
			continue;
		}
		gw_format(escaped, sizeof(escaped), "\\u%04x", (unsigned)c);
		gw_out_str(o, escaped);
	}
	gw_out_raw(o, "\"", 1);
}

/* ---- the two bodies */

static const char style[] =
	":root{color-scheme:light dark}"
	"body{font:1.1em/1.5 system-ui,sans-serif;margin:0;padding:2em 1em;"
	"background:Canvas;color:CanvasText}"
	"main{max-width:38em;margin:0 auto}"
	"h1{font-size:1.6em;margin:0 0 .5em}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.2em 1em;"
	"margin-top:2em;font-size:.85em}"
	"dt{font-weight:600}dd{margin:0;font-family:monospace}";

static void
out_row(struct gw_out *o, const char *name, const char *value)
{
	gw_out_str(o, "<dt>");
	gw_out_str(o, name);
	gw_out_str(o, "</dt><dd>");
	out_html(o, value);
	gw_out_str(o, "</dd>\n");
}

static void
body_html(struct gw_out *o, const struct gw_page *p, const char *time)
{
	const char *title = kinds[kind_of(gw_err_http_status(p->reason))].title;

	gw_out_str(o, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
		      "<meta charset=\"utf-8\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width, "
		      "initial-scale=1\">\n<title>");
	out_html(o, title);
	gw_out_str(o, "</title>\n<style>");
	gw_out_str(o, style);
	gw_out_str(o, "</style>\n</head>\n<body>\n<main>\n<h1>");
	out_html(o, title);
	gw_out_str(o, "</h1>\n<p role=\"alert\">");
	out_html(o, gw_err_user_text(p->reason));
	gw_out_str(o, "</p>\n<p>If you need help, tell the help desk this "
		      "request number.</p>\n<dl>\n");
	out_row(o, "Request", p->request);
	out_row(o, "Reason", gw_err_name(p->reason));
	out_row(o, "Time", time);
	gw_out_str(o, "</dl>\n</main>\n</body>\n</html>\n");
}

static void
body_json(struct gw_out *o, const struct gw_page *p, const char *time)
{
	char status[16];

	gw_format(status, sizeof(status), "%d", gw_err_http_status(p->reason));
	gw_out_str(o, "{\"reason\":");
	out_json(o, gw_err_name(p->reason));
	gw_out_str(o, ",\"status\":");
	gw_out_str(o, status);
	gw_out_str(o, ",\"message\":");
	out_json(o, gw_err_user_text(p->reason));
	gw_out_str(o, ",\"request\":");
	out_json(o, p->request);
	gw_out_str(o, ",\"time\":");
	out_json(o, time);
	gw_out_str(o, "}\n");
}

/* ---- the head */

/* Others pass as well; of these it is sure that somebody knows them. */
#define METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

static void
out_head(struct gw_out *o, const struct gw_page *p, size_t body_len)
{
	int status = gw_err_http_status(p->reason);
	char line[96], number[24], date[GW_HTTP_DATE_SIZE];

	gw_format(line, sizeof(line), "HTTP/1.1 %d %s\r\n", status,
		  kinds[kind_of(status)].phrase);
	gw_format(number, sizeof(number), "%zu", body_len);
	gw_http_date(date, p->now);
	gw_out_str(o, line);
	gw_out_field(o, "Date", date);
	gw_out_field(o, "Content-Type", p->as_json
			     ? "application/json"
			     : "text/html; charset=utf-8");
	gw_out_field(o, "Content-Length", number);
	gw_out_field(o, "Cache-Control", "no-store");
	gw_out_field(o, "X-Gwd-Reason", gw_err_name(p->reason));
	gw_out_field(o, "X-Content-Type-Options", "nosniff");
	gw_out_field(o, "X-Frame-Options", "DENY");
	gw_out_field(o, "Referrer-Policy", "no-referrer");
	gw_out_field(o, "Content-Security-Policy",
		     "default-src 'none'; style-src 'unsafe-inline'; "
		     "frame-ancestors 'none'");
	if (status == 405) /* RFC 9110 15.5.6 */
		gw_out_field(o, "Allow", METHODS);
	if (status == 503)
		gw_out_field(o, "Retry-After", RETRY_AFTER);
	if (!p->keep_alive)
		gw_out_field(o, "Connection", "close");
	gw_out_str(o, "\r\n");
}

void
gw_page_write(struct gw_out *o, const struct gw_page *p)
{
	char text[BODY_MAX], time[32];
	struct gw_out body = { .p = text, .cap = sizeof(text) };
	struct tm tm;

	gmtime_r(&p->now, &tm);
	strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (p->as_json)
		body_json(&body, p, time);
	else
		body_html(&body, p, time);
	gw_assert(!body.bad);
	out_head(o, p, body.len);
	if (!p->is_head)
		gw_out_raw(o, body.p, body.len);
}

/* ---- OPTIONS (RFC 9110 9.3.7) */

void
gw_page_options(struct gw_out *o, time_t now, bool keep_alive)
{
	char date[GW_HTTP_DATE_SIZE];

	gw_http_date(date, now);
	gw_out_str(o, "HTTP/1.1 200 OK\r\n");
	gw_out_field(o, "Date", date);
	gw_out_field(o, "Allow", METHODS);
	gw_out_field(o, "Content-Length", "0");
	if (!keep_alive)
		gw_out_field(o, "Connection", "close");
	gw_out_str(o, "\r\n");
}

/* ---- Accept (RFC 9110 12.5.1) */

/* The weight of one element's parameters in thousandths; 1000 without. */
static int
weight_of(const char *p, const char *end)
{
	int q = 0, scale = 1000;

	while (p < end && !((p[0] == 'q' || p[0] == 'Q') && p + 1 < end &&
			    p[1] == '=' && (p[-1] == ';' || p[-1] == ' ')))
		p++;
	if (p >= end)
		return 1000;
	for (p += 2; p < end && scale > 0; p++) {
		if (*p == '.')
			continue;
		if (*p < '0' || *p > '9')
			break;
		q += (*p - '0') * scale;
		scale /= 10;
	}
	return GW_MIN(q, 1000);
}

static bool
is_type(const char *p, const char *end, const char *type)
{
	size_t len = strlen(type);

	return (size_t)(end - p) >= len && strncasecmp(p, type, len) == 0 &&
	       (p + len == end || strchr("; \t", p[len]) != NULL);
}

bool
gw_page_prefers_json(struct gw_str accept)
{
	const char *p = accept.p, *end = accept.p + accept.len;
	int json = 0, html = 0;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma != NULL ? comma : end;

		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		if (is_type(p, stop, "application/json"))
			json = weight_of(p, stop);
		else if (is_type(p, stop, "text/html"))
			html = weight_of(p, stop);
		p = comma != NULL ? comma + 1 : end;
	}
	return json > html;
}

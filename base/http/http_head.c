/* http_head.c — where a head ends, and the two kinds of start line. */
#include "http_priv.h"

#include <string.h>

#define METHOD_MAX 32
#define VERSION_LEN 8 /* "HTTP/1.1" */

/* ---- the end of a head */

/* Whether the empty line whose LF is at `i` comes before any other line. */
static bool
is_leading(const char *buf, size_t i)
{
	return i == 1 || (i == 3 && memcmp(buf, "\r\n", 2) == 0);
}

/* A bare LF ends the head as well: what is refused in any case should not be
 * waited for. */
static bool
ends_head(const char *buf, size_t i)
{
	if (i == 0 || buf[i - 1] != '\r')
		return true;
	if (is_leading(buf, i))
		return false;
	return i >= 2 && buf[i - 2] == '\n';
}

size_t
gw_http_head_end(const char *buf, size_t len, size_t *scanned)
{
	const char *lf;

	while (*scanned < len) {
		lf = memchr(buf + *scanned, '\n', len - *scanned);
		if (lf == NULL) {
			*scanned = len;
			break;
		}
		*scanned = (size_t)(lf - buf) + 1;
		if (ends_head(buf, *scanned - 1))
			return *scanned;
	}
	return 0;
}

bool
gw_http_begins_head(const char *buf, size_t len)
{
	for (int i = 0; i < 2 && len >= 2 && memcmp(buf, "\r\n", 2) == 0; i++) {
		buf += 2;
		len -= 2;
	}
	return len >= 5 && memcmp(buf, "HEAD ", 5) == 0;
}

/* ---- request line */

static struct gw_str
span(const char *p, const char *end)
{
	return (struct gw_str){ p, (size_t)(end - p) };
}

/* Methods that change how we read, or that may not pass: CONNECT opens a
 * tunnel past the routes, TRACE shows a client the identity fields we add.
 * An upstream might not mind their case, so it must be theirs. */
static const struct {
	const char *name;
	size_t len;
	bool is_refused;
} methods[] = {
	{ "GET", 3, false },    { "HEAD", 4, false }, { "POST", 4, false },
	{ "OPTIONS", 7, false }, { "CONNECT", 7, true }, { "TRACE", 5, true },
	{ "TRACK", 5, true },
};

static enum gw_http_rule
judge_method(struct gw_http_msg *m)
{
	if (m->method.len > METHOD_MAX)
		return GW_RULE_METHOD_LONG;
	for (size_t i = 0; i < GW_COUNT(methods); i++) {
		struct gw_str known = { methods[i].name, methods[i].len };

		if (!gw_http_same(m->method, known))
			continue;
		if (methods[i].is_refused)
			return GW_RULE_METHOD_REFUSED;
		if (memcmp(m->method.p, known.p, known.len) != 0)
			return GW_RULE_METHOD_CASE;
		break;
	}
	m->is_head = gw_http_is_word(m->method, "head");
	return GW_RULE_OK;
}

static enum gw_http_rule
take_method(struct gw_http_head *h)
{
	const char *p = h->p;

	while (gw_http_is_token(*p))
		p++;
	if (*p == '\n')
		return GW_RULE_BARE_LF;
	if (*p != ' ' || p == h->p)
		return GW_RULE_METHOD_TOKEN;
	h->m->method = span(h->p, p);
	h->p = p + 1;
	return GW_RULE_OK;
}

static enum gw_http_rule
target_fault(const char *p)
{
	if (*p == '#')
		return GW_RULE_TARGET_FRAGMENT;
	if (*p == '\n')
		return GW_RULE_BARE_LF;
	if (*p == '\r') /* HTTP/0.9 has no version */
		return p[1] == '\n' ? GW_RULE_REQUEST_LINE : GW_RULE_BARE_CR;
	return GW_RULE_TARGET_CHAR;
}

static enum gw_http_rule
take_target(struct gw_http_head *h, size_t max)
{
	const char *p = h->p;

	while (gw_http_is(*p, GW_CT_TARGET))
		p++;
	if ((size_t)(p - h->p) > max)
		return GW_RULE_TARGET_LONG;
	if (*p != ' ')
		return target_fault(p);
	if (p == h->p)
		return GW_RULE_REQUEST_LINE;
	h->m->target = span(h->p, p);
	h->p = p + 1;
	return GW_RULE_OK;
}

/* "HTTP/", two digits and the dot between them, in this case (RFC 9112 2.3):
 * what is none is no request line. What is above 1.1 is read as 1.1, as RFC
 * 9110 2.5 wants: a minor version may not change where a message ends, and
 * what goes on is written anew as 1.1, so that nobody behind us takes it for
 * anything else. */
static enum gw_http_rule
read_version(struct gw_http_msg *m, struct gw_str s)
{
	if (s.len != VERSION_LEN || memcmp(s.p, "HTTP/", 5) != 0 ||
	    !gw_http_is_digit(s.p[5]) || s.p[6] != '.' ||
	    !gw_http_is_digit(s.p[7]))
		return GW_RULE_VERSION_FORM;
	if (s.p[5] != '1')
		return GW_RULE_VERSION;
	m->minor = s.p[7] != '0';
	return GW_RULE_OK;
}

static enum gw_http_rule
take_version(struct gw_http_head *h)
{
	const char *start = h->p;
	enum gw_http_rule rule;
	struct gw_str version;

	h->p = gw_http_skip_text(start, h->end);
	version = span(start, h->p);
	if (version.len == 0 || memchr(start, ' ', version.len) != NULL ||
	    memchr(start, '\t', version.len) != NULL)
		return GW_RULE_REQUEST_LINE;
	if (*h->p != '\r')
		return gw_http_take_crlf(h);
	if ((rule = read_version(h->m, version)) != GW_RULE_OK)
		return rule;
	return gw_http_take_crlf(h);
}

/* RFC 9112 2.2 wants at least one tolerated; head_end counts the same way. */
static enum gw_http_rule
skip_empty_lines(struct gw_http_head *h)
{
	enum gw_http_rule rule;

	for (int i = 0; i < 2 && h->p < h->end && *h->p == '\r'; i++)
		if ((rule = gw_http_take_crlf(h)) != GW_RULE_OK)
			return rule;
	if (h->p == h->end)
		return GW_RULE_HEAD_END;
	return *h->p == '\r' ? GW_RULE_EMPTY_LINES : GW_RULE_OK;
}

/* The version first: what another version's methods and targets look like
 * is not ours to judge ("PRI * HTTP/2.0"). */
static enum gw_http_rule
take_request_line(struct gw_http_head *h, size_t target_max)
{
	enum gw_http_rule rule;

	if ((rule = skip_empty_lines(h)) != GW_RULE_OK ||
	    (rule = take_method(h)) != GW_RULE_OK ||
	    (rule = take_target(h, target_max)) != GW_RULE_OK ||
	    (rule = take_version(h)) != GW_RULE_OK)
		return rule;
	return judge_method(h->m);
}

/* ---- request */

static enum gw_http_rule
judge_request(struct gw_http_head *h)
{
	struct gw_http_msg *m = h->m;
	enum gw_http_rule rule;
	bool has_body;

	if (m->minor == 1 && !gw_http_has(h, GW_HF_HOST))
		return GW_RULE_HOST_MISSING;
	if ((rule = gw_http_read_target(m)) != GW_RULE_OK)
		return rule;
	if (gw_http_has(h, GW_HF_TRANSFER_ENCODING))
		m->framing = GW_BODY_CHUNKED;
	else if (gw_http_has(h, GW_HF_CONTENT_LENGTH))
		m->framing = GW_BODY_LENGTH;
	has_body = m->framing == GW_BODY_CHUNKED || m->content_length > 0;
	if (m->wants_upgrade && has_body)
		return GW_RULE_UPGRADE_BODY;
	/* RFC 9110 7.8 has 100 come before 101, or no upgrade at all. */
	if (gw_http_has(h, GW_HF_EXPECT))
		gw_http_decline_upgrade(m);
	/* RFC 9110 10.1.1: not in HTTP/1.0, nor without content. */
	m->expects_continue = has_body && m->minor == 1 &&
			      gw_http_has(h, GW_HF_EXPECT);
	return GW_RULE_OK;
}

static void
clear(struct gw_http_msg *m)
{
	const size_t at = offsetof(struct gw_http_msg, field_count);

	/* The fields are many and each is written whole before it counts. */
	memset((char *)m + at, 0, sizeof(*m) - at);
}

/* A head beyond the limit: for its method, for its target, or otherwise. */
static enum gw_http_rule
judge_long_head(struct gw_http_head *h, size_t target_max)
{
	const char *p = h->p, *end = h->end;

	while (p < end && gw_http_is_token(*p))
		p++;
	if (p - h->p > METHOD_MAX)
		return GW_RULE_METHOD_ENDLESS;
	if (p == end || *p != ' ')
		return GW_RULE_HEAD_LONG;
	p++;
	for (size_t n = 0; p < end && gw_http_is(*p, GW_CT_TARGET); p++)
		if (++n > target_max)
			return GW_RULE_TARGET_LONG;
	return GW_RULE_HEAD_LONG;
}

static enum gw_http_rule
read_request(struct gw_http_head *h, const struct gw_http_limits *lim)
{
	enum gw_http_rule rule;
	size_t len = (size_t)(h->end - h->p);

	if (len > lim->head_max)
		return judge_long_head(h, lim->target_max);
	if (len == 0 || h->end[-1] != '\n')
		return GW_RULE_HEAD_END;
	if ((rule = take_request_line(h, lim->target_max)) != GW_RULE_OK ||
	    (rule = gw_http_take_fields(h)) != GW_RULE_OK)
		return rule;
	return judge_request(h);
}

enum gw_err
gw_http_parse_request(const char *buf, size_t head_len,
		      const struct gw_http_limits *lim,
		      struct gw_http_msg *out, struct gw_error *err)
{
	struct gw_http_head h = {
		.p = buf, .end = buf + head_len, .m = out, .is_request = true,
	};
	enum gw_http_rule rule;

	clear(out);
	out->head_len = head_len;
	if ((rule = read_request(&h, lim)) != GW_RULE_OK)
		return gw_http_refuse(err, GW_ERR_OK, rule);
	return GW_ERR_OK;
}

/* ---- response */

/* Three digits, and no fourth character but the reason's space. */
static enum gw_http_rule
take_status(struct gw_http_head *h)
{
	const char *p = h->p;
	int status = 0;

	for (int i = 0; i < 3; i++, p++) {
		if (!gw_http_is_digit(*p))
			return GW_RULE_STATUS_CODE;
		status = status * 10 + (*p - '0');
	}
	if (status < 100 || status > 599 || gw_http_is_token(*p))
		return GW_RULE_STATUS_CODE;
	h->m->status = status;
	h->p = p;
	return GW_RULE_OK;
}

/* The space before an empty reason is often left out. */
static enum gw_http_rule
take_reason(struct gw_http_head *h)
{
	const char *start = h->p + 1;

	if (*h->p != ' ')
		return gw_http_is(*h->p, GW_CT_TEXT) ? GW_RULE_STATUS_LINE
						     : gw_http_take_crlf(h);
	h->p = gw_http_skip_text(start, h->end);
	h->m->reason = span(start, h->p);
	return gw_http_take_crlf(h);
}

static enum gw_http_rule
take_status_line(struct gw_http_head *h)
{
	struct gw_str version = { h->p, VERSION_LEN };
	enum gw_http_rule rule;

	if (h->end - h->p <= VERSION_LEN || h->p[VERSION_LEN] != ' ' ||
	    memchr(h->p, '\n', VERSION_LEN) != NULL)
		return GW_RULE_STATUS_LINE;
	if ((rule = read_version(h->m, version)) != GW_RULE_OK)
		return rule;
	h->p += VERSION_LEN + 1;
	if ((rule = take_status(h)) != GW_RULE_OK)
		return rule;
	return take_reason(h);
}

static bool
is_bodiless(int status)
{
	return status < 200 || status == 204;
}

/* RFC 9112 6.3, in its order. A 204 with a length of zero is wrong, common
 * and not ambiguous. */
static enum gw_http_rule
judge_framing(struct gw_http_head *h, bool to_head)
{
	struct gw_http_msg *m = h->m;
	bool is_chunked = gw_http_has(h, GW_HF_TRANSFER_ENCODING);

	if (is_bodiless(m->status))
		return is_chunked || m->content_length > 0
			? GW_RULE_STATUS_BODY : GW_RULE_OK;
	if (to_head || m->status == 304)
		return GW_RULE_OK;
	if (is_chunked)
		m->framing = GW_BODY_CHUNKED;
	else if (gw_http_has(h, GW_HF_CONTENT_LENGTH))
		m->framing = GW_BODY_LENGTH;
	else
		m->framing = GW_BODY_CLOSE;
	if (m->framing == GW_BODY_CLOSE)
		m->keep_alive = false;
	return GW_RULE_OK;
}

static enum gw_http_rule
read_response(struct gw_http_head *h, bool to_head, bool to_upgrade)
{
	enum gw_http_rule rule;

	if (h->p == h->end || h->end[-1] != '\n')
		return GW_RULE_HEAD_END;
	if ((rule = take_status_line(h)) != GW_RULE_OK ||
	    (rule = gw_http_take_fields(h)) != GW_RULE_OK)
		return rule;
	if (h->m->status == 101 && !(to_upgrade && h->m->wants_upgrade))
		return GW_RULE_STATUS_UPGRADE;
	return judge_framing(h, to_head);
}

enum gw_err
gw_http_parse_response(const char *buf, size_t head_len, bool to_head,
		       bool to_upgrade, struct gw_http_msg *out,
		       struct gw_error *err)
{
	struct gw_http_head h = {
		.p = buf, .end = buf + head_len, .m = out,
	};
	enum gw_http_rule rule;

	clear(out);
	out->head_len = head_len;
	rule = read_response(&h, to_head, to_upgrade);
	if (rule != GW_RULE_OK)
		return gw_http_refuse(err, GW_ERR_UPSTREAM_PROTOCOL, rule);
	return GW_ERR_OK;
}

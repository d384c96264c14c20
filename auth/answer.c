/* answer.c — see answer.h. */
#include "answer.h"
#include "http.h"
#include "gw/util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HEAD_MAX    16384
#define INTERIM_MAX 4 /* 1xx before the answer */
#define BODY_FIRST  4096

struct gw_answer {
	uint8_t *request;
	size_t request_len;
	char expected[64]; /* "": any */
	size_t max;
	int fd;
	char head[HEAD_MAX];
	size_t head_len, scanned;
	unsigned interims;
	bool has_head, has_begun, may_reuse;
	struct gw_http_body reader;
	uint8_t *body;
	size_t body_len, body_cap;
	int status;
	char location[GW_URL_PATH_MAX];
	char error[160];
};

/* ---- the request */

static bool
write_head(struct gw_out *o, const struct gw_question *q)
{
	char length[24];

	gw_out_str(o, q->body.len > 0 ? "POST " : "GET ");
	gw_out_str(o, q->url->path);
	gw_out_str(o, " HTTP/1.1\r\n");
	gw_out_field(o, "Host", q->url->authority);
	if (q->expected != NULL)
		gw_out_field(o, "Accept", q->expected);
	if (q->body.len > 0) {
		gw_format(length, sizeof(length), "%zu", q->body.len);
		gw_out_field(o, "Content-Type", q->type);
		gw_out_field(o, "Content-Length", length);
	}
	gw_out_str(o, "\r\n");
	return !o->bad;
}

static bool
write_request(struct gw_answer *a, const struct gw_question *q)
{
	char head[2048];
	struct gw_out o = { .p = head, .cap = sizeof(head) };

	if (!write_head(&o, q))
		return false;
	a->request_len = o.len + q->body.len;
	a->request = gw_xcalloc(a->request_len, 1);
	memcpy(a->request, head, o.len);
	if (q->body.len > 0)
		memcpy(a->request + o.len, q->body.p, q->body.len);
	return true;
}

struct gw_answer *
gw_answer_new(const struct gw_question *q)
{
	struct gw_answer *a = gw_xcalloc(1, sizeof(*a));

	a->max = q->max;
	a->fd = q->fd;
	if (write_request(a, q) &&
	    gw_copy(a->expected, sizeof(a->expected),
		    q->expected != NULL ? q->expected : ""))
		return a;
	gw_answer_free(a);
	return NULL;
}

void
gw_answer_free(struct gw_answer *a)
{
	if (a == NULL)
		return;
	free(a->request);
	free(a->body);
	free(a);
}

struct gw_der
gw_answer_request(const struct gw_answer *a)
{
	return (struct gw_der){ a->request, a->request_len };
}

/* ---- the head of the answer */

static enum gw_answer_state
fail(struct gw_answer *a, const char *fmt, ...) GW_PRINTF(2, 3);

static enum gw_answer_state
fail(struct gw_answer *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(a->error, sizeof(a->error), fmt, ap);
	va_end(ap);
	for (char *p = a->error; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return GW_ANSWER_FAILED;
}

static struct gw_str
field(const struct gw_http_msg *m, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < m->field_count; i++) {
		struct gw_str n = m->field[i].name;

		if (n.len == len && strncasecmp(n.p, name, len) == 0)
			return m->field[i].value;
	}
	return (struct gw_str){ "", 0 };
}

/* Parameters of the media type do not count. */
static bool
is_type(struct gw_str v, const char *expected)
{
	size_t len = strlen(expected);

	return v.len >= len && strncasecmp(v.p, expected, len) == 0 &&
	       (v.len == len || v.p[len] == ';' || v.p[len] == ' ');
}

static enum gw_answer_state
refuse_status(struct gw_answer *a, const struct gw_http_msg *m)
{
	struct gw_str to = field(m, "location");

	if (m->status / 100 == 3)
		gw_format(a->location, sizeof(a->location), "%.*s",
			  (int)GW_MIN(to.len, sizeof(a->location)), to.p);
	return fail(a, "HTTP %d %.*s%s%s", m->status,
		    (int)GW_MIN(m->reason.len, 60), m->reason.p,
		    a->location[0] != '\0' ? " to " : "", a->location);
}

static enum gw_answer_state
check_head(struct gw_answer *a, const struct gw_http_msg *m)
{
	struct gw_str type = field(m, "content-type");
	struct gw_str coding = field(m, "content-encoding");

	a->status = m->status;
	if (m->status != 200)
		return refuse_status(a, m);
	if (a->expected[0] != '\0' && !is_type(type, a->expected))
		return fail(a, "Content-Type is %.*s, not %s",
			    (int)GW_MIN(type.len, 40), type.p, a->expected);
	if (coding.len > 0)
		return fail(a, "Content-Encoding %.*s, which was not asked "
			    "for", (int)GW_MIN(coding.len, 40), coding.p);
	if (m->framing == GW_BODY_LENGTH && m->content_length > a->max)
		return fail(a, "answer of %llu bytes, more than %zu",
			    (unsigned long long)m->content_length, a->max);
	return GW_ANSWER_DONE;
}

/* DONE: the head of the answer itself is read. MORE: an interim one was. */
static enum gw_answer_state
read_head(struct gw_answer *a, size_t end)
{
	struct gw_http_msg m;
	struct gw_error err;
	enum gw_answer_state s;

	if (gw_http_parse_response(a->head, end, false, false, &m, &err) !=
	    GW_ERR_OK)
		return fail(a, "not HTTP/1.1: %.120s", err.detail);
	if (m.status / 100 == 1) {
		if (++a->interims > INTERIM_MAX)
			return fail(a, "too many interim answers");
		memmove(a->head, a->head + end, a->head_len - end);
		a->head_len -= end;
		a->scanned = 0;
		return GW_ANSWER_MORE;
	}
	s = check_head(a, &m);
	if (s == GW_ANSWER_DONE) {
		a->has_head = true;
		a->may_reuse = m.keep_alive;
		gw_http_body_init(&a->reader, &m);
	}
	return s;
}

/* ---- its body */

static enum gw_answer_state
keep(struct gw_answer *a, const char *p, size_t len)
{
	if (a->body_len + len > a->body_cap) {
		a->body_cap = GW_MIN(GW_MAX(a->body_cap * 2,
					    a->body_len + len + BODY_FIRST),
				     a->max);
		a->body = gw_xrealloc(a->body, a->body_cap, 1);
	}
	memcpy(a->body + a->body_len, p, len);
	return GW_ANSWER_MORE;
}

static enum gw_answer_state
write_out(struct gw_answer *a, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(a->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(a, "cannot keep it: %s", strerror(errno));
		p += n;
		len -= (size_t)n;
	}
	return GW_ANSWER_MORE;
}

static enum gw_answer_state
take(struct gw_answer *a, struct gw_str data)
{
	enum gw_answer_state s;

	if (data.len > a->max - a->body_len)
		return fail(a, "answer of more than %zu bytes", a->max);
	if (data.len == 0)
		return GW_ANSWER_MORE;
	s = a->fd >= 0 ? write_out(a, data.p, data.len)
		       : keep(a, data.p, data.len);
	a->body_len += data.len;
	return s;
}

static enum gw_answer_state
finish(struct gw_answer *a, bool has_rest)
{
	if (a->body_len == 0)
		return fail(a, "empty answer");
	if (has_rest)
		a->may_reuse = false;
	return GW_ANSWER_DONE;
}

static enum gw_answer_state
read_body(struct gw_answer *a, const char *p, size_t len)
{
	struct gw_str data;
	struct gw_error err;
	size_t used;

	while (!a->reader.is_done && len > 0) {
		if (gw_http_body_read(&a->reader, p, len, &used, &data,
				      &err) != GW_ERR_OK)
			return fail(a, "broken body: %.120s", err.detail);
		if (take(a, data) == GW_ANSWER_FAILED)
			return GW_ANSWER_FAILED;
		if (used == 0)
			break;
		p += used;
		len -= used;
	}
	return a->reader.is_done ? finish(a, len > 0) : GW_ANSWER_MORE;
}

/* ---- feeding */

/* How much of `p` was taken into the head. */
static enum gw_answer_state
feed_head(struct gw_answer *a, const char *p, size_t len, size_t *used)
{
	size_t n = GW_MIN(len, HEAD_MAX - a->head_len), end;
	enum gw_answer_state s = GW_ANSWER_MORE;

	memcpy(a->head + a->head_len, p, n);
	a->head_len += n;
	*used = n;
	while (s == GW_ANSWER_MORE &&
	       (end = gw_http_head_end(a->head, a->head_len, &a->scanned)) >
		       0) {
		s = read_head(a, end);
		if (s == GW_ANSWER_DONE)
			s = read_body(a, a->head + end, a->head_len - end);
		if (a->has_head)
			return s;
	}
	if (s == GW_ANSWER_MORE && a->head_len == HEAD_MAX)
		return fail(a, "head too large");
	return s;
}

static enum gw_answer_state
end_early(struct gw_answer *a)
{
	if (a->has_head && gw_http_body_eof(&a->reader)) {
		a->may_reuse = false;
		return finish(a, false);
	}
	return fail(a, a->has_begun ? "answer cut off" : "no answer");
}

enum gw_answer_state
gw_answer_feed(struct gw_answer *a, const void *p, size_t len, bool is_end)
{
	enum gw_answer_state s = GW_ANSWER_MORE;
	const char *at = p;
	size_t used;

	a->has_begun |= len > 0;
	while (s == GW_ANSWER_MORE && len > 0 && !a->has_head) {
		s = feed_head(a, at, len, &used);
		at += used;
		len -= used;
	}
	if (s == GW_ANSWER_MORE && len > 0)
		s = read_body(a, at, len);
	else if (s == GW_ANSWER_DONE && len > 0)
		a->may_reuse = false;
	return s == GW_ANSWER_MORE && is_end ? end_early(a) : s;
}

bool
gw_answer_has_begun(const struct gw_answer *a)
{
	return a->has_begun;
}

struct gw_der
gw_answer_body(const struct gw_answer *a)
{
	return (struct gw_der){ a->body, a->body_len };
}

uint64_t
gw_answer_len(const struct gw_answer *a)
{
	return a->body_len;
}

bool
gw_answer_may_reuse(const struct gw_answer *a)
{
	return a->may_reuse;
}

const char *
gw_answer_error(const struct gw_answer *a)
{
	return a->error;
}

int
gw_answer_status(const struct gw_answer *a)
{
	return a->status;
}

const char *
gw_answer_location(const struct gw_answer *a)
{
	return a->location;
}

/* denied.c — see denied.h. */
#include "denied.h"
#include "conn.h"
#include "page.h"
#include "worker.h"

#include <string.h>
#include <strings.h>

#define HEAD_MAX 8192

/* ---- the scanner: understands nothing but lines */

/* The line at `*p`, without its end, which `*p` moves past. */
static bool
next_line(const char **p, const char *end, struct gw_str *out)
{
	const char *start = *p;
	const char *lf = start < end ? memchr(start, '\n',
					      (size_t)(end - start)) : NULL;

	if (lf == NULL)
		return false;
	*p = lf + 1;
	*out = (struct gw_str){ start, (size_t)(lf - start) };
	if (out->len > 0 && out->p[out->len - 1] == '\r')
		out->len--;
	return true;
}

bool
gw_denied_has_head(const char *p, size_t len, size_t *scanned, bool *has_text)
{
	const char *at = p + *scanned;
	struct gw_str line;

	while (next_line(&at, p + len, &line)) {
		if (line.len == 0 && *has_text)
			return true;
		*has_text = *has_text || line.len > 0;
		*scanned = (size_t)(at - p);
	}
	return false;
}

struct gw_str
gw_denied_accept(const char *p, size_t len)
{
	const char *at = p;
	struct gw_str line;

	while (next_line(&at, p + len, &line)) {
		if (line.len < 7 || strncasecmp(line.p, "accept:", 7) != 0)
			continue;
		return (struct gw_str){ line.p + 7, line.len - 7 };
	}
	return (struct gw_str){ p, 0 };
}

/* ---- the connection */

static void
answer(struct gw_conn *c)
{
	struct gw_worker *w = c->worker;
	const char *head = c->in != NULL ? gw_buf_head(c->in) : "";
	size_t len = gw_buf_used(c->in);
	struct gw_page page = {
		.reason = c->reason,
		.request = c->login,
		.now = time(NULL),
		.as_json = gw_page_prefers_json(gw_denied_accept(head, len)),
		.is_head = len >= 5 && memcmp(head, "HEAD ", 5) == 0,
	};
	struct gw_out o;

	c->out = gw_buf_get(&w->bufs, GW_PAGE_MAX);
	o = (struct gw_out){ .p = gw_buf_tail(c->out),
			     .cap = gw_buf_room(c->out) };
	gw_page_write(&o, &page);
	gw_assert(!o.bad);
	gw_buf_added(c->out, o.len);
	gw_buf_put(&w->bufs, &c->in);
	gw_conn_deadline(c, gw_conn_conf(c)->body_timeout_ms);
}

static void
send_page(struct gw_conn *c)
{
	bool moved;

	if (gw_conn_flush(c, &moved) && gw_buf_used(c->out) == 0)
		gw_conn_finish(c, NULL);
}

/* True when the answer is due. */
static bool
listen_to(struct gw_conn *c)
{
	if (c->in == NULL)
		c->in = gw_buf_get(&c->worker->bufs, GW_BUF_STD);
	while (!gw_denied_has_head(gw_buf_head(c->in), gw_buf_used(c->in),
				   &c->scanned, &c->has_text)) {
		if (gw_buf_used(c->in) >= HEAD_MAX)
			return true;
		switch (gw_conn_fill(c, c->in,
				     HEAD_MAX - gw_buf_used(c->in))) {
		case GW_XFER_OK:
			continue;
		case GW_XFER_AGAIN:
			if (gw_buf_used(c->in) == 0)
				gw_buf_put(&c->worker->bufs, &c->in);
			return false;
		case GW_XFER_EOF:
			if (gw_buf_used(c->in) > 0)
				return true;
			gw_conn_finish(c, NULL);
			return false;
		default:
			gw_conn_end(c, NULL);
			return false;
		}
	}
	return true;
}

void
gw_denied_run(struct gw_conn *c)
{
	if (c->out == NULL) {
		if (!listen_to(c))
			return;
		answer(c);
	}
	send_page(c);
}

void
gw_denied_timeout(struct gw_conn *c)
{
	/* told anyway; who said nothing or takes nothing is just closed */
	if (c->out != NULL || gw_buf_used(c->in) == 0) {
		gw_conn_end(c, NULL);
		return;
	}
	answer(c);
	send_page(c);
}

/* One response from an upstream, behind a byte of circumstances: what the
 * client gets must be the same response, body included, to a naive reader,
 * framed so that the client finds its end. */
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_MAX 32768

struct circumstances {
	bool to_head, to_upgrade, keep_alive;
	int client_minor;
};

static const char date[] = "Thu, 01 Jan 1970 00:00:00 GMT";
static struct gw_http_msg msg, again;
static struct naive_head in, out;
static char written[2 * INPUT_MAX], sent[8 * INPUT_MAX];
static char bodies[2][8 * INPUT_MAX];

static bool
is_dropped(const struct naive_head *h, size_t i)
{
	static const char *const never[] = {
		"connection", "keep-alive", "te", "trailer", "upgrade",
		"proxy", "proxy-authenticate", "proxy-authorization",
		"proxy-authentication-info", "proxy-connection",
	};

	for (size_t k = 0; k < GW_COUNT(never); k++)
		if (naive_looks_like(h->name[i], never[k]))
			return true;
	return naive_is(h->name[i], "content-length") ||
	       naive_is(h->name[i], "transfer-encoding") ||
	       naive_is_option(h, h->name[i]);
}

static size_t
dates_kept(void)
{
	struct naive_text v, name = { "date", 4 };

	return naive_is_option(&in, name) ? 0 : naive_find(&in, "date", &v);
}

static bool
is_ours(const struct naive_head *h, size_t i)
{
	return (naive_is(h->name[i], "date") && dates_kept() == 0) ||
	       naive_is(h->name[i], "connection") ||
	       naive_is(h->name[i], "upgrade") ||
	       naive_is(h->name[i], "content-length") ||
	       naive_is(h->name[i], "transfer-encoding");
}

/* Whatever is final has one, the server's if that said it. */
static void
check_date(void)
{
	struct naive_text v;
	size_t had = dates_kept(), has = naive_find(&out, "date", &v);

	gw_assert(has == (had == 0 && msg.status >= 200 ? 1 : had));
	gw_assert(had > 0 || has == 0 || naive_is(v, date));
}

/* RFC 9112 6.3 once more, for the client's side. */
static void
check_framing(const struct circumstances *c)
{
	struct naive_text v, length;
	bool is_chunked = naive_find(&out, "transfer-encoding", &v) > 0;
	bool has_length = naive_find(&out, "content-length", &length) > 0;
	bool closes = naive_find(&out, "connection", &v) > 0 &&
		      naive_is(v, "close");
	bool has_body = !c->to_head && msg.status >= 200 &&
			msg.status != 204 && msg.status != 304;
	uint64_t n;

	gw_assert(!(is_chunked && has_length));
	gw_assert(!is_chunked || c->client_minor == 1);
	gw_assert(!has_body || is_chunked || has_length || closes);
	gw_assert(has_body == (msg.framing != GW_BODY_NONE));
	if (has_length)
		gw_assert(naive_number(length, 10, &n) &&
			  n == msg.content_length);
	if (msg.status < 200 || msg.status == 204)
		gw_assert(!is_chunked && !has_length);
	if (!c->keep_alive && msg.status >= 200)
		gw_assert(closes);
}

static void
check_again(const struct gw_out *o, const struct circumstances *c)
{
	size_t scanned = 0;

	gw_assert(gw_http_head_end(o->p, o->len, &scanned) == o->len);
	if (out.count > GW_HTTP_FIELDS_MAX) /* with ours */
		return;
	gw_assert(gw_http_parse_response(o->p, o->len, c->to_head,
					 c->to_upgrade, &again,
					 NULL) == GW_ERR_OK);
	gw_assert(again.status == msg.status);
	gw_assert(again.reason.len == msg.reason.len);
	if (msg.framing == GW_BODY_NONE || msg.framing == GW_BODY_LENGTH)
		gw_assert(again.framing == msg.framing &&
			  again.content_length == msg.content_length);
}

/* ---- the body, framed as the head written says */

static bool
has_chunks(const struct naive_head *h)
{
	struct naive_text v;

	return naive_find(h, "transfer-encoding", &v) > 0;
}

static void
send_run(struct gw_out *o, struct gw_str run)
{
	char head[18];

	if (run.len == 0)
		return;
	if (has_chunks(&out))
		gw_out_raw(o, head, gw_http_chunk_head(head, run.len));
	gw_out_raw(o, run.p, run.len);
	if (has_chunks(&out))
		gw_out_str(o, "\r\n");
}

/* Passes it on; false when it is refused or cut. */
static bool
send_body(struct gw_out *o, const char *p, size_t len, size_t *used,
	  struct gw_out *payload)
{
	struct gw_http_body b;
	struct gw_str run;
	size_t n = 1;

	*used = 0;
	for (gw_http_body_init(&b, &msg); !b.is_done && n > 0; *used += n) {
		if (gw_http_body_read(&b, p + *used, len - *used, &n, &run,
				      NULL) != GW_ERR_OK)
			return false;
		if (run.len > 0)
			gw_out_raw(payload, run.p, run.len);
		send_run(o, run);
	}
	if (!gw_http_body_eof(&b))
		return false;
	if (has_chunks(&out))
		gw_out_str(o, "0\r\n\r\n");
	return true;
}

static void
check_body(const struct naive_head *h, const char *p, size_t len,
	   const struct gw_out *payload)
{
	size_t n = 0, used = 0;

	if (has_chunks(h) && msg.framing != GW_BODY_NONE) {
		gw_assert(naive_read_chunks(p, len, bodies[1], &n, &used));
		gw_assert(used == len);
		p = bodies[1];
		len = n;
	}
	gw_assert(len == payload->len);
	gw_assert(len == 0 || memcmp(p, payload->p, len) == 0);
}

static void
pass_body(const char *p, size_t len)
{
	struct gw_out o = { .p = sent, .cap = sizeof(sent) };
	struct gw_out payload = { .p = bodies[0], .cap = sizeof(bodies[0]) };
	size_t used;

	if (!send_body(&o, p, len, &used, &payload))
		return;
	gw_assert(!o.bad && !payload.bad);
	gw_assert(msg.framing != GW_BODY_CLOSE || used == len);
	if (msg.framing == GW_BODY_LENGTH)
		gw_assert(payload.len == msg.content_length);
	check_body(&in, p, used, &payload);
	check_body(&out, o.p, o.len, &payload);
}

static void
pass_on(const char *p, size_t len, const struct circumstances *c)
{
	struct gw_out o = { .p = written, .cap = sizeof(written) };
	size_t scanned = 0, head_len = gw_http_head_end(p, len, &scanned);
	struct gw_error err;

	if (gw_http_parse_response(p, head_len > 0 ? head_len : len,
				   c->to_head, c->to_upgrade, &msg,
				   &err) != GW_ERR_OK) {
		gw_assert(err.code == GW_ERR_UPSTREAM_PROTOCOL);
		return;
	}
	gw_assert(msg.status != 101 || (c->to_upgrade && msg.wants_upgrade));
	gw_http_write_response(&o, &msg, &(struct gw_http_reply){
		.client_minor = c->client_minor, .keep_alive = c->keep_alive,
		.upgrade = msg.status == 101, .date = date });
	gw_assert(!o.bad);
	gw_assert(naive_read_head(p, head_len, &in) && in.len == head_len);
	gw_assert(naive_read_head(o.p, o.len, &out) && out.len == o.len);
	gw_assert(naive_is(out.part[0], "HTTP/1.1"));
	gw_assert(naive_same(in.part[1], out.part[1]));
	gw_assert(naive_same(in.part[2], out.part[2]));
	gw_assert(naive_is_forwarded(&in, is_dropped, &out, is_ours));
	check_date();
	check_framing(c);
	check_again(&o, c);
	if (msg.status != 101)
		pass_body(p + head_len, len - head_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct circumstances c;
	char *copy; /* of its exact size, for the sanitizer */

	if (len < 2 || len > INPUT_MAX || (copy = malloc(len - 1)) == NULL)
		return 0;
	c = (struct circumstances){
		.to_head = (data[0] & 1) != 0,
		.to_upgrade = (data[0] & 2) != 0,
		.keep_alive = (data[0] & 4) != 0,
		.client_minor = (data[0] & 8) != 0,
	};
	memcpy(copy, data + 1, len - 1);
	pass_on(copy, len - 1, &c);
	free(copy);
	return 0;
}

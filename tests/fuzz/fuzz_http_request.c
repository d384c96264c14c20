/* A stream of requests through the codec, as the gateway forwards it. What
 * comes out must be, to a naive reader, the same requests with the same
 * bodies and nothing else: that there is no smuggling is this property. */
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_MAX 32768
#define OUT_MAX   (8 * INPUT_MAX) /* chunks of a byte grow to six */

static const char *const owned[] = {
	"X-Remote-User", "X-Remote-Groups", "X-Request-Id", NULL,
};
static const char extra[] = "X-Remote-User: alice\r\n";

static struct gw_http_msg msg, again;
static struct naive_head in, out;
static char forwarded[OUT_MAX], bodies[2][OUT_MAX];

static struct naive_text
text(struct gw_str s)
{
	return (struct naive_text){ s.p, s.len };
}

/* ---- which fields go on, in the naive reader's words */

static bool
is_dropped(const struct naive_head *h, size_t i)
{
	static const char *const never[] = {
		"host", "content-length", "transfer-encoding", "connection",
		"keep-alive", "te", "trailer", "upgrade", "expect", "proxy",
		"proxy-authenticate", "proxy-authorization",
		"proxy-authentication-info", "proxy-connection", "forwarded",
		"x-remote-user", "x-remote-groups", "x-request-id",
	};
	static const char *const families[] = { "x-forwarded", "client-cert" };
	struct naive_text name = h->name[i];

	for (size_t k = 0; k < GW_COUNT(never); k++)
		if (naive_looks_like(name, never[k]))
			return true;
	for (size_t k = 0; k < GW_COUNT(families); k++) {
		struct naive_text start = { name.p, strlen(families[k]) };

		if (name.len >= start.len &&
		    naive_looks_like(start, families[k]))
			return true;
	}
	return naive_is_option(h, name);
}

/* Fields of ours, which the forwarded head has in addition. */
static bool
is_ours(const struct naive_head *h, size_t i)
{
	static const char *const names[] = {
		"host", "content-length", "transfer-encoding", "connection",
		"upgrade", "x-remote-user",
	};

	for (size_t k = 0; k < GW_COUNT(names); k++)
		if (naive_is(h->name[i], names[k]))
			return true;
	return false;
}

static void
check_own_fields(void)
{
	struct naive_text v;

	gw_assert(naive_find(&out, "x-remote-user", &v) == 1);
	gw_assert(naive_is(v, "alice"));
	gw_assert(naive_find(&out, "host", &v) == 1);
	gw_assert(naive_same(v, text(msg.host)));
	gw_assert(naive_find(&out, "upgrade", &v) ==
		  (msg.wants_upgrade ? 1 : 0));
	gw_assert(naive_find(&out, "connection", &v) ==
		  (msg.wants_upgrade ? 1 : 0));
}

/* ---- framing, in and out */

static void
check_framing(const struct naive_head *h)
{
	struct naive_text v;
	size_t lengths = naive_find(h, "content-length", &v);
	uint64_t n;

	gw_assert(lengths == (msg.framing == GW_BODY_LENGTH ? 1 : 0));
	if (lengths == 1)
		gw_assert(naive_number(v, 10, &n) && n == msg.content_length);
	gw_assert(naive_find(h, "transfer-encoding", &v) ==
		  (msg.framing == GW_BODY_CHUNKED ? 1 : 0));
	if (msg.framing == GW_BODY_CHUNKED)
		gw_assert(naive_is(v, "chunked"));
}

static void
check_head(const char *p, size_t head_len)
{
	struct naive_text v;

	gw_assert(naive_read_head(p, head_len, &in) && in.len == head_len);
	gw_assert(naive_same(in.part[0], out.part[0]));
	gw_assert(naive_same(in.part[1], text(msg.target)));
	gw_assert(naive_same(out.part[1], text(msg.path)));
	gw_assert(naive_is(out.part[2], "HTTP/1.1"));
	if (naive_find(&in, "host", &v) > 0)
		gw_assert(naive_same(v, text(msg.host)));
	check_framing(&in);
	check_framing(&out);
	gw_assert(naive_is_forwarded(&in, is_dropped, &out, is_ours));
	check_own_fields();
}

/* What we write we would accept, unchanged. */
static void
check_again(const char *p, size_t head_len)
{
	struct gw_http_limits lim = { OUT_MAX, OUT_MAX };
	struct gw_http_msg *a = &again;
	size_t scanned = 0;

	gw_assert(gw_http_head_end(p, head_len, &scanned) == head_len);
	/* Not without Host, which HTTP/1.0 may lack, nor with our fields on
	 * top of as many as may be. */
	if (msg.host.len == 0 || out.count > GW_HTTP_FIELDS_MAX)
		return;
	gw_assert(gw_http_parse_request(p, head_len, &lim, a, NULL) ==
		  GW_ERR_OK);
	gw_assert(a->framing == msg.framing && a->is_head == msg.is_head);
	gw_assert(a->content_length == msg.content_length);
	gw_assert(a->wants_upgrade == msg.wants_upgrade);
	gw_assert(naive_same(text(a->path), text(msg.path)));
}

/* ---- one message of the stream */

/* Forwards the body; false when it is refused or not all there. */
static bool
forward_body(struct gw_out *o, const char *p, size_t len, size_t *used,
	     struct gw_out *payload)
{
	struct gw_http_body b;
	struct gw_str run;
	char head[18];
	size_t n = 1;

	*used = 0;
	for (gw_http_body_init(&b, &msg); !b.is_done && n > 0; *used += n) {
		if (gw_http_body_read(&b, p + *used, len - *used, &n, &run,
				      NULL) != GW_ERR_OK)
			return false;
		if (run.len == 0)
			continue;
		gw_out_raw(payload, run.p, run.len);
		if (msg.framing == GW_BODY_CHUNKED)
			gw_out_raw(o, head, gw_http_chunk_head(head, run.len));
		gw_out_raw(o, run.p, run.len);
		if (msg.framing == GW_BODY_CHUNKED)
			gw_out_str(o, "\r\n");
	}
	if (b.is_done && msg.framing == GW_BODY_CHUNKED)
		gw_out_str(o, "0\r\n\r\n");
	return b.is_done;
}

/* The naive reader takes exactly `len` bytes for the body, here what was
 * forwarded behind the head, there what came behind it. */
static void
check_body(const char *p, size_t len, const struct gw_out *payload)
{
	size_t n = 0, used = 0;

	if (msg.framing != GW_BODY_CHUNKED) {
		gw_assert(len == msg.content_length);
		gw_assert(len == payload->len);
		gw_assert(len == 0 || memcmp(p, payload->p, len) == 0);
		return;
	}
	gw_assert(naive_read_chunks(p, len, bodies[1], &n, &used));
	gw_assert(used == len && n == payload->len);
	gw_assert(n == 0 || memcmp(bodies[1], payload->p, n) == 0);
}

/* Bytes taken off the stream; 0 when it ends here. */
static size_t
forward(const char *p, size_t len)
{
	struct gw_http_limits lim = { 8192, 2048 };
	struct gw_http_forward f = { owned, extra, sizeof(extra) - 1, true };
	struct gw_out o = { .p = forwarded, .cap = sizeof(forwarded) };
	struct gw_out payload = { .p = bodies[0], .cap = sizeof(bodies[0]) };
	size_t scanned = 0, head_len = gw_http_head_end(p, len, &scanned);
	size_t used;
	struct gw_error err;

	if (gw_http_parse_request(p, head_len > 0 ? head_len : len, &lim, &msg,
				  &err) != GW_ERR_OK) {
		gw_assert(gw_err_http_status(err.code) >= 400);
		return 0;
	}
	gw_assert(head_len > 0);
	gw_http_write_request(&o, &msg, &f);
	gw_assert(!o.bad && naive_read_head(o.p, o.len, &out));
	gw_assert(out.len == o.len);
	check_head(p, head_len);
	check_again(o.p, o.len);
	if (msg.wants_upgrade ||
	    !forward_body(&o, p + head_len, len - head_len, &used, &payload))
		return 0;
	gw_assert(!o.bad && !payload.bad);
	check_body(p + head_len, used, &payload);
	check_body(o.p + out.len, o.len - out.len, &payload);
	return msg.keep_alive ? head_len + used : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t used;
	char *copy; /* of its exact size, for the sanitizer */

	if (len > INPUT_MAX || (copy = malloc(len + 1)) == NULL)
		return 0;
	for (size_t at = 0; at < len; at += used) {
		char *p = realloc(copy, len - at);

		if (p == NULL)
			break;
		copy = p;
		memcpy(copy, data + at, len - at);
		if ((used = forward(copy, len - at)) == 0)
			break;
	}
	free(copy);
	return 0;
}

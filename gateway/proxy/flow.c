/* flow.c — see flow.h. */
#include "flow.h"

/* A chunk's head and end, and the last chunk behind it. */
#define CHUNK_ROOM 32

static const char last_chunk[] = "0\r\n\r\n";

void
gw_flow_init(struct gw_flow *f, const struct gw_http_msg *m, bool to_chunks)
{
	gw_http_body_init(&f->body, m);
	f->to_chunks = to_chunks;
	f->is_written = f->body.is_done && !to_chunks;
}

bool
gw_flow_has_begun(const struct gw_flow *f)
{
	return f->body.total > 0 || f->body.overhead > 0;
}

static void
put_payload(struct gw_flow *f, struct gw_buf *to, struct gw_str data)
{
	char head[18];

	if (data.len == 0)
		return;
	if (f->to_chunks)
		gw_buf_append(to, head, gw_http_chunk_head(head, data.len));
	gw_buf_append(to, data.p, data.len);
	if (f->to_chunks)
		gw_buf_append(to, "\r\n", 2);
}

enum gw_err
gw_flow_move(struct gw_flow *f, struct gw_buf *from, struct gw_buf *to,
	     bool *out_moved, struct gw_error *err)
{
	size_t reserve = f->to_chunks ? CHUNK_ROOM : 0, used;
	struct gw_str data;
	enum gw_err rc;

	while (!f->body.is_done && gw_buf_used(from) > 0 &&
	       gw_buf_room(to) > reserve) {
		size_t len = GW_MIN(gw_buf_used(from),
				    gw_buf_room(to) - reserve);

		rc = gw_http_body_read(&f->body, gw_buf_head(from), len, &used,
				       &data, err);
		if (rc != GW_ERR_OK)
			return rc;
		put_payload(f, to, data);
		gw_buf_take(from, used);
		*out_moved = true;
	}
	gw_flow_end(f, to);
	return GW_ERR_OK;
}

bool
gw_flow_is_direct(const struct gw_flow *f)
{
	return f->body.framing == GW_BODY_LENGTH && !f->to_chunks;
}

bool
gw_flow_direct(struct gw_flow *f, struct gw_buf *to, size_t len)
{
	size_t used = 0;
	struct gw_str data;
	enum gw_err rc = gw_http_body_read(&f->body, gw_buf_tail(to) - len,
					   len, &used, &data, NULL);

	gw_assert(rc == GW_ERR_OK && used <= len);
	to->end -= (uint32_t)(len - used);
	f->is_written = f->body.is_done;
	return used == len;
}

void
gw_flow_end(struct gw_flow *f, struct gw_buf *to)
{
	if (f->is_written || !f->body.is_done)
		return;
	if (f->to_chunks) {
		if (gw_buf_room(to) < sizeof(last_chunk) - 1)
			return;
		gw_buf_append(to, last_chunk, sizeof(last_chunk) - 1);
	}
	f->is_written = true;
}

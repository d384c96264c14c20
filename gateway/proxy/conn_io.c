/* conn_io.c — a client's bytes, within TLS, and what they cost. See conn.h. */
#include "conn.h"
#include "tls.h"
#include "worker.h"

uint32_t
gw_conn_drained(struct gw_conn *c)
{
	uint32_t before = c->queued;

	c->queued = gw_sock_queued(&c->sock);
	return before > c->queued ? before - c->queued : 0;
}

enum gw_xfer
gw_conn_fill(struct gw_conn *c, struct gw_buf *b, size_t max)
{
	size_t n = 0;
	enum gw_xfer x;

	if (c->fills_left == 0)
		return GW_XFER_AGAIN;
	c->fills_left--;
	x = gw_tls_read(c->ssl, gw_buf_tail(b), GW_MIN(max, gw_buf_room(b)),
			&n);
	if (x != GW_XFER_OK)
		return x;
	gw_buf_added(b, n);
	c->bytes_in += n;
	c->worker->count.bytes_in += (int64_t)n;
	return GW_XFER_OK;
}

enum gw_xfer
gw_conn_send(struct gw_conn *c, bool *out_moved)
{
	size_t n;

	while (gw_buf_used(c->out) > 0) {
		enum gw_xfer x;

		c->sock.has_more = gw_buf_used(c->out) > GW_TLS_RECORD;
		x = gw_tls_write(c->ssl, gw_buf_head(c->out),
				 gw_buf_used(c->out), &n);
		c->sock.has_more = false;
		if (x != GW_XFER_OK)
			return x;
		gw_buf_take(c->out, n);
		gw_buf_rewind(c->out);
		c->bytes_out += n;
		c->worker->count.bytes_out += (int64_t)n;
		*out_moved = true;
	}
	return GW_XFER_OK;
}

bool
gw_conn_flush(struct gw_conn *c, bool *out_moved)
{
	enum gw_xfer x = gw_conn_send(c, out_moved);

	if (x == GW_XFER_OK || x == GW_XFER_AGAIN)
		return true;
	gw_conn_end(c, "client lost");
	return false;
}

enum gw_xfer
gw_conn_part(struct gw_conn *c)
{
	enum gw_xfer x = GW_XFER_OK;

	if (!c->has_parted)
		x = gw_tls_close(c->ssl);
	c->has_parted = x == GW_XFER_OK;
	return x;
}

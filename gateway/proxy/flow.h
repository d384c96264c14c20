/* flow.h — one body in one direction: read with the framing it came in,
 * written with the framing it goes on in. gwd-proxy only. No I/O. */
#ifndef GW_PROXY_FLOW_H
#define GW_PROXY_FLOW_H

#include "buf.h"
#include "http.h"

struct gw_flow {
	struct gw_http_body body;
	bool to_chunks;  /* written as chunks, whatever it came in */
	bool is_written; /* to the end, framing included */
};

void gw_flow_init(struct gw_flow *f, const struct gw_http_msg *m,
		  bool to_chunks);

/* Whether any of the body has come, if only of its framing. */
bool gw_flow_has_begun(const struct gw_flow *f);

/* Moves from `from` to `to` as much as fits. `*out_moved` is set when there
 * was anything to move. GW_ERR_HTTP_BAD_REQUEST when the framing is broken. */
GW_MUST_CHECK enum gw_err gw_flow_move(struct gw_flow *f, struct gw_buf *from,
				       struct gw_buf *to, bool *out_moved,
				       struct gw_error *err);

/* Whether bytes may be read straight into the outgoing buffer. */
bool gw_flow_is_direct(const struct gw_flow *f);
/* `len` bytes were put at the end of `to` that way. False when the body had
 * ended before the last of them: those are taken off again. */
GW_MUST_CHECK bool gw_flow_direct(struct gw_flow *f, struct gw_buf *to,
				  size_t len);
/* Writes the end once the body is done and there is room. */
void gw_flow_end(struct gw_flow *f, struct gw_buf *to);

#endif

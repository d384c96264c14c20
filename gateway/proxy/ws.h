/* ws.h — where one WebSocket frame ends and the next begins. gwd-proxy only.
 * Looks at frame headers alone, copies and keeps nothing of what passes: it
 * is there so that the gateway can put a Close frame of its own between two
 * frames of the server (RFC 6455 5.2, 5.5.1). No I/O. */
#ifndef GW_PROXY_WS_H
#define GW_PROXY_WS_H

#include "gw/compiler.h"

/* A control frame's payload is 125 bytes at most, 2 of them the code. */
#define GW_WS_CLOSE_MAX 127

enum gw_ws_code { /* RFC 6455 7.4.1 */
	GW_WS_GOING_AWAY = 1001,
	GW_WS_POLICY = 1008,
};

/* One direction. All zero: not a WebSocket. */
struct gw_ws {
	uint64_t left;     /* of the payload */
	uint8_t state;     /* private */
	uint8_t ext;       /* bytes of the length still to come */
	uint8_t mask;      /* bytes between length and payload */
	bool has_closed;   /* a Close frame has passed */
};

void gw_ws_begin(struct gw_ws *w);
/* The next bytes of the stream. */
void gw_ws_follow(struct gw_ws *w, const void *p, size_t len);
/* Whether a frame of ours may stand here: between two frames, and before the
 * Close frame. Never when the stream is not a WebSocket or not well-formed. */
bool gw_ws_may_close(const struct gw_ws *w);

/* A server's Close frame; `reason` (UTF-8) is cut to fit. Its length. */
size_t gw_ws_close_frame(uint8_t out[GW_WS_CLOSE_MAX], enum gw_ws_code code,
			 const char *reason);

#endif

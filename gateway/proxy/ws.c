/* ws.c — see ws.h. */
#include "ws.h"

#include <string.h>

enum { WS_OFF, WS_BETWEEN, WS_LENGTH, WS_MORE_LENGTH, WS_MASK, WS_PAYLOAD,
       WS_LOST };

#define OPCODE       0x0f
#define OPCODE_CLOSE 0x08
#define IS_FINAL     0x80
#define IS_MASKED    0x80
#define LENGTH       0x7f

void
gw_ws_begin(struct gw_ws *w)
{
	*w = (struct gw_ws){ .state = WS_BETWEEN };
}

bool
gw_ws_may_close(const struct gw_ws *w)
{
	return w->state == WS_BETWEEN && !w->has_closed;
}

static void
end_head(struct gw_ws *w)
{
	if (w->ext > 0)
		w->state = WS_MORE_LENGTH;
	else if (w->left >> 63 != 0) /* RFC 6455 5.2: must be 0 */
		w->state = WS_LOST;
	else if (w->mask > 0)
		w->state = WS_MASK;
	else
		w->state = w->left > 0 ? WS_PAYLOAD : WS_BETWEEN;
}

static void
begin_frame(struct gw_ws *w, uint8_t b)
{
	w->has_closed = w->has_closed || (b & OPCODE) == OPCODE_CLOSE;
	w->state = WS_LENGTH;
}

/* A server masks nothing (RFC 6455 5.1), but that is the client's to judge. */
static void
take_length(struct gw_ws *w, uint8_t b)
{
	uint8_t n = b & LENGTH;

	w->mask = (b & IS_MASKED) != 0 ? 4 : 0;
	w->ext = n == 127 ? 8 : n == 126 ? 2 : 0;
	w->left = w->ext > 0 ? 0 : n;
	end_head(w);
}

static void
take_head(struct gw_ws *w, uint8_t b)
{
	switch (w->state) {
	case WS_BETWEEN:
		begin_frame(w, b);
		break;
	case WS_LENGTH:
		take_length(w, b);
		break;
	case WS_MORE_LENGTH:
		w->left = w->left << 8 | b;
		w->ext--;
		end_head(w);
		break;
	default: /* WS_MASK */
		w->mask--;
		end_head(w);
		break;
	}
}

void
gw_ws_follow(struct gw_ws *w, const void *p, size_t len)
{
	const uint8_t *at = p, *end = at + len;

	while (at < end && w->state != WS_OFF && w->state != WS_LOST) {
		size_t n;

		if (w->state != WS_PAYLOAD) {
			take_head(w, *at++);
			continue;
		}
		n = (size_t)(end - at);
		if (n > w->left)
			n = (size_t)w->left;
		at += n;
		w->left -= n;
		if (w->left == 0)
			w->state = WS_BETWEEN;
	}
}

size_t
gw_ws_close_frame(uint8_t out[GW_WS_CLOSE_MAX], enum gw_ws_code code,
		  const char *reason)
{
	size_t len = strnlen(reason, GW_WS_CLOSE_MAX - 4);

	out[0] = IS_FINAL | OPCODE_CLOSE;
	out[1] = (uint8_t)(len + 2);
	out[2] = (uint8_t)(code >> 8);
	out[3] = (uint8_t)code;
	memcpy(out + 4, reason, len);
	return len + 4;
}

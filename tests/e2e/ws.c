/* ws.c — a WebSocket client of small text messages; see wire.h. */
#include "wire.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

#define MASK "\x12\x34\x56\x78"

int
ws_begin(struct wire *w, const char *path)
{
	char *head;

	return ws_begin_with(w, path, "", &head);
}

int
ws_begin_with(struct wire *w, const char *path, const char *fields,
	      char **out_head)
{
	char *head;
	int status = 0;

	(void)wire_say(w, text("GET %s HTTP/1.1\r\n"
			       "Host: gateway.corp.example.com\r\n"
			       "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			       "Sec-WebSocket-Version: 13\r\n"
			       "Sec-WebSocket-Key: "
			       "dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", path,
			       fields));
	*out_head = head = wire_read_until(w, "\r\n\r\n", 60000);
	if (sscanf(head, "HTTP/1.1 %d", &status) != 1)
		return 0;
	/* RFC 6455, 1.3: the answer to this key */
	if (status == 101 && !contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
		return -1;
	return status;
}

/* RFC 6455 5.2: in 7, 16 or 64 bits. Returns how many bytes it takes. */
static size_t
put_length(uint8_t *p, size_t len)
{
	size_t n = len <= 125 ? 0 : len <= 65535 ? 2 : 8;

	p[0] = (uint8_t)(0x80 | (n == 0 ? len : n == 2 ? 126 : 127));
	for (size_t i = n; i > 0; i--, len >>= 8)
		p[i] = (uint8_t)len;
	return 1 + n;
}

void
ws_send_frame(struct wire *w, unsigned first, const void *p, size_t len)
{
	uint8_t *frame = gw_xcalloc(1, 14 + len), *at = frame;
	const uint8_t *payload = p;

	*at++ = (uint8_t)first;
	at += put_length(at, len);
	memcpy(at, MASK, 4);
	at += 4;
	for (size_t i = 0; i < len; i++)
		*at++ = payload[i] ^ (uint8_t)MASK[i % 4];
	(void)wire_send(w, frame, (size_t)(at - frame));
	free(frame);
}

void
ws_send(struct wire *w, const char *message)
{
	ws_send_frame(w, 0x81, message, strlen(message));
}

static bool
read_exactly(struct wire *w, uint8_t *p, size_t len, int timeout_ms)
{
	while (len > 0) {
		int n = wire_read(w, p, len, timeout_ms);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

int
ws_recv_frame(struct wire *w, char **out, size_t *out_len, int timeout_ms)
{
	uint8_t head[2], more[8];
	size_t n, len;

	if (!read_exactly(w, head, 2, timeout_ms))
		return -1;
	len = head[1]; /* a server's frame has no mask */
	n = len == 127 ? 8 : len == 126 ? 2 : 0;
	if (!read_exactly(w, more, n, timeout_ms))
		return -1;
	for (size_t i = 0; i < n; i++)
		len = (i > 0 ? len << 8 : 0) | more[i];
	*out = gw_xcalloc(1, len + 1);
	*out_len = len;
	return read_exactly(w, (uint8_t *)*out, len, timeout_ms) ? head[0]
								 : -1;
}

char *
ws_recv(struct wire *w, int timeout_ms)
{
	size_t len;
	char *s;

	return ws_recv_frame(w, &s, &len, timeout_ms) == 0x81 ? s : NULL;
}

bool
ws_echoes(struct wire *w, const char *message, int timeout_ms)
{
	char *got;

	ws_send(w, message);
	got = ws_recv(w, timeout_ms);
	return got != NULL && strcmp(got, message) == 0;
}

bool
ws_closes(struct wire *w, unsigned code, const char *reason, int timeout_ms)
{
	size_t len = strlen(reason);
	uint8_t frame[4 + 123];

	gw_assert(len <= 123);
	return read_exactly(w, frame, 4 + len, timeout_ms) &&
	       frame[0] == 0x88 && frame[1] == len + 2 &&
	       (frame[2] * 256u + frame[3]) == code &&
	       memcmp(frame + 4, reason, len) == 0;
}

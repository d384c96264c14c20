/* ws.c — a WebSocket client of small text messages; see wire.h. */
#include "wire.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

int
ws_begin(struct wire *w, const char *path)
{
	char *head;
	int status = 0;

	(void)wire_say(w, text("GET %s HTTP/1.1\r\n"
			       "Host: gateway.corp.example.com\r\n"
			       "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			       "Sec-WebSocket-Version: 13\r\n"
			       "Sec-WebSocket-Key: "
			       "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path));
	head = wire_read_until(w, "\r\n\r\n", 12000);
	if (sscanf(head, "HTTP/1.1 %d", &status) != 1)
		return 0;
	/* RFC 6455, 1.3: the answer to this key */
	if (status == 101 && !contains(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
		return -1;
	return status;
}

void
ws_send(struct wire *w, const char *message)
{
	static const uint8_t mask[4] = { 0x12, 0x34, 0x56, 0x78 };
	size_t len = strlen(message);
	uint8_t frame[6 + 125] = { 0x81, (uint8_t)(0x80 | len) };

	gw_assert(len <= 125);
	memcpy(frame + 2, mask, 4);
	for (size_t i = 0; i < len; i++)
		frame[6 + i] = (uint8_t)message[i] ^ mask[i % 4];
	(void)wire_send(w, frame, 6 + len);
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

char *
ws_recv(struct wire *w, int timeout_ms)
{
	uint8_t head[2];
	char *s;

	if (!read_exactly(w, head, 2, timeout_ms) || head[0] != 0x81 ||
	    head[1] > 125)
		return NULL;
	s = gw_xcalloc(1, head[1] + 1u);
	return read_exactly(w, (uint8_t *)s, head[1], timeout_ms) ? s : NULL;
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

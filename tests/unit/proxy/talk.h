/* talk.h — what several of the tests of gwd-proxy as a whole (rig.h) say, and
 * what they hear. */
#ifndef GW_TEST_TALK_H
#define GW_TEST_TALK_H

#include "rig.h"

#define GET(path) \
	"GET " path " HTTP/1.1\r\nHost: vdi.example.com\r\n\r\n"

#define UPGRADE "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n" \
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" \
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* Connects and has the upstream's /ws echo from then on. */
void open_tunnel(struct rig *r, struct rig_client *c);
/* Asks for an upgrade at `path`, and gets it; the second comes in first. */
void switch_over(struct rig_client *c, const char *path);
void open_path(struct rig *r, struct rig_client *c, const char *path);
/* So many bytes of the pattern that rig_byte() has. */
void send_pattern(struct rig_client *c, size_t len);
/* All that comes, which is such bytes; true when the end was an orderly one. */
bool read_pattern(struct rig_client *c, size_t *out_len);
/* Waits for gwd-proxy's status to hold this: it counts when it gets to it. */
void await_status(struct rig *r, const char *text);
/* Comes in and gets an answer: at once, or as soon as there is room again. */
void expect_welcome(struct rig *r);
/* Asserts that this comes next. */
void expect(struct rig_client *c, const char *text);

#endif

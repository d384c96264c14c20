/* rig_switched.c — what the rig's upstream does once it has switched protocols,
 * and how that ends. See rig.h. */
#include "rig_peer.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD \
	"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
#define SWITCH HEAD "websocket\r\n\r\n"

static void
switch_over(struct peer *p)
{
	peer_say(p, SWITCH);
}

static void
leave(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
}

static void
reset(struct peer *p)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	leave(p);
}

/* ---- echo and frames */

static bool
give_ws(struct peer *p, const char *arg)
{
	(void)arg;
	if (peer_field(p, "upgrade") == NULL)
		return peer_give_text(p, "not upgraded");
	/* at once: what comes with the head must not be lost */
	peer_say(p, SWITCH "hello ");
	for (;;) {
		if (p->len == 0 && !peer_more(p))
			break;
		if (!peer_send(p->fd, p->buf, p->len))
			break;
		p->len = 0;
	}
	peer_say(p, " bye");
	return false;
}

/* Frames of RFC 6455, then nothing more. */
static bool
give_frames(struct peer *p, const char *arg)
{
	static const struct { const char *what, *bytes; size_t len; } all[] = {
		{ "whole", "\x81\x05hello", 7 },
		{ "cut", "\x81\x05hello\x81\x05wo", 11 },
		{ "closed", "\x81\x05hello\x88\x02\x03\xe8", 11 },
		{ "other", "\x81\x05hello", 7 },
	};

	peer_say(p, strncmp(arg, "other", 5) == 0
			    ? HEAD "frames\r\n\r\n"
			    : HEAD "WebSocket\r\n\r\n");
	for (size_t i = 0; i < GW_COUNT(all); i++)
		if (strncmp(arg, all[i].what, strlen(all[i].what)) == 0)
			peer_send(p->fd, all[i].bytes, all[i].len);
	while (peer_more(p))
		p->len = 0;
	return false;
}

/* ---- tunnels that end */

/* Waits for a word and for leave, has the last word, hears no more. */
static bool
give_last(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10);

	switch_over(p);
	(void)peer_more(p);
	peer_tell(p->len);
	peer_await_let();
	peer_send_bytes(p, 0, n);
	leave(p);
	peer_tell(n);
	return false;
}

static bool
give_torn(struct peer *p, const char *arg)
{
	switch_over(p);
	peer_send_bytes(p, 0, strtoul(arg, NULL, 10));
	reset(p);
	return false;
}

/* Waits for a word and for leave, says N bytes, and resets. */
static bool
give_torn_late(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10);

	switch_over(p);
	(void)peer_more(p);
	peer_tell(p->len);
	peer_await_let();
	peer_send_bytes(p, 0, n);
	reset(p);
	peer_tell(n);
	return false;
}

/* The same within an answer that lasts until the connection ends. */
static bool
give_torn_close(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10);

	peer_tell(1);
	peer_await_let();
	peer_say(p, "HTTP/1.1 200 OK\r\n\r\n");
	peer_send_bytes(p, 0, n);
	reset(p);
	peer_tell(n);
	return false;
}

/* All the client says, to its end; counts what is right of it. */
static void
hear(struct peer *p)
{
	struct upload u = { .is_right = true };

	do {
		upload_count(&u, p->buf, p->len);
		p->len = 0;
	} while (peer_more(p));
	peer_tell(u.is_right ? (size_t)u.len : 0);
}

static bool
give_hear(struct peer *p, const char *arg)
{
	(void)arg;
	switch_over(p);
	hear(p);
	return false;
}

static bool
give_hear_late(struct peer *p, const char *arg)
{
	(void)arg;
	switch_over(p);
	peer_await_let();
	hear(p);
	return false;
}

/* Says as much as nobody has to hear, listens once it may. */
static bool
give_babble(struct peer *p, const char *arg)
{
	static const char words[4096];
	struct pollfd room = { .fd = p->fd, .events = POLLOUT };

	(void)arg;
	switch_over(p);
	while (poll(&room, 1, 200) == 1 &&
	       send(p->fd, words, sizeof(words),
		    MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	peer_tell(1);
	peer_await_let();
	hear(p);
	return false;
}

/* How it ended: 1, orderly; 2, by a reset. */
static bool
give_hear_end(struct peer *p, const char *arg)
{
	char buf[4096];
	ssize_t n;

	(void)arg;
	switch_over(p);
	while ((n = recv(p->fd, buf, sizeof(buf), 0)) > 0)
		;
	peer_tell(n == 0 ? 1 : 2);
	return false;
}

static bool
give_hear_then(struct peer *p, const char *arg)
{
	switch_over(p);
	hear(p);
	peer_send_bytes(p, 0, strtoul(arg, NULL, 10));
	return false;
}

static bool
give_hear_bye(struct peer *p, const char *arg)
{
	(void)arg;
	switch_over(p);
	hear(p);
	peer_await_let();
	leave(p);
	peer_tell(1);
	return false;
}

static bool
give_hush(struct peer *p, const char *arg)
{
	switch_over(p);
	peer_send_bytes(p, 0, strtoul(arg, NULL, 10));
	shutdown(p->fd, SHUT_WR);
	hear(p);
	return false;
}

/* ---- which is which */

const struct rig_path rig_switched_paths[] = {
	{ "/frames/", give_frames },
	{ "/last/", give_last },
	{ "/torn/", give_torn },
	{ "/torn-late/", give_torn_late },
	{ "/torn-close/", give_torn_close },
	{ "/hear-then/", give_hear_then },
	{ "/hear-late", give_hear_late },
	{ "/hear-bye", give_hear_bye },
	{ "/hear-end", give_hear_end },
	{ "/hear", give_hear },
	{ "/babble", give_babble },
	{ "/hush/", give_hush },
	{ "/ws", give_ws },
	{ NULL, NULL },
};

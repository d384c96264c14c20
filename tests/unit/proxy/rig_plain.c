/* rig_plain.c — what the rig's upstream answers, well and badly. See rig.h. */
#include "rig_peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- bodies */

static bool
give_bytes(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10);
	char head[128];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
		 "Content-Length: %zu\r\nX-Number: %u\r\n\r\n", n, p->number);
	return peer_say(p, head) && (strncmp(p->head, "HEAD", 4) == 0 ||
				     peer_send_bytes(p, 0, n));
}

static bool
give_chunked(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10), done = 0;
	char line[32];

	peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (done < n) {
		size_t k = n - done < 7001 ? n - done : 7001;

		snprintf(line, sizeof(line), "%zX\r\n", k);
		if (!peer_say(p, line) || !peer_send_bytes(p, done, k) ||
		    !peer_say(p, "\r\n"))
			return false;
		done += k;
	}
	return peer_say(p, "0\r\nX-Trailer: gone\r\n\r\n");
}

static bool
give_close(struct peer *p, const char *arg)
{
	peer_say(p, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	peer_send_bytes(p, 0, strtoul(arg, NULL, 10));
	return false;
}

static bool
give_head(struct peer *p, const char *arg)
{
	(void)arg;
	return peer_give_text(p, p->head);
}

/* ---- uploads */

static bool
take_bytes(struct peer *p, struct upload *u, uint64_t n)
{
	while (n > 0) {
		size_t k;

		if (p->len == 0 && !peer_more(p))
			return false;
		k = p->len < n ? p->len : (size_t)n;
		upload_count(u, p->buf, k);
		peer_drop(p, k);
		n -= k;
	}
	return true;
}

static bool
take_chunks(struct peer *p, struct upload *u)
{
	for (;;) {
		char *end;
		size_t n;

		while ((end = memmem(p->buf, p->len, "\r\n", 2)) == NULL)
			if (!peer_more(p))
				return false;
		n = strtoul(p->buf, NULL, 16);
		peer_drop(p, (size_t)(end - p->buf) + 2);
		if (n > 0 && !take_bytes(p, u, n))
			return false;
		while (p->len < 2)
			if (!peer_more(p))
				return false;
		if (memcmp(p->buf, "\r\n", 2) != 0)
			return false;
		peer_drop(p, 2);
		if (n == 0)
			return true;
	}
}

static bool
give_upload(struct peer *p, const char *arg)
{
	struct upload u = { .is_right = true };
	const char *len = peer_field(p, "content-length");
	char text[64];
	bool ok;

	(void)arg;
	ok = len != NULL ? take_bytes(p, &u, strtoull(len, NULL, 10))
			 : peer_field(p, "transfer-encoding") == NULL ||
				   take_chunks(p, &u);
	snprintf(text, sizeof(text), "%llu %s", (unsigned long long)u.len,
		 u.is_right ? "right" : "wrong");
	return ok && peer_give_text(p, text);
}

static bool
give_continue(struct peer *p, const char *arg)
{
	if (peer_field(p, "expect") != NULL)
		peer_say(p, "HTTP/1.1 100 Continue\r\n\r\n");
	return give_upload(p, arg);
}

/* ---- misbehaviour */

static bool
give_early(struct peer *p, const char *arg)
{
	(void)arg;
	peer_say(p, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n"
		    "Connection: close\r\n\r\nearly");
	shutdown(p->fd, SHUT_WR);
	sleep(1);
	return false;
}

/* Answers when it may; that it is asked, see rig_heard(): 1. */
static bool
give_told(struct peer *p, const char *arg)
{
	(void)arg;
	peer_tell(1);
	peer_await_let();
	return peer_give_text(p, "told");
}

static bool
give_slow(struct peer *p, const char *arg)
{
	usleep((useconds_t)strtoul(arg, NULL, 10) * 1000);
	return peer_give_text(p, "slow");
}

static bool
give_hang(struct peer *p, const char *arg)
{
	(void)arg;
	while (peer_more(p))
		p->len = 0;
	return false;
}

static bool
give_garbage(struct peer *p, const char *arg)
{
	(void)arg;
	peer_say(p, "HELO there\r\n\r\n");
	return false;
}

/* Of another protocol, in which it is the client's turn. */
static bool
give_greeting(struct peer *p, const char *arg)
{
	peer_say(p, "SSH-2.0-OpenSSH_9.2p1");
	return give_hang(p, arg);
}

static bool
give_half(struct peer *p, const char *arg)
{
	(void)arg;
	peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
	return false;
}

static bool
give_drop(struct peer *p, const char *arg)
{
	(void)arg;
	return p->number == 1 && peer_give_text(p, "fresh");
}

/* ---- more than one answer */

static bool
give_interim(struct peer *p, const char *arg)
{
	(void)arg;
	return peer_say(p, "HTTP/1.1 103 Early Hints\r\n"
			   "Link: </a.css>\r\n\r\n") &&
	       peer_give_text(p, "after");
}

static bool
give_interims(struct peer *p, const char *arg)
{
	bool ok = true;

	for (unsigned long n = strtoul(arg, NULL, 10); ok && n > 0; n--)
		ok = peer_say(p, "HTTP/1.1 103 Early Hints\r\n\r\n");
	return ok && peer_give_text(p, "after");
}

/* Once it has answered, and may: another answer. */
static bool
give_unasked(struct peer *p, const char *arg)
{
	bool ok;

	(void)arg;
	if (!peer_give_text(p, "asked"))
		return false;
	peer_await_let();
	ok = peer_give_text(p, "nobody asked for this");
	peer_tell(1);
	return ok;
}

/* ---- which is which */

const struct rig_path rig_plain_paths[] = {
	{ "/bytes/", give_bytes },
	{ "/chunked/", give_chunked },
	{ "/close/", give_close },
	{ "/head", give_head },
	{ "/upload", give_upload },
	{ "/continue", give_continue },
	{ "/early", give_early },
	{ "/slow/", give_slow },
	{ "/told", give_told },
	{ "/hang", give_hang },
	{ "/garbage", give_garbage },
	{ "/greeting", give_greeting },
	{ "/half", give_half },
	{ "/drop-reused", give_drop },
	{ "/interims/", give_interims },
	{ "/interim", give_interim },
	{ "/unasked", give_unasked },
	{ NULL, NULL },
};

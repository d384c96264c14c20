/* rig_upstream.c — see rig.h. Blocking and simple: what it does wrong, it
 * does on purpose. */
#include "rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX 262144

struct peer {
	int fd;
	unsigned number;  /* of the request on this connection */
	char *buf;        /* read, not used yet */
	size_t len;
	char *head;       /* the present request's */
};

uint8_t
rig_byte(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

static bool
send_all(int fd, const void *p, size_t len)
{
	const char *at = p;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
say(struct peer *p, const char *text)
{
	return send_all(p->fd, text, strlen(text));
}

static bool
more(struct peer *p)
{
	ssize_t n;

	if (p->len >= HEAD_MAX)
		return false;
	n = recv(p->fd, p->buf + p->len, HEAD_MAX - p->len, 0);
	if (n <= 0)
		return false;
	p->len += (size_t)n;
	return true;
}

static void
drop(struct peer *p, size_t n)
{
	memmove(p->buf, p->buf + n, p->len - n);
	p->len -= n;
}

static bool
read_head(struct peer *p)
{
	char *end;
	size_t n;

	while ((end = memmem(p->buf, p->len, "\r\n\r\n", 4)) == NULL)
		if (!more(p))
			return false;
	n = (size_t)(end - p->buf) + 4;
	memcpy(p->head, p->buf, n);
	p->head[n] = '\0';
	drop(p, n);
	return true;
}

static const char *
field(struct peer *p, const char *name)
{
	char *at = strcasestr(p->head, name);

	return at != NULL ? at + strlen(name) + 2 : NULL;
}

/* ---- bodies */

static bool
send_bytes(struct peer *p, size_t from, size_t n)
{
	static _Thread_local uint8_t block[16384];

	while (n > 0) {
		size_t k = n < sizeof(block) ? n : sizeof(block);

		for (size_t i = 0; i < k; i++)
			block[i] = rig_byte(from + i);
		if (!send_all(p->fd, block, k))
			return false;
		from += k;
		n -= k;
	}
	return true;
}

static bool
give_bytes(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10);
	char head[128];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n"
		 "Content-Length: %zu\r\nX-Number: %u\r\n\r\n", n, p->number);
	return say(p, head) && (strncmp(p->head, "HEAD", 4) == 0 ||
				send_bytes(p, 0, n));
}

static bool
give_chunked(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10), done = 0;
	char line[32];

	say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	while (done < n) {
		size_t k = n - done < 7001 ? n - done : 7001;

		snprintf(line, sizeof(line), "%zX\r\n", k);
		if (!say(p, line) || !send_bytes(p, done, k) ||
		    !say(p, "\r\n"))
			return false;
		done += k;
	}
	return say(p, "0\r\nX-Trailer: gone\r\n\r\n");
}

static bool
give_close(struct peer *p, const char *arg)
{
	say(p, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	send_bytes(p, 0, strtoul(arg, NULL, 10));
	return false;
}

static bool
give_text(struct peer *p, const char *text)
{
	char head[96];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		 strlen(text));
	return say(p, head) && say(p, text);
}

static bool
give_head(struct peer *p, const char *arg)
{
	(void)arg;
	return give_text(p, p->head);
}

/* ---- uploads */

struct upload {
	uint64_t len;
	bool is_right; /* every byte as rig_byte() has it */
};

static void
count(struct upload *u, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)data[i] != rig_byte(u->len + i))
			u->is_right = false;
	u->len += n;
}

static bool
take_bytes(struct peer *p, struct upload *u, uint64_t n)
{
	while (n > 0) {
		size_t k;

		if (p->len == 0 && !more(p))
			return false;
		k = p->len < n ? p->len : (size_t)n;
		count(u, p->buf, k);
		drop(p, k);
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
			if (!more(p))
				return false;
		n = strtoul(p->buf, NULL, 16);
		drop(p, (size_t)(end - p->buf) + 2);
		if (n > 0 && !take_bytes(p, u, n))
			return false;
		while (p->len < 2)
			if (!more(p))
				return false;
		if (memcmp(p->buf, "\r\n", 2) != 0)
			return false;
		drop(p, 2);
		if (n == 0)
			return true;
	}
}

static bool
give_upload(struct peer *p, const char *arg)
{
	struct upload u = { .is_right = true };
	const char *len = field(p, "content-length");
	char text[64];
	bool ok;

	(void)arg;
	ok = len != NULL ? take_bytes(p, &u, strtoull(len, NULL, 10))
			 : field(p, "transfer-encoding") == NULL ||
				   take_chunks(p, &u);
	snprintf(text, sizeof(text), "%llu %s", (unsigned long long)u.len,
		 u.is_right ? "right" : "wrong");
	return ok && give_text(p, text);
}

static bool
give_continue(struct peer *p, const char *arg)
{
	if (field(p, "expect") != NULL)
		say(p, "HTTP/1.1 100 Continue\r\n\r\n");
	return give_upload(p, arg);
}

/* ---- what the test and the upstream tell each other */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_changed = PTHREAD_COND_INITIALIZER;
static size_t heard;
static bool is_let;

static void
set_heard(size_t n)
{
	pthread_mutex_lock(&lock);
	heard = n;
	pthread_cond_broadcast(&has_changed);
	pthread_mutex_unlock(&lock);
}

size_t
rig_heard(size_t want)
{
	struct timespec end;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	pthread_mutex_lock(&lock);
	while (heard != want &&
	       pthread_cond_timedwait(&has_changed, &lock, &end) == 0)
		;
	n = heard;
	heard = 0;
	pthread_mutex_unlock(&lock);
	return n;
}

void
rig_let(void)
{
	pthread_mutex_lock(&lock);
	is_let = true;
	pthread_cond_broadcast(&has_changed);
	pthread_mutex_unlock(&lock);
}

static void
await_let(void)
{
	pthread_mutex_lock(&lock);
	while (!is_let)
		pthread_cond_wait(&has_changed, &lock);
	is_let = false;
	pthread_mutex_unlock(&lock);
}

/* ---- misbehaviour */

static bool
give_early(struct peer *p, const char *arg)
{
	(void)arg;
	say(p, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n"
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
	set_heard(1);
	await_let();
	return give_text(p, "told");
}

static bool
give_slow(struct peer *p, const char *arg)
{
	usleep((useconds_t)strtoul(arg, NULL, 10) * 1000);
	return give_text(p, "slow");
}

static bool
give_hang(struct peer *p, const char *arg)
{
	(void)arg;
	while (more(p))
		p->len = 0;
	return false;
}

static bool
give_garbage(struct peer *p, const char *arg)
{
	(void)arg;
	say(p, "HELO there\r\n\r\n");
	return false;
}

/* Of another protocol, in which it is the client's turn. */
static bool
give_greeting(struct peer *p, const char *arg)
{
	say(p, "SSH-2.0-OpenSSH_9.2p1");
	return give_hang(p, arg);
}

static bool
give_half(struct peer *p, const char *arg)
{
	(void)arg;
	say(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
	return false;
}

static bool
give_drop(struct peer *p, const char *arg)
{
	(void)arg;
	return p->number == 1 && give_text(p, "fresh");
}

static bool
give_ws(struct peer *p, const char *arg)
{
	(void)arg;
	if (field(p, "upgrade") == NULL)
		return give_text(p, "not upgraded");
	say(p, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	       "Upgrade: websocket\r\n\r\nhello ");
	for (;;) {
		if (p->len == 0 && !more(p))
			break;
		if (!send_all(p->fd, p->buf, p->len))
			break;
		p->len = 0;
	}
	say(p, " bye");
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

	say(p, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
	say(p, strncmp(arg, "other", 5) == 0 ? "Upgrade: frames\r\n\r\n"
					     : "Upgrade: WebSocket\r\n\r\n");
	for (size_t i = 0; i < GW_COUNT(all); i++)
		if (strncmp(arg, all[i].what, strlen(all[i].what)) == 0)
			send_all(p->fd, all[i].bytes, all[i].len);
	while (more(p))
		p->len = 0;
	return false;
}

/* ---- tunnels that end */

static void
switch_over(struct peer *p)
{
	say(p, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	       "Upgrade: websocket\r\n\r\n");
}

/* Waits for a word and for leave, has the last word, hears no more. */
static bool
give_last(struct peer *p, const char *arg)
{
	size_t n = strtoul(arg, NULL, 10);

	switch_over(p);
	(void)more(p);
	set_heard(p->len);
	await_let();
	send_bytes(p, 0, n);
	close(p->fd);
	p->fd = -1;
	set_heard(n);
	return false;
}

static bool
give_torn(struct peer *p, const char *arg)
{
	struct linger hard = { .l_onoff = 1 };

	switch_over(p);
	send_bytes(p, 0, strtoul(arg, NULL, 10));
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	return false;
}

/* Waits for a word and for leave, says N bytes, and resets. */
static bool
give_torn_late(struct peer *p, const char *arg)
{
	struct linger hard = { .l_onoff = 1 };
	size_t n = strtoul(arg, NULL, 10);

	switch_over(p);
	(void)more(p);
	set_heard(p->len);
	await_let();
	send_bytes(p, 0, n);
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(p->fd);
	p->fd = -1;
	set_heard(n);
	return false;
}

/* The same within an answer that lasts until the connection ends. */
static bool
give_torn_close(struct peer *p, const char *arg)
{
	struct linger hard = { .l_onoff = 1 };
	size_t n = strtoul(arg, NULL, 10);

	set_heard(1);
	await_let();
	say(p, "HTTP/1.1 200 OK\r\n\r\n");
	send_bytes(p, 0, n);
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(p->fd);
	p->fd = -1;
	set_heard(n);
	return false;
}

/* All the client says, to its end; counts what is right of it. */
static void
hear(struct peer *p)
{
	struct upload u = { .is_right = true };

	do {
		count(&u, p->buf, p->len);
		p->len = 0;
	} while (more(p));
	set_heard(u.is_right ? (size_t)u.len : 0);
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
	await_let();
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
	set_heard(n == 0 ? 1 : 2);
	return false;
}

static bool
give_hear_then(struct peer *p, const char *arg)
{
	switch_over(p);
	hear(p);
	send_bytes(p, 0, strtoul(arg, NULL, 10));
	return false;
}

static bool
give_hear_bye(struct peer *p, const char *arg)
{
	(void)arg;
	switch_over(p);
	hear(p);
	await_let();
	close(p->fd);
	p->fd = -1;
	set_heard(1);
	return false;
}

static bool
give_hush(struct peer *p, const char *arg)
{
	switch_over(p);
	send_bytes(p, 0, strtoul(arg, NULL, 10));
	shutdown(p->fd, SHUT_WR);
	hear(p);
	return false;
}

/* ---- more than one answer */

static bool
give_interim(struct peer *p, const char *arg)
{
	(void)arg;
	return say(p, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n") &&
	       give_text(p, "after");
}

static bool
give_interims(struct peer *p, const char *arg)
{
	bool ok = true;

	for (unsigned long n = strtoul(arg, NULL, 10); ok && n > 0; n--)
		ok = say(p, "HTTP/1.1 103 Early Hints\r\n\r\n");
	return ok && give_text(p, "after");
}

/* Once it has answered, and may: another answer. */
static bool
give_unasked(struct peer *p, const char *arg)
{
	bool ok;

	(void)arg;
	if (!give_text(p, "asked"))
		return false;
	await_let();
	ok = give_text(p, "nobody asked for this");
	set_heard(1);
	return ok;
}

static const struct {
	const char *path;
	bool (*fn)(struct peer *p, const char *arg);
} paths[] = {
	{ "/bytes/", give_bytes },     { "/chunked/", give_chunked },
	{ "/close/", give_close },     { "/head", give_head },
	{ "/upload", give_upload },    { "/continue", give_continue },
	{ "/early", give_early },      { "/slow/", give_slow },
	{ "/told", give_told },
	{ "/hang", give_hang },        { "/garbage", give_garbage },
	{ "/greeting", give_greeting }, { "/half", give_half },
	{ "/drop-reused", give_drop },
	{ "/frames/", give_frames },   { "/last/", give_last },
	{ "/torn/", give_torn },       { "/torn-late/", give_torn_late },
	{ "/torn-close/", give_torn_close },
	{ "/hear-then/", give_hear_then },
	{ "/hear-late", give_hear_late },
	{ "/hear-bye", give_hear_bye }, { "/hear-end", give_hear_end },
	{ "/hear", give_hear },        { "/hush/", give_hush },
	{ "/ws", give_ws },            { "/interims/", give_interims },
	{ "/interim", give_interim },  { "/unasked", give_unasked },
};

static bool
serve_one(struct peer *p)
{
	const char *path = strchr(p->head, ' ') + 1;

	for (size_t i = 0; i < GW_COUNT(paths); i++) {
		size_t len = strlen(paths[i].path);

		if (strncmp(path, paths[i].path, len) == 0)
			return paths[i].fn(p, path + len);
	}
	return give_text(p, "other");
}

static void *
serve(void *arg)
{
	struct peer p = { .fd = *(int *)arg };
	int on = 1;

	free(arg);
	setsockopt(p.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p.buf = malloc(HEAD_MAX);
	p.head = malloc(HEAD_MAX + 1);
	while (read_head(&p)) {
		p.number++;
		if (!serve_one(&p))
			break;
	}
	if (p.fd >= 0)
		close(p.fd);
	free(p.buf);
	free(p.head);
	return NULL;
}

static void *
accept_all(void *arg)
{
	struct rig_upstream *u = arg;
	pthread_t t;
	int fd;

	while ((fd = accept(u->listener, NULL, NULL)) >= 0) {
		int *copy = malloc(sizeof(*copy));

		*copy = fd;
		if (pthread_create(&t, NULL, serve, copy) == 0)
			pthread_detach(t);
	}
	return NULL;
}

void
rig_upstream_start(struct rig_upstream *u)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	u->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(u->listener, (void *)&sa, len) == 0 &&
		  listen(u->listener, 128) == 0 &&
		  getsockname(u->listener, (void *)&sa, &len) == 0);
	u->port = ntohs(sa.sin_port);
	cr_assert(pthread_create(&u->thread, NULL, accept_all, u) == 0);
}

void
rig_upstream_stop(struct rig_upstream *u)
{
	shutdown(u->listener, SHUT_RDWR);
	pthread_join(u->thread, NULL);
	close(u->listener);
}

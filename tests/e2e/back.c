/* back.c — see back.h. A thread for each connection; what they have heard is
 * under one lock. */
#include "back_priv.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 60000

/* ---- sockets */

static struct sockaddr_in
address_of(const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char host[64];
	unsigned port;

	gw_assert(sscanf(text, "%63[0-9.]:%u", host, &port) == 2 &&
		  inet_pton(AF_INET, host, &sin.sin_addr) == 1);
	sin.sin_port = htons((uint16_t)port);
	return sin;
}

static int
listen_somewhere(char **out_address)
{
	struct sockaddr_in sin = address_of("127.0.0.1:0");
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	gw_assert(fd >= 0 && bind(fd, (void *)&sin, len) == 0 &&
		  listen(fd, 128) == 0 &&
		  getsockname(fd, (void *)&sin, &len) == 0);
	*out_address = text("127.0.0.1:%d", ntohs(sin.sin_port));
	return fd;
}

bool
back_say(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* ---- hearing */

static void
keep(struct ear *e, const char *p, size_t len)
{
	size_t n = GW_MIN(len, HEARD_MAX - e->kept);

	pthread_mutex_lock(&e->back->lock);
	e->heard = gw_xrealloc(e->heard, e->kept + n + 1, 1);
	memcpy(e->heard + e->kept, p, n);
	e->kept += n;
	e->heard[e->kept] = '\0';
	e->len += len;
	pthread_mutex_unlock(&e->back->lock);
}

bool
back_hear(struct ear *e, char *piece, size_t *out_len)
{
	ssize_t n = recv(e->fd, piece, BACK_PIECE, 0);

	e->is_torn = n < 0;
	if (n <= 0)
		return false;
	keep(e, piece, (size_t)n);
	*out_len = (size_t)n;
	return true;
}

/* ---- relaying */

static int
dial(const char *real)
{
	struct sockaddr_in sin = address_of(real);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (void *)&sin, sizeof(sin)) != 0)
		gw_close(&fd);
	return fd;
}

static bool
pass_on(struct ear *e, int fd)
{
	char piece[BACK_PIECE];
	size_t n;

	return back_hear(e, piece, &n) && back_say(fd, piece, n);
}

static bool
pass_back(struct ear *e, int fd)
{
	char piece[BACK_PIECE];
	ssize_t n = recv(fd, piece, sizeof(piece), 0);

	return n > 0 && back_say(e->fd, piece, (size_t)n);
}

/* Until either ends, which ends both. */
static void
relay(struct ear *e)
{
	int fd = dial(e->back->real);
	struct pollfd p[2] = { { .fd = e->fd, .events = POLLIN },
			       { .fd = fd, .events = POLLIN } };
	bool goes_on = fd >= 0;

	while (goes_on && poll(p, 2, -1) > 0) {
		if (p[0].revents != 0)
			goes_on = pass_on(e, fd);
		if (goes_on && p[1].revents != 0)
			goes_on = pass_back(e, fd);
	}
	gw_close(&fd);
}

/* ---- threads */

static void *
serve(void *arg)
{
	struct ear *e = arg;

	if (e->back->real != NULL)
		relay(e);
	else
		back_play(e);
	gw_close(&e->fd);
	pthread_mutex_lock(&e->back->lock);
	e->is_over = true;
	pthread_mutex_unlock(&e->back->lock);
	return NULL;
}

static void
start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	gw_assert(pthread_create(&thread, NULL, fn, arg) == 0);
	(void)pthread_detach(thread);
}

static void *
attend(void *arg)
{
	struct back *b = arg;
	int fd;

	while ((fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct ear *e = &b->ear[b->count];

		gw_assert(b->count < CONNS_MAX);
		*e = (struct ear){ .back = b, .fd = fd,
				   .heard = gw_xstrdup("") };
		pthread_mutex_lock(&b->lock);
		b->count++;
		pthread_mutex_unlock(&b->lock);
		start(serve, e);
	}
	return NULL;
}

static struct back *
back_new(const char *real, const struct back_part *part, size_t count)
{
	struct back *b = gw_xcalloc(1, sizeof(*b));

	b->fd = listen_somewhere(&b->address);
	b->real = real;
	b->part = part;
	b->part_count = count;
	gw_assert(pthread_mutex_init(&b->lock, NULL) == 0 &&
		  pthread_cond_init(&b->let, NULL) == 0);
	start(attend, b);
	return b;
}

struct back *
back_relay(const char *real)
{
	return back_new(real, NULL, 0);
}

struct back *
back_player(const struct back_part *part, size_t count)
{
	return back_new(NULL, part, count);
}

const char *
back_address(const struct back *b)
{
	return b->address;
}

void
back_let(struct back *b)
{
	pthread_mutex_lock(&b->lock);
	b->is_let = true;
	pthread_cond_broadcast(&b->let);
	pthread_mutex_unlock(&b->lock);
}

/* ---- what was heard */

size_t
back_count(struct back *b)
{
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = b->count;
	pthread_mutex_unlock(&b->lock);
	return n;
}

char *
back_heard(struct back *b, size_t i, size_t *out_len)
{
	char *copy;

	pthread_mutex_lock(&b->lock);
	gw_assert(i < b->count);
	copy = gw_xcalloc(1, b->ear[i].kept + 1);
	memcpy(copy, b->ear[i].heard, b->ear[i].kept);
	*out_len = b->ear[i].len;
	pthread_mutex_unlock(&b->lock);
	return copy;
}

char *
back_heard_with(struct back *b, const char *word)
{
	size_t count = back_count(b), len;

	for (size_t i = 0; i < count; i++) {
		char *heard = back_heard(b, i, &len);

		if (memmem(heard, GW_MIN(len, HEARD_MAX), word,
			   strlen(word)) != NULL)
			return heard;
		free(heard);
	}
	return NULL;
}

struct look {
	struct back *back;
	size_t i, len;
};

static bool
is_over(void *arg)
{
	struct look *l = arg;
	bool is;

	pthread_mutex_lock(&l->back->lock);
	is = l->i < l->back->count && l->back->ear[l->i].is_over;
	pthread_mutex_unlock(&l->back->lock);
	return is;
}

static bool
has_heard(void *arg)
{
	struct look *l = arg;
	bool has;

	pthread_mutex_lock(&l->back->lock);
	has = l->i < l->back->count && l->back->ear[l->i].len >= l->len;
	pthread_mutex_unlock(&l->back->lock);
	return has;
}

bool
back_is_over(struct back *b, size_t i)
{
	return await(WAIT_MS, is_over, &(struct look){ b, i, 0 });
}

bool
back_is_torn(struct back *b, size_t i)
{
	return back_is_over(b, i) && b->ear[i].is_torn;
}

bool
back_hears(struct back *b, size_t i, size_t len)
{
	return await(WAIT_MS, has_heard, &(struct look){ b, i, len });
}

/* rig_upstream.c — the server behind gwd-proxy: connections and requests. What
 * it does with these is in rig_plain.c and rig_switched.c. */
#include "rig_peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX 262144

uint8_t
rig_byte(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7);
}

bool
peer_send(int fd, const void *p, size_t len)
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

bool
peer_say(struct peer *p, const char *text)
{
	return peer_send(p->fd, text, strlen(text));
}

bool
peer_more(struct peer *p)
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

void
peer_drop(struct peer *p, size_t n)
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
		if (!peer_more(p))
			return false;
	n = (size_t)(end - p->buf) + 4;
	memcpy(p->head, p->buf, n);
	p->head[n] = '\0';
	peer_drop(p, n);
	return true;
}

const char *
peer_field(struct peer *p, const char *name)
{
	char *at = strcasestr(p->head, name);

	return at != NULL ? at + strlen(name) + 2 : NULL;
}

bool
peer_send_bytes(struct peer *p, size_t from, size_t n)
{
	uint8_t block[16384];

	while (n > 0) {
		size_t k = n < sizeof(block) ? n : sizeof(block);

		for (size_t i = 0; i < k; i++)
			block[i] = rig_byte(from + i);
		if (!peer_send(p->fd, block, k))
			return false;
		from += k;
		n -= k;
	}
	return true;
}

bool
peer_give_text(struct peer *p, const char *text)
{
	char head[96];

	snprintf(head, sizeof(head),
		 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		 strlen(text));
	return peer_say(p, head) && peer_say(p, text);
}

void
upload_count(struct upload *u, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)data[i] != rig_byte(u->len + i))
			u->is_right = false;
	u->len += n;
}

/* ---- what the test and the upstream tell each other */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_changed = PTHREAD_COND_INITIALIZER;
static size_t heard;
static bool is_let;

void
peer_tell(size_t n)
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

void
peer_await_let(void)
{
	pthread_mutex_lock(&lock);
	while (!is_let)
		pthread_cond_wait(&has_changed, &lock);
	is_let = false;
	pthread_mutex_unlock(&lock);
}

/* ---- requests */

static const struct rig_path *
find(const struct rig_path *table, const char *path)
{
	for (; table->path != NULL; table++)
		if (strncmp(path, table->path, strlen(table->path)) == 0)
			return table;
	return NULL;
}

static bool
serve_one(struct peer *p)
{
	const char *path = strchr(p->head, ' ') + 1;
	const struct rig_path *r = find(rig_plain_paths, path);

	if (r == NULL)
		r = find(rig_switched_paths, path);
	return r != NULL ? r->fn(p, path + strlen(r->path))
			 : peer_give_text(p, "other");
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

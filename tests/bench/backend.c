/* backend.c — the server behind the gateways in tests/bench: one thread, one
 * epoll loop, as little work as can be, so that what is measured is the
 * gateway.
 *
 *   GET /bytes/N      a response of N bytes with Content-Length
 *   Upgrade: …        101, then every byte comes back
 *
 * Prints the port it got on 127.0.0.1 and serves until its standard input
 * ends. Never for production: it trusts the gateway in front of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX   16384
#define ECHO_MAX 65536

struct conn {
	int fd;
	bool is_tunnel;
	bool wants_out;
	char *in;      /* request head, or what is to be echoed */
	size_t in_len;
	char head[192];
	size_t head_len, head_off;
	uint64_t body_left;
};

static int epfd;
static char filler[65536];

static void
drop(struct conn *c)
{
	close(c->fd);
	free(c->in);
	free(c);
}

static void
watch(struct conn *c, bool out)
{
	struct epoll_event ev = { .events = out ? EPOLLOUT : EPOLLIN,
				  .data.ptr = c };

	if (out == c->wants_out)
		return;
	c->wants_out = out;
	epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &ev);
}

/* 1: all written, 0: would block, -1: gone. */
static int
push(struct conn *c)
{
	while (c->head_off < c->head_len || c->body_left > 0) {
		bool head = c->head_off < c->head_len;
		const char *p = head ? c->head + c->head_off : filler;
		uint64_t len = head ? c->head_len - c->head_off : c->body_left;
		ssize_t n;

		if (len > sizeof(filler))
			len = sizeof(filler);
		n = send(c->fd, p, (size_t)len,
			 MSG_NOSIGNAL | (head && c->body_left ? MSG_MORE : 0));
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (head)
			c->head_off += (size_t)n;
		else
			c->body_left -= (uint64_t)n;
	}
	return 1;
}

static void
respond(struct conn *c, const char *req)
{
	uint64_t n = 0;

	if (strstr(req, "\r\nUpgrade:") != NULL ||
	    strstr(req, "\r\nupgrade:") != NULL) {
		c->is_tunnel = true;
		c->head_len = (size_t)snprintf(
			c->head, sizeof(c->head),
			"HTTP/1.1 101 Switching Protocols\r\n"
			/* the answer to the one key load.c sends, which is
			 * the sample of RFC 6455, 1.3 */
			"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
			"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
	} else {
		if (strncmp(req, "GET /bytes/", 11) == 0)
			n = strtoull(req + 11, NULL, 10);
		c->head_len = (size_t)snprintf(
			c->head, sizeof(c->head),
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			"Content-Length: %llu\r\n\r\n",
			(unsigned long long)n);
		c->body_left = n;
	}
	c->head_off = 0;
}

/* One request at a time: the gateways under test do not pipeline. */
static int
take_request(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, IN_MAX - 1 - c->in_len, 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	c->in_len += (size_t)n;
	c->in[c->in_len] = '\0';
	if (strstr(c->in, "\r\n\r\n") == NULL)
		return c->in_len < IN_MAX - 1 ? 0 : -1;
	respond(c, c->in);
	c->in_len = 0;
	return push(c);
}

/* Echo in one buffer: read when it is empty, write until it is. An idle
 * tunnel keeps none. */
static int
echo(struct conn *c)
{
	ssize_t n;

	if (c->in_len == 0) {
		char buf[ECHO_MAX];

		n = recv(c->fd, buf, sizeof(buf), 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? 1 : -1;
		c->in = realloc(c->in, (size_t)n);
		memcpy(c->in, buf, (size_t)n);
		c->in_len = (size_t)n;
	}
	n = send(c->fd, c->in, c->in_len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	memmove(c->in, c->in + n, c->in_len - (size_t)n);
	c->in_len -= (size_t)n;
	if (c->in_len > 0)
		return 0;
	free(c->in);
	c->in = NULL;
	return 1;
}

static void
serve(struct conn *c)
{
	int rc;

	if (c->head_off < c->head_len || c->body_left > 0)
		rc = push(c);
	else if (c->is_tunnel)
		rc = echo(c);
	else
		rc = take_request(c);
	if (rc < 0) {
		drop(c);
		return;
	}
	if (rc == 1 && c->is_tunnel && c->in_len == 0 && c->in != NULL) {
		free(c->in);
		c->in = NULL;
	}
	watch(c, rc == 0 && (c->head_off < c->head_len || c->body_left > 0 ||
			     (c->is_tunnel && c->in_len > 0)));
}

static void
accept_all(int lfd)
{
	int fd, one = 1;

	while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
	       0) {
		struct conn *c = calloc(1, sizeof(*c));
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		c->in = malloc(IN_MAX);
		epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev);
	}
}

static int
listen_somewhere(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
		perror("backend");
		exit(1);
	}
	printf("%d\n", ntohs(sa.sin_port));
	fflush(stdout);
	return fd;
}

int
main(void)
{
	static int listener_mark, stdin_mark;
	struct epoll_event ev[256];
	struct epoll_event l = { .events = EPOLLIN,
				 .data.ptr = &listener_mark };
	struct epoll_event s = { .events = EPOLLIN, .data.ptr = &stdin_mark };
	int lfd = listen_somewhere();

	memset(filler, 'x', sizeof(filler));
	epfd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epfd, EPOLL_CTL_ADD, lfd, &l);
	epoll_ctl(epfd, EPOLL_CTL_ADD, STDIN_FILENO, &s);
	for (;;) {
		int n = epoll_wait(epfd, ev, 256, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr == &stdin_mark)
				return 0;
			if (ev[i].data.ptr == &listener_mark)
				accept_all(lfd);
			else
				serve(ev[i].data.ptr);
		}
	}
}

/* load.c — a mutual-TLS load generator: one thread, one epoll loop. It says
 * how many handshakes were resumed and checks every byte of every response,
 * which the usual ones do not; and has one version and cipher, so that all
 * gateways do the same work.
 *
 *   load -m keepalive -n CONNECTIONS -r REQUESTS    sequential on each
 *   load -m full      -r CONNECTIONS                new session each, 1 request
 *   load -m resumed   -r CONNECTIONS                resumed session, 1 request
 *   load -m rate      -n CONNECTIONS -r REQUESTS -R PER-SECOND
 *   load -m tunnels   -n TUNNELS                    opens, prints, waits for
 *                                                   the end of standard input
 *   load -m bulk      -n TUNNELS -b BYTES           echo through each tunnel
 *
 * Common: -a ADDRESS:PORT -c CERT -k KEY -s BYTES, the size of a response.
 * One line of JSON comes out.
 * The server is not verified: this is a stop-watch, not a client. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define HEAD_MAX 8192
#define PIECE    16384
#define CIPHER   "TLS_AES_256_GCM_SHA384"

enum mode { KEEPALIVE, FULL, RESUMED, RATE, TUNNELS, BULK };
enum state { CONNECTING, HANDSHAKE, READY, SENDING, HEAD, BODY, TUNNEL };

struct conn {
	int fd;
	SSL *ssl;
	enum state state;
	char *buf;          /* response head */
	size_t len, sent;
	uint64_t body_left;
	uint64_t due_us;    /* when the request should have started */
	uint64_t echo_out, echo_in;
	uint32_t interest;
	bool was_counted;
};

static struct {
	enum mode mode;
	const char *cert, *key;
	struct sockaddr_in sa;
	uint64_t conns, requests, rate, bytes, size;
} opt = { .conns = 1, .requests = 1, .bytes = 1 << 20, .size = 1024 };

static struct {
	uint64_t started, done, errors, handshakes, resumed, bytes, open;
	uint64_t *latency_us;
} st;

static SSL_CTX *ctx;
static SSL_SESSION *session;
static int epfd;
static char request[1024];
static size_t request_len;
static bool is_over;
static char filler[65536]; /* what a response is made of */
static char piece[PIECE];  /* what is echoed: one frame */
static struct conn **idle; /* RATE: connections without work */
static size_t idle_count;
static uint64_t *backlog;  /* RATE: due times nobody has taken yet */
static size_t backlog_len;

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
want(struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->interest == events)
		return;
	epoll_ctl(epfd, c->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		  c->fd, &ev);
	c->interest = events;
}

static void drive(struct conn *c);

static void
dial(struct conn *c, uint64_t due_us)
{
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&opt.sa, sizeof(opt.sa)) != 0 &&
	    errno != EINPROGRESS) {
		perror("connect");
		exit(1);
	}
	c->ssl = SSL_new(ctx);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_connect_state(c->ssl);
	if (opt.mode == RESUMED && session != NULL)
		SSL_set_session(c->ssl, session);
	c->state = CONNECTING;
	c->interest = 0;
	c->due_us = due_us;
	st.started++;
	want(c, EPOLLOUT);
}

static void
hang_up(struct conn *c)
{
	if (c->ssl == NULL)
		return;
	SSL_set_quiet_shutdown(c->ssl, 1);
	SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	close(c->fd);
	free(c->buf);
	memset(c, 0, sizeof(*c));
}

static void
failed(struct conn *c, const char *what)
{
	if (st.errors++ < 5) {
		fprintf(stderr, "load: %s\n", what);
		ERR_print_errors_fp(stderr);
	}
	hang_up(c);
	st.done++;
	if (st.errors > 100 || opt.mode >= RATE)
		exit(1);
	if (st.done >= opt.requests)
		is_over = true;
}

static void
begin_request(struct conn *c, uint64_t due_us)
{
	c->due_us = due_us;
	c->sent = c->len = 0;
	c->state = SENDING;
	st.started += opt.mode == KEEPALIVE;
}

/* After a response: what does this connection do next? */
static void
finish_request(struct conn *c)
{
	st.latency_us[st.done++] = now_us() - c->due_us;
	if (st.done >= opt.requests) {
		is_over = true;
		return;
	}
	if (opt.mode == FULL || opt.mode == RESUMED) {
		hang_up(c);
		dial(c, now_us());
	} else if (opt.mode == KEEPALIVE) {
		begin_request(c, now_us());
	} else if (backlog_len > 0) {
		begin_request(c, backlog[0]);
		memmove(backlog, backlog + 1,
			--backlog_len * sizeof(*backlog));
	} else {
		c->state = READY;
		idle[idle_count++] = c;
	}
}

static void
ready(struct conn *c)
{
	st.handshakes++;
	st.resumed += SSL_session_reused(c->ssl) != 0;
	if (opt.mode == RATE) {
		c->state = READY;
		idle[idle_count++] = c;
		st.open++;
		return;
	}
	begin_request(c, opt.mode == FULL || opt.mode == RESUMED ? c->due_us
								 : now_us());
}

static int
on_new_session(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = s;
	return 1;
}

/* The head must say 200 (or 101) and, for 200, that the body is as long as
 * was asked for. */
static bool
parse_head(struct conn *c, char *end)
{
	bool tunnel = opt.mode == TUNNELS || opt.mode == BULK;
	char *field, *rest = end + 4;
	size_t extra = c->len - (size_t)(rest - c->buf);

	*end = '\0';
	if (tunnel) {
		c->state = TUNNEL;
		st.open++;
		return strncmp(c->buf, "HTTP/1.1 101", 12) == 0;
	}
	field = strcasestr(c->buf, "\r\ncontent-length:");
	if (strncmp(c->buf, "HTTP/1.1 200", 12) != 0 || field == NULL)
		return false;
	c->body_left = strtoull(field + 17, NULL, 10);
	if (c->body_left != opt.size || extra > c->body_left ||
	    memcmp(rest, filler, extra) != 0)
		return false;
	c->body_left -= extra;
	st.bytes += extra;
	c->state = BODY;
	return true;
}

/* Each step: 1 go on, 0 would block (interest is set), -1 gone. */
static int
blocked(struct conn *c, int rc)
{
	int e = SSL_get_error(c->ssl, rc);

	if (e == SSL_ERROR_WANT_READ)
		want(c, EPOLLIN);
	else if (e == SSL_ERROR_WANT_WRITE)
		want(c, EPOLLOUT);
	else
		return -1;
	return 0;
}

static int
step_handshake(struct conn *c)
{
	int rc;

	c->state = HANDSHAKE;
	rc = SSL_do_handshake(c->ssl);
	if (rc != 1)
		return blocked(c, rc);
	ready(c);
	return c->state == READY ? (want(c, EPOLLIN), 0) : 1;
}

static int
step_send(struct conn *c)
{
	int rc = SSL_write(c->ssl, request, (int)request_len);

	if (rc <= 0)
		return blocked(c, rc);
	c->state = HEAD;
	c->len = 0;
	if (c->buf == NULL)
		c->buf = malloc(HEAD_MAX + 1);
	return 1;
}

static int
step_head(struct conn *c)
{
	int rc = SSL_read(c->ssl, c->buf + c->len, (int)(HEAD_MAX - c->len));
	char *end;

	if (rc <= 0)
		return blocked(c, rc);
	c->len += (size_t)rc;
	c->buf[c->len] = '\0';
	end = strstr(c->buf, "\r\n\r\n");
	if (end == NULL)
		return c->len < HEAD_MAX ? 1 : -1;
	return parse_head(c, end) ? 1 : -1;
}

static int
step_body(struct conn *c)
{
	static char buf[65536];
	int rc;

	if (c->body_left == 0) {
		finish_request(c);
		return is_over || c->ssl == NULL || c->state == READY ||
				       c->state == CONNECTING
			       ? 0
			       : 1;
	}
	rc = SSL_read(c->ssl, buf, sizeof(buf));
	if (rc <= 0)
		return blocked(c, rc);
	if ((uint64_t)rc > c->body_left ||
	    memcmp(buf, filler, (size_t)rc) != 0)
		return -1;
	c->body_left -= (uint64_t)rc;
	st.bytes += (uint64_t)rc;
	return 1;
}

/* One WebSocket frame: final, binary, masked with zero (RFC 6455, 5.2). What
 * comes back is the same bytes, whoever looks at frames on the way. */
static void
make_piece(void)
{
	const size_t head = 8, len = PIECE - head;

	for (size_t i = head; i < PIECE; i++)
		piece[i] = (char)(i * 31);
	piece[0] = (char)0x82;
	piece[1] = (char)(0x80 | 126);
	piece[2] = (char)(len >> 8);
	piece[3] = (char)len;
}

/* Whether `len` echoed bytes are those sent at this place of the stream. */
static bool
is_echo(uint64_t at, const char *p, size_t len)
{
	while (len > 0) {
		size_t from = (size_t)(at % PIECE);
		size_t n = len < PIECE - from ? len : PIECE - from;

		if (memcmp(p, piece + from, n) != 0)
			return false;
		at += n;
		p += n;
		len -= n;
	}
	return true;
}

/* BULK: keeps a window of pieces under way and counts what comes back. A
 * piece that was taken in part goes on where it was. */
static int
step_tunnel(struct conn *c)
{
	static char back[65536];
	int rc;

	if (opt.mode == TUNNELS) {
		free(c->buf);
		c->buf = NULL;
		want(c, EPOLLIN);
		rc = SSL_read(c->ssl, back, sizeof(back));
		return rc > 0 ? 1 : blocked(c, rc);
	}
	while (c->echo_out < opt.bytes && c->echo_out - c->echo_in < 262144) {
		size_t from = (size_t)(c->echo_out % PIECE);

		rc = SSL_write(c->ssl, piece + from, (int)(PIECE - from));
		if (rc <= 0) {
			if (blocked(c, rc) < 0)
				return -1;
			break;
		}
		c->echo_out += (uint64_t)rc;
	}
	rc = SSL_read(c->ssl, back, sizeof(back));
	if (rc <= 0) {
		if (blocked(c, rc) < 0)
			return -1;
		want(c, EPOLLIN |
		     (c->echo_out < opt.bytes &&
		      c->echo_out - c->echo_in < 262144 ? EPOLLOUT : 0));
		return 0;
	}
	if (!is_echo(c->echo_in, back, (size_t)rc))
		return -1;
	c->echo_in += (uint64_t)rc;
	st.bytes += (uint64_t)rc;
	if (c->echo_in >= opt.bytes && !c->was_counted) {
		c->was_counted = true;
		is_over = ++st.done >= opt.conns;
		return 0;
	}
	return 1;
}

static int
step_ready(struct conn *c)
{
	char b[64];
	int rc = SSL_read(c->ssl, b, sizeof(b)); /* tickets, or the end */

	return rc > 0 ? -1 : blocked(c, rc);
}

static void
drive(struct conn *c)
{
	static int (*const steps[])(struct conn *) = {
		[CONNECTING] = step_handshake, [HANDSHAKE] = step_handshake,
		[READY] = step_ready, [SENDING] = step_send,
		[HEAD] = step_head, [BODY] = step_body,
		[TUNNEL] = step_tunnel,
	};
	int rc = 1;

	while (rc == 1 && !is_over) {
		ERR_clear_error();
		rc = steps[c->state](c);
	}
	if (rc < 0)
		failed(c, c->state == HANDSHAKE ? "handshake failed"
						: "bad or cut response");
}

/* RATE: requests that are due now go to idle connections, or wait. */
static void
release_due(uint64_t start_us)
{
	uint64_t now = now_us();

	while (st.started < opt.requests + opt.conns) {
		uint64_t due = start_us + (st.started - opt.conns) * 1000000 /
						  opt.rate;

		if (due > now)
			return;
		st.started++;
		if (idle_count > 0) {
			struct conn *c = idle[--idle_count];

			begin_request(c, due);
			drive(c);
		} else {
			backlog[backlog_len++] = due;
		}
	}
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t
percentile(double p)
{
	if (st.done == 0)
		return 0;
	return st.latency_us[(size_t)(p * (double)(st.done - 1))];
}

static void
report(uint64_t start_us)
{
	double s = (double)(now_us() - start_us) / 1e6;

	if (opt.mode != BULK && opt.mode != TUNNELS)
		qsort(st.latency_us, st.done, sizeof(*st.latency_us), compare);
	printf("{\"requests\": %llu, \"errors\": %llu, \"handshakes\": %llu, "
	       "\"resumed\": %llu, \"bytes\": %llu, \"open\": %llu, "
	       "\"seconds\": %.4f, \"p50_us\": %llu, \"p99_us\": %llu}\n",
	       (unsigned long long)st.done, (unsigned long long)st.errors,
	       (unsigned long long)st.handshakes,
	       (unsigned long long)st.resumed, (unsigned long long)st.bytes,
	       (unsigned long long)st.open, s,
	       (unsigned long long)(opt.mode < TUNNELS ? percentile(.5) : 0),
	       (unsigned long long)(opt.mode < TUNNELS ? percentile(.99) : 0));
	fflush(stdout);
}

static void
set_up_tls(void)
{
	ctx = SSL_CTX_new(TLS_client_method());
	if (opt.cert == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, CIPHER) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, opt.cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, opt.key, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		exit(2);
	}
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	if (opt.mode != RESUMED)
		return;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
					    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

static bool
parse_address(const char *s)
{
	char host[64];
	const char *colon = strrchr(s, ':');

	if (colon == NULL || (size_t)(colon - s) >= sizeof(host))
		return false;
	memcpy(host, s, (size_t)(colon - s));
	host[colon - s] = '\0';
	opt.sa.sin_family = AF_INET;
	opt.sa.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	return inet_pton(AF_INET, host, &opt.sa.sin_addr) == 1;
}

static bool
parse_mode(const char *s)
{
	static const char *const names[] = { "keepalive", "full", "resumed",
					     "rate", "tunnels", "bulk" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], s) == 0) {
			opt.mode = (enum mode)i;
			return true;
		}
	return false;
}

static bool
parse_options(int argc, char **argv)
{
	uint64_t *const numbers[128] = { ['n'] = &opt.conns,
					 ['r'] = &opt.requests,
					 ['R'] = &opt.rate,
					 ['b'] = &opt.bytes,
					 ['s'] = &opt.size };
	const char **const texts[128] = { ['c'] = &opt.cert,
					  ['k'] = &opt.key };
	bool ok = true;
	int o;

	while ((o = getopt(argc, argv, "m:a:c:k:s:n:r:R:b:")) != -1) {
		if (o == 'm')
			ok = ok && parse_mode(optarg);
		else if (o == 'a')
			ok = ok && parse_address(optarg);
		else if (o < 128 && numbers[o] != NULL)
			*numbers[o] = strtoull(optarg, NULL, 10);
		else if (o < 128 && texts[o] != NULL)
			*texts[o] = optarg;
		else
			return false;
	}
	return ok && opt.sa.sin_port != 0;
}

/* Opens in waves, so that no listen queue overflows; returns when all stand. */
static void
open_all(struct conn *conns)
{
	struct epoll_event ev[256];
	uint64_t dialled = 0;

	while (st.open < opt.conns) {
		while (dialled < opt.conns && dialled - st.open < 64)
			dial(&conns[dialled++], now_us());
		int n = epoll_wait(epfd, ev, 256, 5000);

		if (n <= 0) {
			fprintf(stderr, "load: stuck at %llu open\n",
				(unsigned long long)st.open);
			exit(1);
		}
		for (int i = 0; i < n; i++)
			drive(ev[i].data.ptr);
	}
}

static void
run(struct conn *conns)
{
	struct epoll_event ev[256];
	uint64_t start;

	if (opt.mode == RATE)
		open_all(conns);
	start = now_us();
	if (opt.mode == RATE)
		st.started = opt.conns;
	else
		for (uint64_t i = 0; i < opt.conns; i++)
			dial(&conns[i], start);
	while (!is_over) {
		int n = epoll_wait(epfd, ev, 256, opt.mode == RATE ? 1 : 10000);

		if (n == 0 && opt.mode != RATE) {
			fprintf(stderr, "load: nothing came for 10 s\n");
			exit(1);
		}
		if (opt.mode == RATE)
			release_due(start);
		for (int i = 0; i < n && !is_over; i++)
			drive(ev[i].data.ptr);
	}
	report(start);
}

int
main(int argc, char **argv)
{
	struct conn *conns;
	char b;

	if (!parse_options(argc, argv)) {
		fprintf(stderr, "usage: see the head of load.c\n");
		return 2;
	}
	if (opt.mode == FULL || opt.mode == RESUMED)
		opt.conns = 1;
	set_up_tls();
	memset(filler, 'x', sizeof(filler));
	make_piece();
	epfd = epoll_create1(EPOLL_CLOEXEC);
	conns = calloc(opt.conns, sizeof(*conns));
	idle = calloc(opt.conns, sizeof(struct conn *));
	backlog = calloc(opt.requests + 1, sizeof(*backlog));
	st.latency_us = calloc(opt.requests + opt.conns + 1,
			       sizeof(*st.latency_us));
	request_len = (size_t)snprintf(
		request, sizeof(request),
		"GET /bytes/%llu HTTP/1.1\r\nHost: gateway.example.com\r\n"
		"User-Agent: load\r\nAccept: */*\r\n%s\r\n",
		(unsigned long long)opt.size,
		opt.mode >= TUNNELS
			? "Connection: upgrade\r\nUpgrade: websocket\r\n"
			  "Sec-WebSocket-Version: 13\r\n"
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			: "");
	if (opt.mode == TUNNELS) {
		uint64_t start = now_us();

		open_all(conns);
		report(start);
		while (read(STDIN_FILENO, &b, 1) > 0)
			;
	} else {
		run(conns);
	}
	return st.errors == 0 ? 0 : 1;
}

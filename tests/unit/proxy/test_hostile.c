/* test_hostile.c — clients and servers that are out for harm, against
 * gwd-proxy as a whole (rig.h). */
#include "rig.h"
#include "talk.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

TestSuite(hostile, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* ---- a server that takes connections only when told to */

struct closed_door {
	int listener;
	int waiting[64];
	size_t count;
	char text[32];
};

static int
knock(const struct sockaddr_in *sa)
{
	int fd = socket(AF_INET,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)connect(fd, (const void *)sa, sizeof(*sa));
	return fd;
}

/* Its queue is full: the kernel takes no further SYN. */
static void
door_close(struct closed_door *d)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(d->listener, (void *)&sa, len) == 0 &&
		  listen(d->listener, 0) == 0 &&
		  getsockname(d->listener, (void *)&sa, &len) == 0);
	snprintf(d->text, sizeof(d->text), "127.0.0.1:%u",
		 (unsigned)ntohs(sa.sin_port));
	while (d->count < 4) {
		d->waiting[d->count++] = knock(&sa);
		usleep(20000);
	}
}

static void
door_open(struct closed_door *d)
{
	listen(d->listener, 128);
	for (size_t i = 0; i < d->count; i++)
		close(d->waiting[i]);
	fcntl(d->listener, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 4; i++) {
		int fd = accept(d->listener, NULL, NULL);

		if (fd >= 0)
			close(fd);
	}
}

/* ---- a body that must not be taken for requests */

#define FORGED "GET /head HTTP/1.1\r\nHost: h\r\nX-Remote-User: admin\r\n\r\n"
#define BODY   (64u << 20)

struct poster {
	pthread_t thread;
	struct rig_client *c;
	const char *path;
};

static void *
post(void *arg)
{
	struct poster *p = arg;
	size_t one = sizeof(FORGED) - 1, sent = 0;
	char *block = gw_xcalloc(1000, one), head[128];

	for (size_t i = 0; i < 1000; i++)
		memcpy(block + i * one, FORGED, one);
	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: h\r\n"
		 "Content-Length: %u\r\n\r\n", p->path, BODY);
	rig_send(p->c, head);
	for (; sent < BODY; sent += 1000 * one)
		rig_send_bytes(p->c, block, GW_MIN(1000 * one, BODY - sent));
	free(block);
	return NULL;
}

/* Keeps the worker awake, so that it is not stopped while it waits. */
static void *
download(void *arg)
{
	struct rig_client *c = arg;
	char block[65536];

	rig_send(c, "GET /bytes/100000000000 HTTP/1.1\r\nHost: h\r\n\r\n");
	while (rig_recv(c, block, sizeof(block)) > 0)
		;
	return NULL;
}

/* The connection stands at the very moment its time is up: what has gone to
 * that server is not continued at another, as a request of its own. */
Test(hostile, late_connection)
{
	struct closed_door door = { .count = 0 };
	const struct rig_key keys[] = {
		{ "upstream", "servers", (door_close(&door), door.text) },
		{ "upstream", "connect_timeout", "2500ms" },
		{ "", "workers", "1" },
		{ "upstream", "response_timeout", "10s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c, busy;
	pthread_t t;
	struct poster p = { .c = &c, .path = "/upload" };
	char *body = NULL;
	int status;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	/* the first goes to the other server, and widens the window */
	post(&p);
	status = rig_response(&c, NULL, NULL, NULL);
	cr_assert_eq(status, 200, "%d", status);
	cr_assert(pthread_create(&p.thread, NULL, post, &p) == 0);
	usleep(100000);
	cr_assert(rig_connect(r, &busy, 0));
	cr_assert(pthread_create(&t, NULL, download, &busy) == 0);
	usleep(300000);
	rig_pause(r);
	door_open(&door);
	usleep(2800000);
	rig_go_on(r);
	status = rig_response(&c, NULL, &body, NULL);
	cr_assert(status != 200 || strstr(body, "right") != NULL ||
		  strstr(body, "wrong") != NULL, "%d: %s", status, body);
	shutdown(c.fd, SHUT_RDWR);
	pthread_join(p.thread, NULL);
	shutdown(busy.fd, SHUT_RDWR);
	pthread_join(t, NULL);
	rig_close(&busy);
	rig_close(&c);
	free(body);
	rig_stop(r);
}

/* ---- TLS records instead of bytes */

static bool
rekeys(struct rig_client *c)
{
	return SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
	       SSL_do_handshake(c->ssl) == 1;
}

/* Each costs the gateway as much as its sender: a stream of them would hold
 * the worker, and this needs no card. */
Test(hostile, key_updates)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_CERT_UNTRUSTED });
	cr_assert(rig_connect(r, &c, 0));
	while (rekeys(&c) &&
	       BIO_number_written(SSL_get_wbio(c.ssl)) < 200000)
		;
	cr_assert(rig_is_closed(&c));
	rig_close(&c);
	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 100; i++)
		cr_assert(rekeys(&c));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	/* nor does who has one get a hundredth of a second for it */
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 1000 && rekeys(&c); i++)
		;
	cr_assert_neq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	rig_stop(r);
}

/* Those that have been read together count as well, and no more of them are
 * worked off than of others. */
Test(hostile, key_updates_at_once)
{
	static const struct {
		int count, status;
	} cases[] = { { 130, -1 }, { 600, -1 }, { 120, 200 } };
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(cases); i++) {
		cr_assert(rig_connect(r, &c, 0));
		cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
		rig_pause(r);
		for (int j = 0; j < cases[i].count; j++)
			cr_assert(rekeys(&c));
		rig_send(&c, "GET /bytes/1 HTTP/1.1\r\nHost: h\r\n\r\n");
		rig_go_on(r);
		cr_expect_eq(rig_response(&c, NULL, NULL, NULL),
			     cases[i].status, "%d", cases[i].count);
		rig_close(&c);
	}
	rig_stop(r);
}

/* ---- a crowd at the door */

#define CROWD 240

/* What a client says first. */
static size_t
hello_of(struct rig *r, uint8_t *out, size_t cap)
{
	BIO *all = BIO_new(BIO_s_mem());
	struct rig_client c;
	int n;

	rig_dial(r, &c, RIG_NO_CARD);
	SSL_set0_wbio(c.ssl, all);
	SSL_set_connect_state(c.ssl);
	SSL_set0_rbio(c.ssl, BIO_new(BIO_s_mem()));
	(void)SSL_do_handshake(c.ssl);
	n = BIO_read(all, out, (int)cap);
	cr_assert_gt(n, 0);
	ERR_clear_error();
	rig_close(&c);
	return (size_t)n;
}

static int
answered(const struct rig_client *crowd)
{
	int n = 0;
	char byte;

	for (int i = 0; i < CROWD; i++)
		n += recv(crowd[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
	return n;
}

/* How many of the crowd are answered before `c` has its own answer, all of
 * them having spoken first. */
static int
before_answer(struct rig *r, struct rig_client *c, const uint8_t *hello,
	      size_t len)
{
	static struct rig_client crowd[CROWD];
	int n;

	for (int i = 0; i < CROWD; i++)
		rig_dial(r, &crowd[i], RIG_NO_CARD);
	await_status(r, "proxy {\"workers\":1,\"connections\":241,");
	rig_pause(r);
	for (int i = 0; i < CROWD; i++)
		cr_assert(send(crowd[i].fd, hello, len, MSG_NOSIGNAL) ==
			  (ssize_t)len);
	rig_send(c, "GET /bytes/1 HTTP/1.1\r\nHost: h\r\n\r\n");
	rig_go_on(r);
	cr_assert_eq(rig_response(c, NULL, NULL, NULL), 200);
	n = answered(crowd);
	/* and they are answered, too */
	for (int i = 0; answered(crowd) < CROWD; i++) {
		cr_assert_lt(i, 6000);
		usleep(10000);
	}
	for (int i = 0; i < CROWD; i++)
		rig_close(&crowd[i]);
	await_status(r, "proxy {\"workers\":1,\"connections\":1,");
	return n;
}

/* Everybody's ClientHello is there, then a request of one who is in: it does
 * not wait for all their handshakes. Several tries, as the gateway works on
 * while we are late to hear of it. */
Test(hostile, crowd_at_the_door)
{
	static const struct rig_key keys[] = {
		{ "", "workers", "1" },
		{ "listener", "handshake_timeout", "60s" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	uint8_t hello[1024];
	size_t len = hello_of(r, hello, sizeof(hello));
	struct rig_client c;
	int n = CROWD;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	for (int i = 0; i < 10 && n >= CROWD / 2; i++)
		n = before_answer(r, &c, hello, len);
	cr_expect_lt(n, CROWD / 2, "%d of %d before it", n, CROWD);
	rig_close(&c);
	rig_stop(r);
}

/* ---- a head that comes byte by byte, in many lines */

Test(hostile, denied_byte_by_byte)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	BIO *all = BIO_new(BIO_s_mem());
	double spent;
	char *p;
	long len;

	rig_answer(r, &(struct rig_answer){ .reason = GW_ERR_CERT_UNTRUSTED });
	cr_assert(rig_connect(r, &c, 0));
	SSL_set0_wbio(c.ssl, all);
	for (int i = 0; i < 8192; i++)
		rig_send(&c, i % 2 == 0 ? "a" : "\n");
	len = BIO_get_mem_data(all, &p);
	spent = rig_cpu_ms(r);
	cr_assert_eq(send(c.fd, p, (size_t)len, MSG_NOSIGNAL), len);
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 403);
	/* looked through from its beginning each time, it took 1.4 s with
	 * the sanitizers */
	cr_assert_lt(rig_cpu_ms(r) - spent, 1000);
	rig_close(&c);
	rig_stop(r);
}

/* ---- records of one byte */

#define CRUMBS 400000 /* what a gateway that reads on is busy with for long */

struct crumbs {
	int fd;
	BIO *records;
};

/* Sealed beforehand: sending them costs less than reading them. */
static void
make_crumbs(struct rig_client *c, struct crumbs *x)
{
	x->fd = c->fd;
	x->records = BIO_new(BIO_s_mem());
	cr_assert_eq(BIO_up_ref(x->records), 1); /* one is OpenSSL's */
	SSL_set0_wbio(c->ssl, x->records);
	for (size_t i = 0; i < CRUMBS; i++) {
		uint8_t byte = rig_byte(i);

		cr_assert_eq(SSL_write(c->ssl, &byte, 1), 1);
	}
}

static void *
send_crumbs(void *arg)
{
	struct crumbs *x = arg;
	char *at;
	long len = BIO_get_mem_data(x->records, &at);

	while (len > 0) {
		ssize_t n = send(x->fd, at, (size_t)len, MSG_NOSIGNAL);

		cr_assert(n > 0);
		at += n;
		len -= n;
	}
	return NULL;
}

/* What the gateway does before another has its answer when such records lie
 * in a kernel's buffer that has grown before. */
static double
work_before_answer(struct rig *r, struct rig_client *bad,
		   struct rig_client *good)
{
	struct crumbs x;
	double spent;
	pthread_t t;

	make_crumbs(bad, &x);
	cr_assert_eq(pthread_create(&t, NULL, send_crumbs, &x), 0);
	usleep(20000);
	spent = rig_cpu_ms(r);
	cr_assert_eq(rig_get(good, "/bytes/1", NULL, NULL), 200);
	spent = rig_cpu_ms(r) - spent;
	pthread_join(t, NULL);
	BIO_free(x.records);
	return spent;
}

/* The best of several, as it works on while we are late to hear of it. */
static void
strew(const char *head)
{
	static const struct rig_key keys[] = {
		{ "", "workers", "1" }, { NULL, NULL, NULL },
	};
	static const char block[65536];
	struct rig *r = rig_start(keys);
	struct rig_client bad, good;
	double best = 100;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &bad, 0) && rig_connect(r, &good, 0));
	cr_assert_eq(rig_get(&good, "/bytes/1", NULL, NULL), 200);
	rig_send(&bad, head);
	for (int i = 0; i < 200; i++)
		rig_send_bytes(&bad, block, sizeof(block));
	for (int i = 0; best >= 100 && i < 20; i++)
		best = work_before_answer(r, &bad, &good);
	cr_expect_lt(best, 100, "%.0f ms", best);
	rig_close(&bad);
	rig_close(&good);
	rig_stop(r);
}

Test(hostile, tunnel_of_crumbs)
{
	strew("GET /hear HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
	      "Upgrade: websocket\r\n\r\n");
}

Test(hostile, body_of_crumbs)
{
	strew("POST /upload HTTP/1.1\r\nHost: h\r\n"
	      "Content-Length: 40000000\r\n\r\n");
}

/* ---- handshakes of such records */

/* A ClientHello that does not end, a byte to a record: as much of it as the
 * kernel takes. */
static int
dial_crumbs(struct rig *r)
{
	static char records[11000][6];
	static const char hello[] = "\x01\0\x4e\x20\x03\x03";
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)rig_port(r)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < GW_COUNT(records); i++) {
		memcpy(records[i], "\x16\x03\x01\0\x01", 6);
		if (i < sizeof(hello))
			records[i][5] = hello[i];
	}
	cr_assert_eq(connect(fd, (void *)&sa, sizeof(sa)), 0);
	(void)send(fd, records, sizeof(records), MSG_DONTWAIT | MSG_NOSIGNAL);
	return fd;
}

/* Who is in waits for four steps of them, and those are short. */
Test(hostile, hellos_of_crumbs)
{
	static const struct rig_key keys[] = {
		{ "", "workers", "1" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client good;
	double best = 1e9;
	int fd[96];

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &good, 0));
	cr_assert_eq(rig_get(&good, "/bytes/1", NULL, NULL), 200);
	rig_pause(r);
	for (size_t i = 0; i < GW_COUNT(fd); i++)
		fd[i] = dial_crumbs(r);
	rig_go_on(r);
	for (int i = 0; i < 8; i++) {
		double spent = rig_cpu_ms(r);

		cr_assert_eq(rig_get(&good, "/bytes/1", NULL, NULL), 200);
		spent = rig_cpu_ms(r) - spent;
		best = GW_MIN(best, spent);
	}
	cr_expect_lt(best, 10, "%.1f ms", best);
	for (size_t i = 0; i < GW_COUNT(fd); i++)
		close(fd[i]);
	rig_close(&good);
	rig_stop(r);
}

/* test_sock.c — sending in pieces that belong together, over loopback. */
#include "sock.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longer than the kernel keeps a withheld end at the most: 0.2 s. */
#define SOON_MS 150
#define LATE_MS 10000

struct wire {
	struct gw_sock out;
	int in;
};

static void
wire_open(struct wire *w)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int on = 1, l = socket(AF_INET, SOCK_STREAM, 0);

	*w = (struct wire){ .out.io.fd = socket(AF_INET, SOCK_STREAM, 0),
			    .out.can_write = true };
	cr_assert(bind(l, (struct sockaddr *)&sa, len) == 0 &&
		  listen(l, 1) == 0 &&
		  getsockname(l, (struct sockaddr *)&sa, &len) == 0 &&
		  connect(w->out.io.fd, (struct sockaddr *)&sa, len) == 0);
	w->in = accept(l, NULL, NULL);
	cr_assert(w->in >= 0 &&
		  setsockopt(w->out.io.fd, IPPROTO_TCP, TCP_NODELAY, &on,
			     sizeof(on)) == 0 &&
		  fcntl(w->out.io.fd, F_SETFL, O_NONBLOCK) == 0 &&
		  fcntl(w->in, F_SETFL, O_NONBLOCK) == 0);
	close(l);
}

static void
wire_close(struct wire *w)
{
	close(w->out.io.fd);
	close(w->in);
}

static void
put(struct wire *w, const char *text, bool has_more)
{
	size_t n = 0;

	w->out.has_more = has_more;
	cr_assert_eq(gw_sock_write(&w->out, text, strlen(text), &n),
		     GW_XFER_OK);
	cr_assert_eq(n, strlen(text));
}

/* What comes within `ms` of each other. */
static size_t
hear(struct wire *w, char *buf, size_t cap, int ms)
{
	struct pollfd p = { .fd = w->in, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&p, 1, ms) > 0)
		n = recv(w->in, buf, cap, 0);
	return n > 0 ? (size_t)n : 0;
}

/* Many tries: a machine may be busy longer than the kernel waits. */
#define TRIES 40

Test(sock, end_waits_for_what_follows)
{
	bool has_waited = false;

	for (int i = 0; i < TRIES && !has_waited; i++) {
		struct wire w;
		char buf[64];
		size_t n;

		wire_open(&w);
		put(&w, "one ", true);
		has_waited = recv(w.in, buf, sizeof(buf), 0) < 0;
		put(&w, "two", false);
		n = hear(&w, buf, sizeof(buf), LATE_MS);
		has_waited = has_waited && n == 7 &&
			     memcmp(buf, "one two", 7) == 0;
		wire_close(&w);
	}
	cr_assert(has_waited);
}

Test(sock, end_waits_for_nothing)
{
	bool has_come = false;

	for (int i = 0; i < TRIES && !has_come; i++) {
		struct wire w;
		char buf[64];

		wire_open(&w);
		put(&w, "one", false);
		has_come = hear(&w, buf, sizeof(buf), SOON_MS) == 3;
		wire_close(&w);
	}
	cr_assert(has_come);
}

/* The next piece finds no room: what the kernel has taken arrives whether or
 * not there is ever another. */
Test(sock, full_in_the_middle)
{
	static char piece[16406], buf[65536];
	size_t said = 0, heard = 0, n = 0;
	struct wire w;

	wire_open(&w);
	w.out.has_more = true;
	while (gw_sock_write(&w.out, piece, sizeof(piece), &n) == GW_XFER_OK)
		said += n;
	cr_assert(!w.out.can_write && said > sizeof(piece));
	while (heard < said && (n = hear(&w, buf, sizeof(buf), LATE_MS)) > 0)
		heard += n;
	cr_assert_eq(heard, said);
	wire_close(&w);
}

/* Nor is it lost when the connection ends instead. */
Test(sock, over_in_the_middle)
{
	struct wire w;
	char buf[64];

	wire_open(&w);
	put(&w, "last words", true);
	close(w.out.io.fd);
	cr_assert_eq(hear(&w, buf, sizeof(buf), LATE_MS), 10);
	cr_assert_eq(hear(&w, buf, sizeof(buf), LATE_MS), 0);
	close(w.in);
}

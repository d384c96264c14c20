/* test_stop.c — gwd-proxy is to stop while clients are busy. */
#include "rig.h"
#include "talk.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(stop, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* Nobody listens there any more: the workers have seen STOP. */
static void
await_deaf(struct rig *r)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)rig_port(r)) };
	int rc = 0;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 5000 && rc == 0; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		rc = connect(fd, (void *)&sa, sizeof(sa));
		close(fd);
		usleep(10000);
	}
	cr_assert_neq(rc, 0);
}

Test(stop, stops_while_busy)
{
	struct rig *r = rig_start(NULL);
	struct rig_client tunnel, idle, busy, waits;

	rig_answer(r, &allow);
	open_tunnel(r, &tunnel);
	cr_assert(rig_connect(r, &idle, 0));
	cr_assert_eq(rig_get(&idle, "/bytes/1", NULL, NULL), 200);
	cr_assert(rig_connect(r, &busy, 0));
	rig_send(&busy, GET("/told"));
	cr_assert_eq(rig_heard(1), 1);
	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	cr_assert(rig_connect(r, &waits, 0));
	rig_await_admits(r, 4); /* in 1.3 the client is ahead */
	rig_begin_stop(r);
	await_deaf(r);
	rig_let();
	cr_assert_eq(rig_response(&busy, NULL, NULL, NULL), 200);
	rig_stop(r);
	rig_close(&tunnel);
	rig_close(&idle);
	rig_close(&busy);
	rig_close(&waits);
}

/* ---- while those are there who have not read their last answer */

/* Who is still talking, and reads only then: all of the answer must be there,
 * and its end. */
static void
stop_before_it_reads(const char *head, bool leaves_first)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, head);
	if (leaves_first)
		cr_assert_eq(rig_leaves(r, 1), 1);
	cr_assert_eq(poll(&(struct pollfd){ c.fd, POLLIN, 0 }, 1, -1), 1);
	usleep(100000); /* more of it */
	rig_begin_stop(r);
	await_deaf(r);
	for (size_t i = 0; i < 3; i++) {
		rig_send(&c, "and another thing");
		usleep(20000);
	}
	cr_assert_eq(rig_response(&c, NULL, NULL, &len), 200);
	cr_assert_eq(len, 500000);
	cr_assert_eq(rig_recv(&c, &len, 1), 0);
	rig_close(&c);
	rig_stop(r);
}

Test(stop, stops_while_a_client_is_to_read_its_last_answer)
{
	stop_before_it_reads("GET /bytes/500000 HTTP/1.1\r\nHost: h\r\n"
			     "Connection: close\r\n\r\n", true);
}

Test(stop, stops_while_a_client_is_to_read_an_answer)
{
	stop_before_it_reads("GET /bytes/500000 HTTP/1.1\r\nHost: h\r\n\r\n",
			     false);
}

/* test_servers.c — servers behind gwd-proxy as a whole (rig.h) that say what
 * nobody asked for, or are not there. */
#include "talk.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(servers, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* ---- what servers say */

/* What nobody asked for is nobody's answer. */
Test(servers, unasked_answer)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(rig_get(&c, "/unasked", NULL, NULL), 200);
		rig_let();
		cr_assert_eq(rig_heard(1), 1);
		cr_assert_eq(rig_get(&c, "/head", &body, NULL), 200);
		cr_assert(strstr(body, "GET /head") != NULL, "%s", body);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

static void
dial_all(struct rig *r, int *fd, size_t n)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)rig_port(r)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	for (size_t i = 0; i < n; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert_eq(connect(fd[i], (void *)&sa, sizeof(sa)), 0);
	}
}

/* The same when the client's request is seen first: both come while the
 * gateway is stopped, and between them a byte from each of a crowd. */
static void
answer_out_of_sight(size_t crowd)
{
	static const struct rig_key keys[] = {
		{ "", "workers", "1" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	int fd[300];
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	dial_all(r, fd, crowd);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(rig_get(&c, "/unasked", NULL, NULL), 200);
		rig_pause(r);
		rig_send(&c, GET("/head"));
		for (size_t k = 0; k < crowd; k++)
			cr_assert_eq(send(fd[k], "\x16", 1, MSG_NOSIGNAL), 1);
		rig_let();
		cr_assert_eq(rig_heard(1), 1);
		rig_go_on(r);
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		cr_assert(strstr(body, "GET /head") != NULL, "%s", body);
		free(body);
	}
	for (size_t k = 0; k < crowd; k++)
		close(fd[k]);
	rig_close(&c);
	rig_stop(r);
}

Test(servers, unasked_answer_in_time)
{
	answer_out_of_sight(0);
}

/* More events than the gateway looks at in one turn: the server's is not
 * among them. */
Test(servers, unasked_answer_behind_a_crowd)
{
	answer_out_of_sight(300);
}

Test(servers, interim_flood)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head = NULL;
	int status, count = 0;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int n = 16; n <= 1000; n += 984) {
		char path[64];

		snprintf(path, sizeof(path), "GET /interims/%d HTTP/1.1\r\n"
			 "Host: h\r\n\r\n", n);
		rig_send(&c, path);
		for (count = 0; (status = rig_response(&c, &head, NULL, NULL))
				== 103; count++)
			free(head);
		cr_assert_eq(status, n == 16 ? 200 : 502, "%d", status);
		cr_assert_eq(count, 16);
		free(head);
	}
	rig_close(&c);
	rig_stop(r);
}

/* 101 to who did not ask. */
Test(servers, unasked_upgrade)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/frames/whole", NULL, NULL), 502);
	rig_close(&c);
	rig_stop(r);
}

/* ---- servers that are not there */

/* However many they are, a request has an end. */
Test(servers, many_dead_servers)
{
	struct rig_client c;
	struct rig *r;

	rig_dead_servers = 70;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 3; i++)
		cr_assert_eq(rig_get(&c, "/dead", NULL, NULL), 502);
	rig_close(&c);
	rig_stop(r);
}

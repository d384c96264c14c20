/* test_lost.c — tunnels, and an answer, that are broken off: what can still be
 * heard is, and nothing looks whole that is not. */
#include "talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(lost, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* No more than a window that nobody reads takes: what the server's kernel
 * still has, it throws away when the client's words meet a closed socket. */
static const size_t lasts[] = { 1, 20000, 60000 };

/* What breaks off must not look finished. */
Test(lost, broken_off_by_the_server)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t len;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 8; i++) {
		open_path(r, &c, "/torn/4");
		cr_assert_not(read_pattern(&c, &len));
		cr_assert_leq(len, 4);
		rig_close(&c);
	}
	rig_stop(r);
}

/* Nor if it is our writing that hears of it first. */
Test(lost, broken_off_while_the_client_talks)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char path[32];
	size_t len;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(lasts); i++) {
		snprintf(path, sizeof(path), "/torn-late/%zu", lasts[i]);
		open_path(r, &c, path);
		rig_send(&c, "go");
		cr_assert_eq(rig_heard(2), 2);
		rig_pause(r);
		send_pattern(&c, 60000);
		rig_let();
		cr_assert_eq(rig_heard(lasts[i]), lasts[i]);
		rig_go_on(r);
		cr_assert_not(read_pattern(&c, &len), "%s", path);
		rig_close(&c);
	}
	rig_stop(r);
}

/* An answer that lasts as long as the connection is not whole when that has
 * been broken off, and must not be made to look so by a last chunk; but what
 * there is of it may say why. */
Test(lost, answer_broken_off_during_an_upload)
{
	static const size_t sent[] = { 60000, 0 };
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(sent); i++) {
		cr_assert(rig_connect(r, &c, 0));
		rig_send(&c, "POST /torn-close/100 HTTP/1.1\r\nHost: h\r\n"
			     "Content-Length: 100000\r\n\r\n");
		cr_assert_eq(rig_heard(1), 1);
		rig_pause(r);
		send_pattern(&c, sent[i]);
		rig_let();
		cr_assert_eq(rig_heard(100), 100);
		rig_go_on(r);
		cr_assert_eq(rig_response(&c, &head, NULL, NULL), -1);
		cr_assert(head != NULL &&
			  strncmp(head, "HTTP/1.1 200 ", 13) == 0, "%zu", i);
		free(head);
		rig_close(&c);
	}
	rig_stop(r);
}

static void
reset(struct rig_client *c)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	rig_close(c);
}

static void
take_leave(struct rig_client *c)
{
	SSL_shutdown(c->ssl);
	rig_close(c);
}

/* Its words end and the connection does, but it goes on listening. */
static void
half_close(struct rig_client *c)
{
	char byte;

	shutdown(c->fd, SHUT_WR);
	cr_expect_leq(rig_recv(c, &byte, 1), 0);
	rig_close(c);
}

/* It is cut off for that, and with it what it had yet to say. */
static void
rekey(struct rig_client *c)
{
	for (int i = 0; i < 1000; i++)
		if (SSL_key_update(c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(c->ssl) != 1)
			break;
	rig_close(c);
}

/* How the client went is how the server hears of it. A FIN alone may have been
 * sent by somebody else, to cut off what it would have said. */
Test(lost, broken_off_by_the_client)
{
	static const struct {
		const char *what;
		void (*go)(struct rig_client *c);
		size_t end; /* see /hear-end */
	} ways[] = {
		{ "FIN", rig_close, 2 },
		{ "FIN, listening", half_close, 2 },
		{ "reset", reset, 2 },
		{ "too many KeyUpdates", rekey, 2 },
		{ "close_notify", take_leave, 1 },
	};
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 2 * GW_COUNT(ways); i++) {
		if (i % 2 == 1 && ways[i / 2].go == rekey)
			continue; /* TLS 1.2 has none */
		cr_assert(rig_connect(r, &c, i % 2 == 0 ? 0 : RIG_TLS12));
		switch_over(&c, "/hear-end");
		send_pattern(&c, 1000);
		ways[i / 2].go(&c);
		cr_expect_eq(rig_heard(ways[i / 2].end), ways[i / 2].end,
			     "%s", ways[i / 2].what);
	}
	rig_stop(r);
}

/* All it had said arrives before the reset, which would throw away what the
 * kernel has of it. */
Test(lost, lost_and_heard_late)
{
	static const size_t lens[] = { 150000, 250000 };
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(lens); i++) {
		open_path(r, &c, "/hear-late");
		send_pattern(&c, lens[i]);
		rig_close(&c);
		usleep(100000); /* for the gateway to have it all, or most */
		rig_let();
		cr_expect_eq(rig_heard(lens[i]), lens[i], "%zu", lens[i]);
	}
	rig_stop(r);
}

/* A server that does not listen keeps a lost client's tunnel no longer than a
 * body may take. */
Test(lost, lost_and_not_heard)
{
	static const struct rig_key keys[] = {
		{ "listener", "body_timeout", "300ms" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &allow);
	open_path(r, &c, "/last/1");
	rig_send(&c, "go");
	cr_assert_eq(rig_heard(2), 2);
	send_pattern(&c, 300000);
	rig_close(&c);
	await_status(r, "\"tunnels\":0,");
	rig_let();
	rig_stop(r);
}

/* A client that hangs up while there is something for it is reset by its own
 * kernel; what it had said before that is heard, and its end is an end. */
Test(lost, goodbye_and_reset_at_once)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	open_path(r, &c, "/hear");
	rig_pause(r);
	send_pattern(&c, 5000);
	SSL_shutdown(c.ssl);
	reset(&c);
	rig_go_on(r);
	cr_assert_eq(rig_heard(5000), 5000);
	rig_stop(r);
}

/* The server's end is seen first, and then there is no client any more to
 * linger for: one tunnel less, not two. */
Test(lost, client_is_gone_at_the_end)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c, other;
	char *status;

	rig_answer(r, &allow);
	open_path(r, &other, "/hear");
	open_path(r, &c, "/hear-bye");
	send_pattern(&c, 4);
	SSL_shutdown(c.ssl);
	cr_assert_eq(rig_heard(4), 4);
	rig_pause(r);
	rig_let();
	cr_assert_eq(rig_heard(1), 1);
	reset(&c);
	rig_go_on(r);
	cr_assert_eq(rig_leaves(r, 1), 1);
	status = rig_status(r);
	cr_assert(strstr(status, "\"tunnels\":1,") != NULL, "%s", status);
	free(status);
	rig_close(&other);
	rig_stop(r);
}

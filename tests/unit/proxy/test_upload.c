/* test_upload.c — bodies of requests, and answers that come before their
 * end. */
#include "rig.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(upload, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

static void
send_pattern(struct rig_client *c, size_t from, size_t n)
{
	uint8_t block[8192];

	while (n > 0) {
		size_t k = GW_MIN(n, sizeof(block));

		for (size_t i = 0; i < k; i++)
			block[i] = rig_byte(from + i);
		rig_send_bytes(c, block, k);
		from += k;
		n -= k;
	}
}

Test(upload, uploads)
{
	static const size_t sizes[] = { 1, 16384, 100000, 3000000 };
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char text[256], *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t i = 0; i < GW_COUNT(sizes); i++) {
		snprintf(text, sizeof(text), "POST /upload HTTP/1.1\r\n"
			 "Host: h\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
		rig_send(&c, text);
		send_pattern(&c, 0, sizes[i]);
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		snprintf(text, sizeof(text), "%zu right", sizes[i]);
		cr_assert_str_eq(body, text);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(upload, chunked_upload)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char text[64], *body;
	size_t done = 0;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int twice = 0; twice < 2; twice++) {
		rig_send(&c, "PUT /upload HTTP/1.1\r\nHost: h\r\n"
			     "Transfer-Encoding: chunked\r\n\r\n");
		for (size_t n = 1, sum = done = 0; n < 60000;
		     n = n * 3 + 1, sum = done) {
			snprintf(text, sizeof(text), "%zx\r\n", n);
			rig_send(&c, text);
			send_pattern(&c, sum, n);
			rig_send(&c, "\r\n");
			done += n;
		}
		rig_send(&c, "0\r\n\r\n");
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		snprintf(text, sizeof(text), "%zu right", done);
		cr_assert_str_eq(body, text);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(upload, expect_continue)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 2; i++) {
		rig_send(&c, "POST /continue HTTP/1.1\r\nHost: h\r\n"
			     "Expect: 100-continue\r\n"
			     "Content-Length: 3\r\n\r\n");
		cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 100);
		send_pattern(&c, 0, 3);
		cr_assert_eq(rig_response(&c, NULL, &body, NULL), 200);
		cr_assert_str_eq(body, "3 right");
		free(body);
	}
	/* refused without the body: the connection cannot go on */
	rig_send(&c, "POST /denied HTTP/1.1\r\nHost: h\r\n"
		     "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 403);
	cr_assert(rig_is_closed(&c));
	rig_close(&c);
	rig_stop(r);
}

Test(upload, early_response)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "POST /early HTTP/1.1\r\nHost: h\r\n"
		     "Content-Length: 50000000\r\n\r\n");
	send_pattern(&c, 0, 200000);
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 413);
	cr_assert_str_eq(body, "early");
	free(body);
	rig_close(&c);
	rig_stop(r);
}

/* Of a client that writes all before it reads: whether the connection takes
 * that for so long, a piece each 100 ms. */
static bool
talks_on(struct rig_client *c, int ms)
{
	static const char piece[1000];
	uint64_t end = gw_mono_ms() + (uint64_t)ms;

	while (gw_mono_ms() < end) {
		if (SSL_write(c->ssl, piece, sizeof(piece)) <= 0)
			return false;
		usleep(100000);
	}
	return true;
}

/* An answer must not be lost with a reset, nor wait for ever to be read. */
Test(upload, early_response_to_a_talker)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "POST /early HTTP/1.1\r\nHost: h\r\n"
		     "Content-Length: 50000000\r\n\r\n");
	cr_assert(talks_on(&c, 4000));
	cr_assert_eq(rig_response(&c, NULL, &body, NULL), 413);
	cr_assert_str_eq(body, "early");
	free(body);
	cr_assert_not(talks_on(&c, 60000));
	rig_close(&c);
	rig_stop(r);
}

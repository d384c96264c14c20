/* test_response.c — answers of the upstream on their way to the client. What is
 * wrong comes first. */
#include "rig.h"
#include "talk.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(response, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

static bool
is_pattern(const char *body, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)body[i] != rig_byte(i))
			return false;
	return true;
}

static const struct bad_upstream {
	const char *path;
	int status;
	const char *reason;
} bad_upstreams[] = {
	{ "/dead/x", 502, "upstream-unreachable" },
	{ "/garbage", 502, "upstream-protocol" },
	{ "/greeting", 502, "upstream-protocol" },
	{ "/hang", 504, "upstream-timeout" },
	{ "/denied", 403, "policy-group" },
	{ "/denied/below?x", 403, "policy-group" },
	{ "/denied;x", 403, "policy-group" },
};

/* The connection survives what goes wrong behind it. */
Test(response, bad_upstreams)
{
	static const struct rig_key keys[] = {
		{ "upstream", "response_timeout", "1500ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t i = 0; i < GW_COUNT(bad_upstreams); i++) {
		const struct bad_upstream *b = &bad_upstreams[i];
		int status = rig_get(&c, b->path, &body, NULL);

		cr_assert_eq(status, b->status, "%s: %d", b->path, status);
		cr_assert(strstr(body, b->reason) != NULL, "%s", body);
		free(body);
	}
	cr_assert_eq(rig_get(&c, "/deniedx", NULL, NULL), 200);
	/* a cut answer must not look whole */
	cr_assert_eq(rig_get(&c, "/half", NULL, NULL), -1);
	rig_close(&c);
	rig_stop(r);
}

Test(response, used_connection_dropped)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(rig_get(&c, "/drop-reused", &body, NULL), 200);
		cr_assert_str_eq(body, "fresh");
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

Test(response, keep_alive)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *status;

	rig_answer(r, &allow);
	for (int v = 0; v < 2; v++) {
		cr_assert(rig_connect(r, &c, v != 0 ? RIG_TLS12 : 0));
		for (size_t i = 0; i < 50; i++) {
			char path[32], *body;
			size_t len;

			snprintf(path, sizeof(path), "/bytes/%zu", i * 997);
			cr_assert_eq(rig_get(&c, path, &body, &len), 200);
			cr_assert_eq(len, i * 997);
			cr_assert(is_pattern(body, len));
			free(body);
		}
		rig_close(&c);
	}
	cr_assert_eq(rig_admits(r), 2);
	cr_assert_eq(rig_leaves(r, 2), 2);
	cr_assert_eq(rig_chain_count(r), 2); /* the client builds it */
	await_status(r, "proxy {\"workers\":2,\"connections\":0,"
			"\"requests\":100,");
	status = rig_status(r);
	cr_assert(strstr(status, "\"state\":\"up\"") != NULL, "%s", status);
	cr_assert(strstr(status, "\"handshakes\":2,") != NULL, "%s", status);
	free(status);
	rig_stop(r);
}

static const struct framing {
	const char *path;
	size_t len;
} framings[] = {
	{ "/bytes/0", 0 },         { "/bytes/16384", 16384 },
	{ "/bytes/1000000", 1000000 }, { "/chunked/0", 0 },
	{ "/chunked/7001", 7001 }, { "/chunked/1000000", 1000000 },
	{ "/close/0", 0 },         { "/close/123456", 123456 },
};

Test(response, response_framings)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t i = 0; i < GW_COUNT(framings); i++) {
		char *body;
		size_t len;

		cr_assert_eq(rig_get(&c, framings[i].path, &body, &len), 200,
			     "%s", framings[i].path);
		cr_assert_eq(len, framings[i].len, "%s: %zu",
			     framings[i].path, len);
		cr_assert(is_pattern(body, len), "%s", framings[i].path);
		free(body);
	}
	rig_close(&c);
	rig_stop(r);
}

/* Milliseconds for an answer of so many full records and `more` bytes, if its
 * head is as long as the last one's. */
static uint64_t
time_of(struct rig_client *c, size_t *head_len, size_t records, int more)
{
	size_t want = records * 16384 + (size_t)(more + 1) - 1 - *head_len;
	char request[128], *head, *body;
	uint64_t began = gw_mono_ms();
	size_t len;

	snprintf(request, sizeof(request), "GET /bytes/%zu HTTP/1.1\r\n"
		 "Host: vdi.example.com\r\n\r\n", want);
	rig_send(c, request);
	cr_assert_eq(rig_response(c, &head, &body, &len), 200);
	cr_assert(len == want && is_pattern(body, len));
	*head_len = strlen(head);
	free(head);
	free(body);
	return gw_mono_ms() - began;
}

/* Behind records that are full nothing follows: the kernel must not wait for
 * it, which takes 0.2 s. The quickest of several tells. */
Test(response, ends_are_not_held_back)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	size_t head_len = 0;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	for (size_t records = 1; records <= 5; records++)
		for (int more = -1; more <= 1; more++) {
			uint64_t best = UINT64_MAX;

			/* once more: to know how long the head is */
			for (int i = 0; i < 2 || (best >= 150 && i < 40); i++) {
				uint64_t ms = time_of(&c, &head_len, records,
						      more);

				best = GW_MIN(best, ms);
			}
			cr_expect_lt(best, 150, "%zu records and %d",
				     records, more);
		}
	rig_close(&c);
	rig_stop(r);
}

Test(response, http10)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head, *body;
	size_t len;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, "GET /chunked/50000 HTTP/1.0\r\nHost: h\r\n\r\n");
	cr_assert_eq(rig_response(&c, &head, &body, &len), 200);
	cr_assert(strcasestr(head, "transfer-encoding") == NULL, "%s", head);
	cr_assert(len == 50000 && is_pattern(body, len));
	free(head);
	free(body);
	rig_close(&c);
	rig_stop(r);
}

Test(response, interim_response)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, GET("/interim"));
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 103);
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 200);
	rig_send(&c, "GET /interim HTTP/1.0\r\nHost: h\r\n\r\n");
	cr_assert_eq(rig_response(&c, NULL, NULL, NULL), 200);
	rig_close(&c);
	rig_stop(r);
}

/* A response has the time it came at, if its server did not say so. */
Test(response, dated)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *head;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	rig_send(&c, GET("/bytes/1"));
	cr_assert_eq(rig_response(&c, &head, NULL, NULL), 200);
	cr_assert(strstr(head, "\r\nDate: ") != NULL &&
		  strstr(head, " GMT\r\n") != NULL, "%s", head);
	free(head);
	rig_close(&c);
	rig_stop(r);
}

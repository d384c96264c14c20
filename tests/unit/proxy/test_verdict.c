/* test_verdict.c — the wait for gwd-auth's verdict: it is late, never comes, or
 * finds its client gone. */
#include "rig.h"
#include "talk.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(verdict, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* ---- none, or too late */

Test(verdict, auth_dies_while_asked)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	cr_assert(rig_connect(r, &c, 0)); /* 1.3: done for the client */
	rig_await_admits(r, 1);
	rig_unlink(r);
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 503);
	rig_close(&c);
	rig_stop(r);
}

Test(verdict, verdict_never_comes)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "1500ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 503);
	rig_close(&c);
	rig_stop(r);
}

Test(verdict, verdict_too_late_is_left)
{
	static const struct rig_key keys[] = {
		{ "listener", "handshake_timeout", "1500ms" },
		{ NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 503);
	rig_close(&c);
	rig_judge(r);
	cr_assert_eq(rig_leaves(r, 1), 1);
	rig_stop(r);
}

/* Clients that go away while their job is paused, in numbers. */
Test(verdict, leaves_while_judged)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c[20];

	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	for (size_t i = 0; i < GW_COUNT(c); i++)
		cr_assert(rig_connect(r, &c[i], 0));
	rig_await_admits(r, GW_COUNT(c));
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		struct linger reset = { .l_onoff = 1 };

		setsockopt(c[i].fd, SOL_SOCKET, SO_LINGER, &reset,
			   sizeof(reset));
		rig_close(&c[i]);
	}
	await_status(r, "proxy {\"workers\":2,\"connections\":0,");
	rig_judge(r);
	cr_assert_eq(rig_leaves(r, GW_COUNT(c)), GW_COUNT(c));
	rig_stop(r);
}

Test(verdict, ended_before_it_began)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .lifetime = -10 });
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", NULL, NULL), 403);
	rig_close(&c);
	cr_assert_eq(rig_leaves(r, 1), 1);
	rig_stop(r);
}

/* ---- others go on meanwhile */

Test(verdict, waiting_holds_up_nobody)
{
	struct rig *r = rig_start(NULL);
	struct rig_client in, waits[8];

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &in, 0));
	cr_assert_eq(rig_get(&in, "/bytes/1", NULL, NULL), 200);
	rig_answer(r, &(struct rig_answer){ .delay_ms = -1 });
	for (size_t i = 0; i < GW_COUNT(waits); i++) {
		cr_assert(rig_connect(r, &waits[i], 0));
		rig_send(&waits[i], GET("/bytes/1"));
	}
	rig_await_admits(r, 1 + GW_COUNT(waits));
	for (int i = 0; i < 20; i++)
		cr_assert_eq(rig_get(&in, "/bytes/1", NULL, NULL), 200);
	rig_judge(r);
	for (size_t i = 0; i < GW_COUNT(waits); i++) {
		cr_assert_eq(rig_response(&waits[i], NULL, NULL, NULL), 200);
		rig_close(&waits[i]);
	}
	rig_close(&in);
	rig_stop(r);
}

Test(verdict, verdict_late_12)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;

	rig_answer(r, &(struct rig_answer){ .delay_ms = 300 });
	cr_assert(rig_connect(r, &c, RIG_TLS12));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	rig_stop(r);
}

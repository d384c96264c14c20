/* test_session.c — sessions after the verdict: how they end, and what is known
 * of them when gwd-auth is another. */
#include "rig.h"
#include "talk.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

TestSuite(session, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* ---- gwd-auth goes and comes back */

Test(session, no_auth_no_entry)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c, old;
	char *body;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &old, 0));
	cr_assert_eq(rig_get(&old, "/bytes/1", NULL, NULL), 200);
	rig_unlink(r);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/", &body, NULL), 503);
	cr_assert(strstr(body, "auth-unavailable") != NULL, "%s", body);
	free(body);
	rig_close(&c);
	/* who is in stays in, and new ones come in again afterwards */
	cr_assert_eq(rig_get(&old, "/bytes/1", NULL, NULL), 200);
	rig_link(r);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
	/* the session of the gwd-auth that is gone is nobody's to leave */
	rig_close(&old);
	cr_assert_eq(rig_leaves(r, 1), 1);
	rig_stop(r);
}

/* What an earlier gwd-auth admitted: only the proxy knows, and tells of it. */
Test(session, left_by_auth)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c[4];
	char *status;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		cr_assert(rig_connect(r, &c[i], 0));
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
	}
	status = rig_status(r);
	cr_assert(strstr(status, "left_sessions") == NULL, "%s", status);
	free(status);
	for (int i = 0; i < 2; i++) {
		/* first with no gwd-auth at all, then with a new one */
		if (i == 0)
			rig_unlink(r);
		else
			rig_link(r);
		await_status(r, "left_sessions {\"id\":");
		await_status(r, "\"account\":\"alice\"");
	}
	rig_kill(r);
	cr_assert(rig_is_closed(&c[3]));
	cr_assert_eq(rig_get(&c[0], "/bytes/1", NULL, NULL), 200);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	cr_assert_eq(rig_leaves(r, 0), 0);
	await_status(r, "proxy {\"workers\":2,\"connections\":0,");
	status = rig_status(r);
	cr_assert(strstr(status, "left_sessions") == NULL, "%s", status);
	free(status);
	rig_stop(r);
}

/* ---- ends of sessions */

/* More at once than one message tells of: each is told of once. */
Test(session, many_go_at_once)
{
	struct rig *r = rig_start(NULL);
	static struct rig_client c[3 * GW_GONE_MAX];

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		cr_assert(rig_connect(r, &c[i], 0));
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
	}
	cr_assert_eq(rig_leaves(r, 0), 0);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	cr_assert_eq(rig_leaves(r, GW_COUNT(c)), GW_COUNT(c));
	/* and while others come */
	for (size_t i = 0; i < 20; i++) {
		cr_assert(rig_connect(r, &c[i], 0));
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
		rig_close(&c[i]);
	}
	cr_assert_eq(rig_leaves(r, GW_COUNT(c) + 20), GW_COUNT(c) + 20);
	rig_stop(r);
}

Test(session, revoked)
{
	struct rig *r = rig_start(NULL);
	struct rig_client tunnel, idle, other;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &other, 0));
	cr_assert_eq(rig_get(&other, "/bytes/1", NULL, NULL), 200);
	open_tunnel(r, &tunnel);
	rig_revoke(r);
	cr_assert(rig_is_closed(&tunnel));
	rig_close(&tunnel);
	cr_assert(rig_connect(r, &idle, 0));
	cr_assert_eq(rig_get(&idle, "/bytes/1", NULL, NULL), 200);
	rig_kill(r);
	cr_assert(rig_is_closed(&idle));
	rig_close(&idle);
	/* each ended its own session only */
	cr_assert_eq(rig_get(&other, "/bytes/1", NULL, NULL), 200);
	rig_close(&other);
	cr_assert_eq(rig_leaves(r, 3), 3);
	rig_stop(r);
}

Test(session, until)
{
	struct rig *r = rig_start(NULL);
	struct rig_client tunnel, download;
	char buf[4096];
	uint64_t start = gw_mono_ms();

	rig_answer(r, &(struct rig_answer){ .lifetime = 3 });
	open_tunnel(r, &tunnel);
	cr_assert(rig_connect(r, &download, 0));
	rig_send(&download, GET("/bytes/1000000000000"));
	cr_assert(rig_is_closed(&tunnel));
	while (rig_recv(&download, buf, sizeof(buf)) > 0) {
		cr_assert_lt(gw_mono_ms() - start, 60000);
		usleep(1000);
	}
	rig_close(&tunnel);
	rig_close(&download);
	rig_stop(r);
}

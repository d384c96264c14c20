/* talk.c — see talk.h. */
#include "talk.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>
#include "gw/util.h"

void
expect(struct rig_client *c, const char *text)
{
	char buf[256] = "";
	size_t len = 0, want = strlen(text);

	while (len < want) {
		int n = rig_recv(c, buf + len, want - len);

		cr_assert(n > 0, "wanted %s, got %s", text, buf);
		len += (size_t)n;
	}
	cr_assert_str_eq(buf, text);
}

void
open_tunnel(struct rig *r, struct rig_client *c)
{
	cr_assert(rig_connect(r, c, 0));
	/* what follows the request at once belongs to the tunnel */
	rig_send(c, UPGRADE "early");
	cr_assert_eq(rig_response(c, NULL, NULL, NULL), 101);
	expect(c, "hello early");
}

#define WAIT_MS 60000

void
await_status(struct rig *r, const char *text)
{
	uint64_t end = gw_mono_ms() + WAIT_MS;

	for (;;) {
		char *status = rig_status(r);
		bool is_there = strstr(status, text) != NULL;

		cr_assert(is_there || gw_mono_ms() < end, "%s in %s", text,
			  status);
		free(status);
		if (is_there)
			return;
		usleep(10000);
	}
}

void
expect_welcome(struct rig *r)
{
	uint64_t end = gw_mono_ms() + WAIT_MS;
	struct rig_client c;

	while (!rig_connect(r, &c, 0)) {
		rig_close(&c);
		cr_assert_lt(gw_mono_ms(), end, "never again");
		usleep(20000);
	}
	cr_assert_eq(rig_get(&c, "/bytes/1", NULL, NULL), 200);
	rig_close(&c);
}

/* talk.c — see talk.h. */
#include "talk.h"

#include <criterion/criterion.h>
#include <string.h>

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

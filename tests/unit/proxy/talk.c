/* talk.c — see talk.h. */
#include "talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
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

void
switch_over(struct rig_client *c, const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n"
		 "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", path);
	rig_send(c, text);
	cr_assert_eq(rig_response(c, NULL, NULL, NULL), 101, "%s", path);
}

void
open_path(struct rig *r, struct rig_client *c, const char *path)
{
	cr_assert(rig_connect(r, c, 0));
	switch_over(c, path);
}

void
send_pattern(struct rig_client *c, size_t len)
{
	uint8_t *p = malloc(len);

	for (size_t i = 0; i < len; i++)
		p[i] = rig_byte(i);
	rig_send_bytes(c, p, len);
	free(p);
}

/* All that comes; true when the end was an orderly one. */
bool
read_pattern(struct rig_client *c, size_t *out_len)
{
	static uint8_t buf[16384];
	size_t len = 0;
	int n;

	while ((n = rig_recv(c, buf, sizeof(buf))) > 0) {
		for (int i = 0; i < n; i++)
			cr_assert_eq(buf[i], rig_byte(len + (size_t)i),
				     "byte %zu", len + (size_t)i);
		len += (size_t)n;
	}
	*out_len = len;
	return n == 0;
}

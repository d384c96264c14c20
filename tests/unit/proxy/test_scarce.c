/* test_scarce.c — memory, connections and descriptors that are scarce. */
#include "rig.h"
#include "talk.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(scarce, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

/* ---- memory */

/* AddressSanitizer keeps what was freed: up to 256 MiB. */
#ifdef __SANITIZE_ADDRESS__
#define SLACK_KIB 300000
#else
#define SLACK_KIB 4096
#endif

Test(scarce, slow_reader_costs_no_memory)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c;
	char *buf = malloc(65536);
	size_t got = 0;
	long before, after;

	rig_answer(r, &allow);
	cr_assert(rig_connect(r, &c, 0));
	cr_assert_eq(rig_get(&c, "/bytes/100000", NULL, NULL), 200);
	before = rig_resident_kib(r);
	rig_send(&c, GET("/bytes/60000000"));
	usleep(500000);
	after = rig_resident_kib(r);
	cr_assert(after - before < SLACK_KIB, "%ld KiB more", after - before);
	while (got < 60000000) {
		int n = rig_recv(&c, buf, 65536);

		cr_assert(n > 0);
		got += (size_t)n;
	}
	after = rig_resident_kib(r);
	cr_assert(after - before < SLACK_KIB, "%ld KiB more", after - before);
	free(buf);
	rig_close(&c);
	rig_stop(r);
}

/* ---- connections */

Test(scarce, too_many_connections)
{
	static const struct rig_key keys[] = {
		{ "listener", "max_connections", "3" }, { NULL, NULL, NULL },
	};
	struct rig *r = rig_start(keys);
	struct rig_client c[3], over;

	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		cr_assert(rig_connect(r, &c[i], 0));
	cr_assert_not(rig_connect(r, &over, 0));
	rig_close(&over);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		cr_assert_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
		rig_close(&c[i]);
	}
	expect_welcome(r);
	rig_stop(r);
}

/* ---- descriptors */

/* Out of descriptors: refused, not stuck, and fine again afterwards. */
Test(scarce, no_descriptors)
{
	struct rig *r;
	struct rig_client c[80];
	unsigned in = 0;

	rig_files_max = 60;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		in += rig_connect(r, &c[i], 0);
	cr_assert(in > 10 && in < 60, "%u of 80", in);
	/* some are left for the upstreams of those who are in */
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(rig_get(&c[i], "/bytes/1", NULL, NULL), 200);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	expect_welcome(r);
	rig_stop(r);
}

/* Tunnels take the last ones, too: whoever comes then is refused at once, and
 * those who are in go on. */
Test(scarce, no_descriptors_at_all)
{
	struct rig *r;
	struct rig_client c[60];
	unsigned tunnels = 0;
	size_t first = 0;

	rig_files_max = 60;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	for (size_t i = 0; i < GW_COUNT(c); i++) {
		if (!rig_connect(r, &c[i], 0))
			continue;
		rig_send(&c[i], "GET /ws HTTP/1.1\r\nHost: h\r\n"
			 "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			 "\r\n");
		if (rig_response(&c[i], NULL, NULL, NULL) != 101)
			continue;
		first = tunnels++ == 0 ? i : first;
	}
	cr_assert(tunnels > 10 && tunnels < 30, "%u", tunnels);
	for (int i = 0; i < 4; i++) {
		struct rig_client late;
		char byte;

		rig_send_bytes(&c[first], "x", 1);
		cr_assert_eq(rig_recv(&c[first], &byte, 1), 1);
		if (rig_connect(r, &late, 0))
			cr_expect_neq(rig_get(&late, "/bytes/1", NULL, NULL),
				      200);
		rig_close(&late);
	}
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	expect_welcome(r);
	rig_stop(r);
}

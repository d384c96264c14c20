/* test_tunnels.c — many tunnels: what they hold, and what when there can be no
 * more. */
#include "talk.h"

#include <criterion/criterion.h>

TestSuite(tunnels, .timeout = 300);

static const struct rig_answer allow = { .reason = GW_ERR_OK };

static void
echo(struct rig_client *c, size_t len)
{
	static uint8_t buf[16384];
	size_t got = 0;

	send_pattern(c, len);
	while (got < len) {
		int n = rig_recv(c, buf, GW_MIN(len - got, sizeof(buf)));

		cr_assert(n > 0);
		for (int i = 0; i < n; i++)
			cr_assert_eq(buf[i], rig_byte(got + (size_t)i));
		got += (size_t)n;
	}
}

static void
skip_greeting(struct rig_client *c)
{
	char hello[6];
	size_t got = 0;

	while (got < sizeof(hello)) {
		int n = rig_recv(c, hello + got, sizeof(hello) - got);

		cr_assert(n > 0);
		got += (size_t)n;
	}
}

static void
open_echo(struct rig *r, struct rig_client *c)
{
	open_path(r, c, "/ws");
	skip_greeting(c);
}

/* AddressSanitizer keeps what was freed. */
#ifdef __SANITIZE_ADDRESS__
#define EACH_KIB 1000
#define ALL_KIB  300000
#else
#define EACH_KIB 36   /* nearly all OpenSSL's */
#define ALL_KIB  1024 /* two buffers each would be 3200 */
#endif

Test(tunnels, idle_ones_hold_no_buffers)
{
	struct rig *r = rig_start(NULL);
	struct rig_client c[110];
	long before, idle, after;

	rig_answer(r, &allow);
	for (size_t i = 0; i < 10; i++) {
		open_echo(r, &c[i]);
		echo(&c[i], 65536);
	}
	before = rig_resident_kib(r);
	for (size_t i = 10; i < GW_COUNT(c); i++)
		open_echo(r, &c[i]);
	idle = rig_resident_kib(r);
	cr_assert(idle - before < 100 * EACH_KIB, "%ld KiB for a hundred",
		  idle - before);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		echo(&c[i], 65536);
	after = rig_resident_kib(r);
	cr_assert(after - idle < ALL_KIB, "%ld KiB more", after - idle);
	for (size_t i = 0; i < GW_COUNT(c); i++)
		rig_close(&c[i]);
	rig_stop(r);
}

/* Tunnels until no more can be had: how many. The last one tried is closed. */
static size_t
open_all(struct rig *r, struct rig_client *c, size_t max)
{
	int status = 101;
	size_t n = 0;

	while (rig_connect(r, &c[n], 0)) {
		rig_send(&c[n], "GET /ws HTTP/1.1\r\nHost: h\r\n"
				"Connection: Upgrade\r\n"
				"Upgrade: websocket\r\n\r\n");
		status = rig_response(&c[n], NULL, NULL, NULL);
		if (status != 101)
			break;
		skip_greeting(&c[n]);
		cr_assert_lt(++n, max);
	}
	cr_assert(status == 101 || status == 503 || status == -1, "%d",
		  status);
	rig_close(&c[n]);
	return n;
}

/* At the door, or with a page when it got in. */
static void
expect_refused(struct rig *r)
{
	struct rig_client c;
	int status;

	if (rig_connect(r, &c, 0)) {
		status = rig_get(&c, "/bytes/1", NULL, NULL);
		cr_assert(status == 503 || status == -1, "%d", status);
	}
	rig_close(&c);
}

/* Descriptors are used up: who is in stays, who comes is refused, and is
 * welcome again as soon as there is room. */
Test(tunnels, at_the_limit_of_descriptors)
{
	struct rig_client c[80];
	struct rig *r;
	size_t n;

	rig_files_max = 100;
	r = rig_start(NULL);
	rig_answer(r, &allow);
	n = open_all(r, c, GW_COUNT(c));
	cr_assert(n >= 20, "%zu", n);
	for (int k = 0; k < 3; k++) {
		expect_refused(r);
		for (size_t i = 0; i < n; i++)
			echo(&c[i], 1000);
	}
	for (size_t i = 0; i < n; i++)
		rig_close(&c[i]);
	expect_welcome(r);
	rig_stop(r);
}

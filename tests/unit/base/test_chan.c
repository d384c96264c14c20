/* The channel: what a broken or taken-over peer may not do, and that sending
 * never blocks. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gw/chan.h"
#include "gw/util.h"

enum { ST_A = 1, ST_B = 2 };
enum { PING = 1, ONLY_B = 2, WITH_FD = 3, REFUSED = 4 };

static struct gw_loop *loop;
static struct gw_chan *chan;
static int peer = -1;
static unsigned pings, fds, closes;
static enum gw_err why;

static enum gw_err
on_ping(void *ctx, struct gw_msg *m)
{
	(void)ctx;
	pings++;
	cr_expect_eq(gw_rd_u32(&m->rd), 7);
	return gw_rd_done(&m->rd) ? GW_ERR_OK : GW_ERR_PROTO;
}

static enum gw_err
on_fd(void *ctx, struct gw_msg *m)
{
	(void)ctx;
	fds += m->fd >= 0;
	return GW_ERR_OK;
}

static enum gw_err
on_refused(void *ctx, struct gw_msg *m)
{
	(void)ctx;
	(void)m;
	return GW_ERR_PROTO;
}

static void
on_close(void *ctx, enum gw_err reason)
{
	(void)ctx;
	closes++;
	why = reason;
	gw_chan_free(chan);
	gw_loop_stop(loop);
}

static const struct gw_msg_rule rules[] = {
	{ PING, ST_A | ST_B, false, on_ping },
	{ ONLY_B, ST_B, false, on_ping },
	{ WITH_FD, ST_A, true, on_fd },
	{ REFUSED, ST_A, false, on_refused },
};

static void
setup(void)
{
	struct gw_chan_conf conf = {
		.name = "test", .rules = rules,
		.rule_count = GW_COUNT(rules), .state = ST_A, .queue_max = 4,
		.on_close = on_close,
	};
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	cr_assert_eq(gw_loop_new(&loop), GW_ERR_OK);
	cr_assert_eq(gw_chan_new(loop, fd[0], &conf, &chan), GW_ERR_OK);
	peer = fd[1];
}

static void
teardown(void)
{
	gw_close(&peer);
	gw_loop_free(loop);
}

TestSuite(chan, .init = setup, .fini = teardown, .timeout = 300);

static const struct raw_case {
	const char *what;
	uint8_t bytes[24];
	size_t len;
	unsigned want_pings;
} raw[] = {
	{ "short header", { 1, PING }, 2, 0 },
	{ "other version", { 2, PING, 0, 0, 4, 0, 0, 0, [16] = 7 }, 20, 0 },
	{ "reserved bytes set",
	  { 1, PING, 1, 0, 4, 0, 0, 0, [16] = 7 }, 20, 0 },
	{ "length lies", { 1, PING, 0, 0, 5, 0, 0, 0, [16] = 7 }, 20, 0 },
	{ "unknown type", { 1, 99, 0, 0, 4, 0, 0, 0, [16] = 7 }, 20, 0 },
	{ "not in this state",
	  { 1, ONLY_B, 0, 0, 4, 0, 0, 0, [16] = 7 }, 20, 0 },
	{ "descriptor missing", { 1, WITH_FD, 0, 0, 0, 0, 0, 0 }, 16, 0 },
	{ "handler refuses", { 1, REFUSED, 0, 0, 0, 0, 0, 0 }, 16, 0 },
	{ "trailing byte",
	  { 1, PING, 0, 0, 5, 0, 0, 0, [16] = 7 }, 21, 1 },
};

/* Each runs in a channel of its own: the first violation closes it. */
Test(chan, violations_close)
{
	for (size_t i = 0; i < GW_COUNT(raw); i++) {
		if (i > 0)
			setup();
		pings = closes = 0;
		cr_assert_eq(send(peer, raw[i].bytes, raw[i].len, 0),
			     (ssize_t)raw[i].len);
		gw_loop_run(loop);
		cr_expect_eq(closes, 1, "%s", raw[i].what);
		cr_expect_eq(why, GW_ERR_PROTO, "%s", raw[i].what);
		cr_expect_eq(pings, raw[i].want_pings, "%s", raw[i].what);
		if (i + 1 < GW_COUNT(raw))
			teardown();
	}
}

Test(chan, good_messages_then_an_orderly_end)
{
	static const uint8_t ping[] = { 1, PING, 0, 0, 4, 0, 0, 0,
					[16] = 7, [19] = 0 };

	cr_assert_eq(send(peer, ping, sizeof(ping), 0), sizeof(ping));
	cr_assert_eq(send(peer, ping, sizeof(ping), 0), sizeof(ping));
	gw_close(&peer);
	gw_loop_run(loop);
	cr_expect_eq(pings, 2);
	cr_expect_eq(closes, 1);
	cr_expect_eq(why, GW_ERR_OK);
}

Test(chan, descriptor_passes)
{
	struct gw_chan_conf conf = { .name = "far", .queue_max = 4 };
	struct gw_chan *far;
	struct gw_loop *other;
	int fd = dup(0);

	cr_assert_eq(gw_loop_new(&other), GW_ERR_OK);
	cr_assert_eq(gw_chan_new(other, peer, &conf, &far), GW_ERR_OK);
	peer = -1;
	(void)gw_chan_begin(far);
	cr_assert_eq(gw_chan_send(far, WITH_FD, 1, fd), GW_ERR_OK);
	(void)gw_chan_begin(far);
	cr_assert_eq(gw_chan_send(far, REFUSED, 1, -1), GW_ERR_OK);
	gw_loop_run(loop);
	cr_expect_eq(fds, 1);
	gw_chan_free(far);
	gw_loop_free(other);
	close(fd);
}

Test(chan, full_queue_says_busy_and_does_not_block)
{
	enum gw_err rc = GW_ERR_OK;
	int sent = 0;

	for (; rc == GW_ERR_OK && sent < 100000; sent++) {
		struct gw_wr *w = gw_chan_begin(chan);
		static const uint8_t zeros[30000];

		gw_wr_raw(w, zeros, sizeof(zeros));
		rc = gw_chan_send(chan, PING, 1, -1);
	}
	cr_expect_eq(rc, GW_ERR_BUSY);
	cr_expect_gt(sent, 4);
	cr_expect_geq(gw_chan_queued(chan), 4 * 30000);
	cr_expect_lt(gw_chan_queued(chan), 5 * 30000);
}

Test(chan, payload_that_does_not_fit_is_not_sent)
{
	static const uint8_t big[GW_PAYLOAD_MAX + 1];
	struct gw_wr *w = gw_chan_begin(chan);

	gw_wr_raw(w, big, sizeof(big));
	cr_expect_eq(gw_chan_send(chan, PING, 1, -1), GW_ERR_PROTO);
}

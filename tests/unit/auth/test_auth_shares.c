/* Each server's share of what is asked and fetched. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "gw/util.h"
#include "ladder.h"
#include "share.h"

TestSuite(shares, .init = ladder_setup, .fini = ladder_teardown);

#define MANY 1000

/* Cards of the same CA, by number. */
static X509 *
numbered_card(long n)
{
	X509 *x = X509_dup(vec("good"));

	cr_assert_not_null(x);
	cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(x), n), 1);
	return x;
}

static bool
ask_about_number(long n, struct waiter *w)
{
	X509 *x = numbered_card(n);
	bool is_now = ask_x509(x, &ca, (struct gw_revocation_about){
		.depth = 0 }, w);

	X509_free(x);
	return is_now;
}

/* So many connections, the others wait for their turn; who needs another
 * responder does not; and of memory not more than some kilobytes each. */
Test(shares, a_thousand_wait_for_a_stalled_responder)
{
	static struct waiter w[MANY];
	struct waiter other;
	size_t before = mallinfo2().uordblks;

	for (long i = 0; i < MANY; i++)
		cr_assert_not(ask_about_number(i + 1, &w[i]), "%ld", i);
	cr_expect_eq(asked_count, GW_SHARE_ASKING);
	cr_expect_eq(gw_revocation_count(rev).flights, MANY);
	cr_expect_lt(mallinfo2().uordblks - before, MANY * 16384,
		     "%zu bytes each",
		     (mallinfo2().uordblks - before) / MANY);
	cr_expect_not(ask("aia", &other), "its own responders are free");
	cr_expect_str_eq(asked[GW_SHARE_ASKING]->url, "http://one.example/a");
	give(GW_SHARE_ASKING, ANSWER(.leaf = "aia", .this = -10,
				     .next = 3600));
	cr_expect_eq(other.res.code, GW_ERR_OK);
	/* one is done: the next in line is asked about */
	break_off(0, "away");
	cr_expect_eq(w[0].told, 1);
	turn();
	cr_expect_eq(asked_count, GW_SHARE_ASKING + 2);
	cr_expect_eq(w[GW_SHARE_ASKING].told, 0);
}

/* Whoever did not get a turn is told in time, and has another source. */
Test(shares, no_turn_in_time)
{
	static struct waiter w[GW_SHARE_ASKING];
	struct waiter late, cdp;
	struct gw_timer t = { .fn = stop_loop };

	conf.total_timeout_ms = 50;
	for (long i = 0; i < GW_SHARE_ASKING; i++)
		cr_assert_not(ask_about_number(i + 1, &w[i]));
	cr_assert_not(ask("good", &late));
	cr_assert_not(ask("cdp", &cdp));
	gw_timer_after(loop, &t, 200);
	gw_loop_run(loop);
	cr_expect_eq(asked_count, GW_SHARE_ASKING + 1,
		     "a list, for the next who asks");
	cr_expect_eq(late.told, 1);
	cr_expect_eq(late.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(late.res.detail, "before this one"), "%s",
			   late.res.detail);
	cr_expect_eq(cdp.told, 1, "no time is left for lists either");
}

/* There is an end to it, for one server and for one answer. */
Test(shares, no_more_than_its_share)
{
	static struct waiter w[GW_SHARE_SEATS + 1];
	static struct waiter same[GW_REVOCATION_WAITERS];
	struct waiter other;

	for (long i = 0; i < GW_SHARE_SEATS; i++)
		cr_assert_not(ask_about_number(i + 1, &w[i]), "%ld", i);
	cr_expect(ask_about_number(GW_SHARE_SEATS + 1, &w[GW_SHARE_SEATS]));
	cr_expect_eq(w[GW_SHARE_SEATS].res.code,
		     GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_not_null(strstr(w[GW_SHARE_SEATS].res.detail, "too many"));
	cr_expect_not(ask("aia", &other), "another server has room");
	for (size_t i = 0; i < GW_COUNT(same); i++)
		(void)ask_about_number(1, &same[i]);
	cr_expect_eq(same[0].res.code, GW_ERR_OK);
	cr_expect_not_null(strstr(same[GW_COUNT(same) - 1].res.detail,
				  "too many"));
}

/* Lists of one server, each at a place of its own, are one share. */
Test(shares, lists_of_a_stalled_server)
{
	static struct waiter w[GW_SHARE_SEATS + 1];
	struct waiter other;
	char url[64] = "";

	conf.crl_max = 8;
	only_crl(url, NULL);
	for (long i = 0; i <= GW_SHARE_SEATS; i++) {
		snprintf(url, sizeof(url), "http://l:81/%ld", i % 4);
		(void)ask_about_number(i + 1, &w[i]);
	}
	cr_expect_eq(asked_count, 4, "each list once");
	cr_expect_eq(w[GW_SHARE_SEATS - 1].res.code, GW_ERR_OK, "waits");
	cr_expect_eq(w[GW_SHARE_SEATS].res.code,
		     GW_ERR_REVOCATION_UNAVAILABLE);
	snprintf(url, sizeof(url), "http://m/");
	cr_expect_not(ask("good", &other));
	cr_expect_eq(asked_count, 5, "another server's list is fetched");
}

/* Nor does it fill the store. */
Test(shares, lists_of_a_stalled_server_leave_room)
{
	struct waiter w[4];
	char url[64] = "";

	conf.crl_max = 4;
	only_crl(url, NULL);
	for (long i = 0; i < 4; i++) {
		snprintf(url, sizeof(url), "http://%s/%ld",
			 i < 3 ? "l" : "m", i);
		cr_expect_eq(ask_about_number(i + 1, &w[i]), i == 2, "%ld",
			     i);
	}
	cr_expect_not_null(strstr(w[2].res.detail, "its server"), "%s",
			   w[2].res.detail);
}

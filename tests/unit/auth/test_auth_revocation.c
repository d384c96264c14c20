/* The ladder of revocation, the answers kept and single flight. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/util.h"
#include "ladder.h"

TestSuite(revocation, .init = ladder_setup, .fini = ladder_teardown);

Test(revocation, nobody_to_ask)
{
	struct waiter w;

	ca.ocsp_url = (char *)"";
	cr_expect(ask("good", &w));
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_eq(asked_count, 0);
}

Test(revocation, hard_fail)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	break_off(0, "connect: Connection refused");
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_str_eq(w.res.detail,
			 "http://r/: connect: Connection refused");
	cr_expect_not(ask("good", &w), "a failure is not kept");
	break_off(1, "x");
}

Test(revocation, revoked_is_final)
{
	struct waiter w;

	cr_expect_not(ask("aia", &w));
	give(0, ANSWER(.leaf = "aia", .status = V_OCSP_CERTSTATUS_REVOKED,
		       .reason = 1, .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_not_null(strstr(w.res.detail, "keyCompromise"));
	cr_expect_str_eq(w.res.source, "http://one.example/a");
	cr_expect_eq(asked_count, 1, "nobody else is asked");
}

Test(revocation, each_url_in_turn)
{
	static const char *const urls[] = { "http://one.example/a",
					    "http://two.example:81/b?c",
					    "http://r/" };
	struct waiter w;

	cr_expect_not(ask("aia", &w));
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(asked_count, i + 1);
		cr_expect_str_eq(asked[i]->url, urls[i]);
		cr_expect_eq(asked[i]->timeout_ms, 2000);
		if (i < 2)
			break_off(i, "no");
	}
	give(2, ANSWER(.leaf = "aia", .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_str_eq(w.res.source, "http://r/");
}

static const struct {
	enum gw_err first, second, want;
} telling[] = {
	{ GW_ERR_REVOCATION_SIGNER, GW_ERR_REVOCATION_UNAVAILABLE,
	  GW_ERR_REVOCATION_SIGNER },
	{ GW_ERR_REVOCATION_UNAVAILABLE, GW_ERR_REVOCATION_STALE,
	  GW_ERR_REVOCATION_STALE },
	{ GW_ERR_REVOCATION_UNKNOWN, GW_ERR_REVOCATION_SIGNER,
	  GW_ERR_REVOCATION_UNKNOWN },
	{ GW_ERR_REVOCATION_SIGNER, GW_ERR_CERT_REVOKED,
	  GW_ERR_CERT_REVOKED },
	{ GW_ERR_REVOCATION_STALE, GW_ERR_OK, GW_ERR_OK },
};

static void
give_kind(size_t i, enum gw_err kind)
{
	struct answer a = { .n = 1 };

	a.v[0] = (struct single_answer){ .leaf = "aia", .this = -10,
					 .next = 3600, .reason = -1 };
	if (kind == GW_ERR_REVOCATION_UNAVAILABLE) {
		break_off(i, "away");
		return;
	}
	if (kind == GW_ERR_REVOCATION_SIGNER)
		a.signer = "ocsp-by-other";
	if (kind == GW_ERR_REVOCATION_STALE)
		a.v[0].this = a.v[0].next = -7200;
	if (kind == GW_ERR_REVOCATION_UNKNOWN)
		a.v[0].status = V_OCSP_CERTSTATUS_UNKNOWN;
	if (kind == GW_ERR_CERT_REVOKED)
		a.v[0].status = V_OCSP_CERTSTATUS_REVOKED;
	give(i, &a);
}

Test(revocation, the_most_telling_reason)
{
	ca.ocsp_url = (char *)"";
	for (size_t i = 0; i < GW_COUNT(telling); i++) {
		struct waiter w;

		asked_count = 0;
		close_all(); /* nothing is remembered */
		open_all();
		cr_assert_not(ask("aia", &w), "case %zu", i);
		give_kind(0, telling[i].first);
		cr_assert_eq(asked_count, 2, "case %zu", i);
		give_kind(1, telling[i].second);
		cr_expect_eq(w.told, 1);
		cr_expect_eq(w.res.code, telling[i].want, "case %zu: %s", i,
			     gw_err_name(w.res.code));
	}
}

Test(revocation, cache)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect(ask("good", &w));
	cr_expect_str_eq(w.res.source, "cached");
	cr_expect_eq(w.res.code, GW_ERR_OK);
	now = NOW + 1799;
	cr_expect(ask("good", &w));
	now = NOW + 1800;
	cr_expect_not(ask("good", &w), "cache_max is over");
	give(1, &(struct answer){ .produced = 1750, .n = 1,
		.v = { { .this = 1700, .next = 1900 } } });
	cr_expect_eq(w.res.code, GW_ERR_OK);
	now = NOW + 1899;
	cr_expect(ask("good", &w));
	now = NOW + 1900;
	cr_expect_not(ask("good", &w), "nextUpdate is over");
	break_off(2, "x");
	cr_expect_not(ask("second", &w), "another certificate");
	break_off(3, "x");
	now = NOW;
}

Test(revocation, no_next_update)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, OPEN);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_not(ask("good", &w), "not kept by default");
	give(1, OPEN);
	conf.cache_open_ms = 60000;
	cr_expect_not(ask("good", &w));
	give(2, OPEN);
	cr_expect(ask("good", &w));
	now = NOW + 60;
	cr_expect_not(ask("good", &w));
	break_off(3, "x");
	now = NOW;
}

Test(revocation, bad_answers_are_not_kept)
{
	const struct answer *bad[] = { REVOKED, UNKNOWN, OLD, FOREIGN };
	struct waiter w;

	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		asked_count = 0;
		cr_expect_not(ask("good", &w));
		give(0, bad[i]);
		cr_expect_neq(w.res.code, GW_ERR_OK);
	}
	cr_expect_eq(gw_revocation_count(rev).answers, 0);
}

Test(revocation, single_flight)
{
	struct waiter w[5];

	for (size_t i = 0; i < 5; i++)
		cr_expect_not(ask("good", &w[i]));
	cr_expect_eq(asked_count, 1);
	cr_expect_eq(gw_revocation_count(rev).flights, 1);
	gw_revocation_forget(&w[2].wait);
	gw_revocation_forget(&w[2].wait);
	give(0, FINE);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(w[i].told, i == 2 ? 0 : 1, "%zu", i);
	cr_expect_eq(gw_revocation_count(rev).flights, 0);
	cr_expect_eq(gw_revocation_count(rev).answers, 1);
}

Test(revocation, nobody_waits_any_more)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	gw_revocation_forget(&w.wait);
	give(0, FINE);
	cr_expect_eq(w.told, 0);
	cr_expect(ask("good", &w), "the answer was kept all the same");
}

Test(revocation, under_way_at_the_end)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	close_all();
	cr_expect_eq(cancelled, 1);
	cr_expect_eq(w.told, 0);
}

Test(revocation, keys)
{
	uint8_t a[GW_HASH], b[GW_HASH];

	gw_revocation_key(vec("good"), vec("issuing"), &ca, a);
	gw_revocation_key(vec("second"), vec("issuing"), &ca, b);
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0, "serial");
	gw_revocation_key(vec("good"), vec("other-issuing"), &ca, b);
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0, "same name, another key");
}

Test(revocation, flush)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	gw_revocation_flush(rev);
	cr_expect_not(ask("good", &w));
	give(1, FINE);
	cr_expect_eq(gw_revocation_count(rev).answers, 1);
}

/* Whose answer it is, and under which settings. */
Test(revocation, each_section_asks_for_itself)
{
	const struct gw_conf_ca other = {
		.title = (char *)"u", .ocsp_url = (char *)"http://s/",
		.ocsp_method = GW_OCSP_POST,
	};
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	cr_expect_not(ask_about("good", &other, false, &w));
	cr_expect_str_eq(asked[1]->url, "http://s/");
	break_off(1, "x");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
}

Test(revocation, settings_change_under_way)
{
	struct waiter w, late;

	cr_expect_not(ask("good", &w));
	gw_revocation_flush(rev);
	cr_expect(ask("good", &late), "not under the settings of before");
	cr_expect_eq(late.res.code, GW_ERR_BUSY);
	give(0, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_eq(gw_revocation_count(rev).answers, 0);
}

/* How OCSP responders are asked, and what their own certificates need. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/util.h"
#include "ladder.h"

TestSuite(responders, .init = ladder_setup, .fini = ladder_teardown);

Test(responders, statistics)
{
	const struct gw_responder *r;
	struct waiter w;

	gw_revocation_announce(rev, "http://r/");
	gw_revocation_announce(rev, "");
	r = gw_revocation_responder(rev, 0);
	cr_assert_not_null(r);
	cr_expect_eq(r->asked, 0);
	cr_expect_null(gw_revocation_responder(rev, 1));
	cr_expect_not(ask("good", &w));
	break_off(0, "away");
	r = gw_revocation_responder(rev, 0);
	cr_expect(r->is_failing);
	cr_expect_str_eq(r->last_error, "revocation-unavailable: away");
	cr_expect_not(ask("good", &w));
	give(1, REVOKED);
	r = gw_revocation_responder(rev, 0);
	cr_expect_not(r->is_failing, "`revoked` is an answer");
	cr_expect_eq(r->asked, 2);
	cr_expect_eq(r->failed, 1);
	cr_expect_eq(r->latency_us, 1234);
	cr_expect_eq(r->last_ok, NOW);
}

Test(responders, get_first_then_post)
{
	struct waiter w;

	ca.ocsp_method = GW_OCSP_AUTO;
	cr_expect_not(ask("good", &w));
	cr_expect(asked[0]->is_get);
	cr_expect_eq(strncmp(asked[0]->url, "http://r/MF", 11), 0, "%s",
		     asked[0]->url);
	asked[0]->fn(asked[0]->arg, &(struct gw_fetched){
		.why = "HTTP 405 Method Not Allowed", .status = 405 });
	cr_assert_eq(asked_count, 2);
	cr_expect_not(asked[1]->is_get);
	cr_expect_str_eq(asked[1]->url, "http://r/");
	give(1, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_str_eq(w.res.source, "http://r/");
}

Test(responders, no_second_try_when_nothing_came)
{
	struct waiter w;

	ca.ocsp_method = GW_OCSP_AUTO;
	cr_expect_not(ask("good", &w));
	break_off(0, "connect: Connection refused");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
}

Test(responders, a_nonce_is_posted_and_must_come_back)
{
	struct waiter w;

	ca.ocsp_method = GW_OCSP_AUTO;
	ca.ocsp_nonce = true;
	cr_expect_not(ask("good", &w));
	cr_expect_not(asked[0]->is_get);
	give(0, FINE);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE);
	cr_expect_eq(asked_count, 1, "an answer without it is no reason to "
		     "leave it out");
}

Test(responders, refused_nonce_is_left_out_once)
{
	static const struct answer no = {
		.response_status = OCSP_RESPONSE_STATUS_UNAUTHORIZED };
	struct waiter w;

	ca.ocsp_nonce = true;
	cr_expect_not(ask("good", &w));
	give(0, &no);
	cr_assert_eq(asked_count, 2);
	give(1, FINE);
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_not(ask("second", &w));
	give(2, &no);
	give(3, &no);
	cr_expect_eq(asked_count, 4);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
}

#define BY_CHECKED(...) (&(struct answer){ .signer = "ocsp-checked", .n = 1, \
			.v = { { __VA_ARGS__, .this = -10, .next = 3600 } } })

static void
good_by_checked(struct waiter *w)
{
	cr_expect_not(ask("good", w));
	give(0, BY_CHECKED(.reason = -1));
	cr_assert_eq(asked_count, 2, "it is asked about itself");
	cr_expect_eq(w->told, 0);
}

static const struct {
	const char *what;
	struct list list; /* of responders */
	enum gw_err want;
} responders[] = {
	{ "not listed", { .revoked = { "second" } }, GW_ERR_OK },
	{ "listed", { .revoked = { "ocsp-checked" } },
	  GW_ERR_REVOCATION_SIGNER },
	{ "list over", { .this = -7200, .next = -3600 },
	  GW_ERR_REVOCATION_SIGNER },
};

/* A responder that says itself that it is good has said nothing, nor has one
 * that would have to be asked about, too. */
Test(responders, responders_are_asked_about)
{
	for (size_t i = 0; i < GW_COUNT(responders); i++) {
		struct waiter w;

		asked_count = 0;
		close_all();
		unlink_all();
		open_all();
		good_by_checked(&w);
		give(1, &(struct answer){
			.signer = i == 0 ? "ocsp-checked-aia" : "ocsp-checked",
			.n = 1, .v = { { .leaf = "ocsp-checked", .this = -10,
					 .next = 3600 } } });
		cr_assert_eq(asked_count, 3, "%s", responders[i].what);
		cr_expect_str_eq(asked[2]->url,
				 "http://lists.example/responders.crl");
		give_list(2, &responders[i].list);
		await(&w);
		cr_expect_eq(w.res.code, responders[i].want, "%s: %s: %s",
			     responders[i].what, gw_err_name(w.res.code),
			     w.res.detail);
	}
}

Test(responders, responders_vouched_for_by_others)
{
	struct waiter w, again;

	good_by_checked(&w);
	give(1, ANSWER(.leaf = "ocsp-checked", .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	/* what is known of it serves for the next */
	cr_expect_not(ask("second", &again));
	give(2, BY_CHECKED(.leaf = "second"));
	cr_expect_eq(again.res.code, GW_ERR_OK, "%s", again.res.detail);
	cr_expect_eq(asked_count, 3);
}

Test(responders, revoked_by_whomever)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, BY_CHECKED(.status = V_OCSP_CERTSTATUS_REVOKED,
			   .reason = -1));
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "doubt is denial");
}

Test(responders, no_news_of_the_responder)
{
	struct gw_timer t = { .fn = stop_loop };
	struct waiter w;

	conf.total_timeout_ms = 50;
	good_by_checked(&w);
	gw_timer_after(loop, &t, 200);
	gw_loop_run(loop);
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_SIGNER);
	cr_expect_not_null(strstr(w.res.detail, "no time"), "%s",
			   w.res.detail);
}

Test(responders, nobody_waits_for_news_of_the_responder)
{
	struct waiter w;

	good_by_checked(&w);
	gw_revocation_forget(&w.wait);
	close_all();
	cr_expect_eq(cancelled, 1);
}

/* A good answer that is held back until its responder is known to stand is no
 * newer for it: `revoked`, said meanwhile, stands. */
Test(responders, revoked_while_a_responder_is_asked_about)
{
	struct gw_conf_ca other = ca;
	struct waiter w, late;

	other.title = (char *)(uintptr_t)"u";
	good_by_checked(&w);
	cr_expect_not(ask_about("good", &other, false, &late));
	give(2, SAID(REVOKED, -5));
	cr_expect_eq(late.res.code, GW_ERR_CERT_REVOKED);
	give(1, ANSWER(.leaf = "ocsp-checked", .this = -10, .next = 3600));
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s: %s",
		     gw_err_name(w.res.code), w.res.detail);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
}

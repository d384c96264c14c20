/* Once revoked: what takes an authority's word back, and what does not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gw/util.h"
#include "ladder.h"
#include "revoked.h"

TestSuite(revoked, .init = ladder_setup, .fini = ladder_teardown);

/* An answer of before, played back while it is fresh. */
Test(revoked, only_a_newer_answer_takes_revoked_back)
{
	struct waiter w;

	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_OK);
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(told(SAID(GOOD, -50)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(gw_revocation_count(rev).answers, 0);
	cr_expect_eq(told(NULL), GW_ERR_REVOCATION_UNAVAILABLE);
	cr_expect_eq(told(SAID(REVOKED, -70)), GW_ERR_CERT_REVOKED);
	cr_expect_eq(told(SAID(GOOD, -60)), GW_ERR_REVOCATION_STALE,
		     "the latest counts");
	cr_expect_eq(told(SAID(GOOD, -49)), GW_ERR_OK, "no longer on hold");
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	cr_expect(ask("good", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK);
}

/* Nor does the answer that another section has kept, nor its grace. */
Test(revoked, revoked_is_revoked_in_every_section)
{
	struct gw_conf_ca other = ca;
	struct waiter w;

	other.title = (char *)(uintptr_t)"u";
	other.on_unavailable = GW_UNAVAILABLE_GRACE;
	other.grace_ms = 600000;
	cr_expect_not(ask_about("good", &other, false, &w));
	give(0, SAID(GOOD, -100));
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	cr_expect_not(ask_about("good", &other, false, &w), "it was kept");
	break_off(2, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE, "%s",
		     gw_err_name(w.res.code));
}

static const char *kept_path;

static void
restart(void)
{
	close_all();
	gw_kept_free(kept);
	kept = gw_kept_open(loop, kept_path);
	cr_assert_not_null(kept);
	open_all();
	gw_revocation_recall(rev);
}

static void
close_kept(void)
{
	close_all();
	gw_kept_free(kept);
	kept = NULL;
	open_all();
}

Test(revoked, revoked_outlives_a_restart)
{
	struct waiter w;
	char path[96];

	snprintf(path, sizeof(path), "%s/answers.db", files);
	kept_path = path;
	restart();
	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_OK);
	restart();
	cr_expect(ask("good", &w), "so does the good answer");
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	restart();
	cr_expect_eq(told(SAID(GOOD, -100)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(told(SAID(GOOD, -10)), GW_ERR_OK);
	restart();
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	close_kept();
}

/* With validity_skew a section takes a card whose life is over: until then
 * its being revoked is not forgotten either. */
Test(revoked, revoked_is_remembered_beyond_the_end)
{
	long end = (long)(gw_cert_not_after(vec("expired")) - NOW);
	struct waiter w;
	char path[96];

	snprintf(path, sizeof(path), "%s/answers.db", files);
	kept_path = path;
	now = NOW + end - 100;
	restart();
	cr_assert_not(ask_about("expired", &ca, true, &w));
	give(0, &(struct answer){
		.produced = end - 120, .n = 1,
		.v = { { .leaf = "expired", .reason = 1,
			 .status = V_OCSP_CERTSTATUS_REVOKED,
			 .this = end - 150, .next = end + 3600 } } });
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED, "%s", w.res.detail);
	now = NOW + end + 3599;
	restart();
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	now = NOW + end + 3600;
	restart();
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	now = NOW;
	close_kept();
}

/* Tried out: nothing stays. */
Test(revoked, a_dry_run_remembers_nothing)
{
	const struct gw_revocation_about dry = { .is_dry = true };
	struct waiter w;

	cr_expect_not(ask_x509(vec("good"), &ca, dry, &w));
	give(0, SAID(REVOKED, -50));
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	cr_expect_not(ask_x509(vec("good"), &ca, dry, &w));
	give(2, SAID(GOOD, -10));
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
}

/* Every one is remembered until there are too many: then the oldest go. */
Test(revoked, remembered_up_to_a_bound)
{
	struct gw_revoked *r = gw_revoked_new(NULL);
	uint8_t name[GW_HASH] = { 0 };

	for (uint32_t i = 0; i <= GW_REVOKED_MAX; i++) {
		memcpy(name, &i, sizeof(i));
		gw_revoked_add(r, name, NOW, NOW + 1);
	}
	cr_expect_eq(gw_revoked_count(r), GW_REVOKED_MAX);
	cr_expect(gw_revoked_outdates(r, name, NOW));
	cr_expect_not(gw_revoked_outdates(r, name, NOW + 1));
	memset(name, 0, sizeof(name));
	cr_expect_not(gw_revoked_outdates(r, name, NOW));
	gw_revoked_free(r);
}

/* What a responder has called revoked, an older list does not take back; and
 * the other way round. */
Test(revoked, a_list_older_than_the_word_revoked)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	ca.revocation.n = 0;
	cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
	cr_expect_not(ask("good", &w));
	break_off(1, "away");
	give_list(2, LIST(.this = -100, .next = 3600));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s",
		     w.res.detail);
	only_crl("http://l/2", NULL);
	cr_expect_not(ask("good", &w));
	give_list(3, LIST(.this = -40, .next = 3600));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_OK, "a newer one does: %s",
		     w.res.detail);
}

Test(revoked, an_answer_older_than_the_list)
{
	struct waiter w;

	only_crl("http://l/1", NULL);
	cr_expect_not(ask("good", &w));
	give_list(0, LIST(.revoked = { "good" }, .this = -50, .next = 3600));
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	ca.revocation.n = 0;
	ca.crl.n = 0;
	cr_expect_eq(told(SAID(GOOD, -60)), GW_ERR_REVOCATION_STALE);
	cr_expect_eq(told(SAID(GOOD, -40)), GW_ERR_OK);
}

/* removeFromCRL: the delta is the newer answer, its list is not. */
Test(revoked, a_delta_takes_revoked_back)
{
	struct waiter w;

	only_crl("http://l/base", NULL);
	cr_expect_not(ask("second", &w));
	give_list(0, LIST(.revoked = { "second" }, .number = 5, .this = -50,
			  .next = 3600, .deltas_at = "http://l/delta"));
	await_question(2);
	break_off(1, "HTTP 404");
	await(&w);
	cr_expect_eq(w.res.code, GW_ERR_CERT_REVOKED);
	cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	gw_crl_store_announce(lists, "http://l/delta", vec("issuing"));
	cr_assert_eq(asked_count, 3);
	give_list(2, LIST(.removed = "second", .number = 6, .base = 5,
			  .this = -40, .next = 3600));
	for (int i = 0; i < 1000 && gw_crl_store_get(lists, "http://l/delta")
					   == NULL; i++)
		turn();
	cr_expect(ask("second", &w));
	cr_expect_eq(w.res.code, GW_ERR_OK, "%s", w.res.detail);
	cr_expect_eq(gw_revocation_count(rev).revoked, 0);
}

/* What makes an old list newer must be its own delta, by its CA: neither one
 * that a stranger has signed, nor one that completes another list. */
static const struct {
	const char *what;
	struct list delta;
} no_deltas[] = {
	{ "a stranger's", { .key = "ocsp", .number = 7, .base = 5,
			    .this = -10, .next = 3600 } },
	{ "a stranger's of another scope",
	  { .key = "ocsp", .number = 7, .base = 5, .this = -10, .next = 3600,
	    .scope = "onlyuser:TRUE" } },
	{ "of another scope", { .number = 7, .base = 5, .this = -10,
				.next = 3600, .scope = "onlyuser:TRUE" } },
};

Test(revoked, no_other_delta_takes_revoked_back)
{
	for (size_t i = 0; i < GW_COUNT(no_deltas); i++) {
		struct waiter w;

		asked_count = 0;
		ca.revocation.n = ca.crl.n = 0;
		close_all();
		unlink_all();
		open_all();
		cr_expect_eq(told(SAID(REVOKED, -50)), GW_ERR_CERT_REVOKED);
		only_crl("http://l/base", "http://l/also");
		cr_expect_not(ask("good", &w));
		give_list(1, LIST(.number = 5, .this = -100, .next = 3600,
				  .deltas_at = "http://l/delta"));
		await_question(3);
		give_list(2, LIST(.number = 6, .base = 5, .this = -90,
				  .next = 3600));
		await_question(4);
		cr_expect_str_eq(asked[3]->url, "http://l/also");
		give_list(3, &no_deltas[i].delta);
		await(&w);
		cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s: %s: %s",
			     no_deltas[i].what, gw_err_name(w.res.code),
			     w.res.detail);
		cr_expect_eq(gw_revocation_count(rev).revoked, 1);
	}
}

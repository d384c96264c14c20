/* Grace: the last good answer prolonged, where nothing answers. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/util.h"
#include "ladder.h"

TestSuite(grace, .init = ladder_setup, .fini = ladder_teardown);

Test(grace, grace_only_where_granted)
{
	struct waiter w;

	cr_expect_not(ask("good", &w));
	give(0, FINE);
	now = NOW + 1801;
	cr_expect_not(ask("good", &w));
	break_off(1, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	now = NOW;
}

Test(grace, grace_ends)
{
	struct waiter w;

	ca.on_unavailable = GW_UNAVAILABLE_GRACE;
	ca.grace_ms = 600000;
	cr_expect_not(ask("second", &w));
	break_off(0, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE,
		     "there was never an answer");
	cr_expect_not(ask("good", &w));
	give(1, FINE);
	now = NOW + 1800 + 599;
	cr_expect_not(ask("good", &w));
	break_off(2, "away");
	cr_expect_eq(w.res.code, GW_ERR_OK);
	cr_expect_not_null(strstr(w.res.source, "grace"), "%s", w.res.source);
	cr_expect_eq(gw_revocation_count(rev).by_grace, 1);
	now = NOW + 1800 + 600;
	cr_expect_not(ask("good", &w));
	break_off(3, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	now = NOW;
}

Test(grace, no_grace_for_answers)
{
	const struct { const struct answer *a; enum gw_err want; } bad[] = {
		{ FOREIGN, GW_ERR_REVOCATION_SIGNER },
		{ REVOKED, GW_ERR_CERT_REVOKED },
	};
	struct waiter w;

	ca.on_unavailable = GW_UNAVAILABLE_GRACE;
	ca.grace_ms = 600000;
	for (size_t i = 0; i < GW_COUNT(bad); i++) {
		asked_count = 0;
		now = NOW;
		cr_expect_not(ask_about("good", &ca, true, &w));
		give(0, FINE);
		now = NOW + 1801;
		cr_expect_not(ask("good", &w));
		give(1, &(struct answer){ .signer = bad[i].a->signer,
			.produced = 1801, .n = 1, .v = { {
			.status = bad[i].a->v[0].status, .reason = 1,
			.this = 1800, .next = 3600 } } });
		cr_expect_eq(w.res.code, bad[i].want, "%zu %s", i,
			     gw_err_name(w.res.code));
	}
	cr_expect_not(ask("good", &w), "revoked: nothing is left to prolong");
	break_off(2, "away");
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_UNAVAILABLE);
	now = NOW;
}

Test(grace, no_grace_when_somebody_answers_badly)
{
	struct waiter w;

	ca.ocsp_url = (char *)"";
	ca.on_unavailable = GW_UNAVAILABLE_GRACE;
	ca.grace_ms = 600000;
	cr_expect_not(ask("aia", &w));
	give(0, ANSWER(.leaf = "aia", .this = -10, .next = 3600));
	cr_expect_eq(w.res.code, GW_ERR_OK);
	now = NOW + 1801;
	cr_expect_not(ask("aia", &w));
	give(1, ANSWER(.leaf = "second", .this = -10, .next = 3600));
	give(2, ANSWER(.leaf = "aia", .this = -7200, .next = -3600));
	cr_expect_eq(w.res.code, GW_ERR_REVOCATION_STALE, "%s",
		     gw_err_name(w.res.code));
	now = NOW;
}

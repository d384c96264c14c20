/* The one list: complete, unique, with words for everybody. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/error.h"

Test(error, names_are_unique_and_well_formed)
{
	for (unsigned i = 0; i < GW_ERR_COUNT; i++) {
		const char *name = gw_err_name(i);

		cr_expect_eq(gw_err_by_name(name), i, "%s twice", name);
		cr_expect_eq(name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
					       "0123456789-")], '\0', "%s",
			     name);
	}
}

Test(error, every_refusal_has_words_status_and_cure)
{
	for (unsigned i = 0; i < GW_ERR_COUNT; i++) {
		int status = gw_err_http_status(i);

		cr_expect_gt(strlen(gw_err_user_text(i)), 5);
		cr_expect_gt(strlen(gw_err_cause(i)), 10);
		cr_expect_gt(strlen(gw_err_cure(i)), 5);
		cr_expect(i == GW_ERR_OK ? status == 200
					 : status >= 400 && status < 600,
			  "%s has status %d", gw_err_name(i), status);
	}
}

Test(error, codes_from_outside_are_bounded)
{
	cr_expect_eq(gw_err_from_wire(GW_ERR_COUNT), GW_ERR_INTERNAL);
	cr_expect_eq(gw_err_from_wire(UINT32_MAX), GW_ERR_INTERNAL);
	cr_expect_str_eq(gw_err_name((enum gw_err)9999), "gateway-internal");
	cr_expect_eq(gw_err_by_name("no-such-name"), GW_ERR_COUNT);
}

Test(error, fail_cuts_long_details)
{
	struct gw_error err;
	char text[2 * GW_DETAIL_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_expect_eq(gw_fail(&err, GW_ERR_BUSY, "%s", text), GW_ERR_BUSY);
	cr_expect_eq(strlen(err.detail), GW_DETAIL_MAX - 1);
	cr_expect_eq(gw_fail(NULL, GW_ERR_BUSY, "x"), GW_ERR_BUSY);
}

Test(error, stage_is_the_first_word)
{
	char stage[16];

	gw_err_stage(GW_ERR_REVOCATION_UNAVAILABLE, stage);
	cr_expect_str_eq(stage, "revocation");
}

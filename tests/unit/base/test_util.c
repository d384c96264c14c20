/* Bounded text, ids and the rest of gw/util.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "gw/util.h"

Test(util, copy_and_format_never_cut)
{
	char s[4] = "x";

	cr_expect_not(gw_copy(s, sizeof(s), "four"));
	cr_expect_str_eq(s, "");
	cr_expect(gw_copy(s, sizeof(s), "abc"));
	cr_expect_not(gw_format(s, sizeof(s), "%d", 1000));
	cr_expect_str_eq(s, "");
	cr_expect(gw_format(s, sizeof(s), "%d", 100));
}

Test(util, login_ids)
{
	char a[GW_LOGIN_ID_SIZE], b[GW_LOGIN_ID_SIZE];

	gw_login_id_new(a);
	gw_login_id_new(b);
	cr_expect(gw_login_id_is_valid(a));
	cr_expect_str_neq(a, b);
	cr_expect_not(gw_login_id_is_valid(""));
	cr_expect_not(gw_login_id_is_valid("0123456789abcdeg"));
	cr_expect_not(gw_login_id_is_valid("0123456789abcdef0"));
}

Test(util, steal_gives_away)
{
	char *p = gw_xstrdup("x"), *q = gw_steal(&p);

	cr_expect_null(p);
	cr_expect_str_eq(q, "x");
	free(q);
}

Test(util, controls_are_masked)
{
	char s[] = "a\x1b[2J\nb\x7f\t\xc3\xa9";

	gw_mask_controls(s);
	cr_expect_str_eq(s, "a?[2J?b??\xc3\xa9");
}

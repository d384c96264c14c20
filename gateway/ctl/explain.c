/* explain.c — what a refusal means; see command.h. */
#include "command.h"
#include "text.h"
#include "gw/admin.h"
#include "gw/error.h"
#include "gw/util.h"

#include <stdio.h>

static void
put_paragraph(const struct gw_context *c, const char *name, const char *words)
{
	printf("%-12s", name);
	gw_text_wrap(stdout, words, 12, c->style.width);
}

static int
list_reasons(void)
{
	for (int i = 0; i < GW_ERR_COUNT; i++)
		printf("%-26s %d\n", gw_err_name((enum gw_err)i),
		       gw_err_http_status((enum gw_err)i));
	return GW_EXIT_GOOD;
}

/* Errors of `gwctl ca` and `client-auth`. */
static int
explain_change(const struct gw_context *c, enum gw_admin_err e)
{
	printf("%s (HTTP status %d)\n", gw_admin_err_name(e),
	       gw_admin_err_status(e));
	put_paragraph(c, "Cause:", gw_admin_err_cause(e));
	put_paragraph(c, "Cure:", gw_admin_err_cure(e));
	return GW_EXIT_GOOD;
}

int
gw_ctl_explain(const struct gw_context *c)
{
	enum gw_err code;
	char stage[16];

	if (c->arg == NULL)
		return list_reasons();
	if (gw_login_id_is_valid(c->arg))
		return gw_ctl_fail("a login's id cannot be explained yet; its "
				   "lines are in the log: journalctl -u gwd | "
				   "grep ID");
	code = gw_err_by_name(c->arg);
	if (code == GW_ERR_COUNT &&
	    gw_admin_err_by_name(c->arg) != GW_ADMIN_ERR_COUNT)
		return explain_change(c, gw_admin_err_by_name(c->arg));
	if (code == GW_ERR_COUNT)
		return gw_ctl_fail("there is no such reason; gwctl explain "
				   "lists them");
	gw_err_stage(code, stage);
	printf("%s (stage %s, HTTP status %d)\n", gw_err_name(code), stage,
	       gw_err_http_status(code));
	put_paragraph(c, "Users read:", gw_err_user_text(code));
	put_paragraph(c, "Cause:", gw_err_cause(code));
	put_paragraph(c, "Cure:", gw_err_cure(code));
	return GW_EXIT_GOOD;
}

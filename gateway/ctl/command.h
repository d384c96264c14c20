/* gateway/ctl/command.h — what gwctl does by itself: the commands that ask a
 * running gateway one question, and the list of reasons. Linked into gwctl
 * only. Each returns the exit status, having said why when it is not good. */
#ifndef GW_CTL_COMMAND_H
#define GW_CTL_COMMAND_H

#include "style.h"

enum { GW_EXIT_GOOD = 0, GW_EXIT_SO_SO = 1, GW_EXIT_BAD = 2 };

struct gw_context {
	const char *socket;
	struct gw_style style;
	bool json;
	const char *arg; /* NULL when none was given */
	int argc;        /* ALL_ARGS: the words after the command */
	char **argv;
};

/* GW_EXIT_BAD, after one line on stderr. */
int gw_ctl_fail(const char *why);

int gw_ctl_status(const struct gw_context *c);
int gw_ctl_ocsp(const struct gw_context *c);
int gw_ctl_sessions(const struct gw_context *c);
int gw_ctl_kill(const struct gw_context *c);
int gw_ctl_reload(const struct gw_context *c);
/* explain.c: asks nobody. */
int gw_ctl_explain(const struct gw_context *c);

#endif

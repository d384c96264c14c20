/* testcert.h — gwctl test-cert --offline: hands over to gwd-testcert, for the
 * judgement is gwd-auth's and its code is not linked here.
 * Linked into gwctl only. */
#ifndef GW_CTL_TESTCERT_H
#define GW_CTL_TESTCERT_H

#include <stdbool.h>

bool gw_ctl_is_offline(int argc, char **argv);

/* `argv`: the words after the command. Returns only when it cannot; then a
 * line has been written to stderr, and the exit status is returned. */
int gw_ctl_testcert(int argc, char **argv);

#endif

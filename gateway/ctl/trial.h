/* gateway/ctl/trial.h — gwctl test-cert: a login tried out by a running
 * gateway, without the certificate's key. Linked into gwctl only. */
#ifndef GW_CTL_TRIAL_H
#define GW_CTL_TRIAL_H

#include "view.h"

/* `argv`: the words after the command. Exit status: 0 accepted, 1 refused,
 * 2 unusable. */
int gw_ctl_trial(const char *socket, struct gw_style style, int argc,
		 char **argv);

#endif

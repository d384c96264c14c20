/* gateway/ctl/ca.h — `gwctl ca` and `gwctl client-auth`. Linked into gwctl
 * only. Return the exit status: 0 done, 1 refused, 2 unreachable or misused. */
#ifndef GW_CTL_CA_H
#define GW_CTL_CA_H

#include "view.h"

/* The words after `ca` and after `client-auth`. -1: misused. */
int gw_ctl_ca(const char *socket, struct gw_style style, int argc,
	      char **argv);
int gw_ctl_client_auth(const char *socket, int argc, char **argv);

#endif

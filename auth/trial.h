/* auth/trial.h — a login tried out for an operator: every stage for a
 * certificate without its key, against the system as it is, with what was
 * checked, how long it took, and why it ended. Linked into gwd-auth. Admits
 * nobody. */
#ifndef GW_TRIAL_H
#define GW_TRIAL_H

#include "auth.h"

/* Begins a trial; gw_child_admin_done() answers `ask`, now or later, with a
 * report: {"accepted", "reason", "detail", "cause", "cure", "subject",
 * "serial", "listener", "stages": [{"stage", "state", "text", "us"}]}. */
void gw_trial_begin(struct gw_auth *a, uint64_t ask, const struct gw_admin *m);

#endif

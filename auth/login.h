/* auth/login.h — logins under way: one small state machine each, from ADMIT
 * to VERDICT. Linked into gwd-auth only. Named by slot and generation, never
 * by pointer, in what is sent to gwd-kdc. */
#ifndef GW_LOGIN_H
#define GW_LOGIN_H

#include "auth.h"

#define GW_LOGINS_MAX 4096 /* more are answered gateway-busy */

struct gw_logins *gw_logins_new(struct gw_auth *a);
void gw_logins_free(struct gw_logins *t);
size_t gw_logins_count(const struct gw_logins *t);

/* Judges and answers `id` on `link`, now or later. `m` is borrowed. */
void gw_login_begin(struct gw_logins *t, struct gw_peer *link, uint64_t id,
		    const struct gw_admit *m);

/* The same without a session, a link, or a mark in any count: `trial` hears
 * of it (trial.h), now or later. The path is judged for the time `at`, 0: now;
 * all else is asked now. */
struct gw_trial;
void gw_login_try(struct gw_logins *t, const struct gw_admit *m, time_t at,
		  struct gw_trial *trial);

/* What gwd-kdc answered to LOGON `id`; answers that come too late are
 * ignored. `facts` is taken over. */
void gw_login_facts(struct gw_logins *t, uint64_t id, struct gw_facts *facts);
void gw_login_refused(struct gw_logins *t, uint64_t id,
		      const struct gw_refused *x);

/* The link is gone: nobody waits for these any more. */
void gw_logins_drop_link(struct gw_logins *t, const struct gw_peer *link);
/* gwd-kdc is gone: those that wait for it fail now. */
void gw_logins_drop_kdc(struct gw_logins *t);

#endif

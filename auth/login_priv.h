/* auth/login_priv.h — one login from the inside. For login.c, which takes it
 * through its stages, login_stages.c, which has them, login_outcome.c, which
 * tells how it ended, and trial.c, which describes the stages. */
#ifndef GW_LOGIN_PRIV_H
#define GW_LOGIN_PRIV_H

#include "claims.h"
#include "login.h"

enum stage { ST_CHAIN, ST_PROFILE, ST_REVOCATION, ST_JOIN, ST_CLAIMS,
	     ST_DIRECTORY, ST_POLICY, ST_SESSION, ST_COUNT };

enum step { PASS, WAIT, FAIL, DONE };

struct login {
	struct gw_auth *auth;
	struct gw_peer *link;
	uint64_t id, proxy_id;      /* ours; the proxy's */
	char name[GW_LOGIN_ID_SIZE];
	char peer[GW_PEER_MAX];
	const struct gw_conf_listener *listener;
	enum stage stage;
	uint64_t generation;        /* of the rules, when path was found */
	uint8_t leaf[GW_HASH];
	struct gw_presented presented;
	bool is_known;              /* path was verified before */
	char subject[GW_SUBJECT_MAX], serial[GW_SERIAL_MAX];
	STACK_OF(X509) *given;
	struct gw_path path;
	struct gw_standing standing;
	struct gw_claims claims;
	struct gw_facts facts;
	bool has_facts;
	char dc[GW_HOST_MAX];
	struct gw_timer timer;      /* for gwd-kdc, or for a place */
	bool has_waited;            /* for a place */
	struct gw_verdict_msg says;
	struct gw_session *session; /* only within finish() */
	bool is_joined;
	struct gw_error err;
	uint64_t began_us, stage_us, took_us[ST_COUNT];
	/* Only tried out (trial.h): nobody is admitted, nothing is counted. */
	struct gw_trial *trial;
	time_t at; /* the time the path is judged for; 0: now */
};

/* Runs the stage it has come to. WAIT: the answer comes by its `standing`,
 * by the link to gwd-kdc, or by its timer, at which ST_SESSION runs again. */
enum step gw_login_stage(struct login *l);
/* FAIL, always. */
enum step gw_login_fail(struct login *l, enum gw_err code, const char *what);
/* What the answer about its certificate, now there, makes of it. */
enum step gw_login_after_revocation(struct login *l);
/* Whatever can be said before the first stage. False: there is an end, in
 * `err` or as a session that was joined. */
bool gw_login_examine(struct login *l, const struct gw_admit *m);

/* Says it, counts it, logs it. A verdict the proxy does not take is as good
 * as a connection that has ended. */
void gw_login_conclude(struct login *l);

/* Where a trial's login goes instead of to a link. */
void gw_trial_conclude(struct login *l);

#endif

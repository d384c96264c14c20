/* dcs_priv.h — the table of domain controllers as dcs.c, which keeps it,
 * dcs_probe.c, which finds out how each is, and dcs_choice.c, which walks it,
 * share it; included by nobody else. All of it under the lock. */
#ifndef KDC_DCS_PRIV_H
#define KDC_DCS_PRIV_H

#include <pthread.h>

#include "dcs.h"

struct gw_dcs_entry {
	struct gw_dcs *dcs;
	pthread_t thread;
	bool has_thread;
	struct gw_dc dc;
	unsigned priority;
	bool is_gone;
	enum gw_dc_state state;
	bool kdc_answers;
	unsigned in_flight;
	uint64_t latency_us;  /* moving average */
	uint64_t logins, failures;
	uint64_t probes;      /* finished */
	bool probe_now;
	int delegated;        /* -1: unknown */
	bool has_skew;
	int64_t skew_ms;
	char last_error[GW_DETAIL_MAX];
};

struct gw_dcs {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a probe ended, or one is wanted */
	const struct gw_conf_directory *conf;
	const struct gw_krbconf *krb;
	struct gw_dcs_entry *entries[GW_DCS_MAX]; /* id is the index */
	size_t count;
	bool stop;
};

/* ---- dcs_probe.c */

extern const char *const gw_dc_state_names[]; /* enum gw_dc_state */

/* fail closed: one without a thread is never probed, never up, never
 * preferred. */
void gw_dc_start_probing(struct gw_dcs_entry *e);
/* Logs when it is another one. */
void gw_dc_set_state(struct gw_dcs_entry *e, enum gw_dc_state state);
void gw_dc_set_error(struct gw_dcs_entry *e, const char *detail);
/* Whether anything changed before that time. */
bool gw_dcs_wait(struct gw_dcs *d, uint64_t until_ms);

#endif

/* gateway/supervisor/sup_priv.h — the children as sup.c, sup_tell.c and
 * sup_hear.c see them; included by nobody else. sup.c starts and ends them,
 * the other two are its ways to speak with one: neither starts nor ends
 * anything. */
#ifndef GW_SUP_PRIV_H
#define GW_SUP_PRIV_H

#include "gw/child.h"
#include "namefiles.h"
#include "sup.h"

/* Control channel, our end. */
enum { GW_SUP_STARTING = 1, GW_SUP_UP = 2 };

#define GW_OWN_FILES (1u << GW_FILE_SERVER_CERT | 1u << GW_FILE_SERVER_KEY | \
		      1u << GW_FILE_SERVER_STAPLE)

struct gw_kind {
	const char *name; /* of the executable, too */
	unsigned who;     /* enum gw_process */
	unsigned files;   /* set of 1 << enum gw_file_purpose */
};

struct gw_proc {
	struct gw_sup *sup;
	int which;           /* GW_CHILD_… */
	const struct gw_kind *kind;
	bool is_wanted;      /* by this configuration */
	char *path;
	enum gw_child_state state;
	pid_t pid;
	struct gw_io pidfd;
	struct gw_chan *chan;
	struct gw_timer timer; /* what it waits for depends on the state */
	uint64_t started_ms;
	uint64_t backoff_ms;
	unsigned restarts;
	bool has_listeners;
	unsigned generation; /* of the certificates it was given */
	struct gw_error failure; /* what FAILED said */
	char last_end[96];
};

struct gw_sup {
	struct gw_loop *loop;
	struct gw_setup *setup;
	struct gw_proc procs[GW_CHILD_COUNT];
	unsigned generation; /* of the gateway's own certificates */
	struct gw_namefiles *names;
	struct gw_timer names_timer;
	bool names_due; /* gwd-auth has others */
	int *sockets; /* listeners × workers */
	struct gw_sup_watch watch;
	struct gw_sup_admin admin;
	uint8_t *ca_names; /* gwd-auth's last, for a gwd-proxy to come */
	size_t ca_names_len;
	bool has_ca_names;
	void (*on_ready)(void *ctx);
	void *ready_ctx;
	bool was_ready;   /* all were up once */
	bool is_stopping;
	int status;
};

/* ---- sup_tell.c: what a child is told */

/* All a child needs to begin with, and START. */
void gw_tell_start(struct gw_proc *p);
void gw_tell_stop(struct gw_proc *p);
void gw_tell_listeners(struct gw_proc *p);
/* Those gwd-auth gave last, if gwd-proxy is up: before the listeners, and
 * again whenever they change. */
void gw_tell_ca_names(struct gw_sup *s);
/* The gateway's own certificates, if the child is up and has others. */
void gw_tell_renewal(struct gw_proc *p);

/* resolv.conf and hosts as last read; false when gwd-auth is not up. */
bool gw_tell_names(struct gw_sup *s);

/* ---- sup_hear.c: what a child says */

extern const struct gw_msg_rule gw_hear_rules[];
extern const size_t gw_hear_rule_count;

#endif

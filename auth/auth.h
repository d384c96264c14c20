/* auth/auth.h — the daemon as a whole: what its parts share. Linked into
 * gwd-auth only. One thread, one loop; nothing here blocks. */
#ifndef GW_AUTH_H
#define GW_AUTH_H

#include <sys/queue.h>

#include "chain.h"
#include "gw/child.h"
#include "ntauth.h"
#include "registry.h"
#include "resolve.h"
#include "kept.h"
#include "revocation.h"
#include "session.h"
#include "verified.h"

struct gw_logins;

/* One thread of gwd-proxy. */
struct gw_peer {
	struct gw_auth *auth;
	struct gw_chan *chan;
	uint32_t id; /* never used twice */
	LIST_ENTRY(gw_peer) entry;
};

struct gw_auth {
	struct gw_child *child;
	struct gw_loop *loop;
	const struct gw_conf *conf;
	char *state_dir;             /* the one directory it writes to */
	const char *readable[2];     /* what else it opens; ended by NULL */
	struct gw_registry *registry;
	struct gw_trust *trust;      /* of the registry as it is now */
	uint64_t generation;         /* of trust, its settings and NTAuth */
	struct gw_verified *verified;
	struct gw_resolver *resolver;
	struct gw_fetcher *fetcher;
	struct gw_offload *offload;
	struct gw_crl_store *lists;
	struct gw_kept *kept;
	struct gw_revocation *revocation;
	struct gw_sessions *sessions;
	struct gw_logins *logins;
	LIST_HEAD(, gw_peer) links;
	uint32_t last_link;
	struct gw_chan *kdc; /* NULL: gwd-kdc is away */
	struct gw_ntauth ntauth; /* stays when it goes away */
	uint64_t reasons[GW_ERR_COUNT]; /* decisions so far */
};

struct gw_now gw_auth_now(const struct gw_auth *a);

/* ---- peers.c: the channels to gwd-proxy and gwd-kdc */

void gw_peers_link(struct gw_auth *a, const struct gw_link_msg *m, int fd);
void gw_peers_clear(struct gw_auth *a);
/* Tells every link that has connections in it, and ends the session. */
void gw_peers_revoke(struct gw_auth *a, struct gw_session *s,
		     enum gw_err why);
/* Asks the directory for a revocation list; gw_crl_store_arrived() hears of
 * it. False: gwd-kdc is away or has enough to do. */
bool gw_peers_ask_list(struct gw_auth *a, uint64_t id, const char *url,
		       uint64_t timeout_ms);
/* Arms the session's timer for what comes next, or ends it. */
void gw_peers_settle(struct gw_auth *a, struct gw_session *s);

/* ---- admin.c: the registry put to use */

/* Opens the database and adds the configuration file's. GW_ERR_FILE. */
GW_MUST_CHECK enum gw_err gw_admin_start(struct gw_auth *a,
					 struct gw_error *err);
/* What paths are judged by has changed: from now on another generation
 * counts, and live sessions are judged by it one after the other. */
void gw_admin_rules_changed(struct gw_auth *a);
/* Carries out an operator's change and answers. */
void gw_admin_do(struct gw_auth *a, uint64_t ask, const struct gw_admin *m);

/* ---- status.c */

void gw_status_say(struct gw_auth *a, uint64_t ask);

#endif

/* gateway/supervisor/sup.h — the three children: started, fed, linked,
 * restarted, stopped. Linked into gwd only. Knows nothing of the operator
 * API, which sees the children through this header. */
#ifndef GW_SUP_H
#define GW_SUP_H

#include "gw/admin.h"
#include "gw/chan.h"
#include "setup.h"

struct gw_sup;

/* What the API is told of a child's answers; may be all NULL. */
struct gw_sup_watch {
	void *ctx;
	void (*on_row)(void *ctx, int child, uint64_t ask,
		       const char *section, const char *json);
	void (*on_end)(void *ctx, int child, uint64_t ask);
	void (*on_gone)(void *ctx, int child); /* will answer no more */
};

/* What the API is told of changes of the registry; may be all NULL. */
struct gw_sup_admin {
	void *ctx;
	void (*on_done)(void *ctx, uint64_t ask,
			const struct gw_admin_done *d);
	void (*on_gone)(void *ctx); /* gwd-auth will answer none */
};

enum gw_child_state { GW_CS_OFF, GW_CS_STARTING, GW_CS_UP, GW_CS_WAITING,
		      GW_CS_STOPPING };

struct gw_child_info {
	const char *name;
	enum gw_child_state state;
	pid_t pid;          /* 0: not running */
	unsigned restarts;
	uint64_t uptime_ms; /* of this process; 0 when not running */
	char last_end[96];  /* how the previous one ended, or "" */
};

/* Opens the listening sockets and starts the children. `setup` is borrowed.
 * GW_ERR_SYSTEM and the like when that is not possible at all. What fails
 * later ends the loop: see gw_sup_status(). */
GW_MUST_CHECK enum gw_err gw_sup_new(struct gw_loop *l,
				     struct gw_setup *setup,
				     struct gw_sup **out,
				     struct gw_error *err);
void gw_sup_free(struct gw_sup *s);

void gw_sup_watch(struct gw_sup *s, const struct gw_sup_watch *w);
/* Called once when all children have said READY the first time. */
void gw_sup_on_ready(struct gw_sup *s, void (*fn)(void *ctx), void *ctx);

/* Ends all children, the slow ones by force; then stops the loop. */
void gw_sup_stop(struct gw_sup *s);
/* The exit status of gwd, when the loop has ended. */
int gw_sup_status(const struct gw_sup *s);

void gw_sup_info(const struct gw_sup *s, int child,
		 struct gw_child_info *out);
/* Asks one child for its rows; false when it is not up. */
bool gw_sup_ask(struct gw_sup *s, int child, uint64_t ask);
/* Passes an operator's kill on to gwd-auth, which forgets the session, and to
 * gwd-proxy, which may have it from an earlier gwd-auth. False when one that
 * is up did not take it, or none is up. */
bool gw_sup_kill_session(struct gw_sup *s,
			 const uint8_t session[GW_SESSION_ID]);
/* Takes over the certificates that are new in `fresh` and gives them to
 * gwd-proxy; `renewed` gets the titles of their listeners. */
void gw_sup_renew(struct gw_sup *s, struct gw_setup *fresh,
		  struct gw_strlist *renewed);
void gw_sup_on_admin(struct gw_sup *s, const struct gw_sup_admin *a);
/* Passes a change on to gwd-auth; false when it is not up. */
bool gw_sup_admin(struct gw_sup *s, uint64_t ask, const struct gw_admin *m);
const struct gw_setup *gw_sup_setup(const struct gw_sup *s);

#endif

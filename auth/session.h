/* auth/session.h — who is in. Linked into gwd-auth. Pure bookkeeping: no I/O
 * and no clock, the caller passes the time and acts on what it is told.
 *
 * A session belongs to one certificate at one listener and counts the
 * connections of each proxy link. A new connection with the same certificate
 * may join it for a short while after its last full judgement. */
#ifndef GW_SESSION_H
#define GW_SESSION_H

#include <sys/queue.h>

#include "gw/loop.h"
#include "gw/proto.h"
#include "cert.h"
#include "standing.h"

#define GW_SESSION_LINKS_MAX 512
#define GW_SESSION_CAS_MAX   16 /* above the leaf */

/* Wall clock for ends, monotonic for ages. */
struct gw_now {
	time_t wall;
	uint64_t mono_ms;
};

struct gw_link_use {
	uint32_t link; /* the caller's name for it */
	uint32_t connections;
};

struct gw_session {
	uint8_t id[GW_SESSION_ID];
	uint8_t leaf[GW_HASH];
	struct gw_standing_keys standing; /* the answers it depends on */
	struct gw_recheck *recheck;  /* recheck.h's; NULL: none */
	uint64_t generation;         /* of the rules it was judged by last */
	/* The CAs of its path, each by the beginning of its digest. */
	uint64_t cas[GW_SESSION_CAS_MAX];
	size_t ca_count;
	const struct gw_conf_listener *listener;
	time_t since, until;
	uint64_t judged_ms;
	char peer[GW_PEER_MAX];      /* of the first connection */
	char subject[GW_SUBJECT_MAX], serial[GW_SERIAL_MAX]; /* the leaf's */
	struct gw_verdict_msg says;  /* what the proxy was told; owned */
	struct gw_link_use *uses;
	size_t use_count;
	uint32_t connections;
	struct gw_timer timer;       /* the caller's */
	void *owner;                 /* the caller's */
	LIST_ENTRY(gw_session) by_id, by_leaf;
	TAILQ_ENTRY(gw_session) all, idle;
};

/* Notes one more CA of the path; false when there are too many. */
GW_MUST_CHECK bool gw_session_add_ca(struct gw_session *s,
				     const uint8_t sha256[GW_HASH]);
/* Notes the CAs of this path, and no others. */
GW_MUST_CHECK bool gw_session_set_path(struct gw_session *s,
				       const struct gw_path *path);
/* Two CAs with digests that begin alike are taken for one. */
bool gw_session_chains_to(const struct gw_session *s,
			  const uint8_t sha256[GW_HASH]);

struct gw_sessions;

struct gw_session_limits {
	size_t max;
	uint64_t reuse_ms;
};

/* `drop` runs before a session is freed, to stop its timer. */
struct gw_sessions *gw_sessions_new(const struct gw_session_limits *limits,
				    void (*drop)(struct gw_session *s));
void gw_sessions_free(struct gw_sessions *t);

/* A new session with one connection of `link`. Takes `says->groups` over and
 * fills in id and end. A resting session makes room when all places are
 * taken; else NULL, and `says` stays the caller's. */
struct gw_session *gw_session_open(struct gw_sessions *t,
				   const struct gw_session *like,
				   struct gw_verdict_msg *says, uint32_t link);

/* The newest session of this certificate at this listener that a connection
 * may join now; NULL: judge anew. */
struct gw_session *gw_session_joinable(struct gw_sessions *t,
				       const uint8_t leaf[GW_HASH],
				       const struct gw_conf_listener *listener,
				       struct gw_now now);
/* False when the link has too many others beside it. */
GW_MUST_CHECK bool gw_session_join(struct gw_sessions *t,
				   struct gw_session *s, uint32_t link);

/* NULL: not there, which after a revocation is nothing unusual. */
struct gw_session *gw_session_find(const struct gw_sessions *t,
				   const uint8_t id[GW_SESSION_ID]);

/* One connection of `link` has ended. Ignored when it had none. */
void gw_session_leave(struct gw_sessions *t, struct gw_session *s,
		      uint32_t link);
/* All connections of `link` have. */
void gw_sessions_drop_link(struct gw_sessions *t, uint32_t link);

void gw_session_end(struct gw_sessions *t, struct gw_session *s);

enum gw_session_state {
	GW_SESSION_LIVE,  /* look again after *out_ms */
	GW_SESSION_OVER,  /* its end has come: revoke, then end it */
	GW_SESSION_UNUSED /* nobody in it and nobody may join: end it */
};
enum gw_session_state gw_session_review(const struct gw_sessions *t,
					const struct gw_session *s,
					struct gw_now now, uint64_t *out_ms);

size_t gw_sessions_count(const struct gw_sessions *t);
/* Oldest first; NULL at the end. */
struct gw_session *gw_session_next(const struct gw_sessions *t,
				   const struct gw_session *prev);

#endif

/* session.c — see session.h. Two hash tables of fixed size over the same
 * objects, a list of all and a list of the resting ones, oldest first. */
#include "session.h"
#include "gw/conf.h"
#include "gw/util.h"

#include <string.h>

#define BUCKETS 16384u /* power of two */

LIST_HEAD(bucket, gw_session);
TAILQ_HEAD(sessions, gw_session);

struct gw_sessions {
	struct gw_session_limits limits;
	void (*drop)(struct gw_session *s);
	struct bucket ids[BUCKETS], leaves[BUCKETS];
	struct sessions all, idle;
	size_t count;
};

/* Ids are random and leaves are digests: their first bytes are a hash. */
static size_t
slot(const uint8_t *p)
{
	return ((size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16) &
	       (BUCKETS - 1);
}

struct gw_sessions *
gw_sessions_new(const struct gw_session_limits *limits,
		void (*drop)(struct gw_session *s))
{
	struct gw_sessions *t = gw_xcalloc(1, sizeof(*t));

	t->limits = *limits;
	t->drop = drop;
	TAILQ_INIT(&t->all);
	TAILQ_INIT(&t->idle);
	return t;
}

void
gw_sessions_free(struct gw_sessions *t)
{
	struct gw_session *s;

	if (t == NULL)
		return;
	while ((s = TAILQ_FIRST(&t->all)) != NULL)
		gw_session_end(t, s);
	free(t);
}

/* ---- the path */

static uint64_t
beginning(const uint8_t sha256[GW_HASH])
{
	uint64_t v;

	memcpy(&v, sha256, sizeof(v));
	return v;
}

bool
gw_session_add_ca(struct gw_session *s, const uint8_t sha256[GW_HASH])
{
	if (s->ca_count >= GW_SESSION_CAS_MAX)
		return false;
	s->cas[s->ca_count++] = beginning(sha256);
	return true;
}

bool
gw_session_set_path(struct gw_session *s, const struct gw_path *path)
{
	uint8_t sha256[GW_HASH];

	s->ca_count = 0;
	for (int i = 1; i < sk_X509_num(path->certs); i++) {
		gw_cert_sha256(sk_X509_value(path->certs, i), sha256);
		if (!gw_session_add_ca(s, sha256))
			return false;
	}
	return true;
}

bool
gw_session_chains_to(const struct gw_session *s, const uint8_t sha256[GW_HASH])
{
	for (size_t i = 0; i < s->ca_count; i++)
		if (s->cas[i] == beginning(sha256))
			return true;
	return false;
}

/* ---- connections of one link */

static struct gw_link_use *
find_use(struct gw_session *s, uint32_t link)
{
	for (size_t i = 0; i < s->use_count; i++)
		if (s->uses[i].link == link)
			return &s->uses[i];
	return NULL;
}

static bool
add_connection(struct gw_session *s, uint32_t link)
{
	struct gw_link_use *u = find_use(s, link);

	if (u == NULL) {
		if (s->use_count >= GW_SESSION_LINKS_MAX)
			return false;
		s->uses = gw_xrealloc(s->uses, s->use_count + 1, sizeof(*u));
		u = &s->uses[s->use_count++];
		*u = (struct gw_link_use){ .link = link };
	}
	u->connections++;
	s->connections++;
	return true;
}

static void
remove_connections(struct gw_sessions *t, struct gw_session *s,
		   struct gw_link_use *u, uint32_t n)
{
	u->connections -= n;
	s->connections -= n;
	if (u->connections == 0)
		*u = s->uses[--s->use_count];
	if (s->connections == 0)
		TAILQ_INSERT_TAIL(&t->idle, s, idle);
}

/* ---- the life of a session */

struct gw_session *
gw_session_open(struct gw_sessions *t, const struct gw_session *like,
		struct gw_verdict_msg *says, uint32_t link)
{
	struct gw_session *s;

	if (t->count >= t->limits.max && !TAILQ_EMPTY(&t->idle))
		gw_session_end(t, TAILQ_FIRST(&t->idle));
	if (t->count >= t->limits.max)
		return NULL;
	s = gw_xcalloc(1, sizeof(*s));
	*s = *like;
	gw_random(s->id, sizeof(s->id));
	memcpy(says->session, s->id, sizeof(s->id));
	says->until = s->until;
	s->says = *says;
	says->groups = NULL;
	s->uses = NULL;
	s->use_count = 0;
	s->connections = 0;
	gw_assert(add_connection(s, link));
	LIST_INSERT_HEAD(&t->ids[slot(s->id)], s, by_id);
	LIST_INSERT_HEAD(&t->leaves[slot(s->leaf)], s, by_leaf);
	TAILQ_INSERT_TAIL(&t->all, s, all);
	t->count++;
	return s;
}

void
gw_session_end(struct gw_sessions *t, struct gw_session *s)
{
	if (t->drop != NULL)
		t->drop(s);
	LIST_REMOVE(s, by_id);
	LIST_REMOVE(s, by_leaf);
	TAILQ_REMOVE(&t->all, s, all);
	if (s->connections == 0)
		TAILQ_REMOVE(&t->idle, s, idle);
	t->count--;
	gw_verdict_clear(&s->says);
	free(s->uses);
	free(s);
}

static bool
may_join(const struct gw_sessions *t, const struct gw_session *s,
	 struct gw_now now)
{
	return now.mono_ms - s->judged_ms < t->limits.reuse_ms &&
	       now.wall < s->until;
}

struct gw_session *
gw_session_joinable(struct gw_sessions *t, const uint8_t leaf[GW_HASH],
		    const struct gw_conf_listener *listener,
		    struct gw_now now)
{
	struct gw_session *s;

	LIST_FOREACH(s, &t->leaves[slot(leaf)], by_leaf)
		if (s->listener == listener &&
		    memcmp(s->leaf, leaf, GW_HASH) == 0)
			return may_join(t, s, now) ? s : NULL;
	return NULL;
}

bool
gw_session_join(struct gw_sessions *t, struct gw_session *s, uint32_t link)
{
	bool was_idle = s->connections == 0;

	if (!add_connection(s, link))
		return false;
	if (was_idle)
		TAILQ_REMOVE(&t->idle, s, idle);
	return true;
}

struct gw_session *
gw_session_find(const struct gw_sessions *t, const uint8_t id[GW_SESSION_ID])
{
	struct gw_session *s;

	LIST_FOREACH(s, &t->ids[slot(id)], by_id)
		if (memcmp(s->id, id, GW_SESSION_ID) == 0)
			return s;
	return NULL;
}

void
gw_session_leave(struct gw_sessions *t, struct gw_session *s, uint32_t link)
{
	struct gw_link_use *u = find_use(s, link);

	if (u != NULL)
		remove_connections(t, s, u, 1);
}

void
gw_sessions_drop_link(struct gw_sessions *t, uint32_t link)
{
	struct gw_session *s;

	TAILQ_FOREACH(s, &t->all, all) {
		struct gw_link_use *u = find_use(s, link);

		if (u != NULL)
			remove_connections(t, s, u, u->connections);
	}
}

enum gw_session_state
gw_session_review(const struct gw_sessions *t, const struct gw_session *s,
		  struct gw_now now, uint64_t *out_ms)
{
	uint64_t age = now.mono_ms - s->judged_ms;

	if (now.wall >= s->until)
		return GW_SESSION_OVER;
	*out_ms = (uint64_t)(s->until - now.wall) * 1000;
	if (s->connections > 0)
		return GW_SESSION_LIVE;
	if (age >= t->limits.reuse_ms)
		return GW_SESSION_UNUSED;
	*out_ms = GW_MIN(*out_ms, t->limits.reuse_ms - age);
	return GW_SESSION_LIVE;
}

size_t
gw_sessions_count(const struct gw_sessions *t)
{
	return t->count;
}

struct gw_session *
gw_session_next(const struct gw_sessions *t, const struct gw_session *prev)
{
	return prev == NULL ? TAILQ_FIRST(&t->all) : TAILQ_NEXT(prev, all);
}

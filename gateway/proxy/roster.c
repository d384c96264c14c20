/* roster.c — see roster.h. */
#include "roster.h"
#include "conn.h"
#include "worker.h"
#include "gw/util.h"

#include <string.h>

static struct gw_roster_bucket *
bucket_of(struct gw_roster *r, const uint8_t session[GW_SESSION_ID])
{
	uint32_t n; /* random already */

	memcpy(&n, session, sizeof(n));
	return &r->buckets[n % GW_ROSTER_BUCKETS];
}

void
gw_roster_join(struct gw_conn *c)
{
	c->is_admitted = true;
	LIST_INSERT_HEAD(bucket_of(&c->worker->roster, c->session), c,
			 of_session);
}

void
gw_roster_leave(struct gw_conn *c)
{
	if (!c->is_admitted)
		return;
	c->is_admitted = false;
	LIST_REMOVE(c, of_session);
	gw_admitter_leave(&c->worker->admitter, c->link, c->session);
}

void
gw_roster_end(struct gw_roster *r, const uint8_t session[GW_SESSION_ID],
	      enum gw_err why)
{
	struct gw_conn *c = LIST_FIRST(bucket_of(r, session)), *next;

	for (; c != NULL; c = next) {
		next = LIST_NEXT(c, of_session);
		if (memcmp(c->session, session, GW_SESSION_ID) == 0)
			gw_conn_dismiss(c, GW_WS_POLICY, gw_err_name(why));
	}
}

/* ---- sessions that only the proxy still knows */

static bool
is_left(const struct gw_worker *w, const struct gw_conn *c)
{
	return c->is_admitted && !gw_admitter_knows(&w->admitter, c->link);
}

static void
tell_left(const struct gw_worker *w, const struct gw_conn *c,
	  struct gw_left *out)
{
	uint64_t now_ms = gw_loop_now_ms(w->loop);
	time_t now = time(NULL);

	*out = (struct gw_left){
		.listener = (size_t)(c->listener - w->listeners),
		.since = now - (time_t)((now_ms - c->started_ms) / 1000),
		.until = now,
		.connections = 1,
	};
	if (c->until_ms > now_ms)
		out->until += (time_t)((c->until_ms - now_ms) / 1000);
	memcpy(out->session, c->session, sizeof(out->session));
	gw_conn_peer(c, out->peer);
	gw_format(out->account, sizeof(out->account), "%s",
		  c->account != NULL ? c->account : "");
}

void
gw_roster_left(const struct gw_worker *w, struct gw_counters *out)
{
	const struct gw_conn *c;
	size_t n = 0;

	LIST_FOREACH(c, &w->conns, of_worker)
		n += is_left(w, c);
	n = GW_MIN(n, (size_t)GW_LEFT_MAX);
	out->left = gw_xcalloc(n + 1, sizeof(*out->left));
	LIST_FOREACH(c, &w->conns, of_worker)
		if (out->left_count < n && is_left(w, c))
			tell_left(w, c, &out->left[out->left_count++]);
}

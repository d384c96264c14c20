/* admit.c — see admit.h. */
#include "admit.h"
#include "conn.h"
#include "handshake.h"
#include "worker.h"
#include "gw/log.h"

#include <string.h>

/* Messages that wait for gwd-auth to read. GONE is small and not lost before
 * there are so many: gwd-auth would count for ever who has gone. */
#define QUEUE_MAX   65536
/* Bytes of them while which nothing more is asked: questions have 48 KiB, and
 * the place of one whose time is up goes to the next. */
#define QUEUE_BYTES (4u << 20)
#define NO_SLOT     UINT32_MAX

enum { ST_LINKED = 1 };

/* ---- slots */

static uint64_t
name_of(const struct gw_admitter *a, uint32_t slot)
{
	return (uint64_t)a->slots[slot].generation << 32 | slot;
}

static struct gw_conn *
find(const struct gw_admitter *a, uint64_t name)
{
	uint32_t slot = (uint32_t)name;

	if (slot >= GW_PENDING_MAX ||
	    a->slots[slot].generation != (uint32_t)(name >> 32))
		return NULL;
	return a->slots[slot].conn;
}

static uint32_t
take_slot(struct gw_admitter *a, struct gw_conn *conn)
{
	uint32_t slot = a->first_free;

	if (slot == NO_SLOT)
		return NO_SLOT;
	a->first_free = a->slots[slot].next_free;
	a->slots[slot].conn = conn;
	a->slots[slot].generation++;
	a->pending_count++;
	return slot;
}

void
gw_admitter_forget(struct gw_admitter *a, uint32_t slot)
{
	struct gw_pending *p = &a->slots[slot];

	gw_assert(slot < GW_PENDING_MAX && p->conn != NULL);
	p->conn = NULL;
	p->next_free = a->first_free;
	a->first_free = slot;
	a->pending_count--;
}

/* ---- what gwd-auth says */

/* Nobody waits any more, yet a connection was counted for the session. */
static void
leave_unclaimed(struct gw_admitter *a, const struct gw_verdict_msg *v)
{
	if (v->verdict == GW_VERDICT_ALLOW)
		gw_admitter_leave(a, a->link, v->session);
}

static enum gw_err
on_verdict(void *ctx, struct gw_msg *m)
{
	struct gw_admitter *a = ctx;
	struct gw_verdict_msg *v = gw_xcalloc(1, sizeof(*v));
	struct gw_conn *conn = find(a, m->id);

	if (!gw_verdict_decode(&m->rd, v) ||
	    (conn != NULL && strcmp(conn->login, v->login) != 0)) {
		/* fail closed: what cannot be matched is no verdict */
		gw_verdict_clear(v);
		free(v);
		return GW_ERR_PROTO;
	}
	if (conn != NULL) {
		gw_handshake_judged(conn, v);
		return GW_ERR_OK;
	}
	leave_unclaimed(a, v);
	gw_verdict_clear(v);
	free(v);
	return GW_ERR_OK;
}

static enum gw_err
on_revoke(void *ctx, struct gw_msg *m)
{
	struct gw_admitter *a = ctx;
	uint8_t session[GW_SESSION_ID];
	enum gw_err why;

	gw_rd_raw(&m->rd, session, sizeof(session));
	why = gw_err_from_wire(gw_rd_u32(&m->rd));
	if (!gw_rd_done(&m->rd))
		return GW_ERR_PROTO;
	gw_roster_end(&a->worker->roster, session, why);
	return GW_ERR_OK;
}

static const struct gw_msg_rule rules[] = {
	{ GW_MSG_VERDICT, ST_LINKED, false, on_verdict },
	{ GW_MSG_REVOKE,  ST_LINKED, false, on_revoke },
};

/* ---- connections that have ended: what goes with a question costs gwd-auth
 * no wake-up of its own */

static void
forget_gone(struct gw_admitter *a)
{
	a->gone_count = 0;
	gw_timer_stop(a->worker->loop, &a->gone_timer);
}

static struct gw_gone
gone_of(const struct gw_admitter *a)
{
	return (struct gw_gone){ .ids = a->gone[0], .count = a->gone_count };
}

/* What cannot be said now is said later, for as long as there is room. With a
 * link gwd-auth drops all that came by it. */
static void
say_gone(struct gw_admitter *a)
{
	const struct gw_gone gone = gone_of(a);
	enum gw_err rc;

	if (a->chan == NULL || gone.count == 0)
		return;
	gw_gone_encode(gw_chan_begin(a->chan), &gone);
	rc = gw_chan_send(a->chan, GW_MSG_GONE, 0, -1);
	if (rc == GW_ERR_BUSY && gone.count < GW_GONE_MAX) {
		gw_timer_after(a->worker->loop, &a->gone_timer, GW_GONE_MS);
		return;
	}
	if (rc != GW_ERR_OK)
		gw_event(GW_LOG_WARN, "leave-lost", "count",
			 GW_NUM(gone.count), NULL);
	forget_gone(a);
}

static void
on_gone_timer(struct gw_timer *t)
{
	say_gone(GW_CONTAINER(t, struct gw_admitter, gone_timer));
}

/* ---- the link */

static void
tell_all_unavailable(struct gw_admitter *a)
{
	for (uint32_t i = 0; i < GW_PENDING_MAX && a->pending_count > 0; i++)
		if (a->slots[i].conn != NULL)
			gw_handshake_unjudged(a->slots[i].conn,
					      GW_ERR_AUTH_UNAVAILABLE);
}

static void
unlink_auth(struct gw_admitter *a)
{
	gw_chan_free(a->chan);
	a->chan = NULL;
	forget_gone(a);
	tell_all_unavailable(a);
}

static void
on_close(void *ctx, enum gw_err why)
{
	(void)why; /* logged by the channel */
	unlink_auth(ctx);
}

void
gw_admitter_link(struct gw_admitter *a, int fd)
{
	struct gw_chan_conf conf = {
		.name = "auth", .rules = rules, .rule_count = GW_COUNT(rules),
		.state = ST_LINKED, .queue_max = QUEUE_MAX, .ctx = a,
		.on_close = on_close,
	};

	unlink_auth(a);
	a->link++;
	if (gw_chan_new(a->worker->loop, fd, &conf, &a->chan) != GW_ERR_OK)
		gw_event(GW_LOG_ERR, "link-failed", "far", "auth", NULL);
}

/* ---- what we say */

enum gw_err
gw_admitter_ask(struct gw_admitter *a, struct gw_conn *conn,
		const struct gw_admit *m, uint32_t *out_slot)
{
	struct gw_admit with = *m;
	uint32_t slot;
	enum gw_err rc;

	if (a->chan == NULL)
		return GW_ERR_AUTH_UNAVAILABLE;
	if (gw_chan_queued(a->chan) > QUEUE_BYTES ||
	    (slot = take_slot(a, conn)) == NO_SLOT)
		return GW_ERR_BUSY;
	with.gone = gone_of(a);
	gw_admit_encode(gw_chan_begin(a->chan), &with);
	rc = gw_chan_send(a->chan, GW_MSG_ADMIT, name_of(a, slot), -1);
	if (rc == GW_ERR_OK) {
		forget_gone(a);
		*out_slot = slot;
		return GW_ERR_OK;
	}
	gw_admitter_forget(a, slot);
	if (rc == GW_ERR_PROTO) /* does not fit into a message */
		return GW_ERR_CERT_MALFORMED;
	return rc == GW_ERR_BUSY ? GW_ERR_BUSY : GW_ERR_AUTH_UNAVAILABLE;
}

bool
gw_admitter_knows(const struct gw_admitter *a, uint32_t link)
{
	return a->chan != NULL && link == a->link;
}

void
gw_admitter_leave(struct gw_admitter *a, uint32_t link,
		  const uint8_t session[GW_SESSION_ID])
{
	if (!gw_admitter_knows(a, link))
		return;
	if (a->gone_count == 0)
		gw_timer_after(a->worker->loop, &a->gone_timer, GW_GONE_MS);
	memcpy(a->gone[a->gone_count++], session, GW_SESSION_ID);
	if (a->gone_count == GW_GONE_MAX)
		say_gone(a);
}

void
gw_admitter_init(struct gw_admitter *a, struct gw_worker *w)
{
	*a = (struct gw_admitter){ .worker = w,
				   .gone_timer.fn = on_gone_timer };
	a->slots = gw_xcalloc(GW_PENDING_MAX, sizeof(*a->slots));
	for (uint32_t i = 0; i < GW_PENDING_MAX; i++)
		a->slots[i].next_free = i + 1 < GW_PENDING_MAX ? i + 1
							       : NO_SLOT;
}

void
gw_admitter_clear(struct gw_admitter *a)
{
	say_gone(a);
	gw_chan_free(a->chan);
	free(a->slots);
}

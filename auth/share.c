/* share.c — see share.h. There are few servers: those that the certificates
 * of registered CAs name. */
#include "share.h"
#include "gw/url.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>

TAILQ_HEAD(queue, gw_seat);

struct gw_share {
	struct gw_shares *owner;
	LIST_ENTRY(gw_share) entry;
	char server[GW_HOST_MAX + 10];
	struct queue queue;
	unsigned seats, asking;
};

struct gw_shares {
	struct gw_loop *loop;
	LIST_HEAD(, gw_share) all;
	struct gw_timer timer; /* turns are given from here */
};

static void
server_of(const char *place, char out[GW_HOST_MAX + 10])
{
	struct gw_url url;

	if (gw_url_parse(place, &url))
		memcpy(out, url.authority, sizeof(url.authority));
	else
		gw_format(out, GW_HOST_MAX + 10, "%s",
			  place[0] == '/' ? "/" : "ldap:///");
}

bool
gw_share_is_one(const char *place, const char *other)
{
	char a[GW_HOST_MAX + 10], b[GW_HOST_MAX + 10];

	server_of(place, a);
	server_of(other, b);
	return strcasecmp(a, b) == 0;
}

static struct gw_share *
share_of(struct gw_shares *s, const char *place)
{
	char server[GW_HOST_MAX + 10];
	struct gw_share *x;

	server_of(place, server);
	LIST_FOREACH(x, &s->all, entry)
		if (strcasecmp(x->server, server) == 0)
			return x;
	x = gw_xcalloc(1, sizeof(*x));
	x->owner = s;
	memcpy(x->server, server, sizeof(server));
	TAILQ_INIT(&x->queue);
	LIST_INSERT_HEAD(&s->all, x, entry);
	return x;
}

/* ---- turns */

static void
take_turn(struct gw_share *x)
{
	struct gw_seat *seat = TAILQ_FIRST(&x->queue);

	TAILQ_REMOVE(&x->queue, seat, entry);
	seat->is_queued = false;
	seat->is_asking = true;
	x->asking++;
	seat->turn(seat); /* `x` may be gone */
}

static struct gw_share *
next_with_room(struct gw_shares *s)
{
	struct gw_share *x;

	LIST_FOREACH(x, &s->all, entry)
		if (!TAILQ_EMPTY(&x->queue) && x->asking < GW_SHARE_ASKING)
			return x;
	return NULL;
}

/* One at a time: whose turn it is may end others. */
static void
on_timer(struct gw_timer *t)
{
	struct gw_shares *s = GW_CONTAINER(t, struct gw_shares, timer);
	struct gw_share *x = next_with_room(s);

	if (x == NULL)
		return;
	gw_timer_after(s->loop, t, 0);
	take_turn(x);
}

/* ---- */

bool
gw_share_sit(struct gw_shares *s, const char *place, struct gw_seat *seat)
{
	struct gw_share *x;

	gw_share_leave(seat);
	x = share_of(s, place);
	if (x->seats >= GW_SHARE_SEATS)
		return false;
	x->seats++;
	seat->share = x;
	return true;
}

bool
gw_share_ask(struct gw_seat *seat)
{
	struct gw_share *x = seat->share;

	if (seat->is_asking)
		return true;
	if (x->asking < GW_SHARE_ASKING && TAILQ_EMPTY(&x->queue)) {
		seat->is_asking = true;
		x->asking++;
		return true;
	}
	seat->is_queued = true;
	TAILQ_INSERT_TAIL(&x->queue, seat, entry);
	return false;
}

void
gw_share_leave(struct gw_seat *seat)
{
	struct gw_share *x = seat->share;

	if (x == NULL)
		return;
	if (seat->is_queued)
		TAILQ_REMOVE(&x->queue, seat, entry);
	if (seat->is_asking) {
		x->asking--;
		gw_timer_after(x->owner->loop, &x->owner->timer, 0);
	}
	seat->share = NULL;
	seat->is_queued = seat->is_asking = false;
	if (--x->seats > 0)
		return;
	LIST_REMOVE(x, entry);
	free(x);
}

struct gw_shares *
gw_shares_new(struct gw_loop *l)
{
	struct gw_shares *s = gw_xcalloc(1, sizeof(*s));

	s->loop = l;
	s->timer.fn = on_timer;
	LIST_INIT(&s->all);
	return s;
}

void
gw_shares_free(struct gw_shares *s)
{
	if (s == NULL)
		return;
	gw_timer_stop(s->loop, &s->timer);
	gw_assert(LIST_EMPTY(&s->all));
	free(s);
}

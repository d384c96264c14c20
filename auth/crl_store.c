/* crl_store.c — see crl_store.h. The places there are, and who asks. */
#include "crl_store_priv.h"
#include "share.h"
#include "gw/util.h"

#include <string.h>

#define FAILED_MS   3000 /* a failure is not tried again */
#define ISSUERS_MAX 8

time_t
gw_crl_now(const struct gw_crl_store *s)
{
	return s->c.transport.clock(s->c.transport.ctx);
}

/* ---- places */

static struct place *
find(const struct gw_crl_store *s, const char *name)
{
	struct place *p;

	TAILQ_FOREACH(p, &s->places, entry)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void
stop(struct place *p)
{
	struct gw_crl_store *s = p->store;

	if (p->fetch != NULL)
		s->c.transport.cancel(p->fetch);
	gw_crl_place_unload(p);
	gw_timer_stop(s->c.loop, &p->timer);
	gw_close(&p->new_fd);
	p->fetch = NULL;
}

static void
drop(struct place *p)
{
	struct gw_crl_store *s = p->store;
	struct gw_crl_wait *w;

	stop(p);
	while ((w = LIST_FIRST(&p->waits)) != NULL) {
		LIST_REMOVE(w, entry);
		w->is_waiting = false;
	}
	TAILQ_REMOVE(&s->places, p, entry);
	s->count--;
	s->generation++;
	gw_crl_held_clear(&p->held);
	sk_X509_pop_free(p->issuers, X509_free);
	free(p);
}

/* Room for one more: the one used longest ago that nobody waits for. */
static bool
make_room(struct gw_crl_store *s)
{
	struct place *p;

	if (s->count < (size_t)s->c.conf->crl_max)
		return true;
	TAILQ_FOREACH_REVERSE(p, &s->places, places, entry)
		if (!p->is_announced && p->doing == NOTHING)
			break;
	if (p == NULL)
		return false;
	gw_crl_file_remove(p);
	drop(p);
	return true;
}

/* Of one server that stalls at most every other list is waited for. */
static bool
is_within_share(const struct gw_crl_store *s, const char *name)
{
	const struct place *p;
	size_t n = 0, max = (size_t)s->c.conf->crl_max;

	TAILQ_FOREACH(p, &s->places, entry)
		n += p->doing == FETCHING && gw_share_is_one(p->name, name);
	return n < GW_MAX(max / 2, (size_t)1);
}

static struct place *
add(struct gw_crl_store *s, const char *name)
{
	struct place *p;
	uint8_t md[GW_HASH];
	unsigned len = 0;

	if (strlen(name) >= GW_URL_MAX || !is_within_share(s, name) ||
	    !make_room(s))
		return NULL;
	p = gw_xcalloc(1, sizeof(*p));
	p->store = s;
	p->new_fd = -1;
	p->timer.fn = gw_crl_place_on_timer;
	memcpy(p->name, name, strlen(name) + 1);
	gw_assert(EVP_Digest(name, strlen(name), md, &len, EVP_sha256(),
			     NULL) == 1 &&
		  (p->issuers = sk_X509_new_null()) != NULL);
	gw_hex(md, GW_HASH, p->file);
	LIST_INIT(&p->waits);
	TAILQ_INSERT_HEAD(&s->places, p, entry);
	s->count++;
	return p;
}

static void
expect_from(struct place *p, X509 *issuer)
{
	for (int i = 0; i < sk_X509_num(p->issuers); i++)
		if (X509_cmp(sk_X509_value(p->issuers, i), issuer) == 0)
			return;
	if (sk_X509_num(p->issuers) >= ISSUERS_MAX)
		return;
	X509_up_ref(issuer);
	gw_assert(sk_X509_push(p->issuers, issuer) > 0);
}

/* ---- asking */

static bool
has_failed_just_now(const struct place *p)
{
	return p->failed_ms != 0 &&
	       gw_loop_now_ms(p->store->c.loop) - p->failed_ms < FAILED_MS;
}

static struct place *
want(struct gw_crl_store *s, const char *name, X509 *issuer)
{
	struct place *p = find(s, name);

	if (p == NULL)
		p = add(s, name);
	if (p == NULL)
		return NULL;
	expect_from(p, issuer);
	TAILQ_REMOVE(&s->places, p, entry);
	TAILQ_INSERT_HEAD(&s->places, p, entry);
	return p;
}

bool
gw_crl_store_ask(struct gw_crl_store *s, const char *name, X509 *issuer,
		 struct gw_crl_wait *w)
{
	struct place *p = want(s, name, issuer);

	if (p == NULL)
		return true;
	p->used = gw_crl_now(s);
	if (gw_crl_place_is_current(p, p->used) || has_failed_just_now(p)) {
		if (p->doing == NOTHING && p->next_fetch == 0)
			gw_crl_place_plan(p);
		return true;
	}
	if (p->doing == NOTHING && !gw_crl_fetch_kept(p))
		gw_crl_fetch(p);
	if (p->doing == NOTHING)
		return true; /* it failed at once */
	LIST_INSERT_HEAD(&p->waits, w, entry);
	w->is_waiting = true;
	return false;
}

void
gw_crl_store_forget(struct gw_crl_wait *w)
{
	if (!w->is_waiting)
		return;
	LIST_REMOVE(w, entry);
	w->is_waiting = false;
}

void
gw_crl_store_announce(struct gw_crl_store *s, const char *name, X509 *issuer)
{
	struct place *p = want(s, name, issuer);

	if (p == NULL)
		return;
	p->is_announced = true;
	if (p->doing == NOTHING &&
	    !gw_crl_place_is_current(p, gw_crl_now(s)) &&
	    !gw_crl_fetch_kept(p))
		gw_crl_fetch(p);
}

const struct gw_crl_list *
gw_crl_store_get(const struct gw_crl_store *s, const char *name)
{
	const struct place *p = find(s, name);

	return p != NULL && p->held.list.crl != NULL ? &p->held.list : NULL;
}

const char *
gw_crl_store_why(const struct gw_crl_store *s, const char *name)
{
	const struct place *p = find(s, name);

	return p != NULL ? p->why
			 : "no room: crl_max lists are here, or half as many "
			   "are waited for from its server";
}

uint64_t
gw_crl_store_generation(const struct gw_crl_store *s)
{
	return s->generation;
}

bool
gw_crl_store_info(const struct gw_crl_store *s, size_t i,
		  struct gw_crl_info *out)
{
	const struct place *p = TAILQ_FIRST(&s->places);
	const struct gw_crl *c;

	while (p != NULL && i-- > 0)
		p = TAILQ_NEXT(p, entry);
	if (p == NULL)
		return false;
	c = p->held.list.crl;
	*out = (struct gw_crl_info){
		.place = p->name, .why = p->why, .next_fetch = p->next_fetch,
	};
	if (c == NULL)
		return true;
	out->is_here = true;
	out->is_proven = p->held.is_proven;
	out->is_delta = p->held.list.delta != NULL;
	out->entries = gw_crl_entries(c);
	out->bytes = p->held.len;
	out->memory = gw_crl_memory(c);
	out->this_update = gw_crl_this_update(c);
	out->next_update = gw_crl_next_update(c);
	out->fetched = p->fetched;
	return true;
}

/* ---- beginning and end */

struct gw_crl_store *
gw_crl_store_new(const struct gw_crl_store_conf *c)
{
	struct gw_crl_store *s = gw_xcalloc(1, sizeof(*s));

	s->c = *c;
	s->generation = 1; /* 0 stands for "no list said so" */
	TAILQ_INIT(&s->places);
	gw_crl_files_open(s);
	return s;
}

void
gw_crl_store_free(struct gw_crl_store *s)
{
	if (s == NULL)
		return;
	while (!TAILQ_EMPTY(&s->places))
		drop(TAILQ_FIRST(&s->places));
	gw_close(&s->dir);
	free(s);
}

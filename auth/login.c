/* login.c — see login.h. The table of logins, and what takes each from stage
 * to stage. */
#include "login_priv.h"
#include "gw/util.h"

#include <string.h>

struct gw_logins {
	struct gw_auth *auth;
	struct login *slots[GW_LOGINS_MAX];
	uint32_t generations[GW_LOGINS_MAX];
	uint16_t unused[GW_LOGINS_MAX]; /* stack of free slots */
	size_t unused_count;
};

/* ---- the table of logins */

struct gw_logins *
gw_logins_new(struct gw_auth *a)
{
	struct gw_logins *t = gw_xcalloc(1, sizeof(*t));

	t->auth = a;
	while (t->unused_count < GW_LOGINS_MAX) {
		t->unused[t->unused_count] = (uint16_t)t->unused_count;
		t->unused_count++;
	}
	return t;
}

size_t
gw_logins_count(const struct gw_logins *t)
{
	return GW_LOGINS_MAX - t->unused_count;
}

static struct login *
find(const struct gw_logins *t, uint64_t id)
{
	size_t slot = (size_t)(id & 0xffffffff);

	if (slot >= GW_LOGINS_MAX || t->slots[slot] == NULL ||
	    t->slots[slot]->id != id)
		return NULL;
	return t->slots[slot];
}

static void
clear(struct login *l)
{
	free(l->trial); /* nobody will be told */
	gw_standing_forget(&l->standing);
	gw_timer_stop(l->auth->loop, &l->timer);
	gw_certs_free(l->given);
	gw_path_clear(&l->path);
	gw_claims_clear(&l->claims);
	gw_facts_clear(&l->facts);
	gw_verdict_clear(&l->says);
}

static void
end(struct login *l)
{
	struct gw_logins *t = l->auth->logins;
	size_t slot = (size_t)(l->id & 0xffffffff);

	clear(l);
	t->slots[slot] = NULL;
	t->unused[t->unused_count++] = (uint16_t)slot;
	free(l);
}

void
gw_logins_free(struct gw_logins *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < GW_LOGINS_MAX; i++)
		if (t->slots[i] != NULL)
			end(t->slots[i]);
	free(t);
}

/* ---- from stage to stage */

static void
note_time(struct login *l)
{
	uint64_t now = gw_mono_us();

	l->took_us[l->stage] = now - l->stage_us;
	l->stage_us = now;
}

static void
finish(struct login *l)
{
	gw_login_conclude(l);
	end(l);
}

static void run(struct login *l);

/* After a stage has come to its end. */
static void
go_on(struct login *l, enum step step)
{
	note_time(l);
	if (step == PASS) {
		l->stage++;
		run(l);
		return;
	}
	if (step == DONE)
		l->err = (struct gw_error){ .code = GW_ERR_OK };
	else if (l->err.code == GW_ERR_OK)
		/* fail closed */
		gw_login_fail(l, GW_ERR_INTERNAL, "no reason");
	finish(l);
}

static void
run(struct login *l)
{
	enum step step = gw_login_stage(l);

	if (step != WAIT)
		go_on(l, step);
}

/* ---- what is waited for */

static void
on_standing(struct gw_standing *s)
{
	struct login *l = GW_CONTAINER(s, struct login, standing);

	go_on(l, gw_login_after_revocation(l));
}

static struct login *
take_answer(struct gw_logins *t, uint64_t id)
{
	struct login *l = find(t, id);

	if (l == NULL || l->stage != ST_DIRECTORY)
		return NULL;
	gw_timer_stop(t->auth->loop, &l->timer);
	return l;
}

void
gw_login_facts(struct gw_logins *t, uint64_t id, struct gw_facts *facts)
{
	struct login *l = take_answer(t, id);

	if (l == NULL) {
		gw_facts_clear(facts);
		return;
	}
	l->facts = *facts;
	l->has_facts = true;
	memcpy(l->dc, facts->dc, sizeof(l->dc));
	memset(facts, 0, sizeof(*facts));
	go_on(l, PASS);
}

void
gw_login_refused(struct gw_logins *t, uint64_t id, const struct gw_refused *x)
{
	struct login *l = take_answer(t, id);

	if (l == NULL)
		return;
	memcpy(l->dc, x->dc, sizeof(l->dc));
	go_on(l, gw_login_fail(l, x->code, x->detail));
}

static void
on_timer(struct gw_timer *t)
{
	struct login *l = GW_CONTAINER(t, struct login, timer);

	if (l->stage == ST_SESSION)
		run(l);
	else
		go_on(l, gw_login_fail(l, GW_ERR_KDC_UNAVAILABLE,
				       "no answer in time"));
}

void
gw_logins_drop_kdc(struct gw_logins *t)
{
	for (size_t i = 0; i < GW_LOGINS_MAX; i++) {
		struct login *l = t->slots[i];

		if (l == NULL || l->stage != ST_DIRECTORY)
			continue;
		go_on(l, gw_login_fail(l, GW_ERR_KDC_UNAVAILABLE,
				       "gwd-kdc ended"));
	}
}

void
gw_logins_drop_link(struct gw_logins *t, const struct gw_peer *link)
{
	for (size_t i = 0; i < GW_LOGINS_MAX; i++)
		if (t->slots[i] != NULL && t->slots[i]->link == link)
			end(t->slots[i]);
}

/* ---- the beginning */

static void
copy_peer(const char *in, char out[GW_PEER_MAX])
{
	size_t i = 0;

	for (; in[i] != '\0' && i + 1 < GW_PEER_MAX; i++)
		out[i] = in[i] > 0x20 && in[i] < 0x7f ? in[i] : '?';
	out[i] = '\0';
}

static void
init(struct login *l, struct gw_auth *a, struct gw_peer *link, uint64_t id,
     const struct gw_admit *m)
{
	unsigned len = 0;

	*l = (struct login){ .auth = a, .link = link, .proxy_id = id,
			     .standing.fn = on_standing,
			     .timer.fn = on_timer };
	l->began_us = l->stage_us = gw_mono_us();
	memcpy(l->name, m->login, sizeof(l->name));
	copy_peer(m->peer, l->peer);
	l->listener = gw_conf_listener(a->conf, m->listener);
	gw_assert(EVP_Digest(m->chain[0].p, m->chain[0].len, l->leaf, &len,
			     EVP_sha256(), NULL) == 1 && len == GW_HASH);
}

static bool
has_room(const struct gw_logins *t, struct login *l)
{
	if (t->unused_count > 0)
		return true;
	gw_login_fail(l, GW_ERR_BUSY, "too many logins under way");
	return false;
}

/* Takes `l`. */
static void
begin(struct gw_logins *t, struct login *l, const struct gw_admit *m)
{
	size_t slot;

	if (!gw_login_examine(l, m) || !has_room(t, l)) {
		gw_login_conclude(l);
		clear(l);
		free(l);
		return;
	}
	slot = t->unused[--t->unused_count];
	l->id = (uint64_t)++t->generations[slot] << 32 | slot;
	t->slots[slot] = l;
	run(l);
}

void
gw_login_begin(struct gw_logins *t, struct gw_peer *link, uint64_t id,
	       const struct gw_admit *m)
{
	struct login *l = gw_xcalloc(1, sizeof(*l));

	init(l, t->auth, link, id, m);
	begin(t, l, m);
}

void
gw_login_try(struct gw_logins *t, const struct gw_admit *m, time_t at,
	     struct gw_trial *trial)
{
	struct login *l = gw_xcalloc(1, sizeof(*l));

	init(l, t->auth, NULL, 0, m);
	l->trial = trial;
	l->at = at;
	begin(t, l, m);
}

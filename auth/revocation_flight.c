/* revocation_flight.c — one question about one certificate: whom its ladder
 * asks, who waits, and what becomes of it. */
#include "revocation_priv.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

#define SKEW_MAX_S 3600 /* of any section's validity_skew */

X509 *
gw_flight_subject(const struct flight *f)
{
	return sk_X509_value(f->path.certs, f->depth);
}

X509 *
gw_flight_issuer(const struct flight *f)
{
	return sk_X509_value(f->path.certs, f->depth + 1);
}

/* ---- the outcome */

/* Of several failures the one that tells most is reported. */
static int
telling(enum gw_err code)
{
	static const enum gw_err order[] = {
		GW_ERR_REVOCATION_UNAVAILABLE, GW_ERR_REVOCATION_MALFORMED,
		GW_ERR_REVOCATION_STALE, GW_ERR_REVOCATION_SIGNER,
		GW_ERR_REVOCATION_UNKNOWN, GW_ERR_CERT_REVOKED,
	};

	for (size_t i = 0; i < GW_COUNT(order); i++)
		if (order[i] == code)
			return (int)i;
	return -1;
}

void
gw_flight_failed(struct flight *f, const char *source, enum gw_err code,
		 const char *why)
{
	struct gw_revocation_result *res = &f->result;
	size_t len = strlen(res->detail);

	if (telling(code) > telling(res->code))
		res->code = code;
	f->has_no_grace |= code != GW_ERR_REVOCATION_UNAVAILABLE &&
			   code != GW_ERR_REVOCATION_STALE;
	snprintf(res->detail + len, sizeof(res->detail) - len, "%s%.80s: %s",
		 len > 0 ? "; " : "", source, why);
}

/* Tells everybody who waits; each may do as it likes, but only to itself. */
static void
tell_all(struct waiters *list, const struct gw_revocation_result *res)
{
	struct gw_revocation_wait *w;

	while ((w = LIST_FIRST(list)) != NULL) {
		LIST_REMOVE(w, entry);
		w->is_waiting = false;
		w->fn(w, res);
	}
}

/* Nobody answered, but somebody did a while ago, and the CA's section says
 * that this will do. What is broken, foreign or unknown has no grace. */
static bool
has_grace(const struct flight *f)
{
	const struct entry *e = f->entry;
	const struct gw_conf_ca *ca = f->path.ca;

	return ca->on_unavailable == GW_UNAVAILABLE_GRACE && e->has_answer &&
	       !f->has_no_grace && f->epoch == e->owner->epoch &&
	       !gw_entry_is_outdated(e, e->as_of) &&
	       gw_revocation_now(e->owner) < e->good_until +
					  (time_t)(ca->grace_ms / 1000);
}

static void
grant_grace(struct flight *f)
{
	struct gw_revocation_result *res = &f->result;

	f->entry->owner->count.by_grace++;
	*res = (struct gw_revocation_result){ .code = GW_ERR_OK };
	gw_format(res->source, sizeof(res->source),
		  "grace: the last good answer ended %lld s ago",
		  (long long)(gw_revocation_now(f->entry->owner) -
			      f->entry->good_until));
}

/* The end of the flight. The entry is settled before anybody is told. */
static void
conclude(struct flight *f)
{
	struct waiters waiters = LIST_HEAD_INITIALIZER(waiters);
	struct entry *e = f->entry;
	struct gw_revocation_result res;
	struct gw_revocation_wait *w;

	if (f->result.code == GW_ERR_CERT_REVOKED ||
	    f->result.code == GW_ERR_REVOCATION_UNKNOWN)
		gw_entry_forget(e);
	else if (f->result.code != GW_ERR_OK && has_grace(f))
		grant_grace(f);
	res = f->result;
	while ((w = LIST_FIRST(&f->waiters)) != NULL) {
		LIST_REMOVE(w, entry);
		LIST_INSERT_HEAD(&waiters, w, entry);
	}
	gw_flight_land(f);
	gw_entry_drop_if_empty(e);
	tell_all(&waiters, &res);
}

enum gw_err
gw_flight_weigh(const struct flight *f, time_t as_of, struct gw_error *err)
{
	if (!gw_entry_is_outdated(f->entry, as_of))
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_REVOCATION_STALE,
		       "not newer than an answer that said revoked");
}

void
gw_flight_good(struct flight *f, const struct word *w)
{
	struct entry *e = f->entry;
	struct gw_revocation *r = e->owner;
	time_t until = f->epoch == r->epoch ? w->until : 0;

	f->result = (struct gw_revocation_result){ .fresh_until = until };
	gw_format(f->result.source, GW_URL_MAX, "%s", w->source);
	if (!f->is_dry)
		gw_revoked_take_back(r->revoked, e->name);
	if (until == 0)
		gw_entry_forget(e);
	else if (!f->is_dry)
		gw_entry_keep(e, w);
	conclude(f);
}

/* From then on no section takes it any more. */
static time_t
end_of(const X509 *x)
{
	time_t t;

	return gw_asn1_time(X509_get0_notAfter(x), &t) ? t + SKEW_MAX_S
						       : INT64_MAX;
}

void
gw_flight_revoked(struct flight *f, const struct word *w, const char *why)
{
	struct entry *e = f->entry;

	/* final: what others did not know is of no account */
	f->result.detail[0] = '\0';
	gw_flight_failed(f, w->source, GW_ERR_CERT_REVOKED, why);
	gw_format(f->result.source, GW_URL_MAX, "%s", w->source);
	if (!f->is_dry)
		gw_revoked_add(e->owner->revoked, e->name, w->as_of,
			       end_of(gw_flight_subject(f)));
	conclude(f);
}

/* ---- the ladder */

static const struct {
	const char *name;
	void (*begin)(struct flight *f);
	void (*climb)(struct flight *f);
} rungs[RUNG_COUNT] = {
	[RUNG_OCSP] = { "ocsp", gw_rung_ocsp_begin, gw_rung_ocsp_climb },
	[RUNG_CRL] = { "crl", gw_rung_crl_begin, gw_rung_crl_climb },
};

/* The next rung, or the end: what failed last stands in the result. */
void
gw_flight_go_on(struct flight *f)
{
	if (f->next_rung < f->rung_count)
		rungs[f->rungs[f->next_rung++]].climb(f);
	else
		conclude(f);
}

static void
on_deadline(struct gw_timer *t)
{
	struct flight *f = GW_CONTAINER(t, struct flight, deadline);

	if (!gw_rung_ocsp_give_up(f))
		gw_rung_crl_give_up(f);
}

/* ---- beginning and end */

void
gw_names_add(struct names *x, const char *name)
{
	if (x->n >= GW_PLACES_MAX || strlen(name) >= GW_URL_MAX)
		return;
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->v[i], name) == 0)
			return;
	x->v = gw_xrealloc(x->v, x->n + 1, sizeof(*x->v));
	memcpy(x->v[x->n++], name, strlen(name) + 1);
}

static void
add_rung(struct flight *f, enum rung rung)
{
	for (size_t i = 0; i < f->rung_count; i++)
		if (f->rungs[i] == rung)
			return;
	f->rungs[f->rung_count++] = rung;
	rungs[rung].begin(f);
}

/* Empty: both. A word that is none of ours was refused long before. */
static void
set_rungs(struct flight *f)
{
	const struct gw_strlist *words = &f->path.ca->revocation;

	for (size_t i = 0; i < words->n; i++)
		for (size_t j = 0; j < RUNG_COUNT; j++)
			if (strcmp(words->v[i], rungs[j].name) == 0)
				add_rung(f, (enum rung)j);
	for (size_t j = 0; words->n == 0 && j < RUNG_COUNT; j++)
		add_rung(f, (enum rung)j);
}

static STACK_OF(X509) *
share(STACK_OF(X509) *certs)
{
	STACK_OF(X509) *out = certs != NULL ? X509_chain_up_ref(certs)
					    : sk_X509_new_null();

	gw_assert(out != NULL);
	return out;
}

struct flight *
gw_flight_prepare(struct entry *e, const struct gw_revocation_about *about)
{
	struct gw_revocation *r = e->owner;
	struct flight *f = gw_xcalloc(1, sizeof(*f));

	f->entry = e;
	f->path = *about->path;
	f->path.certs = share(about->path->certs);
	f->given = share(about->given);
	f->depth = about->depth;
	f->epoch = r->epoch;
	f->is_dry = about->is_dry;
	f->is_responder = about->is_responder;
	f->deadline.fn = on_deadline;
	f->result.code = GW_ERR_REVOCATION_UNAVAILABLE;
	f->deadline_ms = gw_loop_now_ms(r->loop) +
			 (uint64_t)r->conf->total_timeout_ms;
	gw_timer_at(r->loop, &f->deadline, f->deadline_ms);
	LIST_INIT(&f->waiters);
	e->flight = f;
	r->count.flights++;
	set_rungs(f);
	return f;
}

void
gw_flight_wait(struct flight *f, struct gw_revocation_wait *w)
{
	LIST_INSERT_HEAD(&f->waiters, w, entry);
	w->is_waiting = true;
	f->waiter_count++;
}

void
gw_flight_land(struct flight *f)
{
	struct gw_revocation *r = f->entry->owner;

	gw_rung_ocsp_end(f);
	gw_rung_crl_end(f);
	gw_share_leave(&f->seat);
	gw_timer_stop(r->loop, &f->deadline);
	gw_path_clear(&f->path);
	gw_certs_free(f->given);
	f->entry->flight = NULL;
	free(f);
	r->count.flights--;
}

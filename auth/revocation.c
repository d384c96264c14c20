/* revocation.c — see revocation.h. Whoever asks is answered at once, from
 * what is kept or with a refusal, or waits for a flight. */
#include "revocation_priv.h"
#include "gw/util.h"

#include <string.h>

time_t
gw_revocation_now(const struct gw_revocation *r)
{
	return r->transport.clock(r->transport.ctx);
}

struct gw_revocation *
gw_revocation_new(struct gw_loop *l, const struct gw_conf_revocation *conf,
		  const struct gw_transport *t, struct gw_crl_store *lists,
		  struct gw_kept *kept)
{
	struct gw_revocation *r = gw_xcalloc(1, sizeof(*r));

	r->loop = l;
	r->conf = conf;
	r->transport = *t;
	r->lists = lists;
	r->disk = kept;
	r->revoked = gw_revoked_new(kept);
	r->shares = gw_shares_new(l);
	TAILQ_INIT(&r->kept);
	return r;
}

/* Flights that wait for others, which may end before them. */
static void
forget_signers(struct gw_revocation *r)
{
	struct entry *e;

	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(e, &r->buckets[i], by_key)
			if (e->flight != NULL)
				gw_revocation_forget(&e->flight->ocsp.signer);
}

void
gw_revocation_free(struct gw_revocation *r)
{
	if (r == NULL)
		return;
	forget_signers(r);
	for (size_t i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&r->buckets[i]))
			gw_entry_drop(LIST_FIRST(&r->buckets[i]));
	for (size_t i = 0; i < r->responder_count; i++)
		free(r->responders[i]);
	gw_shares_free(r->shares);
	gw_revoked_free(r->revoked);
	free(r);
}

/* ---- asking */

static bool
answer(struct gw_revocation_result *out, enum gw_err code, const char *source,
       const char *detail)
{
	*out = (struct gw_revocation_result){ .code = code };
	gw_format(out->source, sizeof(out->source), "%s", source);
	gw_format(out->detail, sizeof(out->detail), "%s", detail);
	return true;
}

static bool
has_nobody_to_ask(const struct flight *f)
{
	return f->ocsp.urls.n == 0 && f->crl.places.n == 0;
}

struct early {
	struct gw_revocation_wait wait;
	struct gw_revocation_result *out;
};

/* An answer may come before this returns, from a list that is here. It is
 * then given back, not told. */
static void
on_told_early(struct gw_revocation_wait *w,
	      const struct gw_revocation_result *r)
{
	*GW_CONTAINER(w, struct early, wait)->out = *r;
}

static bool
take_off(struct flight *f, struct gw_revocation_wait *w,
	 struct gw_revocation_result *out)
{
	struct early early = { .wait.fn = on_told_early, .out = out };

	gw_flight_wait(f, &early.wait);
	gw_flight_go_on(f);
	if (!early.wait.is_waiting)
		return true;
	gw_revocation_forget(&early.wait);
	gw_flight_wait(f, w);
	return false;
}

/* NULL: one more may ask, or wait for what has been asked. */
static const char *
refusal(const struct gw_revocation *r, const struct flight *f)
{
	if (f == NULL)
		return r->count.flights >= GW_REVOCATION_FLIGHTS
			       ? "too many revocation questions under way"
			       : NULL;
	if (f->epoch != r->epoch)
		return "the CA's settings have just changed";
	return f->waiter_count >= GW_REVOCATION_WAITERS
		       ? "too many wait for this answer" : NULL;
}

static bool
begin(struct entry *e, const struct gw_revocation_about *about,
      struct gw_revocation_wait *w, struct gw_revocation_result *out)
{
	struct flight *f = gw_flight_prepare(e, about);

	if (!has_nobody_to_ask(f))
		return take_off(f, w, out);
	gw_flight_land(f);
	gw_entry_drop_if_empty(e);
	return answer(out, GW_ERR_REVOCATION_UNAVAILABLE, "",
		      "neither the certificate nor its CA's section names an "
		      "http OCSP responder or a CRL");
}

bool
gw_revocation_ask(struct gw_revocation *r,
		  const struct gw_revocation_about *about,
		  struct gw_revocation_wait *w,
		  struct gw_revocation_result *out)
{
	X509 *x = sk_X509_value(about->path->certs, about->depth);
	X509 *ca = sk_X509_value(about->path->certs, about->depth + 1);
	uint8_t key[GW_HASH];
	struct entry *e;
	const char *why;

	gw_revocation_key(x, ca, about->path->ca, key);
	e = gw_entry_find(r, key);
	if (e != NULL && !about->is_anew && gw_entry_is_fresh(e)) {
		r->count.from_cache++;
		answer(out, GW_ERR_OK, "cached", "");
		out->fresh_until = e->good_until;
		return true;
	}
	why = refusal(r, e != NULL ? e->flight : NULL);
	if (why != NULL)
		return answer(out, GW_ERR_BUSY, "", why);
	if (e != NULL && e->flight != NULL) {
		gw_flight_wait(e->flight, w);
		return false;
	}
	if (e == NULL)
		e = gw_entry_add(r, x, ca, key);
	gw_cert_serial(x, e->serial);
	return begin(e, about, w, out);
}

void
gw_revocation_forget(struct gw_revocation_wait *w)
{
	if (!w->is_waiting)
		return;
	LIST_REMOVE(w, entry);
	w->is_waiting = false;
}

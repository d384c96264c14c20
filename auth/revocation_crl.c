/* revocation_crl.c — the rung of lists: those of the CA's section, then those
 * of the certificate's distribution points, each with its deltas. */
#include "revocation_priv.h"
#include "demands.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <string.h>

#define NOT_YET "not here yet; fetching goes on"

/* True: whatever is to be had from there is here. */
static bool
is_at_hand(struct flight *f, const char *place)
{
	struct gw_revocation *r = f->entry->owner;
	struct looking *k = &f->crl;

	if (k->was_told) {
		k->was_told = false;
		return true;
	}
	if (gw_crl_store_ask(r->lists, place, gw_flight_issuer(f), &k->wait))
		return true;
	if (!gw_share_sit(r->shares, place, &f->seat)) {
		gw_crl_store_forget(&k->wait);
		return true;
	}
	if (gw_loop_now_ms(r->loop) < f->deadline_ms)
		return false;
	gw_crl_store_forget(&k->wait); /* no time left to wait */
	return true;
}

static void
add_deltas(struct looking *k, const struct gw_crl_list *l)
{
	struct gw_places p = { .n = 0 };

	gw_places_of_deltas(gw_crl_list_get0_x509(l), &p);
	for (size_t i = 0; i < p.n; i++)
		gw_names_add(&k->deltas, p.v[i]);
}

static void
gather(struct flight *f, const char *place, bool is_delta)
{
	struct looking *k = &f->crl;
	const struct gw_crl_store *lists = f->entry->owner->lists;
	const struct gw_crl_list *l = gw_crl_store_get(lists, place);
	const char *why = gw_crl_store_why(lists, place);

	if (l == NULL) {
		/* without its delta a list still stands */
		if (!is_delta)
			gw_flight_failed(f, place,
					 GW_ERR_REVOCATION_UNAVAILABLE,
					 why[0] != '\0' ? why : NOT_YET);
		return;
	}
	gw_names_add(&k->gathered, place);
	k->has_new = true;
	if (!is_delta)
		add_deltas(k, l);
	ERR_clear_error();
}

/* Of all lists gathered; those that have ended are no part of the answer. */
static struct gw_crls *
collect(struct flight *f, time_t now, time_t *until)
{
	struct gw_revocation *r = f->entry->owner;
	struct gw_crls *lists = gw_crls_new();

	*until = now + (time_t)(r->conf->cache_max_ms / 1000);
	for (size_t i = 0; i < f->crl.gathered.n; i++) {
		const struct gw_crl_list *l =
			gw_crl_store_get(r->lists, f->crl.gathered.v[i]);

		if (l == NULL)
			continue;
		gw_crls_borrow(lists, l);
		if (gw_crl_next_update(l->crl) > now)
			*until = GW_MIN(*until, gw_crl_next_update(l->crl));
	}
	return lists;
}

/* ---- of when they are */

static bool
is_of_issuer(const struct flight *f, const struct gw_crl_list *l)
{
	return l != NULL &&
	       X509_NAME_cmp(X509_CRL_get_issuer(gw_crl_list_get0_x509(l)),
			     X509_get_subject_name(gw_flight_issuer(f))) == 0;
}

static const struct gw_crl_list *
gathered(const struct flight *f, size_t i)
{
	return gw_crl_store_get(f->entry->owner->lists, f->crl.gathered.v[i]);
}

/* A list with the deltas that complete it now. libcrypto has verified one of
 * them at most, and only it knows which: one that anybody may have written
 * makes nothing newer. */
static time_t
completed_as_of(const struct flight *f, const struct gw_crl_list *full,
		time_t now)
{
	time_t as_of = gw_crl_this_update(full->crl);

	for (size_t i = 0; i < f->crl.gathered.n; i++) {
		const struct gw_crl_list *l = gathered(f, i);

		if (l != NULL && l->delta != NULL &&
		    gw_crl_next_update(l->crl) > now &&
		    gw_crl_this_update(l->crl) <= now &&
		    gw_crl_list_completes(l, full) &&
		    gw_crl_list_prove(l, gw_flight_issuer(f)))
			as_of = GW_MAX(as_of, gw_crl_this_update(l->crl));
	}
	return as_of;
}

/* Good is as old as the oldest of them: which of them said so is not known.
 * 0: none. */
static time_t
good_as_of(const struct flight *f, time_t now)
{
	time_t oldest = 0;

	for (size_t i = 0; i < f->crl.gathered.n; i++) {
		const struct gw_crl_list *l = gathered(f, i);
		time_t t;

		if (!is_of_issuer(f, l) || l->delta != NULL)
			continue;
		t = completed_as_of(f, l, now);
		oldest = oldest == 0 ? t : GW_MIN(oldest, t);
	}
	return oldest;
}

/* Revoked, as new as the newest. */
static time_t
revoked_as_of(const struct flight *f)
{
	time_t newest = 0;

	for (size_t i = 0; i < f->crl.gathered.n; i++) {
		const struct gw_crl_list *l = gathered(f, i);

		if (is_of_issuer(f, l))
			newest = GW_MAX(newest, gw_crl_this_update(l->crl));
	}
	return newest;
}

/* ---- */

/* True: concluded. */
static bool
check_lists(struct flight *f, const char *place)
{
	struct gw_revocation *r = f->entry->owner;
	const struct gw_chain_rules rules = gw_chain_rules_of(f->path.ca);
	time_t now = gw_revocation_now(r);
	struct word w = { .source = place,
			  .lists = gw_crl_store_generation(r->lists) };
	struct gw_error why = { .code = GW_ERR_OK };
	struct gw_crls *lists = collect(f, now, &w.until);
	enum gw_err rc = gw_crls_check_at(lists, &f->path, f->depth, f->given,
					  &rules, now, &why);

	gw_crls_free(lists);
	f->crl.has_new = false;
	w.as_of = rc == GW_ERR_OK ? good_as_of(f, now) : revoked_as_of(f);
	if (rc == GW_ERR_OK)
		rc = gw_flight_weigh(f, w.as_of, &why);
	if (rc == GW_ERR_OK)
		gw_flight_good(f, &w);
	else if (rc == GW_ERR_CERT_REVOKED)
		gw_flight_revoked(f, &w, why.detail);
	else
		gw_flight_failed(f, place, rc, why.detail);
	return rc == GW_ERR_OK || rc == GW_ERR_CERT_REVOKED;
}

/* Lists one after the other, each with its deltas, until they tell. */
void
gw_rung_crl_climb(struct flight *f)
{
	struct looking *k = &f->crl;

	for (;;) {
		if (k->next_delta < k->deltas.n) {
			const char *delta = k->deltas.v[k->next_delta];

			if (!is_at_hand(f, delta))
				return;
			k->next_delta++;
			gather(f, delta, true);
			continue;
		}
		if (k->has_new &&
		    check_lists(f, k->places.v[k->next_place - 1]))
			return;
		if (k->next_place >= k->places.n)
			break;
		if (!is_at_hand(f, k->places.v[k->next_place]))
			return;
		gather(f, k->places.v[k->next_place++], false);
	}
	gw_flight_go_on(f);
}

static void
on_list(struct gw_crl_wait *w)
{
	struct flight *f = GW_CONTAINER(w, struct flight, crl.wait);

	f->crl.was_told = true;
	gw_rung_crl_climb(f);
}

void
gw_rung_crl_begin(struct flight *f)
{
	struct looking *k = &f->crl;
	const struct gw_conf_ca *ca = f->path.ca;
	struct gw_places places = { .n = 0 };

	k->wait.fn = on_list;
	for (size_t i = 0; i < ca->crl.n; i++)
		gw_places_add(&places, ca->crl.v[i]);
	gw_places_of_cert(gw_flight_subject(f), &places);
	for (size_t i = 0; i < places.n; i++)
		gw_names_add(&k->places, places.v[i]);
	ERR_clear_error();
}

void
gw_rung_crl_give_up(struct flight *f)
{
	struct looking *k = &f->crl;

	if (!k->wait.is_waiting)
		return; /* a fetch of the other rung ends by itself */
	gw_crl_store_forget(&k->wait);
	gw_flight_failed(f, k->next_delta < k->deltas.n
				    ? k->deltas.v[k->next_delta]
				    : k->places.v[k->next_place],
			 GW_ERR_REVOCATION_UNAVAILABLE,
			 NOT_YET);
	f->next_rung = f->rung_count;
	if (k->has_new && check_lists(f, k->places.v[k->next_place - 1]))
		return;
	gw_flight_go_on(f);
}

void
gw_rung_crl_end(struct flight *f)
{
	struct looking *k = &f->crl;

	gw_crl_store_forget(&k->wait);
	free(k->places.v);
	free(k->deltas.v);
	free(k->gathered.v);
}

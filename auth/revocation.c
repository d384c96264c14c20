/* revocation.c — see revocation.h. An entry has a kept answer, a flight (a
 * question under way, with those who wait for it), or both. */
#include "revocation_priv.h"
#include "kept.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

#define SKEW_MAX_S 3600 /* of any section's validity_skew */

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

/* ---- entries */

static size_t
slot(const uint8_t key[GW_HASH])
{
	return ((size_t)key[0] | (size_t)key[1] << 8) & (BUCKETS - 1);
}

static struct entry *
find(struct gw_revocation *r, const uint8_t key[GW_HASH])
{
	struct entry *e;

	LIST_FOREACH(e, &r->buckets[slot(key)], by_key)
		if (memcmp(e->key, key, GW_HASH) == 0)
			return e;
	return NULL;
}

static struct entry *
add(struct gw_revocation *r, const uint8_t key[GW_HASH],
    const uint8_t name[GW_HASH])
{
	struct entry *e = gw_xcalloc(1, sizeof(*e));

	memcpy(e->key, key, GW_HASH);
	memcpy(e->name, name, GW_HASH);
	e->owner = r;
	LIST_INSERT_HEAD(&r->buckets[slot(key)], e, by_key);
	return e;
}

static void
land(struct flight *f)
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

static void
forget_answer(struct entry *e)
{
	struct gw_revocation *r = e->owner;

	if (!e->has_answer)
		return;
	e->has_answer = false;
	TAILQ_REMOVE(&r->kept, e, kept);
	r->count.answers--;
	gw_kept_remove(r->disk, e->key);
}

static void
drop(struct entry *e)
{
	if (e->flight != NULL)
		land(e->flight);
	if (e->has_answer) {
		TAILQ_REMOVE(&e->owner->kept, e, kept);
		e->owner->count.answers--;
	}
	LIST_REMOVE(e, by_key);
	free(e);
}

static void
drop_if_empty(struct entry *e)
{
	if (!e->has_answer && e->flight == NULL)
		drop(e);
}

/* The oldest makes room, unless it is being asked about. */
static void
make_room(struct gw_revocation *r)
{
	struct entry *old = TAILQ_FIRST(&r->kept);

	if (r->count.answers <= GW_REVOCATION_ENTRIES)
		return;
	forget_answer(old);
	drop_if_empty(old);
}

static void
keep(struct entry *e, const struct word *w)
{
	struct gw_revocation *r = e->owner;

	if (e->has_answer)
		TAILQ_REMOVE(&r->kept, e, kept);
	else
		r->count.answers++;
	e->has_answer = true;
	e->good_until = w->until;
	e->as_of = w->as_of;
	e->lists = w->lists;
	TAILQ_INSERT_TAIL(&r->kept, e, kept);
	make_room(r);
}

/* Lists are on disk themselves. */
static void
keep_on_disk(const struct entry *e)
{
	struct gw_kept_good g = { .as_of = e->as_of, .until = e->good_until };

	if (e->lists != 0)
		return;
	memcpy(g.key, e->key, GW_HASH);
	memcpy(g.name, e->name, GW_HASH);
	gw_kept_put(e->owner->disk, &g);
}

void
gw_revocation_remember(struct gw_revocation *r, const struct gw_kept_good *g)
{
	/* the settings' bound may be lower than it was, or the clock */
	const struct word w = {
		.as_of = g->as_of,
		.until = GW_MIN(g->until, gw_revocation_now(r) +
				(time_t)(r->conf->cache_max_ms / 1000)),
	};

	if (find(r, g->key) == NULL)
		keep(add(r, g->key, g->name), &w);
}

void
gw_revocation_remember_revoked(struct gw_revocation *r,
			       const uint8_t name[GW_HASH], time_t as_of)
{
	gw_revoked_remember(r->revoked, name, as_of);
}

void
gw_revocation_flush(struct gw_revocation *r)
{
	struct entry *e;

	r->epoch++; /* what is under way is kept no more */
	while ((e = TAILQ_FIRST(&r->kept)) != NULL) {
		forget_answer(e);
		drop_if_empty(e);
	}
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
			drop(LIST_FIRST(&r->buckets[i]));
	for (size_t i = 0; i < r->responder_count; i++)
		free(r->responders[i]);
	gw_shares_free(r->shares);
	gw_revoked_free(r->revoked);
	free(r);
}

/* ---- names */

static void
hash_bytes(EVP_MD_CTX *md, const uint8_t *p, size_t len)
{
	uint64_t n = len;

	gw_assert(EVP_DigestUpdate(md, &n, sizeof(n)) == 1 &&
		  EVP_DigestUpdate(md, p, len) == 1);
}

static void
digest(const X509 *leaf, const X509 *issuer, const char *section,
       uint8_t out[GW_HASH])
{
	gw_auto(EVP_MD_CTX_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const uint8_t sign = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
	unsigned char *name = NULL, *key = NULL;
	int name_len = i2d_X509_NAME(X509_get_subject_name(issuer), &name);
	int key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &key);

	gw_assert(md != NULL && name_len > 0 && key_len > 0 &&
		  EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
	hash_bytes(md, name, (size_t)name_len);
	hash_bytes(md, key, (size_t)key_len);
	hash_bytes(md, ASN1_STRING_get0_data(serial),
		   (size_t)ASN1_STRING_length(serial));
	hash_bytes(md, &sign, 1);
	if (section != NULL)
		hash_bytes(md, (const uint8_t *)section, strlen(section));
	gw_assert(EVP_DigestFinal_ex(md, out, NULL) == 1);
	OPENSSL_free(name);
	OPENSSL_free(key);
}

void
gw_revocation_key(const X509 *leaf, const X509 *issuer,
		  const struct gw_conf_ca *ca, uint8_t out[GW_HASH])
{
	digest(leaf, issuer, ca->title, out);
}

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

/* ---- the outcome of a flight */

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

static bool
is_outdated(const struct entry *e, time_t as_of)
{
	return gw_revoked_outdates(e->owner->revoked, e->name, as_of);
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
	       !is_outdated(e, e->as_of) &&
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
		forget_answer(e);
	else if (f->result.code != GW_ERR_OK && has_grace(f))
		grant_grace(f);
	res = f->result;
	while ((w = LIST_FIRST(&f->waiters)) != NULL) {
		LIST_REMOVE(w, entry);
		LIST_INSERT_HEAD(&waiters, w, entry);
	}
	land(f);
	drop_if_empty(e);
	tell_all(&waiters, &res);
}

enum gw_err
gw_flight_weigh(const struct flight *f, time_t as_of, struct gw_error *err)
{
	if (!is_outdated(f->entry, as_of))
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
	if (until == 0) {
		forget_answer(e);
	} else if (!f->is_dry) {
		keep(e, w);
		keep_on_disk(e);
	}
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

/* ---- asking */

static bool
is_fresh(const struct entry *e)
{
	const struct gw_revocation *r = e->owner;

	return e->has_answer && gw_revocation_now(r) < e->good_until &&
	       !is_outdated(e, e->as_of) &&
	       (e->lists == 0 ||
		e->lists == gw_crl_store_generation(r->lists));
}

bool
gw_revocation_is_fresh(struct gw_revocation *r, const uint8_t key[GW_HASH])
{
	const struct entry *e = find(r, key);

	return e != NULL && is_fresh(e);
}

static STACK_OF(X509) *
share(STACK_OF(X509) *certs)
{
	STACK_OF(X509) *out = certs != NULL ? X509_chain_up_ref(certs)
					    : sk_X509_new_null();

	gw_assert(out != NULL);
	return out;
}

static struct flight *
prepare(struct entry *e, const struct gw_revocation_about *about)
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

static bool
answer(struct gw_revocation_result *out, enum gw_err code, const char *source,
       const char *detail)
{
	*out = (struct gw_revocation_result){ .code = code };
	gw_format(out->source, sizeof(out->source), "%s", source);
	gw_format(out->detail, sizeof(out->detail), "%s", detail);
	return true;
}

static void
wait_for(struct flight *f, struct gw_revocation_wait *w)
{
	LIST_INSERT_HEAD(&f->waiters, w, entry);
	w->is_waiting = true;
	f->waiter_count++;
}

static bool
has_nobody_to_ask(const struct flight *f)
{
	return f->ocsp.urls.n == 0 && f->crl.places.n == 0;
}

/* An answer may come before this returns, from a list that is here. It is
 * then given back, not told. */
static void
on_told_early(struct gw_revocation_wait *w,
	      const struct gw_revocation_result *r)
{
	struct early { struct gw_revocation_wait wait;
		       struct gw_revocation_result *out; };

	*GW_CONTAINER(w, struct early, wait)->out = *r;
}

static bool
take_off(struct flight *f, struct gw_revocation_wait *w,
	 struct gw_revocation_result *out)
{
	struct early { struct gw_revocation_wait wait;
		       struct gw_revocation_result *out; } early = {
		.wait.fn = on_told_early, .out = out,
	};

	wait_for(f, &early.wait);
	gw_flight_go_on(f);
	if (!early.wait.is_waiting)
		return true;
	gw_revocation_forget(&early.wait);
	wait_for(f, w);
	return false;
}

bool
gw_revocation_ask(struct gw_revocation *r,
		  const struct gw_revocation_about *about,
		  struct gw_revocation_wait *w,
		  struct gw_revocation_result *out)
{
	X509 *x = sk_X509_value(about->path->certs, about->depth);
	X509 *ca = sk_X509_value(about->path->certs, about->depth + 1);
	uint8_t key[GW_HASH], name[GW_HASH];
	struct entry *e;

	gw_revocation_key(x, ca, about->path->ca, key);
	e = find(r, key);
	if (e != NULL && !about->is_anew && is_fresh(e)) {
		r->count.from_cache++;
		answer(out, GW_ERR_OK, "cached", "");
		out->fresh_until = e->good_until;
		return true;
	}
	if (e != NULL && e->flight != NULL && e->flight->epoch != r->epoch)
		return answer(out, GW_ERR_BUSY, "",
			      "the CA's settings have just changed");
	if (e != NULL && e->flight != NULL &&
	    e->flight->waiter_count >= GW_REVOCATION_WAITERS)
		return answer(out, GW_ERR_BUSY, "",
			      "too many wait for this answer");
	if (e != NULL && e->flight != NULL) {
		wait_for(e->flight, w);
		return false;
	}
	if (r->count.flights >= GW_REVOCATION_FLIGHTS)
		return answer(out, GW_ERR_BUSY, "",
			      "too many revocation questions under way");
	if (e == NULL) {
		digest(x, ca, NULL, name);
		e = add(r, key, name);
	}
	gw_cert_serial(x, e->serial);
	(void)prepare(e, about);
	if (has_nobody_to_ask(e->flight)) {
		land(e->flight);
		drop_if_empty(e);
		return answer(out, GW_ERR_REVOCATION_UNAVAILABLE, "",
			      "neither the certificate nor its CA's section "
			      "names an http OCSP responder or a CRL");
	}
	return take_off(e->flight, w, out);
}

void
gw_revocation_forget(struct gw_revocation_wait *w)
{
	if (!w->is_waiting)
		return;
	LIST_REMOVE(w, entry);
	w->is_waiting = false;
}

void
gw_revocation_each(const struct gw_revocation *r, size_t max,
		   void (*fn)(void *arg, const struct gw_revocation_kept *k),
		   void *arg)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &r->kept, kept) {
		const struct gw_revocation_kept k = {
			.serial = e->serial, .good_until = e->good_until,
			.is_fresh = is_fresh(e), .is_from_list = e->lists != 0,
			.is_asked = e->flight != NULL,
		};

		if (max-- == 0)
			return;
		fn(arg, &k);
	}
}

struct gw_revocation_counts
gw_revocation_count(const struct gw_revocation *r)
{
	struct gw_revocation_counts n = r->count;
	const struct entry *e;
	time_t now = gw_revocation_now(r);

	n.revoked = gw_revoked_count(r->revoked);
	TAILQ_FOREACH(e, &r->kept, kept)
		if (e->good_until > now &&
		    (n.first_end == 0 || e->good_until < n.first_end))
			n.first_end = e->good_until;
	return n;
}

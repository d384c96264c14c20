/* revocation.c — see revocation.h. An entry has a kept answer, a flight (a
 * question under way, with those who wait for it), or both. */
#include "revocation.h"
#include "demands.h"
#include "kept.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS 16384u /* power of two */

LIST_HEAD(bucket, entry);
TAILQ_HEAD(entries, entry);
LIST_HEAD(waiters, gw_revocation_wait);

enum rung { RUNG_OCSP, RUNG_CRL, RUNG_COUNT };

/* The OCSP part of a flight. */
struct asking {
	struct gw_ocsp_urls urls;
	size_t next_url;
	struct gw_ocsp_question question;
	bool has_request;
	uint8_t *request;
	size_t request_len;
	bool is_get, is_posted, is_plain; /* how the present URL was asked */
	struct gw_fetch *fetch;
	struct gw_responder *responder;
};

/* The CRL part. */
struct looking {
	struct gw_places places, deltas;
	size_t next_place, next_delta;
	struct gw_crls *lists;
	struct gw_places gathered;
	bool has_new; /* a list that was not yet part of a check */
	bool was_told;
	struct gw_crl_wait wait;
	time_t until;
};

struct flight {
	struct entry *entry;
	struct gw_path path; /* references */
	int depth;
	STACK_OF(X509) *given;
	enum rung rungs[RUNG_COUNT];
	size_t rung_count, next_rung;
	struct asking ocsp;
	struct looking crl;
	struct gw_timer deadline;
	uint64_t deadline_ms;
	uint64_t epoch;     /* of the settings it was begun under */
	bool is_dry;
	bool has_no_grace;  /* somebody answered, if not well */
	struct waiters waiters;
	struct gw_revocation_result result;
};

struct entry {
	uint8_t key[GW_HASH];
	struct gw_revocation *owner;
	LIST_ENTRY(entry) by_key;
	TAILQ_ENTRY(entry) kept; /* answers only, oldest first */
	bool has_answer;
	time_t good_until;       /* 0: used once, by its flight's waiters */
	uint64_t lists;          /* generation of those that said it, or 0 */
	struct flight *flight;   /* or NULL */
	char serial[GW_SERIAL_MAX]; /* for people; "": from disk */
};

struct gw_revocation {
	struct gw_loop *loop;
	const struct gw_conf_revocation *conf;
	struct gw_transport transport;
	struct gw_crl_store *lists;
	struct gw_kept *disk;
	struct bucket buckets[BUCKETS];
	struct entries kept;
	struct gw_revocation_counts count;
	uint64_t epoch; /* how often settings have changed */
	struct gw_responder *responders[GW_RESPONDERS_MAX];
	size_t responder_count;
};

static void go_on(struct flight *f);
static void ask_ocsp(struct flight *f);
static void look(struct flight *f);

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
	TAILQ_INIT(&r->kept);
	return r;
}

static time_t
now_of(const struct gw_revocation *r)
{
	return r->transport.clock(r->transport.ctx);
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
add(struct gw_revocation *r, const uint8_t key[GW_HASH])
{
	struct entry *e = gw_xcalloc(1, sizeof(*e));

	memcpy(e->key, key, GW_HASH);
	e->owner = r;
	LIST_INSERT_HEAD(&r->buckets[slot(key)], e, by_key);
	return e;
}

static void
cancel_fetch(struct flight *f)
{
	struct gw_revocation *r = f->entry->owner;

	if (f->ocsp.fetch == NULL)
		return;
	r->transport.cancel(f->ocsp.fetch);
	f->ocsp.fetch = NULL;
	if (f->ocsp.responder != NULL)
		f->ocsp.responder->under_way--;
}

static void
land(struct flight *f)
{
	struct gw_revocation *r = f->entry->owner;

	cancel_fetch(f);
	gw_crl_store_forget(&f->crl.wait);
	gw_timer_stop(r->loop, &f->deadline);
	gw_crls_free(f->crl.lists);
	gw_path_clear(&f->path);
	gw_certs_free(f->given);
	free(f->ocsp.request);
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
keep(struct entry *e, time_t good_until, uint64_t lists)
{
	struct gw_revocation *r = e->owner;

	if (e->has_answer)
		TAILQ_REMOVE(&r->kept, e, kept);
	else
		r->count.answers++;
	e->has_answer = true;
	e->good_until = good_until;
	e->lists = lists;
	TAILQ_INSERT_TAIL(&r->kept, e, kept);
	make_room(r);
}

void
gw_revocation_remember(struct gw_revocation *r, const uint8_t key[GW_HASH],
		       time_t good_until)
{
	/* the settings' bound may be lower than it was, or the clock */
	good_until = GW_MIN(good_until, now_of(r) +
			    (time_t)(r->conf->cache_max_ms / 1000));
	if (find(r, key) == NULL)
		keep(add(r, key), good_until, 0);
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

void
gw_revocation_free(struct gw_revocation *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&r->buckets[i]))
			drop(LIST_FIRST(&r->buckets[i]));
	for (size_t i = 0; i < r->responder_count; i++)
		free(r->responders[i]);
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

void
gw_revocation_key(const X509 *leaf, const X509 *issuer,
		  const struct gw_conf_ca *ca, uint8_t out[GW_HASH])
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
	hash_bytes(md, (const uint8_t *)ca->title, strlen(ca->title));
	gw_assert(EVP_DigestFinal_ex(md, out, NULL) == 1);
	OPENSSL_free(name);
	OPENSSL_free(key);
}

/* ---- responders */

static struct gw_responder *
responder(struct gw_revocation *r, const char *url)
{
	struct gw_responder *p;

	for (size_t i = 0; i < r->responder_count; i++)
		if (strcmp(r->responders[i]->url, url) == 0)
			return r->responders[i];
	if (r->responder_count >= GW_RESPONDERS_MAX)
		return NULL;
	p = gw_xcalloc(1, sizeof(*p));
	if (!gw_copy(p->url, sizeof(p->url), url))
		p->url[0] = '\0';
	r->responders[r->responder_count++] = p;
	return p;
}

void
gw_revocation_announce(struct gw_revocation *r, const char *url)
{
	if (url[0] != '\0')
		(void)responder(r, url);
}

const struct gw_responder *
gw_revocation_responder(const struct gw_revocation *r, size_t i)
{
	return i < r->responder_count ? r->responders[i] : NULL;
}

/* `revoked` and `unknown` are answers: the responder works. */
static bool
is_answer(enum gw_err code)
{
	return code == GW_ERR_OK || code == GW_ERR_CERT_REVOKED ||
	       code == GW_ERR_REVOCATION_UNKNOWN;
}

static void
note(struct gw_revocation *r, struct gw_responder *p, uint64_t took_us,
     enum gw_err rc, const struct gw_error *why)
{
	if (p == NULL)
		return;
	p->asked++;
	p->is_failing = !is_answer(rc);
	if (p->is_failing) {
		p->failed++;
		snprintf(p->last_error, sizeof(p->last_error), "%s: %.120s",
			 gw_err_name(rc), why->detail);
		return;
	}
	p->latency_us = took_us;
	p->last_ok = now_of(r);
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

static void
add_failure(struct flight *f, const char *source, enum gw_err code,
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
	       now_of(e->owner) < e->good_until +
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
		  (long long)(now_of(f->entry->owner) -
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

/* `until` 0 keeps nothing, not even what was kept before. */
static void
conclude_good(struct flight *f, const char *source, time_t until,
	      uint64_t lists)
{
	struct entry *e = f->entry;
	struct gw_revocation *r = e->owner;

	if (f->epoch != r->epoch)
		until = 0;
	f->result = (struct gw_revocation_result){ .fresh_until = until };
	gw_format(f->result.source, GW_URL_MAX, "%s", source);
	if (until == 0) {
		forget_answer(e);
	} else if (!f->is_dry) {
		keep(e, until, lists);
		if (lists == 0) /* lists are on disk themselves */
			gw_kept_put(r->disk, e->key, until);
	}
	conclude(f);
}

static void
conclude_revoked(struct flight *f, const char *source, const char *why)
{
	add_failure(f, source, GW_ERR_CERT_REVOKED, why);
	/* final: nobody else can take it back */
	gw_format(f->result.source, GW_URL_MAX, "%s", source);
	conclude(f);
}

static X509 *
subject(const struct flight *f)
{
	return sk_X509_value(f->path.certs, f->depth);
}

static X509 *
issuer(const struct flight *f)
{
	return sk_X509_value(f->path.certs, f->depth + 1);
}

/* ---- OCSP */

static time_t
fresh_until(const struct gw_revocation *r, const struct gw_ocsp_status *s,
	    time_t now)
{
	const struct gw_conf_revocation *c = r->conf;
	time_t oldest = s->this_update + (time_t)(c->max_age_ms / 1000);
	time_t end;

	if (s->next_update == 0) {
		if (c->cache_open_ms == 0)
			return 0;
		end = now + (time_t)(c->cache_open_ms / 1000);
	} else {
		end = GW_MIN(s->next_update,
			     now + (time_t)(c->cache_max_ms / 1000));
	}
	end = GW_MIN(end, oldest);
	return end > now ? end : 0;
}

static enum gw_err
judge(struct flight *f, const struct gw_fetched *got, time_t now,
      struct gw_ocsp_status *status, struct gw_error *why)
{
	const struct gw_conf_revocation *c = f->entry->owner->conf;
	const struct gw_ocsp_rules rules = {
		.skew_s = c->skew_ms / 1000,
		.max_age_s = c->max_age_ms / 1000,
	};

	if (got->why != NULL)
		return gw_fail(why, GW_ERR_REVOCATION_UNAVAILABLE, "%s",
			       got->why);
	return gw_ocsp_judge(subject(f), issuer(f), got->body.p,
			     got->body.len, &f->ocsp.question, &rules, now,
			     status, why);
}

static bool
make_request(struct flight *f, bool has_nonce)
{
	struct asking *a = &f->ocsp;
	const struct gw_conf_ca *ca = f->path.ca;

	free(a->request);
	a->question = (struct gw_ocsp_question){
		.hash = (enum gw_ocsp_hash)ca->ocsp_hash,
	};
	if (has_nonce) {
		a->question.nonce_len = sizeof(a->question.nonce);
		gw_random(a->question.nonce, sizeof(a->question.nonce));
	}
	a->request = gw_ocsp_request(subject(f), issuer(f), &a->question,
				     &a->request_len);
	a->is_plain = !has_nonce;
	ERR_clear_error();
	return a->request != NULL;
}

static void on_fetched(void *arg, const struct gw_fetched *got);

/* Each question ends by itself within what is left of the whole time. */
static void
send_request(struct flight *f, const char *url)
{
	struct gw_revocation *r = f->entry->owner;
	struct asking *a = &f->ocsp;
	uint64_t now = gw_loop_now_ms(r->loop);
	uint64_t left = f->deadline_ms > now ? f->deadline_ms - now : 1;
	char get[GW_OCSP_GET_MAX];
	struct gw_fetch_ask ask = {
		.url = url, .expected = "application/ocsp-response",
		.max = GW_OCSP_BYTES_MAX, .fd = -1,
		.timeout_ms = GW_MIN((uint64_t)r->conf->timeout_ms, left),
	};

	a->is_get = !a->is_posted && a->is_plain &&
		    f->path.ca->ocsp_method == GW_OCSP_AUTO &&
		    gw_ocsp_get_url(url, a->request, a->request_len, get);
	if (a->is_get) {
		ask.url = get;
	} else {
		ask.type = "application/ocsp-request";
		ask.body = (struct gw_der){ a->request, a->request_len };
	}
	a->fetch = r->transport.start(r->transport.ctx, &ask, on_fetched, f);
	a->responder = responder(r, url);
	if (a->responder != NULL)
		a->responder->under_way++;
	r->count.asked++;
}

/* The same responder once more, in the way it may understand. */
static bool
ask_otherwise(struct flight *f, const struct gw_fetched *got)
{
	struct asking *a = &f->ocsp;
	const char *url = a->urls.v[a->next_url - 1];

	if (gw_loop_now_ms(f->entry->owner->loop) >= f->deadline_ms)
		return false;
	if (a->is_get && got->why != NULL && got->status != 0) {
		a->is_posted = true;
	} else if (!a->is_plain && got->why == NULL &&
		   gw_ocsp_refuses(got->body.p, got->body.len)) {
		if (!make_request(f, false))
			return false;
	} else {
		return false;
	}
	send_request(f, url);
	return true;
}

/* Then an answer of a responder stands in for lists, until they change. */
static bool
ranks_lists_first(const struct flight *f)
{
	return f->rungs[0] == RUNG_CRL && f->crl.places.n > 0;
}

static void
on_fetched(void *arg, const struct gw_fetched *got)
{
	struct flight *f = arg;
	struct asking *a = &f->ocsp;
	struct gw_revocation *r = f->entry->owner;
	const char *url = a->urls.v[a->next_url - 1];
	struct gw_error why = { .code = GW_ERR_OK };
	struct gw_ocsp_status status = { .this_update = 0 };
	time_t now = now_of(r);
	enum gw_err rc = judge(f, got, now, &status, &why);

	a->fetch = NULL;
	if (a->responder != NULL)
		a->responder->under_way--;
	note(r, a->responder, got->took_us, rc, &why);
	if (rc == GW_ERR_OK) {
		conclude_good(f, url, fresh_until(r, &status, now),
			      ranks_lists_first(f)
				      ? gw_crl_store_generation(r->lists)
				      : 0);
	} else if (rc == GW_ERR_CERT_REVOKED) {
		conclude_revoked(f, url, why.detail);
	} else if (!ask_otherwise(f, got)) {
		add_failure(f, url, rc, why.detail);
		ask_ocsp(f);
	}
}

static void
begin_ocsp(struct flight *f)
{
	const struct gw_conf_ca *ca = f->path.ca;

	gw_ocsp_urls(subject(f), ca->ocsp_url,
		     (enum gw_ocsp_mode)ca->ocsp_mode, &f->ocsp.urls);
	ERR_clear_error();
}

/* The next responder that has time for us. */
static void
ask_ocsp(struct flight *f)
{
	struct asking *a = &f->ocsp;
	struct gw_revocation *r = f->entry->owner;

	while (a->next_url < a->urls.n) {
		const char *url = a->urls.v[a->next_url++];
		const struct gw_responder *p = responder(r, url);

		a->is_posted = false;
		if (gw_loop_now_ms(r->loop) >= f->deadline_ms)
			add_failure(f, url, GW_ERR_REVOCATION_UNAVAILABLE,
				    "no time left to ask");
		else if (p != NULL && p->under_way >= GW_RESPONDER_FLIGHTS)
			add_failure(f, url, GW_ERR_REVOCATION_UNAVAILABLE,
				    "too many questions to it under way");
		else if (!make_request(f, f->path.ca->ocsp_nonce))
			add_failure(f, url, GW_ERR_REVOCATION_UNAVAILABLE,
				    "no question can be made");
		else {
			send_request(f, url);
			return;
		}
	}
	go_on(f);
}

/* ---- lists */

static void
begin_crl(struct flight *f)
{
	struct looking *k = &f->crl;
	const struct gw_conf_ca *ca = f->path.ca;

	for (size_t i = 0; i < ca->crl.n; i++)
		gw_places_add(&k->places, ca->crl.v[i]);
	gw_places_of_cert(subject(f), &k->places);
	ERR_clear_error();
}

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
	if (gw_crl_store_ask(r->lists, place, issuer(f), &k->wait))
		return true;
	if (gw_loop_now_ms(r->loop) < f->deadline_ms)
		return false;
	gw_crl_store_forget(&k->wait); /* no time left to wait */
	return true;
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
			add_failure(f, place, GW_ERR_REVOCATION_UNAVAILABLE,
				    why[0] != '\0' ? why
						: "not here yet; fetching "
						  "goes on");
		return;
	}
	gw_places_add(&k->gathered, place);
	k->has_new = true;
	if (!is_delta)
		gw_places_of_deltas(gw_crl_list_get0_x509(l), &k->deltas);
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

/* True: concluded. */
static bool
check_lists(struct flight *f, const char *place)
{
	struct gw_revocation *r = f->entry->owner;
	const struct gw_chain_rules rules = gw_chain_rules_of(f->path.ca);
	time_t now = now_of(r), until;
	struct gw_error why = { .code = GW_ERR_OK };
	struct gw_crls *lists = collect(f, now, &until);
	enum gw_err rc = gw_crls_check_at(lists, &f->path, f->depth, f->given,
					  &rules, now, &why);

	gw_crls_free(lists);
	f->crl.has_new = false;
	if (rc == GW_ERR_OK)
		conclude_good(f, place, until,
			      gw_crl_store_generation(r->lists));
	else if (rc == GW_ERR_CERT_REVOKED)
		conclude_revoked(f, place, why.detail);
	else
		add_failure(f, place, rc, why.detail);
	return rc == GW_ERR_OK || rc == GW_ERR_CERT_REVOKED;
}

/* Lists one after the other, each with its deltas, until they tell. */
static void
look(struct flight *f)
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
	go_on(f);
}

static void
on_list(struct gw_crl_wait *w)
{
	struct flight *f = GW_CONTAINER(w, struct flight, crl.wait);

	f->crl.was_told = true;
	look(f);
}

/* ---- the ladder */

static const struct {
	const char *name;
	void (*begin)(struct flight *f);
	void (*climb)(struct flight *f);
} rungs[RUNG_COUNT] = {
	[RUNG_OCSP] = { "ocsp", begin_ocsp, ask_ocsp },
	[RUNG_CRL] = { "crl", begin_crl, look },
};

/* The next rung, or the end: what failed last stands in the result. */
static void
go_on(struct flight *f)
{
	if (f->next_rung < f->rung_count)
		rungs[f->rungs[f->next_rung++]].climb(f);
	else
		conclude(f);
}

/* Lists that did not come in time go on coming, for the next who asks. */
static void
on_deadline(struct gw_timer *t)
{
	struct flight *f = GW_CONTAINER(t, struct flight, deadline);
	struct looking *k = &f->crl;

	if (!k->wait.is_waiting)
		return; /* the fetch ends by itself */
	gw_crl_store_forget(&k->wait);
	add_failure(f, k->next_delta < k->deltas.n
			       ? k->deltas.v[k->next_delta]
			       : k->places.v[k->next_place],
		    GW_ERR_REVOCATION_UNAVAILABLE,
		    "not here yet; fetching goes on");
	f->next_rung = f->rung_count;
	if (k->has_new && check_lists(f, k->places.v[k->next_place - 1]))
		return;
	go_on(f);
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

	return e->has_answer && now_of(r) < e->good_until &&
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
	f->crl.wait.fn = on_list;
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
	go_on(f);
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
	uint8_t key[GW_HASH];
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
	if (e != NULL && e->flight != NULL) {
		wait_for(e->flight, w);
		return false;
	}
	if (r->count.flights >= GW_REVOCATION_FLIGHTS)
		return answer(out, GW_ERR_BUSY, "",
			      "too many revocation questions under way");
	if (e == NULL)
		e = add(r, key);
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
	time_t now = now_of(r);

	TAILQ_FOREACH(e, &r->kept, kept)
		if (e->good_until > now &&
		    (n.first_end == 0 || e->good_until < n.first_end))
			n.first_end = e->good_until;
	return n;
}

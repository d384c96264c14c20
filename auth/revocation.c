/* revocation.c — see revocation.h. An entry is either a flight (a question
 * under way, with those who wait for it) or a kept answer. */
#include "revocation.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#define BUCKETS 16384u /* power of two */

LIST_HEAD(bucket, entry);
TAILQ_HEAD(entries, entry);
LIST_HEAD(waiters, gw_revocation_wait);

struct flight {
	X509 *leaf, *issuer;
	struct gw_ocsp_urls urls;
	size_t next_url;
	struct gw_fetch *fetch;
	uint8_t *request;
	size_t request_len;
	uint64_t deadline_ms;
	struct waiters waiters;
	struct gw_revocation_result result;
};

struct entry {
	uint8_t key[GW_HASH];
	struct gw_revocation *owner;
	LIST_ENTRY(entry) by_key;
	TAILQ_ENTRY(entry) kept; /* answers only, oldest first */
	time_t fresh_until;      /* answers only */
	struct flight *flight;   /* NULL: an answer */
};

struct gw_revocation {
	struct gw_loop *loop;
	const struct gw_conf_revocation *conf;
	struct gw_transport transport;
	struct bucket buckets[BUCKETS];
	struct entries kept;
	struct gw_revocation_counts count;
	struct gw_responder *responders;
	size_t responder_count;
};

static void ask_next(struct entry *e);

struct gw_revocation *
gw_revocation_new(struct gw_loop *l, const struct gw_conf_revocation *conf,
		  const struct gw_transport *t)
{
	struct gw_revocation *r = gw_xcalloc(1, sizeof(*r));

	r->loop = l;
	r->conf = conf;
	r->transport = *t;
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

static void
land(struct entry *e)
{
	struct flight *f = e->flight;
	struct gw_revocation *r = e->owner;

	if (f->fetch != NULL)
		r->transport.cancel(f->fetch);
	X509_free(f->leaf);
	X509_free(f->issuer);
	free(f->request);
	free(f);
	e->flight = NULL;
	r->count.flights--;
}

static void
drop(struct entry *e)
{
	struct gw_revocation *r = e->owner;

	if (e->flight != NULL) {
		land(e);
	} else {
		TAILQ_REMOVE(&r->kept, e, kept);
		r->count.answers--;
	}
	LIST_REMOVE(e, by_key);
	free(e);
}

/* From flight to answer. */
static void
keep(struct entry *e, time_t fresh_until)
{
	struct gw_revocation *r = e->owner;

	e->fresh_until = fresh_until;
	TAILQ_INSERT_TAIL(&r->kept, e, kept);
	if (++r->count.answers > GW_REVOCATION_ENTRIES)
		drop(TAILQ_FIRST(&r->kept));
}

void
gw_revocation_free(struct gw_revocation *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&r->buckets[i]))
			drop(LIST_FIRST(&r->buckets[i]));
	free(r->responders);
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
gw_revocation_key(const X509 *leaf, const X509 *issuer, uint8_t out[GW_HASH])
{
	gw_auto(EVP_MD_CTX_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	unsigned char *name = NULL, *key = NULL;
	int name_len = i2d_X509_NAME(X509_get_subject_name(issuer), &name);
	int key_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &key);

	gw_assert(md != NULL && name_len > 0 && key_len > 0 &&
		  EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
	hash_bytes(md, name, (size_t)name_len);
	hash_bytes(md, key, (size_t)key_len);
	hash_bytes(md, ASN1_STRING_get0_data(serial),
		   (size_t)ASN1_STRING_length(serial));
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
		if (strcmp(r->responders[i].url, url) == 0)
			return &r->responders[i];
	if (r->responder_count >= GW_RESPONDERS_MAX)
		return NULL;
	r->responders = gw_xrealloc(r->responders, r->responder_count + 1,
				    sizeof(*p));
	p = &r->responders[r->responder_count++];
	memset(p, 0, sizeof(*p));
	if (!gw_copy(p->url, sizeof(p->url), url))
		p->url[0] = '\0';
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
	return i < r->responder_count ? &r->responders[i] : NULL;
}

/* `revoked` and `unknown` are answers: the responder works. */
static bool
is_answer(enum gw_err code)
{
	return code == GW_ERR_OK || code == GW_ERR_CERT_REVOKED ||
	       code == GW_ERR_REVOCATION_UNKNOWN;
}

static void
note(struct gw_revocation *r, const char *url, uint64_t took_us,
     enum gw_err rc, const struct gw_error *why)
{
	struct gw_responder *p = responder(r, url);

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
	p->last_ok = r->transport.clock(r->transport.ctx);
}

/* ---- one flight */

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
add_failure(struct flight *f, const char *url, const struct gw_error *why)
{
	struct gw_revocation_result *res = &f->result;
	size_t len = strlen(res->detail);

	if (telling(why->code) > telling(res->code))
		res->code = why->code;
	snprintf(res->detail + len, sizeof(res->detail) - len, "%s%.80s: %s",
		 len > 0 ? "; " : "", url, why->detail);
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

/* The end of the flight; `fresh_until` 0 keeps nothing. The entry is settled
 * before anybody is told. */
static void
conclude(struct entry *e, time_t fresh_until)
{
	struct waiters waiters = LIST_HEAD_INITIALIZER(waiters);
	struct gw_revocation_result res = e->flight->result;
	struct gw_revocation_wait *w;

	while ((w = LIST_FIRST(&e->flight->waiters)) != NULL) {
		LIST_REMOVE(w, entry);
		LIST_INSERT_HEAD(&waiters, w, entry);
	}
	if (fresh_until > 0) {
		land(e);
		keep(e, fresh_until);
	} else {
		drop(e);
	}
	tell_all(&waiters, &res);
}

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
judge(struct entry *e, const struct gw_fetched *got, time_t now,
      struct gw_ocsp_status *status, struct gw_error *why)
{
	const struct gw_conf_revocation *c = e->owner->conf;
	const struct gw_ocsp_rules rules = {
		.skew_s = c->skew_ms / 1000,
		.max_age_s = c->max_age_ms / 1000,
	};

	if (got->why != NULL)
		return gw_fail(why, GW_ERR_REVOCATION_UNAVAILABLE, "%s",
			       got->why);
	return gw_ocsp_judge(e->flight->leaf, e->flight->issuer,
			     got->body.p, got->body.len, &rules, now, status,
			     why);
}

static void
on_fetched(void *arg, const struct gw_fetched *got)
{
	struct entry *e = arg;
	struct gw_revocation *r = e->owner;
	struct flight *f = e->flight;
	const char *url = f->urls.v[f->next_url - 1];
	struct gw_error why = { .code = GW_ERR_OK };
	struct gw_ocsp_status status;
	time_t now = r->transport.clock(r->transport.ctx);
	enum gw_err rc = judge(e, got, now, &status, &why);

	f->fetch = NULL;
	note(r, url, got->took_us, rc, &why);
	if (rc == GW_ERR_OK) {
		f->result = (struct gw_revocation_result){ GW_ERR_OK };
		gw_format(f->result.source, GW_URL_MAX, "%s", url);
		conclude(e, fresh_until(r, &status, now));
		return;
	}
	add_failure(f, url, &why);
	if (rc == GW_ERR_CERT_REVOKED) {
		/* final: no other responder can take it back */
		gw_format(f->result.source, GW_URL_MAX, "%s", url);
		conclude(e, 0);
		return;
	}
	ask_next(e);
}

static void
skip_rest(struct flight *f)
{
	struct gw_error why;

	gw_fail(&why, GW_ERR_REVOCATION_UNAVAILABLE, "no time left to ask");
	while (f->next_url < f->urls.n)
		add_failure(f, f->urls.v[f->next_url++], &why);
}

/* Each question ends by itself within what is left of the whole time. */
static void
ask_next(struct entry *e)
{
	struct gw_revocation *r = e->owner;
	struct flight *f = e->flight;
	uint64_t now = gw_loop_now_ms(r->loop), left;

	if (f->next_url < f->urls.n && now >= f->deadline_ms)
		skip_rest(f);
	if (f->next_url >= f->urls.n) {
		conclude(e, 0);
		return;
	}
	left = f->deadline_ms - now;
	f->fetch = r->transport.start(
		r->transport.ctx, f->urls.v[f->next_url++],
		(struct gw_der){ f->request, f->request_len },
		GW_MIN((uint64_t)r->conf->timeout_ms, left), on_fetched, e);
}

/* ---- asking */

bool
gw_revocation_is_fresh(struct gw_revocation *r, const uint8_t key[GW_HASH])
{
	struct entry *e = find(r, key);

	return e != NULL && e->flight == NULL &&
	       r->transport.clock(r->transport.ctx) < e->fresh_until;
}

static struct flight *
prepare(struct gw_revocation *r, X509 *leaf, X509 *issuer,
	const struct gw_conf_ca *ca)
{
	struct flight *f = gw_xcalloc(1, sizeof(*f));

	f->request = gw_ocsp_request(leaf, issuer, &f->request_len);
	gw_ocsp_urls(leaf, ca->ocsp_url, (enum gw_ocsp_mode)ca->ocsp_mode,
		     &f->urls);
	ERR_clear_error();
	f->result.code = GW_ERR_REVOCATION_UNAVAILABLE;
	f->deadline_ms = gw_loop_now_ms(r->loop) +
			 (uint64_t)r->conf->total_timeout_ms;
	if (f->request != NULL && f->urls.n > 0)
		return f;
	free(f->request);
	free(f);
	return NULL;
}

static void
take_off(struct gw_revocation *r, const uint8_t key[GW_HASH],
	 struct flight *f, X509 *leaf, X509 *issuer,
	 struct gw_revocation_wait *w)
{
	struct entry *e = gw_xcalloc(1, sizeof(*e));

	X509_up_ref(leaf);
	X509_up_ref(issuer);
	f->leaf = leaf;
	f->issuer = issuer;
	memcpy(e->key, key, GW_HASH);
	e->owner = r;
	e->flight = f;
	LIST_INSERT_HEAD(&r->buckets[slot(key)], e, by_key);
	LIST_INSERT_HEAD(&f->waiters, w, entry);
	w->is_waiting = true;
	r->count.flights++;
	ask_next(e);
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

bool
gw_revocation_ask(struct gw_revocation *r, X509 *leaf, X509 *issuer,
		  const struct gw_conf_ca *ca, struct gw_revocation_wait *w,
		  struct gw_revocation_result *out)
{
	uint8_t key[GW_HASH];
	struct entry *e;
	struct flight *f;

	gw_revocation_key(leaf, issuer, key);
	if (gw_revocation_is_fresh(r, key))
		return answer(out, GW_ERR_OK, "cached", "");
	e = find(r, key);
	if (e != NULL && e->flight != NULL) {
		LIST_INSERT_HEAD(&e->flight->waiters, w, entry);
		w->is_waiting = true;
		return false;
	}
	if (e != NULL)
		drop(e); /* too old */
	if (r->count.flights >= GW_REVOCATION_FLIGHTS)
		return answer(out, GW_ERR_BUSY, "",
			      "too many revocation questions under way");
	f = prepare(r, leaf, issuer, ca);
	if (f == NULL)
		return answer(out, GW_ERR_REVOCATION_UNAVAILABLE, "",
			      "neither the certificate nor its CA's section "
			      "names an http OCSP responder");
	take_off(r, key, f, leaf, issuer, w);
	return false;
}

void
gw_revocation_forget(struct gw_revocation_wait *w)
{
	if (!w->is_waiting)
		return;
	LIST_REMOVE(w, entry);
	w->is_waiting = false;
}

struct gw_revocation_counts
gw_revocation_count(const struct gw_revocation *r)
{
	return r->count;
}
